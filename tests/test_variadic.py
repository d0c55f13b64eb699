"""PyAwaitable_SaveValues(), PyAwaitable_UnpackValues() and the like: what a call may be passed, in C and in C++.

test_values.py has what saved values do; test_units.py has any number of them.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from compiling import compile_extension, load_extension, python_includes

import pyawaitable

SOURCE = r"""
#ifdef __cplusplus
extern "C" {
#endif
#include <Python.h>
#include <pyawaitable.h>
#ifdef __cplusplus
}
#endif

/* What view code has: types of its own, and texts. */
typedef struct {
    int number;
} route;
typedef struct {
    PyObject_HEAD
} thing;

static PyObject *finish(PyObject *awaitable, int status, int is_right)
{
    PyObject *result;
    if (status < 0 && PyErr_Occurred() != NULL) {
        Py_XDECREF(awaitable);
        return NULL;
    }
    result = Py_BuildValue("ii", status, is_right);
    PyAwaitable_Cancel(awaitable);
    Py_DECREF(awaitable);
    return result;
}

/* Pointers of any type, NULL and 0, and places more than there are. */
static PyObject *any_type(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New();
    static route there = {7};
    route *found = NULL;
    const char *text = "text", *name = NULL;
    const route *untouched = &there;
    void *third = &there, *fourth = &there;
    thing *one = (thing *)object, *other = NULL;
    PyObject *volatile kept = NULL;
    int status = 0;
    (void)module;
    status += PyAwaitable_SaveArbValues(aw, 4, &there, text, NULL, 0);
    status += PyAwaitable_UnpackArbValues(aw, &found, &name, &third, &fourth, &untouched, NULL, 0);
    status += PyAwaitable_SaveValues(aw, 2, one, object);
    status += PyAwaitable_UnpackValues(aw, &other, &kept, 0, NULL);
    return finish(aw, status,
                  found == &there && name == text && third == NULL && fourth == NULL && untouched == &there && other == one &&
                      kept == object);
}

/* Variables without a first value, which a compiler that sees all could warn of. */
static PyObject *no_first_value(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New(), *first, *second;
    void *pointer;
    long number;
    int status = PyAwaitable_SaveValues(aw, 2, object, module) + PyAwaitable_SaveArbValues(aw, 1, &status) +
                 PyAwaitable_SaveIntValues(aw, 1, 5);
    if (PyAwaitable_UnpackValues(aw, &first, &second) < 0 || PyAwaitable_UnpackArbValues(aw, &pointer) < 0 ||
        PyAwaitable_UnpackIntValues(aw, &number) < 0) {
        return finish(aw, -1, 0);
    }
    return finish(aw, status, first == object && second == module && pointer == &status && number == 5);
}

/* Integers of any type. */
static PyObject *integers(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New();
    long first = 0, second = 0, third = 0, fourth = 4;
    short small = -3;
    int status;
    (void)module;
    (void)object;
    status = PyAwaitable_SaveIntValues(aw, 3, 1, 2L, small);
    status += PyAwaitable_UnpackIntValues(aw, &first, &second, &third, &fourth);
    return finish(aw, status, first == 1 && second == 2 && third == -3 && fourth == 4);
}

/* Each argument is evaluated once, in the middle of an expression. */
#ifdef ONCE
static PyObject *once(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New(), *taken[2] = {NULL, NULL};
    PyObject **places = taken;
    long count = 2;
    int status;
    (void)module;
    status = PyAwaitable_SaveValues(aw, count++, object, object) < 0 ? -1 : PyAwaitable_UnpackValues(aw, places++, places++);
    return finish(aw, status, count == 3 && places == taken + 2 && taken[0] == object && taken[1] == object);
}
#endif

/* Nothing to save, and no place. */
static PyObject *nothing(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New();
    int status = PyAwaitable_SaveValues(aw, 0) + PyAwaitable_SaveArbValues(aw, 0) + PyAwaitable_SaveIntValues(aw, 0);
    (void)module;
    (void)object;
    return finish(aw, status, PyAwaitable_ValueCount(aw) == 0);
}

static PyObject *no_place(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New();
    (void)module;
    return finish(aw, PyAwaitable_SaveValues(aw, 1, object) + PyAwaitable_UnpackValues(aw), 0);
}

static PyObject *none_saved(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New();
    (void)module;
    (void)object;
    return finish(aw, PyAwaitable_UnpackValues(aw), 0);
}

/* Too few: nothing is written. */
#define TOO_FEW(name, Type, kind, first, second)                                                                       \
    static PyObject *few_##name(PyObject *module, PyObject *object)                                                    \
    {                                                                                                                  \
        PyObject *aw = PyAwaitable_New();                                                                              \
        Type place = (Type)0;                                                                                          \
        int status = PyAwaitable_Save##kind(aw, 2, first, second);                                                     \
        (void)module;                                                                                                  \
        (void)object;                                                                                                  \
        if (status < 0 || PyAwaitable_Unpack##kind(aw, &place) != -1 || place != (Type)0) {                            \
            return finish(aw, status, 0);                                                                              \
        }                                                                                                              \
        return finish(aw, -1, 0);                                                                                      \
    }
TOO_FEW(objects, PyObject *, Values, object, object)
TOO_FEW(pointers, void *, ArbValues, &module, &object)
TOO_FEW(integers, long, IntValues, 1, 2)

static PyObject *too_few_given(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New();
    (void)module;
    return finish(aw, PyAwaitable_SaveValues(aw, 3, object, object), 0);
}

static PyObject *negative(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New();
    (void)module;
    return finish(aw, PyAwaitable_SaveValues(aw, -1, object, object), 0);
}

/* More given than counted. */
static PyObject *fewer_counted(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New();
    int status = PyAwaitable_SaveValues(aw, 1, object, NULL);
    (void)module;
    return finish(aw, status, PyAwaitable_ValueCount(aw) == 1);
}

/* Through their addresses, and by the names of 1.x. */
static PyObject *by_address(PyObject *module, PyObject *object)
{
    int (*save)(PyObject *, Py_ssize_t, ...) = PyAwaitable_SaveValues;
    int (*unpack)(PyObject *, ...) = &PyAwaitable_UnpackValues;
    PyObject *aw = PyAwaitable_New(), *first = NULL, *second = NULL, *third = NULL;
    int status = save(aw, 1, object);
    (void)module;
    status += pyawaitable_save(aw, 1, object) + (PyAwaitable_SaveValues)(aw, 1, object);
    status += unpack(aw, &first, &second, &third);
    first = second = NULL;
    status += pyawaitable_unpack(aw, &first, NULL, &second) + pyawaitable_abi->unpack(aw, NULL, NULL, &third);
    return finish(aw, status, first == object && second == object && third == object);
}

/* More than there is room for on the stack. */
#define TEN(value) value, value, value, value, value, value, value, value, value, value
static PyObject *many(PyObject *module, PyObject *object)
{
    PyObject *aw = PyAwaitable_New(), *last = NULL;
    int status = PyAwaitable_SaveValues(aw, 41, TEN(object), TEN(object), TEN(object), TEN(object), object);
    (void)module;
    status += PyAwaitable_UnpackValues(aw, TEN(NULL), TEN(0), TEN(NULL), TEN(NULL), &last);
    return finish(aw, status, last == object);
}

#define METHOD(name) {#name, name, METH_O, NULL}
static PyMethodDef methods[] = {
#ifdef ONCE
    METHOD(once),
#endif
    METHOD(no_first_value), METHOD(any_type),      METHOD(integers),      METHOD(nothing),  METHOD(no_place),
    METHOD(none_saved),    METHOD(few_objects),   METHOD(few_pointers), METHOD(few_integers), METHOD(too_few_given),
    METHOD(negative),      METHOD(fewer_counted), METHOD(by_address), METHOD(many),     {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "variadic", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_variadic(void)
{
    return PyModuleDef_Init(&definition);
}
"""

STANDARDS = ["c99", "c11", "c++11", "c++20"]
STRICT = ["-Wpedantic", "-Wshadow", "-Wcast-qual", "-Wc++-compat", "-Wconversion", "-Wunused"]
WORKS = ["any_type", "no_first_value", "integers", "nothing", "fewer_counted", "by_address", "many"]
FAILS = {
    "no_place": (ValueError, "too few places for the saved values: 1 needed, and 0 given"),
    "none_saved": (RuntimeError, "has no saved values"),
    "few_objects": (ValueError, "too few places for the saved values: 2 needed, and 1 given"),
    "few_pointers": (ValueError, "too few places for the saved values: 2 needed, and 1 given"),
    "few_integers": (ValueError, "too few places for the saved values: 2 needed, and 1 given"),
    "too_few_given": (ValueError, "too few values to save: 3 needed, and 2 given"),
    "negative": (ValueError, "negative"),
}


@pytest.fixture(scope="module", params=[(standard, level) for standard in STANDARDS for level in ("-O0", "-O2")], ids="".join)
def variadic(request, tmp_path_factory):
    """The extension in a dialect. Optimized, the compiler sees which types are written to what."""
    standard, level = request.param
    folder = tmp_path_factory.mktemp("variadic")
    is_cxx = "++" in standard
    source = folder / ("variadic.cpp" if is_cxx else "variadic.c")
    source.write_text(SOURCE)
    # Warnings of the other language are refused by g++.
    strict = [option for option in STRICT if not (is_cxx and option == "-Wc++-compat")]
    path = compile_extension(folder, "variadic", [source], f"-std={standard}", level, *strict)
    return load_extension(path, "variadic")


@pytest.mark.parametrize("name", WORKS)
def test_what_a_call_may_be_given(name, variadic):
    assert getattr(variadic, name)(object()) == (0, 1)


def test_arguments_are_evaluated_once(tmp_path):
    """In the order that the compiler wants, so without the check for that."""
    source = tmp_path / "variadic.c"
    source.write_text(SOURCE)
    module = load_extension(compile_extension(tmp_path, "variadic", [source], "-DONCE", "-Wno-sequence-point"), "variadic")
    assert module.once(object()) == (0, 1)


@pytest.mark.parametrize("name", FAILS)
def test_too_few_is_value_error(name, variadic):
    kind, message = FAILS[name]
    with pytest.raises(kind, match=message):
        getattr(variadic, name)(object())


@pytest.mark.parametrize("function", ["twice", "twice_by_callback"])
def test_the_examples_of_the_header_work(function, tmp_path):
    """Compiled unchanged, with what makes it a module."""
    comment = Path(pyawaitable.include(), "pyawaitable.h").read_text(encoding="utf-8").split("*/")[0]
    lines = comment[: comment.index("   The words")].splitlines()
    example = "\n".join(line[7:] for line in lines if line.startswith("       "))
    module = """
static PyMethodDef methods[] = {
    {"twice", twice, METH_O, NULL}, {"twice_by_callback", twice_by_callback, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "example", NULL, 0, methods, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_example(void) { return PyModuleDef_Init(&definition); }
"""
    source = tmp_path / "example.c"
    source.write_text(example + module)
    twice = getattr(load_extension(compile_extension(tmp_path, "example", [source], "-std=c99"), "example"), function)

    async def number():
        return 21

    with pytest.raises(StopIteration) as stopped:
        twice(number()).send(None)
    assert stopped.value.value == 42


@pytest.mark.parametrize("compiler", ["gcc", "g++"])
def test_a_call_is_inlined(compiler, tmp_path):
    """What is called is the function of the table, and nothing else that the header defines."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    source = tmp_path / "inlined.c"
    source.write_text(
        "#include <pyawaitable.h>\n"
        "int call(PyObject *aw, PyObject **a, PyObject **b);\n"
        "int call(PyObject *aw, PyObject **a, PyObject **b) { return PyAwaitable_UnpackValues(aw, a, b); }\n"
    )
    command = [compiler, "-x", "c++" if compiler == "g++" else "c", "-O2", "-S", "-o", "-", *python_includes()]
    command += [f"-I{pyawaitable.include()}", str(source)]
    assembly = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    called = set(re.findall(r"\bcall\w*\s+\*?([A-Za-z_]\w*)", assembly))
    assert {name for name in called if "unpack" in name.lower()} == set()
