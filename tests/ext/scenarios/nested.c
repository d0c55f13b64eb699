/* Awaitables that await awaitables. */
#include "scenario.h"

static PyObject *
named(PyObject *env, const char *name)
{
    PyObject *awaitable = scenario_new(env);
    return awaitable == NULL ? NULL : scenario_done(awaitable, scenario_name(awaitable, name));
}

/* An awaitable that awaits `inner`, which is stolen, NULL for a failure to make it. */
static PyObject *
around(PyObject *env, const char *name, PyObject *inner, PyAwaitable_Callback cb, PyAwaitable_Error err)
{
    PyObject *awaitable = inner == NULL ? NULL : named(env, name);
    if (awaitable == NULL) {
        Py_XDECREF(inner);
        return NULL;
    }
    return scenario_done(awaitable, PyAwaitable_AddExpr(awaitable, inner, cb, err));
}

static PyObject *
innermost(PyObject *env, PyAwaitable_Callback cb, PyAwaitable_Error err)
{
    return around(env, "innermost", PyObject_CallMethod(env, "inner", "s", "a"), cb, err);
}

static PyObject *
outermost(PyObject *env, PyObject *middle, PyAwaitable_Callback cb, PyAwaitable_Error err)
{
    PyObject *awaitable = middle == NULL ? NULL : scenario_new(env);
    if (awaitable == NULL) {
        Py_XDECREF(middle);
        return NULL;
    }
    if (PyAwaitable_AddExpr(awaitable, middle, cb, err) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", logs, NULL));
}

static PyObject *
nested(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *middle = around(env, "middle", innermost(env, returns, NULL), returns, NULL);
    return outermost(env, middle, returns, NULL);
}

static PyObject *
nested_handled_outermost(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *middle = around(env, "middle", innermost(env, fails, reraises), logs, reraises);
    return outermost(env, middle, logs, handles);
}

static PyObject *
nested_handled_innermost(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *middle = around(env, "middle", innermost(env, fails, handles), returns, reraises);
    return outermost(env, middle, returns, reraises);
}

static PyObject *
nested_replaced(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *middle = around(env, "middle", innermost(env, logs, replaces), logs, replaces);
    return outermost(env, middle, logs, reraises);
}

/* env.through() puts an `async def` between two of ours. */
static PyObject *
nested_through_native(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *inner = innermost(env, returns, reraises);
    if (inner == NULL) {
        return NULL;
    }
    PyObject *native = PyObject_CallMethod(env, "through", "O", inner);
    Py_DECREF(inner);
    return outermost(env, native, returns, reraises);
}

static int
body_awaits_saved(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0) {
        return -1;
    }
    PyObject *inner = PyAwaitable_GetValue(awaitable, 1);
    return inner == NULL ? -1 : PyAwaitable_AddAwait(awaitable, inner, returns, handles);
}

/* The same awaitable twice: the second time it is finished. */
static PyObject *
nested_twice(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    PyObject *inner = awaitable == NULL ? NULL : innermost(env, returns, reraises);
    int status = -1;
    if (inner != NULL && PyAwaitable_SaveValues(awaitable, 1, inner) == 0 &&
        PyAwaitable_AddAwait(awaitable, inner, returns, handles) == 0) {
        status = scenario_await(awaitable, "b", body_awaits_saved, NULL);
    }
    Py_XDECREF(inner);
    return awaitable == NULL ? NULL : scenario_done(awaitable, status);
}

/* An awaitable awaited inside the block of another. */
static PyObject *
nested_in_block(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    PyObject *inner = awaitable == NULL ? NULL : innermost(env, returns, reraises);
    int status = -1;
    if (inner != NULL && PyAwaitable_SaveValues(awaitable, 1, inner) == 0) {
        status = scenario_with(awaitable, "lock", body_awaits_saved, handles);
    }
    Py_XDECREF(inner);
    return awaitable == NULL ? NULL : scenario_done(awaitable, status);
}

static int
awaits_new_one(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0) {
        return -1;
    }
    PyObject *env = PyAwaitable_GetValue(awaitable, 0);
    if (env == NULL) {
        return -1;
    }
    return PyAwaitable_AddExpr(awaitable, innermost(env, returns, handles), returns, NULL);
}

static PyObject *
nested_from_callback(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", awaits_new_one, NULL));
}

PyMethodDef nested_scenarios[] = {
    {"nested", nested, METH_O, NULL},
    {"nested_handled_outermost", nested_handled_outermost, METH_O, NULL},
    {"nested_handled_innermost", nested_handled_innermost, METH_O, NULL},
    {"nested_replaced", nested_replaced, METH_O, NULL},
    {"nested_through_native", nested_through_native, METH_O, NULL},
    {"nested_twice", nested_twice, METH_O, NULL},
    {"nested_in_block", nested_in_block, METH_O, NULL},
    {"nested_from_callback", nested_from_callback, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
