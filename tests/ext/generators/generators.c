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

BODY(alternates_body, Frame, f)
    for (f->count = 0; f->count < 6; f->count++) {
        LOOP
        TRY
            AWAIT(value, WAIT("w"));
            NOTE_OBJECT("awaited", f->value);
            AWAIT(value, WAIT("v"));
            NOTE_OBJECT("awaited", f->value);
        EXCEPT
            if (CAUGHT(PyExc_BaseException)) {
                NOTE_OBJECT("caught", (PyObject *)Py_TYPE(EXCEPTION));
            }
        END_TRY
        TRY
            YIELD_ONLY(PyLong_FromLong(7));
        EXCEPT
            if (CAUGHT(PyExc_BaseException)) {
                NOTE_OBJECT("caught", (PyObject *)Py_TYPE(EXCEPTION));
            }
        END_TRY
    }
END_BODY
FUNCTION(alternates)

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

/* ---- What is wrong with a generator ---- */

/* NULL, with what was given as the exception, if it was. */
BODY(yields_null_body, Frame, f)
    if (f->given != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(f->given), f->given);
    }
    YIELD(value, NULL); /* yields NULL */
END_BODY
FUNCTION(yields_null)

BODY(yields_with_exception_body, Frame, f)
    PyErr_SetString(PyExc_KeyError, "left set");
    YIELD(value, PyLong_FromLong(1)); /* yields with an exception */
END_BODY
FUNCTION(yields_with_exception)

BODY(returns_a_value_body, Frame, f)
    YIELD_ONLY(PyLong_FromLong(1));
    RETURN(PyLong_FromLong(2)); /* returns a value */
END_BODY
FUNCTION(returns_a_value)

BODY(returns_within_body, Frame, f)
    TRY
        YIELD_ONLY(PyLong_FromLong(1));
        RETURN(PyLong_FromLong(2));
    FINALLY
        NOTE("finally");
    END_TRY
END_BODY
FUNCTION(returns_within)

static PyObject *
null_definition(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Frame *f = (Frame *)&f;
    PyObject *generator = PyAwaitable_NewGenerator(NULL, &f);
    if (f != NULL) {
        PyErr_SetString(PyExc_AssertionError, "the frame is not NULL");
    }
    return generator;
}

static PyObject *
null_frame(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyAwaitable_NewGenerator(&nothing_definition, NULL);
}

/* What takes an awaitable takes no generator; those that keep something for it do. */
static PyObject *
add_await(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *generator, *awaitable;
    if (!PyArg_ParseTuple(args, "OO", &generator, &awaitable) ||
        PyAwaitable_AddAwait(generator, awaitable, NULL, NULL) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static void
clean_up(void *list)
{
    PyObject *text = PyUnicode_FromString("cleaned up");
    if (text == NULL || PyList_Append((PyObject *)list, text) < 0) {
        PyErr_Clear();
    }
    Py_XDECREF(text);
    Py_DECREF((PyObject *)list);
}

/* add_cleanup(generator, list) */
static PyObject *
add_cleanup(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *generator, *list;
    if (!PyArg_ParseTuple(args, "OO", &generator, &list) ||
        PyAwaitable_AddCleanup(generator, clean_up, Py_NewRef(list)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- An iterator that needs no generator: each item is an awaitable of its own ---- */

typedef struct {
    PyObject_HEAD
    long next, end;
} Ticks;

typedef struct {
    HEAD
    DATA
    long number;
} Tick;

BODY(tick_body, Tick, f)
    RETURN(PyLong_FromLong(f->number));
END_BODY
static const PyAwaitable_Definition tick_definition = PyAwaitable_DEFINITION("tick", tick_body, Tick);

static PyObject *
ticks_anext(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    Ticks *self = (Ticks *)object;
    if (self->next >= self->end) {
        PyErr_SetNone(PyExc_StopAsyncIteration);
        return NULL;
    }
    Tick *f;
    PyObject *awaitable = PyAwaitable_NewBody(&tick_definition, &f);
    if (awaitable != NULL) {
        f->number = self->next++;
    }
    return awaitable;
}

static PyObject *
ticks_aiter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(self);
}

static PyMethodDef ticks_methods[] = {
    {"__aiter__", ticks_aiter, METH_NOARGS, NULL},
    {"__anext__", ticks_anext, METH_NOARGS | METH_ASYNC, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot ticks_slots[] = {
    {0, NULL},
};

static PyType_Spec ticks_spec = {
    .name = "generators.Ticks",
    .basicsize = sizeof(Ticks),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = ticks_slots,
};

/* ticks(type, end): an instance that has `end` items */
static PyObject *
ticks(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *type;
    long end;
    if (!PyArg_ParseTuple(args, "Ol", &type, &end)) {
        return NULL;
    }
    Ticks *self = (Ticks *)PyType_GenericAlloc((PyTypeObject *)type, 0);
    if (self != NULL) {
        self->end = end;
    }
    return (PyObject *)self;
}

static PyMethodDef methods[] = {
    {"null_definition", null_definition, METH_NOARGS, NULL},
    {"null_frame", null_frame, METH_NOARGS, NULL},
    {"add_await", add_await, METH_VARARGS, NULL},
    {"add_cleanup", add_cleanup, METH_VARARGS, NULL},
    {"ticks", ticks, METH_VARARGS, NULL},
    {"is_flagged_as_a_coroutine", counts, METH_VARARGS | METH_ASYNC, NULL},
    {"plain", counts, METH_VARARGS, NULL},
    {"yields_null", yields_null, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"yields_with_exception", yields_with_exception, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"returns_a_value", returns_a_value, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"returns_within", returns_within, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"nothing", nothing, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"counts", counts, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"talks", talks, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"ignores", ignores, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"waits", waits, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
    {"alternates", alternates, METH_VARARGS | METH_ASYNC_GENERATOR, NULL},
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
    PyObject *type = PyType_FromSpec(&ticks_spec);
    int status = type == NULL ? -1 : PyAwaitable_AddMethods((PyTypeObject *)type, ticks_methods);
    if (status == 0) {
        status = PyObject_SetAttrString(module, "Ticks", type);
    }
    Py_XDECREF(type);
    return status < 0 ? -1 : PyAwaitable_AddFunctions(module, methods);
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
