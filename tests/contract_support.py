"""What the tests in contract/ share: inner code that writes a log, callbacks, every function of the C API.

The fixtures are in raw_fixtures.py, things to await in raw_support.py.
"""

import asyncio
import types

import rawapi
from raw_support import Context, Items, Ready, keep_result, ready, steps, suspend


class Inner:
    """Something to await that records what happens to it."""

    def __init__(self, pauses=1, value="value"):
        self.pauses, self.value = pauses, value
        self.seen = []

    async def run(self):
        self.seen.append("enters")
        try:
            for _ in range(self.pauses):
                self.seen.append(await suspend("pause"))
            return self.value
        except BaseException as exception:
            self.seen.append(type(exception))
            raise
        finally:
            self.seen.append("leaves")


class Sleeper(Inner):
    """The same under asyncio."""

    async def run(self):
        self.seen.append("enters")
        try:
            await asyncio.sleep(3600)
        except BaseException as exception:
            self.seen.append(type(exception))
            raise
        finally:
            self.seen.append("leaves")


CANCELLED = ["enters", asyncio.CancelledError, "leaves"]


def awaiting(new, *inners, cb=keep_result, err=None):
    """An awaitable with these queued."""
    aw = new()
    for inner in inners:
        rawapi.add_await(aw, inner, cb, err)
    return aw


def fails(aw, value):
    """A callback that raises."""
    raise ValueError("from the callback")


def logs(log):
    """A callback, or an error callback, that logs what it gets."""
    return lambda aw, value: log.append(value)


def handles(aw, exception):
    """An error callback that does."""
    return 0


async def under_cancel(aw):
    """In a task that is cancelled."""
    task = asyncio.ensure_future(aw)
    await asyncio.sleep(0)
    task.cancel()
    await task


def nothing(*_):
    pass


# Every function that takes an awaitable, with valid arguments besides.
ENTRIES = {
    "add_await": lambda aw: rawapi.add_await(aw, Ready()),
    "add_expr": lambda aw: rawapi.add_expr(aw, Ready()),
    "defer_await": lambda aw: rawapi.defer_await(aw, nothing),
    "await_function": lambda aw: rawapi.await_function(aw, Ready),
    "await_function with arguments": lambda aw: rawapi.await_function(aw, Ready, "O", nothing, nothing, 1),
    "async_with": lambda aw: rawapi.async_with(aw, Context()),
    "async_for": lambda aw: rawapi.async_for(aw, Items()),
    "set_result": lambda aw: rawapi.set_result(aw, "set"),
    "cancel": lambda aw: rawapi.cancel(aw),
    "save_values": lambda aw: rawapi.save_values(aw, 1, 2),
    "unpack_values": lambda aw: rawapi.unpack_values(aw, 2),
    "set_value": lambda aw: rawapi.set_value(aw, 0, 3),
    "get_value": lambda aw: rawapi.get_value(aw, 0),
    "save_arb_values": lambda aw: rawapi.save_arb_values(aw, 1, 2),
    "unpack_arb_values": lambda aw: rawapi.unpack_arb_values(aw, 2),
    "set_arb_value": lambda aw: rawapi.set_arb_value(aw, 0, 3),
    "get_arb_value": lambda aw: rawapi.get_arb_value(aw, 0),
    "save_int_values": lambda aw: rawapi.save_int_values(aw, 1, 2),
    "unpack_int_values": lambda aw: rawapi.unpack_int_values(aw, 2),
    "set_int_value": lambda aw: rawapi.set_int_value(aw, 0, 3),
    "get_int_value": lambda aw: rawapi.get_int_value(aw, 0),
}


def call_with(wrapper, call, aw):
    """Let one of ENTRIES go through `wrapper(function, *arguments)` instead of a plain call."""

    class Api:
        def __getattr__(self, name):
            function = getattr(rawapi, name)
            return lambda *arguments, **keywords: wrapper(function, *arguments, **keywords)

    names = {**call.__globals__, "rawapi": Api()}
    return types.FunctionType(call.__code__, names)(aw)


def save_two_of_each(aw):
    rawapi.save_values(aw, 10, 20)
    rawapi.save_arb_values(aw, 10, 20)
    rawapi.save_int_values(aw, 10, 20)


def prepared(aw):
    """With values of each kind, and something queued."""
    save_two_of_each(aw)
    rawapi.add_await(aw, Ready("value"), keep_result)
    return aw


def check_undisturbed(aw):
    assert rawapi.unpack_values(aw, 2) == [10, 20]
    assert rawapi.unpack_arb_values(aw, 2) == [10, 20]
    assert rawapi.unpack_int_values(aw, 2) == [10, 20]
    assert steps(aw) == ("value", [])


def closed_coroutine():
    coroutine = ready()
    coroutine.close()
    return coroutine
