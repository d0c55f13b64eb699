"""Runs the abi3 extension in a folder on the interpreter at hand, which has to have the library.

    python tests/abi3/run.py FOLDER

Ends with 3, and says why, where it cannot run: without the library, or without a stable ABI.
"""

import asyncio
import collections.abc
import inspect
import sys
import sysconfig

if sysconfig.get_config_var("Py_GIL_DISABLED"):
    print(f"{sys.version.split()[0]}: a free-threaded Python loads no abi3 extension of 3.9")
    raise SystemExit(3)
try:
    import pyawaitable
except ImportError as error:
    print(f"{sys.version.split()[0]}: {error}")
    raise SystemExit(3) from None

sys.path.insert(0, sys.argv[1])
import pyawaitable_abi3  # noqa: E402


class Context:
    async def __aenter__(self):
        return "entered"

    async def __aexit__(self, *exc_info):
        await asyncio.sleep(0)


async def function(number, data):
    await asyncio.sleep(0.001)
    return number, data


async def failing():
    raise OSError("once")


async def main():
    assert pyawaitable_abi3.check() is True
    awaitable = pyawaitable_abi3.gather(asyncio.sleep(0, "slept"), function, Context(), 2)
    assert type(awaitable) is pyawaitable.PyAwaitable
    assert await awaitable == ["slept", (1, b"two"), "entered"] * 2
    error, *rest = await pyawaitable_abi3.gather(failing(), function, Context(), 1)
    assert isinstance(error, OSError) and rest == [(1, b"two"), "entered"]


async def items(log, *given):
    try:
        for item in given:
            await asyncio.sleep(0)
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        log.append("closed")


async def iteration():
    module, log = pyawaitable_abi3, []
    generator = module.doubled(items(log, 1, "x"))
    assert inspect.isasyncgenfunction(module.doubled)
    assert isinstance(generator, collections.abc.AsyncGenerator)
    assert [item async for item in generator] == [2, "xx"] and log == ["closed"]
    generator = module.doubled(items(log, 1, 2))
    assert await generator.__anext__() == 2
    await generator.aclose()
    assert log == ["closed"] * 2
    assert await module.counted(items(log, 1, 2, None, 3)) == 2
    assert await module.counted(module.doubled(items(log, 1, 2, 3))) == 3
    error = OSError("once")
    assert await module.collected(items(log, 1, 2)) == [1, 2, True]
    assert await module.collected(items(log, 1, None, 2)) == [1]
    assert await module.collected(items(log, 1, error)) == [1, error]
    assert await module.collected(module.doubled(items(log, 1))) == [2, True]


asyncio.run(main())
asyncio.run(iteration())
assert pyawaitable_abi3.__file__.startswith(sys.argv[1])
print(f"{sys.version.split()[0]}: abi3 extension passed")
