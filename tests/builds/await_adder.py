"""Run by the interpreter that the extension `adder` is installed for: prints how it was built."""

import asyncio
import sys

import adder


class Lock:
    def __init__(self):
        self.log = []

    async def __aenter__(self):
        await asyncio.sleep(0)
        self.log.append("enter")

    async def __aexit__(self, *exception):
        self.log.append(exception)


async def value(number):
    await asyncio.sleep(0.001)
    return number


async def failing():
    raise LookupError("failing")


async def main():
    assert await adder.add(value(40), value(2)) == 42
    assert await asyncio.create_task(adder.add(value("a"), value("b"))) == "ab"
    for a, b, error in (
        (failing(), value(1), LookupError),
        (value(1), failing(), LookupError),
        (value(1), value("a"), TypeError),
    ):
        try:
            await adder.add(a, b)
        except error:
            b.close()
        else:
            raise AssertionError(f"no {error}")
    if hasattr(adder, "add_locked"):
        lock = Lock()
        assert await adder.add_locked(lock, value(40), value(2)) == 42
        assert lock.log == ["enter", (None, None, None)]
    waiting = asyncio.create_task(adder.add(asyncio.sleep(60), value(1)))
    await asyncio.sleep(0.01)
    waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        pass
    else:
        raise AssertionError("not cancelled")


asyncio.run(main())
assert ("_pyawaitable" in sys.modules) == (adder.MODE == "headers")
print(adder.MODE)
