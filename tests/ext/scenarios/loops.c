/* What only an event loop offers: task groups and nurseries, deadlines, shields, from C. */
#include "scenario.h"

/* async with env.NAME() ... then await z. */
static PyObject *
within(PyObject *env, const char *method, const char *name, PyAwaitable_Callback body, PyAwaitable_Error err)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    PyObject *context = scenario_make(awaitable, method, name);
    int status = context == NULL ? -1 : PyAwaitable_AsyncWith(awaitable, context, body, err);
    Py_XDECREF(context);
    if (status == 0) {
        status = scenario_await(awaitable, "z", logs, NULL);
    }
    return scenario_done(awaitable, status);
}

/* env.start(group, name) */
static int
start(PyObject *awaitable, PyObject *group, const char *name)
{
    PyObject *env = PyAwaitable_GetValue(awaitable, 0);
    PyObject *done = env == NULL ? NULL : PyObject_CallMethod(env, "start", "Os", group, name);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static int
starts_two(PyObject *awaitable, PyObject *group)
{
    if (start(awaitable, group, "first child") < 0 || start(awaitable, group, "second child") < 0) {
        return -1;
    }
    return scenario_await(awaitable, "a", returns, reraises);
}

static PyObject *
group_of_two(PyObject *Py_UNUSED(module), PyObject *env)
{
    return within(env, "group", "group", starts_two, reraises);
}

static PyObject *
group_of_two_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return within(env, "group", "group", starts_two, handles);
}

static int
starts_one_and_fails(PyObject *awaitable, PyObject *group)
{
    if (start(awaitable, group, "first child") < 0) {
        return -1;
    }
    PyErr_SetString(PyExc_ValueError, "from the body");
    return -1;
}

static PyObject *
group_body_fails(PyObject *Py_UNUSED(module), PyObject *env)
{
    return within(env, "group", "group", starts_one_and_fails, handles);
}

/* The children are awaitables of ours too: env.start_this(group, awaitable) */
static int
starts_awaitable(PyObject *awaitable, PyObject *group)
{
    PyObject *env = PyAwaitable_GetValue(awaitable, 0);
    PyObject *child = env == NULL ? NULL : scenario_new(env);
    if (child == NULL) {
        return -1;
    }
    PyObject *done = NULL;
    if (scenario_await(child, "first child", logs, reraises) == 0) {
        done = PyObject_CallMethod(env, "start_this", "OO", group, child);
    }
    Py_DECREF(child);
    Py_XDECREF(done);
    return done == NULL ? -1 : scenario_await(awaitable, "a", returns, reraises);
}

static PyObject *
group_of_awaitables(PyObject *Py_UNUSED(module), PyObject *env)
{
    return within(env, "group", "group", starts_awaitable, reraises);
}

static int
awaits_a(PyObject *awaitable, PyObject *Py_UNUSED(context))
{
    return scenario_await(awaitable, "a", returns, reraises);
}

static PyObject *
deadline(PyObject *Py_UNUSED(module), PyObject *env)
{
    return within(env, "deadline", "deadline", awaits_a, reraises);
}

static PyObject *
deadline_handled(PyObject *Py_UNUSED(module), PyObject *env)
{
    return within(env, "deadline", "deadline", awaits_a, handles);
}

static PyObject *
move_on(PyObject *Py_UNUSED(module), PyObject *env)
{
    return within(env, "move_on", "move on", awaits_a, reraises);
}

static PyObject *
shielded(PyObject *Py_UNUSED(module), PyObject *env)
{
    return within(env, "shield", "shield", awaits_a, reraises);
}

static int
awaits_in_lock(PyObject *awaitable, PyObject *Py_UNUSED(context))
{
    return scenario_with(awaitable, "lock", awaits_a, reraises);
}

static PyObject *
deadline_around_block(PyObject *Py_UNUSED(module), PyObject *env)
{
    return within(env, "deadline", "deadline", awaits_in_lock, reraises);
}

PyMethodDef loop_scenarios[] = {
    {"group_of_two", group_of_two, METH_O, NULL},
    {"group_of_two_handled", group_of_two_handled, METH_O, NULL},
    {"group_body_fails", group_body_fails, METH_O, NULL},
    {"group_of_awaitables", group_of_awaitables, METH_O, NULL},
    {"deadline", deadline, METH_O, NULL},
    {"deadline_handled", deadline_handled, METH_O, NULL},
    {"move_on", move_on, METH_O, NULL},
    {"shielded", shielded, METH_O, NULL},
    {"deadline_around_block", deadline_around_block, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
