/* What the scenarios share: see scenario.h. */
#include "scenario.h"

PyObject *
scenario_new(PyObject *env)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_SaveValues(awaitable, 1, env) < 0) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

PyObject *
scenario_done(PyObject *awaitable, int status)
{
    if (status < 0) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

int
scenario_name(PyObject *awaitable, const char *name)
{
    PyObject *text = PyUnicode_FromString(name);
    if (text == NULL) {
        return -1;
    }
    int status = PyObject_SetAttrString(awaitable, "__name__", text);
    if (status == 0) {
        status = PyObject_SetAttrString(awaitable, "__qualname__", text);
    }
    Py_DECREF(text);
    return status;
}

PyObject *
scenario_make(PyObject *awaitable, const char *method, const char *name)
{
    PyObject *env = PyAwaitable_GetValue(awaitable, 0);
    if (env == NULL) {
        return NULL;
    }
    return PyObject_CallMethod(env, method, "s", name);
}

/* env.inner() is an `async def`: its call does not fail. What a call raises would pass `err` by. */
int
scenario_await(PyObject *awaitable, const char *name, PyAwaitable_Callback cb, PyAwaitable_Error err)
{
    return PyAwaitable_AddExpr(awaitable, scenario_make(awaitable, "inner", name), cb, err);
}

int
scenario_with(PyObject *awaitable, const char *name, PyAwaitable_Callback cb, PyAwaitable_Error err)
{
    PyObject *context = scenario_make(awaitable, "context", name);
    if (context == NULL) {
        return -1;
    }
    int status = PyAwaitable_AsyncWith(awaitable, context, cb, err);
    Py_DECREF(context);
    return status;
}

int
scenario_log(PyObject *awaitable, const char *what, PyObject *value)
{
    PyObject *env = PyAwaitable_GetValue(awaitable, 0);
    if (env == NULL) {
        return -1;
    }
    PyObject *done =
        value == NULL ? PyObject_CallMethod(env, "log", "s", what) : PyObject_CallMethod(env, "log", "sO", what, value);
    if (done == NULL) {
        return -1;
    }
    Py_DECREF(done);
    return 0;
}

int
scenario_result(PyObject *awaitable, const char *text)
{
    PyObject *result = PyUnicode_FromString(text);
    if (result == NULL) {
        return -1;
    }
    int status = PyAwaitable_SetResult(awaitable, result);
    Py_DECREF(result);
    return status;
}

int
logs(PyObject *awaitable, PyObject *value)
{
    return scenario_log(awaitable, "callback", value);
}

int
returns(PyObject *awaitable, PyObject *value)
{
    if (scenario_log(awaitable, "callback", value) < 0) {
        return -1;
    }
    return PyAwaitable_SetResult(awaitable, value);
}

int
fails(PyObject *awaitable, PyObject *value)
{
    if (scenario_log(awaitable, "callback", value) == 0) {
        PyErr_SetString(PyExc_ValueError, "from the callback");
    }
    return -1;
}

int
fails_past(PyObject *awaitable, PyObject *value)
{
    if (scenario_log(awaitable, "callback", value) == 0) {
        PyErr_SetString(PyExc_ValueError, "from the callback");
    }
    return -2;
}

int
handles(PyObject *awaitable, PyObject *exception)
{
    return scenario_log(awaitable, "error callback", exception) < 0 ? -2 : 0;
}

int
reraises(PyObject *awaitable, PyObject *exception)
{
    return scenario_log(awaitable, "error callback", exception) < 0 ? -2 : -1;
}

int
replaces(PyObject *awaitable, PyObject *exception)
{
    if (scenario_log(awaitable, "error callback", exception) == 0) {
        PyErr_SetString(PyExc_LookupError, "from the error callback");
    }
    return -2;
}
