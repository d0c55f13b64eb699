/* The module `scenarios`: one function for each scenario, and a few tools for the tests that drive them. */
#include "scenario.h"

static PyObject *
cancel(PyObject *Py_UNUSED(module), PyObject *awaitable)
{
    PyAwaitable_Cancel(awaitable);
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* add(awaitable, inner): queues `inner` from outside, with callbacks that log. */
static PyObject *
add(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *awaitable, *inner;
    if (!PyArg_ParseTuple(args, "OO", &awaitable, &inner)) {
        return NULL;
    }
    if (PyAwaitable_AddAwait(awaitable, inner, logs, reraises) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* wrap(env, inner): an awaitable that awaits `inner` and evaluates to its value, and does nothing else. */
static PyObject *
wrap(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *env, *inner;
    if (!PyArg_ParseTuple(args, "OO", &env, &inner)) {
        return NULL;
    }
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_name(awaitable, "wrapper") < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, PyAwaitable_AddAwait(awaitable, inner, PyAwaitable_SetResult, NULL));
}

/* step(iterator, value): PyIter_Send, as the interpreter calls it; what is returned comes as StopIteration, like `send`. */
static PyObject *
step(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *iterator, *value;
    if (!PyArg_ParseTuple(args, "OO", &iterator, &value)) {
        return NULL;
    }
#if PY_VERSION_HEX >= 0x030A0000
    PyObject *got = NULL;
    if (PyIter_Send(iterator, value, &got) != PYGEN_RETURN) {
        return got;
    }
    PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, got, NULL);
    Py_DECREF(got);
    if (stop != NULL) {
        PyErr_SetObject(PyExc_StopIteration, stop);
        Py_DECREF(stop);
    }
    return NULL;
#else
    return PyObject_CallMethod(iterator, "send", "O", value);
#endif
}

PyMethodDef tools[] = {
    {"cancel", cancel, METH_O, NULL},
    {"add", add, METH_VARARGS, NULL},
    {"wrap", wrap, METH_VARARGS, NULL},
    {"step", step, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int
exec(PyObject *module)
{
    PyMethodDef *const parts[] = {plain_scenarios, queue_scenarios,     error_scenarios,
                                  block_scenarios, cancel_scenarios,    nested_scenarios,
                                  loop_scenarios,  iteration_scenarios, tools};
    if (PyAwaitable_Init() < 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (PyModule_AddFunctions(module, parts[i]) < 0) {
            return -1;
        }
    }
    return scenario_add_functions(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "scenarios",
    .m_doc = "Awaitables written in C, each with a twin written as async def.",
    .m_size = 0,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_scenarios(void)
{
    return PyModuleDef_Init(&definition);
}
