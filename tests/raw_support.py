"""What the tests of the C API share: things to await, and ways to drive an awaitable by hand.

Used with the extension `rawapi`, which has the functions of pyawaitable.h one to one. The fixtures
that belong to it are in raw_fixtures.py.
"""

import sys
import types

import rawapi

# Large numbers, of those that a Py_ssize_t holds.
LARGE = sorted({min(number, sys.maxsize) for number in (2**31, 2**32, sys.maxsize)})


class Ready:
    """Has its value at once. One instance can be awaited any number of times."""

    def __init__(self, value=None):
        self.value = value

    def __await__(self):
        return self.value
        yield


class Failing:
    """Raises when it is awaited, as often as wanted."""

    def __init__(self, exception):
        self.exception = exception

    def __await__(self):
        raise self.exception
        yield


@types.coroutine
def suspend(value=None):
    """Yields the value once; its own value is what is sent in."""
    return (yield value)


async def ready(value=None):
    return value


async def sleepy(value=None):
    """Suspends once, then has its value."""
    await suspend("sleepy")
    return value


async def failing(exception):
    raise exception


class Context:
    """An asynchronous context manager that keeps a log and may swallow exceptions."""

    def __init__(self, value=None, swallow=False, log=None):
        self.value = value
        self.swallow = swallow
        self.log = [] if log is None else log

    async def __aenter__(self):
        self.log.append("enter")
        return self.value

    async def __aexit__(self, kind, exception, traceback):
        self.log.append(("exit", kind))
        return self.swallow


class Items:
    """An asynchronous iterator over what `make(number)` gives to await."""

    def __init__(self, count=1, make=Ready):
        self.count, self.make, self.next = count, make, 0

    def __aiter__(self):
        return self

    def __anext__(self):
        self.next += 1
        if self.next > self.count:
            raise StopAsyncIteration
        return self.make(self.next - 1)


def keep_result(aw, result):
    """A callback: what was awaited becomes the result."""
    rawapi.set_result(aw, result)


def steps(awaitable):
    """Drive to the end, sending None: (result, what was yielded)."""
    yielded = []
    while True:
        try:
            yielded.append(awaitable.send(None))
        except StopIteration as stop:
            return stop.value, yielded


def run(awaitable):
    return steps(awaitable)[0]


def log_of(aw, log):
    """Queue a deferred callback that tells the log it was reached."""
    rawapi.defer_await(aw, lambda aw: log.append("reached"))


def in_state(state, new):
    """An awaitable that is 'fresh', 'suspended', 'finished', 'closed' or 'cancelled'."""
    aw = new()
    if state == "suspended":
        rawapi.add_await(aw, sleepy())
        assert aw.send(None) == "sleepy"
    elif state == "finished":
        run(aw)
    elif state == "closed":
        aw.close()
    elif state == "cancelled":
        rawapi.cancel(aw)
    elif state != "fresh":
        raise ValueError(state)
    return aw


def finish(aw):
    """Make sure that an awaitable ends without a warning, whatever a test left it in."""
    if aw.cr_running:
        raise AssertionError("left running")
    if aw.cr_suspended:
        rawapi.cancel(aw)
    aw.close()
