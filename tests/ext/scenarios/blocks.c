/* async with. */
#include "scenario.h"

/* async with env.context("lock"), then await z: the second tells whether the queue went on. */
static PyObject *
block_then_z(PyObject *env, PyAwaitable_Callback body, PyAwaitable_Error err)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_with(awaitable, "lock", body, err) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "z", logs, NULL));
}

static PyObject *
block_plain(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, returns, NULL);
}

static PyObject *
block_empty(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, NULL, NULL);
}

static PyObject *
block_empty_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, NULL, handles);
}

static PyObject *
block_fails(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, fails, NULL);
}

static PyObject *
block_fails_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, fails, handles);
}

static PyObject *
block_fails_reraised(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, fails, reraises);
}

static PyObject *
block_fails_replaced(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, fails, replaces);
}

static PyObject *
block_fails_past(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, fails_past, handles);
}

static int
body_silent(PyObject *Py_UNUSED(awaitable), PyObject *Py_UNUSED(value))
{
    return -1;
}

static PyObject *
block_silent(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, body_silent, handles);
}

static int
body_zero_but_set(PyObject *Py_UNUSED(awaitable), PyObject *Py_UNUSED(value))
{
    PyErr_SetString(PyExc_ValueError, "left set");
    return 0;
}

static PyObject *
block_zero_but_set(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, body_zero_but_set, handles);
}

static int
body_stop_iteration(PyObject *Py_UNUSED(awaitable), PyObject *value)
{
    PyErr_SetObject(PyExc_StopIteration, value);
    return -1;
}

static PyObject *
block_stop_iteration(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, body_stop_iteration, reraises);
}

static int
body_awaits_two(PyObject *awaitable, PyObject *value)
{
    if (returns(awaitable, value) < 0 || scenario_await(awaitable, "a", logs, NULL) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "b", returns, NULL);
}

static PyObject *
block_awaits(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, body_awaits_two, NULL);
}

static PyObject *
block_awaits_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, body_awaits_two, handles);
}

static PyObject *
block_awaits_reraised(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, body_awaits_two, reraises);
}

static PyObject *
block_awaits_replaced(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, body_awaits_two, replaces);
}

static int
body_awaits_guarded(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0 || scenario_await(awaitable, "a", fails, handles) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "b", fails_past, handles);
}

/* Inside the block, `a` fails and is handled, `b` fails past its error callback and so ends the block. */
static PyObject *
block_awaits_guarded(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, body_awaits_guarded, reraises);
}

static int
queues_b(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "b", logs, NULL);
}

static int
log_deferred(PyObject *awaitable)
{
    return scenario_log(awaitable, "deferred callback", NULL);
}

static int
body_defers(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0 || PyAwaitable_DeferAwait(awaitable, log_deferred) < 0) {
        return -1;
    }
    if (scenario_await(awaitable, "a", queues_b, NULL) < 0) {
        return -1;
    }
    return PyAwaitable_DeferAwait(awaitable, log_deferred);
}

/* A block's queue is its own: what is added in it, also by callbacks of its awaits, runs before __aexit__. */
static PyObject *
block_own_queue(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, body_defers, NULL);
}

static int
body_fails_after_queueing(PyObject *awaitable, PyObject *value)
{
    if (scenario_await(awaitable, "a", logs, handles) < 0) {
        return -1;
    }
    return fails(awaitable, value);
}

/* What the body queued before it failed is dropped with the block. */
static PyObject *
block_fails_after_queueing(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, body_fails_after_queueing, handles);
}

static int
inner_body(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "a", returns, NULL);
}

static int
outer_body(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0 || scenario_with(awaitable, "latch", inner_body, NULL) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "b", logs, NULL);
}

static PyObject *
block_in_block(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, outer_body, reraises);
}

static int
outer_body_guarded(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0 || scenario_with(awaitable, "latch", inner_body, handles) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "b", logs, NULL);
}

static PyObject *
block_in_block_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, outer_body_guarded, handles);
}

static int
three_deep_c(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "a", fails, replaces);
}

static int
three_deep_b(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0) {
        return -1;
    }
    return scenario_with(awaitable, "bolt", three_deep_c, replaces);
}

static int
three_deep_a(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0) {
        return -1;
    }
    return scenario_with(awaitable, "latch", three_deep_b, reraises);
}

static PyObject *
block_three_deep(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, three_deep_a, handles);
}

static PyObject *
blocks_in_order(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_with(awaitable, "lock", inner_body, handles) < 0 ||
        scenario_with(awaitable, "latch", fails, handles) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "z", returns, NULL));
}

static int
handles_and_queues(PyObject *awaitable, PyObject *exception)
{
    if (handles(awaitable, exception) < 0) {
        return -2;
    }
    return scenario_await(awaitable, "c", logs, NULL) < 0 ? -2 : 0;
}

/* The block's error callback runs after the block: what it queues comes after z. */
static PyObject *
block_error_callback_queues(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, fails, handles_and_queues);
}

/* env.context("lock") adds `extra` from inside its __aenter__ or __aexit__. */
static PyObject *
block_enclosing_queue(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, inner_body, NULL);
}

PyMethodDef block_scenarios[] = {
    {"block_plain", block_plain, METH_O, NULL},
    {"block_empty", block_empty, METH_O, NULL},
    {"block_empty_handled", block_empty_handled, METH_O, NULL},
    {"block_fails", block_fails, METH_O, NULL},
    {"block_fails_handled", block_fails_handled, METH_O, NULL},
    {"block_fails_reraised", block_fails_reraised, METH_O, NULL},
    {"block_fails_replaced", block_fails_replaced, METH_O, NULL},
    {"block_fails_past", block_fails_past, METH_O, NULL},
    {"block_silent", block_silent, METH_O, NULL},
    {"block_zero_but_set", block_zero_but_set, METH_O, NULL},
    {"block_stop_iteration", block_stop_iteration, METH_O, NULL},
    {"block_awaits", block_awaits, METH_O, NULL},
    {"block_awaits_handled", block_awaits_handled, METH_O, NULL},
    {"block_awaits_reraised", block_awaits_reraised, METH_O, NULL},
    {"block_awaits_replaced", block_awaits_replaced, METH_O, NULL},
    {"block_awaits_guarded", block_awaits_guarded, METH_O, NULL},
    {"block_own_queue", block_own_queue, METH_O, NULL},
    {"block_fails_after_queueing", block_fails_after_queueing, METH_O, NULL},
    {"block_in_block", block_in_block, METH_O, NULL},
    {"block_in_block_handled", block_in_block_handled, METH_O, NULL},
    {"block_three_deep", block_three_deep, METH_O, NULL},
    {"blocks_in_order", blocks_in_order, METH_O, NULL},
    {"block_error_callback_queues", block_error_callback_queues, METH_O, NULL},
    {"block_enclosing_queue", block_enclosing_queue, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
