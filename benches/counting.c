/* Tells callgrind what to count. Where there is no valgrind, all of this does nothing. */
#include <Python.h>

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define AVAILABLE 1
#endif
#endif

#ifndef AVAILABLE
#define AVAILABLE 0
#define RUNNING_ON_VALGRIND 0
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

/* counted(name, function, n): calls function(n), and has what it took dumped under that name. */
static PyObject *
counted(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *name;
    PyObject *function, *n;
    if (!PyArg_ParseTuple(args, "sOO", &name, &function, &n)) {
        return NULL;
    }
    CALLGRIND_ZERO_STATS;
    PyObject *result = PyObject_CallFunctionObjArgs(function, n, NULL);
    CALLGRIND_DUMP_STATS_AT(name);
    return result;
}

static PyObject *
start(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    CALLGRIND_START_INSTRUMENTATION;
    Py_RETURN_NONE;
}

static PyObject *
stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    CALLGRIND_STOP_INSTRUMENTATION;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"counted", counted, METH_VARARGS, NULL},
    {"start", start, METH_NOARGS, NULL},
    {"stop", stop, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "counting",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit_counting(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && PyModule_AddIntConstant(module, "AVAILABLE", AVAILABLE) < 0) {
        Py_CLEAR(module);
    }
    return module;
}
