"""Asynchronous iteration from callbacks: `PyAwaitable_AsyncFor`.

tests/differential does the same at every suspension point; here each rule is tested separately.
"""

import asyncio
import contextlib
import functools
import gc
import itertools
import signal
import sys
import threading
import time
import weakref

import pytest
import rawapi
from contract_support import handles, logs, under_cancel
from raw_support import Context, Items, Ready, failing, keep_result, ready, run, sleepy, steps, suspend

pytest_plugins = ["raw_fixtures"]


async def numbers(count, log=None):
    """A native generator, which suspends before every other item."""
    try:
        for number in range(count):
            if number % 2:
                await suspend(f"before {number}")
            yield number
    finally:
        if log is not None:
            log.append("generator ends")


def ends(log):
    """What is called at the end."""
    return lambda aw: log.append("end")


def loop(new, iterable, each=None, end=None, err=None):
    aw = new()
    rawapi.async_for(aw, iterable, each, end, err)
    return aw


# iteration.1: PyAwaitable_AsyncFor


def test_async_for_calls_each_with_every_item_then_end(new):
    log = []
    aw = loop(new, numbers(4), logs(log), ends(log))
    rawapi.defer_await(aw, lambda aw: log.append("after"))
    assert steps(aw) == (None, ["before 1", "before 3"])
    assert log == [0, 1, 2, 3, "end", "after"]


def test_async_for_over_nothing_calls_end_alone(new):
    log = []
    run(loop(new, numbers(0), logs(log), ends(log)))
    assert log == ["end"]


def test_what_each_adds_runs_before_the_next_item(new):
    log = []

    def each(aw, item):
        log.append(item)
        rawapi.add_await(aw, sleepy(("added", item)), logs(log))
        rawapi.defer_await(aw, lambda aw: log.append(("deferred", item)))

    aw = loop(new, numbers(2), each, ends(log))
    rawapi.add_await(aw, ready("after"), logs(log))
    run(aw)
    expected = [[item, ("added", item), ("deferred", item)] for item in range(2)]
    assert log == [*expected[0], *expected[1], "end", "after"]


def test_what_end_adds_runs_after_what_was_queued_before_it(new):
    log = []

    def end(aw):
        log.append("end")
        rawapi.add_await(aw, ready("added by end"), logs(log))

    aw = loop(new, numbers(1), logs(log), end)
    rawapi.add_await(aw, ready("after"), logs(log))
    run(aw)
    assert log == [0, "end", "after", "added by end"]


def test_async_for_null_functions_drop_the_items(new):
    class Item:
        pass

    items = []

    async def iterable():
        for _ in range(3):
            item = Item()
            items.append(weakref.ref(item))
            yield item
            del item

    assert run(loop(new, iterable())) is None
    gc.collect()
    assert [item() for item in items] == [None] * 3


def test_async_for_owns_a_reference_until_it_is_done(new):
    iterable = Items(1)
    before = sys.getrefcount(iterable)
    aw = loop(new, iterable, lambda aw, item: rawapi.add_await(aw, sleepy()))
    assert sys.getrefcount(iterable) == before + 1
    assert aw.send(None) == "sleepy"
    assert sys.getrefcount(iterable) > before
    run(aw)
    assert sys.getrefcount(iterable) == before


@pytest.mark.parametrize("awaited", ["queued", "suspended"])
def test_a_loop_that_is_destroyed_releases_its_iterator(awaited, slots):
    iterable = Items(1, sleepy)
    before = sys.getrefcount(iterable)
    aw = loop(rawapi.new, iterable)
    if awaited == "suspended":
        assert aw.send(None) == "sleepy"
    else:
        rawapi.cancel(aw)
    del aw
    gc.collect()
    assert sys.getrefcount(iterable) == before


def test_loops_nest_and_mix_with_blocks(new):
    log = []

    def inner_each(aw, item):
        log.append(item)

    def body(aw, value):
        rawapi.async_for(aw, numbers(2), inner_each, ends(log))

    def outer_each(aw, item):
        log.append(f"outer {item}")
        rawapi.async_with(aw, Context(log=log), body)

    run(loop(new, numbers(2), outer_each, lambda aw: log.append("outer end")))
    once = ["enter", 0, 1, "end", ("exit", None)]
    assert log == ["outer 0", *once, "outer 1", *once, "outer end"]


def test_two_loops_one_after_the_other(new):
    log = []
    aw = loop(new, numbers(2), logs(log), ends(log))
    rawapi.async_for(aw, numbers(1), logs(log))
    rawapi.async_for(aw, numbers(1), None, ends(log))
    run(aw)
    assert log == [0, 1, "end", 0, "end"]


# iteration.2: what may be iterated over


@pytest.mark.parametrize(
    "make",
    [
        Ready,
        ready,
        lambda number: asyncio.sleep(0, number),
        lambda number: numbers(1).__anext__(),
    ],
    ids=["__await__", "coroutine", "that suspends", "asend"],
)
def test_anext_may_return_anything_that_is_legal_after_await(make, new):
    log = []

    async def main():
        await loop(new, Items(2, make), logs(log), ends(log))

    asyncio.run(main())
    assert log[-1] == "end" and len(log) == 3


def test_anext_may_return_an_awaitable_of_this_library(new):
    def make(number):
        aw = new()
        rawapi.add_await(aw, sleepy(number), keep_result)
        return aw

    log = []
    assert steps(loop(new, Items(3, make), logs(log))) == (None, ["sleepy"] * 3)
    assert log == [0, 1, 2]


class NoAiter:
    async def __anext__(self):
        raise StopAsyncIteration


class AiterOfInstance:
    def __init__(self):
        self.__aiter__ = lambda: numbers(1)


@pytest.mark.parametrize("make", [NoAiter, AiterOfInstance, list, object])
def test_async_for_checks_the_type_at_once(make, new):
    aw, obj = new(), make()
    before = sys.getrefcount(obj)
    with pytest.raises(TypeError, match="'async for' requires an object with __aiter__ method, got"):
        rawapi.async_for(aw, obj)
    assert sys.getrefcount(obj) == before
    assert run(aw) is None


def test_async_for_of_null_is_value_error(new):
    with pytest.raises(ValueError, match="NULL passed to PyAwaitable_AsyncFor"):
        rawapi.async_for(new(), rawapi.NULL)


class Logging(Items):
    def __init__(self, log):
        super().__init__(1)
        self.log = log

    def __aiter__(self):
        self.log.append("aiter")
        return self


def test_aiter_is_called_when_its_turn_comes(new):
    log = []
    aw = new()
    rawapi.add_await(aw, sleepy())
    rawapi.async_for(aw, Logging(log))
    aw.send(None)
    assert log == []
    run(aw)
    assert log == ["aiter"]


class AiterRaises:
    def __aiter__(self):
        raise KeyError("from __aiter__")


class AiterOfInt:
    def __aiter__(self):
        return 5


class AnextOfInt(Items):
    def __anext__(self):
        return 5


class AnextRaises(Items):
    def __anext__(self):
        raise OSError("from __anext__")


class AiterEnds:
    def __aiter__(self):
        raise StopAsyncIteration("from __aiter__")


WRONG = {
    "aiter raises": (AiterRaises, KeyError),
    "aiter ends": (AiterEnds, StopAsyncIteration),
    "aiter is an int": (AiterOfInt, TypeError),
    "anext raises": (lambda: AnextRaises(1), OSError),
    "anext is an int": (lambda: AnextOfInt(1), TypeError),
    "the await raises": (lambda: Items(1, lambda number: failing(KeyError())), KeyError),
}
wrong = pytest.mark.parametrize(("make", "kind"), WRONG.values(), ids=WRONG)


@wrong
def test_it_fails_with_what_async_for_fails_with(make, kind, new):
    async def native():
        async for _ in make():
            pass

    with pytest.raises(kind) as expected:
        run(native())
    with pytest.raises(kind) as found:
        run(loop(new, make(), end=lambda aw: -1))
    assert repr(found.value) == repr(expected.value)
    assert repr(found.value.__cause__) == repr(expected.value.__cause__)


def becomes_an_int(iterable):
    class Other:
        pass

    iterable.__class__ = Other


def test_an_iterable_whose_type_has_changed_meanwhile(new):
    iterable, seen = Items(1), []
    aw = loop(new, iterable, None, None, logs(seen))
    becomes_an_int(iterable)
    run(aw)
    assert [str(exception) for exception in seen] == ["'async for' requires an object with __aiter__ method, got Other"]


def test_an_iterator_whose_type_has_changed_meanwhile(new):
    iterable, seen = Items(2), []
    aw = loop(new, iterable, lambda aw, item: becomes_an_int(iterable), None, logs(seen))
    run(aw)
    assert [str(exception) for exception in seen] == ["'async for' requires an iterator with __anext__ method, got Other"]


# iteration.3: what each and end return


@pytest.mark.parametrize("code", [1, 2, 2**31 - 1])
def test_a_positive_number_from_each_leaves_the_loop(code, new):
    log = []

    def each(aw, item):
        log.append(item)
        rawapi.add_await(aw, sleepy(("added", item)), logs(log))
        return code if item == 1 else 0

    generator = numbers(4, log)
    aw = loop(new, generator, each, ends(log))
    rawapi.defer_await(aw, lambda aw: log.append("after"))
    run(aw)
    # Its generator is not closed.
    assert log == [0, ("added", 0), 1, ("added", 1), "after"]
    assert run(generator.__anext__()) == 2
    run(generator.aclose())


def test_what_each_added_before_it_left_the_loop_may_still_fail(new):
    seen = []

    def each(aw, item):
        rawapi.add_await(aw, failing(KeyError()))
        return 1

    run(loop(new, numbers(2), each, ends(seen), logs(seen)))
    assert [type(exception) for exception in seen] == [KeyError]


@pytest.mark.parametrize("place", ["each", "end"])
@pytest.mark.parametrize(("code", "reaches"), [(-1, True), (-2, False), (-3, False)])
def test_a_negative_number_leaves_the_loop(place, code, reaches, new):
    error, log, seen = ValueError(), [], []

    def fail(*_):
        return code, error

    each, end = (fail, ends(log)) if place == "each" else (logs(log), fail)
    aw = loop(new, numbers(1), each, end, logs(seen))
    rawapi.defer_await(aw, lambda aw: log.append("after"))
    expected = [0] if place == "end" else []
    if reaches:
        run(aw)
        assert (seen, log) == ([error], [*expected, "after"])
    else:
        with pytest.raises(ValueError) as raised:
            run(aw)
        assert (raised.value, seen, log) == (error, [], expected)


@pytest.mark.parametrize("place", ["each", "end"])
@pytest.mark.parametrize("result", [-1, -2, (0, KeyError()), (1, KeyError())])
def test_a_contradiction_of_each_or_end_is_system_error(place, result, new):
    result = result if isinstance(result, tuple) else (result, None)
    functions = {place: lambda *_: result}
    with pytest.raises(SystemError, match="^callback of 'PyAwaitable' returned") as raised:
        run(loop(new, numbers(1), err=handles, **functions))
    assert raised.value.__cause__ is result[1]


def test_a_positive_number_from_end_goes_on(new):
    aw = loop(new, numbers(1), None, lambda aw: 1)
    rawapi.add_await(aw, ready("result"), keep_result)
    assert run(aw) == "result"


# iteration.4: exceptions


@wrong
def test_what_the_iterator_raises_goes_to_err(make, kind, new):
    seen, log = [], []
    aw = loop(new, make(), None, ends(log), logs(seen))
    rawapi.defer_await(aw, lambda aw: log.append("after"))
    run(aw)
    assert [type(exception) for exception in seen] == [kind]
    assert log == ["after"]


@pytest.mark.parametrize("error", [KeyError(), StopAsyncIteration()], ids=repr)
def test_what_was_added_in_the_loop_raises_out_of_it(error, new):
    seen, log = [], []

    def each(aw, item):
        log.append(item)
        rawapi.add_await(aw, failing(error))
        rawapi.defer_await(aw, lambda aw: log.append("dropped"))

    aw = loop(new, numbers(2), each, ends(log), logs(seen))
    rawapi.defer_await(aw, lambda aw: log.append("after"))
    run(aw)
    assert (seen, log) == ([error], [0, "after"])


def test_an_exception_without_err_leaves_the_blocks_outside(new):
    error, log, seen = KeyError(), [], []

    def body(aw, value):
        rawapi.async_for(aw, numbers(2), lambda aw, item: rawapi.async_for(aw, Items(1, failing_with), None))

    def failing_with(number):
        return failing(error)

    aw = new()
    rawapi.async_with(aw, Context(log=log), body, logs(seen))
    run(aw)
    assert (log, seen) == (["enter", ("exit", KeyError)], [error])


def test_the_iterator_is_gone_before_end_and_err(new):
    log = []

    class Watched(Items):
        def __del__(self):
            log.append("gone")

    run(loop(new, Watched(1), None, ends(log)))
    run(loop(new, Watched(1), lambda aw, item: (-1, KeyError()), None, lambda aw, exception: log.append("err")))
    run(loop(new, Watched(1), lambda aw, item: 1, None))
    assert log == ["gone", "end", "gone", "err", "gone"]


class Sleeping(Items):
    """The second item never comes."""

    def make_item(self, number):
        return ready(number) if number < 1 else asyncio.sleep(3600)

    def __init__(self):
        super().__init__(5, self.make_item)


@pytest.mark.parametrize("phase", ["before the first", "awaiting __anext__", "what each added", "in each"])
def test_a_loop_that_is_cancelled(phase, new):
    log = []

    def each(aw, item):
        log.append(item)
        if phase == "what each added":
            rawapi.add_await(aw, asyncio.sleep(3600))
        if phase == "in each":
            asyncio.current_task().cancel()

    async def main():
        aw = new()
        if phase == "before the first":
            rawapi.add_await(aw, asyncio.sleep(3600))
        rawapi.async_for(aw, Sleeping(), each, ends(log), lambda aw, exception: log.append(type(exception)) or -1)
        with pytest.raises(asyncio.CancelledError):
            await under_cancel(aw)

    asyncio.run(main())
    assert log == ([] if phase == "before the first" else [0, asyncio.CancelledError])


def test_a_loop_that_is_closed_sees_generator_exit(new):
    log = []
    aw = loop(new, numbers(3, log), logs(log), ends(log), lambda aw, exception: log.append(type(exception)) or -1)
    assert aw.send(None) == "before 1"
    aw.close()
    assert log == [0, "generator ends", GeneratorExit]


@pytest.mark.parametrize("stops", [False, True])
def test_aclosing_around_a_loop_closes_the_generator(stops, new):
    log = []

    def each(aw, item):
        log.append(item)
        return stops

    def body(aw, generator):
        rawapi.async_for(aw, generator, each, ends(log))

    aw = new()
    rawapi.async_with(aw, aclosing(numbers(2, log)), body)
    run(aw)
    assert log == ([0, "generator ends"] if stops else [0, 1, "generator ends", "end"])


class Closing:
    """`contextlib.aclosing`, for Python 3.9."""

    def __init__(self, thing):
        self.thing = thing

    async def __aenter__(self):
        return self.thing

    async def __aexit__(self, *_):
        await self.thing.aclose()


aclosing = getattr(contextlib, "aclosing", Closing)


# iteration.5: PyAwaitable_Cancel


def test_cancel_drops_a_loop_that_is_queued(new):
    iterable, log = Items(2), []
    before = sys.getrefcount(iterable)
    aw = loop(new, iterable, logs(log), ends(log))
    rawapi.cancel(aw)
    assert sys.getrefcount(iterable) == before
    rawapi.add_await(aw, ready("added"), keep_result)
    assert run(aw) == "added"
    assert log == []


@pytest.mark.parametrize("exhausted", [False, True])
def test_cancel_while_an_item_is_awaited_ends_the_loop_after_it(exhausted, new):
    log = []

    async def iterable():
        yield 0
        await suspend("before 1")
        if not exhausted:
            yield 1
            log.append("too far")

    aw = loop(new, iterable(), logs(log), ends(log), logs(log))
    rawapi.add_await(aw, Ready("dropped"), logs(log))
    assert aw.send(None) == "before 1"
    rawapi.cancel(aw)
    rawapi.add_await(aw, ready("added"), keep_result)
    assert run(aw) == "added"
    assert log == [0]


def test_cancel_while_an_item_is_awaited_lets_its_exception_propagate(new):
    error, log = KeyError(), []

    async def fails_later():
        await suspend("later")
        raise error

    aw = loop(new, Items(1, lambda number: fails_later()), logs(log), ends(log), logs(log))
    assert aw.send(None) == "later"
    rawapi.cancel(aw)
    with pytest.raises(KeyError):
        run(aw)
    assert log == []


def test_cancel_in_each_ends_the_loop(new):
    log = []

    def each(aw, item):
        log.append(item)
        rawapi.cancel(aw)
        rawapi.add_await(aw, ready("added"), logs(log))

    run(loop(new, numbers(3), each, ends(log)))
    assert log == [0, "added"]


@pytest.mark.parametrize("place", ["each", "end"])
def test_cancel_from_each_or_end_leaves_it_the_error_callback(place, new):
    error, seen = ValueError(), []

    def cancel_and_fail(aw, *_):
        rawapi.cancel(aw)
        return -1, error

    run(loop(new, numbers(1), err=logs(seen), **{place: cancel_and_fail}))
    assert seen == [error]


@pytest.mark.parametrize("where", ["__aiter__", "__anext__"])
def test_cancel_by_the_iterator_itself(where, new):
    log = []

    class Cancelling(Items):
        def __aiter__(self):
            self.at("__aiter__")
            return self

        def __anext__(self):
            self.at("__anext__")
            return super().__anext__()

        def at(self, place):
            log.append(place)
            if place == where:
                rawapi.cancel(aw)

    aw = loop(new, Cancelling(3), logs(log), ends(log))
    rawapi.add_await(aw, Ready("dropped"), logs(log))
    run(aw)
    assert log == (["__aiter__"] if where == "__aiter__" else ["__aiter__", "__anext__"])


@pytest.mark.parametrize("where", ["__aiter__", "__anext__", "what __anext__ returned"])
def test_what_the_iterator_adds_runs_after_the_loop(where, new):
    log = []

    class Adding(Items):
        def __aiter__(self):
            self.at("__aiter__")
            return self

        def __anext__(self):
            self.at("__anext__")
            return super().__anext__()

        def at(self, place):
            if place == where and self.next < 2:
                rawapi.add_await(aw, ready("added"), logs(log))

        async def item(self, number):
            self.at("what __anext__ returned")
            return number

    iterable = Adding(1)
    iterable.make = iterable.item
    aw = loop(new, iterable, logs(log), ends(log))
    run(aw)
    assert log[:2] == [0, "end"]
    assert set(log[2:]) == {"added"}


# iteration.6: many items


COUNT = 10_000


class Flat(Items):
    """Counts how deep the stack is where an item is made."""

    deepest = 0

    def __anext__(self):
        depth, frame = 0, sys._getframe()
        while frame is not None:
            depth, frame = depth + 1, frame.f_back
        self.deepest = max(self.deepest, depth)
        return super().__anext__()


def test_many_ready_items_need_no_more_stack_than_one(new):
    deepest = []
    for count in (1, COUNT):
        iterable, seen = Flat(count, ready), []
        assert steps(loop(new, iterable, logs(seen))) == (None, [])
        assert seen == list(range(count))
        deepest.append(iterable.deepest)
    assert deepest[0] == deepest[1]


def no_python(count):
    """Ready items without a line of Python code, where the interpreter would let others run. Their end is a StopIteration."""
    event_loop = asyncio.new_event_loop()
    future = event_loop.create_future()
    future.set_result(None)
    event_loop.close()

    class Iterable:
        __anext__ = staticmethod(functools.partial(next, itertools.repeat(future, count)))

    iterable = Iterable()
    Iterable.__aiter__ = staticmethod(itertools.repeat(iterable).__next__)
    return iterable


def test_ready_items_heed_signals(new):
    class Signalled(Exception):
        pass

    def handler(*_):
        raise Signalled

    def start(aw):
        # Within the step: a machine that is busy might not have come to it in time.
        signal.setitimer(signal.ITIMER_REAL, 0.001)

    aw = new()
    rawapi.defer_await(aw, start)
    rawapi.async_for(aw, no_python(1_000_000))
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(Signalled):
            aw.send(None)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert aw.cr_state == "CORO_CLOSED"


def test_ready_items_let_other_threads_run(new):
    turns, done = [], threading.Event()
    aw = new()

    def other():
        while not done.is_set():
            turns.append(aw.cr_state)
            time.sleep(0.0001)

    thread = threading.Thread(target=other)
    thread.start()
    try:
        # A machine that is busy may keep the other thread from its processor for longer.
        for _ in range(20):
            rawapi.async_for(aw, no_python(200_000))
            with pytest.raises(RuntimeError, match="StopIteration"):
                run(aw)
            if "CORO_RUNNING" in turns:
                break
            aw = new()
    finally:
        done.set()
        thread.join()
    assert "CORO_RUNNING" in turns
