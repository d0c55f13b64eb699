"""Many translated functions in one extension."""

import ast
import functools
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from compiling import SUFFIX, compile_extension, load_extension, python_includes

import pyawaitable

from .translate import Translator, inside

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


class Unit:
    """What comes into one extension."""

    def __init__(self):
        self.texts = []
        self.codes = []
        self.loaded = None

    def translated(self, function, filename):
        """The index of the body for the `async def` of this syntax tree."""
        translator = Translator(function, filename)
        self.texts.append(translator.text(len(self.texts), function.name))
        self.codes.append(tuple(translator.codes))
        return len(self.codes) - 1

    def source(self):
        definitions = ", ".join(f"&definition{index}" for index in range(len(self.texts)))
        functions = ", ".join(f"NEW{index}" for index in range(len(self.texts)))
        return "\n".join(
            [
                '#include "runtime.h"\n',
                "typedef PyObject *(*New)(const PyAwaitable_Definition *, void *);",
                *self.texts,
                f"static const PyAwaitable_Definition *const definitions[] = {{{definitions}}};\n",
                f"static const New functions[] = {{{functions}}};\n",
                '#include "module.h"\n',
            ]
        )

    def load(self, *options, keep=True, cc=None):
        """Compiles it, with a compiler of one's own. It is kept for the next time, or gone from the disk at once."""
        options += tuple(shlex.split(os.environ.get("TRANSLATED_CFLAGS", "")))
        source = self.source()
        if keep:
            folder = cache()
            path = folder / f"translated-{digest(source, options)}{SUFFIX}"
        else:
            folder = Path(tempfile.mkdtemp(dir=cache()))
            path = folder / f"translated{SUFFIX}"
        if not path.exists():
            name = f"new-{os.getpid()}"
            file = folder / f"{name}.c"
            file.write_text(source, encoding="utf-8")
            # Under a name of its own, so that it is whole for who loads it while another builds.
            made = compiled(cc, folder, name, file, f"-I{HERE}", *options)
            os.replace(made, path)
            file.unlink()
        self.loaded = load_extension(path, "translated")
        if not keep:
            path.unlink()
            folder.rmdir()

    def make(self, index, variables):
        """What the function that was translated would return, with these variables."""
        variables["$take"] = self.loaded.take
        return self.loaded.make(index, self.codes[index], variables)


def compiled(cc, folder, name, file, *options):
    if cc is None:
        return compile_extension(folder, name, [file], "-O0", *options)
    made = folder / (name + SUFFIX)
    includes = [word.replace("-isystem", "-I") for word in python_includes()]
    command = [cc, "-shared", "-fPIC", *includes, f"-I{pyawaitable.include()}", *options, str(file), "-o", str(made)]
    subprocess.run(command, check=True)
    return made


def cache():
    tag = f"py{sys.version_info[0]}{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "build" / tag / "target")
    folder = target / "translated"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def digest(source, options):
    return hashlib.sha256(repr((source, options, headers())).encode()).hexdigest()[:16]


@functools.cache
def headers():
    files = sorted([*Path(pyawaitable.include()).rglob("*.h"), *HERE.glob("*.h")])
    return sys.version, [file.read_text(encoding="utf-8") for file in files]


def cells(closure):
    """The variables of functions around that a function sees."""
    found = {}
    for name, cell in zip(closure.__code__.co_freevars, closure.__closure__ or ()):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            # It has no value by now.
            pass
    return found


def used(function):
    """Names that it may have of functions around it, in comprehensions and nested functions, too."""
    return sorted({each.id for each in ast.walk(function) if isinstance(each, ast.Name)} - stored(function))


def stored(function):
    names = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    for statement in function.body:
        for each in inside(statement):
            if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
                names.add(each.id)
            elif isinstance(each, ast.ExceptHandler):
                names.add(each.name)
    return names


class Rewriter(ast.NodeTransformer):
    """Converts each `async def` that is chosen to a function that makes a body. What cannot be translated stays as it is."""

    def __init__(self, unit, filename, chosen):
        self.unit, self.filename, self.chosen = unit, filename, chosen
        self.refused = []

    def visit_AsyncFunctionDef(self, node):
        if not self.chosen(node):
            return node
        try:
            index = self.unit.translated(node, self.filename)
        except NotImplementedError as reason:
            self.refused.append((node, reason))
            return node
        arguments = [each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)]
        text = f"def made({', '.join(arguments)}): pass"
        made = ast.parse(text).body[0]
        made.name, made.args, made.decorator_list = node.name, node.args, node.decorator_list
        closure = ast.parse("lambda: (" + "".join(f"{name}, " for name in used(node)) + ")", mode="eval").body
        passed = [ast.keyword(name, ast.Name(name, ast.Load())) for name in arguments]
        variables = ast.Call(ast.Name("$variables", ast.Load()), [closure], passed)
        result = ast.Call(ast.Name("$make", ast.Load()), [ast.Constant(index), variables], [])
        made.body = [ast.Return(result)]
        return ast.copy_location(made, node)


def variables(closure, **arguments):
    return {**closure.__globals__, **cells(closure), **arguments}


def rewritten(unit, source, filename, chosen):
    """The code of a module whose chosen functions are bodies of the unit, and what it needs to run; what was refused."""
    rewriter = Rewriter(unit, filename, chosen)
    tree = ast.fix_missing_locations(rewriter.visit(ast.parse(source, filename)))
    code = compile(tree, filename, "exec", dont_inherit=True)
    return code, {"$make": unit.make, "$variables": variables}, rewriter.refused
