/* One source for several libraries: compiled with this library's header, in table mode and linked with the archive, and
 * with the header of the original PyAwaitable 2.x, which brings its own code. */
#include <Python.h>
#include <pyawaitable.h>

static int
keep_result(PyObject *awaitable, PyObject *result)
{
    return PyAwaitable_SetResult(awaitable, result);
}

/* once(object): an awaitable of what awaiting it gives. */
static PyObject *
once(PyObject *module, PyObject *object)
{
    PyObject *awaitable = PyAwaitable_New();

    (void)module;
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_AddAwait(awaitable, object, keep_result, NULL) < 0) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

static PyObject *
version(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLong(PyAwaitable_MAJOR_VERSION);
}

#if PyAwaitable_MAJOR_VERSION >= 3
/* What a call came to, appended to the list: the exception's type, or None. */
static int
note(PyObject *list)
{
    PyObject *type = PyErr_Occurred();
    int status;

    Py_XINCREF(type);
    PyErr_Clear();
    status = PyList_Append(list, type == NULL ? Py_None : type);
    Py_XDECREF(type);
    return status;
}

static int
on_defer(PyObject *awaitable)
{
    (void)awaitable;
    return 0;
}

/* every_call(object): what each function makes of it as the awaitable. */
static PyObject *
every_call(PyObject *module, PyObject *object)
{
    PyObject *list = PyList_New(0), *value;
    void *pointer;
    long number;

#define NOTE(call)                                                                                                     \
    (void)(call);                                                                                                      \
    if (list == NULL || note(list) < 0) {                                                                              \
        Py_XDECREF(list);                                                                                              \
        return NULL;                                                                                                   \
    }
    NOTE(PyAwaitable_AddAwait(object, object, NULL, NULL))
    Py_INCREF(object);
    NOTE(PyAwaitable_AddExpr(object, object, NULL, NULL))
    NOTE(PyAwaitable_DeferAwait(object, on_defer))
    NOTE(PyAwaitable_AwaitFunction(object, module, NULL, NULL, NULL))
    NOTE(PyAwaitable_AsyncWith(object, object, NULL, NULL))
    NOTE(PyAwaitable_AsyncFor(object, object, NULL, NULL, NULL))
    PyAwaitable_Cancel(object);
    NOTE(0)
    NOTE(PyAwaitable_SetResult(object, Py_None))
    NOTE(PyAwaitable_SaveValues(object, 1, Py_None))
    NOTE(PyAwaitable_UnpackValues(object, &value))
    NOTE(PyAwaitable_SetValue(object, 0, Py_None))
    NOTE(PyAwaitable_GetValue(object, 0))
    NOTE(PyAwaitable_SaveArbValues(object, 1, (void *)object))
    NOTE(PyAwaitable_UnpackArbValues(object, &pointer))
    NOTE(PyAwaitable_SetArbValue(object, 0, NULL))
    NOTE(PyAwaitable_GetArbValue(object, 0))
    NOTE(PyAwaitable_SaveIntValues(object, 1, 1L))
    NOTE(PyAwaitable_UnpackIntValues(object, &number))
    NOTE(PyAwaitable_SetIntValue(object, 0, 1L))
    NOTE(PyAwaitable_GetIntValue(object, 0))
    return list;
}
#endif

static PyMethodDef methods[] = {
    {"once", once, METH_O, NULL},
    {"version", version, METH_NOARGS, NULL},
#if PyAwaitable_MAJOR_VERSION >= 3
    {"every_call", every_call, METH_O, NULL},
#endif
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
    (void)module;
    return PyAwaitable_Init();
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "copy",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_copy(void)
{
    return PyModuleDef_Init(&definition);
}
