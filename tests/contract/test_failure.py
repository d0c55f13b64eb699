"""Every function of the C API with wrong arguments, with an exception set, without memory: the right exception, and no other
effect."""

import sys
import sysconfig
import types

import pytest
import rawapi
from contract_support import ENTRIES, call_with, check_undisturbed, closed_coroutine, prepared
from raw_support import LARGE, Ready, ready, run, sleepy, steps

import pyawaitable

pytest_plugins = ["raw_fixtures"]

entries = pytest.mark.parametrize("call", ENTRIES.values(), ids=ENTRIES.keys())


# failure.1: wrong arguments


class Spoof:
    """Claims to be an awaitable of the library, and isinstance() believes it."""

    __class__ = property(lambda self: pyawaitable.PyAwaitable)


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
    "iterable that is NULL": (ValueError, lambda aw: rawapi.async_for(aw, rawapi.NULL)),
    "iterable that is a list": (TypeError, lambda aw: rawapi.async_for(aw, [])),
    "iterable that is itself": (TypeError, lambda aw: rawapi.async_for(aw, aw)),
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


wrong_arguments = pytest.mark.parametrize(("kind", "call"), WRONG_ARGUMENTS.values(), ids=WRONG_ARGUMENTS.keys())


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


# failure.3: an exception that is set


@entries
def test_a_success_leaves_the_exception_that_is_set(call, new):
    aw = prepared(new())
    untouched = []

    def armed(function, *arguments, **keywords):
        untouched.append(rawapi.with_exception_set(function, *arguments, **keywords))

    call_with(armed, call, aw)
    assert untouched == [True]
    assert run(aw) == (None if call is ENTRIES["cancel"] else "value")


def test_what_takes_no_awaitable_leaves_the_exception_that_is_set():
    assert rawapi.with_exception_set(rawapi.init)
    assert rawapi.with_exception_set(rawapi.get_type)
    with pytest.warns(ResourceWarning):
        assert rawapi.with_exception_set(rawapi.new)


def test_what_dies_in_a_call_leaves_an_exception_that_is_set(new):
    class Mortal(Ready):
        def __del__(self):
            try:
                raise KeyError("inside __del__")
            except KeyError:
                pass

    aw = new()
    rawapi.set_result(aw, Mortal())
    rawapi.save_values(aw, Mortal())
    rawapi.add_await(aw, Mortal())
    assert rawapi.with_exception_set(rawapi.set_result, aw, None)
    assert rawapi.with_exception_set(rawapi.set_value, aw, 0, None)
    assert rawapi.with_exception_set(rawapi.cancel, aw)


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


# failure.4: no memory


NEEDS_ALLOCATOR_HOOKS = pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="a free-threaded build cannot change its allocators while it runs",
)


def fails_cleanly(make, call, check):
    """`call` with its first, second, ... allocation failing: MemoryError, and everything is as before."""
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


@NEEDS_ALLOCATOR_HOOKS
def test_no_memory_for_a_new_object_is_memory_error(new):
    # Objects that are kept empty a free list, so that the next one needs memory.
    kept = [new() for _ in range(1000)]
    with pytest.raises(MemoryError):
        rawapi.with_failing_allocation(0, rawapi.new)
    assert run(kept[-1]) is None


class OwnIterator:
    def __await__(self):
        return iter(())


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
