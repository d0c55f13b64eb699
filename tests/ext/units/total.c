/* Uses the API and never calls PyAwaitable_Init(). */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pyawaitable.h>

#include "units.h"

static int
add_to_total(PyObject *aw, PyObject *result)
{
    long total, number = PyLong_AsLong(result);

    if (number == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (PyAwaitable_UnpackIntValues(aw, &total) < 0) {
        return -1;
    }
    return PyAwaitable_SetIntValue(aw, 0, total + number);
}

static int
return_total(PyObject *aw)
{
    long total = PyAwaitable_GetIntValue(aw, 0);
    PyObject *number;
    int status;

    if (total == -1 && PyErr_Occurred()) {
        return -1;
    }
    number = PyLong_FromLong(total);
    if (number == NULL) {
        return -1;
    }
    status = PyAwaitable_SetResult(aw, number);
    Py_DECREF(number);
    return status;
}

/* total(first, second): an awaitable of the sum of what two coroutines return. */
PyObject *
units_total(PyObject *module, PyObject *args)
{
    PyObject *first, *second, *aw;

    (void)module;
    if (!PyArg_ParseTuple(args, "OO:total", &first, &second)) {
        return NULL;
    }
    aw = PyAwaitable_New();
    if (aw == NULL) {
        return NULL;
    }
    if (PyAwaitable_SaveIntValues(aw, 1, 0L) < 0 || PyAwaitable_AddAwait(aw, first, add_to_total, NULL) < 0 ||
        PyAwaitable_AddAwait(aw, second, add_to_total, NULL) < 0 || PyAwaitable_DeferAwait(aw, return_total) < 0) {
        Py_DECREF(aw);
        return NULL;
    }
    return aw;
}
