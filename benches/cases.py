"""What is measured: each case does n operations with the functions of one contender.

A contender is a module with the functions of contender_native.py. All cases create what they await in the same way for every
contender, so that whole operations are compared, as a caller sees them.
"""

import asyncio
import gc
import importlib
import time
import types
from collections import deque
from typing import Callable, NamedTuple

import contender_native as native

# What they are called in tables.
CONTENDERS = {
    "native": "async def",
    "ours": "this library",
    "bodies": "this library, bodies",
    "original": "original 2.0.1",
    "cython": "Cython",
    "floor": "floor",
}

# What else runs on the machine does not count.
clock = time.process_time


def load(contender):
    module = importlib.import_module(f"contender_{contender}")
    if hasattr(module, "add_functions"):
        module.add_functions()
    return module


class Case(NamedTuple):
    name: str
    title: str
    # (contender, n) -> None, or the seconds that count where not all of it does.
    run: Callable
    # What its title speaks of: measured in multiples of so many operations.
    unit: int = 1
    # Who cannot do it, and why.
    unable: dict = {}
    # Whether `make counts` looks at it.
    counted: bool = True


# ---- Things to await -----------------------------------------------------------------------------


async def ready():
    return 7


async def failing():
    raise LookupError


@types.coroutine
def yields(n):
    for _ in range(n):
        yield


async def suspends(n):
    await yields(n)


class Context:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        return None


def finish(coroutine):
    """Drive a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("suspended")


# ---- Steps alone, without an event loop ----------------------------------------------------------


def without_argument(function):
    def run(contender, n):
        async def body(make):
            for _ in range(n):
                await make()

        finish(body(getattr(contender, function)))

    return run


def with_coroutine(function, coroutine=ready):
    def run(contender, n):
        async def body(make):
            for _ in range(n):
                await make(coroutine())

        finish(body(getattr(contender, function)))

    return run


def block(contender, n):
    async def body(make, context):
        for _ in range(n):
            await make(context)

    finish(body(contender.block, Context()))


def each(contender, n):
    async def body(make):
        for _ in range(n // 50):
            await make([ready() for _ in range(50)])

    finish(body(contender.each))


def items(contender, n):
    async def body(iterable):
        async for _ in iterable:
            pass

    finish(body(contender.items(n)))


def items_in_c(contender, n):
    finish(contender.consumes(contender.items(n)))


def loop(contender, n):
    finish(contender.consumes(native.items(n)))


def chain(contender, n):
    finish(native.value(contender.chain(ready, n)))


def nest(make, levels, innermost):
    for _ in range(levels):
        innermost = make(innermost)
    return innermost


def deep(function):
    def run(contender, n):
        async def body(make):
            for _ in range(n // 50):
                await nest(make, 50, ready())

        finish(body(getattr(contender, function)))

    return run


def consume(coroutine):
    """Step until the end, from C."""
    deque(coroutine.__await__(), maxlen=0)


def through(levels):
    def run(contender, n):
        consume(native.value(nest(contender.value, levels, suspends(n))))

    return run


def through_alternating(levels):
    def run(contender, n):
        def pair(awaited):
            return contender.value(native.value(awaited))

        consume(native.value(nest(pair, levels // 2, suspends(n))))

    return run


def cancel(contender, n):
    make = contender.value
    for _ in range(n):
        outermost = native.value(nest(make, 10, suspends(1)))
        outermost.send(None)
        try:
            outermost.throw(asyncio.CancelledError())
        except asyncio.CancelledError:
            continue
        raise AssertionError("not cancelled")


def collect(contender, n):
    """Only the collection."""
    make = contender.value
    pending = [make(ready()) for _ in range(n)]
    start = clock()
    gc.collect()
    seconds = clock() - start

    async def clean_up():
        while pending:
            await pending.pop()

    finish(clean_up())
    return seconds


def call(contender, n):
    function = contender.called
    for _ in range(n):
        function().close()


def call_method(contender, n):
    owner = contender.Owner()
    for _ in range(n):
        owner.method(n).close()


def parse(contender, n):
    async def body(function):
        for _ in range(n):
            await function(ready(), "text", 7)

    finish(body(contender.parsed))


NO_FUNCTIONS = {
    "original": "what it returns is made by no coroutine function",
    "floor": "it makes no coroutine functions",
    "bodies": "how a function is called does not depend on what it makes",
}
NO_GENERATORS = {
    "ours": "callbacks make no generators",
    "original": "it makes no generators",
}
NO_LOOP = {
    "original": "it makes no loops",
    "floor": "who iterates is not written by hand",
}
NO_THROW = {"original": "what is thrown into it does not reach what it awaits"}
NO_SEND = {"original": "what is sent into it does not reach what it awaits"}

STEPS = [
    Case("empty", "create and await an empty one", without_argument("empty")),
    Case("returns", "return 42 at once", without_argument("returns")),
    Case("awaits", "await a coroutine, drop its value", with_coroutine("awaits")),
    Case("value", "await a coroutine, return its value", with_coroutine("value")),
    Case("saved3", "the same with 3 saved values", with_coroutine("saved3")),
    Case("saved20", "the same with 20 saved values", with_coroutine("saved20")),
    Case("error", "handle an exception in an error callback", with_coroutine("error", failing)),
    Case("block", "async with", block),
    Case("each50", "50 awaits in one object, per await", each, 50),
    Case("items", "10,000 items of a generator, `async for`, per item", items, 10_000, unable=NO_GENERATORS),
    Case("items_in_c", "the same, iterated over by the contender", items_in_c, 10_000, unable={**NO_GENERATORS, **NO_LOOP}),
    Case("loop", "10,000 items of an async def, iterated over by the contender, per item", loop, 10_000, unable=NO_LOOP),
    Case("chain", "10,000 awaits, each queued by a callback, per await", chain, 10_000),
    Case("deep50", "50 deep, values dropped, per level", deep("awaits"), 50),
    Case("deep50value", "50 deep, the value returned, per level", deep("value"), 50),
    Case("yield1", "a value yielded through 1 level", through(1)),
    Case("yield10", "a value yielded through 10 levels", through(10)),
    Case("yield50", "a value yielded through 50 levels", through(50)),
    Case("alternate10", "... through 10 levels, every second one async def", through_alternating(10)),
    Case("alternate50", "... through 50 levels, every second one async def", through_alternating(50)),
    Case("cancel10", "cancel through 10 levels", cancel, unable=NO_THROW),
    Case("call", "call a coroutine function, and close what comes", call, unable=NO_FUNCTIONS),
    Case("call_method", "call a method of an object, and close what comes", call_method, unable=NO_FUNCTIONS),
    Case("call_await", "call a coroutine function, and await", with_coroutine("called_with"), unable=NO_FUNCTIONS),
    Case("parse", "the same with 3 arguments that are parsed and kept", parse, unable=NO_FUNCTIONS),
    Case("cleanup", "the same with a clean-up, or try and finally", with_coroutine("cleaned"), unable=NO_FUNCTIONS),
    Case("collect", "garbage collection of 100,000 pending ones, per object", collect, 100_000, counted=False),
]


# ---- Event loops ---------------------------------------------------------------------------------


async def task(make, n):
    for _ in range(n):
        await asyncio.create_task(make(ready()))


async def gather(make, n):
    await asyncio.gather(*[asyncio.create_task(make(ready())) for _ in range(n)])


async def future(make, n):
    loop = asyncio.get_running_loop()
    for _ in range(n):
        awaited = loop.create_future()
        loop.call_soon(awaited.set_result, 7)
        await make(awaited)


def on(loop, body):
    def run(contender, n):
        loop.run_until_complete(body(contender.value, n))

    return run


def in_batches(body, size):
    async def run(make, n):
        for start in range(0, n, size):
            await body(make, min(size, n - start))

    return run


def of_asyncio(suffix, where, loop):
    many = in_batches(gather, 10_000)
    return [
        Case(f"task{suffix}", f"{where}: await create_task of one", on(loop, task)),
        Case(f"gather{suffix}", f"{where}: create_task and gather 10,000, per task", on(loop, many), 10_000),
        Case(f"future{suffix}", f"{where}: await a Future through it", on(loop, future)),
    ]


def of_trio(trio):
    def on_trio(body):
        def run(contender, n):
            trio.run(body, contender.value, n)

        return run

    async def one_task(make, n):
        for _ in range(n):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(make, ready())

    async def many_tasks(make, n):
        async with trio.open_nursery() as nursery:
            for _ in range(n):
                nursery.start_soon(make, ready())

    async def checkpoint(make, n):
        for _ in range(n):
            await make(trio.lowlevel.checkpoint())

    many = in_batches(many_tasks, 10_000)
    return [
        Case("task_trio", "trio: a nursery with one task", on_trio(one_task)),
        Case("gather_trio", "trio: a nursery with 10,000 tasks, per task", on_trio(many), 10_000),
        Case("future_trio", "trio: await a checkpoint through it", on_trio(checkpoint), unable=NO_SEND),
    ]


def optional(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def all_cases():
    cases = STEPS + of_asyncio("", "asyncio", asyncio.new_event_loop())
    uvloop, trio = optional("uvloop"), optional("trio")
    if uvloop is not None:
        cases += of_asyncio("_uvloop", "uvloop", uvloop.new_event_loop())
    if trio is not None:
        cases += of_trio(trio)
    return cases


# ---- Whether they do what they should ------------------------------------------------------------


def result(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("suspended")


def check(contender):
    """Check that a contender does each job before trusting its speed."""
    made = []

    async def counted():
        made.append(None)
        return 7

    def awaited(function, *arguments):
        return result(native.value(function(*arguments)))

    assert awaited(contender.empty) is None
    assert awaited(contender.returns) == 42
    assert awaited(contender.awaits, ready()) is None
    assert awaited(contender.value, ready()) == 7
    assert awaited(contender.saved3, ready()) == 7
    assert awaited(contender.saved20, ready()) == 7
    assert awaited(contender.error, failing()) is None
    assert awaited(contender.block, Context()) is None
    assert awaited(contender.each, [counted() for _ in range(50)]) is None
    assert awaited(contender.chain, counted, 50) is None
    assert len(made) == 100
    if hasattr(contender, "called"):
        assert awaited(contender.called) is None
        assert awaited(contender.called_with, ready()) == 7
        assert awaited(contender.Owner().method, 7) == 7
        assert awaited(contender.parsed, ready(), "text", 7) == 7
        assert awaited(contender.cleaned, ready()) == 7
