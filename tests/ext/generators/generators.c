/* Asynchronous generators, each with a twin of the same name in tests/generator_twins.py. */
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

typedef struct {
    HEAD
    PyObject *note, *wait, *given, *value, *item;
    DATA
    int count;
} Frame;

/* A new generator with up to three arguments. */
static PyObject *
new_generator(const PyAwaitable_Definition *definition, PyObject *args)
{
    Frame *f;
    PyObject *generator = PyAwaitable_NewGenerator(definition, &f);
    if (generator != NULL &&
        PyAwaitable_ParseFrame(generator, args, NULL, "|OOO", NULL, &f->note, &f->wait, &f->given) < 0) {
        Py_CLEAR(generator);
    }
    return generator;
}

#define FUNCTION(name)                                                                                                 \
    static const PyAwaitable_Definition name##_definition = PyAwaitable_DEFINITION(#name, name##_body, Frame);         \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *args)                                                 \
    {                                                                                                                  \
        return new_generator(&name##_definition, args);                                                                \
    }

static int
note(Frame *f, const char *text, PyObject *object)
{
    PyObject *noted = PyObject_CallFunction(f->note, "sO", text, object == NULL ? Py_None : object);
    Py_XDECREF(noted);
    return noted == NULL ? -1 : 0;
}

#define NOTE(text) CHECK(note(f, text, NULL) == 0)
#define NOTE_OBJECT(text, object) CHECK(note(f, text, object) == 0)
#define WAIT(text) PyObject_CallFunction(f->wait, "s", text)

BODY(nothing_body, Frame, f)
END_BODY
FUNCTION(nothing)

BODY(counts_body, Frame, f)
    for (f->count = 0; f->count < 6; f->count++) {
        YIELD_ONLY(PyLong_FromLong(f->count));
    }
END_BODY
FUNCTION(counts)

BODY(talks_body, Frame, f)
    TRY
        YIELD(value, PyLong_FromLong(1));
        NOTE_OBJECT("got", f->value);
        AWAIT(value, WAIT("a"));
        NOTE_OBJECT("awaited", f->value);
        YIELD(value, PyLong_FromLong(2));
        NOTE_OBJECT("got", f->value);
        AWAIT(value, WAIT("b"));
        NOTE_OBJECT("awaited", f->value);
    FINALLY
        NOTE("finally");
    END_TRY
END_BODY
FUNCTION(talks)

BODY(ignores_body, Frame, f)
    for (f->count = 0; f->count < 6; f->count++) {
        LOOP
        TRY
            YIELD(value, PyLong_FromLong(f->count));
            NOTE_OBJECT("got", f->value);
        EXCEPT
            if (CAUGHT(PyExc_BaseException)) {
                NOTE_OBJECT("caught", (PyObject *)Py_TYPE(EXCEPTION));
            }
        END_TRY
    }
END_BODY
FUNCTION(ignores)

BODY(waits_body, Frame, f)
    for (f->count = 0; f->count < 6; f->count++) {
        LOOP
        TRY
            AWAIT(value, WAIT("w"));
            NOTE_OBJECT("awaited", f->value);
        EXCEPT
            if (CAUGHT(PyExc_BaseException)) {
                NOTE_OBJECT("caught", (PyObject *)Py_TYPE(EXCEPTION));
            }
        END_TRY
    }
    YIELD_ONLY(PyLong_FromLong(7));
END_BODY
FUNCTION(waits)

BODY(cleans_body, Frame, f)
    TRY
        YIELD_ONLY(PyLong_FromLong(1));
    FINALLY
        TRY
            AWAIT_ONLY(WAIT("c"));
            NOTE("cleaned");
        EXCEPT
            if (CAUGHT(PyExc_BaseException)) {
                NOTE_OBJECT("caught", (PyObject *)Py_TYPE(EXCEPTION));
                AWAIT_ONLY(WAIT("d"));
                NOTE("cleaned after all");
                RERAISE;
            }
        END_TRY
    END_TRY
END_BODY
FUNCTION(cleans)

BODY(raises_body, Frame, f)
    if (f->given == NULL) {
        YIELD_ONLY(Py_NewRef(Py_None));
    }
    PyErr_SetObject((PyObject *)Py_TYPE(f->given), f->given);
    RAISE;
END_BODY
FUNCTION(raises)

BODY(raises_later_body, Frame, f)
    YIELD_ONLY(PyLong_FromLong(1));
    PyErr_SetObject((PyObject *)Py_TYPE(f->given), f->given);
    RAISE;
END_BODY
FUNCTION(raises_later)

/* Calls what it was given between its items. */
BODY(calls_body, Frame, f)
    YIELD_ONLY(PyObject_CallObject(f->given, NULL));
    YIELD_ONLY(PyObject_CallObject(f->given, NULL));
END_BODY
FUNCTION(calls)

BODY(enters_body, Frame, f)
    ASYNC_WITH(item, Py_NewRef(f->given))
        YIELD(value, Py_NewRef(f->item));
        NOTE_OBJECT("got", f->value);
        AWAIT(value, WAIT("inside"));
        YIELD(value, PyLong_FromLong(2));
        NOTE_OBJECT("got", f->value);
    END_WITH
    NOTE("after");
    YIELD_ONLY(PyLong_FromLong(3));
END_BODY
FUNCTION(enters)

BODY(relays_body, Frame, f)
    ASYNC_FOR(item, Py_NewRef(f->given))
        YIELD(value, Py_NewRef(f->item));
        NOTE_OBJECT("got", f->value);
    END_FOR
    NOTE("end");
END_BODY
FUNCTION(relays)

/* Yields out of an `except` section, and notes what is handled before and after. */
BODY(handles_body, Frame, f)
    TRY
        PyErr_SetString(PyExc_KeyError, "first");
        RAISE;
    EXCEPT
        if (CAUGHT(PyExc_KeyError)) {
            NOTE("handling");
            YIELD(value, PyLong_FromLong(1));
            NOTE_OBJECT("still", f->value);
            AWAIT(value, WAIT("h"));
            YIELD_ONLY(PyLong_FromLong(2));
            PyErr_SetString(PyExc_ValueError, "second");
            RAISE;
        }
    END_TRY
END_BODY
FUNCTION(handles)

/* Yields in a `finally`, whatever is pending. */
BODY(yields_at_last_body, Frame, f)
    TRY
        YIELD_ONLY(PyLong_FromLong(1));
        RETURN(Py_NewRef(Py_None));
    FINALLY
        YIELD_ONLY(PyLong_FromLong(2));
        NOTE("last");
    END_TRY
END_BODY
FUNCTION(yields_at_last)

static PyMethodDef methods[] = {
    {"nothing", nothing, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"counts", counts, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"talks", talks, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"ignores", ignores, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"waits", waits, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"cleans", cleans, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"raises", raises, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"raises_later", raises_later, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"calls", calls, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"enters", enters, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"relays", relays, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"handles", handles, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"yields_at_last", yields_at_last, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
    return PyAwaitable_AddFunctions(module, methods);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
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
    .m_name = "generators",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_generators(void)
{
    return PyModuleDef_Init(&definition);
}
