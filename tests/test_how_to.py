"""docs/functions.md: its module is compiled, and what it says of that is tried."""

import asyncio
import cProfile
import inspect
import pstats
import re
import sysconfig
import types
import typing
from pathlib import Path

import pytest
from compiling import compile_extension, load_extension

TEXT = (Path(__file__).parent.parent / "docs" / "functions.md").read_text(encoding="utf-8")

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@pytest.fixture(scope="module")
def timers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("timers")
    (source,) = re.findall(r"```c\n(.*?)```", TEXT, re.DOTALL)
    path = folder / "timers.c"
    path.write_text(source, encoding="utf-8")
    return load_extension(compile_extension(folder, "timers", [path]))


def test_functions_and_methods_are_those_of_async_def(timers):
    timer = timers.Timer(0)
    for function in (timers.snooze, timer.wait, timer.__aenter__, timer.__aexit__):
        assert inspect.iscoroutinefunction(function)
    assert inspect.isfunction(timers.snooze) and inspect.ismethod(timer.wait)
    assert str(inspect.signature(timers.snooze)) == "(seconds: 'float' = 1.0)"
    assert str(inspect.signature(timer.__aexit__)) == "(kind, value, traceback)"
    assert typing.get_type_hints(timers.snooze) == {"seconds": float}
    assert timers.snooze.__globals__ is vars(timers)


def test_they_wait(timers):
    async def main():
        timer = timers.Timer(0.001)
        async with timer as entered:
            assert entered is timer
            assert await timer.wait() is None
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(timers.snooze(), 0.001)  # the default, a second
        return await timers.snooze(seconds=0)

    assert asyncio.run(main()) is None


def test_what_is_refused_at_the_call(timers):
    with pytest.raises(TypeError):
        timers.Timer.wait(3)
    with pytest.raises(TypeError):
        timers.snooze("long")


def test_how_they_differ_from_async_def(timers):
    with pytest.raises(OSError):
        inspect.getsource(timers.snooze)

    async def main(function, *args):
        awaitable = function(*args)
        assert awaitable.__name__ == "snooze" and not isinstance(awaitable, types.CoroutineType)
        await awaitable

    profile = cProfile.Profile()
    with profile:
        asyncio.run(main(timers.snooze, 0))
    counted = {name for _, _, name in pstats.Stats(profile).stats}
    assert "sleep" in counted and ("snooze" in counted) == FREE_THREADED
