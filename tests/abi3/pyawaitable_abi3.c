/* An extension for the limited API of Python 3.9: compiled once, it runs on that version and on all later ones. */
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x03090000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pyawaitable.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            if (PyErr_Occurred() == NULL) {                                                                            \
                PyErr_SetString(PyExc_AssertionError, #condition);                                                     \
            }                                                                                                          \
            goto failed;                                                                                               \
        }                                                                                                              \
    } while (0)

/* Adds what was awaited to the list that is saved. */
static int
append(PyObject *awaitable, PyObject *result)
{
    PyObject *list = PyAwaitable_GetValue(awaitable, 0);

    return list == NULL ? -1 : PyList_Append(list, result);
}

static int
append_error(PyObject *awaitable, PyObject *error)
{
    return append(awaitable, error);
}

static int
finish(PyObject *awaitable)
{
    PyObject *list;
    long factor;
    int status;

    if (PyAwaitable_UnpackValues(awaitable, &list) < 0 || PyAwaitable_UnpackIntValues(awaitable, &factor) < 0) {
        return -1;
    }
    list = PySequence_Repeat(list, (Py_ssize_t)factor);
    if (list == NULL) {
        return -1;
    }
    status = PyAwaitable_SetResult(awaitable, list);
    Py_DECREF(list);
    return status;
}

/* gather(coroutine, function, context, factor): what the coroutine, function(1, b"two") and the context manager give,
 * or their errors, in a list that is repeated `factor` times. */
static PyObject *
gather(PyObject *module, PyObject *args)
{
    PyObject *coroutine, *function, *context, *list = NULL, *awaitable = NULL;
    long factor;

    (void)module;
    if (!PyArg_ParseTuple(args, "OOOl:gather", &coroutine, &function, &context, &factor)) {
        return NULL;
    }
    awaitable = PyAwaitable_New();
    CHECK(awaitable != NULL);
    list = PyList_New(0);
    CHECK(list != NULL);
    CHECK(PyAwaitable_SaveValues(awaitable, 1, list) == 0);
    Py_DECREF(list);
    CHECK(PyAwaitable_SaveIntValues(awaitable, 1, factor) == 0);
    CHECK(PyAwaitable_AddAwait(awaitable, coroutine, append, append_error) == 0);
    CHECK(PyAwaitable_AwaitFunction(awaitable, function, "iy#", append, append_error, 1, "two", (Py_ssize_t)3) == 0);
    CHECK(PyAwaitable_AsyncWith(awaitable, context, append, append_error) == 0);
    CHECK(PyAwaitable_DeferAwait(awaitable, finish) == 0);
    return awaitable;
failed:
    Py_XDECREF(awaitable);
    return NULL;
}

/* What needs no event loop: True, or the check that failed. */
static PyObject *
check(PyObject *module, PyObject *unused)
{
    PyObject *awaitable = PyAwaitable_New(), *first, *second;
    void *pointer;
    long number;

    (void)module;
    (void)unused;
    CHECK(awaitable != NULL);
    CHECK(PyAwaitable_SaveValues(awaitable, 2, Py_None, awaitable) == 0);
    CHECK(PyAwaitable_UnpackValues(awaitable, &first, &second) == 0 && first == Py_None && second == awaitable);
    CHECK(PyAwaitable_SetValue(awaitable, 1, Py_None) == 0 && PyAwaitable_GetValue(awaitable, 1) == Py_None);
    CHECK(PyAwaitable_SaveArbValues(awaitable, 1, (void *)&number) == 0);
    CHECK(PyAwaitable_UnpackArbValues(awaitable, &pointer) == 0 && pointer == &number);
    CHECK(PyAwaitable_SaveIntValues(awaitable, 1, -9L) == 0);
    CHECK(PyAwaitable_UnpackIntValues(awaitable, &number) == 0 && number == -9);
    CHECK(PyAwaitable_AddAwait(awaitable, awaitable, NULL, NULL) == -1 && PyErr_ExceptionMatches(PyExc_ValueError));
    PyErr_Clear();
    CHECK(PyAwaitable_GetValue(awaitable, 2) == NULL && PyErr_ExceptionMatches(PyExc_IndexError));
    PyErr_Clear();
    PyAwaitable_Cancel(awaitable);
    Py_DECREF(awaitable);
    Py_INCREF(Py_True);
    return Py_True;
failed:
    Py_XDECREF(awaitable);
    return NULL;
}

static PyMethodDef methods[] = {
    {"gather", gather, METH_VARARGS, NULL},
    {"check", check, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* streams.c */
extern PyMethodDef streams[];

static int
execute(PyObject *module)
{
    return PyAwaitable_AddFunctions(module, streams);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pyawaitable_abi3",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_pyawaitable_abi3(void)
{
    return PyModuleDef_Init(&definition);
}
