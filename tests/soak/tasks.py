"""Rounds of 10,000 concurrent tasks, of which many are cancelled, on asyncio or trio.

    python -W error tests/soak/tasks.py {asyncio,trio} SECONDS

Prints a line of JSON after each round. What the tasks run is an awaitable of the C API, of random
shape: awaits queued by callbacks, nested awaitables, `async with`, promises that a thread settles,
work of the pool's, descriptors, and error callbacks that let a cancellation go on or, sometimes, handle it.
"""

import asyncio
import json
import random
import socket
import sys
import time
from collections import Counter

import pool
import promises
import rawapi
import trio
from report import Watch, measure

import outside

TASKS = 10_000
# A batch of promises gets these numbers, one after the other.
PROMISED = range(10, 10 + TASKS * 20)
choose = random.Random(1)
tally = Counter()
handles = []


class Pause:
    """Unlike a coroutine, it may be queued and never be reached."""

    def __init__(self, sleep):
        self.sleep = sleep

    def __await__(self):
        tally["pauses begun"] += 1
        try:
            yield from self.sleep(choose.choice((0, 0, choose.random() / 20))).__await__()
        finally:
            tally["pauses ended"] += 1
        return self


class Block:
    def __init__(self, sleep):
        self.sleep = sleep

    async def __aenter__(self):
        await self.sleep(0)
        tally["blocks entered"] += 1
        return self

    async def __aexit__(self, kind, exception, traceback):
        tally["blocks left"] += 1


class Watched:
    """Waits for a descriptor that is ready in the next turn, unless it is cancelled before."""

    def __await__(self):
        first, second = socket.socketpair()
        with first, second:
            first.setblocking(False)
            second.send(b"x")
            wait = choose.choice((outside.wait_readable, outside.wait_writable))
            yield from wait(first.fileno()).__await__()
        return 42


# ---- Callbacks: these few functions, since each takes one of the test extension's slots ----------


def on_pause(aw, pause):
    sleep, left = rawapi.unpack_values(aw, 2)
    if left:
        rawapi.set_value(aw, 1, left - 1)
        add_something(aw, sleep)


def on_block(aw, block):
    rawapi.add_await(aw, Pause(block.sleep), on_pause, on_error)


def on_value(aw, value):
    assert value in ("result", 42) or value in PROMISED, value


def on_error(aw, exception):
    tally["errors seen"] += 1
    return 0 if choose.random() < 0.1 else -1


def on_start(aw):
    add_something(aw, rawapi.get_value(aw, 0))


def add_something(aw, sleep):
    what = choose.randrange(40)
    if what == 0:
        work = choose.choice([lambda way: pool.double(21, 0, way), lambda way: pool.sum(bytearray(b"*"), way)])
        rawapi.add_await(aw, work(choose.randrange(2)), on_value, on_error)
    elif what == 1:
        rawapi.add_await(aw, Watched(), on_value, on_error)
    elif what < 4:
        awaitable, handle = promises.promise()
        handles.append(handle)
        rawapi.add_await(aw, awaitable, on_value, on_error)
    elif what < 12:
        rawapi.async_with(aw, Block(sleep), on_block, on_error)
    elif what < 20:
        rawapi.add_await(aw, program(sleep, 0), on_value, on_error)
    else:
        rawapi.add_await(aw, Pause(sleep), on_pause, on_error)


def program(sleep, left=None):
    aw = rawapi.new()
    rawapi.save_values(aw, sleep, choose.randrange(4) if left is None else left)
    rawapi.set_result(aw, "result")
    rawapi.defer_await(aw, on_start)
    return aw


def settle():
    """Has a thread settle the promises there are, some of which nobody waits for any more."""
    if handles:
        promises.settle_later(handles[:], choose.randrange(2000))
        handles.clear()


# ---- Event loops ---------------------------------------------------------------------------------


def some_of(things):
    return choose.sample(things, choose.randrange(len(things) // 20 + 1))


async def on_asyncio():
    async def limited():
        return await asyncio.wait_for(program(asyncio.sleep), choose.random() / 10)

    def task():
        return limited() if choose.random() < 0.2 else program(asyncio.sleep)

    tasks = [asyncio.ensure_future(task()) for _ in range(TASKS)]
    waiting = set(tasks)
    while waiting:
        for unlucky in some_of(tasks):
            unlucky.cancel()
        settle()
        await asyncio.sleep(0)
        waiting = {task for task in waiting if not task.done()}
    for task in tasks:
        count(task.cancelled() or task.exception() or task.result())


async def on_trio():
    async def cancellable():
        with trio.CancelScope() as scope:
            scopes.append(scope)
            with trio.move_on_after(choose.choice((1000, choose.random() / 10))) as deadline:
                count(await program(trio.sleep))
        if scope.cancelled_caught or deadline.cancelled_caught:
            count(True)

    async def bare():
        await program(trio.sleep)
        count("result")

    scopes = []
    async with trio.open_nursery() as nursery:
        for _ in range(TASKS):
            nursery.start_soon(cancellable if choose.random() < 0.9 else bare)
        while nursery.child_tasks:
            for unlucky in some_of(scopes) if scopes else ():
                unlucky.cancel()
            settle()
            await trio.sleep(0)


def count(outcome):
    if outcome is True or isinstance(outcome, asyncio.TimeoutError):
        tally["cancelled"] += 1
    elif outcome == "result":
        tally["finished"] += 1
    else:
        watch.complain(f"a task ended with {outcome!r}")


def count_values():
    """Each that a thread has given, or worked on, goes one way; the last threads may be at it still."""
    settle()
    until = time.monotonic() + 10
    while True:
        for name, part in (("promises", promises.counts()), ("work", pool.counts())):
            tally[f"{name} made"] += part["made"]
            tally[f"{name} ended"] += part["converted"] + part.get("raised", 0) + part["dropped"]
        if tally["promises made"] == tally["promises ended"] and tally["work made"] == tally["work ended"]:
            return
        if time.monotonic() > until:
            watch.complain(f"values are lost: {tally}")
            return
        time.sleep(0.01)


def check():
    count_values()
    pairs = [("pauses begun", "pauses ended"), ("blocks entered", "blocks left")]
    for begun, ended in pairs:
        if tally[begun] != tally[ended]:
            watch.complain(f"{begun}: {tally[begun]:,}, {ended}: {tally[ended]:,}")
    if tally["cancelled"] + tally["finished"] != tally["tasks"]:
        watch.complain(f"lost tasks: {tally}")


def main(loop, seconds):
    run = {"asyncio": lambda: asyncio.run(on_asyncio()), "trio": lambda: trio.run(on_trio)}[loop]
    watch.install()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        run()
        tally["tasks"] += TASKS
        check()
        print(json.dumps({**measure(), **tally, "wrong": watch.wrong}), flush=True)


if __name__ == "__main__":
    watch = Watch()
    main(sys.argv[1], float(sys.argv[2]))
