/* What the cases of the benchmark leave out of the C API, for train.py: the profile would take it for what nobody calls. */
#include <Python.h>
#include <pyawaitable.h>

static int
deferred(PyObject *awaitable)
{
    long number;
    void *pointer;
    if (PyAwaitable_UnpackIntValues(awaitable, &number) < 0 ||
        PyAwaitable_UnpackArbValues(awaitable, NULL, &pointer) < 0) {
        return -1;
    }
    return PyAwaitable_SetIntValue(awaitable, 0, number + 1);
}

static int
awaited(PyObject *awaitable, PyObject *result)
{
    PyObject *function = PyAwaitable_GetValue(awaitable, 0);
    if (function == NULL || PyAwaitable_SetValue(awaitable, 0, function) < 0 ||
        PyAwaitable_GetArbValue(awaitable, 0) == NULL || PyAwaitable_SetArbValue(awaitable, 1, awaitable) < 0 ||
        PyAwaitable_AwaitFunction(awaitable, function, NULL, NULL, NULL) < 0 ||
        PyAwaitable_DeferAwait(awaitable, deferred) < 0) {
        return -1;
    }
    if (PyAwaitable_GetIntValue(awaitable, 0) == -1 && PyErr_Occurred()) {
        return -1;
    }
    return PyAwaitable_SetResult(awaitable, result);
}

/* everything(function): function() is to return something to await. */
static PyObject *
everything(PyObject *Py_UNUSED(module), PyObject *function)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_SaveValues(awaitable, 2, function, function) < 0 ||
        PyAwaitable_SaveArbValues(awaitable, 2, awaitable, NULL) < 0 ||
        PyAwaitable_SaveIntValues(awaitable, 1, 0L) < 0 ||
        PyAwaitable_AddExpr(awaitable, PyObject_CallObject(function, NULL), awaited, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyMethodDef methods[] = {{"everything", everything, METH_O, NULL}, {NULL, NULL, 0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "training",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit_training(void)
{
    return PyAwaitable_Init() < 0 ? NULL : PyModule_Create(&definition);
}
