/* The lower-case names, and the same through pyawaitable_abi. */
#include <Python.h>
#include <pyawaitable.h>

#include "spelling1x.h"

static int
keep_result(PyObject *aw, PyObject *result)
{
    return pyawaitable_set_result(aw, result);
}

static int
keep_error(PyObject *aw, PyObject *error)
{
    return pyawaitable_set_result(aw, error);
}

static int
deferred(PyObject *aw)
{
    PyObject *log;

    if (pyawaitable_unpack(aw, &log) < 0) {
        return -1;
    }
    return PyList_Append(log, Py_True);
}

static awaitcallback on_result = keep_result;
static awaitcallback_err on_error = keep_error;
static defer_callback on_defer = deferred;

/* lower(coro, func, context, log): awaits the three in order; the result is that of the last, or its error. */
PyObject *
spelling_lower(PyObject *module, PyObject *args)
{
    PyObject *coroutine, *function, *context, *log, *aw = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO:lower", &coroutine, &function, &context, &log)) {
        return NULL;
    }
    aw = pyawaitable_new();
    CHECK(aw != NULL);
    CHECK(pyawaitable_await(aw, log, NULL, NULL) == -1 && PyErr_ExceptionMatches(PyExc_TypeError));
    PyErr_Clear();
    CHECK(pyawaitable_defer_await(aw, on_defer) == 0);
    pyawaitable_cancel(aw);
    CHECK(pyawaitable_save(aw, 1, log) == 0);
    CHECK(pyawaitable_await(aw, coroutine, on_result, on_error) == 0);
    CHECK(pyawaitable_async_with(aw, context, on_result, NULL) == 0);
    CHECK(pyawaitable_defer_await(aw, on_defer) == 0);
    CHECK(pyawaitable_await_function(aw, function, "i", on_result, on_error, 5) == 0);
    return aw;
failed:
    Py_XDECREF(aw);
    return NULL;
}

PyObject *
spelling_lower_values(PyObject *module, PyObject *unused)
{
    PyObject *aw = pyawaitable_new(), *object;
    void *pointer;
    long number;

    (void)module;
    (void)unused;
    CHECK(aw != NULL);
    CHECK(pyawaitable_save(aw, 2, Py_True, Py_False) == 0);
    CHECK(pyawaitable_save_arb(aw, 2, (void *)&number, (void *)NULL) == 0);
    CHECK(pyawaitable_save_int(aw, 2, 10L, -20L) == 0);
    CHECK(pyawaitable_unpack(aw, NULL, &object) == 0 && object == Py_False);
    CHECK(pyawaitable_unpack_arb(aw, &pointer, NULL) == 0 && pointer == &number);
    CHECK(pyawaitable_unpack_int(aw, NULL, &number) == 0 && number == -20);
    CHECK(pyawaitable_set(aw, 1, Py_None) == 0 && pyawaitable_get(aw, 1) == Py_None);
    CHECK(pyawaitable_set_arb(aw, 0, &object) == 0 && pyawaitable_get_arb(aw, 0) == &object);
    CHECK(pyawaitable_set_int(aw, 0, 30L) == 0 && pyawaitable_get_int(aw, 0) == 30);
    pyawaitable_cancel(aw);
    Py_DECREF(aw);
    Py_RETURN_TRUE;
failed:
    Py_XDECREF(aw);
    return NULL;
}

PyObject *
spelling_table(PyObject *module, PyObject *args)
{
    PyObject *coroutine, *function, *context, *log, *aw = NULL;
    PyAwaitableABI *abi = pyawaitable_abi;

    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO:table", &coroutine, &function, &context, &log)) {
        return NULL;
    }
    CHECK(abi != NULL);
    CHECK(abi->size == (Py_ssize_t)sizeof(PyAwaitableABI));
    aw = pyawaitable_abi->new();
    CHECK(aw != NULL);
    CHECK(pyawaitable_abi->defer_await(aw, on_defer) == 0);
    pyawaitable_abi->cancel(aw);
    CHECK(pyawaitable_abi->save(aw, 1, log) == 0);
    CHECK(pyawaitable_abi->await(aw, coroutine, on_result, on_error) == 0);
    CHECK(pyawaitable_abi->async_with(aw, context, on_result, NULL) == 0);
    CHECK(pyawaitable_abi->defer_await(aw, on_defer) == 0);
    CHECK(pyawaitable_abi->await_function(aw, function, "i", on_result, on_error, 5) == 0);
    CHECK(pyawaitable_abi->set_result(aw, Py_None) == 0);
    return aw;
failed:
    Py_XDECREF(aw);
    return NULL;
}

PyObject *
spelling_table_values(PyObject *module, PyObject *unused)
{
    PyObject *aw = NULL, *object;
    void *pointer;
    long number;

    (void)module;
    (void)unused;
    aw = PyAwaitable_ABI->new();
    CHECK(aw != NULL);
    CHECK(PyAwaitable_ABI->save(aw, 2, Py_True, Py_False) == 0);
    CHECK(PyAwaitable_ABI->save_arb(aw, 2, (void *)&number, (void *)NULL) == 0);
    CHECK(PyAwaitable_ABI->save_int(aw, 2, 10L, -20L) == 0);
    CHECK(PyAwaitable_ABI->unpack(aw, NULL, &object) == 0 && object == Py_False);
    CHECK(PyAwaitable_ABI->unpack_arb(aw, &pointer, NULL) == 0 && pointer == &number);
    CHECK(PyAwaitable_ABI->unpack_int(aw, NULL, &number) == 0 && number == -20);
    CHECK(PyAwaitable_ABI->set(aw, 1, Py_None) == 0 && PyAwaitable_ABI->get(aw, 1) == Py_None);
    CHECK(PyAwaitable_ABI->set_arb(aw, 0, &object) == 0 && PyAwaitable_ABI->get_arb(aw, 0) == &object);
    CHECK(PyAwaitable_ABI->set_int(aw, 0, 30L) == 0 && PyAwaitable_ABI->get_int(aw, 0) == 30);
    CHECK(PyAwaitable_ABI->cancel != NULL);
    PyAwaitable_ABI->cancel(aw);
    Py_DECREF(aw);
    Py_RETURN_TRUE;
failed:
    Py_XDECREF(aw);
    return NULL;
}

PyObject *
spelling_lower_types(PyObject *module, PyObject *unused)
{
    PyTypeObject *type = PyAwaitableType;
    PyAwaitableObject *opaque = NULL;

    (void)module;
    (void)unused;
    (void)opaque;
    Py_XINCREF(type);
    return (PyObject *)type;
}

/* In a file that does not define PYAWAITABLE_THIS_FILE_INIT. */
PyObject *
spelling_lower_init(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLong(pyawaitable_init());
}

/* An error, and nothing else: (what it returned, whether an exception was set). */
PyObject *
spelling_vendor_init(PyObject *module, PyObject *unused)
{
    int code = pyawaitable_vendor_init(module);

    (void)unused;
    if (code == 0) {
        Py_RETURN_NONE;
    }
    return NULL;
}
