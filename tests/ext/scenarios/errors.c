/* Awaits that end badly: what reaches the error callback, and what its return codes do. */
#include "scenario.h"

/* await a, then b: the second tells whether the queue went on. */
static PyObject *
a_then_b(PyObject *env, PyAwaitable_Callback cb, PyAwaitable_Error err)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", cb, err) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", returns, NULL));
}

static PyObject *
error_unseen(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, NULL);
}

static PyObject *
error_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, handles);
}

static PyObject *
error_reraised(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, reraises);
}

static PyObject *
error_replaced(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, NULL, replaces);
}

static int
sets_the_same(PyObject *awaitable, PyObject *exception)
{
    if (scenario_log(awaitable, "error callback", exception) == 0) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    }
    return -2;
}

static PyObject *
error_replaced_by_itself(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, sets_the_same);
}

static int
sets_nothing(PyObject *awaitable, PyObject *exception)
{
    (void)scenario_log(awaitable, "error callback", exception);
    return -2;
}

static PyObject *
error_replaced_by_nothing(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, sets_nothing);
}

static int
sets_another_in_vain(PyObject *awaitable, PyObject *exception)
{
    if (scenario_log(awaitable, "error callback", exception) == 0) {
        PyErr_SetString(PyExc_LookupError, "discarded");
    }
    return -1;
}

static PyObject *
error_reraised_another_set(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, sets_another_in_vain);
}

static int
sets_stop_iteration(PyObject *awaitable, PyObject *exception)
{
    if (scenario_log(awaitable, "error callback", exception) == 0) {
        PyErr_SetString(PyExc_StopIteration, "from the error callback");
    }
    return -2;
}

static PyObject *
error_replaced_by_stop_iteration(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, sets_stop_iteration);
}

/* Python code called from an error callback runs as in an `except` block, and may fail and recover itself. */
static int
stumbles(PyObject *awaitable, PyObject *exception)
{
    if (scenario_log(awaitable, "error callback", exception) < 0) {
        return -2;
    }
    PyObject *done = scenario_make(awaitable, "stumble", "stumbled");
    if (done == NULL) {
        return -2;
    }
    Py_DECREF(done);
    return scenario_log(awaitable, "after", exception) < 0 ? -2 : -1;
}

static PyObject *
error_callback_stumbles(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, stumbles);
}

/* The C author's own way to say `except ValueError`. */
static int
only_value_error(PyObject *awaitable, PyObject *exception)
{
    int match = PyErr_GivenExceptionMatches(exception, PyExc_ValueError);
    if (scenario_log(awaitable, "matches", match ? Py_True : Py_False) < 0) {
        return -2;
    }
    return match ? 0 : -1;
}

static PyObject *
error_filtered(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, only_value_error);
}

static PyObject *
two_failures(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", logs, handles) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", fails, reraises));
}

static PyObject *
callback_fails(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, fails, NULL);
}

static PyObject *
callback_fails_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, fails, handles);
}

static PyObject *
callback_fails_reraised(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, fails, reraises);
}

static PyObject *
callback_fails_replaced(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, fails, replaces);
}

static PyObject *
callback_fails_past(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, fails_past, handles);
}

/* The callback calls Python code that raises, and hands its exception on. */
static int
calls_python(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0) {
        return -1;
    }
    PyObject *done = scenario_make(awaitable, "explode", "exploded");
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static PyObject *
callback_calls_python(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, calls_python, reraises);
}

static int
silent_minus_1(PyObject *Py_UNUSED(awaitable), PyObject *Py_UNUSED(value))
{
    return -1;
}

static PyObject *
callback_silent_minus_1(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, silent_minus_1, handles);
}

static int
silent_minus_2(PyObject *Py_UNUSED(awaitable), PyObject *Py_UNUSED(value))
{
    return -2;
}

static PyObject *
callback_silent_minus_2(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, silent_minus_2, handles);
}

static int
zero_but_set(PyObject *Py_UNUSED(awaitable), PyObject *Py_UNUSED(value))
{
    PyErr_SetString(PyExc_ValueError, "left set");
    return 0;
}

static PyObject *
callback_zero_but_set(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, zero_but_set, handles);
}

static int
raises_stop_iteration(PyObject *Py_UNUSED(awaitable), PyObject *value)
{
    PyErr_SetObject(PyExc_StopIteration, value);
    return -1;
}

static PyObject *
callback_stop_iteration(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, raises_stop_iteration, NULL);
}

static PyObject *
callback_stop_iteration_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, raises_stop_iteration, handles);
}

static PyObject *
callback_stop_iteration_reraised(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, raises_stop_iteration, reraises);
}

static int
recovers(PyObject *awaitable, PyObject *exception)
{
    if (handles(awaitable, exception) < 0 || PyAwaitable_SaveValues(awaitable, 1, exception) < 0) {
        return -2;
    }
    return scenario_await(awaitable, "c", NULL, NULL) < 0 || PyAwaitable_SetResult(awaitable, exception) < 0 ? -2 : 0;
}

/* The result is the exception that was handled, and it is saved too. */
static PyObject *
error_becomes_result(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    return scenario_done(awaitable, scenario_await(awaitable, "a", logs, recovers));
}

static PyObject *
error_after_result(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_result(awaitable, "never seen") < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "a", fails, reraises));
}

PyMethodDef error_scenarios[] = {
    {"error_unseen", error_unseen, METH_O, NULL},
    {"error_handled", error_handled, METH_O, NULL},
    {"error_reraised", error_reraised, METH_O, NULL},
    {"error_replaced", error_replaced, METH_O, NULL},
    {"error_replaced_by_itself", error_replaced_by_itself, METH_O, NULL},
    {"error_replaced_by_nothing", error_replaced_by_nothing, METH_O, NULL},
    {"error_reraised_another_set", error_reraised_another_set, METH_O, NULL},
    {"error_replaced_by_stop_iteration", error_replaced_by_stop_iteration, METH_O, NULL},
    {"error_callback_stumbles", error_callback_stumbles, METH_O, NULL},
    {"error_filtered", error_filtered, METH_O, NULL},
    {"two_failures", two_failures, METH_O, NULL},
    {"callback_fails", callback_fails, METH_O, NULL},
    {"callback_fails_handled", callback_fails_handled, METH_O, NULL},
    {"callback_fails_reraised", callback_fails_reraised, METH_O, NULL},
    {"callback_fails_replaced", callback_fails_replaced, METH_O, NULL},
    {"callback_fails_past", callback_fails_past, METH_O, NULL},
    {"callback_calls_python", callback_calls_python, METH_O, NULL},
    {"callback_silent_minus_1", callback_silent_minus_1, METH_O, NULL},
    {"callback_silent_minus_2", callback_silent_minus_2, METH_O, NULL},
    {"callback_zero_but_set", callback_zero_but_set, METH_O, NULL},
    {"callback_stop_iteration", callback_stop_iteration, METH_O, NULL},
    {"callback_stop_iteration_handled", callback_stop_iteration_handled, METH_O, NULL},
    {"callback_stop_iteration_reraised", callback_stop_iteration_reraised, METH_O, NULL},
    {"error_becomes_result", error_becomes_result, METH_O, NULL},
    {"error_after_result", error_after_result, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
