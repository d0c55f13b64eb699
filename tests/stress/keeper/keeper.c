/* Keeps objects where they outlive what others take for granted: in a variable of C, and in the interpreter's own
 * dictionary, which is cleared after all modules are gone. */
#include <Python.h>
#include <pyawaitable.h>
#include <stdatomic.h>

/* Of the whole process: whoever takes it has to be in the interpreter that kept it. */
static PyObject *kept = NULL;

static PyObject *
keep(PyObject *module, PyObject *object)
{
    (void)module;
    Py_INCREF(object);
    Py_XDECREF(kept);
    kept = object;
    Py_RETURN_NONE;
}

static PyObject *
take(PyObject *module, PyObject *unused)
{
    PyObject *object = kept;

    (void)module;
    (void)unused;
    kept = NULL;
    if (object == NULL) {
        PyErr_SetString(PyExc_LookupError, "nothing is kept");
    }
    return object;
}

/* Puts an object into the interpreter's dictionary, for good. */
static PyObject *
keep_to_the_end(PyObject *module, PyObject *object)
{
    PyObject *dictionary = PyInterpreterState_GetDict(PyInterpreterState_Get());
    PyObject *key;
    int status;

    (void)module;
    if (dictionary == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this interpreter has no dictionary");
        return NULL;
    }
    key = PyUnicode_FromFormat("keeper.%p", (void *)object);
    if (key == NULL) {
        return NULL;
    }
    status = PyDict_SetItem(dictionary, key, object);
    Py_DECREF(key);
    if (status < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static int
keep_result(PyObject *awaitable, PyObject *result)
{
    return PyAwaitable_SetResult(awaitable, result);
}

/* once(coroutine): an awaitable of what it returns, with two saved values. */
static PyObject *
once(PyObject *module, PyObject *coroutine)
{
    PyObject *awaitable = PyAwaitable_New();

    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_SaveValues(awaitable, 3, module, coroutine, Py_None) < 0 ||
        PyAwaitable_AddAwait(awaitable, coroutine, keep_result, NULL) < 0) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

static PyObject *
get_type(PyObject *module, PyObject *unused)
{
    PyTypeObject *type = PyAwaitable_GetType();

    (void)module;
    (void)unused;
    Py_XINCREF(type);
    return (PyObject *)type;
}

/* ---- Functions that are `async def` functions, with kept arguments and a clean-up -------------------------------- */

/* Clean-ups that were added, and that have run, in all interpreters. */
static atomic_long added, run;

static void
clean_up(void *data)
{
    Py_DECREF((PyObject *)data);
    atomic_fetch_add(&run, 1);
}

static int
return_text(PyObject *awaitable, PyObject *result)
{
    PyObject *coroutine, *pair;
    const char *text;
    int status;

    if (PyAwaitable_Unpack(awaitable, &coroutine, &text) < 0) {
        return -1;
    }
    pair = Py_BuildValue("(sO)", text, result);
    status = pair == NULL ? -1 : PyAwaitable_SetResult(awaitable, pair);
    Py_XDECREF(pair);
    return status;
}

/* cleaned(coroutine, text): (text, what the coroutine returns). A clean-up has an object of its own. */
static PyObject *
cleaned(PyObject *self, PyObject *args)
{
    PyObject *awaitable = PyAwaitable_New(), *coroutine, *own = PyDict_New();
    const char *text;

    (void)self;
    if (awaitable == NULL || own == NULL ||
        PyAwaitable_ParseTuple(awaitable, args, "Os:cleaned", &coroutine, &text) < 0 ||
        PyAwaitable_AddCleanup(awaitable, clean_up, own) < 0) {
        Py_XDECREF(awaitable);
        Py_XDECREF(own);
        return NULL;
    }
    atomic_fetch_add(&added, 1);
    if (PyAwaitable_AddAwait(awaitable, coroutine, return_text, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyMethodDef functions[] = {
    {"cleaned", cleaned, METH_VARARGS | PyAwaitable_METH_ASYNC, "cleaned(coroutine, text)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};
static PyMethodDef type_methods[] = {
    {"cleaned", cleaned, METH_VARARGS | PyAwaitable_METH_ASYNC, "cleaned($self, coroutine, text)\n--\n\n"},
    {"of_class", cleaned, METH_VARARGS | METH_CLASS | PyAwaitable_METH_ASYNC, NULL},
    {NULL, NULL, 0, NULL},
};

/* install(module or type): adds them. */
static PyObject *
install(PyObject *module, PyObject *target)
{
    (void)module;
    if (PyType_Check(target) ? PyAwaitable_AddMethods((PyTypeObject *)target, type_methods) < 0
                             : PyAwaitable_AddFunctions(target, functions) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
clean_ups(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return Py_BuildValue("ll", atomic_load(&added), atomic_load(&run));
}

static PyMethodDef methods[] = {
    {"install", install, METH_O, NULL},
    {"clean_ups", clean_ups, METH_NOARGS, NULL},
    {"keep", keep, METH_O, NULL},
    {"take", take, METH_NOARGS, NULL},
    {"keep_to_the_end", keep_to_the_end, METH_O, NULL},
    {"once", once, METH_O, NULL},
    {"get_type", get_type, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
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
    .m_name = "keeper",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_keeper(void)
{
    return PyModuleDef_Init(&definition);
}
