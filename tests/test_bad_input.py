"""Every function of the C API with wrong arguments: the right exception, nothing disturbed."""

import asyncio
import sys
import sysconfig
import types

import pytest
import rawapi
from raw_support import LARGE, Context, Ready, in_state, keep_result, ready, run, sleepy, steps

import pyawaitable

pytest_plugins = ["raw_fixtures"]


def nothing(*_):
    pass


# Every function with valid arguments besides the first.
ENTRIES = {
    "add_await": lambda aw: rawapi.add_await(aw, Ready()),
    "add_expr": lambda aw: rawapi.add_expr(aw, Ready()),
    "defer_await": lambda aw: rawapi.defer_await(aw, nothing),
    "await_function": lambda aw: rawapi.await_function(aw, Ready),
    "await_function with arguments": lambda aw: rawapi.await_function(
        aw, Ready, "O", nothing, nothing, 1
    ),
    "async_with": lambda aw: rawapi.async_with(aw, Context()),
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

entries = pytest.mark.parametrize("call", ENTRIES.values(), ids=ENTRIES.keys())


class Spoof:
    """Claims to be an awaitable of the library, as isinstance() believes."""

    __class__ = property(lambda self: pyawaitable.PyAwaitable)


def closed_coroutine():
    coroutine = ready()
    coroutine.close()
    return coroutine


@types.coroutine
def marked():
    yield


FOREIGN = {
    "None": lambda: None,
    "an int": lambda: 1,
    "a string": lambda: "awaitable",
    "an object": object,
    "the type": lambda: pyawaitable.PyAwaitable,
    "type": lambda: type,
    "a native coroutine": closed_coroutine,
    "a marked generator": marked,
    "something with __await__": Ready,
    "a spoof": Spoof,
    "its name": lambda: type("PyAwaitable", (), {})(),
    "the module": lambda: rawapi,
}


@entries
@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN.keys())
def test_an_object_of_another_type_is_type_error(make, call, slots):
    obj = make()
    before = sys.getrefcount(obj)
    with pytest.raises(TypeError):
        call(obj)
    if before < 2**30 and not isinstance(obj, (type, types.ModuleType, int, str, type(None))):
        assert sys.getrefcount(obj) == before


@entries
def test_null_is_system_error(call, slots):
    with pytest.raises(SystemError):
        call(rawapi.NULL)


@entries
def test_an_iterator_over_an_awaitable_is_an_awaitable_or_type_error(call, new):
    """`__await__()` may return the object itself; if it does not, what it returns is refused."""
    aw = new()
    iterator = aw.__await__()
    if type(iterator) is not pyawaitable.PyAwaitable:
        with pytest.raises(TypeError):
            call(iterator)
    assert run(aw) is None


@entries
@pytest.mark.parametrize("wrong", [rawapi.NULL, None, 1], ids=["NULL", "None", "an int"])
def test_a_failure_replaces_the_exception_that_is_set(wrong, call, slots):
    """The exception is the same as without one set, and not chained to it by the library."""
    with pytest.raises((TypeError, SystemError)) as plain:
        call(wrong)

    def armed(function, *arguments, **keywords):
        rawapi.with_exception_set(function, *arguments, **keywords)

    with pytest.raises((TypeError, SystemError)) as replaced:
        call_with(armed, call, wrong)
    assert type(replaced.value) is type(plain.value)
    assert str(replaced.value) == str(plain.value)


def call_with(wrapper, call, aw):
    """Let one of ENTRIES go through `wrapper(function, *arguments)` instead of a plain call."""

    class Api:
        def __getattr__(self, name):
            function = getattr(rawapi, name)
            return lambda *arguments, **keywords: wrapper(function, *arguments, **keywords)

    names = {**call.__globals__, "rawapi": Api()}
    return types.FunctionType(call.__code__, names)(aw)


@entries
def test_a_success_leaves_the_exception_that_is_set(call, new):
    aw = prepared(new())
    untouched = []

    def armed(function, *arguments, **keywords):
        untouched.append(rawapi.with_exception_set(function, *arguments, **keywords))

    call_with(armed, call, aw)
    assert untouched == [True]


def prepared(aw):
    """With one value of each kind, and something queued."""
    rawapi.save_values(aw, 10, 20)
    rawapi.save_arb_values(aw, 10, 20)
    rawapi.save_int_values(aw, 10, 20)
    rawapi.add_await(aw, Ready("value"), keep_result)
    return aw


def check_undisturbed(aw):
    assert rawapi.unpack_values(aw, 2) == [10, 20]
    assert rawapi.unpack_arb_values(aw, 2) == [10, 20]
    assert rawapi.unpack_int_values(aw, 2) == [10, 20]
    assert steps(aw) == ("value", [])


WRONG_ARGUMENTS = {
    "await of NULL": (ValueError, lambda aw: rawapi.add_await(aw, rawapi.NULL)),
    "await of itself": (ValueError, lambda aw: rawapi.add_await(aw, aw)),
    "await of an int": (TypeError, lambda aw: rawapi.add_await(aw, 1)),
    "await of the type": (TypeError, lambda aw: rawapi.add_await(aw, pyawaitable.PyAwaitable)),
    "expression that is NULL": (rawapi.NoException, lambda aw: rawapi.add_expr(aw, rawapi.NULL)),
    "expression that is itself": (ValueError, lambda aw: rawapi.add_expr(aw, aw)),
    "expression that is an int": (TypeError, lambda aw: rawapi.add_expr(aw, 1)),
    "function that is NULL": (
        (ValueError, TypeError, SystemError),
        lambda aw: rawapi.await_function(aw, rawapi.NULL),
    ),
    "function that is an int": (TypeError, lambda aw: rawapi.await_function(aw, 1)),
    "function of the wrong arguments": (
        TypeError,
        lambda aw: rawapi.await_function(aw, ready, "OO", None, None, 1, 2),
    ),
    "function that returns an int": (TypeError, lambda aw: rawapi.await_function(aw, int)),
    "format that is wrong": (SystemError, lambda aw: rawapi.await_function(aw, ready, "\x01")),
    "context that is NULL": (
        (ValueError, TypeError, SystemError),
        lambda aw: rawapi.async_with(aw, rawapi.NULL),
    ),
    "context that is an int": (TypeError, lambda aw: rawapi.async_with(aw, 1)),
    "context that is itself": (TypeError, lambda aw: rawapi.async_with(aw, aw)),
    "result NULL": (ValueError, lambda aw: rawapi.set_result(aw, rawapi.NULL)),
    "value NULL": (ValueError, lambda aw: rawapi.save_values(aw, rawapi.NULL)),
    "last value NULL": (ValueError, lambda aw: rawapi.save_values(aw, *range(9), rawapi.NULL)),
    "objects: -1": (ValueError, lambda aw: rawapi.save_values(aw, count=-1)),
    "pointers: -1": (ValueError, lambda aw: rawapi.save_arb_values(aw, count=-1)),
    "ints: -1": (ValueError, lambda aw: rawapi.save_int_values(aw, count=-1)),
    "objects: least": (ValueError, lambda aw: rawapi.save_values(aw, count=-sys.maxsize - 1)),
    "pointers: least": (ValueError, lambda aw: rawapi.save_arb_values(aw, count=-sys.maxsize - 1)),
    "ints: least": (ValueError, lambda aw: rawapi.save_int_values(aw, count=-sys.maxsize - 1)),
    "set NULL": (ValueError, lambda aw: rawapi.set_value(aw, 0, rawapi.NULL)),
}
for _index in (-1, 2, *LARGE, -sys.maxsize - 1):
    WRONG_ARGUMENTS.update(
        {
            f"get {_index}": (IndexError, lambda aw, i=_index: rawapi.get_value(aw, i)),
            f"set {_index}": (IndexError, lambda aw, i=_index: rawapi.set_value(aw, i, 1)),
            f"get arb {_index}": (IndexError, lambda aw, i=_index: rawapi.get_arb_value(aw, i)),
            f"set arb {_index}": (IndexError, lambda aw, i=_index: rawapi.set_arb_value(aw, i, 1)),
            f"get int {_index}": (IndexError, lambda aw, i=_index: rawapi.get_int_value(aw, i)),
            f"set int {_index}": (IndexError, lambda aw, i=_index: rawapi.set_int_value(aw, i, 1)),
        }
    )

wrong_arguments = pytest.mark.parametrize(
    ("kind", "call"), WRONG_ARGUMENTS.values(), ids=WRONG_ARGUMENTS.keys()
)


@wrong_arguments
def test_a_wrong_argument_disturbs_nothing(kind, call, new):
    aw = prepared(new())
    before = sys.getrefcount(aw)
    with pytest.raises(kind):
        call(aw)
    assert sys.getrefcount(aw) == before
    check_undisturbed(aw)


@wrong_arguments
def test_a_wrong_argument_disturbs_nothing_in_a_callback(kind, call, new):
    """The same from a callback of the object, which is then running."""
    aw = new()

    def callback(aw, result):
        with pytest.raises(kind):
            call(aw)

    rawapi.add_await(aw, ready(), callback)
    prepared(aw)
    values = []
    rawapi.defer_await(aw, lambda aw: values.append(rawapi.unpack_values(aw, 2)))
    assert steps(aw) == ("value", [])
    assert values == [[10, 20]]


@wrong_arguments
def test_a_wrong_argument_disturbs_nothing_while_suspended(kind, call, new):
    aw = new()
    rawapi.add_await(aw, sleepy())
    prepared(aw)
    assert aw.send(None) == "sleepy"
    with pytest.raises(kind):
        call(aw)
    check_undisturbed(aw)


# Objects in other states


# What each function does with a finished object; None: it succeeds.
ON_FINISHED = {
    "add_await": RuntimeError,
    "add_expr": RuntimeError,
    "defer_await": RuntimeError,
    "await_function": RuntimeError,
    "await_function with arguments": RuntimeError,
    "async_with": RuntimeError,
    "set_result": RuntimeError,
    "cancel": None,
    "unpack_values": RuntimeError,
    "set_value": IndexError,
    "get_value": IndexError,
    "unpack_arb_values": None,
    "set_arb_value": None,
    "get_arb_value": None,
    "unpack_int_values": None,
    "set_int_value": None,
    "get_int_value": None,
}


@pytest.mark.parametrize("how", ["finished", "closed", "closed while suspended", "raised"])
@pytest.mark.parametrize("name", ENTRIES)
def test_every_function_on_a_finished_object(name, how, new):
    aw = new()
    rawapi.save_values(aw, 10, 20)
    rawapi.save_arb_values(aw, 10, 20)
    rawapi.save_int_values(aw, 10, 20)
    if how == "finished":
        run(aw)
    elif how == "closed":
        aw.close()
    elif how == "closed while suspended":
        rawapi.add_await(aw, sleepy())
        aw.send(None)
        aw.close()
    else:
        rawapi.defer_await(aw, lambda aw: (-1, KeyError("x")))
        with pytest.raises(KeyError):
            run(aw)
    if name not in ON_FINISHED:  # saving: either way, and no crash
        try:
            ENTRIES[name](aw)
        except RuntimeError:
            pass
    elif ON_FINISHED[name] is None:
        ENTRIES[name](aw)
    else:
        with pytest.raises(ON_FINISHED[name]):
            ENTRIES[name](aw)
    with pytest.raises(RuntimeError):
        aw.send(None)
    aw.close()


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

    rawapi.save_values(aw, 10, 20)
    rawapi.save_arb_values(aw, 10, 20)
    rawapi.save_int_values(aw, 10, 20)
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

    rawapi.save_values(aw, 10, 20)
    rawapi.save_arb_values(aw, 10, 20)
    rawapi.save_int_values(aw, 10, 20)
    if kind == "error":
        rawapi.add_await(aw, fail(), None, attempt)
    elif kind == "defer":
        rawapi.defer_await(aw, attempt)
    else:
        rawapi.async_with(aw, Context(), attempt)
    result, _ = steps(aw)
    assert called == [True]
    assert result == ("set" if call is ENTRIES["set_result"] else None)


@pytest.mark.parametrize("state", ["fresh", "suspended", "finished", "closed", "running"])
def test_awaiting_another_awaitable_in_every_state(state, new):
    """Adding looks at the type alone; what state the other one is in shows when its turn comes."""
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


def test_two_objects_that_wait_for_each_other(new):
    first, second = new(), new()
    rawapi.add_await(first, second)
    rawapi.add_await(second, first)
    with pytest.raises((ValueError, RuntimeError)):
        run(first)


def test_null_deferred_callback_does_not_crash(new):
    aw = new()
    try:
        rawapi.defer_await(aw, rawapi.NULL)
    except (ValueError, TypeError, SystemError):
        pass
    assert run(aw) is None


CODES = [-1, -2, -3, -(2**31)]


@pytest.mark.parametrize("code", CODES)
def test_a_callback_that_fails_without_an_exception_is_system_error(code, new):
    aw, seen = new(), []
    rawapi.add_await(aw, ready(), lambda *_: code, lambda *_: seen.append("error callback"))
    with pytest.raises(SystemError):
        run(aw)
    assert seen == []


@pytest.mark.parametrize("code", CODES)
def test_a_deferred_callback_that_fails_without_an_exception_is_system_error(code, new):
    aw = new()
    rawapi.defer_await(aw, lambda *_: code)
    with pytest.raises(SystemError):
        run(aw)


def test_a_callback_that_succeeds_with_an_exception_set_is_system_error(new):
    aw, seen, error = new(), [], KeyError("set")
    rawapi.add_await(aw, ready(), lambda *_: (0, error), lambda *_: seen.append("error callback"))
    with pytest.raises(SystemError) as caught:
        run(aw)
    assert caught.value.__cause__ is error
    assert seen == []


def test_an_await_of_what_returns_no_iterator(new):
    class Wrong:
        def __await__(self):
            return 1

    class Coroutine:
        def __await__(self):
            return coroutine

    coroutine = closed_coroutine()
    for obj in (Wrong(), Coroutine()):
        aw, errors = new(), []
        rawapi.add_await(aw, obj, None, lambda aw, error, errors=errors: errors.append(type(error)))
        assert run(aw) is None
        assert errors == [TypeError]


# Steps


def test_sending_a_value_before_the_first_step_is_type_error(new):
    aw = prepared(new())
    with pytest.raises(TypeError, match="just-started"):
        aw.send(1)
    check_undisturbed(aw)


@pytest.mark.parametrize("step", ["send", "throw", "next", "await"])
@pytest.mark.parametrize("state", ["finished", "closed"])
def test_a_step_of_a_finished_object_is_runtime_error(state, step, new):
    aw = in_state(state, new)
    with pytest.raises(RuntimeError):
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


@pytest.mark.parametrize("step", ["send", "throw", "close", "next"])
def test_a_step_from_within_a_step_is_value_error(step, new):
    aw, errors = new(), []

    def attempt(*_):
        try:
            if step == "send":
                aw.send(None)
            elif step == "throw":
                aw.throw(KeyError("x"))
            elif step == "close":
                aw.close()
            else:
                rawapi.iter_next(aw) if hasattr(type(aw), "__next__") else aw.send(None)
        except Exception as error:
            errors.append(type(error))

    async def inner():
        attempt()

    rawapi.defer_await(aw, attempt)
    rawapi.add_await(aw, inner(), attempt)
    prepared(aw)
    check_undisturbed(aw)
    assert errors == [ValueError] * 3


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


def test_methods_check_their_arguments(new):
    aw = prepared(new())
    for call in (
        lambda: aw.send(),
        lambda: aw.send(1, 2),
        lambda: aw.close(1),
        lambda: aw.__await__(1),
        lambda: type(aw).send(1, None),
        lambda: type(aw).close(None),
        lambda: type(aw).__await__(1),
    ):
        with pytest.raises(TypeError):
            call()
    check_undisturbed(aw)


# No memory


NEEDS_ALLOCATOR_HOOKS = pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="a free-threaded build cannot change its allocators while it runs",
)


def fails_cleanly(make, call, check):
    """`call` with its first, second, ... allocation failing: MemoryError, and all is as before."""
    for n in range(50):
        aw = make()
        refused = []

        def wrapper(function, *arguments, n=n, refused=refused, **keywords):
            refused.append(rawapi.with_failing_allocation(n, function, *arguments))

        try:
            call_with(wrapper, call, aw)
        except MemoryError:
            check(aw)
            continue
        if refused == [False]:
            return n
    raise AssertionError("allocates without end")


@NEEDS_ALLOCATOR_HOOKS
@pytest.mark.parametrize("queued", [0, 1, 2, 3, 4, 8, 16])
@entries
def test_no_memory_is_memory_error_and_the_object_as_it_was(call, queued, new):
    log = []

    def make():
        aw = new()
        rawapi.init()
        log.clear()
        for number in range(queued):
            rawapi.add_await(aw, Ready(number), lambda aw, number: log.append(number))
            rawapi.save_values(aw, number)
            rawapi.save_arb_values(aw, number)
            rawapi.save_int_values(aw, number)
        if queued < 2 and call in NEEDS_VALUES:
            rawapi.save_values(aw, 0, 1)
            rawapi.save_arb_values(aw, 0, 1)
            rawapi.save_int_values(aw, 0, 1)
        return aw

    def check(aw):
        if queued:
            assert rawapi.unpack_values(aw, queued) == list(range(queued))
            assert rawapi.unpack_arb_values(aw, queued) == list(range(queued))
            assert rawapi.unpack_int_values(aw, queued) == list(range(queued))
        assert steps(aw) == (None, [])
        assert log == list(range(queued))

    fails_cleanly(make, call, check)


NEEDS_VALUES = [
    ENTRIES[f"{verb}_{kind}"]
    for verb, kind in (
        ("unpack", "values"),
        ("unpack", "arb_values"),
        ("unpack", "int_values"),
        ("set", "value"),
        ("get", "value"),
        ("set", "arb_value"),
        ("get", "arb_value"),
        ("set", "int_value"),
        ("get", "int_value"),
    )
]


@NEEDS_ALLOCATOR_HOOKS
def test_no_memory_for_a_new_object_is_memory_error(new):
    # Objects that are kept empty a free list, so that the next one needs memory.
    kept = [new() for _ in range(1000)]
    with pytest.raises(MemoryError):
        rawapi.with_failing_allocation(0, rawapi.new)
    assert run(kept[-1]) is None


@NEEDS_ALLOCATOR_HOOKS
def test_no_memory_in_a_step_is_memory_error(new):
    """The allocations of one step fail in turn: an exception or the result, and then it is over."""
    for n in range(200):
        aw, log = new(), []
        rawapi.add_await(aw, OwnIterator(), lambda aw, value, log=log: log.append(value))
        rawapi.add_await(aw, new(), lambda aw, value, log=log: log.append(value))
        rawapi.set_result(aw, (1, 2))
        iterator = aw.__await__()
        try:
            reached = rawapi.with_failing_allocation(n, rawapi.iter_next, iterator)
        except MemoryError:
            continue
        if not reached:
            break
    assert n < 199


class OwnIterator:
    def __await__(self):
        return iter(())
