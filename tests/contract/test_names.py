"""The functions of pyawaitable.h one by one: what they return, what they raise, what they own. More of names.13 to names.16:
test_values.py."""

import gc
import struct
import sys
import weakref

import pytest
import rawapi
from contract_support import ENTRIES, save_two_of_each
from raw_support import LARGE, Context, Ready, in_state, keep_result, ready, run, sleepy, steps

import pyawaitable

pytest_plugins = ["raw_fixtures"]

getrefcount = sys.getrefcount


# names.5: PyAwaitable_Init, PyAwaitable_GetType, PyAwaitable_New


def test_init_any_number_of_times():
    for _ in range(3):
        assert rawapi.init() is None


def test_get_type_is_the_type_of_the_package():
    assert rawapi.get_type() is pyawaitable.PyAwaitable


def test_get_type_is_borrowed():
    before = getrefcount(pyawaitable.PyAwaitable)
    for _ in range(100):
        rawapi.get_type()
    after = getrefcount(pyawaitable.PyAwaitable)
    assert after == before


def test_new_is_a_strong_reference(new):
    plain = object()
    baseline = getrefcount(plain)
    aw = rawapi.new()
    assert getrefcount(aw) == baseline
    gone = weakref.ref(aw)
    aw.close()
    del aw
    assert gone() is None


def test_new_is_empty(new):
    assert steps(new()) == (None, [])


def test_new_makes_another_object_each_time(new):
    assert new() is not new()


# names.6: PyAwaitable_AddAwait


def test_add_await_owns_a_reference_until_the_await_is_done(new):
    aw, obj = new(), Ready()
    before = getrefcount(obj)
    seen = []
    rawapi.add_await(aw, obj)
    assert getrefcount(obj) == before + 1
    rawapi.defer_await(aw, lambda aw: seen.append(getrefcount(obj)))
    run(aw)
    assert seen == [before]
    assert getrefcount(obj) == before


def test_add_await_callbacks_may_be_null(new):
    aw = new()
    rawapi.add_await(aw, ready(1), rawapi.NULL, rawapi.NULL)
    assert run(aw) is None


def test_add_await_of_null_is_value_error(new):
    aw = new()
    with pytest.raises(ValueError):
        rawapi.add_await(aw, rawapi.NULL)
    assert run(aw) is None


ADDERS = {
    "add_await": lambda aw, obj: rawapi.add_await(aw, obj),
    "add_expr": lambda aw, obj: rawapi.add_expr(aw, obj),
    "await_function": lambda aw, obj: rawapi.await_function(aw, lambda: obj),
}


adders = pytest.mark.parametrize("add", ADDERS.values(), ids=ADDERS.keys())


@adders
def test_adding_the_awaitable_itself_is_value_error(add, new):
    aw = new()
    before = getrefcount(aw)
    with pytest.raises(ValueError):
        add(aw, aw)
    assert getrefcount(aw) == before
    assert run(aw) is None


def plain_generator():
    yield


async def asynchronous_generator():
    yield


class OnInstance:
    def __init__(self):
        self.__await__ = lambda: iter(())


class NextOnly:
    def __next__(self):
        raise StopIteration


NOT_AWAITABLE = {
    "None": lambda: None,
    "an int": lambda: 1,
    "an object": object,
    "a list": list,
    "a function": lambda: ready,
    "a class": lambda: Ready,
    "a plain generator": plain_generator,
    "an asynchronous generator": asynchronous_generator,
    "__await__ on the instance": OnInstance,
    "an iterator": NextOnly,
    "the type": lambda: pyawaitable.PyAwaitable,
}


@adders
@pytest.mark.parametrize("make", NOT_AWAITABLE.values(), ids=NOT_AWAITABLE.keys())
def test_adding_what_is_not_legal_after_await_is_type_error(make, add, new):
    aw, obj = new(), make()
    before = getrefcount(obj)
    with pytest.raises(TypeError):
        add(aw, obj)
    # All code shares None.
    if obj is not None:
        assert getrefcount(obj) == before
    assert run(aw) is None


def test_adding_looks_at_the_type_alone(new):
    class Loud:
        def __await__(self):
            raise AssertionError("called too early")

        def __getattribute__(self, name):
            raise AssertionError(f"asked for {name}")

    aw = new()
    rawapi.add_await(aw, Loud())
    rawapi.cancel(aw)


# names.7: PyAwaitable_AddExpr


def test_add_expr_steals(new):
    aw, obj = new(), Ready()
    before = getrefcount(obj)
    rawapi.add_expr(aw, obj)
    assert getrefcount(obj) == before + 1
    run(aw)
    assert getrefcount(obj) == before


def test_add_expr_steals_on_failure_too(new):
    finished = in_state("finished", new)
    cases = [(new(), object()), (finished, Ready()), (None, Ready()), (rawapi.NULL, Ready())]
    for aw, obj in cases:
        before = getrefcount(obj)
        with pytest.raises((TypeError, RuntimeError, SystemError)):
            rawapi.add_expr(aw, obj)
        assert getrefcount(obj) == before


def test_add_expr_of_null_fails_and_sets_nothing(new):
    aw = new()
    with pytest.raises(rawapi.NoException):
        rawapi.add_expr(aw, rawapi.NULL)
    assert run(aw) is None


def test_add_expr_of_null_leaves_the_exception_that_is_set(new):
    aw = new()
    with pytest.raises(rawapi.Pending):
        rawapi.with_exception_set(rawapi.add_expr, aw, rawapi.NULL)
    assert run(aw) is None


def test_add_expr_passes_the_result(new):
    aw = new()
    rawapi.add_expr(aw, ready("value"), keep_result)
    assert run(aw) == "value"


# names.8: PyAwaitable_DeferAwait


def test_defer_await_runs_in_its_turn(new):
    aw, log = new(), []
    rawapi.add_await(aw, sleepy(1), lambda aw, result: log.append(result))
    rawapi.defer_await(aw, lambda aw: log.append(2))
    rawapi.add_await(aw, ready(3), lambda aw, result: log.append(result))
    assert aw.send(None) == "sleepy"
    assert log == []
    run(aw)
    assert log == [1, 2, 3]


def test_defer_await_passes_the_awaitable_alone(new):
    aw, seen = new(), []
    rawapi.defer_await(aw, lambda *arguments: seen.extend(arguments))
    run(aw)
    assert len(seen) == 1 and seen[0] is aw


def test_a_deferred_callback_that_is_null_is_value_error(new):
    aw = new()
    with pytest.raises(ValueError, match="NULL"):
        rawapi.defer_await(aw, rawapi.NULL)
    assert run(aw) is None


# names.9: PyAwaitable_AwaitFunction


FORMATS = {
    "None": (None, (), ()),
    "empty": ("", (), ()),
    "int": ("i", (7,), (7,)),
    "str": ("s", ("text",), ("text",)),
    "object": ("O", ({"a": 1},), ({"a": 1},)),
    "a tuple stays one argument": ("O", ((1, 2),), ((1, 2),)),
    "stolen object": ("N", ([1],), ([1],)),
    "two objects": ("OO", (1, 2), (1, 2)),
    "three objects": ("OOO", (1, 2, 3), (1, 2, 3)),
    "a tuple made by the format": ("(O)", (1,), ((1,),)),
    "a list made by the format": ("[O]", (1,), ([1],)),
    "nested": ("O(O)", (1, 2), (1, (2,))),
    "a dict": ("{O:O}", ("k", "v"), ({"k": "v"},)),
    "PY_SSIZE_T_CLEAN": ("y#", (b"a\0b",), (b"a\0b",)),
    "a long format": ("," * 5000 + "i", (), (0,)),
}


@pytest.mark.parametrize(("fmt", "given", "expected"), FORMATS.values(), ids=FORMATS.keys())
def test_await_function_builds_the_arguments(fmt, given, expected, new):
    aw, seen = new(), []

    def function(*arguments):
        seen.append(arguments)
        return ready()

    rawapi.await_function(aw, function, fmt, None, None, *given)
    assert seen == [expected]
    run(aw)


def test_await_function_calls_at_once_and_awaits_in_turn(new):
    aw, log = new(), []

    async def body():
        log.append("body")
        return "value"

    def function():
        log.append("called")
        return body()

    rawapi.defer_await(aw, lambda aw: log.append("deferred"))
    rawapi.await_function(aw, function, None, lambda aw, value: log.append(value))
    assert log == ["called"]
    run(aw)
    assert log == ["called", "deferred", "body", "value"]


def test_await_function_owns_what_the_function_returned(new):
    aw, obj = new(), Ready()
    before = getrefcount(obj)
    rawapi.await_function(aw, lambda: obj)
    assert getrefcount(obj) == before + 1
    run(aw)
    assert getrefcount(obj) == before


def test_await_function_releases_the_arguments(new):
    aw, argument = new(), object()
    before = getrefcount(argument)
    for fmt in ("O", "N", "(O)", "[O]"):
        rawapi.await_function(aw, lambda argument: Ready(), fmt, None, None, argument)
    assert getrefcount(argument) == before


def test_await_function_passes_on_what_the_function_raises(new):
    aw, error = new(), KeyError("x")

    def function():
        raise error

    with pytest.raises(KeyError) as caught:
        rawapi.await_function(aw, function)
    assert caught.value is error
    assert run(aw) is None


def test_await_function_releases_what_it_could_not_queue(new):
    class Unusable:
        pass

    made = []

    def function():
        obj = Unusable()
        made.append(weakref.ref(obj))
        return obj

    with pytest.raises(TypeError):
        rawapi.await_function(new(), function)
    assert made[0]() is None


def test_await_function_refuses_a_wrong_format(new):
    aw, calls = new(), []
    with pytest.raises(SystemError):
        rawapi.await_function(aw, calls.append, "\x01")
    with pytest.raises(SystemError):
        rawapi.await_function(aw, calls.append, "(i")
    assert calls == []
    assert run(aw) is None


@pytest.mark.parametrize(("fmt", "given"), [("N", ()), ("ON", (None,))])
def test_await_function_keeps_the_exception_of_an_argument_that_could_not_be_made(fmt, given, new):
    aw, calls = new(), []
    with pytest.raises(UnicodeDecodeError):
        rawapi.await_function(aw, calls.append, fmt, None, None, *given)
    assert run(aw) is None
    assert calls == []


def test_await_function_that_ends_the_object_is_refused(new):
    aw = new()

    def function():
        run(aw)
        return ready()

    with pytest.warns(RuntimeWarning, match="never awaited"), pytest.raises(RuntimeError):
        rawapi.await_function(aw, function)
        gc.collect()


def test_await_function_may_add_to_the_object(new):
    aw, log = new(), []

    def function():
        rawapi.defer_await(aw, lambda aw: log.append("added by the function"))
        return ready("awaited")

    rawapi.await_function(aw, function, None, lambda aw, value: log.append(value))
    run(aw)
    assert log == ["added by the function", "awaited"]


# names.10: PyAwaitable_AsyncWith


def test_async_with_enters_calls_back_and_exits(new):
    aw, value = new(), object()
    context = Context(value)

    def body(self, got):
        assert self is aw
        assert got is value
        context.log.append("body")

    rawapi.async_with(aw, context, body)
    assert context.log == []
    assert run(aw) is None
    assert context.log == ["enter", "body", ("exit", None)]


def test_async_with_null_callback_is_an_empty_body(new):
    aw, context = new(), Context()
    rawapi.async_with(aw, context)
    run(aw)
    assert context.log == ["enter", ("exit", None)]


def test_async_with_owns_a_reference_until_it_is_done(new):
    aw, context = new(), Context()
    before = getrefcount(context)
    rawapi.async_with(aw, context)
    assert getrefcount(context) > before
    run(aw)
    assert getrefcount(context) == before


# names.11: PyAwaitable_SetResult


def test_result_is_none_by_default(new):
    aw = new()
    rawapi.add_await(aw, ready("not the result"))
    assert run(aw) is None


def test_set_result_owns_a_reference(new):
    aw, value = new(), object()
    before = getrefcount(value)
    rawapi.set_result(aw, value)
    assert getrefcount(value) == before + 1
    assert run(aw) is value
    assert getrefcount(value) == before


def test_set_result_again_replaces_and_releases(new):
    aw, first, second = new(), object(), object()
    before = getrefcount(first)
    rawapi.set_result(aw, first)
    rawapi.set_result(aw, second)
    assert getrefcount(first) == before
    assert run(aw) is second


def test_set_result_of_the_same_value_twice(new):
    aw, value = new(), object()
    before = getrefcount(value)
    rawapi.set_result(aw, value)
    rawapi.set_result(aw, value)
    assert getrefcount(value) == before + 1
    assert run(aw) is value
    assert getrefcount(value) == before


def test_set_result_of_null_is_value_error(new):
    aw, value = new(), object()
    rawapi.set_result(aw, value)
    with pytest.raises(ValueError):
        rawapi.set_result(aw, rawapi.NULL)
    assert run(aw) is value


def test_result_that_is_not_taken_is_released():
    aw, value = rawapi.new(), object()
    before = getrefcount(value)
    rawapi.set_result(aw, value)
    aw.close()
    del aw
    assert getrefcount(value) == before


def test_replaced_result_may_use_the_awaitable_when_it_dies(new):
    aw = new()
    deaths = []

    class Result:
        def __del__(self):
            deaths.append(None)
            rawapi.set_result(aw, "set by __del__")

    rawapi.set_result(aw, Result())
    rawapi.set_result(aw, "set")
    assert deaths == [None]
    assert run(aw) == "set by __del__"


# names.12: PyAwaitable_Cancel


@pytest.mark.parametrize("state", ["fresh", "suspended", "finished", "closed", "cancelled"])
def test_cancel_in_every_state(state, new):
    aw = in_state(state, new)
    assert rawapi.cancel(aw) is None


# names.13: PyAwaitable_SaveValues


def test_save_values_owns_references(new):
    aw, value = new(), object()
    before = getrefcount(value)
    rawapi.save_values(aw, value, value)
    assert getrefcount(value) == before + 2
    run(aw)
    assert getrefcount(value) == before


def test_save_values_appends(new):
    aw = new()
    rawapi.save_values(aw, "a", "b")
    rawapi.save_values(aw, "c")
    assert rawapi.unpack_values(aw, 3) == ["a", "b", "c"]


@pytest.mark.parametrize("at", range(4))
def test_save_values_saves_all_or_none(at, new):
    aw, value = new(), object()
    rawapi.save_values(aw, "first")
    before = getrefcount(value)
    values = [value] * 4
    values[at] = rawapi.NULL
    with pytest.raises(ValueError):
        rawapi.save_values(aw, *values)
    del values
    assert getrefcount(value) == before
    assert rawapi.unpack_values(aw, 5) == ["first"] + [rawapi.NULL] * 4


SAVERS = {
    "objects": (rawapi.save_values, rawapi.unpack_values),
    "pointers": (rawapi.save_arb_values, rawapi.unpack_arb_values),
    "ints": (rawapi.save_int_values, rawapi.unpack_int_values),
}


savers = pytest.mark.parametrize(("save", "unpack"), SAVERS.values(), ids=SAVERS.keys())


@savers
def test_saving_nothing_does_nothing(save, unpack, new):
    aw = new()
    assert save(aw) is None
    with pytest.raises(RuntimeError):
        unpack(aw, 1)
    save(aw, 11)
    save(aw)
    assert unpack(aw, 2) == [11, rawapi.NULL]


@savers
@pytest.mark.parametrize("count", [-1, -2, -(2**31), -sys.maxsize - 1])
def test_saving_a_negative_number_is_value_error(count, save, unpack, new):
    aw = new()
    with pytest.raises(ValueError):
        save(aw, 1, 2, count=count)
    with pytest.raises(RuntimeError):
        unpack(aw, 2)


# names.14: PyAwaitable_UnpackValues


@savers
def test_unpack_skips_null(save, unpack, new):
    aw = new()
    save(aw, 1, 2, 3, 4)
    skipped = rawapi.NULL
    assert unpack(aw, 4, skip=(0, 2)) == [skipped, 2, skipped, 4]
    assert unpack(aw, 4, skip=range(4)) == [skipped] * 4
    assert unpack(aw, 4) == [1, 2, 3, 4]


def test_unpack_values_borrows(new):
    aw, value = new(), object()
    rawapi.save_values(aw, value)
    before = getrefcount(value)
    for _ in range(10):
        assert rawapi.unpack_values(aw, 1)[0] is value
    assert getrefcount(value) == before


@savers
def test_unpack_when_nothing_is_saved_is_runtime_error(save, unpack, new):
    aw = new()
    for other, _ in SAVERS.values():
        if other is not save:
            other(aw, 1)
    with pytest.raises(RuntimeError):
        unpack(aw, 1)


# names.15: PyAwaitable_SetValue, PyAwaitable_GetValue


def test_set_value_owns_the_new_and_releases_the_old(new):
    aw, old, fresh = new(), object(), object()
    before = getrefcount(old), getrefcount(fresh)
    rawapi.save_values(aw, "before", old, "after")
    rawapi.set_value(aw, 1, fresh)
    assert (getrefcount(old), getrefcount(fresh)) == (before[0], before[1] + 1)
    assert rawapi.unpack_values(aw, 3) == ["before", fresh, "after"]
    run(aw)
    assert getrefcount(fresh) == before[1]


def test_get_value_borrows(new):
    aw, value = new(), object()
    rawapi.save_values(aw, value)
    before = getrefcount(value)
    for _ in range(10):
        assert rawapi.get_value(aw, 0) is value
    assert getrefcount(value) == before


def test_set_value_to_null_is_value_error(new):
    aw = new()
    rawapi.save_values(aw, "kept")
    with pytest.raises(ValueError):
        rawapi.set_value(aw, 0, rawapi.NULL)
    assert rawapi.get_value(aw, 0) == "kept"


OUT_OF_RANGE = [-1, -2, 3, 4, *LARGE, -sys.maxsize - 1]


GETTERS = {
    "objects": (rawapi.save_values, rawapi.get_value, rawapi.set_value),
    "pointers": (rawapi.save_arb_values, rawapi.get_arb_value, rawapi.set_arb_value),
    "ints": (rawapi.save_int_values, rawapi.get_int_value, rawapi.set_int_value),
}


getters = pytest.mark.parametrize(("save", "get", "set_"), GETTERS.values(), ids=GETTERS.keys())


@getters
@pytest.mark.parametrize("index", OUT_OF_RANGE)
def test_an_index_out_of_range_is_index_error(index, save, get, set_, new):
    aw = new()
    save(aw, 10, 20, 30)
    with pytest.raises(IndexError):
        get(aw, index)
    with pytest.raises(IndexError):
        set_(aw, index, 1)
    assert [get(aw, i) for i in range(3)] == [10, 20, 30]


@getters
def test_every_index_is_out_of_range_when_nothing_is_saved(save, get, set_, new):
    aw = new()
    for index in (0, 1, -1):
        with pytest.raises(IndexError):
            get(aw, index)
        with pytest.raises(IndexError):
            set_(aw, index, 1)


# names.16: pointers and integers


def test_arb_values_may_be_null_and_are_never_read(new):
    aw = new()
    pointers = [0, 1, 0xDEADBEEF, 2 * sys.maxsize + 1]
    rawapi.save_arb_values(aw, rawapi.NULL, *pointers[1:])
    assert rawapi.unpack_arb_values(aw, 4) == pointers
    assert rawapi.get_arb_value(aw, 0) == 0
    rawapi.set_arb_value(aw, 3, rawapi.NULL)
    assert rawapi.get_arb_value(aw, 3) == 0
    assert run(aw) is None


def test_a_null_pointer_is_not_a_failed_get(new):
    aw = new()
    rawapi.save_arb_values(aw, rawapi.NULL)
    assert rawapi.get_arb_value(aw, 0) == 0
    assert rawapi.with_exception_set(rawapi.get_arb_value, aw, 0)


def test_minus_one_is_not_a_failed_get(new):
    aw = new()
    rawapi.save_int_values(aw, -1)
    assert rawapi.get_int_value(aw, 0) == -1
    assert rawapi.with_exception_set(rawapi.get_int_value, aw, 0)


def test_int_values_are_longs(new):
    aw = new()
    bits = 8 * struct.calcsize("l") - 1
    numbers = [0, 1, -1, 2**bits - 1, -(2**bits)]
    rawapi.save_int_values(aw, *numbers)
    assert rawapi.unpack_int_values(aw, 5) == numbers


@getters
def test_set_and_get_one_value(save, get, set_, new):
    aw = new()
    save(aw, 1, 2, 3)
    for index in range(3):
        set_(aw, index, index * 100)
    assert [get(aw, i) for i in range(3)] == [0, 100, 200]


# names.18: an awaitable that has finished


def test_adding_to_a_finished_object_takes_no_reference(new):
    aw, obj = in_state("finished", new), Ready()
    before = getrefcount(obj)
    for add in (rawapi.add_await, rawapi.add_expr, rawapi.set_result):
        with pytest.raises(RuntimeError):
            add(aw, obj)
    with pytest.raises(RuntimeError):
        rawapi.await_function(aw, lambda: obj)
    assert getrefcount(obj) == before


ON_FINISHED = {
    "add_await": RuntimeError,
    "add_expr": RuntimeError,
    "defer_await": RuntimeError,
    "await_function": RuntimeError,
    "await_function with arguments": RuntimeError,
    "async_with": RuntimeError,
    "async_for": RuntimeError,
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
    save_two_of_each(aw)
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
