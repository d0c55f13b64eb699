/* An extension as its author would have written it for PyAwaitable 1.x. It is compiled with the header of this library,
 * and with the one of 1.3.0, whose file that defines PYAWAITABLE_THIS_FILE_INIT also defines the pointer to the table
 * that all files share. */
#ifndef COMPAT1X_H
#define COMPAT1X_H

#include <Python.h>
#include <pyawaitable.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            if (!PyErr_Occurred()) {                                                                                   \
                PyErr_SetString(PyExc_AssertionError, #condition);                                                     \
            }                                                                                                          \
            goto failed;                                                                                               \
        }                                                                                                              \
    } while (0)

/* At the end of a function whose checks make `aw`. */
#define RETURN_AWAITABLE                                                                                               \
    return aw;                                                                                                         \
    failed:                                                                                                            \
    Py_XDECREF(aw);                                                                                                    \
    return NULL

#define RETURN_TRUE                                                                                                    \
    pyawaitable_cancel(aw);                                                                                            \
    Py_DECREF(aw);                                                                                                     \
    Py_RETURN_TRUE;                                                                                                    \
    failed:                                                                                                            \
    Py_XDECREF(aw);                                                                                                    \
    return NULL

extern PyMethodDef compat1x_awaits[];
extern PyMethodDef compat1x_values[];

#endif
