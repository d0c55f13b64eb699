/* Includes the header twice. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pyawaitable.h>
#include <pyawaitable.h>

#include "units.h"

static int
keep_result(PyObject *aw, PyObject *result)
{
    return PyAwaitable_SetResult(aw, result);
}

/* sized(func, data): awaits func(data), which is called with "y#" and a Py_ssize_t. */
PyObject *
units_sized(PyObject *module, PyObject *args)
{
    PyObject *function, *aw;
    const char *data;
    Py_ssize_t size;

    (void)module;
    if (!PyArg_ParseTuple(args, "Oy#:sized", &function, &data, &size)) {
        return NULL;
    }
    aw = PyAwaitable_New();
    if (aw == NULL) {
        return NULL;
    }
    if (PyAwaitable_AwaitFunction(aw, function, "y#i", keep_result, NULL, data, size, 7) < 0) {
        Py_DECREF(aw);
        return NULL;
    }
    return aw;
}
