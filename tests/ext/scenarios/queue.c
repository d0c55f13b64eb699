/* What callbacks, error callbacks, deferred callbacks and inner code add to the queue, and when it runs. */
#include "scenario.h"

static int
queues_c(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "c", returns, NULL);
}

static PyObject *
callback_queues(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", queues_c, NULL) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", logs, NULL));
}

/* The number of links left is an int value; each callback queues the next. */
static int
next_link(PyObject *awaitable, PyObject *value)
{
    if (returns(awaitable, value) < 0) {
        return -1;
    }
    long left = PyAwaitable_GetIntValue(awaitable, 0);
    if (left == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (left == 0) {
        return 0;
    }
    if (PyAwaitable_SetIntValue(awaitable, 0, left - 1) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "link", next_link, NULL);
}

static PyObject *
callback_chain(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_SaveIntValues(awaitable, 1, 3L) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "link", next_link, NULL));
}

static int
handles_and_queues_c(PyObject *awaitable, PyObject *exception)
{
    if (handles(awaitable, exception) < 0 || scenario_await(awaitable, "c", logs, NULL) < 0) {
        return -2;
    }
    return scenario_result(awaitable, "recovered") < 0 ? -2 : 0;
}

static PyObject *
error_callback_queues(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", logs, handles_and_queues_c) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", logs, NULL));
}

static int
fails_and_queues_c(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0 || scenario_await(awaitable, "c", logs, NULL) < 0) {
        return -1;
    }
    PyErr_SetString(PyExc_ValueError, "from the callback");
    return -1;
}

/* What a callback queued before it failed stays queued, if its error callback goes on. */
static PyObject *
failing_callback_queues(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", fails_and_queues_c, handles) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", logs, NULL));
}

static int
log_deferred(PyObject *awaitable)
{
    return scenario_log(awaitable, "deferred callback", NULL);
}

static int
deferred_result(PyObject *awaitable)
{
    if (log_deferred(awaitable) < 0) {
        return -1;
    }
    return scenario_result(awaitable, "deferred");
}

static PyObject *
deferred_alone(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    return scenario_done(awaitable, PyAwaitable_DeferAwait(awaitable, deferred_result));
}

static PyObject *
deferred_in_order(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_DeferAwait(awaitable, log_deferred) < 0 || scenario_await(awaitable, "a", logs, NULL) < 0 ||
        PyAwaitable_DeferAwait(awaitable, deferred_result) < 0 || scenario_await(awaitable, "b", logs, NULL) < 0 ||
        PyAwaitable_DeferAwait(awaitable, log_deferred) < 0) {
        return scenario_done(awaitable, -1);
    }
    return awaitable;
}

static int
deferred_queues_both(PyObject *awaitable)
{
    if (log_deferred(awaitable) < 0 || scenario_await(awaitable, "b", returns, NULL) < 0) {
        return -1;
    }
    return PyAwaitable_DeferAwait(awaitable, log_deferred);
}

static PyObject *
deferred_queues(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_DeferAwait(awaitable, deferred_queues_both) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "a", logs, NULL));
}

static int
deferred_error(PyObject *awaitable)
{
    if (log_deferred(awaitable) == 0) {
        PyErr_SetString(PyExc_ValueError, "from the deferred callback");
    }
    return -1;
}

static PyObject *
deferred_raises(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", logs, handles) < 0 || PyAwaitable_DeferAwait(awaitable, deferred_error) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", logs, handles));
}

static int
deferred_stop(PyObject *Py_UNUSED(awaitable))
{
    PyErr_SetNone(PyExc_StopIteration);
    return -2;
}

static PyObject *
deferred_raises_stop_iteration(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", logs, NULL) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, PyAwaitable_DeferAwait(awaitable, deferred_stop));
}

static int
deferred_silence(PyObject *Py_UNUSED(awaitable))
{
    return -1;
}

static PyObject *
deferred_fails_silently(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", logs, NULL) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, PyAwaitable_DeferAwait(awaitable, deferred_silence));
}

/* `a` calls env.add() while it is in progress, which queues `extra` from inside. */
static PyObject *
inner_code_queues(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", logs, NULL) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", returns, NULL));
}

PyMethodDef queue_scenarios[] = {
    {"callback_queues", callback_queues, METH_O, NULL},
    {"callback_chain", callback_chain, METH_O, NULL},
    {"error_callback_queues", error_callback_queues, METH_O, NULL},
    {"failing_callback_queues", failing_callback_queues, METH_O, NULL},
    {"deferred_alone", deferred_alone, METH_O, NULL},
    {"deferred_in_order", deferred_in_order, METH_O, NULL},
    {"deferred_queues", deferred_queues, METH_O, NULL},
    {"deferred_raises", deferred_raises, METH_O, NULL},
    {"deferred_raises_stop_iteration", deferred_raises_stop_iteration, METH_O, NULL},
    {"deferred_fails_silently", deferred_fails_silently, METH_O, NULL},
    {"inner_code_queues", inner_code_queues, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
