/* PyAwaitable_Cancel, from every place it may be called. */
#include "scenario.h"

static int
cancel(PyObject *awaitable)
{
    PyAwaitable_Cancel(awaitable);
    return PyErr_Occurred() ? -1 : 0;
}

/* await a with the two callbacks, then b. */
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
    return scenario_done(awaitable, scenario_await(awaitable, "b", logs, handles));
}

static PyObject *
cancel_before(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = a_then_b(env, logs, handles);
    if (awaitable == NULL) {
        return NULL;
    }
    if (cancel(awaitable) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "c", returns, NULL));
}

static int
result_and_cancel(PyObject *awaitable, PyObject *value)
{
    return returns(awaitable, value) < 0 ? -1 : cancel(awaitable);
}

static PyObject *
cancel_from_callback(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, result_and_cancel, handles);
}

static int
cancel_and_add(PyObject *awaitable, PyObject *value)
{
    if (result_and_cancel(awaitable, value) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "c", logs, NULL);
}

static PyObject *
cancel_from_callback_then_add(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, cancel_and_add, handles);
}

static int
add_and_cancel(PyObject *awaitable, PyObject *value)
{
    if (returns(awaitable, value) < 0 || scenario_await(awaitable, "c", logs, NULL) < 0) {
        return -1;
    }
    return cancel(awaitable);
}

static PyObject *
add_from_callback_then_cancel(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, add_and_cancel, handles);
}

static int
cancel_and_fail(PyObject *awaitable, PyObject *value)
{
    return cancel(awaitable) < 0 ? -1 : fails(awaitable, value);
}

static PyObject *
cancel_from_callback_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, cancel_and_fail, handles);
}

static PyObject *
cancel_from_callback_reraised(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, cancel_and_fail, reraises);
}

static int
cancel_and_fail_past(PyObject *awaitable, PyObject *value)
{
    return cancel(awaitable) < 0 ? -2 : fails_past(awaitable, value);
}

static PyObject *
cancel_from_callback_past(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, cancel_and_fail_past, handles);
}

static int
handle_and_cancel(PyObject *awaitable, PyObject *exception)
{
    return handles(awaitable, exception) < 0 || cancel(awaitable) < 0 ? -2 : 0;
}

static PyObject *
cancel_from_error_callback(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, handle_and_cancel);
}

static int
cancel_and_reraise(PyObject *awaitable, PyObject *exception)
{
    return handles(awaitable, exception) < 0 || cancel(awaitable) < 0 ? -2 : -1;
}

static PyObject *
cancel_from_error_callback_reraised(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, cancel_and_reraise);
}

static int
cancel_add_and_say_no_more(PyObject *awaitable, PyObject *exception)
{
    if (handles(awaitable, exception) == 0 && cancel(awaitable) == 0) {
        (void)scenario_await(awaitable, "c", returns, NULL);
    }
    return -2;
}

/* -2 with no exception set is fine in an error callback that called Cancel: the object goes on. */
static PyObject *
cancel_from_error_callback_minus_2(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, cancel_add_and_say_no_more);
}

static int
cancel_and_replace(PyObject *awaitable, PyObject *exception)
{
    return cancel(awaitable) < 0 ? -2 : replaces(awaitable, exception);
}

static PyObject *
cancel_from_error_callback_replaced(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, logs, cancel_and_replace);
}

static int
deferred_cancel(PyObject *awaitable)
{
    if (scenario_log(awaitable, "deferred callback", NULL) < 0 || cancel(awaitable) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "c", returns, NULL);
}

static PyObject *
cancel_from_deferred(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_DeferAwait(awaitable, deferred_cancel) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "a", logs, NULL));
}

/* For the scenarios below, Cancel comes from outside: from a test between two steps, or from the code of an inner. */
static PyObject *
outside_plain(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, returns, handles);
}

static PyObject *
outside_failing(PyObject *Py_UNUSED(module), PyObject *env)
{
    return a_then_b(env, fails, reraises);
}

static int
body_with_a(PyObject *awaitable, PyObject *value)
{
    return logs(awaitable, value) < 0 ? -1 : scenario_await(awaitable, "a", returns, handles);
}

static PyObject *
lock_then_z(PyObject *env, PyAwaitable_Callback body, PyAwaitable_Error err)
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
outside_block(PyObject *Py_UNUSED(module), PyObject *env)
{
    return lock_then_z(env, body_with_a, handles);
}

static int
body_with_latch(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0 || scenario_with(awaitable, "latch", body_with_a, reraises) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "b", logs, NULL);
}

static PyObject *
outside_block_in_block(PyObject *Py_UNUSED(module), PyObject *env)
{
    return lock_then_z(env, body_with_latch, reraises);
}

static int
log_deferred(PyObject *awaitable)
{
    return scenario_log(awaitable, "deferred callback", NULL);
}

static PyObject *
outside_deferred(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_DeferAwait(awaitable, log_deferred) < 0 || scenario_await(awaitable, "a", returns, NULL) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, PyAwaitable_DeferAwait(awaitable, log_deferred));
}

static int
body_queues_and_cancels(PyObject *awaitable, PyObject *value)
{
    if (returns(awaitable, value) < 0 || scenario_await(awaitable, "a", logs, NULL) < 0) {
        return -1;
    }
    return cancel(awaitable);
}

static PyObject *
cancel_from_body(PyObject *Py_UNUSED(module), PyObject *env)
{
    return lock_then_z(env, body_queues_and_cancels, handles);
}

static int
body_cancels_and_queues(PyObject *awaitable, PyObject *value)
{
    if (returns(awaitable, value) < 0 || cancel(awaitable) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "a", logs, NULL);
}

/* The block is still open after Cancel: what its body adds then is awaited inside it. */
static PyObject *
cancel_from_body_then_add(PyObject *Py_UNUSED(module), PyObject *env)
{
    return lock_then_z(env, body_cancels_and_queues, handles);
}

static PyObject *
cancel_from_body_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return lock_then_z(env, cancel_and_fail, handles);
}

static PyObject *
cancel_from_body_past(PyObject *Py_UNUSED(module), PyObject *env)
{
    return lock_then_z(env, cancel_and_fail_past, handles);
}

static int
body_cancelled_by_a(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0 || scenario_await(awaitable, "a", result_and_cancel, NULL) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "b", logs, NULL);
}

static PyObject *
cancel_inside_block(PyObject *Py_UNUSED(module), PyObject *env)
{
    return lock_then_z(env, body_cancelled_by_a, handles);
}

static int
body_of_two_blocks(PyObject *awaitable, PyObject *value)
{
    return logs(awaitable, value) < 0 ? -1 : scenario_with(awaitable, "latch", body_cancelled_by_a, handles);
}

static PyObject *
cancel_inside_two_blocks(PyObject *Py_UNUSED(module), PyObject *env)
{
    return lock_then_z(env, body_of_two_blocks, handles);
}

PyMethodDef cancel_scenarios[] = {
    {"cancel_before", cancel_before, METH_O, NULL},
    {"cancel_from_callback", cancel_from_callback, METH_O, NULL},
    {"cancel_from_callback_then_add", cancel_from_callback_then_add, METH_O, NULL},
    {"add_from_callback_then_cancel", add_from_callback_then_cancel, METH_O, NULL},
    {"cancel_from_callback_handled", cancel_from_callback_handled, METH_O, NULL},
    {"cancel_from_callback_reraised", cancel_from_callback_reraised, METH_O, NULL},
    {"cancel_from_callback_past", cancel_from_callback_past, METH_O, NULL},
    {"cancel_from_error_callback", cancel_from_error_callback, METH_O, NULL},
    {"cancel_from_error_callback_reraised", cancel_from_error_callback_reraised, METH_O, NULL},
    {"cancel_from_error_callback_minus_2", cancel_from_error_callback_minus_2, METH_O, NULL},
    {"cancel_from_error_callback_replaced", cancel_from_error_callback_replaced, METH_O, NULL},
    {"cancel_from_deferred", cancel_from_deferred, METH_O, NULL},
    {"outside_plain", outside_plain, METH_O, NULL},
    {"outside_failing", outside_failing, METH_O, NULL},
    {"outside_block", outside_block, METH_O, NULL},
    {"outside_block_in_block", outside_block_in_block, METH_O, NULL},
    {"outside_deferred", outside_deferred, METH_O, NULL},
    {"cancel_from_body", cancel_from_body, METH_O, NULL},
    {"cancel_from_body_then_add", cancel_from_body_then_add, METH_O, NULL},
    {"cancel_from_body_handled", cancel_from_body_handled, METH_O, NULL},
    {"cancel_from_body_past", cancel_from_body_past, METH_O, NULL},
    {"cancel_inside_block", cancel_inside_block, METH_O, NULL},
    {"cancel_inside_two_blocks", cancel_inside_two_blocks, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
