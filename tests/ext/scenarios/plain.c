/* Awaits that end well: order, results, saved values. */
#include "scenario.h"

static PyObject *
empty(PyObject *Py_UNUSED(module), PyObject *env)
{
    return scenario_new(env);
}

static PyObject *
result_at_once(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    return scenario_done(awaitable, scenario_result(awaitable, "at once"));
}

static PyObject *
result_replaced(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_result(awaitable, "first") < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "a", returns, NULL));
}

static PyObject *
result_dropped(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    return scenario_done(awaitable, scenario_await(awaitable, "a", NULL, NULL));
}

/* Whatever `a` evaluates to is the result, by identity. */
static PyObject *
result_passed_on(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    return scenario_done(awaitable, scenario_await(awaitable, "a", returns, NULL));
}

static int
log_and_result(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0) {
        return -1;
    }
    return scenario_result(awaitable, "set in the middle");
}

static PyObject *
three_in_order(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", logs, NULL) < 0 || scenario_await(awaitable, "b", log_and_result, NULL) < 0 ||
        scenario_await(awaitable, "c", logs, NULL) < 0) {
        return scenario_done(awaitable, -1);
    }
    return awaitable;
}

/* Eight are more than an awaitable is likely to hold inline. */
static PyObject *
many_in_order(PyObject *Py_UNUSED(module), PyObject *env)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (scenario_await(awaitable, names[i], i == 3 ? returns : logs, NULL) < 0) {
            return scenario_done(awaitable, -1);
        }
    }
    return awaitable;
}

static PyObject *
function_awaited(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    PyObject *inner = PyObject_GetAttrString(env, "inner");
    if (inner == NULL) {
        return scenario_done(awaitable, -1);
    }
    int status = PyAwaitable_AwaitFunction(awaitable, inner, "s", returns, reraises, "a");
    Py_DECREF(inner);
    return scenario_done(awaitable, status);
}

/* env.token("x"), env.token("y"), a pointer and a number are saved; the callbacks find them again and change them. */
static int marker;

static int
first_use(PyObject *awaitable, PyObject *value)
{
    PyObject *x = NULL, *y = NULL;
    void *pointer = NULL;
    long number = 0;
    if (PyAwaitable_UnpackValues(awaitable, NULL, &x, &y) < 0 || PyAwaitable_UnpackArbValues(awaitable, &pointer) < 0 ||
        PyAwaitable_UnpackIntValues(awaitable, &number) < 0) {
        return -1;
    }
    if (scenario_log(awaitable, "x", x) < 0 || scenario_log(awaitable, "y", y) < 0 ||
        scenario_log(awaitable, "pointer", pointer == &marker ? Py_True : Py_False) < 0) {
        return -1;
    }
    if (PyAwaitable_SetValue(awaitable, 1, value) < 0 || PyAwaitable_SetArbValue(awaitable, 0, NULL) < 0 ||
        PyAwaitable_SetIntValue(awaitable, 0, number + 1) < 0) {
        return -1;
    }
    return 0;
}

static int
second_use(PyObject *awaitable, PyObject *Py_UNUSED(value))
{
    PyObject *x = PyAwaitable_GetValue(awaitable, 1);
    if (x == NULL || scenario_log(awaitable, "x", x) < 0) {
        return -1;
    }
    void *pointer = PyAwaitable_GetArbValue(awaitable, 0);
    if (scenario_log(awaitable, "pointer", pointer == NULL && !PyErr_Occurred() ? Py_None : Py_False) < 0) {
        return -1;
    }
    PyObject *number = PyLong_FromLong(PyAwaitable_GetIntValue(awaitable, 0));
    if (number == NULL) {
        return -1;
    }
    int status = PyAwaitable_SetResult(awaitable, number);
    Py_DECREF(number);
    return status;
}

static PyObject *
saved_values(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    PyObject *x = scenario_make(awaitable, "token", "x");
    PyObject *y = scenario_make(awaitable, "token", "y");
    int status = -1;
    if (x != NULL && y != NULL && PyAwaitable_SaveValues(awaitable, 2, x, y) == 0 &&
        PyAwaitable_SaveArbValues(awaitable, 1, (void *)&marker) == 0 &&
        PyAwaitable_SaveIntValues(awaitable, 1, 41L) == 0 && scenario_await(awaitable, "a", first_use, NULL) == 0 &&
        scenario_await(awaitable, "b", second_use, NULL) == 0) {
        status = 0;
    }
    Py_XDECREF(x);
    Py_XDECREF(y);
    return scenario_done(awaitable, status);
}

/* A C author stops at the first failure: an object that cannot be awaited, here an int. */
static PyObject *
not_awaitable(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    PyObject *number = PyLong_FromLong(12345);
    if (PyAwaitable_AddExpr(awaitable, number, logs, reraises) < 0) {
        PyErr_Clear();
        return scenario_done(awaitable, scenario_result(awaitable, "refused"));
    }
    return awaitable;
}

PyMethodDef plain_scenarios[] = {
    {"empty", empty, METH_O, NULL},
    {"result_at_once", result_at_once, METH_O, NULL},
    {"result_replaced", result_replaced, METH_O, NULL},
    {"result_dropped", result_dropped, METH_O, NULL},
    {"result_passed_on", result_passed_on, METH_O, NULL},
    {"three_in_order", three_in_order, METH_O, NULL},
    {"many_in_order", many_in_order, METH_O, NULL},
    {"function_awaited", function_awaited, METH_O, NULL},
    {"saved_values", saved_values, METH_O, NULL},
    {"not_awaitable", not_awaitable, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
