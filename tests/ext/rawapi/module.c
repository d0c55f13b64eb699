/* The module. It does not call PyAwaitable_Init(): whatever a test calls first is the first use. */
#include "rawapi.h"

State *
state_of(PyObject *module)
{
    return PyModule_GetState(module);
}

/* A new exception, as rawapi.<name>; a reference of the caller's own. */
static PyObject *
add_exception(PyObject *module, const char *name, const char *qualified)
{
    PyObject *exception = PyErr_NewException(qualified, PyExc_Exception, NULL);

    if (exception == NULL) {
        return NULL;
    }
    Py_INCREF(exception);
    if (PyModule_AddObject(module, name, exception) < 0) {
        Py_DECREF(exception);
        Py_DECREF(exception);
        return NULL;
    }
    return exception;
}

static int
add_null(PyObject *module, State *state)
{
    state->null = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
    if (state->null == NULL) {
        return -1;
    }
    Py_INCREF(state->null);
    if (PyModule_AddObject(module, "NULL", state->null) < 0) {
        Py_DECREF(state->null);
        return -1;
    }
    return 0;
}

static int
add_types(PyObject *module, State *state)
{
    state->callback_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &callback_spec, NULL);
    if (state->callback_type == NULL || PyModule_AddType(module, state->callback_type) < 0) {
        return -1;
    }
    state->no_exception = add_exception(module, "NoException", "rawapi.NoException");
    state->pending = add_exception(module, "Pending", "rawapi.Pending");
    return state->no_exception == NULL || state->pending == NULL ? -1 : 0;
}

static int
module_exec(PyObject *module)
{
    State *state = state_of(module);

    state->interned = PyDict_New();
    if (state->interned == NULL || add_null(module, state) < 0 || add_types(module, state) < 0) {
        return -1;
    }
    if (PyModule_AddFunctions(module, await_methods) < 0 || PyModule_AddFunctions(module, value_methods) < 0) {
        return -1;
    }
    if (PyModule_AddFunctions(module, function_methods) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, step_methods);
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = state_of(module);

    Py_VISIT(state->null);
    Py_VISIT(state->no_exception);
    Py_VISIT(state->pending);
    Py_VISIT(state->interned);
    Py_VISIT(state->callback_type);
    Py_VISIT(state->armed);
    return 0;
}

static int
module_clear(PyObject *module)
{
    State *state = state_of(module);

    Py_CLEAR(state->null);
    Py_CLEAR(state->no_exception);
    Py_CLEAR(state->pending);
    Py_CLEAR(state->interned);
    Py_CLEAR(state->callback_type);
    Py_CLEAR(state->armed);
    return 0;
}

static void
module_free(void *module)
{
    module_clear((PyObject *)module);
}

static PyMethodDef module_methods[] = {
    {"with_exception_set", WITH_KEYWORDS(with_exception_set),
     "with_exception_set(function, *args, **kwargs): calls it with an exception set; whether it was left untouched"},
    {"count_allocations", count_allocations, METH_VARARGS, "count_allocations(function, *args) -> int"},
    {"with_failing_allocation", with_failing_allocation, METH_VARARGS,
     "with_failing_allocation(n, function, *args) -> whether it succeeded though its n-th allocation failed"},
    {"slots_in_use", slots_in_use, METH_NOARGS, "slots_in_use(): how many callback slots are taken"},
    {"reset", reset_slots, METH_NOARGS, "reset(): gives back the slots of plain callables"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "rawapi",
    .m_doc = "The C API of PyAwaitable, one to one. See rawapi.h.",
    .m_size = sizeof(State),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC
PyInit_rawapi(void)
{
    return PyModuleDef_Init(&module_definition);
}
