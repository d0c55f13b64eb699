"""Puts a trampoline under the coroutines of a program, in two places, or under its asynchronous generators.

*top*: around the coroutine of each task. *await*: around what each `await` in the source code of
some packages, and of tests that pytest loads, awaits.

A .pth file imports this before anything that awaits is imported, in worker processes as well. The
environment says what to do: TRAMPOLINE is empty, `c`, `body` or `native`; TRAMPOLINE_PACKAGES names the
packages, with a comma between them; with TRAMPOLINE_GENERATORS it is their generators that are wrapped, and nothing else.
"""

import ast
import builtins
import functools
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


def begin(generator):
    """The first step of the generator, which no event loop is to know of: it would close it beside the other."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return generator.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)


async def native_relay(generator, begin):
    """What the C generator is to be indistinguishable from."""
    following = begin(generator)
    while True:
        try:
            item = await following
        except StopAsyncIteration:
            break
        try:
            sent = yield item
            following = generator.asend(sent)
        except GeneratorExit:
            await generator.aclose()
            raise
        except BaseException as error:
            following = generator.athrow(error)


def relayed(function):
    """For each asynchronous generator function: the decorator next to it."""

    @functools.wraps(function)
    def call(*arguments, **keywords):
        global made
        generator = function(*arguments, **keywords)
        made += 1
        if make is native:
            relay = native_relay
        else:
            from trampoline._trampoline import relay
        wrapped = relay(generator, begin)
        wrapped.__name__ = generator.__name__
        wrapped.__qualname__ = generator.__qualname__
        return wrapped

    return call


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


class Generators(ast.NodeTransformer):
    """Decorates functions with a `yield` of their own."""

    def visit_AsyncFunctionDef(self, node):
        self.generic_visit(node)
        if any(map(yields, node.body)):
            name = ast.copy_location(ast.Name("__relayed__", ast.Load()), node.body[0])
            node.decorator_list.append(name)
        return node


def yields(node):
    if isinstance(node, ast.Yield):
        return True
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.GeneratorExp)):
        return False
    return any(map(yields, ast.iter_child_nodes(node)))


rewriter = Generators if os.environ.get("TRAMPOLINE_GENERATORS") else Awaits


def patch_pytest(module):
    original = module.rewrite_asserts

    def rewrite_asserts(mod, *args, **kwargs):
        rewriter().visit(mod)
        original(mod, *args, **kwargs)

    module.rewrite_asserts = rewrite_asserts


# ---- How both get there --------------------------------------------------------------------------

PYTEST = "_pytest.assertion.rewrite"
PATCHES = {
    "asyncio.base_events": patch_asyncio,
    "uvloop": patch_uvloop,
    "trio._core._run": patch_trio,
    "curio.task": patch_curio,
    "test.test_asyncio.test_tasks": patch_task_tests,
    "test.test_coroutines": patch_coroutine_tests,
    PYTEST: patch_pytest,
}


class Loader(SourceFileLoader):
    def __init__(self, name, path, rewrites):
        super().__init__(name, path)
        self.rewrites = rewrites

    def source_to_code(self, data, path, *, _optimize=-1):
        if self.rewrites:
            data = rewriter().visit(ast.parse(data))
        return compile(data, path, "exec", dont_inherit=True, optimize=_optimize)

    def exec_module(self, module):
        super().exec_module(module)
        if rewriter is Awaits or self.name == PYTEST:
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
    builtins.__relayed__ = relayed
    sys.meta_path.insert(0, Finder(packages.split(",") if packages else []))


if make is not None:
    install()
