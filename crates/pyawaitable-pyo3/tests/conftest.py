"""The extension module `behaviours`, built, and the event loops to run it in."""

import asyncio
import gc
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def pytest_addoption(parser):
    # pytest 9 has it; the last version for Python 3.9 only shows the tracebacks.
    if pytest.version_tuple < (9,):
        parser.addini("faulthandler_exit_on_timeout", "unknown to this version", type="bool")


def cargo(example, *options):
    """Has cargo build an extension module of the tests: what it prints, and its folder."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    environment = {**os.environ, "PYO3_PYTHON": sys.executable, "PYO3_BUILD_EXTENSION_MODULE": "1"}
    # Without any optimization, ten thousand coroutines that await each other need more stack than a thread has.
    command = ["cargo", "build", "--quiet", "--locked", "--config", "profile.dev.opt-level=1"]
    command += ["--package", "pyawaitable-pyo3", "--features", "tokio", "--example", example, "--target-dir", target, *options]
    printed = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return printed.stdout, target


def built(example):
    """The file of an extension module of the tests, which cargo has built."""
    _, target = cargo(example)
    names = [target / "debug" / "examples" / f"lib{example}{suffix}" for suffix in (".so", ".dylib")]
    folder = target / "rust-extensions"
    folder.mkdir(exist_ok=True)
    module = folder / f"{example}{sysconfig.get_config_var('EXT_SUFFIX')}"
    # Under a name of its own first, so that it is whole for who loads it while another builds.
    new = folder / f"new-{os.getpid()}"
    shutil.copy(next(name for name in names if name.exists()), new)
    os.replace(new, module)
    return module


def loaded(name):
    path = built(name)
    loader = ExtensionFileLoader(name, str(path))
    module = module_from_spec(spec_from_file_location(name, path, loader=loader))
    loader.exec_module(module)
    sys.modules[name] = module
    return module


@pytest.fixture(scope="session")
def behaviours():
    return loaded("behaviours")


@pytest.fixture(scope="session")
def cargo_build():
    """Builds an extension module of the tests: see `cargo`."""
    return cargo


@pytest.fixture(scope="session")
def macros():
    return loaded("macros")


def run_asyncio(main):
    return asyncio.run(main())


def run_debug(main):
    return asyncio.run(main(), debug=True)


def run_uvloop(main):
    uvloop = pytest.importorskip("uvloop", reason="uvloop has no wheel for this Python")
    if sys.version_info < (3, 11):
        uvloop.install()
        try:
            return asyncio.run(main())
        finally:
            asyncio.set_event_loop_policy(None)
    return uvloop.run(main())


def run_trio(main):
    import trio

    return trio.run(main)


def run_anyio(backend):
    def run(main):
        import anyio

        return anyio.run(main, backend=backend)

    return run


LOOPS = {
    "asyncio": run_asyncio,
    "debug": run_debug,
    "uvloop": run_uvloop,
    "trio": run_trio,
    "anyio-asyncio": run_anyio("asyncio"),
    "anyio-trio": run_anyio("trio"),
}


@pytest.fixture(params=LOOPS)
def loop(request):
    """Which event loop: a function that runs `main()` in it, and whether it is trio."""

    def run(main):
        return LOOPS[request.param](main)

    run.is_trio = "trio" in request.param
    run.name = request.param
    return run


@pytest.fixture
def run(loop):
    """Runs `main()` in the event loop, and returns its result."""
    return loop


@pytest.fixture
def sleep(loop):
    """`sleep(seconds)` of the event loop."""
    if loop.is_trio:
        import trio

        return trio.sleep
    return asyncio.sleep


class Loop:
    """What the tests need of an event loop, by one name for asyncio and trio."""

    def __init__(self, is_trio):
        self.is_trio = is_trio

    async def sleep(self, seconds):
        if self.is_trio:
            import trio

            await trio.sleep(seconds)
        else:
            await asyncio.sleep(seconds)

    async def all_of(self, coroutines):
        """The results of all, each in a task of its own."""
        if not self.is_trio:
            return await asyncio.gather(*coroutines)
        import trio

        results = {}

        async def note(at, coroutine):
            results[at] = await coroutine

        async with trio.open_nursery() as nursery:
            for at, coroutine in enumerate(coroutines):
                nursery.start_soon(note, at, coroutine)
        return [results[at] for at in range(len(coroutines))]

    async def cancelled_after(self, coroutine, seconds=0.01):
        """Whether a task that awaits it has been cancelled."""
        if self.is_trio:
            import trio

            with trio.move_on_after(seconds) as scope:
                await coroutine
            return scope.cancelled_caught
        task = asyncio.ensure_future(coroutine)
        await asyncio.sleep(seconds)
        return await self.is_cancelled(task)

    async def cancelled_when(self, coroutine, is_ready):
        """The same, as soon as the function returns true."""
        if self.is_trio:
            import trio

            async def watch():
                while not is_ready():
                    await trio.sleep(0.001)
                scope.cancel()

            async with trio.open_nursery() as nursery:
                scope = trio.CancelScope()
                nursery.start_soon(watch)
                with scope:
                    await coroutine
            return scope.cancelled_caught
        task = asyncio.ensure_future(coroutine)
        while not is_ready():
            await asyncio.sleep(0.001)
        return await self.is_cancelled(task)

    async def is_cancelled(self, task):
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False


@pytest.fixture
def tools(loop):
    return Loop(loop.is_trio)


@pytest.fixture
def unraisable(monkeypatch):
    """What `sys.unraisablehook` was called with."""
    caught = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: caught.append((args.exc_type, str(args.exc_value), args.object)))
    yield caught
    gc.collect()


@pytest.fixture
def here():
    """This thread, as the extension's `Dropped` notes it."""
    return threading.get_ident()
