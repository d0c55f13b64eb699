"""What the header of 2.x brought to sources for older versions of Python: names of CPython's that those lack."""

import subprocess
import sys
import traceback

import pytest
from compiling import WARNINGS, compile_extension, compiler, load_extension, python_includes

import pyawaitable

SOURCE = """
#include <Python.h>
#include <pyawaitable.h>

/* Takes the exception that a call raises; the exception, or None. */
static PyObject *take(PyObject *module, PyObject *function)
{
    PyObject *result = PyObject_CallObject(function, NULL), *exception;
    (void)module;
    Py_XDECREF(result);
    exception = PyErr_GetRaisedException();
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (exception == NULL) {
        exception = Py_XNewRef(NULL);
        return Py_NewRef(Py_None);
    }
    return exception;
}

/* Sets one exception, then another in its place, which may be None for none at all. */
static PyObject *set(PyObject *module, PyObject *exception)
{
    (void)module;
    PyErr_SetString(PyExc_LookupError, "the first");
    PyErr_SetRaisedException(exception == Py_None ? NULL : Py_NewRef(exception));
    return PyErr_Occurred() ? NULL : Py_NewRef(PyExc_LookupError);
}

/* An error callback as sources for 2.x have it. */
static int print_it(PyObject *awaitable, PyObject *exception)
{
    (void)awaitable;
    PyErr_SetRaisedException(Py_NewRef(exception));
    PyErr_Print();
    return 0;
}

static PyObject *go(PyObject *module, PyObject *coroutine)
{
    PyObject *awaitable = PyAwaitable_New();
    (void)module;
    if (awaitable != NULL && PyAwaitable_AddAwait(awaitable, coroutine, NULL, print_it) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyMethodDef methods[] = {
    {"take", take, METH_O, NULL},
    {"set", set, METH_O, NULL},
    {"go", go, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static PyModuleDef_Slot slots[] = {
#if defined(Py_mod_gil) && defined(Py_MOD_GIL_NOT_USED)
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "backports", NULL, 0, methods, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_backports(void) { return PyModuleDef_Init(&definition); }
"""

# What pythoncapi_compat.h has of it.
COMPAT = """
#ifndef PYTHONCAPI_COMPAT
#define PYTHONCAPI_COMPAT
#include <Python.h>
#if PY_VERSION_HEX < 0x030A00A3 && !defined(Py_NewRef)
static inline PyObject *_Py_NewRef(PyObject *object) { Py_INCREF(object); return object; }
#define Py_NewRef(object) _Py_NewRef((PyObject *)(object))
#endif
#if PY_VERSION_HEX < 0x030A00A3 && !defined(Py_XNewRef)
static inline PyObject *_Py_XNewRef(PyObject *object) { Py_XINCREF(object); return object; }
#define Py_XNewRef(object) _Py_XNewRef((PyObject *)(object))
#endif
#endif
"""
# As a source has them that could not wait.
OWN = """
#include <Python.h>
#if PY_VERSION_HEX < 0x030C0000
static inline PyObject *PyErr_GetRaisedException(void) { return NULL; }
static inline void PyErr_SetRaisedException(PyObject *exception) { (void)exception; }
#endif
"""
WAYS = {
    "c": (".c", "", []),
    "cplusplus": (".cpp", "", []),
    "limited": (".c", "#define Py_LIMITED_API 0x03090000\n", []),
    "limited_cplusplus": (".cpp", "#define Py_LIMITED_API 0x03090000\n", []),
    "compat_first": (".c", '#include "pythoncapi_compat.h"\n', []),
    "compat_last": (".c", '#include <pyawaitable.h>\n#include "pythoncapi_compat.h"\n', []),
    "compat_first_limited": (".c", '#define Py_LIMITED_API 0x03090000\n#include "pythoncapi_compat.h"\n', []),
    "own_first": (".c", OWN, ["-Wno-unused-function"]),
    "linked": (".c", "#define PYAWAITABLE_LINK\n#define PYAWAITABLE_STATIC\n", [pyawaitable.static_library()]),
}


@pytest.fixture(scope="module", params=WAYS)
def backports(request, tmp_path_factory):
    suffix, before, options = WAYS[request.param]
    if "Py_LIMITED_API" in before and "free-threading" in sys.version and sys.version_info < (3, 15):
        pytest.skip("there is no limited API of a free-threaded Python before 3.15")
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "pythoncapi_compat.h").write_text(COMPAT)
    (folder / f"source{suffix}").write_text(before + SOURCE)
    path = compile_extension(folder, "backports", [folder / f"source{suffix}"], f"-I{folder}", *options)
    return load_extension(path, "backports")


def raises(exception):
    raise exception


def test_an_exception_is_taken_whole(backports):
    error = KeyError("taken")
    assert backports.take(lambda: raises(error)) is error
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)][-1] == "raises"
    assert isinstance(backports.take(lambda: raises(KeyError)), KeyError)


def test_none_is_taken_where_none_is_set(backports):
    assert backports.take(lambda: 1) is None


def test_an_exception_is_set_with_its_traceback(backports):
    error = backports.take(lambda: raises(OSError(5)))
    before = error.__traceback__
    with pytest.raises(OSError) as raised:
        backports.set(error)
    assert raised.value is error
    link = error.__traceback__
    while link is not before and link is not None:
        link = link.tb_next
    assert link is before is not None


def test_setting_none_clears(backports):
    assert backports.set(None) is LookupError


def test_an_error_callback_of_2x(backports, capsys):
    async def fails():
        raise ValueError("printed")

    aw = backports.go(fails())
    with pytest.raises(StopIteration):
        aw.send(None)
    assert "ValueError: printed" in capsys.readouterr().err


def test_references_are_counted(backports):
    error = KeyError()
    before = sys.getrefcount(error)
    for _ in range(100):
        assert backports.take(lambda: raises(error)) is error
        with pytest.raises(KeyError):
            backports.set(error)
        error.__traceback__ = error.__context__ = None
    assert sys.getrefcount(error) - before < 10


NAMES = "PyErr_GetRaisedException", "PyErr_SetRaisedException", "Py_NewRef", "Py_XNewRef"


def preprocess(tmp_path, before):
    """The names that are macros after including the header."""
    source = tmp_path / "names.c"
    lines = [before, "#include <Python.h>", "#include <pyawaitable.h>"]
    lines += [f'#ifdef {name}\nconst char *found_{name} = "{name}";\n#endif' for name in NAMES]
    source.write_text("\n".join(lines))
    command = [compiler(), *WARNINGS, "-E", "-P", *python_includes(), f"-I{pyawaitable.include()}", str(source)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name for name in NAMES if f"found_{name} =" in text}


def test_without_backports_only_cpythons_names_are_there(tmp_path):
    found = preprocess(tmp_path, "#define PYAWAITABLE_NO_BACKPORTS")
    assert found == (set() if sys.version_info < (3, 10) else {"Py_NewRef", "Py_XNewRef"})


def test_names_that_the_interpreter_has_are_its_own(tmp_path):
    found = preprocess(tmp_path, "")
    raised = {"PyErr_GetRaisedException", "PyErr_SetRaisedException"}
    assert found & raised == (raised if sys.version_info < (3, 12) else set())
    limited = preprocess(tmp_path, "#define Py_LIMITED_API 0x03090000") if "free-threading" not in sys.version else raised
    assert limited & raised == raised
