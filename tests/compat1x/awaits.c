/* Awaits, callbacks and `async with`, with the lower-case names. */
#include "compat1x.h"

static int
keep_result(PyObject *aw, PyObject *result)
{
    return pyawaitable_set_result(aw, result);
}

static int
fail(PyObject *aw, PyObject *result)
{
    (void)aw;
    PyErr_SetObject(PyExc_ValueError, result);
    return -1;
}

static int
fail_past_error(PyObject *aw, PyObject *result)
{
    (void)aw;
    PyErr_SetObject(PyExc_KeyError, result);
    return -2;
}

static int
handle(PyObject *aw, PyObject *error)
{
    return pyawaitable_set_result(aw, error);
}

static int
reraise(PyObject *aw, PyObject *error)
{
    (void)aw;
    (void)error;
    return -1;
}

static int
replace(PyObject *aw, PyObject *error)
{
    (void)aw;
    PyErr_SetObject(PyExc_LookupError, error);
    return -2;
}

/* await_with(coroutine, callback, error): the callbacks by their names here, or None. */
static PyObject *
await_with(PyObject *module, PyObject *args)
{
    static const struct {
        const char *name;
        awaitcallback callback;
    } callbacks[] = {
        {"keep_result", keep_result}, {"fail", fail},       {"fail_past_error", fail_past_error},
        {"handle", handle},           {"reraise", reraise}, {"replace", replace},
    };
    PyObject *coroutine, *aw = NULL;
    const char *names[2];
    awaitcallback chosen[2] = {NULL, NULL};

    (void)module;
    if (!PyArg_ParseTuple(args, "Ozz", &coroutine, &names[0], &names[1])) {
        return NULL;
    }
    for (int which = 0; which < 2; which++) {
        for (size_t i = 0; names[which] != NULL && i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
            if (strcmp(names[which], callbacks[i].name) == 0) {
                chosen[which] = callbacks[i].callback;
            }
        }
    }
    aw = pyawaitable_new();
    CHECK(aw != NULL);
    CHECK(pyawaitable_await(aw, coroutine, chosen[0], (awaitcallback_err)chosen[1]) == 0);
    RETURN_AWAITABLE;
}

/* call_with(function, how many arguments: 0, 1 or 20) */
static PyObject *
call_with(PyObject *module, PyObject *args)
{
    PyObject *function, *aw = NULL;
    int count;

    (void)module;
    if (!PyArg_ParseTuple(args, "Oi", &function, &count)) {
        return NULL;
    }
    aw = pyawaitable_new();
    CHECK(aw != NULL);
    if (count == 0) {
        CHECK(pyawaitable_await_function(aw, function, "", keep_result, NULL) == 0);
    }
    else if (count == 1) {
        CHECK(pyawaitable_await_function(aw, function, "s", keep_result, NULL, "one") == 0);
    }
    else {
        CHECK(pyawaitable_await_function(aw, function, "iidsiidsiidsiidsiids", keep_result, NULL, 0, 1, 2.5, "3", 4, 5,
                                         6.5, "7", 8, 9, 10.5, "11", 12, 13, 14.5, "15", 16, 17, 18.5, "19") == 0);
    }
    RETURN_AWAITABLE;
}

/* enter(context, callback is to fail) */
static PyObject *
enter(PyObject *module, PyObject *args)
{
    PyObject *context, *aw = NULL;
    int fails;

    (void)module;
    if (!PyArg_ParseTuple(args, "Op", &context, &fails)) {
        return NULL;
    }
    aw = pyawaitable_new();
    CHECK(aw != NULL);
    CHECK(pyawaitable_async_with(aw, context, fails ? fail : keep_result, fails ? handle : NULL) == 0);
    RETURN_AWAITABLE;
}

/* Cancels what was added, and awaits the coroutine instead. */
static PyObject *
change_of_mind(PyObject *module, PyObject *args)
{
    PyObject *first, *second, *aw = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &first, &second)) {
        return NULL;
    }
    aw = pyawaitable_new();
    CHECK(aw != NULL);
    CHECK(pyawaitable_await(aw, first, keep_result, NULL) == 0);
    pyawaitable_cancel(aw);
    CHECK(pyawaitable_await(aw, second, keep_result, NULL) == 0);
    RETURN_AWAITABLE;
}

/* add(awaitable, object): whatever the caller passes. */
static PyObject *
add(PyObject *module, PyObject *args)
{
    PyObject *aw, *object;

    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &aw, &object)) {
        return NULL;
    }
    if (pyawaitable_await(aw, object, NULL, NULL) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyMethodDef compat1x_awaits[] = {
    {"await_with", await_with, METH_VARARGS, NULL},
    {"call_with", call_with, METH_VARARGS, NULL},
    {"enter", enter, METH_VARARGS, NULL},
    {"change_of_mind", change_of_mind, METH_VARARGS, NULL},
    {"add", add, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
