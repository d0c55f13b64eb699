"""Callbacks: when each is called, with what, and the effect of its return value.

Most of these rules are exercised in tests/differential too, at every suspension point; here each is tested separately.
"""

import asyncio
import contextvars
import gc
import sys
import threading
import types
import warnings
import weakref

import pytest
import rawapi
from contract_support import (
    CANCELLED,
    ENTRIES,
    Inner,
    Sleeper,
    awaiting,
    closed_coroutine,
    fails,
    handles,
    logs,
    save_two_of_each,
    under_cancel,
)
from raw_support import Context, Ready, failing, keep_result, ready, run, sleepy, steps, suspend

pytest_plugins = ["raw_fixtures"]

entries = pytest.mark.parametrize("call", ENTRIES.values(), ids=ENTRIES.keys())


# callbacks.1: the queue


def test_the_queue_is_first_in_first_out_deferred_callbacks_included(new):
    log = []
    aw = new()
    rawapi.defer_await(aw, lambda aw: log.append("deferred"))
    rawapi.add_await(aw, ready(1), logs(log))
    rawapi.defer_await(aw, lambda aw: log.append("deferred"))
    rawapi.add_await(aw, ready(2), logs(log))
    rawapi.add_await(aw, ready(3), logs(log))
    assert log == []
    assert steps(aw) == (None, [])
    assert log == ["deferred", 1, "deferred", 2, 3]


def test_what_a_callback_adds_runs_after_what_was_queued_before_it(new):
    log = []

    def adds(aw, value):
        log.append(value)
        rawapi.add_await(aw, ready("added"), logs(log))

    aw = new()
    rawapi.add_await(aw, ready(1), adds)
    rawapi.add_await(aw, ready(2), logs(log))
    run(aw)
    assert log == [1, 2, "added"]


# callbacks.2: the queue of a block


class Adding:
    """Adds to the awaitable from each place where an asynchronous context manager has code."""

    def __init__(self, aw, log, where):
        self.aw, self.log, self.where = aw, log, where

    def at(self, place):
        self.log.append(place)
        if place == self.where:
            rawapi.add_await(self.aw, ready("added"), logs(self.log))

    async def __aenter__(self):
        self.at("enters")

    async def __aexit__(self, *arguments):
        self.at("exits")


@pytest.mark.parametrize("where", ["enters", "body", "exits", "error callback"])
def test_each_open_block_has_a_queue_of_its_own(new, where):
    log = []
    aw = new()
    manager = Adding(aw, log, where)

    def body(aw, value):
        manager.at("body")
        rawapi.add_await(aw, ready("in the block"), logs(log))
        raise ValueError

    def body_or_not(aw, value):
        if where == "error callback":
            body(aw, value)
        manager.at("body")

    rawapi.async_with(aw, manager, body_or_not, lambda aw, exception: manager.at("error callback"))
    rawapi.add_await(aw, ready("after"), logs(log))
    with warnings.catch_warnings():
        # What is queued in the block is dropped with it.
        warnings.simplefilter("ignore", RuntimeWarning)
        run(aw)
    position = log.index("added")
    if where == "body":
        assert log.index("body") < position < log.index("exits")
    else:
        assert position == len(log) - 1 == log.index("after") + 1


# callbacks.3: where an await begins


def test_await_method_is_called_when_its_turn_comes(new):
    log = []

    class Late:
        def __await__(self):
            log.append("called")
            return iter(())

    aw = new()
    rawapi.add_await(aw, sleepy(1), logs(log))
    rawapi.add_await(aw, Late())
    aw.send(None)
    assert log == []
    with pytest.raises(StopIteration):
        aw.send(None)
    assert log == [1, "called"]


NO_ITERATORS = {
    "None": lambda: None,
    "an int": lambda: 1,
    "an object": object,
    "a native coroutine": closed_coroutine,
    "a marked generator": types.coroutine(lambda: (yield)),
}


@pytest.mark.parametrize("make", NO_ITERATORS.values(), ids=NO_ITERATORS.keys())
def test_an_await_of_what_returns_no_iterator(make, new):
    class Wrong:
        def __await__(self):
            return make()

    seen = []
    aw = awaiting(new, Wrong(), err=logs(seen))
    rawapi.add_await(aw, ready("went on"), keep_result)
    assert run(aw) == "went on"
    (error,) = seen
    assert type(error) is TypeError
    assert "__await__" in str(error)


class RaisingAwait:
    def __await__(self):
        raise KeyError("from __await__")


def awaited_by_another():
    inner = sleepy()

    async def other():
        await inner

    waiter = other()
    waiter.send(None)
    return inner, waiter


@pytest.mark.parametrize("make, kind", [(RaisingAwait, KeyError), (awaited_by_another, RuntimeError)])
def test_failure_to_begin_an_await_goes_to_its_error_callback(new, make, kind):
    made = make()
    inner, waiter = made if isinstance(made, tuple) else (made, None)
    seen = []
    aw = awaiting(new, inner, err=logs(seen))
    rawapi.add_await(aw, ready("went on"), keep_result)
    assert run(aw) == "went on"
    assert [type(exception) for exception in seen] == [kind]
    if waiter is not None:
        waiter.close()


# callbacks.4: what a callback returns


def test_add_await_passes_the_awaitable_and_the_result(new):
    aw, value, seen = new(), object(), []
    rawapi.add_await(aw, ready(value), lambda *arguments: seen.extend(arguments))
    run(aw)
    assert seen[0] is aw
    assert seen[1] is value


def test_callback_minus_1_with_an_exception_goes_to_the_error_callback(new):
    seen = []
    run(awaiting(new, ready(), cb=lambda aw, value: (-1, ValueError()), err=logs(seen)))
    assert [type(exception) for exception in seen] == [ValueError]


def test_callback_minus_1_with_an_exception_and_no_error_callback(new):
    with pytest.raises(ValueError):
        run(awaiting(new, ready(), cb=lambda aw, value: (-1, ValueError())))


def test_callback_minus_2_with_an_exception_propagates_past_the_error_callback(new):
    seen = []
    with pytest.raises(ValueError):
        run(awaiting(new, ready(), cb=lambda aw, value: (-2, ValueError()), err=logs(seen)))
    assert seen == []


def callback(aw, answer):
    rawapi.add_await(aw, ready(), lambda aw, value: answer)


def error_callback(aw, answer):
    rawapi.add_await(aw, failing(ValueError("first")), None, lambda aw, exception: answer)


def deferred_callback(aw, answer):
    rawapi.defer_await(aw, lambda aw: answer)


KINDS = [callback, error_callback, deferred_callback]


@pytest.mark.parametrize("code", [-3, -100, -(2**31)])
@pytest.mark.parametrize("add", KINDS)
def test_any_other_negative_value_is_minus_2(add, code, new):
    aw, error = new(), KeyError("set")
    add(aw, (code, error))
    with pytest.raises(KeyError) as caught:
        run(aw)
    assert caught.value is error


@pytest.mark.parametrize("code", [-3, -100])
def test_any_other_negative_value_passes_the_error_callback(code, new):
    aw, seen = new(), []
    rawapi.add_await(aw, ready(), lambda aw, value: (code, KeyError()), lambda aw, exception: seen.append(exception))
    with pytest.raises(KeyError):
        run(aw)
    assert seen == []


# callbacks.5: what a callback may not return


CODES = [-1, -2, -3, -(2**31)]


@pytest.mark.parametrize("code", CODES)
def test_a_callback_that_fails_without_an_exception_is_system_error(code, new):
    aw, seen = new(), []
    rawapi.add_await(aw, ready(), lambda *_: code, lambda *_: seen.append("error callback"))
    with pytest.raises(SystemError) as caught:
        run(aw)
    assert caught.value.__cause__ is None
    assert seen == []


def test_a_callback_that_succeeds_with_an_exception_set_is_system_error(new):
    aw, seen, error = new(), [], KeyError("set")
    rawapi.add_await(aw, ready(), lambda *_: (0, error), lambda *_: seen.append("error callback"))
    with pytest.raises(SystemError, match="returned 0 with an exception set") as caught:
        run(aw)
    assert caught.value.__cause__ is error
    assert seen == []


# callbacks.6: how an error callback is called


def test_error_callback_is_called_as_in_an_except_block(new):
    error, seen = KeyError("inner"), []

    def err(aw, exception):
        seen.append((exception, sys.exc_info()[1]))

    aw = awaiting(new, failing(error), err=err)
    rawapi.defer_await(aw, lambda aw: seen.append(sys.exc_info()[1]))
    run(aw)
    assert seen == [(error, error), None]


def test_add_await_passes_the_awaitable_and_the_exception(new):
    aw, error, seen = new(), ValueError("x"), []

    async def fails():
        raise error

    rawapi.add_await(aw, fails(), None, lambda *arguments: seen.extend(arguments))
    run(aw)
    assert seen[0] is aw
    assert seen[1] is error


# callbacks.7: when an error callback is called


def reraises(aw, exception):
    return -1


@pytest.mark.parametrize("answer, expected", [(handles, False), (reraises, True)])
def test_create_task_and_cancel_with_an_error_callback(new, answer, expected):
    inner, seen = Sleeper(), []

    def err(aw, exception):
        seen.append(type(exception))
        return answer(aw, exception)

    async def main():
        task = asyncio.create_task(awaiting(new, inner.run(), err=err))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main()) is expected
    assert inner.seen == CANCELLED
    assert seen == [asyncio.CancelledError]


@pytest.mark.parametrize("kind", [ValueError, asyncio.CancelledError, KeyboardInterrupt])
def test_error_callback_gets_what_is_thrown_in(new, kind):
    seen = []
    aw = awaiting(new, sleepy(), err=logs(seen))
    aw.send(None)
    thrown = kind()
    with pytest.raises(StopIteration):
        aw.throw(thrown)
    assert seen == [thrown]


def test_error_callback_gets_generator_exit(new):
    seen = []
    aw = awaiting(new, sleepy(), err=lambda aw, exception: seen.append(type(exception)) or -1)
    aw.send(None)
    aw.close()
    assert seen == [GeneratorExit]


# callbacks.8: what an error callback returns


def test_error_callback_0_goes_on_with_the_queue(new):
    aw = awaiting(new, failing(ValueError()), err=handles)
    rawapi.add_await(aw, ready("next"), keep_result)
    assert run(aw) == "next"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of that, under -X dev
def test_error_callback_minus_1_raises_the_same_exception_with_its_traceback(new):
    error = ValueError()
    with pytest.raises(ValueError) as caught:
        run(awaiting(new, failing(error), err=lambda aw, exception: (-1, KeyError("discarded"))))
    assert caught.value is error
    assert error.__context__ is None
    assert [entry.name for entry in caught.traceback][-1] == "failing"


def test_error_callback_minus_2_raises_the_one_now_set(new):
    first, second = ValueError(), KeyError()
    with pytest.raises(KeyError) as caught:
        run(awaiting(new, failing(first), err=lambda aw, exception: (-2, second, True)))
    assert caught.value is second
    assert second.__context__ is first


def test_traceback_and_context_in_an_error_callback(new):
    async def exploding():
        raise ValueError("inside")

    names = []

    def err(aw, exception):
        traceback = exception.__traceback__
        while traceback:
            names.append(traceback.tb_frame.f_code.co_name)
            traceback = traceback.tb_next
        return -2, LookupError("instead")

    with pytest.raises(LookupError) as caught:
        run(awaiting(new, exploding(), err=err))
    assert names == ["exploding"]
    assert type(caught.value.__context__) is ValueError


# callbacks.9: what an error callback may not return


def test_error_callback_minus_2_with_none_set_is_system_error(new):
    error = ValueError()
    with pytest.raises(SystemError) as caught:
        run(awaiting(new, failing(error), err=lambda aw, exception: -2))
    assert caught.value.__context__ is error


def test_error_callback_minus_2_with_none_set_after_cancel_goes_on(new):
    def err(aw, exception):
        rawapi.cancel(aw)
        rawapi.add_await(aw, ready("added"), keep_result)
        return -2

    assert run(awaiting(new, failing(ValueError()), err=err)) == "added"


@pytest.mark.parametrize("add", [error_callback, deferred_callback])
def test_success_with_an_exception_set_is_system_error(add, new):
    aw, error = new(), KeyError("set")
    add(aw, (0, error))
    with pytest.raises(SystemError, match="returned 0 with an exception set") as caught:
        run(aw)
    assert caught.value.__cause__ is error


# callbacks.10: what a deferred callback returns


@pytest.mark.parametrize("code", [-1, -2])
def test_deferred_callback_negative_propagates(new, code):
    aw = new()
    rawapi.defer_await(aw, lambda aw: (code, ValueError()))
    with pytest.raises(ValueError):
        run(aw)


@pytest.mark.parametrize("code", CODES)
def test_a_deferred_callback_that_fails_without_an_exception_is_system_error(code, new):
    aw = new()
    rawapi.defer_await(aw, lambda *_: code)
    with pytest.raises(SystemError):
        run(aw)


# callbacks.11: how a block begins


class NoExit:
    async def __aenter__(self):
        raise AssertionError("entered")


class NoEnter:
    async def __aexit__(self, *details):
        raise AssertionError("exited")


class MethodsOnInstance:
    def __init__(self):
        self.__aenter__ = self.__aexit__ = ready


class Synchronous:
    def __enter__(self):
        raise AssertionError("entered")

    def __exit__(self, *details):
        raise AssertionError("exited")


@pytest.mark.parametrize("make", [NoExit, NoEnter, MethodsOnInstance, Synchronous, object])
def test_async_with_checks_the_type_at_once(make, new):
    aw, obj = new(), make()
    before = sys.getrefcount(obj)
    with pytest.raises(TypeError):
        rawapi.async_with(aw, obj)
    assert sys.getrefcount(obj) == before
    assert run(aw) is None


def test_async_with_gets_the_methods_from_the_type(new):
    context = Context("right")
    context.__aenter__ = context.__aexit__ = None
    aw = new()
    rawapi.async_with(aw, context, keep_result)
    assert run(aw) == "right"


def test_async_with_calls_aenter_when_its_turn_comes(new):
    aw, context = new(), Context()
    rawapi.add_await(aw, sleepy())
    rawapi.async_with(aw, context)
    aw.send(None)
    assert context.log == []
    run(aw)
    assert context.log == ["enter", ("exit", None)]


def test_async_with_whose_aenter_fails_goes_to_err_without_aexit(new):
    class Failing(Context):
        async def __aenter__(self):
            raise KeyError

    seen, context = [], Failing()
    aw = new()
    rawapi.async_with(aw, context, keep_result, logs(seen))
    run(aw)
    assert [type(exception) for exception in seen] == [KeyError]
    assert context.log == []


# callbacks.12: the callback of a block


def test_async_with_callback_gets_the_same_awaitable(new):
    aw, seen = new(), []
    rawapi.save_values(aw, "saved")

    def body(inside, value):
        seen.append((inside, rawapi.get_value(inside, 0)))
        rawapi.set_result(inside, value)

    rawapi.async_with(aw, Context("value"), body)
    assert run(aw) == "value"
    assert seen == [(aw, "saved")]


# callbacks.13: __aexit__ runs once


def test_async_with_whose_body_raises_and_aexit_returns_false(new):
    aw, context = new(), Context(swallow=False)
    rawapi.async_with(aw, context, fails)
    with pytest.raises(ValueError, match="from the callback"):
        run(aw)
    assert context.log == ["enter", ("exit", ValueError)]


def test_async_with_and_an_await_queued_in_the_body_that_raises(new):
    aw, context = new(), Context()
    rawapi.async_with(aw, context, lambda aw, v: rawapi.add_await(aw, failing(KeyError())))
    with pytest.raises(KeyError):
        run(aw)
    assert context.log == ["enter", ("exit", KeyError)]


def test_async_with_and_an_await_queued_in_the_body_that_is_cancelled(new):
    aw, context, inner = new(), Context(), Sleeper()
    rawapi.async_with(aw, context, lambda aw, v: rawapi.add_await(aw, inner.run()))

    async def main():
        await under_cancel(aw)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert inner.seen == CANCELLED
    assert context.log == ["enter", ("exit", asyncio.CancelledError)]


def test_aexit_sees_the_exception_of_the_block_in_sys_exc_info(new):
    seen = []

    class Looking(Context):
        async def __aexit__(self, kind, exception, traceback):
            seen.append(sys.exc_info()[1] is exception)
            await suspend()
            seen.append(sys.exc_info()[1] is exception)
            return True

    aw = new()
    rawapi.async_with(aw, Looking(), fails)
    run(aw)
    assert seen == [True, True]


# callbacks.14: what the callback of a block returns


@pytest.mark.parametrize("code", [-1, -2])
def test_async_with_suppresses_any_negative_return(new, code):
    aw, context = new(), Context(swallow=True)
    rawapi.async_with(aw, context, lambda aw, v: (code, ValueError()))
    run(aw)
    assert context.log == ["enter", ("exit", ValueError)]


@pytest.mark.parametrize("code, expected", [(-1, [ValueError]), (-2, [])])
def test_async_with_minus_1_goes_on_to_err_and_minus_2_past_it(new, code, expected):
    seen, context = [], Context()
    aw = new()
    rawapi.async_with(aw, context, lambda aw, v: (code, ValueError()), lambda aw, exception: seen.append(exception) or -1)
    with pytest.raises(ValueError):
        run(aw)
    assert context.log == ["enter", ("exit", ValueError)]
    assert [type(exception) for exception in seen] == expected


# callbacks.15: an exception from __aexit__


def test_exception_from_aexit_goes_to_err_with_that_of_the_block_as_context(new):
    class Failing(Context):
        async def __aexit__(self, kind, exception, traceback):
            raise KeyError

    seen = []
    aw = new()
    rawapi.async_with(aw, Failing(), fails, logs(seen))
    run(aw)
    (exception,) = seen
    assert (type(exception), type(exception.__context__)) == (KeyError, ValueError)


# callbacks.16: blocks in blocks


def test_blocks_nest(new):
    log = []
    outer, inner = Context(log=log), Context(log=log)

    def body(aw, value):
        rawapi.async_with(aw, inner, fails)

    aw = new()
    rawapi.async_with(aw, outer, body)
    with pytest.raises(ValueError):
        run(aw)
    assert log == ["enter", "enter", ("exit", ValueError), ("exit", ValueError)]


# callbacks.17: what an error callback may do


def test_set_result_adds_and_saves_work_in_an_error_callback(new):
    log = []

    def err(aw, exception):
        rawapi.set_result(aw, exception)
        rawapi.save_values(aw, "saved")
        rawapi.add_await(aw, ready(), lambda aw, value: log.append(rawapi.get_value(aw, 0)))

    error = ValueError()
    assert run(awaiting(new, failing(error), err=err)) is error
    assert log == ["saved"]


# callbacks.18: PyAwaitable_Cancel


def test_cancel_drops_and_releases_what_is_queued(new):
    aw, obj, context, log = new(), Ready(), Context(), []
    before = sys.getrefcount(obj), sys.getrefcount(context)
    rawapi.add_await(aw, obj, lambda aw, result: log.append(result))
    rawapi.async_with(aw, context, lambda aw, value: log.append(value))
    rawapi.defer_await(aw, lambda aw: log.append("deferred"))
    assert rawapi.cancel(aw) is None
    assert (sys.getrefcount(obj), sys.getrefcount(context)) == before
    assert run(aw) is None
    assert log == []


def test_cancel_keeps_the_result_and_the_saved_values(new):
    aw = new()
    rawapi.set_result(aw, "result")
    rawapi.save_values(aw, "saved")
    rawapi.save_arb_values(aw, 123)
    rawapi.save_int_values(aw, 456)
    rawapi.cancel(aw)
    assert rawapi.get_value(aw, 0) == "saved"
    assert rawapi.get_arb_value(aw, 0) == 123
    assert rawapi.get_int_value(aw, 0) == 456
    assert run(aw) == "result"


def test_cancel_lets_more_be_added(new):
    aw = new()
    rawapi.add_await(aw, Ready("dropped"), keep_result)
    rawapi.cancel(aw)
    rawapi.cancel(aw)
    rawapi.add_await(aw, Ready("added"), keep_result)
    assert run(aw) == "added"


def test_cancel_inside_a_callback_then_add_another_await(new):
    dropped = ready("dropped")

    def cancels_and_adds(aw, value):
        rawapi.cancel(aw)
        rawapi.add_await(aw, sleepy("added"), keep_result)

    aw = awaiting(new, sleepy(), cb=cancels_and_adds)
    rawapi.add_await(aw, dropped, keep_result)
    with pytest.warns(RuntimeWarning, match="never awaited"):
        del dropped
        assert run(aw) == "added"


def test_cancel_warns_of_coroutines_that_never_ran(new):
    aw = new()
    rawapi.add_await(aw, ready())
    with pytest.warns(RuntimeWarning, match="'ready' was never awaited"):
        rawapi.cancel(aw)


def warnings_when_dropped(*actions):
    """The warnings when an object is destroyed after only `actions` were done with it."""
    gc.collect()  # what other tests have left behind
    aw = rawapi.new()
    for action in actions:
        action(aw)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del aw
        gc.collect()
    return [(warning.category, str(warning.message)) for warning in caught]


def test_cancel_ends_the_warning_of_an_object_that_was_never_awaited():
    def add(aw):
        rawapi.add_await(aw, Ready())

    assert len(warnings_when_dropped(add)) == 1
    assert warnings_when_dropped(rawapi.cancel) == []
    assert warnings_when_dropped(add, rawapi.cancel) == []
    assert warnings_when_dropped(add, rawapi.cancel, add) == []


# callbacks.19: PyAwaitable_Cancel and an await in progress


def test_an_await_in_progress_is_left_to_finish_after_cancel(new):
    log = []
    inner = Inner(pauses=2)
    aw = awaiting(new, inner.run(), cb=logs(log), err=logs(log))
    rawapi.set_result(aw, "result")
    assert aw.send(None) == "pause"
    rawapi.cancel(aw)
    rawapi.add_await(aw, ready("added"), logs(log))
    assert steps(aw) == ("result", ["pause"])
    assert inner.seen == ["enters", None, None, "leaves"]
    assert log == ["added"]


def test_exception_of_an_await_in_progress_propagates_after_cancel(new):
    seen = []
    aw = awaiting(new, sleepy(), err=logs(seen))
    aw.send(None)
    rawapi.cancel(aw)
    with pytest.raises(KeyError):
        aw.throw(KeyError())
    assert seen == []


def test_cancel_by_the_inner_code_of_the_await_in_progress(new):
    log = []
    aw = new()

    async def inner():
        rawapi.cancel(aw)
        await suspend("still here")
        return "dropped"

    rawapi.add_await(aw, inner(), logs(log), logs(log))
    assert steps(aw) == (None, ["still here"])
    assert log == []


def test_cancel_from_the_callback_of_another_awaitable(new):
    log = []
    first = awaiting(new, sleepy(), cb=logs(log), err=logs(log))
    first.send(None)
    run(awaiting(new, ready(), cb=lambda aw, value: rawapi.cancel(first)))
    assert run(first) is None
    assert log == []


def test_cancel_from_outside_while_suspended_does_not_hang_the_waiting_task(new):
    async def main():
        aw = awaiting(new, asyncio.sleep(0.001, "dropped"))
        rawapi.set_result(aw, "kept")
        task = asyncio.create_task(aw)
        await asyncio.sleep(0)
        rawapi.cancel(aw)
        return await asyncio.wait_for(task, 60)

    assert asyncio.run(main()) == "kept"


# callbacks.20: PyAwaitable_Cancel in an await's own callback


def test_cancel_from_its_own_callback_leaves_it_the_error_callback(new):
    seen = []

    def cb(aw, value):
        rawapi.cancel(aw)
        raise ValueError

    run(awaiting(new, ready(), cb=cb, err=logs(seen)))
    assert [type(exception) for exception in seen] == [ValueError]


# callbacks.21: PyAwaitable_Cancel and blocks


@pytest.mark.parametrize("when", ["aenter in progress", "body in progress"])
def test_blocks_that_were_entered_still_await_aexit_after_cancel(new, when):
    log = []

    class Slow(Context):
        async def __aenter__(self):
            await suspend("entering")
            return await super().__aenter__()

    def outer_body(aw, value):
        rawapi.async_with(aw, Slow(log=log), lambda aw, v: rawapi.add_await(aw, sleepy()))

    aw = new()
    rawapi.async_with(aw, Context(log=log), outer_body)
    assert aw.send(None) == "entering"
    if when == "body in progress":
        assert aw.send(None) == "sleepy"
    rawapi.cancel(aw)
    run(aw)
    assert log == ["enter", "enter", ("exit", None), ("exit", None)]


# callbacks.22: thread and context


def test_callbacks_run_on_the_thread_and_in_the_context_of_the_step(new):
    variable = contextvars.ContextVar("variable", default="outside")
    seen = []

    def note(*arguments):
        seen.append((threading.get_ident(), variable.get()))

    aw = new()
    rawapi.add_await(aw, sleepy(), note)
    rawapi.add_await(aw, failing(ValueError()), None, note)
    rawapi.defer_await(aw, note)

    def step():
        variable.set("inside")
        with pytest.raises(StopIteration):
            aw.send(None)

    aw.send(None)
    thread = threading.Thread(target=contextvars.Context().run, args=(step,))
    thread.start()
    thread.join()
    assert seen == [(thread.ident, "inside")] * 3


def test_callbacks_run_in_the_context_of_the_task(new):
    variable = contextvars.ContextVar("variable")
    seen = []

    async def main():
        variable.set("main")
        aw = awaiting(new, asyncio.sleep(0), cb=lambda aw, value: seen.append(variable.get()))
        variable.set("at create_task")
        task = asyncio.create_task(aw)
        variable.set("later")
        await task

    asyncio.run(main())
    assert seen == ["at create_task"]


# callbacks.23: what a callback may do


def test_callbacks_may_do_anything_to_any_awaitable(new):
    other = new()

    def anything(aw, *value):
        for one in (aw, other):
            rawapi.add_await(one, ready(), None)
            rawapi.cancel(one)
            rawapi.save_values(one, "saved")
            rawapi.unpack_values(one, 1)
            rawapi.set_result(one, "result")
        gc.collect()
        assert run(awaiting(new, ready("nested"))) == "nested"

    aw = new()
    rawapi.add_await(aw, ready(), anything)
    with warnings.catch_warnings():
        # Cancel drops coroutines that never ran, which warn as always.
        warnings.simplefilter("ignore", RuntimeWarning)
        assert run(aw) == "result"
    assert run(other) == "result"


PHASES = ["before", "in a callback", "in the inner code", "suspended"]


@pytest.mark.parametrize("phase", PHASES)
@entries
def test_every_function_works_in_every_phase(call, phase, new):
    aw, called = new(), []

    def attempt(*_):
        call(aw)
        called.append(True)

    async def inner():
        attempt()

    save_two_of_each(aw)
    if phase == "before":
        attempt()
    elif phase == "in a callback":
        rawapi.add_await(aw, ready(), attempt)
    elif phase == "in the inner code":
        rawapi.add_await(aw, inner())
    else:
        rawapi.add_await(aw, sleepy())
        aw.send(None)
        attempt()
    result, _ = steps(aw)
    assert called == [True]
    assert result == ("set" if call is ENTRIES["set_result"] else None)


@pytest.mark.parametrize("kind", ["error", "defer", "with"])
@entries
def test_every_function_works_in_every_kind_of_callback(call, kind, new):
    aw, called = new(), []

    def attempt(*_):
        call(aw)
        called.append(True)

    async def fail():
        raise KeyError

    save_two_of_each(aw)
    if kind == "error":
        rawapi.add_await(aw, fail(), None, attempt)
    elif kind == "defer":
        rawapi.defer_await(aw, attempt)
    else:
        rawapi.async_with(aw, Context(), attempt)
    result, _ = steps(aw)
    assert called == [True]
    assert result == ("set" if call is ENTRIES["set_result"] else None)


# callbacks.24: what is held during a callback


def test_arguments_of_a_callback_outlive_what_it_does(new):
    class Held:
        pass

    def cb(aw, value):
        rawapi.set_value(aw, 0, None)
        rawapi.cancel(aw)
        gc.collect()
        alive.append(gone() is value)

    alive, held = [], Held()
    gone = weakref.ref(held)
    aw = awaiting(new, Ready(held), cb=cb)
    rawapi.save_values(aw, held)
    del held
    run(aw)
    assert alive == [True]


@pytest.mark.parametrize("kind", ["callback", "error callback", "deferred callback", "callback of a block"])
def test_the_library_holds_the_awaitable_during_a_callback(kind, new):
    """In addition to the code that steps it; inner code relies on that."""
    aw, counts = new(), []

    async def inner():
        counts.append(sys.getrefcount(aw))

    def count(*arguments):
        counts.append(sys.getrefcount(aw))

    rawapi.add_await(aw, inner(), count if kind == "callback" else None)
    if kind == "error callback":
        rawapi.add_await(aw, failing(ValueError()), None, count)
    elif kind == "deferred callback":
        rawapi.defer_await(aw, count)
    elif kind == "callback of a block":
        rawapi.async_with(aw, Context(), count)
    run(aw)
    before, during = counts
    # One is the library's, one that of the arguments.
    assert during >= before + 2


# callbacks.25: StopIteration


@pytest.mark.parametrize("where", ["callback", "error callback", "deferred callback", "body"])
def test_stop_iteration_that_would_leave_it_becomes_runtime_error(new, where):
    stop = StopIteration("not a result")
    aw = new()
    if where == "callback":
        rawapi.add_await(aw, ready(), lambda aw, value: (-1, stop))
    elif where == "error callback":
        rawapi.add_await(aw, failing(KeyError()), None, lambda aw, exception: (-2, stop))
    elif where == "deferred callback":
        rawapi.defer_await(aw, lambda aw: (-1, stop))
    else:
        rawapi.async_with(aw, Context(), lambda aw, value: (-1, stop))
    with pytest.raises(RuntimeError) as caught:
        run(aw)
    assert caught.value.__cause__ is stop


@pytest.mark.parametrize("state", ["fresh", "suspended without throw"])
def test_stop_iteration_thrown_in_becomes_runtime_error(new, state):
    """From 3.12 on a coroutine treats it as a result if none of its code sees it."""

    class Bare:
        def __await__(self):
            return self

        def __iter__(self):
            return self

        def __next__(self):
            return "yielded"

    stop = StopIteration("not a result")
    aw = awaiting(new, Bare())
    if state != "fresh":
        aw.send(None)
    with pytest.raises(RuntimeError) as caught:
        aw.throw(stop)
    assert caught.value.__cause__ is stop


def test_error_callbacks_and_aexit_still_see_the_stop_iteration(new):
    stop, seen = StopIteration(), []
    aw, context = new(), Context()
    rawapi.async_with(aw, context, lambda aw, value: (-1, stop), logs(seen))
    run(aw)
    assert context.log == ["enter", ("exit", StopIteration)]
    assert seen == [stop]
