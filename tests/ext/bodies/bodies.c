/* Bodies: functions written straight down, each with a twin in tests/test_language.py. What they await, enter and iterate over is
 * Python's. */
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

/* ---- async def nothing(): pass ---- */

typedef struct {
    HEAD
    DATA
} Nothing;

BODY(nothing_body, Nothing, f)
END_BODY

static const PyAwaitable_Definition nothing_definition = PyAwaitable_DEFINITION("nothing", nothing_body, Nothing);

static PyObject *
nothing(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Nothing *f;
    return PyAwaitable_NewBody(&nothing_definition, &f);
}

/* ---- What the others begin with ---- */

typedef struct {
    HEAD
    PyObject *a, *b, *c, *log, *value, *item;
    DATA
    int count;
} Frame;

/* A new awaitable whose frame has up to three arguments, and a list as its log. */
static PyObject *
new_body(const PyAwaitable_Definition *definition, PyObject *args)
{
    Frame *f;
    PyObject *awaitable = PyAwaitable_NewBody(definition, &f);
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_ParseFrame(awaitable, args, NULL, "|OOO", NULL, &f->a, &f->b, &f->c) < 0 ||
        (f->log = PyList_New(0)) == NULL) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

#define FUNCTION(name)                                                                                                 \
    static const PyAwaitable_Definition name##_definition = PyAwaitable_DEFINITION(#name, name##_body, Frame);         \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *args)                                                 \
    {                                                                                                                  \
        return new_body(&name##_definition, args);                                                                     \
    }

static int
note(Frame *f, const char *text)
{
    PyObject *object = PyUnicode_FromString(text);
    int status = object == NULL ? -1 : PyList_Append(f->log, object);
    Py_XDECREF(object);
    return status;
}

#define NOTE(text) CHECK(note(f, text) == 0)
#define CALL(function) PyObject_CallObject(function, NULL)

/* ---- Awaits ---- */

BODY(gives_body, Frame, f)
    AWAIT(value, Py_NewRef(f->a));
    RETURN(Py_NewRef(f->value));
END_BODY
FUNCTION(gives)

BODY(ignores_body, Frame, f)
    AWAIT_ONLY(Py_NewRef(f->a));
END_BODY
FUNCTION(ignores)

/* for i in range(10): total += await a() */
BODY(sums_body, Frame, f)
    CHECK((f->item = PyLong_FromLong(0)) != NULL);
    for (f->count = 0; f->count < 10; f->count++) {
        AWAIT(value, CALL(f->a));
        PyObject *sum = PyNumber_Add(f->item, f->value);
        CHECK(sum != NULL);
        Py_SETREF(f->item, sum);
    }
    RETURN(Py_NewRef(f->item));
END_BODY
FUNCTION(sums)

BODY(yields_body, Frame, f)
    SUSPEND(value, Py_NewRef(f->a));
    SUSPEND(item, Py_NewRef(f->b));
    RETURN(PyTuple_Pack(2, f->value, f->item));
END_BODY
FUNCTION(yields)

/* ---- Exceptions ---- */

BODY(raises_body, Frame, f)
    PyErr_SetObject((PyObject *)Py_TYPE(f->a), f->a);
    RAISE;
END_BODY
FUNCTION(raises)

/* try: await a() except LookupError: note; await b() */
BODY(catches_body, Frame, f)
    TRY
        NOTE("try");
        AWAIT(value, CALL(f->a));
        NOTE("done");
    EXCEPT
        if (CAUGHT(PyExc_LookupError)) {
            NOTE("caught");
            CHECK(PyList_Append(f->log, EXCEPTION) == 0);
            AWAIT(value, CALL(f->b));
            NOTE("after");
        }
        else if (CAUGHT(PyExc_ValueError)) {
            RERAISE;
        }
        else {
            NOTE("other");
        }
    END_TRY
    NOTE("end");
    RETURN(Py_NewRef(f->log));
END_BODY
FUNCTION(catches)

BODY(cleans_body, Frame, f)
    TRY
        AWAIT(value, CALL(f->a));
        RETURN(Py_NewRef(f->value));
    FINALLY
        NOTE("finally");
        AWAIT_ONLY(CALL(f->b));
    END_TRY
END_BODY
FUNCTION(cleans)

/* A return in a finally replaces whatever is pending. */
BODY(replaces_body, Frame, f)
    TRY
        AWAIT(value, CALL(f->a));
        RETURN(Py_NewRef(f->value));
    FINALLY
        RETURN(Py_NewRef(f->log));
    END_TRY
END_BODY
FUNCTION(replaces)

/* for i in range(6): try: await a(i); continue on 1, break on 4; finally: note */
BODY(leaves_body, Frame, f)
    for (f->count = 0; f->count < 6; f->count++) {
        LOOP
        TRY
            TRY
                AWAIT(value, CALL(f->a));
                if (f->count == 1) {
                    CONTINUE;
                }
                if (f->count == 4) {
                    BREAK;
                }
                NOTE("body");
            FINALLY
                NOTE("inner");
                AWAIT_ONLY(CALL(f->b));
            END_TRY
            NOTE("between");
        FINALLY
            NOTE("outer");
        END_TRY
    }
    NOTE("end");
    RETURN(Py_NewRef(f->log));
END_BODY
FUNCTION(leaves)

/* break and continue out of an except section */
BODY(leaves_handler_body, Frame, f)
    for (f->count = 0; f->count < 4; f->count++) {
        LOOP
        TRY
            AWAIT(value, CALL(f->a));
        EXCEPT
            if (CAUGHT(PyExc_LookupError)) {
                if (f->count < 2) {
                    CONTINUE;
                }
                AWAIT_ONLY(CALL(f->b));
                BREAK;
            }
        END_TRY
        NOTE("body");
    }
    AWAIT_ONLY(CALL(f->b));
    RETURN(PyLong_FromLong(f->count));
END_BODY
FUNCTION(leaves_handler)

/* ---- Context managers and iterators ---- */

BODY(enters_body, Frame, f)
    ASYNC_WITH(value, Py_NewRef(f->a))
        CHECK(PyList_Append(f->log, f->value) == 0);
        AWAIT(item, CALL(f->b));
    END_WITH
    RETURN(PyTuple_Pack(2, f->log, f->item == NULL ? Py_None : f->item));
END_BODY
FUNCTION(enters)

BODY(returns_within_body, Frame, f)
    ASYNC_WITH(value, Py_NewRef(f->a))
        AWAIT(item, CALL(f->b));
        RETURN(Py_NewRef(f->item));
    END_WITH
END_BODY
FUNCTION(returns_within)

BODY(iterates_body, Frame, f)
    ASYNC_FOR(item, Py_NewRef(f->a))
        CHECK(PyList_Append(f->log, f->item) == 0);
        if (f->b != NULL && f->item == f->b) {
            break;
        }
        AWAIT_ONLY(f->c == NULL ? nothing(NULL, NULL) : CALL(f->c));
    END_FOR
    RETURN(Py_NewRef(f->log));
END_BODY
FUNCTION(iterates)

/* for _ in range(count): await a(); with a context, within that and a try, and once more in its finally */
BODY(repeats_body, Frame, f)
    for (; f->count > 0; f->count--) {
        if (f->b == NULL) {
            AWAIT(value, CALL(f->a));
        }
        else {
            ASYNC_WITH(item, Py_NewRef(f->b))
                TRY
                    AWAIT(value, CALL(f->a));
                FINALLY
                    AWAIT_ONLY(CALL(f->a));
                END_TRY
            END_WITH
        }
    }
    RETURN(Py_NewRef(f->value));
END_BODY

static const PyAwaitable_Definition repeats_definition = PyAwaitable_DEFINITION("repeats", repeats_body, Frame);

static PyObject *
repeats(PyObject *Py_UNUSED(module), PyObject *args)
{
    Frame *f;
    PyObject *awaitable = PyAwaitable_NewBody(&repeats_definition, &f);
    if (awaitable != NULL &&
        PyAwaitable_ParseFrame(awaitable, args, NULL, "iO|O", NULL, &f->count, &f->a, &f->b) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyMethodDef methods[] = {
    {"nothing", nothing, METH_NOARGS | METH_ASYNC, NULL},
    {"gives", gives, METH_VARARGS | METH_ASYNC, NULL},
    {"ignores", ignores, METH_VARARGS | METH_ASYNC, NULL},
    {"sums", sums, METH_VARARGS | METH_ASYNC, NULL},
    {"yields", yields, METH_VARARGS | METH_ASYNC, NULL},
    {"raises", raises, METH_VARARGS | METH_ASYNC, NULL},
    {"catches", catches, METH_VARARGS | METH_ASYNC, NULL},
    {"cleans", cleans, METH_VARARGS | METH_ASYNC, NULL},
    {"replaces", replaces, METH_VARARGS | METH_ASYNC, NULL},
    {"leaves", leaves, METH_VARARGS | METH_ASYNC, NULL},
    {"leaves_handler", leaves_handler, METH_VARARGS | METH_ASYNC, NULL},
    {"enters", enters, METH_VARARGS | METH_ASYNC, NULL},
    {"returns_within", returns_within, METH_VARARGS | METH_ASYNC, NULL},
    {"iterates", iterates, METH_VARARGS | METH_ASYNC, NULL},
    {"repeats", repeats, METH_VARARGS | METH_ASYNC, NULL},
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
    .m_name = "bodies",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_bodies(void)
{
    return PyModuleDef_Init(&definition);
}
