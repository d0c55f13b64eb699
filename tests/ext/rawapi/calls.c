/* One call of the C API: its return value, and the exception around it. */
#include "rawapi.h"

PyObject *
object_argument(State *state, PyObject *argument)
{
    return argument == state->null ? NULL : argument;
}

Call
begin_call(State *state)
{
    Call call = {state, state->armed, NULL};

    state->armed = NULL;
    if (call.armed != NULL) {
        call.context = PyException_GetContext(call.armed);
        Py_INCREF(Py_TYPE(call.armed));
        Py_INCREF(call.armed);
        PyErr_Restore((PyObject *)Py_TYPE(call.armed), call.armed, PyException_GetTraceback(call.armed));
    }
    watch_allocations(1);
    return call;
}

/* The same object, with nothing added to it. */
static int
is_untouched(Call *call, PyObject *value, PyObject *traceback)
{
    PyObject *context;
    int same;

    if (value != call->armed || traceback != NULL) {
        return 0;
    }
    context = PyException_GetContext(value);
    same = context == call->context;
    Py_XDECREF(context);
    return same;
}

/* After it, an exception is set only if the call failed. */
static void
end_call(Call *call, int failed)
{
    PyObject *type, *value, *traceback;

    watch_allocations(-1);
    if (call->armed == NULL) {
        return;
    }
    PyErr_Fetch(&type, &value, &traceback);
    call->state->untouched = is_untouched(call, value, traceback);
    if (failed) {
        PyErr_Restore(type, value, traceback);
    }
    else {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    }
    Py_CLEAR(call->context);
    Py_CLEAR(call->armed);
}

static int
check_outcome(Call *call, int failed)
{
    if (failed && !PyErr_Occurred()) {
        PyErr_SetString(call->state->no_exception, "the call failed without an exception");
    }
    if (!failed && PyErr_Occurred()) {
        PyErr_Clear();
        PyErr_SetString(PyExc_SystemError, "the call succeeded with an exception set");
        return -1;
    }
    return failed ? -1 : 0;
}

int
finish_status(Call *call, int code)
{
    end_call(call, code != 0);
    if (code != 0 && code != -1) {
        PyErr_Clear();
        PyErr_Format(PyExc_SystemError, "the call returned %d", code);
        return -1;
    }
    return check_outcome(call, code != 0);
}

PyObject *
finish_int(Call *call, int code)
{
    if (finish_status(call, code) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* A function without a return value tells its failure by the exception alone. */
static int
changed_exception(Call *call)
{
    PyObject *type, *value, *traceback;
    int changed;

    if (call->armed == NULL) {
        return PyErr_Occurred() != NULL;
    }
    PyErr_Fetch(&type, &value, &traceback);
    changed = value != NULL && value != call->armed;
    PyErr_Restore(type, value, traceback);
    return changed;
}

PyObject *
finish_void(Call *call)
{
    int failed = changed_exception(call);

    end_call(call, failed);
    if (failed) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyObject *
finish_new(Call *call, PyObject *result)
{
    end_call(call, result == NULL);
    if (check_outcome(call, result == NULL) < 0) {
        Py_XDECREF(result);
        return NULL;
    }
    return result;
}

PyObject *
finish_borrowed(Call *call, PyObject *result)
{
    Py_XINCREF(result);
    return finish_new(call, result);
}

PyObject *
finish_pointer(Call *call, void *result)
{
    int failed = result == NULL && changed_exception(call);

    end_call(call, failed);
    if (check_outcome(call, failed) < 0) {
        return NULL;
    }
    return PyLong_FromVoidPtr(result);
}

PyObject *
finish_long(Call *call, long result)
{
    int failed = result == -1 && changed_exception(call);

    end_call(call, failed);
    if (check_outcome(call, failed) < 0) {
        return NULL;
    }
    return PyLong_FromLong(result);
}

/* with_exception_set(function, *args, **kwargs): calls a function of this module with an exception (rawapi.Pending)
 * set around its C call. Returns whether a call that succeeded left it untouched; a call that failed raises. */
PyObject *
with_exception_set(PyObject *module, PyObject *args, PyObject *kwargs)
{
    State *state = state_of(module);
    PyObject *rest, *result;
    int reached;

    if (PyTuple_GET_SIZE(args) < 1) {
        PyErr_SetString(PyExc_TypeError, "with_exception_set() takes a function");
        return NULL;
    }
    rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    if (rest == NULL) {
        return NULL;
    }
    Py_XSETREF(state->armed, PyObject_CallFunction(state->pending, "s", "set before the call"));
    if (state->armed == NULL) {
        Py_DECREF(rest);
        return NULL;
    }
    state->untouched = 0;
    result = PyObject_Call(PyTuple_GET_ITEM(args, 0), rest, kwargs);
    reached = state->armed == NULL;
    Py_CLEAR(state->armed);
    Py_DECREF(rest);
    if (result == NULL) {
        return NULL;
    }
    Py_DECREF(result);
    if (!reached) {
        PyErr_SetString(PyExc_RuntimeError, "the function did not reach the C API");
        return NULL;
    }
    return PyBool_FromLong(state->untouched);
}
