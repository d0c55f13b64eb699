"""Bugs that reviews found after the fact, each with the test that would have caught it."""

import gc
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref
from pathlib import Path

import pytest
import rawapi
from raw_support import ready, run, suspend

pytest_plugins = ["raw_fixtures"]


class Plain:
    """An iterator that is awaited, and has neither send, throw nor close."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return 1


class Unthrowable(Plain):
    @property
    def throw(self):
        raise OSError("no throw today")


async def native(inner):
    return await inner


def in_c(inner):
    aw = rawapi.new()
    rawapi.add_await(aw, inner)
    return aw


SUSPENDED_CHAIN = """
import warnings
import rawapi
from raw_support import suspend

def saved(aw, inner): rawapi.save_values(aw, inner)
def result(aw, inner): rawapi.set_result(aw, inner)
def queued(aw, inner): rawapi.add_await(aw, inner)

closed = 0
def count(aw, exception):
    global closed
    closed += 1
    return -1

count = rawapi.Callback(count)
# Not among the module's variables: without a GIL, those are locked while one of them is deleted, and count() waits.
def chain(hold):
    previous = None
    for _ in range(60_000):
        aw = rawapi.new()
        rawapi.add_await(aw, suspend(), None, count)
        if previous is not None:
            hold(aw, previous)
        aw.send(None)
        previous = aw
    del aw
    {end}
    del previous

for hold in saved, result, queued:
    chain(hold)
    assert closed == 60_000, closed
    closed = 0
print("ok")
"""


@pytest.mark.parametrize("end", ["pass", "previous.close()"], ids=["dropped", "closed"])
def test_a_chain_of_suspended_awaitables_is_released_without_recursion(end):
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SUSPENDED_CHAIN.replace("{end}", end)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stdout == "ok\n", done.stderr[-2000:]


@pytest.mark.parametrize("thrown", [ValueError("thrown"), GeneratorExit("thrown")], ids=repr)
def test_what_is_thrown_into_aexit_has_the_exception_of_the_block_as_its_context(thrown, new):
    class Context:
        async def __aenter__(self):
            pass

        async def __aexit__(self, *arguments):
            await suspend()

    seen = []
    aw = new()
    body = KeyError("body")

    def on_error(aw, exception):
        seen.append(exception.__context__)
        return -1

    rawapi.async_with(aw, Context(), lambda aw, value: (-1, body), on_error)
    aw.send(None)
    with pytest.raises(type(thrown)):
        aw.throw(thrown)
    assert seen == [body]


@pytest.mark.parametrize("make", [native, in_c])
@pytest.mark.parametrize("thrown", [ValueError(), GeneratorExit()], ids=repr)
@pytest.mark.parametrize("started", [False, True])
def test_what_is_thrown_does_not_take_its_context_from_the_thrower(make, thrown, started):
    awaitable = make(Plain())
    if started:
        awaitable.send(None)
    thrown.__context__ = None
    try:
        raise KeyError
    except KeyError:
        with pytest.raises(type(thrown)) as caught:
            awaitable.throw(thrown)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("step", ["throw", "close"])
def test_throw_and_close_reach_as_deep_as_send(step):
    closed = []

    async def leaf():
        try:
            await suspend()
        finally:
            closed.append(True)

    awaitable = leaf()
    for _ in range(900):
        awaitable = in_c(awaitable)
    try:
        awaitable.send(None)
    except RecursionError:
        # CPython 3.12.1 gives native coroutines less room than that, too.
        pytest.skip("this interpreter cannot nest 900 coroutines of its own")
    if step == "close":
        awaitable.close()
    else:
        with pytest.raises(KeyError):
            awaitable.throw(KeyError())
    assert closed == [True]


def test_adding_a_marked_generator_without_memory_is_memory_error_or_success(new):
    inner = suspend()
    try:
        rawapi.with_failing_allocation(1, rawapi.add_await, new(), inner)
    except MemoryError:
        pass
    inner.close()


def test_await_function_whose_arguments_run_python_keeps_the_exception_that_is_set(new):
    class Key:
        def __hash__(self):
            return 4

    aw = new()
    called = rawapi.with_exception_set(rawapi.await_function, aw, lambda mapping: ready("value"), "{O:O}", None, None, Key(), 1)
    assert called
    run(aw)


@pytest.mark.parametrize("inner, thrown", [(Plain, 1), (Unthrowable, KeyError)])
def test_a_throw_that_cannot_be_carried_out_disturbs_nothing(inner, thrown):
    outcomes = []
    for make in native, in_c:
        awaited = inner()
        awaitable = make(awaited)
        awaitable.send(None)
        with pytest.raises((TypeError, OSError)) as caught:
            awaitable.throw(thrown)
        outcomes.append((type(caught.value), awaitable.cr_await is awaited))
    assert outcomes[0] == outcomes[1]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="three arguments are deprecated since 3.12")
def test_three_arguments_of_throw_warn_once_however_deep():
    counts = []
    for make in native, in_c:
        awaitable = make(make(suspend()))
        awaitable.send(None)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(KeyError):
                awaitable.throw(KeyError, KeyError("text"), None)
        counts.append(len([each for each in caught if each.category is DeprecationWarning]))
    assert counts == [1, 1]


def nested_blocks(number):
    """An awaitable inside this many blocks, each with an await queued in it."""

    class Context:
        async def __aenter__(self):
            pass

        async def __aexit__(self, *arguments):
            pass

    aw = rawapi.new()
    left = [number]

    def enter(aw, value):
        left[0] -= 1
        if left[0] > 0:
            rawapi.async_with(aw, Context(), enter_callback)
            rawapi.add_await(aw, ready())
        else:
            rawapi.add_await(aw, suspend())
        return 0

    enter_callback = rawapi.Callback(enter)
    rawapi.async_with(aw, Context(), enter_callback)
    aw.send(None)
    return aw


@pytest.mark.filterwarnings("ignore:coroutine 'ready' was never awaited")
def test_cancel_takes_no_longer_for_each_block_the_more_there_are():
    def seconds(number):
        aw = nested_blocks(number)
        before = time.process_time()
        rawapi.cancel(aw)
        taken = time.process_time() - before
        run(aw)
        return taken

    few = min(seconds(2_000) for _ in range(3))
    many = min(seconds(32_000) for _ in range(3))
    # Sixteen times as many: once, it took as many times that again.
    assert many < 100 * few


def test_result_of_an_awaitable_that_is_kept_is_not_held_beyond_its_await():
    class Value:
        gone = False

        def __del__(self):
            Value.gone = True

    async def main():
        aw = rawapi.new()
        rawapi.set_result(aw, Value())
        await aw
        assert Value.gone
        Value.gone = False
        await make()
        assert Value.gone

    def make():
        aw = rawapi.new()
        rawapi.set_result(aw, Value())
        return aw

    run(main())


def test_next_of_an_awaitable_gives_a_stop_iteration_of_its_own():
    def make(value):
        aw = rawapi.new()
        rawapi.set_result(aw, value)
        return aw

    caught = []
    for value in "first", "second", (1, 2), "fourth":
        with pytest.raises(StopIteration) as info:
            next(make(value))
        caught.append(info.value)
    assert [stop.value for stop in caught] == ["first", "second", (1, 2), "fourth"]
    assert [stop.args for stop in caught] == [("first",), ("second",), ((1, 2),), ("fourth",)]
    assert len(set(map(id, caught))) == 4


def test_arguments_that_somebody_gave_a_kept_stop_iteration_are_left_alone():
    """On 3.14 the interpreter borrows what `next` is called with, so that the object seems to be unshared."""
    empty = ()
    kept = []
    for _ in range(3):
        aw = rawapi.new()
        rawapi.set_result(aw, "value")
        try:
            next(aw)
        except StopIteration as stop:
            assert stop.args == ("value",)
            stop.args = empty
            kept.append(stop)
        del aw
        assert not gc.is_tracked(empty)
    assert [(stop.args, stop.value) for stop in kept] == [((), "value")] * 3


def test_a_stop_iteration_that_a_tracer_keeps_is_known_to_the_collector():
    """The one that is kept for the next is not."""
    seen = []

    def trace(frame, event, argument):
        if event == "exception" and argument[0] is StopIteration:
            seen.append(argument[1])
        return trace

    def make(value):
        aw = rawapi.new()
        rawapi.set_result(aw, value)
        return aw

    async def main():
        return [await make("first"), await make("second")]

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        assert run(main()) == ["first", "second"]
    finally:
        sys.settrace(before)
    if (3, 12) <= sys.version_info < (3, 15):
        # `await` raises it there, in sight of tracers.
        values = [stop.value for stop in seen]
        assert "first" in values and "second" in values
    assert all(map(gc.is_tracked, seen))


class Value:
    """Weak references tell when it has gone."""


def take(step):
    """The result of a step that is the last."""
    try:
        step()
    except StopIteration as stop:
        return stop.value
    raise AssertionError


def returning(value):
    aw = rawapi.new()
    rawapi.set_result(aw, value)
    return aw


def test_result_that_is_taken_in_an_except_block_does_not_hold_its_exception():
    """Nor the frames of its traceback."""

    class Failure(Exception):
        pass

    async def main():
        try:
            raise Failure
        except Failure as error:
            await returning(42)
            return weakref.ref(error)

    # Somebody else's is in the way of the first.
    kept = [take(returning(n).__await__().__next__) for n in range(3)]
    assert kept == [0, 1, 2]
    for _ in range(3):
        error = run(main())
        gc.collect()
        assert error() is None
        assert run(awaits_a_call("next")) == "next"


def test_result_that_python_takes_from_an_iterator_is_nobody_elses():
    def step(aw):
        local = Value()
        iterator = aw.__await__()
        del aw
        assert take(iterator.__next__) is not None
        return weakref.ref(local)

    for next_step in (step, lambda aw: step(native(aw))):
        value = Value()
        gone = weakref.ref(value), next_step(returning(value))
        del value
        gc.collect()
        assert [reference() for reference in gone] == [None, None]


def test_result_that_python_takes_by_next_is_nobody_elses():
    """From 3.14 on the interpreter borrows what it calls `next` with, and the object seems to be about to be destroyed."""

    def step(value):
        local = Value()
        aw = returning(value)
        del value
        assert take(lambda: next(aw)) is not None
        return weakref.ref(local)

    value = Value()
    gone = weakref.ref(value), step(value)
    del value
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


async def awaits_a_call(value):
    return await returning(value)


def test_results_whose_end_takes_results_leave_nothing():
    class AwaitsAtItsEnd:
        def __del__(self):
            run(awaits_a_call(1))

    def stops():
        gc.collect()
        return sum(type(found) is StopIteration for found in gc.get_objects())

    def round_of_results():
        iterator = returning(AwaitsAtItsEnd()).__await__()
        take(iterator.__next__)
        run(awaits_a_call(2))

    round_of_results()
    before = stops()
    for _ in range(20):
        round_of_results()
    assert stops() <= before + 1


@pytest.mark.parametrize("depth", [0, 40, 60, 99, 150, 1000])
def test_what_a_destructor_drops_at_the_end_of_a_chain_goes_at_once(depth):
    seen = []

    async def inner():
        try:
            await suspend(1)
        finally:
            seen.append("closed")

    class DropsAtItsEnd:
        def __del__(self):
            aw = in_c(inner())
            aw.send(None)
            del aw
            seen.append("dropped")
            for _ in range(100):
                value = Value()
                alive = weakref.ref(value)
                aw = rawapi.new()
                rawapi.save_values(aw, value)
                rawapi.cancel(aw)
                del value, aw
                seen.append(alive())

    chain = DropsAtItsEnd()
    for _ in range(depth):
        aw = rawapi.new()
        rawapi.save_values(aw, chain)
        rawapi.cancel(aw)
        chain = aw
    aw = None
    del chain
    assert seen == ["closed", "dropped"] + [None] * 100


def many_awaits(first=None):
    aw = rawapi.new()
    if first is not None:
        rawapi.defer_await(aw, first)
    for _ in range(300_000):
        inner = rawapi.new()
        rawapi.cancel(inner)  # no warning if it is never awaited
        rawapi.add_await(aw, inner)
    return aw


def test_a_step_over_awaits_that_do_not_suspend_heeds_signals(slots):
    class Signalled(Exception):
        pass

    def handler(*_):
        raise Signalled

    def start(aw):
        # Within the step: a machine that is busy might not have come to it in time.
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        return 0

    aw = many_awaits(start)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(Signalled):
            aw.send(None)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert aw.cr_state == "CORO_CLOSED"
    gc.collect()


@pytest.mark.parametrize("before", [0.005, 30])
def test_a_step_over_awaits_that_do_not_suspend_lets_other_threads_run(before):
    turns = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(before)
    try:
        run(many_awaits())
    finally:
        sys.setswitchinterval(interval)
    done = threading.Event()

    def other():
        while not done.is_set():
            turns.append(aw.cr_state)
            time.sleep(0.0001)

    aw = many_awaits()
    thread = threading.Thread(target=other)
    thread.start()
    try:
        # The default switch interval is a tenth of a step's time or more; a machine that is busy may keep the other
        # thread from its processor for longer.
        for _ in range(20):
            assert run(aw) is None
            if "CORO_RUNNING" in turns:
                break
            aw = many_awaits()
    finally:
        done.set()
        thread.join()
    assert "CORO_RUNNING" in turns


def test_cancel_by_what_goes_with_a_failed_await_drops_its_error_callback(slots):
    """An inner awaitable that ignores GeneratorExit is released, and so closed, before its failure is handled."""
    called = []
    outer, inner = rawapi.new(), rawapi.new()

    def cancels(aw, exception):
        rawapi.cancel(outer)
        return 0

    def refuses_to_die(aw, exception):
        rawapi.add_await(aw, native(suspend(2)), None, cancels)
        return 0

    rawapi.add_await(inner, native(suspend(1)), None, refuses_to_die)
    rawapi.add_await(outer, inner, None, lambda aw, exception: called.append(exception))
    assert outer.send(None) == 1
    del inner
    with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit"):
        outer.close()
    assert called == []


def test_cancel_by_what_goes_with_an_await_drops_its_callback(slots):
    called = []
    outer = rawapi.new()

    class Inner:
        def __await__(self):
            return self

        def __next__(self):
            raise StopIteration("value")

        def __del__(self):
            rawapi.cancel(outer)

    rawapi.add_await(outer, Inner(), lambda aw, value: called.append(value))
    assert run(outer) is None
    assert called == []


def dropping_its_only_reference(make):
    """What awaits a coroutine that only a list has held, natively and in C."""

    async def popped(held):
        return await held.pop()

    def popped_in_c(held):
        aw = rawapi.new()
        rawapi.add_await(aw, held.pop())
        return aw

    return {"native": popped, "C": popped_in_c}[make]


@pytest.mark.parametrize("make", ["native", "C"])
def test_a_coroutine_that_was_stepped_by_hand_is_being_awaited_whoever_holds_it(make):
    async def inner():
        await suspend("first")
        log.append("ran on")

    log = []
    held = [inner()]
    held[0].send(None)
    awaitable = dropping_its_only_reference(make)(held)
    with pytest.raises(RuntimeError, match="coroutine is being awaited already"):
        awaitable.send(None)
    assert log == []


@pytest.mark.parametrize("thrown", [(GeneratorExit, None, 5), (GeneratorExit(), 5)])
@pytest.mark.parametrize("make", [native, in_c])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_generator_exit_that_cannot_be_made_closes_what_is_awaited_alone(make, thrown):
    async def inner():
        try:
            await suspend("first")
        finally:
            log.append("closed")

    log = []
    awaitable = make(inner())
    awaitable.send(None)
    with pytest.raises(TypeError):
        awaitable.throw(*thrown)
    assert log == ["closed"]
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        awaitable.send(None)


def test_a_generator_exit_that_cannot_be_made_leaves_it_suspended(new):
    aw = new()
    rawapi.add_await(aw, suspend("first"))
    aw.send(None)
    with pytest.raises(TypeError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aw.throw(GeneratorExit(), 5)
    assert aw.cr_suspended
    aw.close()


def test_a_destructor_finds_no_saved_object_under_the_index_of_another(new):
    class Nosy:
        def __del__(self):
            for index in range(4):
                try:
                    seen.append(rawapi.get_value(aw, index))
                except IndexError:
                    seen.append("nothing")

    seen = []
    aw = new()
    rawapi.save_values(aw, Nosy(), "one", "two", "three")
    assert run(aw) is None
    assert seen == ["nothing"] * 4
