/* adder.add(a, b) is what `async def add(a, b): return await a + await b` would be, and adder.add_locked(lock, a, b) the
 * same in an `async with lock`. The projects beside this file build it, each with another build system. */
#include <Python.h>
#include <pyawaitable.h>

#if defined(PYAWAITABLE_STATIC)
#define MODE "static"
#elif defined(PYAWAITABLE_LINK)
#define MODE "shared"
#else
#define MODE "headers"
#endif

/* The saved values are a, b, and what a gave. */
static int
on_second(PyObject *awaitable, PyObject *second)
{
    PyObject *first;
    if (PyAwaitable_UnpackValues(awaitable, NULL, NULL, &first) < 0) {
        return -1;
    }
    PyObject *sum = PyNumber_Add(first, second);
    if (sum == NULL) {
        return -1;
    }
    int status = PyAwaitable_SetResult(awaitable, sum);
    Py_DECREF(sum);
    return status;
}

static int
on_first(PyObject *awaitable, PyObject *first)
{
    PyObject *b = PyAwaitable_GetValue(awaitable, 1);
    if (b == NULL || PyAwaitable_SaveValues(awaitable, 1, first) < 0) {
        return -1;
    }
    return PyAwaitable_AddAwait(awaitable, b, on_second, NULL);
}

static int
start(PyObject *awaitable)
{
    PyObject *a = PyAwaitable_GetValue(awaitable, 0);
    return a == NULL ? -1 : PyAwaitable_AddAwait(awaitable, a, on_first, NULL);
}

static int
on_entered(PyObject *awaitable, PyObject *Py_UNUSED(entered))
{
    return start(awaitable);
}

static PyObject *
new_awaitable(PyObject *lock, PyObject *a, PyObject *b)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    int status = PyAwaitable_SaveValues(awaitable, 2, a, b);
    if (status == 0) {
        status = lock == NULL ? start(awaitable) : PyAwaitable_AsyncWith(awaitable, lock, on_entered, NULL);
    }
    if (status < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyObject *
add(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *a, *b;
    return PyArg_ParseTuple(args, "OO", &a, &b) ? new_awaitable(NULL, a, b) : NULL;
}

static PyObject *
add_locked(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *lock, *a, *b;
    return PyArg_ParseTuple(args, "OOO", &lock, &a, &b) ? new_awaitable(lock, a, b) : NULL;
}

static int
adder_exec(PyObject *module)
{
    return PyAwaitable_Init() < 0 ? -1 : PyModule_AddStringConstant(module, "MODE", MODE);
}

static PyMethodDef methods[] = {
    {"add", add, METH_VARARGS, NULL},
    {"add_locked", add_locked, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, adder_exec},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef adder = {
    PyModuleDef_HEAD_INIT,
    .m_name = "adder",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_adder(void)
{
    return PyModuleDef_Init(&adder);
}
