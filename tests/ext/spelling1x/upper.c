/* The names that PYAWAITABLE_PYAPI asks for. */
#define PYAWAITABLE_PYAPI
#include <Python.h>
#include <pyawaitable.h>

#include "spelling1x.h"

#if PYAWAITABLE_MAJOR_VERSION != 3 || PYAWAITABLE_MINOR_VERSION != PyAwaitable_MINOR_VERSION ||                        \
    PYAWAITABLE_MICRO_VERSION != PyAwaitable_MICRO_VERSION
#error "the version macros of 1.x"
#endif

static int
keep_result(PyObject *aw, PyObject *result)
{
    return PyAwaitable_SetResult(aw, result);
}

static int
deferred(PyObject *aw)
{
    PyObject *log = PyAwaitable_GetValue(aw, 0);

    return log == NULL ? -1 : PyList_Append(log, Py_True);
}

PyObject *
spelling_upper(PyObject *module, PyObject *args)
{
    PyObject *coroutine, *function, *context, *log, *aw = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO:upper", &coroutine, &function, &context, &log)) {
        return NULL;
    }
    aw = PyAwaitable_New();
    CHECK(aw != NULL);
    CHECK(PyAwaitable_DeferAwait(aw, deferred) == 0);
    PyAwaitable_Cancel(aw);
    CHECK(PyAwaitable_SaveValues(aw, 1, log) == 0);
    CHECK(PyAwaitable_AddAwait(aw, coroutine, keep_result, keep_result) == 0);
    CHECK(PyAwaitable_AsyncWith(aw, context, keep_result, NULL) == 0);
    CHECK(PyAwaitable_DeferAwait(aw, deferred) == 0);
    CHECK(PyAwaitable_AwaitFunction(aw, function, "i", keep_result, keep_result, 5) == 0);
    return aw;
failed:
    Py_XDECREF(aw);
    return NULL;
}

PyObject *
spelling_upper_values(PyObject *module, PyObject *unused)
{
    PyObject *aw = PyAwaitable_New(), *object;
    void *pointer;
    long number;

    (void)module;
    (void)unused;
    CHECK(aw != NULL);
    CHECK(PyAwaitable_SaveValues(aw, 2, Py_True, Py_False) == 0);
    CHECK(PyAwaitable_SaveArbValues(aw, 2, (void *)&number, (void *)NULL) == 0);
    CHECK(PyAwaitable_SaveIntValues(aw, 2, 10L, -20L) == 0);
    CHECK(PyAwaitable_UnpackValues(aw, NULL, &object) == 0 && object == Py_False);
    CHECK(PyAwaitable_UnpackArbValues(aw, &pointer, NULL) == 0 && pointer == &number);
    CHECK(PyAwaitable_UnpackIntValues(aw, NULL, &number) == 0 && number == -20);
    CHECK(PyAwaitable_SetValue(aw, 1, Py_None) == 0 && PyAwaitable_GetValue(aw, 1) == Py_None);
    CHECK(PyAwaitable_SetArbValue(aw, 0, &object) == 0 && PyAwaitable_GetArbValue(aw, 0) == &object);
    CHECK(PyAwaitable_SetIntValue(aw, 0, 30L) == 0 && PyAwaitable_GetIntValue(aw, 0) == 30);
    PyAwaitable_Cancel(aw);
    Py_DECREF(aw);
    Py_RETURN_TRUE;
failed:
    Py_XDECREF(aw);
    return NULL;
}

PyObject *
spelling_upper_types(PyObject *module, PyObject *unused)
{
    PyTypeObject *type = PyAwaitable_Type;
    PyAwaitableABI *abi = PyAwaitable_ABI;

    (void)module;
    (void)unused;
    CHECK(abi != NULL);
    CHECK(type == PyAwaitableType);
    Py_XINCREF(type);
    return (PyObject *)type;
failed:
    return NULL;
}
