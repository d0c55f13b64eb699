/* An extension that never calls PyAwaitable_Init(): its first use of the API initializes. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pyawaitable.h>

static int
keep_result(PyObject *aw, PyObject *result)
{
    return PyAwaitable_SetResult(aw, result);
}

/* once(coro): an awaitable of what the coroutine returns. */
static PyObject *
lazyinit_once(PyObject *module, PyObject *coroutine)
{
    PyObject *aw = PyAwaitable_New();

    (void)module;
    if (aw == NULL) {
        return NULL;
    }
    if (PyAwaitable_AddAwait(aw, coroutine, keep_result, NULL) < 0) {
        Py_DECREF(aw);
        return NULL;
    }
    return aw;
}

static PyObject *
lazyinit_get_type(PyObject *module, PyObject *unused)
{
    PyTypeObject *type = PyAwaitable_GetType();

    (void)module;
    (void)unused;
    Py_XINCREF(type);
    return (PyObject *)type;
}

/* new_in_except(exc): calls PyAwaitable_New() while `exc` is set, as clean-up code does, and raises `exc`: unless the
 * call changed which exception is set, which is a SystemError. */
static PyObject *
lazyinit_new_in_except(PyObject *module, PyObject *exception)
{
    PyObject *aw, *type, *value, *traceback;

    (void)module;
    PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    aw = PyAwaitable_New();
    PyErr_Fetch(&type, &value, &traceback);
    if (aw == NULL || value != exception) {
        PyErr_SetString(PyExc_SystemError, aw == NULL ? "no object" : "another exception");
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    }
    else {
        PyAwaitable_Cancel(aw);
        PyErr_Restore(type, value, traceback);
    }
    Py_XDECREF(aw);
    return NULL;
}

static PyMethodDef methods[] = {
    {"once", lazyinit_once, METH_O, NULL},
    {"get_type", lazyinit_get_type, METH_NOARGS, NULL},
    {"new_in_except", lazyinit_new_in_except, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "lazyinit",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_lazyinit(void)
{
    return PyModuleDef_Init(&definition);
}
