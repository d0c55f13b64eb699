/* trampoline(x) is `async def trampoline(x): return await x`, and nothing more; body(x) is the same, written as a body; relay(x, begin) is
 * an asynchronous generator that hands everything on to and from another. */
#include <Python.h>
#define PYAWAITABLE_KEYWORDS
#include <pyawaitable.h>

static PyObject *
trampoline(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    /* What SetResult does is all that the callback is to do. */
    if (PyAwaitable_AddAwait(awaitable, awaited, PyAwaitable_SetResult, NULL) < 0) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

typedef struct {
    HEAD
    PyObject *awaited;
    DATA
} Frame;

BODY(run, Frame, f)
    AWAIT(awaited, Py_NewRef(f->awaited));
    RETURN(Py_NewRef(f->awaited));
END_BODY

static const PyAwaitable_Definition run_definition = PyAwaitable_DEFINITION("trampoline", run, Frame);

static PyObject *
body(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    Frame *f;
    PyObject *awaitable = PyAwaitable_NewBody(&run_definition, &f);
    if (awaitable != NULL) {
        f->awaited = Py_NewRef(awaited);
    }
    return awaitable;
}

typedef struct {
    HEAD
    PyObject *generator, *begin, *next, *item, *sent;
    DATA
} Relay;

/* As `relay` in injection.py. */
BODY(relay_body, Relay, f)
    CHECK((f->next = PyObject_CallOneArg(f->begin, f->generator)) != NULL);
    for (;;) {
        LOOP
        TRY
            AWAIT(item, Py_NewRef(f->next));
        EXCEPT
            if (CAUGHT(PyExc_StopAsyncIteration)) {
                BREAK;
            }
        END_TRY
        TRY
            YIELD(sent, Py_NewRef(f->item));
            Py_XSETREF(f->next, PyObject_CallMethod(f->generator, "asend", "O", f->sent));
            CHECK(f->next != NULL);
        EXCEPT
            if (CAUGHT(PyExc_GeneratorExit)) {
                AWAIT_ONLY(PyObject_CallMethod(f->generator, "aclose", NULL));
                RERAISE;
            }
            else if (CAUGHT(PyExc_BaseException)) {
                Py_XSETREF(f->next, PyObject_CallMethod(f->generator, "athrow", "O", EXCEPTION));
                CHECK(f->next != NULL);
            }
        END_TRY
    }
END_BODY

static const PyAwaitable_Definition relay_definition = PyAwaitable_DEFINITION("relay", relay_body, Relay);

static PyObject *
relay(PyObject *Py_UNUSED(module), PyObject *args)
{
    Relay *f;
    PyObject *generator = PyAwaitable_NewGenerator(&relay_definition, &f);
    if (generator != NULL && PyAwaitable_ParseFrame(generator, args, NULL, "OO", NULL, &f->generator, &f->begin) < 0) {
        Py_CLEAR(generator);
    }
    return generator;
}

static int
trampoline_exec(PyObject *Py_UNUSED(module))
{
    return PyAwaitable_Init();
}

static PyMethodDef methods[] = {
    {"trampoline", trampoline, METH_O, "trampoline(x)\n--\n\nawait x, and return what it gives."},
    {"body", body, METH_O, "body(x)\n--\n\nawait x, and return what it gives."},
    {"relay", relay, METH_VARARGS, "relay(x, begin)\n--\n\nyield what x yields, and hand on what is sent and thrown."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, trampoline_exec},
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
    .m_name = "_trampoline",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__trampoline(void)
{
    return PyModuleDef_Init(&definition);
}
