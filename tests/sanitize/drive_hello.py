"""Drives examples/hello in all the ways that it can end, and the bodies and generators of tests/ext: for valgrind."""

import asyncio
import sys
import warnings
from pathlib import Path

import hello

sys.path.insert(0, str(Path(__file__).parent.parent))

import raw_leaks

ROUNDS = 20


async def name(value, exception=None):
    await asyncio.sleep(0)
    if exception is not None:
        raise exception
    return value


async def cancelled():
    task = asyncio.ensure_future(hello.greet(asyncio.sleep(60)))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"


async def main():
    for _ in range(ROUNDS):
        assert await hello.greet(name("world")) == "Hello, world!"
        assert await hello.greet(name("", KeyError())) is None
        try:
            await hello.greet(name("", ValueError("text")))
        except ValueError as exception:
            assert exception.args == ("text",)
        assert await cancelled() == "cancelled"
        suspended = hello.greet(asyncio.sleep(0))
        suspended.send(None)
        suspended.close()
        dropped = hello.greet(asyncio.sleep(0))
        dropped.send(None)
        del dropped
        hello.greet(hello.greet(name("never awaited")))
    return await asyncio.gather(*(hello.greet(name(number)) for number in range(ROUNDS)))


warnings.simplefilter("ignore")
assert len(asyncio.run(main())) == ROUNDS
sys.unraisablehook = raw_leaks.ignore
written = [name for name in raw_leaks.SCENARIOS if name.startswith(("bodies_", "generators_", "loops_"))]
assert len(written) >= 10, written
for name in written:
    for _ in range(ROUNDS):
        raw_leaks.SCENARIOS[name]()
if raw_leaks.LOOP is not None:
    raw_leaks.LOOP.close()
