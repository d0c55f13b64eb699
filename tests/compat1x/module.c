/* The one file that may initialize, with the upper-case names. */
#define PYAWAITABLE_THIS_FILE_INIT
#define PYAWAITABLE_PYAPI
#include "compat1x.h"

static PyObject *
get_type(PyObject *module, PyObject *unused)
{
    PyTypeObject *type = PyAwaitable_Type;

    (void)module;
    (void)unused;
    Py_INCREF(type);
    return (PyObject *)type;
}

/* What the table says its size is. */
static PyObject *
table_size(PyObject *module, PyObject *unused)
{
    const PyAwaitableABI *abi = PyAwaitable_ABI;

    (void)module;
    (void)unused;
    return PyLong_FromSsize_t(abi->size);
}

/* What it has to be at least for this file. */
static PyObject *
known_size(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromSsize_t((Py_ssize_t)sizeof(PyAwaitableABI));
}

static PyObject *
version(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return Py_BuildValue("iiii", PYAWAITABLE_MAJOR_VERSION, PYAWAITABLE_MINOR_VERSION, PYAWAITABLE_MICRO_VERSION,
                         PYAWAITABLE_RELEASE_LEVEL);
}

static PyObject *
init_again(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyAwaitable_Init() < 0 ? NULL : PyLong_FromLong(pyawaitable_init());
}

static PyObject *
vendor_init(PyObject *module, PyObject *unused)
{
    (void)unused;
    if (pyawaitable_vendor_init(module) == 0) {
        Py_RETURN_NONE;
    }
    return NULL;
}

/* What 1.x called PyAwaitable_GetValue was its setter; the value here is what that name promises. */
static int
sum_saved(PyObject *aw, PyObject *result)
{
    PyObject *saved, *sum;
    int status;

    if (PyAwaitable_UnpackValues(aw, &saved) < 0) {
        return -1;
    }
    sum = PyNumber_Add(saved, result);
    if (sum == NULL) {
        return -1;
    }
    status = PyAwaitable_SetResult(aw, sum) < 0 ? -1 : PyAwaitable_SetValue(aw, 0, sum);
    Py_DECREF(sum);
    return status;
}

/* add_up(start, first, second): start and the results of two coroutines. */
static PyObject *
add_up(PyObject *module, PyObject *args)
{
    PyObject *start, *first, *second, *aw = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "OOO", &start, &first, &second)) {
        return NULL;
    }
    aw = PyAwaitable_New();
    CHECK(aw != NULL);
    CHECK(PyAwaitable_SaveValues(aw, 1, start) == 0);
    CHECK(PyAwaitable_AddAwait(aw, first, sum_saved, NULL) == 0);
    CHECK(PyAwaitable_AddAwait(aw, second, sum_saved, NULL) == 0);
    RETURN_AWAITABLE;
}

/* clang-format off */
static PyMethodDef methods[] = {
    {"get_type", get_type, METH_NOARGS, NULL},
    {"table_size", table_size, METH_NOARGS, NULL},
    {"known_size", known_size, METH_NOARGS, NULL},
    {"version", version, METH_NOARGS, NULL},
    {"init_again", init_again, METH_NOARGS, NULL},
    {"vendor_init", vendor_init, METH_NOARGS, NULL},
    {"add_up", add_up, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
/* clang-format on */

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "compat1x",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit_compat1x(void)
{
    PyObject *module;

    if (PyAwaitable_Init() < 0) {
        return NULL;
    }
    module = PyModule_Create(&definition);
    if (module == NULL) {
        return NULL;
    }
#ifdef Py_GIL_DISABLED
    PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);
#endif
    if (PyModule_AddFunctions(module, compat1x_awaits) < 0 || PyModule_AddFunctions(module, compat1x_values) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
