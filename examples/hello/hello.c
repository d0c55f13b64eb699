/* greet(name) in C. In Python it would be:
 *
 *     async def greet(name):
 *         try:
 *             return f"Hello, {await name}!"
 *         except LookupError:
 *             return None
 */
#include <Python.h>
#define PYAWAITABLE_KEYWORDS /* AWAIT, TRY, METH_ASYNC: short names */
#include <pyawaitable.h>

/* What greet() keeps while it waits. The references before DATA are released when it has ended. */
typedef struct {
    HEAD
    PyObject *name;
    DATA
} Greet;

/* AWAIT takes over a reference, and puts into f->name what `await` gave. EXCEPT gets whatever goes
 * wrong, a cancellation included; what CAUGHT does not take is raised again. */
BODY(greet_body, Greet, f)
    TRY
        AWAIT(name, Py_NewRef(f->name));
        RETURN(PyUnicode_FromFormat("Hello, %S!", f->name));
    EXCEPT
        if (CAUGHT(PyExc_LookupError)) {
            RETURN(Py_NewRef(Py_None));
        }
    END_TRY
END_BODY

static const PyAwaitable_Definition greet_definition = PyAwaitable_DEFINITION("greet", greet_body, Greet);

/* Returns at once, with something to `await`. The body runs when somebody awaits that. */
static PyObject *
greet(PyObject *Py_UNUSED(module), PyObject *name)
{
    Greet *f;
    PyObject *awaitable = PyAwaitable_NewBody(&greet_definition, &f);
    if (awaitable != NULL) {
        f->name = Py_NewRef(name); /* the frame's own */
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
    {Py_mod_exec, (void *)hello_exec},
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
