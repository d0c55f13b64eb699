"""Rust futures as coroutines."""

import asyncio
import gc
import inspect
import sys
import threading
import tracemalloc
import weakref

import pytest


def step(coroutine, value=None):
    """The result of a coroutine that never suspends."""
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(value)
    return stopped.value.value


@pytest.mark.parametrize("value", [1, "text", None, (), StopIteration(3), [1, 2]])
def test_result(behaviours, run, value):
    async def main():
        return await behaviours.ready(value)

    assert run(main) is value


def test_unit_is_none(behaviours):
    assert step(behaviours.nothing()) is None


def test_future_that_needs_the_interpreter(behaviours):
    assert step(behaviours.modules()) == len(sys.modules)


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, asyncio.CancelledError])
def test_error_is_the_same_exception(behaviours, kind):
    error = kind("text")
    with pytest.raises(kind) as raised:
        behaviours.fails(error).send(None)
    assert raised.value is error


@pytest.mark.parametrize("kind", [StopIteration])
def test_stop_iteration_becomes_a_runtime_error(behaviours, kind):
    with pytest.raises(RuntimeError, match="coroutine raised StopIteration") as raised:
        behaviours.fails(kind("text")).send(None)
    assert type(raised.value.__cause__) is kind


def test_is_a_coroutine_in_every_respect(behaviours):
    coroutine = behaviours.nothing()
    assert inspect.isawaitable(coroutine)
    assert coroutine.cr_state == "CORO_CREATED"
    assert weakref.ref(coroutine)() is coroutine
    assert coroutine.cr_await is None
    with pytest.raises(TypeError, match="can't send non-None value to a just-started coroutine"):
        coroutine.send(1)
    assert step(coroutine) is None
    assert coroutine.cr_state == "CORO_CLOSED"
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        coroutine.send(None)


def test_never_awaited(behaviours):
    with pytest.warns(ResourceWarning, match="awaitable 'sleep' was never awaited"):
        behaviours.names("sleep", None)


@pytest.mark.parametrize(("qualname", "shown"), [(None, "fetch"), ("Client.fetch", "Client.fetch")])
def test_names(behaviours, qualname, shown):
    coroutine = behaviours.names("fetch", qualname)
    assert (coroutine.__name__, coroutine.__qualname__) == ("fetch", shown)
    assert shown in repr(coroutine)
    coroutine.close()


def test_wrong_arguments_are_a_type_error_of_the_call(behaviours):
    with pytest.raises(TypeError):
        behaviours.outcomes(1)


class Waits:
    """Suspends once with a value, and returns what is sent for it."""

    def __init__(self, value="suspended"):
        self.value = value
        self.was_closed = False

    def __await__(self):
        try:
            return (yield self.value)
        except GeneratorExit:
            self.was_closed = True
            raise


def test_dropped_once_at_the_end(behaviours, here):
    dropped = []
    coroutine = behaviours.holds(Waits(), dropped)
    assert coroutine.send(None) == "suspended"
    assert dropped == []
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert dropped == [here]
    del coroutine
    assert dropped == [here]


def test_dropped_once_when_closed(behaviours, here):
    dropped, waits = [], Waits()
    coroutine = behaviours.holds(waits, dropped)
    coroutine.send(None)
    coroutine.close()
    assert waits.was_closed
    assert dropped == [here]


def test_dropped_without_being_polled_when_closed_before_the_start(behaviours, here):
    dropped, waits = [], Waits()
    coroutine = behaviours.holds(waits, dropped)
    coroutine.close()
    assert (dropped, waits.was_closed) == ([here], False)


def test_dropped_without_being_polled_when_thrown_into_before_the_start(behaviours, here):
    dropped = []
    coroutine = behaviours.holds(Waits(), dropped)
    with pytest.raises(ValueError, match="early"):
        coroutine.throw(ValueError("early"))
    assert dropped == [here]


def test_dropped_with_the_object(behaviours, here):
    dropped = []
    coroutine = behaviours.holds(Waits(), dropped)
    coroutine.send(None)
    del coroutine
    assert dropped == [here]


def test_dropped_with_a_new_object(behaviours, here):
    dropped = []
    with pytest.warns(ResourceWarning, match="never awaited"):
        behaviours.holds(Waits(), dropped)
    assert dropped == [here]


def test_stepped_by_several_threads(behaviours, here):
    dropped, stepped = [], []
    coroutine = behaviours.holds(Waits(), dropped)
    first = threading.Thread(target=lambda: stepped.append(coroutine.send(None)))
    first.start()
    first.join()
    assert stepped == ["suspended"]
    assert step(coroutine, 5) == 5
    assert dropped == [here]


def test_local_future_is_not_polled_by_another_thread(behaviours, unraisable):
    dropped, raised = [], []

    def other():
        try:
            coroutine.send(None)
        except RuntimeError as error:
            raised.append(str(error))

    coroutine = behaviours.holds_local(Waits(), dropped)
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert raised == ["this coroutine can be stepped only by the thread that has created it"]
    # Leaked, since nobody may drop it there.
    assert dropped == []
    assert [(kind, "leaked" in text) for kind, text, _ in unraisable] == [(RuntimeError, True)]


def test_local_future_in_its_thread(behaviours, run, sleep, here):
    dropped = []

    async def main():
        return await behaviours.holds_local(sleep(0), dropped)

    assert run(main) is None
    assert dropped == [here]


@pytest.mark.parametrize(("message", "text"), [("wrong", "wrong"), ("", "no text of its own")])
def test_panic_is_an_exception(behaviours, run, message, text, capfd):
    async def main():
        coroutine = behaviours.panics(message)
        with pytest.raises(BaseException, match=text) as raised:
            await coroutine
        assert type(raised.value).__name__ == "PanicException"
        assert not isinstance(raised.value, Exception)
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await coroutine

    run(main)


def test_panic_in_a_conversion(behaviours):
    with pytest.raises(BaseException, match="in a conversion") as raised:
        behaviours.panics_in_conversion().send(None)
    assert type(raised.value).__name__ == "PanicException"


def test_panic_in_a_destructor_is_unraisable(behaviours, unraisable):
    behaviours.panics_when_dropped(Waits()).close()
    assert [(kind.__name__, text, place) for kind, text, place in unraisable] == [
        ("PanicException", "in a destructor", "Coroutine")
    ]


@pytest.mark.filterwarnings("ignore:awaitable 'Coroutine' was never awaited:ResourceWarning")
def test_panic_in_a_destructor_of_an_object_that_goes(behaviours, unraisable):
    behaviours.panics_when_dropped(Waits())
    assert [(kind.__name__, text) for kind, text, _ in unraisable] == [("PanicException", "in a destructor")]


def test_panic_in_a_destructor_while_the_future_is_polled(behaviours):
    coroutine = behaviours.panics_when_dropped(Waits())
    coroutine.send(None)
    with pytest.raises(BaseException, match="in a destructor") as raised:
        coroutine.close()
    assert type(raised.value).__name__ == "PanicException"


def test_panic_of_what_is_awaited_is_an_error(behaviours, capfd):
    """PyO3 itself would panic again."""
    [(is_result, error)] = step(behaviours.outcomes([behaviours.panics("inner")]))
    assert not is_result
    assert type(error).__name__ == "PanicException"
    assert "resuming a panic" not in capfd.readouterr().err


def test_future_that_is_aligned_to_more_than_a_frame(behaviours):
    coroutine = behaviours.aligned(Waits())
    coroutine.send(None)
    assert step(coroutine) == (0, 7)


def test_other_threads_run_while_a_detached_future_is_polled(behaviours, run):
    async def main():
        return await behaviours.detached(threading.get_ident)

    assert run(main) != threading.get_ident()


def test_awaits_while_detached(behaviours, run, sleep):
    async def main():
        await behaviours.awaits_detached(sleep(0))
        return await behaviours.awaits_detached(behaviours.ready(5))

    assert run(main) == 5


def test_size_counts_the_future(behaviours):
    small, large = behaviours.nothing(), behaviours.outcomes([])
    assert 96 < sys.getsizeof(small) <= sys.getsizeof(large)
    small.close()
    large.close()


def test_no_memory_is_lost(behaviours, here):
    def work():
        for _ in range(200):
            dropped = []
            coroutine = behaviours.holds(Waits(), dropped)
            coroutine.send(None)
            coroutine.close()
            step(behaviours.outcomes([behaviours.ready(object()), behaviours.fails(ValueError()), 1]))
            assert dropped == [here]
        gc.collect()

    tracemalloc.start()
    try:
        sizes = []
        for _ in range(8):
            work()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # The interpreter keeps some now and then; what is lost is lost in each round.
    assert min(after - before for before, after in zip(sizes, sizes[1:])) < 2000
