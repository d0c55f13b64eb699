/* Does not define PY_SSIZE_T_CLEAN, which "#" formats ask for on 3.10 to 3.12; before, they take an int without it. */
#include <Python.h>
#include <pyawaitable.h>

#include "units.h"

#if PY_VERSION_HEX < 0x030A0000
typedef int Size;
#else
typedef Py_ssize_t Size;
#endif

static int
keep_result(PyObject *aw, PyObject *result)
{
    return PyAwaitable_SetResult(aw, result);
}

/* sized_unclean(func, data): awaits func(data). */
PyObject *
units_sized_unclean(PyObject *module, PyObject *args)
{
    PyObject *function, *data, *aw;

    (void)module;
    if (!PyArg_ParseTuple(args, "OS:sized_unclean", &function, &data)) {
        return NULL;
    }
    aw = PyAwaitable_New();
    if (aw == NULL) {
        return NULL;
    }
    if (PyAwaitable_AwaitFunction(aw, function, "y#", keep_result, NULL, PyBytes_AS_STRING(data),
                                  (Size)PyBytes_GET_SIZE(data)) < 0) {
        Py_DECREF(aw);
        return NULL;
    }
    return aw;
}

/* build_unclean(data): what CPython itself makes of the same format in this translation unit. */
PyObject *
units_build_unclean(PyObject *module, PyObject *data)
{
    (void)module;
    return Py_BuildValue("(y#)", PyBytes_AS_STRING(data), (Size)PyBytes_GET_SIZE(data));
}
