/* The contenders that use the C API: compiled once with the header of this library, and once with
 * that of the original. So it keeps to what both have.
 */
#include <Python.h>
#include <pyawaitable.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define QUOTE_(a) #a
#define QUOTE(a) QUOTE_(a)

static PyObject *forty_two;

/* Queues one await in a new awaitable: a new reference, or NULL with an exception set. */
static PyObject *
new_with(PyObject *awaited, PyAwaitable_Callback callback, PyAwaitable_Error error)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable != NULL && PyAwaitable_AddAwait(awaitable, awaited, callback, error) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyObject *
empty(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyAwaitable_New();
}

static PyObject *
returns(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable != NULL && PyAwaitable_SetResult(awaitable, forty_two) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyObject *
awaits(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    return new_with(awaited, NULL, NULL);
}

static int
keep(PyObject *awaitable, PyObject *result)
{
    return PyAwaitable_SetResult(awaitable, result);
}

static PyObject *
value(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    return new_with(awaited, keep, NULL);
}

static int
unpack3(PyObject *awaitable, PyObject *result)
{
    PyObject *a, *b, *c;
    if (PyAwaitable_UnpackValues(awaitable, &a, &b, &c) < 0) {
        return -1;
    }
    return PyAwaitable_SetResult(awaitable, result);
}

static PyObject *
saved3(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    PyObject *awaitable = new_with(awaited, unpack3, NULL), *v = awaited;
    if (awaitable != NULL && PyAwaitable_SaveValues(awaitable, 3, v, v, v) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static int
unpack20(PyObject *awaitable, PyObject *result)
{
    PyObject *v[20];
    if (PyAwaitable_UnpackValues(awaitable, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9],
                                 &v[10], &v[11], &v[12], &v[13], &v[14], &v[15], &v[16], &v[17], &v[18], &v[19]) < 0) {
        return -1;
    }
    return PyAwaitable_SetResult(awaitable, result);
}

static PyObject *
saved20(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    PyObject *awaitable = new_with(awaited, unpack20, NULL), *v = awaited;
    if (awaitable != NULL &&
        PyAwaitable_SaveValues(awaitable, 20, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static int
swallow_lookup_error(PyObject *Py_UNUSED(awaitable), PyObject *exception)
{
    return PyErr_GivenExceptionMatches(exception, PyExc_LookupError) ? 0 : -1;
}

static PyObject *
error(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    return new_with(awaited, NULL, swallow_lookup_error);
}

static int
empty_body(PyObject *Py_UNUSED(awaitable), PyObject *Py_UNUSED(entered))
{
    return 0;
}

static PyObject *
block(PyObject *Py_UNUSED(module), PyObject *context)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable != NULL && PyAwaitable_AsyncWith(awaitable, context, empty_body, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyObject *
each(PyObject *Py_UNUSED(module), PyObject *list)
{
    PyObject *awaitable = PyAwaitable_New();
    for (Py_ssize_t i = 0; awaitable != NULL && i < PyList_GET_SIZE(list); i++) {
        if (PyAwaitable_AddAwait(awaitable, PyList_GET_ITEM(list, i), NULL, NULL) < 0) {
            Py_CLEAR(awaitable);
        }
    }
    return awaitable;
}

/* Queues what the saved function returns, as often as the saved count says. */
static int
next_of_chain(PyObject *awaitable, PyObject *Py_UNUSED(result))
{
    PyObject *function;
    void *left;
    if (PyAwaitable_UnpackArbValues(awaitable, &left) < 0 || PyAwaitable_UnpackValues(awaitable, &function) < 0) {
        return -1;
    }
    if (left == NULL) {
        return 0;
    }
    if (PyAwaitable_SetArbValue(awaitable, 0, (void *)((size_t)left - 1)) < 0) {
        return -1;
    }
    PyObject *awaited = PyObject_CallNoArgs(function);
    if (awaited == NULL) {
        return -1;
    }
    int status = PyAwaitable_AddAwait(awaitable, awaited, next_of_chain, NULL);
    Py_DECREF(awaited);
    return status;
}

static PyObject *
chain(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *function;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "On", &function, &count)) {
        return NULL;
    }
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_SaveValues(awaitable, 1, function) < 0 ||
        PyAwaitable_SaveArbValues(awaitable, 1, (void *)count) < 0 || next_of_chain(awaitable, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

#ifdef PyAwaitable_METH_ASYNC
/* What this library alone has: loops, functions that are `async def` functions, arguments that are kept, clean-ups. */

static int
drop_item(PyObject *Py_UNUSED(awaitable), PyObject *Py_UNUSED(item))
{
    return 0;
}

static PyObject *
consumes(PyObject *Py_UNUSED(module), PyObject *iterable)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable != NULL && PyAwaitable_AsyncFor(awaitable, iterable, drop_item, NULL, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyObject *
method(PyObject *Py_UNUSED(self), PyObject *object)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable != NULL && PyAwaitable_SetResult(awaitable, object) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static int
unpack_arguments(PyObject *awaitable, PyObject *result)
{
    PyObject *awaited;
    const char *text;
    long number;
    if (PyAwaitable_Unpack(awaitable, &awaited, &text, &number) < 0) {
        return -1;
    }
    return PyAwaitable_SetResult(awaitable, result);
}

static PyObject *
parsed(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *awaitable = PyAwaitable_New(), *awaited;
    const char *text;
    long number;
    if (awaitable != NULL && (PyAwaitable_ParseTuple(awaitable, args, "Osl", &awaited, &text, &number) < 0 ||
                              PyAwaitable_AddAwait(awaitable, awaited, unpack_arguments, NULL) < 0)) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static void
clean_up(void *Py_UNUSED(data))
{
}

static PyObject *
cleaned(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    PyObject *awaitable = new_with(awaited, keep, NULL);
    if (awaitable != NULL && PyAwaitable_AddCleanup(awaitable, clean_up, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyMethodDef functions[] = {
    {"called", empty, METH_NOARGS | PyAwaitable_METH_ASYNC, "called()\n--\n\n"},
    {"called_with", value, METH_O | PyAwaitable_METH_ASYNC, "called_with(awaited)\n--\n\n"},
    {"parsed", parsed, METH_VARARGS | PyAwaitable_METH_ASYNC, "parsed(awaited, text, number)\n--\n\n"},
    {"cleaned", cleaned, METH_O | PyAwaitable_METH_ASYNC, "cleaned(awaited)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};
static PyMethodDef owner_methods[] = {
    {"method", method, METH_O | PyAwaitable_METH_ASYNC, "method($self, object, /)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot owner_slots[] = {{0, NULL}};
static PyType_Spec owner_spec = {QUOTE(MODULE) ".Owner", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, owner_slots};

/* add_functions(): a call of its own, so that the start-up of an extension without such functions can be measured. */
static PyObject *
add_functions(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    PyObject *owner = PyType_FromSpec(&owner_spec);
    int status = owner == NULL || PyAwaitable_AddMethods((PyTypeObject *)owner, owner_methods) < 0 ||
                         PyObject_SetAttrString(module, "Owner", owner) < 0 ||
                         PyAwaitable_AddFunctions(module, functions) < 0
                     ? -1
                     : 0;
    Py_XDECREF(owner);
    if (status < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}
#endif

static PyMethodDef methods[] = {
    {"empty", empty, METH_NOARGS, NULL},
    {"returns", returns, METH_NOARGS, NULL},
    {"awaits", awaits, METH_O, NULL},
    {"value", value, METH_O, NULL},
    {"saved3", saved3, METH_O, NULL},
    {"saved20", saved20, METH_O, NULL},
    {"error", error, METH_O, NULL},
    {"block", block, METH_O, NULL},
    {"each", each, METH_O, NULL},
    {"chain", chain, METH_VARARGS, NULL},
#ifdef PyAwaitable_METH_ASYNC
    {"consumes", consumes, METH_O, NULL},
    {"add_functions", add_functions, METH_NOARGS, NULL},
#endif
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = QUOTE(MODULE),
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PASTE(PyInit_, MODULE)(void)
{
    forty_two = PyLong_FromLong(42);
    if (forty_two == NULL || PyAwaitable_Init() < 0) {
        return NULL;
    }
    return PyModule_Create(&definition);
}
