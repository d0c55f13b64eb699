"""Steps: send, throw and close, what they reach, what they return, and when they are refused.

Most of these rules are exercised in tests/differential too, at every suspension point; here each is tested separately.
steps.18, and more of steps.19 and on: test_scale.py, test_memory.py, test_values.py.
"""

import asyncio
import gc
import sys
import threading
import types
import warnings

import pytest
import rawapi
from contract_support import Inner, awaiting, check_undisturbed, handles, logs, prepared
from raw_support import Context, Ready, in_state, keep_result, ready, run, sleepy, steps, suspend

pytest_plugins = ["raw_fixtures"]


# steps.1: before the first step


def test_nothing_runs_before_the_first_step(new):
    log, inner = [], Inner()
    aw = new()
    rawapi.defer_await(aw, lambda aw: log.append("deferred"))
    rawapi.add_await(aw, inner.run())
    assert (log, inner.seen) == ([], [])
    run(aw)
    assert (log, inner.seen) == (["deferred"], ["enters", None, "leaves"])


# steps.2: what goes in and out


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
        return "value"

    assert steps(awaiting(new, native())) == steps(native()) == ("value", list(range(count)))


def test_under_settrace(new):
    """Under tracing, the interpreter resumes it in another way."""
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


# steps.3: the end


def test_result_is_returned_when_the_queue_is_empty(new):
    aw = new()
    rawapi.set_result(aw, "result")
    with pytest.raises(StopIteration) as stop:
        aw.send(None)
    assert stop.value.value == "result"


# steps.4: what can be awaited


@types.coroutine
def marked_generator(value):
    yield "marked"
    return value


class OwnAwait:
    def __init__(self, value):
        self.value = value

    def __await__(self):
        yield "own"
        return self.value


async def native(value):
    await suspend("native")
    return value


def library_awaitable(value):
    aw = rawapi.new()
    rawapi.add_await(aw, native(value), keep_result)
    return aw


AWAITABLE = {
    "a coroutine": native,
    "a generator marked by types.coroutine": marked_generator,
    "__await__ in the class": OwnAwait,
    "another awaitable": library_awaitable,
}


ADDERS = {
    "add_await": lambda aw, make, value, cb: rawapi.add_await(aw, make(value), cb),
    "add_expr": lambda aw, make, value, cb: rawapi.add_expr(aw, make(value), cb),
    "await_function": lambda aw, make, value, cb: rawapi.await_function(aw, make, "O", cb, None, value),
}


@pytest.mark.parametrize("add", ADDERS.values(), ids=ADDERS.keys())
@pytest.mark.parametrize("make", AWAITABLE.values(), ids=AWAITABLE.keys())
def test_adding_what_is_legal_after_await(make, add, new):
    aw, value, seen = new(), object(), []
    add(aw, make, value, logs(seen))
    result, yielded = steps(aw)
    assert result is None
    assert len(yielded) == 1
    assert len(seen) == 1 and seen[0] is value


def test_adding_a_future_and_an_asend(new):
    async def main():
        async def asynchronous_generator():
            yield

        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, "future")
        generator = asynchronous_generator()
        aw, seen = new(), []
        rawapi.add_await(aw, future, lambda aw, got: seen.append(got))
        rawapi.add_await(aw, generator.asend(None), lambda aw, got: seen.append(got))
        rawapi.add_await(aw, generator.aclose(), lambda aw, got: seen.append(got))
        await aw
        return seen

    assert asyncio.run(main()) == ["future", None, None]


# steps.5: results


RESULTS = [
    object(),
    None,
    (),
    (1, 2),
    ValueError("x"),
    StopIteration(1),
    StopIteration(),
    GeneratorExit(),
    StopIteration,
    int,
    [],
]


@pytest.mark.parametrize("value", RESULTS, ids=repr)
def test_set_result_arrives_by_identity(value, new):
    aw, seen = new(), []

    async def main():
        seen.append(await aw)

    rawapi.set_result(aw, value)
    run(main())
    assert len(seen) == 1 and seen[0] is value


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


# steps.6: throw


def test_throw_on_it(new):
    inner, thrown = Inner(), ValueError("thrown")
    aw = awaiting(new, inner.run())
    aw.send(None)
    with pytest.raises(ValueError) as caught:
        aw.throw(thrown)
    assert caught.value is thrown
    assert inner.seen == ["enters", ValueError, "leaves"]


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


THROWN = {
    "nothing": (),
    "an int": (1,),
    "a string": ("error",),
    "a class that is no exception": (int,),
    "an instance and a value": (KeyError("x"), 1),
    "a wrong traceback": (KeyError, KeyError("x"), 1),
    "too many": (KeyError, None, None, None),
}


async def outer():
    return await sleepy("value")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("state", ["fresh", "suspended"])
@pytest.mark.parametrize("arguments", THROWN.values(), ids=THROWN.keys())
def test_throw_of_what_cannot_be_thrown_is_type_error(arguments, state, new):
    aw, native = new(), outer()
    rawapi.add_await(aw, sleepy("value"), keep_result)
    outcomes = []
    for awaitable in (aw, native):
        if state == "suspended":
            awaitable.send(None)
        with pytest.raises(TypeError):
            awaitable.throw(*arguments)
        try:
            outcomes.append(steps(awaitable)[0])
        except RuntimeError:
            outcomes.append("it has ended")
    assert outcomes[0] == outcomes[1]


# steps.7: without throw or send


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


# steps.8: GeneratorExit


class Closing(Bare):
    def close(self):
        self.calls.append("close")

    def throw(self, *arguments):
        self.calls.append("throw")
        return "thrown"


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


# steps.9: close


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


# steps.10: throw and close before the first step


@pytest.mark.parametrize("how", ["throw", "close"])
def test_throw_and_close_before_the_first_step(how):
    gc.collect()  # what other tests have left behind
    log = []
    aw = rawapi.new()
    callback = rawapi.Callback(lambda *arguments: log.append("called"))
    rawapi.add_await(aw, Ready(), callback, callback)
    rawapi.async_with(aw, Context(log=log), callback, callback)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        if how == "throw":
            with pytest.raises(KeyError):
                aw.throw(KeyError())
        else:
            aw.close()
        with pytest.raises(RuntimeError):
            aw.send(None)
        del aw
        gc.collect()
    assert (log, warned) == ([], [])


# steps.11: a value before the first step


def test_sending_a_value_before_the_first_step_is_type_error(new):
    aw = prepared(new())
    with pytest.raises(TypeError, match="just-started"):
        aw.send(1)
    check_undisturbed(aw)


# steps.12: after the end


@pytest.mark.parametrize("step", ["send", "throw", "next", "await"])
@pytest.mark.parametrize("state", ["finished", "closed"])
def test_a_step_of_a_finished_object_is_runtime_error(state, step, new):
    aw = in_state(state, new)
    with pytest.raises(RuntimeError, match="already awaited"):
        if step == "send":
            aw.send(None)
        elif step == "throw":
            aw.throw(KeyError("x"))
        elif step == "next":
            next(aw.__await__())
        else:
            asyncio.run(_await(aw))
    assert aw.close() is None


async def _await(aw):
    return await aw


# steps.13: who else awaits it


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


def test_two_waiters(new):
    async def main():
        aw = awaiting(new, asyncio.sleep(0.001, "value"))

        async def waiter():
            return await aw

        return await asyncio.gather(waiter(), waiter(), return_exceptions=True)

    first, second = asyncio.run(main())
    assert first == "value"
    assert type(second) is RuntimeError


@pytest.mark.parametrize("state", ["fresh", "suspended", "finished", "closed", "running"])
def test_awaiting_another_awaitable_in_every_state(state, new):
    """Adding checks only the type; the state of the other one matters when its turn comes."""
    aw, errors = new(), []

    def keep_error(aw, error):
        errors.append(type(error))

    if state == "running":
        outer = new()

        def callback(outer, result):
            rawapi.add_await(aw, outer, None, keep_error)
            assert run(aw) is None

        rawapi.add_await(outer, ready(), callback)
        run(outer)
        assert errors and errors[0] in (RuntimeError, ValueError)
        return
    other = in_state(state, new)
    rawapi.add_await(aw, other, None, keep_error)
    assert run(aw) is None
    assert errors == ([] if state == "fresh" else [RuntimeError])


# steps.14: a step within a step


@pytest.mark.parametrize("step", ["send", "throw", "close", "next", "await"])
def test_a_step_from_within_a_step_is_value_error(step, new):
    aw, errors = new(), []

    def attempt(*_):
        with pytest.raises(ValueError, match="already executing") as caught:
            if step == "send":
                aw.send(None)
            elif step == "throw":
                aw.throw(KeyError("x"))
            elif step == "close":
                aw.close()
            elif step == "await":
                run(_await(aw))
            else:
                rawapi.iter_next(aw) if hasattr(type(aw), "__next__") else aw.send(None)
        errors.append(caught.type)

    async def inner():
        attempt()

    rawapi.defer_await(aw, attempt)
    rawapi.add_await(aw, inner(), attempt)
    prepared(aw)
    check_undisturbed(aw)
    assert errors == [ValueError] * 3


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


def test_two_objects_that_wait_for_each_other(new):
    first, second = new(), new()
    rawapi.add_await(first, second)
    rawapi.add_await(second, first)
    with pytest.raises((ValueError, RuntimeError)):
        run(first)


# steps.15: the loss of the last reference


def test_a_suspended_object_that_loses_its_last_reference_closes(slots):
    inner = Inner()
    aw = rawapi.new()
    rawapi.add_await(aw, inner.run())
    aw.send(None)
    del aw
    assert inner.seen == ["enters", GeneratorExit, "leaves"]


# steps.16: never awaited


def test_never_awaited_does_not_crash(run_python):
    finished = run_python(
        "import rawapi; aw = rawapi.new(); rawapi.save_values(aw, [aw]); del aw\n"
        "import gc; gc.collect(); rawapi.new(); gc.collect()",
        "-W",
        "always",
    )
    assert finished.stderr.count("ResourceWarning: awaitable 'PyAwaitable' was never awaited") == 2


# steps.17: never awaited, and an exception


def test_type_error_of_a_failed_add_await_survives_the_release_of_the_awaitable():
    def author():
        aw = rawapi.new()
        try:
            rawapi.add_await(aw, 42)
        finally:
            del aw

    with pytest.warns(ResourceWarning), pytest.raises(TypeError, match="int"):
        author()


# steps.19: the recursion limit


def test_nested_objects_count_against_the_recursion_limit(run_python):
    """On every version of Python: test_scale.py, which has more of it, is run on one."""
    run_python(
        "import rawapi\n"
        "aw = rawapi.new()\n"
        "rawapi.set_result(aw, 'result')\n"
        "for _ in range(50_000):\n"
        "    outer = rawapi.new()\n"
        "    rawapi.add_await(outer, aw)\n"
        "    aw = outer\n"
        "try:\n"
        "    aw.send(None)\n"
        "except (RecursionError, StopIteration):\n"
        "    pass\n"
        "del aw, outer\n"
    )
