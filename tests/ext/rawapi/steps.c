/* Steps as the interpreter takes them: by the type's slots, which Python code cannot call one by one. */
#include "rawapi.h"

static PyObject *
outcome(const char *what, PyObject *value)
{
    if (value == NULL) {
        return NULL;
    }
    return Py_BuildValue("(sN)", what, value);
}

/* The value of the StopIteration that is set; None if nothing is set, as tp_iternext may end. */
static PyObject *
fetch_result(void)
{
    PyObject *type, *value, *traceback, *result;

    if (!PyErr_Occurred()) {
        Py_RETURN_NONE;
    }
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) {
        return NULL;
    }
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    result = PyObject_GetAttrString(value, "value");
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return result;
}

static PyObject *
iter_next(PyObject *Py_UNUSED(module), PyObject *iterator)
{
    PyObject *value;

    if (Py_TYPE(iterator)->tp_iternext == NULL) {
        PyErr_SetString(PyExc_TypeError, "the type has no tp_iternext");
        return NULL;
    }
    watch_allocations(1);
    value = Py_TYPE(iterator)->tp_iternext(iterator);
    watch_allocations(-1);
    return value != NULL ? outcome("yield", value) : outcome("return", fetch_result());
}

static PyObject *
get_await(PyObject *Py_UNUSED(module), PyObject *awaitable)
{
    PyAsyncMethods *methods = Py_TYPE(awaitable)->tp_as_async;

    if (methods == NULL || methods->am_await == NULL) {
        PyErr_SetString(PyExc_TypeError, "the type has no am_await");
        return NULL;
    }
    return methods->am_await(awaitable);
}

#if PY_VERSION_HEX >= 0x030A0000
static PyObject *
iter_send(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *iterator, *value, *result;
    PySendResult status;

    if (!PyArg_ParseTuple(args, "OO:iter_send", &iterator, &value)) {
        return NULL;
    }
    watch_allocations(1);
    status = PyIter_Send(iterator, value, &result);
    watch_allocations(-1);
    switch (status) {
    case PYGEN_NEXT:
        return outcome("yield", result);
    case PYGEN_RETURN:
        return outcome("return", result);
    default:
        return NULL;
    }
}
#endif

PyMethodDef step_methods[] = {
    {"iter_next", iter_next, METH_O, "iter_next(iterator): calls tp_iternext -> ('yield' or 'return', value)"},
    {"get_await", get_await, METH_O, "get_await(awaitable): calls am_await"},
#if PY_VERSION_HEX >= 0x030A0000
    {"iter_send", iter_send, METH_VARARGS, "iter_send(iterator, value): PyIter_Send -> ('yield' or 'return', value)"},
#endif
    {NULL, NULL, 0, NULL},
};
