#define PYAWAITABLE_THIS_FILE_INIT
#define PYAWAITABLE_PYAPI
#include <Python.h>
#include <pyawaitable.h>

#include "spelling1x.h"

static PyMethodDef methods[] = {
    {"lower", spelling_lower, METH_VARARGS, NULL},
    {"lower_values", spelling_lower_values, METH_NOARGS, NULL},
    {"lower_types", spelling_lower_types, METH_NOARGS, NULL},
    {"lower_init", spelling_lower_init, METH_NOARGS, NULL},
    {"vendor_init", spelling_vendor_init, METH_NOARGS, NULL},
    {"table", spelling_table, METH_VARARGS, NULL},
    {"table_values", spelling_table_values, METH_NOARGS, NULL},
    {"upper", spelling_upper, METH_VARARGS, NULL},
    {"upper_values", spelling_upper_values, METH_NOARGS, NULL},
    {"upper_types", spelling_upper_types, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "spelling1x",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit_spelling1x(void)
{
    PyObject *module;

    if (pyawaitable_init() < 0) {
        return NULL;
    }
    if (PyAwaitable_Init() < 0) {
        return NULL;
    }
    module = PyModule_Create(&definition);
#ifdef Py_GIL_DISABLED
    if (module != NULL && PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED) < 0) {
        Py_CLEAR(module);
    }
#endif
    return module;
}
