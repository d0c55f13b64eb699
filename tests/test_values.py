"""Saved values across the life of an awaitable, and what dying values may do."""

import gc
import re
import sys
import textwrap
import weakref
from pathlib import Path

import pytest
import rawapi
from compiling import compile_extension, load_extension
from raw_support import Context, Ready, keep_result, ready, run, sleepy, suspend

import pyawaitable

pytest_plugins = ["raw_fixtures"]

getrefcount = sys.getrefcount

KINDS = {
    "objects": (rawapi.save_values, rawapi.unpack_values, rawapi.get_value, rawapi.set_value),
    "pointers": (
        rawapi.save_arb_values,
        rawapi.unpack_arb_values,
        rawapi.get_arb_value,
        rawapi.set_arb_value,
    ),
    "ints": (
        rawapi.save_int_values,
        rawapi.unpack_int_values,
        rawapi.get_int_value,
        rawapi.set_int_value,
    ),
}

kinds = pytest.mark.parametrize(("save", "unpack", "get", "set_"), KINDS.values(), ids=KINDS.keys())


class Value:
    """Something that can be watched dying."""


@kinds
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 8, 20, 300])
def test_any_number_of_values(number, save, unpack, get, set_, new):
    aw = new()
    values = list(range(1000, 1000 + number))
    save(aw, *values)
    assert unpack(aw, number) == values
    assert [get(aw, i) for i in range(number)] == values
    with pytest.raises(IndexError):
        get(aw, number)


@kinds
def test_values_saved_one_by_one(save, unpack, get, set_, new):
    aw = new()
    for number in range(320):
        save(aw, number)
        assert get(aw, number) == number
    assert unpack(aw, 320) == list(range(320))


def test_the_three_kinds_are_apart(new):
    aw = new()
    for i in range(20):
        rawapi.save_values(aw, f"object {i}")
        rawapi.save_arb_values(aw, 100 + i)
        rawapi.save_int_values(aw, 200 + i)
    assert rawapi.unpack_values(aw, 20) == [f"object {i}" for i in range(20)]
    assert rawapi.unpack_arb_values(aw, 20) == [100 + i for i in range(20)]
    assert rawapi.unpack_int_values(aw, 20) == [200 + i for i in range(20)]


@kinds
def test_values_reach_every_kind_of_callback(save, unpack, get, set_, new):
    aw, seen = new(), []

    def look(self, *_):
        seen.append(unpack(self, 2))

    async def fail():
        raise ValueError

    save(aw, 1, 2)
    rawapi.add_await(aw, ready(), look)
    rawapi.add_await(aw, sleepy(), look)
    rawapi.add_await(aw, fail(), None, look)
    rawapi.defer_await(aw, look)
    rawapi.async_with(aw, Context(), look)
    run(aw)
    assert seen == [[1, 2]] * 5


@kinds
def test_values_saved_and_set_in_a_callback_reach_the_next(save, unpack, get, set_, new):
    aw, seen = new(), []

    def first(self, result):
        set_(self, 0, 10)
        save(self, 20)

    save(aw, 1)
    rawapi.add_await(aw, ready(), first)
    rawapi.async_with(aw, Context(), lambda self, value: save(self, 30))
    rawapi.defer_await(aw, lambda self: seen.append(unpack(self, 3)))
    run(aw)
    assert seen == [[10, 20, 30]]


@kinds
def test_values_survive_being_suspended_and_thrown_into(save, unpack, get, set_, new):
    aw, seen = new(), []
    save(aw, 1, 2, 3, 4, 5)
    rawapi.add_await(aw, sleepy(), None, lambda self, error: seen.append(unpack(self, 5)))
    aw.send(None)
    assert unpack(aw, 5) == [1, 2, 3, 4, 5]
    with pytest.raises(StopIteration):
        aw.throw(KeyError("x"))
    assert seen == [[1, 2, 3, 4, 5]]


def test_saved_objects_are_released_when_the_object_finishes(new):
    aw, value = new(), object()
    before = getrefcount(value)
    rawapi.save_values(aw, *[value] * 40)
    run(aw)
    assert getrefcount(value) == before


def test_saved_objects_are_released_after_the_last_callback_returned(new):
    aw, value, seen = new(), object(), []
    before = getrefcount(value)
    rawapi.save_values(aw, value)
    rawapi.defer_await(aw, lambda self: seen.append(getrefcount(value)))
    run(aw)
    assert seen == [before + 1]
    assert getrefcount(value) == before


@pytest.mark.parametrize("end", ["throw", "close", "an exception", "close before the first step"])
def test_saved_objects_are_released_however_the_object_ends(end, new):
    aw, value = new(), object()
    before = getrefcount(value)
    rawapi.save_values(aw, value)

    def fail(self):
        raise KeyError

    if end == "throw":
        rawapi.add_await(aw, suspend())
        aw.send(None)
        with pytest.raises(KeyError):
            aw.throw(KeyError())
    elif end == "close":
        rawapi.add_await(aw, suspend())
        aw.send(None)
        aw.close()
    elif end == "an exception":
        rawapi.defer_await(aw, fail)
        with pytest.raises(KeyError):
            run(aw)
    else:
        aw.close()
    assert getrefcount(value) == before


def test_saved_objects_are_released_with_an_object_that_was_never_awaited(new):
    value = object()
    before = getrefcount(value)
    aw = rawapi.new()
    rawapi.save_values(aw, value)
    with pytest.warns(ResourceWarning):
        del aw
    assert getrefcount(value) == before


def test_pointers_and_ints_stay_readable_in_a_finished_object(new):
    aw = new()
    rawapi.save_arb_values(aw, 1, 2, 3, 4, 5)
    rawapi.save_int_values(aw, -1, -2, -3, -4, -5)
    run(aw)
    assert rawapi.unpack_arb_values(aw, 5) == [1, 2, 3, 4, 5]
    assert rawapi.unpack_int_values(aw, 5) == [-1, -2, -3, -4, -5]
    assert rawapi.get_arb_value(aw, 4) == 5
    assert rawapi.get_int_value(aw, 4) == -5


def test_saved_objects_are_gone_from_a_finished_object(new):
    aw = new()
    rawapi.save_values(aw, "gone")
    run(aw)
    with pytest.raises(RuntimeError):
        rawapi.unpack_values(aw, 1)
    with pytest.raises(IndexError):
        rawapi.get_value(aw, 0)
    with pytest.raises(IndexError):
        rawapi.set_value(aw, 0, "new")


def test_a_borrowed_value_lives_until_its_index_is_set(new):
    aw, first, second = new(), Value(), Value()
    gone = weakref.ref(first)
    rawapi.save_values(aw, first, second)
    del first
    gc.collect()
    assert gone() is rawapi.get_value(aw, 0)
    rawapi.set_value(aw, 1, None)
    rawapi.save_values(aw, *range(100))
    assert gone() is not None
    rawapi.set_value(aw, 0, None)
    assert gone() is None


def test_setting_a_value_to_itself(new):
    aw, value = new(), object()
    rawapi.save_values(aw, value)
    before = getrefcount(value)
    rawapi.set_value(aw, 0, value)
    assert getrefcount(value) == before
    assert rawapi.get_value(aw, 0) is value


def test_the_awaitable_itself_may_be_saved():
    aw = rawapi.new()
    gone = weakref.ref(aw)
    rawapi.save_values(aw, aw)
    assert run(aw) is None
    del aw
    assert gone() is None


def dying(action):
    """An object whose death calls `action`."""

    class Dying:
        def __del__(self):
            action()

    return Dying()


def test_a_replaced_value_sees_the_new_one_when_it_dies(new):
    aw, seen = new(), []
    rawapi.save_values(aw, dying(lambda: seen.append(rawapi.get_value(aw, 0))))
    rawapi.set_value(aw, 0, "new")
    assert seen == ["new"]


def test_a_replaced_value_may_save_and_set_values_when_it_dies(new):
    aw = new()

    def action():
        rawapi.save_values(aw, *range(100))
        rawapi.set_value(aw, 0, "set by __del__")

    rawapi.save_values(aw, dying(action))
    rawapi.set_value(aw, 0, "new")
    assert rawapi.get_value(aw, 0) == "set by __del__"
    assert rawapi.unpack_values(aw, 101)[1:] == list(range(100))


def test_a_value_that_dies_with_the_object_finds_it_finished(new):
    aw, errors = new(), []

    def attempt(call, *arguments):
        try:
            call(aw, *arguments)
        except Exception as error:
            errors.append(type(error))
        else:
            errors.append(None)

    def action():
        attempt(rawapi.add_await, Ready())
        attempt(rawapi.set_result, 1)
        attempt(rawapi.unpack_values, 1)
        attempt(lambda aw: aw.send(None))
        attempt(rawapi.cancel)

    rawapi.save_values(aw, dying(action))
    assert run(aw) is None
    assert errors[:3] == [RuntimeError, RuntimeError, RuntimeError]
    assert errors[3] in (RuntimeError, ValueError)
    assert errors[4] is None


def test_saving_while_the_saved_objects_are_released_does_not_leak():
    aw, value = rawapi.new(), object()
    reference = weakref.ref(aw)
    before = getrefcount(value)

    def action():
        try:
            rawapi.save_values(reference(), value)
        except RuntimeError:
            pass

    rawapi.save_values(aw, dying(action), dying(action))
    run(aw)
    del aw
    assert reference() is None
    assert getrefcount(value) == before


def test_every_saved_object_is_released_once(new):
    aw, log = new(), []

    def value(name):
        return dying(lambda: log.append(name))

    rawapi.save_values(aw, value("first"), value("second"), value("third"))
    run(aw)
    assert sorted(log) == ["first", "second", "third"]


def test_values_and_results_of_every_type_pass_unchanged(new):
    class Odd:
        __eq__ = None

        def __bool__(self):
            raise AssertionError

    values = [None, (), (1,), StopIteration(1), KeyError, Odd(), Odd, NotImplemented, ...]
    aw, seen = new(), []
    rawapi.save_values(aw, *values)
    for index, value in enumerate(values):
        rawapi.add_await(aw, Ready(value), lambda self, result: seen.append(result))
        assert rawapi.get_value(aw, index) is value
    rawapi.add_await(aw, Ready(values[3]), keep_result)
    iterator = aw.__await__()
    with pytest.raises(StopIteration) as stop:
        next(iterator)
    assert stop.value.value is values[3]
    assert all(a is b for a, b in zip(seen, values))
    assert len(seen) == len(values)


# What has to be freed whatever becomes of the awaitable: as the header shows it

CAPSULE = """
#include <Python.h>
#include <pyawaitable.h>
#include <stdlib.h>

static long freed = 0;
static void count_and_free(void *memory) { freed++; free(memory); }
#define free count_and_free

%s

static int save(PyObject *awaitable, void *request)
{
%s
}

static PyObject *make(PyObject *module, PyObject *coroutine)
{
    PyObject *awaitable = PyAwaitable_New();
    (void)module;
    if (awaitable == NULL || save(awaitable, malloc(10)) < 0
        || PyAwaitable_AddAwait(awaitable, coroutine, NULL, NULL) < 0) {
        Py_XDECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

static PyObject *count(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyLong_FromLong(freed);
}

static PyMethodDef methods[] = {
    {"make", make, METH_O, NULL},
    {"count", count, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyModuleDef_Slot slots[] = {
#if defined(Py_mod_gil) && defined(Py_MOD_GIL_NOT_USED)
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "capsule", .m_methods = methods, .m_slots = slots};
PyMODINIT_FUNC PyInit_capsule(void) { return PyModuleDef_Init(&definition); }
"""


@pytest.fixture(scope="module")
def capsule(tmp_path_factory):
    header = Path(pyawaitable.include(), "pyawaitable", "pointers.h").read_text()
    snippet = textwrap.dedent(re.search(r"```c\n( static void.*?)```", header, re.DOTALL)[1])
    function, statements = snippet.split("\n\n", 1)
    folder = tmp_path_factory.mktemp("capsule")
    (folder / "capsule.c").write_text(CAPSULE % (function, statements))
    return load_extension(compile_extension(folder, "capsule", [folder / "capsule.c"]))


ENDS = "run", "drop", "close", "throw", "cancel", "close suspended", "drop suspended", "failed setup"


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.filterwarnings("ignore:.*was never awaited")
def test_a_capsule_is_freed_once_whatever_becomes_of_the_awaitable(end, capsule):
    before = capsule.count()
    if end == "failed setup":
        with pytest.raises(TypeError):
            capsule.make(5)
    else:
        aw = capsule.make(sleepy())
        if "suspended" in end or end == "run":
            aw.send(None)
        if end == "run":
            with pytest.raises(StopIteration):
                aw.send(None)
        elif end == "throw":
            with pytest.raises(KeyError):
                aw.throw(KeyError())
        elif end == "cancel":
            rawapi.cancel(aw)
        elif "close" in end:
            aw.close()
        del aw
    assert capsule.count() == before + 1
