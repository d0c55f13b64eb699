/* Bodies with every word of the language, in what C and C++ have in common. tests/test_body_dialects.py compiles it in each dialect,
 * with the long names too; tests/test_body_abi.py with headers that were published once. */
#define PYAWAITABLE_KEYWORDS
#include <pyawaitable.h>

typedef struct {
    HEAD
    PyObject *object, *other, *value, *item;
    DATA
    int count;
} Frame;

#define FUNCTION(name)                                                                                                 \
    static const PyAwaitable_Definition name##_definition = PyAwaitable_DEFINITION(#name, name##_body, Frame);         \
    static PyObject *name(PyObject *module, PyObject *args)                                                            \
    {                                                                                                                  \
        Frame *f;                                                                                                      \
        PyObject *awaitable = PyAwaitable_NewBody(&name##_definition, &f);                                             \
        (void)module;                                                                                                  \
        if (awaitable != NULL && PyAwaitable_ParseFrame(awaitable, args, NULL, "|OO", NULL, &f->object, &f->other) < 0) { \
            Py_CLEAR(awaitable);                                                                                       \
        }                                                                                                              \
        return awaitable;                                                                                              \
    }

#define CALL(function) PyObject_CallObject(function, NULL)

BODY(gives_body, Frame, f)
    CHECK(f->object != NULL);
    AWAIT(value, Py_NewRef(f->object));
    RETURN(Py_NewRef(f->value));
END_BODY
FUNCTION(gives)

BODY(fails_body, Frame, f)
    AWAIT_ONLY(Py_NewRef(f->object));
    PyErr_SetString(PyExc_KeyError, "of the body");
    RAISE;
END_BODY
FUNCTION(fails)

BODY(catches_body, Frame, f)
    TRY
        AWAIT(value, CALL(f->object));
    EXCEPT
        if (CAUGHT(PyExc_LookupError)) {
            AWAIT_ONLY(CALL(f->other));
            RETURN(Py_NewRef(EXCEPTION));
        }
        else if (CAUGHT(PyExc_ValueError)) {
            RERAISE;
        }
    END_TRY
    RETURN(Py_NewRef(f->value));
END_BODY
FUNCTION(catches)

BODY(cleans_body, Frame, f)
    TRY
        AWAIT(value, CALL(f->object));
        RETURN(Py_NewRef(f->value));
    FINALLY
        AWAIT_ONLY(CALL(f->other));
    END_TRY
END_BODY
FUNCTION(cleans)

BODY(enters_body, Frame, f)
    ASYNC_WITH(value, Py_NewRef(f->object))
        AWAIT(item, CALL(f->other));
        RETURN(PyTuple_Pack(2, f->value, f->item));
    END_WITH
    RETURN(Py_NewRef(f->value));
END_BODY
FUNCTION(enters)

BODY(iterates_body, Frame, f)
    ASYNC_FOR(item, Py_NewRef(f->object))
        TRY
            f->count++;
            if (f->item == f->other) {
                BREAK;
            }
            CONTINUE;
        FINALLY
            f->count++;
        END_TRY
    END_FOR
    RETURN(PyLong_FromLong(f->count));
END_BODY
FUNCTION(iterates)

BODY(loops_body, Frame, f)
    for (f->count = 0; f->count < 6; f->count++) {
        LOOP
        TRY
            AWAIT(value, CALL(f->object));
            if (f->count == 1) {
                CONTINUE;
            }
            if (f->count == 4) {
                BREAK;
            }
        FINALLY
            AWAIT_ONLY(CALL(f->other));
        END_TRY
    }
    RETURN(PyLong_FromLong(f->count));
END_BODY
FUNCTION(loops)

BODY(suspends_body, Frame, f)
    SUSPEND(value, Py_NewRef(f->object));
    RETURN(PyTuple_Pack(2, SELF, f->value));
END_BODY
FUNCTION(suspends)

BODY(yields_body, Frame, f)
    YIELD(value, Py_NewRef(f->object));
END_BODY
FUNCTION(yields)

BODY(generates_body, Frame, f)
    for (f->count = 0; f->count < 3; f->count++) {
        YIELD(value, PyLong_FromLong(f->count));
    }
END_BODY

static const PyAwaitable_Definition generates_definition = PyAwaitable_DEFINITION("generates", generates_body, Frame);

static PyObject *
generates(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    Frame *f;
    return PyAwaitable_NewGenerator(&generates_definition, &f);
}

#define METHOD(name) {#name, name, METH_VARARGS | PyAwaitable_METH_ASYNC, NULL}
static PyMethodDef functions[] = {
    METHOD(gives), METHOD(fails), METHOD(catches), METHOD(cleans), METHOD(enters), METHOD(iterates), METHOD(loops),
    METHOD(suspends), METHOD(yields),
    {"generates", generates, METH_VARARGS | PyAwaitable_METH_ASYNC_GENERATOR, NULL}, {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
    return PyAwaitable_AddFunctions(module, functions);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)(size_t)execute}, /* so that -Wpedantic bears it */
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if defined(Py_mod_gil) && defined(Py_MOD_GIL_NOT_USED)
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static PyModuleDef module_definition = {PyModuleDef_HEAD_INIT, "every_word", NULL, 0, NULL, slots, NULL, NULL, NULL};
PyMODINIT_FUNC
PyInit_every_word(void)
{
    return PyModuleDef_Init(&module_definition);
}
