"""Bodies that are not a queue: the extension `scripted` of tests/rust/scripted.rs, and `async def` functions as its scripts.

`scripted.scripted(generator, maker)` is an awaitable whose body is the generator, named after its maker; `transform`
makes such a function of the source of an `async def`: `await x` becomes `yield ("await", x, what is being handled)`.
"""

import ast
import functools
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from compiling import load_extension

ROOT = Path(__file__).parent.parent


def scripted():
    return example("scripted")


@functools.cache
def example(name):
    """One of cargo's examples, an extension, built with debug assertions and checks of overflow."""
    tag = f"py{sys.version_info[0]}{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "build" / tag / "target")
    environment = {**os.environ, "PYO3_PYTHON": sys.executable, "PYO3_BUILD_EXTENSION_MODULE": "1"}
    command = ["cargo", "build", "--quiet", "--locked", "--profile", "quick", "--example", name, "--target-dir", target]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    examples = target / "quick" / "examples"
    built = next(path for path in (examples / f"lib{name}.so", examples / f"lib{name}.dylib") if path.exists())
    folder = target / "scripted"
    folder.mkdir(exist_ok=True)
    # Under a name of its own, so that it is whole for who loads it while another builds.
    module = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    new = folder / f"new-{os.getpid()}"
    shutil.copy(built, new)
    os.replace(new, module)
    return load_extension(module, name)


class Transformer(ast.NodeTransformer):
    """Converts each `async def` of one name to a generator function, and leaves all others alone."""

    def __init__(self, name):
        self.name = name
        self.inside = False

    def visit_AsyncFunctionDef(self, node):
        if self.inside or node.name != self.name:
            return node
        self.inside = True
        body = [statement for each in node.body for statement in [self.visit(each)]]
        self.inside = False
        never = ast.parse("if False: yield").body
        made = ast.parse(f"@as_awaitable\ndef {node.name}(): pass").body[0]
        made.args, made.body = node.args, never + body
        return ast.copy_location(made, node)

    def visit_FunctionDef(self, node):
        return node if self.inside else self.generic_visit(node)

    visit_Lambda = visit_FunctionDef

    def visit_Await(self, node):
        if not self.inside:
            return node
        value = self.visit(node.value)
        handled = ast.parse("sys_exc_info()[1]", mode="eval").body
        return ast.Yield(ast.Tuple([ast.Constant("await"), value, handled], ast.Load()))

    def refuse(self, node):
        if self.inside:
            raise NotImplementedError(f"{type(node).__name__} is not spelled out")
        return self.generic_visit(node)

    visit_AsyncWith = visit_AsyncFor = visit_comprehension = refuse


def as_awaitable(function):
    """Decorator: what a call returns is an awaitable whose body is the generator."""

    def maker():
        """Of the same names, and without the function's closure, which a coroutine does not keep once it has ended."""

    maker.__name__, maker.__qualname__ = function.__name__, function.__qualname__

    @functools.wraps(function)
    def make(*arguments):
        return scripted().scripted(function(*arguments), maker)

    return make


def transform(source, filename, name):
    """The code of a module in which the `async def`s of this name make scripts. Functions where one cannot are left out."""
    tree = ast.parse(source, filename)
    kept = []
    for statement in tree.body:
        try:
            kept.append(Transformer(name).visit(statement))
        except NotImplementedError:
            pass
    tree.body = kept
    return compile(ast.fix_missing_locations(tree), filename, "exec")


NAMES = {"as_awaitable": as_awaitable, "sys_exc_info": sys.exc_info}
