/* The names of PyAwaitable 1.x. module.c defines PYAWAITABLE_THIS_FILE_INIT and PYAWAITABLE_PYAPI, lower.c neither of
 * them, upper.c PYAWAITABLE_PYAPI. */
#ifndef SPELLING1X_H
#define SPELLING1X_H

PyObject *spelling_lower(PyObject *module, PyObject *args);
PyObject *spelling_lower_values(PyObject *module, PyObject *unused);
PyObject *spelling_table(PyObject *module, PyObject *args);
PyObject *spelling_table_values(PyObject *module, PyObject *unused);
PyObject *spelling_lower_types(PyObject *module, PyObject *unused);
PyObject *spelling_lower_init(PyObject *module, PyObject *unused);
PyObject *spelling_vendor_init(PyObject *module, PyObject *unused);
PyObject *spelling_upper(PyObject *module, PyObject *args);
PyObject *spelling_upper_values(PyObject *module, PyObject *unused);
PyObject *spelling_upper_types(PyObject *module, PyObject *unused);

/* Fails with the line when a check is false. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            if (!PyErr_Occurred()) {                                                                                   \
                PyErr_SetString(PyExc_AssertionError, #condition);                                                     \
            }                                                                                                          \
            goto failed;                                                                                               \
        }                                                                                                              \
    } while (0)

#endif
