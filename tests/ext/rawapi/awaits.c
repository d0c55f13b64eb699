/* The object, its queue and its result. */
#include "rawapi.h"

static PyObject *
init(PyObject *module, PyObject *Py_UNUSED(unused))
{
    Call call = begin_call(state_of(module));

    return finish_int(&call, PyAwaitable_Init());
}

static PyObject *
get_type(PyObject *module, PyObject *Py_UNUSED(unused))
{
    Call call = begin_call(state_of(module));

    return finish_borrowed(&call, (PyObject *)PyAwaitable_GetType());
}

static PyObject *
new(PyObject *module, PyObject *Py_UNUSED(unused))
{
    Call call = begin_call(state_of(module));

    return finish_new(&call, PyAwaitable_New());
}

/* (aw, obj, cb=None, err=None): the arguments of add_await, add_expr and async_with. */
typedef struct {
    PyObject *awaitable;
    PyObject *object;
    PyAwaitable_Callback callback;
    PyAwaitable_Error error;
} AwaitArguments;

static int
parse_await(State *state, PyObject *args, PyObject *kwargs, AwaitArguments *result)
{
    static char *keywords[] = {"aw", "obj", "cb", "err", NULL};
    PyObject *callback = Py_None, *error = Py_None;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OO", keywords, &result->awaitable, &result->object, &callback,
                                     &error)) {
        return -1;
    }
    result->awaitable = object_argument(state, result->awaitable);
    result->object = object_argument(state, result->object);
    if (callback_argument(state, callback, &result->callback) < 0) {
        return -1;
    }
    return callback_argument(state, error, &result->error);
}

static PyObject *
add_await(PyObject *module, PyObject *args, PyObject *kwargs)
{
    AwaitArguments a;
    Call call;

    if (parse_await(state_of(module), args, kwargs, &a) < 0) {
        return NULL;
    }
    call = begin_call(state_of(module));
    return finish_int(&call, PyAwaitable_AddAwait(a.awaitable, a.object, a.callback, a.error));
}

static PyObject *
add_expr(PyObject *module, PyObject *args, PyObject *kwargs)
{
    AwaitArguments a;
    Call call;

    if (parse_await(state_of(module), args, kwargs, &a) < 0) {
        return NULL;
    }
    /* the reference that the call steals */
    Py_XINCREF(a.object);
    call = begin_call(state_of(module));
    return finish_int(&call, PyAwaitable_AddExpr(a.awaitable, a.object, a.callback, a.error));
}

static PyObject *
async_with(PyObject *module, PyObject *args, PyObject *kwargs)
{
    AwaitArguments a;
    Call call;

    if (parse_await(state_of(module), args, kwargs, &a) < 0) {
        return NULL;
    }
    call = begin_call(state_of(module));
    return finish_int(&call, PyAwaitable_AsyncWith(a.awaitable, a.object, a.callback, a.error));
}

static PyObject *
async_for(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"aw", "obj", "each", "end", "err", NULL};
    State *state = state_of(module);
    PyObject *awaitable, *iterable, *each = Py_None, *end = Py_None, *error = Py_None;
    PyAwaitable_Callback each_function;
    PyAwaitable_Defer end_function;
    PyAwaitable_Error error_function;
    Call call;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OOO:async_for", keywords, &awaitable, &iterable, &each, &end,
                                     &error) ||
        callback_argument(state, each, &each_function) < 0 || defer_argument(state, end, &end_function) < 0 ||
        callback_argument(state, error, &error_function) < 0) {
        return NULL;
    }
    awaitable = object_argument(state, awaitable);
    iterable = object_argument(state, iterable);
    call = begin_call(state);
    return finish_int(&call, PyAwaitable_AsyncFor(awaitable, iterable, each_function, end_function, error_function));
}

static PyObject *
defer_await(PyObject *module, PyObject *args)
{
    State *state = state_of(module);
    PyObject *awaitable, *callback;
    PyAwaitable_Defer function;
    Call call;

    if (!PyArg_ParseTuple(args, "OO:defer_await", &awaitable, &callback) ||
        defer_argument(state, callback, &function) < 0) {
        return NULL;
    }
    awaitable = object_argument(state, awaitable);
    call = begin_call(state);
    return finish_int(&call, PyAwaitable_DeferAwait(awaitable, function));
}

static PyObject *
cancel(PyObject *module, PyObject *awaitable)
{
    State *state = state_of(module);
    Call call;

    awaitable = object_argument(state, awaitable);
    call = begin_call(state);
    PyAwaitable_Cancel(awaitable);
    return finish_void(&call);
}

static PyObject *
set_result(PyObject *module, PyObject *args)
{
    State *state = state_of(module);
    PyObject *awaitable, *value;
    Call call;

    if (!PyArg_ParseTuple(args, "OO:set_result", &awaitable, &value)) {
        return NULL;
    }
    awaitable = object_argument(state, awaitable);
    value = object_argument(state, value);
    call = begin_call(state);
    return finish_int(&call, PyAwaitable_SetResult(awaitable, value));
}

/* The formats that await_function() knows; each names the C types of its variadic arguments. */
typedef struct {
    PyObject *awaitable;
    PyObject *function;
    const char *format;
    PyAwaitable_Callback callback;
    PyAwaitable_Error error;
    PyObject *rest; /* the arguments for the format, a tuple */
} FunctionArguments;

#define AWAIT_FUNCTION(a, ...)                                                                                         \
    PyAwaitable_AwaitFunction((a)->awaitable, (a)->function, (a)->format, (a)->callback, (a)->error, __VA_ARGS__)

static PyObject *
object_at(FunctionArguments *a, Py_ssize_t index)
{
    return PyTuple_GET_ITEM(a->rest, index);
}

static int
has_format(FunctionArguments *a, const char *format, Py_ssize_t count)
{
    return strcmp(a->format, format) == 0 && PyTuple_GET_SIZE(a->rest) == count;
}

static int
call_await_function(FunctionArguments *a)
{
    if (a->format == NULL || a->format[0] == '\0') {
        return PyAwaitable_AwaitFunction(a->awaitable, a->function, a->format, a->callback, a->error);
    }
    if (has_format(a, "i", 1)) {
        return AWAIT_FUNCTION(a, (int)PyLong_AsLong(object_at(a, 0)));
    }
    if (has_format(a, "s", 1)) {
        return AWAIT_FUNCTION(a, PyUnicode_AsUTF8(object_at(a, 0)));
    }
    if (has_format(a, "y#", 1)) {
        return AWAIT_FUNCTION(a, PyBytes_AS_STRING(object_at(a, 0)), PyBytes_GET_SIZE(object_at(a, 0)));
    }
    if (has_format(a, "O", 1) || has_format(a, "(O)", 1) || has_format(a, "[O]", 1)) {
        return AWAIT_FUNCTION(a, object_at(a, 0));
    }
    if (has_format(a, "N", 1)) {
        Py_INCREF(object_at(a, 0));
        return AWAIT_FUNCTION(a, object_at(a, 0));
    }
    if (has_format(a, "N", 0) || has_format(a, "ON", 1)) {
        /* An argument whose making has failed. */
        PyObject *none = PyUnicode_DecodeUTF8("\xff", 1, NULL);
        return a->format[0] == 'N' ? AWAIT_FUNCTION(a, none) : AWAIT_FUNCTION(a, object_at(a, 0), none);
    }
    if (has_format(a, "OO", 2) || has_format(a, "O(O)", 2) || has_format(a, "{O:O}", 2)) {
        return AWAIT_FUNCTION(a, object_at(a, 0), object_at(a, 1));
    }
    if (has_format(a, "OOO", 3)) {
        return AWAIT_FUNCTION(a, object_at(a, 0), object_at(a, 1), object_at(a, 2));
    }
    /* anything else goes through as it is, and is read with one int: for formats that are wrong */
    return AWAIT_FUNCTION(a, 0);
}

/* await_function(aw, func, fmt=None, cb=None, err=None, *args) */
static PyObject *
await_function(PyObject *module, PyObject *args)
{
    State *state = state_of(module);
    PyObject *callback = Py_None, *error = Py_None, *head, *result = NULL;
    Py_ssize_t size = PyTuple_GET_SIZE(args);
    FunctionArguments a = {.format = NULL, .rest = NULL};
    Call call;

    head = PyTuple_GetSlice(args, 0, size < 5 ? size : 5);
    a.rest = PyTuple_GetSlice(args, 5, size);
    if (head == NULL || a.rest == NULL) {
        goto done;
    }
    if (!PyArg_ParseTuple(head, "OO|zOO:await_function", &a.awaitable, &a.function, &a.format, &callback, &error)) {
        goto done;
    }
    if (callback_argument(state, callback, &a.callback) < 0 || callback_argument(state, error, &a.error) < 0) {
        goto done;
    }
    a.awaitable = object_argument(state, a.awaitable);
    a.function = object_argument(state, a.function);
    call = begin_call(state);
    result = finish_int(&call, call_await_function(&a));
done:
    Py_XDECREF(head);
    Py_XDECREF(a.rest);
    return result;
}

PyMethodDef await_methods[] = {
    {"init", init, METH_NOARGS, NULL},
    {"get_type", get_type, METH_NOARGS, NULL},
    {"new", new, METH_NOARGS, NULL},
    {"add_await", WITH_KEYWORDS(add_await), "add_await(aw, obj, cb=None, err=None)"},
    {"add_expr", WITH_KEYWORDS(add_expr), "add_expr(aw, obj, cb=None, err=None)"},
    {"async_with", WITH_KEYWORDS(async_with), "async_with(aw, obj, cb=None, err=None)"},
    {"async_for", WITH_KEYWORDS(async_for), "async_for(aw, obj, each=None, end=None, err=None)"},
    {"defer_await", defer_await, METH_VARARGS, "defer_await(aw, cb)"},
    {"await_function", await_function, METH_VARARGS, "await_function(aw, func, fmt=None, cb=None, err=None, *args)"},
    {"cancel", cancel, METH_O, "cancel(aw)"},
    {"set_result", set_result, METH_VARARGS, "set_result(aw, value)"},
    {NULL, NULL, 0, NULL},
};
