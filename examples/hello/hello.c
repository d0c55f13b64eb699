/* greet(name) in C. In Python it would be:
 *
 *     async def greet(name):
 *         try:
 *             return f"Hello, {await name}!"
 *         except LookupError:
 *             return None
 */
#include <Python.h>
#define PYAWAITABLE_KEYWORDS /* METH_ASYNC */
#include <pyawaitable.h>

/* Called with what `await name` gave. Both arguments are borrowed: valid until this returns. */
static int
on_name(PyObject *awaitable, PyObject *name)
{
    PyObject *greeting = PyUnicode_FromFormat("Hello, %S!", name);
    if (greeting == NULL) {
        return -1; /* an exception is set: on_error gets it next */
    }
    int status = PyAwaitable_SetResult(awaitable, greeting); /* takes a reference of its own, */
    Py_DECREF(greeting);                                     /* so ours is still ours to drop */
    return status;
}

/* Called with whatever went wrong, a cancellation included: this is `except BaseException`. */
static int
on_error(PyObject *Py_UNUSED(awaitable), PyObject *exception)
{
    if (PyErr_GivenExceptionMatches(exception, PyExc_LookupError)) {
        return 0; /* handled; nothing was set as the result, so it is None */
    }
    return -1; /* not ours to handle: the same exception is raised */
}

/* Returns at once, with something to `await`: `name` is awaited when somebody awaits that. What
 * cannot be awaited at all is refused here already, and not within the `try`. */
static PyObject *
greet(PyObject *Py_UNUSED(module), PyObject *name)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_AddAwait(awaitable, name, on_name, on_error) < 0) {
        Py_DECREF(awaitable); /* with an exception set: it gives no warning that nobody awaited it */
        return NULL;
    }
    return awaitable; /* our reference becomes the caller's */
}

/* METH_ASYNC makes an `async def` function of it, with the signature that its docstring begins with. */
static PyMethodDef functions[] = {
    {"greet", greet, METH_O | METH_ASYNC, "greet(name)\n--\n\nAwaits name, and greets whoever that is."},
    {NULL, NULL, 0, NULL},
};

static int
hello_exec(PyObject *module)
{
    return PyAwaitable_AddFunctions(module, functions);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, hello_exec},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef hello = {
    PyModuleDef_HEAD_INIT,
    .m_name = "hello",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_hello(void)
{
    return PyModuleDef_Init(&hello);
}
