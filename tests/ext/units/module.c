/* The one translation unit that calls PyAwaitable_Init(). */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pyawaitable.h>

#include "units.h"

static int
keep_result(PyObject *aw, PyObject *result)
{
    return PyAwaitable_SetResult(aw, result);
}

/* once(coro): an awaitable of what the coroutine returns. */
static PyObject *
units_once(PyObject *module, PyObject *coroutine)
{
    PyObject *aw = PyAwaitable_New();

    (void)module;
    if (aw == NULL) {
        return NULL;
    }
    if (PyAwaitable_AddAwait(aw, coroutine, keep_result, NULL) < 0) {
        Py_DECREF(aw);
        return NULL;
    }
    return aw;
}

static PyMethodDef methods[] = {
    {"once", units_once, METH_O, NULL},
    {"total", units_total, METH_VARARGS, NULL},
    {"sized", units_sized, METH_VARARGS, NULL},
    {"sized_unclean", units_sized_unclean, METH_VARARGS, NULL},
    {"build_unclean", units_build_unclean, METH_O, NULL},
    {"many_values", units_many_values, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
    (void)module;
    return PyAwaitable_Init();
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "units",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_units(void)
{
    return PyModuleDef_Init(&definition);
}
