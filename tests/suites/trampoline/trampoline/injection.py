"""Puts a trampoline under the coroutines of a program, in two places.

*top*: around the coroutine of each task. *await*: around what each `await` in the source code of
some packages, and of tests that pytest loads, awaits.

A .pth file imports this before anything that awaits is imported, in worker processes as well. The
environment says what to do: TRAMPOLINE is empty, `c`, `body` or `native`; TRAMPOLINE_PACKAGES names the
packages, with a comma between them.
"""

import ast
import builtins
import os
import sys
import types
from importlib.machinery import PathFinder, SourceFileLoader

# Objects made, so that a suite that the injection does not reach is noticed.
made = 0


# ---- What is put around coroutines ---------------------------------------------------------------


def in_c(awaited):
    from trampoline._trampoline import trampoline

    return trampoline(awaited)


def body_in_c(awaited):
    from trampoline._trampoline import body

    return body(awaited)


async def native(awaited):
    """What the C function is to be indistinguishable from."""
    return await awaited


TRAMPOLINES = {"c": in_c, "body": body_in_c, "native": native}
make = TRAMPOLINES.get(os.environ.get("TRAMPOLINE", ""))


def around(awaited):
    """For `await`: what cannot be awaited stays as it is, so that `await` itself says so."""
    global made
    if not hasattr(type(awaited), "__await__") and not marked(awaited):
        return awaited
    made += 1
    return make(awaited)


def marked(awaited):
    """A generator of a function that types.coroutine was applied to."""
    return isinstance(awaited, types.GeneratorType) and awaited.gi_code.co_flags & 0x100


def around_task(coroutine):
    """For tasks, which show the names of their coroutines."""
    global made
    if type(coroutine) is not types.CoroutineType:
        return coroutine
    made += 1
    wrapped = make(coroutine)
    wrapped.__name__ = coroutine.__name__
    wrapped.__qualname__ = coroutine.__qualname__
    return wrapped


# ---- Top: the places where a library makes a task of a coroutine ---------------------------------


def patch_asyncio(module):
    original = module.BaseEventLoop.create_task

    def create_task(self, coro, *args, **kwargs):
        return original(self, around_task(coro), *args, **kwargs)

    module.BaseEventLoop.create_task = create_task


def patch_uvloop(module):
    class Loop(module.Loop):
        def create_task(self, coro, *args, **kwargs):
            return super().create_task(around_task(coro), *args, **kwargs)

    module.Loop = Loop


def patch_trio(module):
    original = module.coroutine_or_error

    def coroutine_or_error(*args):
        return around_task(original(*args))

    module.coroutine_or_error = coroutine_or_error


def patch_curio(module):
    original = module.Task.__init__

    def init(self, coro, *args, **kwargs):
        original(self, around_task(coro), *args, **kwargs)

    module.Task.__init__ = init


def patch_task_tests(module):
    """These make their tasks without an event loop."""
    original = module.BaseTaskTests.new_task

    def new_task(self, loop, coro, *args, **kwargs):
        return original(self, loop, around_task(coro), *args, **kwargs)

    module.BaseTaskTests.new_task = new_task


def patch_coroutine_tests(module):
    """These drive their coroutines by hand, and those have to be native ones."""
    original = module.run_async

    def run_async(coro):
        return original(native(around_task(coro)))

    module.run_async = run_async


# ---- Await: source code, as it is loaded ---------------------------------------------------------


class Awaits(ast.NodeTransformer):
    def visit_Await(self, node):
        self.generic_visit(node)
        name = ast.copy_location(ast.Name("__trampoline__", ast.Load()), node.value)
        call = ast.Call(name, [node.value], [])
        node.value = ast.copy_location(call, node.value)
        return node


def patch_pytest(module):
    original = module.rewrite_asserts

    def rewrite_asserts(mod, *args, **kwargs):
        Awaits().visit(mod)
        original(mod, *args, **kwargs)

    module.rewrite_asserts = rewrite_asserts


# ---- How both get there --------------------------------------------------------------------------

PATCHES = {
    "asyncio.base_events": patch_asyncio,
    "uvloop": patch_uvloop,
    "trio._core._run": patch_trio,
    "curio.task": patch_curio,
    "test.test_asyncio.test_tasks": patch_task_tests,
    "test.test_coroutines": patch_coroutine_tests,
    "_pytest.assertion.rewrite": patch_pytest,
}


class Loader(SourceFileLoader):
    def __init__(self, name, path, rewrites):
        super().__init__(name, path)
        self.rewrites = rewrites

    def source_to_code(self, data, path, *, _optimize=-1):
        if self.rewrites:
            data = Awaits().visit(ast.parse(data))
        return compile(data, path, "exec", dont_inherit=True, optimize=_optimize)

    def exec_module(self, module):
        super().exec_module(module)
        PATCHES.get(self.name, lambda module: None)(module)


class Finder:
    def __init__(self, packages):
        self.packages = packages

    def find_spec(self, name, path=None, target=None):
        rewrites = any(f"{name}.".startswith(f"{package}.") for package in self.packages)
        if not rewrites and name not in PATCHES:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(name, spec.loader.path, rewrites)
        return spec


def install():
    packages = os.environ.get("TRAMPOLINE_PACKAGES", "")
    builtins.__trampoline__ = around
    sys.meta_path.insert(0, Finder(packages.split(",") if packages else []))


if make is not None:
    install()
