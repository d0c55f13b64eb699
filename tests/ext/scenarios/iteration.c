/* async for. */
#include "scenario.h"

/* async for over env.items(name). */
static int
scenario_for(PyObject *awaitable, const char *name, PyAwaitable_Callback each, PyAwaitable_Defer end,
             PyAwaitable_Error err)
{
    PyObject *items = scenario_make(awaitable, "items", name);
    if (items == NULL) {
        return -1;
    }
    int status = PyAwaitable_AsyncFor(awaitable, items, each, end, err);
    Py_DECREF(items);
    return status;
}

/* async for over env.items("x"), then await z: the second tells whether the queue went on. */
static PyObject *
for_then_z(PyObject *env, PyAwaitable_Callback each, PyAwaitable_Defer end, PyAwaitable_Error err)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_for(awaitable, "x", each, end, err) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "z", logs, NULL));
}

static int
ends(PyObject *awaitable)
{
    return scenario_log(awaitable, "end", NULL);
}

static int
ends_badly(PyObject *awaitable)
{
    if (ends(awaitable) == 0) {
        PyErr_SetString(PyExc_ValueError, "from the end");
    }
    return -1;
}

static int
ends_past(PyObject *awaitable)
{
    return 2 * ends_badly(awaitable);
}

static int
ends_with_b(PyObject *awaitable)
{
    return ends(awaitable) < 0 ? -1 : scenario_await(awaitable, "b", logs, NULL);
}

static PyObject *
for_plain(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, returns, ends, NULL);
}

static PyObject *
for_empty(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, NULL, NULL, NULL);
}

static PyObject *
for_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, logs, ends, handles);
}

static PyObject *
for_reraised(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, logs, ends, reraises);
}

static PyObject *
for_replaced(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, logs, ends, replaces);
}

static PyObject *
for_ends_at_once(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, logs, ends, handles);
}

static PyObject *
for_wrong_iterator(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, logs, ends, handles);
}

static PyObject *
for_raising_iterator(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, logs, ends, handles);
}

static PyObject *
for_generator(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, logs, ends, handles);
}

static PyObject *
for_fails(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, fails, ends, NULL);
}

static PyObject *
for_fails_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, fails, ends, handles);
}

static PyObject *
for_fails_past(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, fails_past, ends, handles);
}

static PyObject *
for_end_fails(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, logs, ends_badly, handles);
}

static PyObject *
for_end_fails_past(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, logs, ends_past, handles);
}

static PyObject *
for_end_adds(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, logs, ends_with_b, handles);
}

static int
each_awaits(PyObject *awaitable, PyObject *item)
{
    return logs(awaitable, item) < 0 ? -1 : scenario_await(awaitable, "a", logs, NULL);
}

static PyObject *
for_awaits(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, each_awaits, ends, NULL);
}

static PyObject *
for_awaits_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, each_awaits, ends, handles);
}

static PyObject *
for_awaits_replaced(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, each_awaits, ends, replaces);
}

static int
each_stops(PyObject *awaitable, PyObject *item)
{
    return logs(awaitable, item) < 0 ? -1 : 1;
}

static PyObject *
for_stops(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, each_stops, ends, handles);
}

static int
each_awaits_and_stops(PyObject *awaitable, PyObject *item)
{
    return each_awaits(awaitable, item) < 0 ? -1 : 1;
}

static PyObject *
for_awaits_and_stops(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, each_awaits_and_stops, ends, handles);
}

static int
each_loops(PyObject *awaitable, PyObject *item)
{
    return logs(awaitable, item) < 0 ? -1 : scenario_for(awaitable, "y", each_awaits, ends, reraises);
}

static PyObject *
for_in_for(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, each_loops, ends, handles);
}

static int
each_enters(PyObject *awaitable, PyObject *item)
{
    return logs(awaitable, item) < 0 ? -1 : scenario_with(awaitable, "lock", each_awaits, reraises);
}

static PyObject *
block_in_for(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, each_enters, ends, handles);
}

/* async with env.context(name), a loop inside, then await z. */
static PyObject *
block_then_z(PyObject *env, const char *name, PyAwaitable_Callback body)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_with(awaitable, name, body, handles) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "z", logs, NULL));
}

static int
body_loops(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0 || scenario_for(awaitable, "x", each_awaits, ends, reraises) < 0) {
        return -1;
    }
    return scenario_await(awaitable, "b", logs, NULL);
}

static PyObject *
for_in_block(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, "lock", body_loops);
}

static int
body_goes_over(PyObject *awaitable, PyObject *generator)
{
    return PyAwaitable_AsyncFor(awaitable, generator, each_awaits, ends, NULL);
}

static PyObject *
for_closing(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, "closing", body_goes_over);
}

static int
body_goes_over_one(PyObject *awaitable, PyObject *generator)
{
    return PyAwaitable_AsyncFor(awaitable, generator, each_awaits_and_stops, ends, NULL);
}

static PyObject *
for_closing_stops(PyObject *Py_UNUSED(module), PyObject *env)
{
    return block_then_z(env, "closing", body_goes_over_one);
}

static PyObject *
for_outside(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, each_awaits, ends, handles);
}

static int
each_cancels(PyObject *awaitable, PyObject *item)
{
    if (logs(awaitable, item) < 0) {
        return -1;
    }
    PyAwaitable_Cancel(awaitable);
    return scenario_await(awaitable, "a", logs, NULL);
}

static PyObject *
for_cancels(PyObject *Py_UNUSED(module), PyObject *env)
{
    return for_then_z(env, each_cancels, ends, handles);
}

PyMethodDef iteration_scenarios[] = {
    {"for_plain", for_plain, METH_O, NULL},
    {"for_empty", for_empty, METH_O, NULL},
    {"for_handled", for_handled, METH_O, NULL},
    {"for_reraised", for_reraised, METH_O, NULL},
    {"for_replaced", for_replaced, METH_O, NULL},
    {"for_ends_at_once", for_ends_at_once, METH_O, NULL},
    {"for_wrong_iterator", for_wrong_iterator, METH_O, NULL},
    {"for_raising_iterator", for_raising_iterator, METH_O, NULL},
    {"for_generator", for_generator, METH_O, NULL},
    {"for_fails", for_fails, METH_O, NULL},
    {"for_fails_handled", for_fails_handled, METH_O, NULL},
    {"for_fails_past", for_fails_past, METH_O, NULL},
    {"for_end_fails", for_end_fails, METH_O, NULL},
    {"for_end_fails_past", for_end_fails_past, METH_O, NULL},
    {"for_end_adds", for_end_adds, METH_O, NULL},
    {"for_awaits", for_awaits, METH_O, NULL},
    {"for_awaits_handled", for_awaits_handled, METH_O, NULL},
    {"for_awaits_replaced", for_awaits_replaced, METH_O, NULL},
    {"for_stops", for_stops, METH_O, NULL},
    {"for_awaits_and_stops", for_awaits_and_stops, METH_O, NULL},
    {"for_in_for", for_in_for, METH_O, NULL},
    {"block_in_for", block_in_for, METH_O, NULL},
    {"for_in_block", for_in_block, METH_O, NULL},
    {"for_closing", for_closing, METH_O, NULL},
    {"for_closing_stops", for_closing_stops, METH_O, NULL},
    {"for_outside", for_outside, METH_O, NULL},
    {"for_cancels", for_cancels, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
