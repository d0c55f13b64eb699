"""What goes wrong with the original PyAwaitable, row by row, and the rules for callbacks and steps.

The first part has a test for each mistake that the original makes and a native `async def` does not.
The second has one for each rule of the contract on callbacks, the third on steps. Most of the rules
are seen at work in tests/differential as well, at every suspension point; here each one stands alone.
"""

import asyncio
import contextvars
import gc
import inspect
import shutil
import subprocess
import sys
import sysconfig
import threading
import tracemalloc
import types
import warnings
import weakref

import anyio
import pytest
import rawapi
import trio
from raw_support import Context, Ready, failing, keep_result, ready, run, sleepy, steps, suspend

import pyawaitable

pytest_plugins = ["raw_fixtures"]


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
    aw = new()
    for inner in inners:
        rawapi.add_await(aw, inner, cb, err)
    return aw


def fails(aw, value):
    raise ValueError("from the callback")


def handles(aw, exception):
    return 0


def reraises(aw, exception):
    return -1


# What goes wrong with the original.


@pytest.mark.parametrize(
    "value",
    [(1, 2), (), ((),), StopIteration(1), StopIteration(), StopIteration((1, 2))],
    ids=repr,
)
def test_await_of_a_result_that_is_a_tuple_or_a_stop_iteration(new, value):
    async def native():
        return await awaiting(new, ready(value))

    assert run(native()) is value
    assert run(awaiting(new, ready(value))) is value
    assert asyncio.run(native()) is value


def under_wait_for(aw):
    return asyncio.wait_for(aw, 0.001)


async def under_timeout(aw):
    async with asyncio.timeout(0.001):
        await aw


async def under_task_group(aw):
    async def sibling():
        await asyncio.sleep(0)
        raise ValueError

    async with asyncio.TaskGroup() as group:
        group.create_task(aw)
        group.create_task(sibling())


async def under_cancel(aw):
    task = asyncio.ensure_future(aw)
    await asyncio.sleep(0)
    task.cancel()
    await task


NEWER = [under_timeout, under_task_group] if sys.version_info >= (3, 11) else []


@pytest.mark.parametrize("under", [under_cancel, under_wait_for, *NEWER])
def test_cancel_wait_for_timeout_and_task_group_reach_the_inner_coroutine(new, under):
    inner = Sleeper()

    async def main():
        await under(awaiting(new, inner.run()))

    with pytest.raises(BaseException):  # noqa: B017  (a different one each)
        asyncio.run(main())
    assert inner.seen == CANCELLED


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


def test_throw_on_it(new):
    inner, thrown = Inner(), ValueError("thrown")
    aw = awaiting(new, inner.run())
    aw.send(None)
    with pytest.raises(ValueError) as caught:
        aw.throw(thrown)
    assert caught.value is thrown
    assert inner.seen == ["enters", ValueError, "leaves"]


def test_value_sent_through_it(new):
    inner, value = Inner(), object()
    aw = awaiting(new, inner.run())
    assert aw.send(None) == "pause"
    with pytest.raises(StopIteration):
        aw.send(value)
    assert inner.seen == ["enters", value, "leaves"]


@pytest.mark.parametrize("place", ["the task itself", "awaited"])
@pytest.mark.parametrize("backend", ["trio", "anyio on asyncio", "anyio on trio"])
def test_trio_and_anyio_on_both_backends(new, backend, place):
    value = object()

    async def inner():
        await (trio.sleep(0) if backend == "trio" else anyio.sleep(0))
        return value

    aw = awaiting(new, inner())

    async def main():
        return await aw

    function = main if place == "awaited" else lambda: aw
    if backend == "trio":
        assert trio.run(function) is value
    else:
        assert anyio.run(function, backend=backend.rpartition(" ")[2]) is value


def test_stepping_it_as_a_task_takes_as_many_steps_as_the_coroutine_inside(new):
    assert steps(Inner(pauses=3).run()) == ("value", ["pause"] * 3)
    assert steps(awaiting(new, Inner(pauses=3).run())) == ("value", ["pause"] * 3)


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


def test_cancel_from_outside_while_suspended_does_not_hang_the_waiting_task(new):
    async def main():
        aw = awaiting(new, asyncio.sleep(0.001, "dropped"))
        rawapi.set_result(aw, "kept")
        task = asyncio.create_task(aw)
        await asyncio.sleep(0)
        rawapi.cancel(aw)
        return await asyncio.wait_for(task, 60)

    assert asyncio.run(main()) == "kept"


def test_two_waiters(new):
    async def main():
        aw = awaiting(new, asyncio.sleep(0.001, "value"))

        async def waiter():
            return await aw

        return await asyncio.gather(waiter(), waiter(), return_exceptions=True)

    first, second = asyncio.run(main())
    assert first == "value"
    assert type(second) is RuntimeError


def test_never_awaited_does_not_crash(run_python):
    finished = run_python(
        "import rawapi; aw = rawapi.new(); rawapi.save_values(aw, [aw]); del aw\n"
        "import gc; gc.collect(); rawapi.new(); gc.collect()",
        "-W",
        "always",
    )
    assert finished.stderr.count("ResourceWarning: awaitable 'PyAwaitable' was never awaited") == 2


def test_type_error_of_a_failed_add_await_survives_the_release_of_the_awaitable():
    def author():
        aw = rawapi.new()
        try:
            rawapi.add_await(aw, 42)
        finally:
            del aw

    with pytest.warns(ResourceWarning), pytest.raises(TypeError, match="int"):
        author()


def test_an_object_of_another_type_passed_to_the_api():
    for other in (object(), 42, type, ready):
        with pytest.raises(TypeError):
            rawapi.set_result(other, None)


@pytest.mark.parametrize("wrong", [None, 5, object()])
def test_an_await_method_that_returns_no_iterator(new, wrong):
    class Wrong:
        def __await__(self):
            return wrong

    seen = []
    with pytest.raises(TypeError, match="__await__"):
        run(awaiting(new, Wrong(), err=lambda aw, exception: seen.append(exception) or -1))
    assert len(seen) == 1


def test_a_generator_marked_by_types_coroutine(new):
    assert steps(awaiting(new, suspend("yielded"))) == (None, ["yielded"])


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


def test_stop_iteration_raised_in_a_callback(new):
    def stops(aw, value):
        raise StopIteration("not a result")

    with pytest.raises(RuntimeError) as caught:
        run(awaiting(new, ready(), cb=stops))
    assert type(caught.value.__cause__) is StopIteration


def test_cycle_through_a_queued_coroutine_does_not_leak(slots):
    class Held:
        pass

    held = Held()
    gone = weakref.ref(held)

    async def inner(*what):
        pass

    aw = rawapi.new()
    rawapi.add_await(aw, inner(aw, held))
    del held
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        del aw
        gc.collect()
    assert gone() is None


def test_a_second_set_result_does_not_leak_the_first(new):
    first = object()
    before = sys.getrefcount(first)
    aw = new()
    rawapi.set_result(aw, first)
    rawapi.set_result(aw, None)
    assert sys.getrefcount(first) == before


def test_awaits_each_queued_by_the_last_callback_take_no_more_memory(new):
    def following(aw, value):
        if value:
            rawapi.add_await(aw, Ready(value - 1), callback)

    callback = rawapi.Callback(following)
    aw = new()
    rawapi.add_await(aw, Ready(20_000), callback)
    tracemalloc.start()
    try:
        run(aw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000


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


def test_async_with_callback_gets_the_same_awaitable(new):
    aw, seen = new(), []
    rawapi.save_values(aw, "saved")

    def body(inside, value):
        seen.append((inside, rawapi.get_value(inside, 0)))
        rawapi.set_result(inside, value)

    rawapi.async_with(aw, Context("value"), body)
    assert run(aw) == "value"
    assert seen == [(aw, "saved")]


def test_two_versions_of_it_in_one_process(run_python, tmp_path):
    """A second copy of the library, with a type of its own. More of this: test_copies."""
    import _pyawaitable

    native = sys.modules.get("_pyawaitable._pyawaitable", _pyawaitable).__file__
    copy = shutil.copy(native, tmp_path)
    run_python(
        "import importlib.util, sys\n"
        "import rawapi, _pyawaitable\n"
        "first = rawapi.get_type()\n"
        f"spec = importlib.util.spec_from_file_location('_pyawaitable', {copy!r})\n"
        "second = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(second)\n"
        "assert second.PyAwaitable is not first\n"
        "aw = rawapi.new()\n"
        "try:\n"
        "    aw.send(None)\n"
        "except StopIteration:\n"
        "    pass\n"
    )


@pytest.mark.parametrize(
    "language, options",
    [("c", ["-std=c99", "-DPy_LIMITED_API=0x030A0000"]), ("c++", ["-std=c++11"])],
    ids=["Limited API", "C++"],
)
def test_limited_api_and_cpp(tmp_path, language, options):
    """More of this: test_dialects."""
    if sysconfig.get_config_var("Py_GIL_DISABLED") and language == "c":
        pytest.skip("a free-threaded build of Python has no Limited API")
    source = tmp_path / ("source.c" if language == "c" else "source.cpp")
    source.write_text(
        "#include <Python.h>\n#include <pyawaitable.h>\n"
        "int author(PyObject *aw, PyObject *obj);\n"
        "int author(PyObject *aw, PyObject *obj)\n"
        "{ return PyAwaitable_Init() < 0 ? -1 : PyAwaitable_AddAwait(aw, obj, NULL, NULL); }\n"
    )
    compiler = shutil.which("cc" if language == "c" else "c++")
    assert compiler, "the tests need a compiler"
    subprocess.run(
        [
            compiler,
            "-fsyntax-only",
            "-Wall",
            "-Wextra",
            "-Werror",
            *options,
            *("-isystem", sysconfig.get_path("include")),
            f"-I{pyawaitable.include()}",
            str(source),
        ],
        check=True,
    )


def test_names_cr_attributes_and_weak_references(new):
    aw = awaiting(new, inner := sleepy())
    assert (aw.__name__, aw.__qualname__) == ("PyAwaitable", "PyAwaitable")
    assert (aw.cr_await, aw.cr_running, aw.cr_suspended) == (None, False, False)
    aw.send(None)
    assert (aw.cr_await, aw.cr_running, aw.cr_suspended) == (inner, False, True)
    assert (aw.cr_frame, aw.cr_code, aw.cr_origin) == (None, None, None)
    assert weakref.ref(aw)() is aw


# Callbacks.


def logs(log, name=None):
    """A callback that logs its value."""
    return lambda aw, value: log.append(value if name is None else name)


def test_the_queue_is_first_in_first_out_deferred_callbacks_included(new):
    log = []
    aw = new()
    rawapi.defer_await(aw, lambda aw: log.append("deferred"))
    rawapi.add_await(aw, ready(1), logs(log))
    rawapi.defer_await(aw, lambda aw: log.append("deferred"))
    rawapi.add_await(aw, ready(2), logs(log))
    run(aw)
    assert log == ["deferred", 1, "deferred", 2]


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


class RaisingAwait:
    def __await__(self):
        raise KeyError("from __await__")


class IntAwait:
    def __await__(self):
        return 5


class CoroutineAwait:
    def __await__(self):
        return types.coroutine(lambda: (yield))()


def awaited_by_another():
    inner = sleepy()

    async def other():
        await inner

    waiter = other()
    waiter.send(None)
    return inner, waiter


@pytest.mark.parametrize(
    "make, kind",
    [
        (RaisingAwait, KeyError),
        (IntAwait, TypeError),
        (CoroutineAwait, TypeError),
        (awaited_by_another, RuntimeError),
    ],
)
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


def test_callback_0_goes_on(new):
    log = []
    run(awaiting(new, ready(1), ready(2), cb=lambda aw, value: log.append(value) or 0))
    assert log == [1, 2]


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


@pytest.mark.parametrize("code", [-1, -2])
def test_callback_negative_without_an_exception_is_system_error(new, code):
    seen = []
    with pytest.raises(SystemError) as caught:
        run(awaiting(new, ready(), cb=lambda aw, value: code, err=logs(seen)))
    assert seen == []
    assert caught.value.__cause__ is None


def test_callback_0_with_an_exception_set_is_system_error(new):
    seen, left = [], ValueError("left set")
    with pytest.raises(SystemError) as caught:
        run(awaiting(new, ready(), cb=lambda aw, value: (0, left), err=logs(seen)))
    assert seen == []
    assert caught.value.__cause__ is left


def test_error_callback_is_called_as_in_an_except_block(new):
    error, seen = KeyError("inner"), []

    def err(aw, exception):
        seen.append((exception, sys.exc_info()[1]))

    aw = awaiting(new, failing(error), err=err)
    rawapi.defer_await(aw, lambda aw: seen.append(sys.exc_info()[1]))
    run(aw)
    assert seen == [(error, error), None]


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


def test_error_callback_0_goes_on_with_the_queue(new):
    aw = awaiting(new, failing(ValueError()), err=handles)
    rawapi.add_await(aw, ready("next"), keep_result)
    assert run(aw) == "next"


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


def test_set_result_adds_and_saves_work_in_an_error_callback(new):
    log = []

    def err(aw, exception):
        rawapi.set_result(aw, exception)
        rawapi.save_values(aw, "saved")
        rawapi.add_await(aw, ready(), lambda aw, value: log.append(rawapi.get_value(aw, 0)))

    error = ValueError()
    assert run(awaiting(new, failing(error), err=err)) is error
    assert log == ["saved"]


@pytest.mark.parametrize(
    "code, kind",
    [((-1, ValueError()), ValueError), ((-2, ValueError()), ValueError), (-1, SystemError)],
    ids=["-1", "-2", "-1 without an exception"],
)
def test_deferred_callback_negative_propagates(new, code, kind):
    aw = new()
    rawapi.defer_await(aw, lambda aw: code)
    with pytest.raises(kind):
        run(aw)


class HalfManager:
    async def __aenter__(self):
        pass


class InstanceManager:
    def __init__(self):
        self.__aenter__ = self.__aexit__ = ready


@pytest.mark.parametrize("make", [object, HalfManager, InstanceManager])
def test_async_with_checks_at_once_that_the_type_has_both_methods(new, make):
    with pytest.raises(TypeError):
        rawapi.async_with(new(), make())


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


@pytest.mark.parametrize("code, expected", [(-1, [ValueError]), (-2, [])])
def test_async_with_minus_1_goes_on_to_err_and_minus_2_past_it(new, code, expected):
    seen, context = [], Context()
    aw = new()
    rawapi.async_with(aw, context, lambda aw, v: (code, ValueError()), reraising(seen))
    with pytest.raises(ValueError):
        run(aw)
    assert context.log == ["enter", ("exit", ValueError)]
    assert [type(exception) for exception in seen] == expected


def reraising(seen):
    return lambda aw, exception: seen.append(exception) or -1


@pytest.mark.parametrize("code", [-1, -2])
def test_async_with_suppresses_any_negative_return(new, code):
    aw, context = new(), Context(swallow=True)
    rawapi.async_with(aw, context, lambda aw, v: (code, ValueError()))
    run(aw)
    assert context.log == ["enter", ("exit", ValueError)]


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


def test_cancel_releases_what_is_queued_and_keeps_values_and_result(new):
    inner = Ready()
    before = sys.getrefcount(inner)
    aw = awaiting(new, inner)
    rawapi.save_values(aw, "saved")
    rawapi.set_result(aw, "result")
    rawapi.cancel(aw)
    assert sys.getrefcount(inner) == before
    assert rawapi.get_value(aw, 0) == "saved"
    assert run(aw) == "result"


def test_cancel_means_no_resource_warning():
    aw = rawapi.new()
    rawapi.cancel(aw)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del aw
        gc.collect()


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


def test_cancel_from_its_own_callback_leaves_it_the_error_callback(new):
    seen = []

    def cb(aw, value):
        rawapi.cancel(aw)
        raise ValueError

    run(awaiting(new, ready(), cb=cb, err=logs(seen)))
    assert [type(exception) for exception in seen] == [ValueError]


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


@pytest.mark.parametrize("step", ["send", "throw", "close"])
def test_a_callback_may_not_step_its_own_awaitable(new, step):
    arguments = {"send": (None,), "throw": (KeyError(),), "close": ()}[step]

    def cb(aw, value):
        with pytest.raises(ValueError, match="already executing"):
            getattr(aw, step)(*arguments)
        rawapi.set_result(aw, "undisturbed")

    assert run(awaiting(new, ready(), cb=cb)) == "undisturbed"


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
    """From 3.12 on a coroutine takes it for a result where none of its code sees it."""

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


# Steps.


def test_nothing_runs_before_the_first_step(new):
    log, inner = [], Inner()
    aw = new()
    rawapi.defer_await(aw, lambda aw: log.append("deferred"))
    rawapi.add_await(aw, inner.run())
    assert (log, inner.seen) == ([], [])
    run(aw)
    assert (log, inner.seen) == (["deferred"], ["enters", None, "leaves"])


def test_what_goes_in_and_out_is_unchanged(new):
    out, sent, thrown = [], object(), KeyError()
    seen = []

    async def inner():
        out.append(object())
        seen.append(await suspend(out[-1]))
        try:
            out.append(object())
            await suspend(out[-1])
        except KeyError as exception:
            seen.append(exception)

    aw = awaiting(new, inner())
    assert aw.send(None) is out[0]
    assert aw.send(sent) is out[1]
    with pytest.raises(StopIteration):
        aw.throw(thrown)
    assert seen == [sent, thrown]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_no_step_of_its_own_is_added(new, count):
    async def native():
        for number in range(count):
            await suspend(number)

    assert steps(awaiting(new, native())) == steps(native()) == (None, list(range(count)))


def test_result_is_returned_when_the_queue_is_empty(new):
    aw = new()
    rawapi.set_result(aw, "result")
    with pytest.raises(StopIteration) as stop:
        aw.send(None)
    assert stop.value.value == "result"


def test_inner_awaitable_may_be_anything_legal_after_await(new):
    class Custom:
        def __await__(self):
            return iter(["custom"])

    async def generator():
        yield "asend"

    agen = generator()
    aw = new()
    for inner in (sleepy(), suspend("marked"), Custom(), awaiting(new, sleepy()), agen.asend(None)):
        rawapi.add_await(aw, inner)
    assert steps(aw) == (None, ["sleepy", "marked", "custom", "sleepy"])
    run(agen.aclose())


def test_throw_goes_on_from_what_the_inner_does(new):
    async def stubborn():
        try:
            await suspend(1)
        except KeyError:
            await suspend(2)
            return "returned"

    aw = awaiting(new, stubborn())
    assert aw.send(None) == 1
    assert aw.throw(KeyError()) == 2
    assert run(aw) == "returned"


class Bare:
    """An iterator that is awaited and has no more than it must."""

    def __init__(self):
        self.calls = []

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        self.calls.append("next")
        return "yielded"


class Closing(Bare):
    def close(self):
        self.calls.append("close")

    def throw(self, *arguments):
        self.calls.append("throw")
        return "thrown"


def test_inner_without_throw_raises_at_this_level(new):
    seen, thrown = [], KeyError()
    aw = awaiting(new, Bare(), err=logs(seen))
    aw.send(None)
    with pytest.raises(StopIteration):
        aw.throw(thrown)
    assert seen == [thrown]


def test_inner_without_send_raises_attribute_error(new):
    seen = []
    aw = awaiting(new, Bare(), err=logs(seen))
    aw.send(None)
    with pytest.raises(StopIteration):
        aw.send("value")
    assert [type(exception) for exception in seen] == [AttributeError]


@pytest.mark.parametrize("how", ["throw GeneratorExit", "close", "drop"])
def test_generator_exit_calls_the_close_of_the_inner_and_never_its_throw(slots, how):
    inner, seen = Closing(), []
    aw = rawapi.new()
    rawapi.add_await(aw, inner, None, lambda aw, exception: seen.append(type(exception)) or -1)
    aw.send(None)
    if how == "close":
        aw.close()
    elif how == "drop":
        del aw
    else:
        with pytest.raises(GeneratorExit):
            aw.throw(GeneratorExit)
    assert inner.calls == ["next", "close"]
    assert seen == [GeneratorExit]


def test_yielding_after_generator_exit_is_the_runtime_error_of_an_ignored_one(new):
    aw = awaiting(new, sleepy(), err=handles)
    rawapi.add_await(aw, sleepy("went on"), keep_result)
    aw.send(None)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        aw.close()
    assert run(aw) == "went on"


def outcome(function):
    try:
        return "returns", function()
    except BaseException as exception:
        return "raises", type(exception)


def stubborn_native(value):
    async def native():
        try:
            await suspend()
        except GeneratorExit:
            return value

    return native()


@pytest.mark.parametrize("value", [None, "value", ()])
def test_close_returns_what_that_of_a_coroutine_does_on_this_version(new, value):
    def err(aw, exception):
        rawapi.set_result(aw, value)

    native, aw = stubborn_native(value), awaiting(new, sleepy(), err=err)
    native.send(None)
    aw.send(None)
    assert outcome(aw.close) == outcome(native.close)


@pytest.mark.parametrize("state", ["fresh", "suspended", "finished"])
def test_close_is_idempotent(new, state):
    aw = awaiting(new, sleepy())
    if state != "fresh":
        aw.send(None)
    if state == "finished":
        run(aw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert [aw.close(), aw.close()] == [None, None]
    with pytest.raises(RuntimeError):
        aw.send(None)


@pytest.mark.parametrize("how", ["throw", "close"])
def test_throw_and_close_before_the_first_step(how):
    log = []
    aw = rawapi.new()
    callback = rawapi.Callback(lambda *arguments: log.append("called"))
    rawapi.add_await(aw, Ready(), callback, callback)
    rawapi.async_with(aw, Context(log=log), callback, callback)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if how == "throw":
            with pytest.raises(KeyError):
                aw.throw(KeyError())
        else:
            aw.close()
        with pytest.raises(RuntimeError):
            aw.send(None)
        del aw
        gc.collect()
    assert log == []


def test_send_of_a_value_before_the_first_step(new):
    aw = awaiting(new, ready("value"))
    with pytest.raises(TypeError, match="just-started"):
        aw.send("value")
    assert run(aw) == "value"


@pytest.mark.parametrize("step", ["send", "throw"])
def test_a_step_on_a_finished_object(new, step):
    aw = awaiting(new, ready())
    run(aw)
    with pytest.raises(RuntimeError, match="already awaited"):
        getattr(aw, step)(None if step == "send" else KeyError())


def test_await_of_a_suspended_object(new):
    aw = awaiting(new, sleepy("value"))
    aw.send(None)

    async def second():
        return await aw

    with pytest.raises(RuntimeError):
        run(second())
    with pytest.raises(RuntimeError):
        aw.__await__()
    assert run(aw) == "value"


@pytest.mark.parametrize("step", ["send", "throw", "close", "await"])
def test_a_step_from_within_a_step(new, step):
    aw = new()

    async def inner():
        with pytest.raises(ValueError, match="already executing"):
            if step == "await":
                await aw
            else:
                getattr(aw, step)(*{"send": (None,), "throw": (KeyError(),)}.get(step, ()))
        return "undisturbed"

    rawapi.add_await(aw, inner(), keep_result)
    assert run(aw) == "undisturbed"


def test_a_step_while_another_thread_steps(new):
    inside, go_on = threading.Event(), threading.Event()

    async def inner():
        inside.set()
        assert go_on.wait(60)
        return "undisturbed"

    aw = awaiting(new, inner())
    results = []
    thread = threading.Thread(target=lambda: results.append(run(aw)))
    thread.start()
    try:
        assert inside.wait(60)
        for step, arguments in (("send", (None,)), ("throw", (KeyError(),)), ("close", ())):
            with pytest.raises(ValueError, match="already executing"):
                getattr(aw, step)(*arguments)
    finally:
        go_on.set()
        thread.join()
    assert results == ["undisturbed"]


def test_a_suspended_object_that_loses_its_last_reference_closes(slots):
    inner = Inner()
    aw = rawapi.new()
    rawapi.add_await(aw, inner.run())
    aw.send(None)
    del aw
    assert inner.seen == ["enters", GeneratorExit, "leaves"]


def test_one_that_was_never_awaited_gives_resource_warning_that_names_it():
    aw = rawapi.new()
    aw.__name__ = aw.__qualname__ = "job"
    with pytest.warns(ResourceWarning, match=r"job.* was never awaited"):
        del aw
        gc.collect()


def test_steps_loop_and_do_not_recurse(new):
    """More than the recursion limit. A million of them: test_scale."""
    count = sys.getrecursionlimit() * 5
    log = []
    aw = new()
    callback = rawapi.Callback(lambda aw, value: log.append(value))
    for number in range(count):
        rawapi.add_await(aw, Ready(number), callback)
    run(aw)
    assert len(log) == count


def test_nested_objects_count_against_the_recursion_limit(run_python):
    run_python(
        "import rawapi\n"
        "from raw_support import ready, run\n"
        "aw = rawapi.new()\n"
        "rawapi.add_await(aw, ready())\n"
        "for _ in range(50_000):\n"
        "    outer = rawapi.new()\n"
        "    rawapi.add_await(outer, aw)\n"
        "    aw = outer\n"
        "try:\n"
        "    run(aw)\n"
        "except RecursionError:\n"
        "    pass\n"
        "del aw, outer\n",
        env={"PYTHONPATH": pythonpath()},
    )


def pythonpath():
    import raw_support

    return raw_support.__file__.rpartition("raw_support")[0]


def test_an_await_that_is_done_is_released_at_once(new):
    first, second = Ready(), Ready()
    before = sys.getrefcount(first)
    counts = []
    aw = awaiting(new, first, second, cb=lambda aw, value: counts.append(sys.getrefcount(first)))
    del second
    run(aw)
    assert counts[1] == before


def test_an_object_that_queues_one_await_from_each_callback_stays_the_same_size(new):
    sizes = set()

    def again(aw, value):
        sizes.add(sys.getsizeof(aw))
        if value:
            rawapi.add_await(aw, Ready(value - 1), callback)

    callback = rawapi.Callback(again)
    aw = new()
    rawapi.add_await(aw, Ready(1000), callback)
    run(aw)
    assert len(sizes) == 1


def test_saved_objects_are_released_when_it_finishes_and_other_values_stay(new):
    class Held:
        pass

    held, during = Held(), []
    gone = weakref.ref(held)
    aw = new()
    rawapi.save_values(aw, held)
    rawapi.save_arb_values(aw, 1234)
    rawapi.save_int_values(aw, 5678)
    del held
    rawapi.defer_await(aw, lambda aw: during.append(gone() is not None))
    run(aw)
    assert during == [True]
    assert gone() is None
    assert (rawapi.get_arb_value(aw, 0), rawapi.get_int_value(aw, 0)) == (1234, 5678)


def test_under_settrace(new):
    """Where tracing makes the interpreter resume it in another way."""
    inner = Inner(pauses=2, value=(1, 2))

    async def native():
        return await awaiting(new, inner.run())

    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        result = steps(native())
    finally:
        sys.settrace(before)
    assert result == ((1, 2), ["pause", "pause"])
    assert inner.seen == ["enters", None, None, "leaves"]


def test_inspect_sees_the_states(new):
    states = []
    aw = new()

    async def inner():
        states.append(inspect.getcoroutinestate(aw) if sys.version_info >= (3, 11) else "CORO_RUNNING")
        await suspend()

    rawapi.add_await(aw, inner())
    aw.send(None)
    assert states == ["CORO_RUNNING"]
