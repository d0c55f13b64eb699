/* blocks: bodies that leave marks where they go. What they await, enter and iterate over is C code as well, and a mark needs no
 * memory: what was reached without memory can be told. */
#define PY_SSIZE_T_CLEAN
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

static char marks[256];
static int marked;
/* How many frames there are whose end is still to come. */
static int frames;

#define MARK(letter)                                                                                                   \
    do {                                                                                                               \
        if (marked < (int)sizeof(marks)) {                                                                             \
            marks[marked++] = (letter);                                                                                \
        }                                                                                                              \
    } while (0)

typedef struct {
    HEAD
    PyObject *a, *b, *value, *item;
    DATA
    const char *text;
    int count;
} Frame;

static void
release_frame(void *Py_UNUSED(frame))
{
    frames--;
}

#define DEFINITION(name)                                                                                               \
    static const PyAwaitable_Definition name##_definition =                                                            \
        PyAwaitable_DEFINITION_WITH(#name, name##_body, Frame, NULL, release_frame)

static PyObject *
new_body(const PyAwaitable_Definition *definition, Frame **f)
{
    PyObject *awaitable = PyAwaitable_NewBody(definition, f);
    if (awaitable != NULL) {
        frames++;
    }
    return awaitable;
}

/* ---- What is awaited ---- */

BODY(pause_body, Frame, f)
    SUSPEND(item, Py_NewRef(Py_None));
    RETURN(Py_NewRef(f->value));
END_BODY
DEFINITION(pause);

/* Suspends once, and returns the object. */
static PyObject *
pause_for(PyObject *value)
{
    Frame *f;
    PyObject *awaitable = new_body(&pause_definition, &f);
    if (awaitable != NULL) {
        f->value = Py_NewRef(value);
    }
    return awaitable;
}

#define PAUSE pause_for(Py_None)

static PyObject *
paused(PyObject *Py_UNUSED(module), PyObject *value)
{
    return pause_for(value);
}

BODY(fails_body, Frame, f)
    SUSPEND(item, Py_NewRef(Py_None));
    PyErr_SetObject((PyObject *)Py_TYPE(f->value), f->value);
    RAISE;
END_BODY
DEFINITION(fails);

/* Suspends once, and raises the exception. */
static PyObject *
fail_with(PyObject *exception)
{
    Frame *f;
    PyObject *awaitable = new_body(&fails_definition, &f);
    if (awaitable != NULL) {
        f->value = Py_NewRef(exception);
    }
    return awaitable;
}

static PyObject *
failing(PyObject *Py_UNUSED(module), PyObject *exception)
{
    return fail_with(exception);
}

/* thing(suppresses, end): an asynchronous context manager, and an asynchronous iterator of three items, which marks what is
 * called. What it gives has been made before: nothing but that is released. */
typedef struct {
    PyObject_HEAD
    PyObject *suppresses, *end;
    int left;
} Thing;

static PyTypeObject *thing_type;

static PyObject *
thing(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *suppresses, *end;
    if (!PyArg_ParseTuple(args, "OO", &suppresses, &end)) {
        return NULL;
    }
    Thing *self = PyObject_New(Thing, thing_type);
    if (self != NULL) {
        self->suppresses = Py_NewRef(suppresses);
        self->end = Py_NewRef(end);
        self->left = 3;
    }
    return (PyObject *)self;
}

static void
thing_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF(((Thing *)self)->suppresses);
    Py_DECREF(((Thing *)self)->end);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *
thing_enter(PyObject *self, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(count))
{
    MARK('(');
    return pause_for(self);
}

static PyObject *
thing_exit(PyObject *self, PyObject *const *Py_UNUSED(args), Py_ssize_t count)
{
    MARK(count == 3 ? ')' : '?');
    return pause_for(((Thing *)self)->suppresses);
}

static PyObject *
thing_next(PyObject *self)
{
    MARK('n');
    if (((Thing *)self)->left-- == 0) {
        return fail_with(((Thing *)self)->end);
    }
    return pause_for(self);
}

static PyMethodDef thing_methods[] = {
    {"__aenter__", (PyCFunction)(void (*)(void))thing_enter, METH_FASTCALL, NULL},
    {"__aexit__", (PyCFunction)(void (*)(void))thing_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot thing_slots[] = {
    {Py_tp_dealloc, (void *)thing_free},
    {Py_tp_methods, thing_methods},
    {Py_am_aiter, (void *)PyObject_SelfIter},
    {Py_am_anext, (void *)thing_next},
    {0, NULL},
};

static PyType_Spec thing_spec = {"blocks.Thing", sizeof(Thing), 0, Py_TPFLAGS_DEFAULT, thing_slots};

/* ---- Bodies ---- */

BODY(awaits_body, Frame, f)
    AWAIT(value, Py_NewRef(f->a));
    MARK('a');
    AWAIT(item, Py_NewRef(f->b));
    MARK('b');
    AWAIT_ONLY(PAUSE);
    MARK('c');
    RETURN(PyTuple_Pack(2, f->value, f->item));
END_BODY
DEFINITION(awaits);

BODY(catches_body, Frame, f)
    TRY
        MARK('t');
        AWAIT(value, PAUSE);
        AWAIT(value, Py_NewRef(f->a));
        MARK('a');
    EXCEPT
        MARK('e');
        if (CAUGHT(PyExc_KeyError)) {
            MARK('k');
        }
        else if (CAUGHT(PyExc_MemoryError)) {
            MARK('m');
        }
    END_TRY
    MARK('z');
END_BODY
DEFINITION(catches);

BODY(handles_body, Frame, f)
    TRY
        MARK('t');
        AWAIT(value, Py_NewRef(f->a));
    EXCEPT
        MARK('e');
        if (CAUGHT(PyExc_Exception)) {
            AWAIT(value, PAUSE);
            MARK('h');
            RERAISE;
        }
    END_TRY
END_BODY
DEFINITION(handles);

/* What is awaited in the FINALLY was made before. */
BODY(cleans_body, Frame, f)
    TRY
        MARK('t');
        AWAIT(value, PAUSE);
        AWAIT(value, Py_NewRef(f->a));
        RETURN(PyTuple_Pack(1, f->value));
    FINALLY
        MARK('f');
        AWAIT(item, Py_NewRef(f->b));
        MARK('g');
    END_TRY
END_BODY
DEFINITION(cleans);

BODY(replaces_body, Frame, f)
    TRY
        MARK('t');
        AWAIT(value, PAUSE);
        AWAIT(value, Py_NewRef(f->a));
        RETURN(PyTuple_Pack(1, f->value));
    FINALLY
        MARK('f');
        RETURN(Py_NewRef(Py_Ellipsis));
    END_TRY
END_BODY
DEFINITION(replaces);

BODY(enters_body, Frame, f)
    ASYNC_WITH(value, Py_NewRef(f->a))
        MARK('w');
        AWAIT_ONLY(PAUSE);
        AWAIT(item, Py_NewRef(f->b));
        MARK('x');
        RETURN(Py_NewRef(f->item));
    END_WITH
    MARK('z');
END_BODY
DEFINITION(enters);

BODY(iterates_body, Frame, f)
    ASYNC_FOR(item, Py_NewRef(f->a))
        MARK('i');
        AWAIT(value, PAUSE);
    END_FOR
    MARK('z');
END_BODY
DEFINITION(iterates);

BODY(leaves_body, Frame, f)
    for (f->count = 0; f->count < 4; f->count++) {
        LOOP
        TRY
            ASYNC_WITH(value, Py_NewRef(f->a))
                MARK('w');
                if (f->count == 0) {
                    CONTINUE;
                }
                AWAIT(item, PAUSE);
                if (f->count == 2) {
                    BREAK;
                }
            END_WITH
            MARK('u');
        FINALLY
            MARK('f');
        END_TRY
    }
    MARK('z');
END_BODY
DEFINITION(leaves);

/* More blocks than there is room for at first, and than is made at the second time. */
BODY(nests_body, Frame, f)
    TRY
        MARK('A');
        TRY
            MARK('B');
            TRY
                MARK('C');
                TRY
                    MARK('D');
                    TRY
                        MARK('E');
                        AWAIT(value, PAUSE);
                        TRY
                            MARK('F');
                            TRY
                                MARK('G');
                                TRY
                                    MARK('H');
                                    TRY
                                        MARK('I');
                                        AWAIT(value, Py_NewRef(f->a));
                                    FINALLY
                                        MARK('i');
                                    END_TRY
                                FINALLY
                                    MARK('h');
                                END_TRY
                            FINALLY
                                MARK('g');
                            END_TRY
                        FINALLY
                            MARK('f');
                        END_TRY
                    FINALLY
                        MARK('e');
                    END_TRY
                FINALLY
                    MARK('d');
                END_TRY
            FINALLY
                MARK('c');
            END_TRY
        FINALLY
            MARK('b');
        END_TRY
    FINALLY
        MARK('a');
    END_TRY
    RETURN(Py_NewRef(f->value));
END_BODY
DEFINITION(nests);

BODY(raises_body, Frame, f)
    MARK('r');
    PyErr_SetObject((PyObject *)Py_TYPE(f->a), f->a);
    RAISE;
END_BODY
DEFINITION(raises);

static void
clean_up(void *Py_UNUSED(data))
{
    MARK('C');
}

BODY(adds_body, Frame, f)
    CHECK(PyAwaitable_AddCleanup(SELF, clean_up, NULL) == 0);
    MARK('c');
    AWAIT(value, PAUSE);
    CHECK(PyAwaitable_AddCleanup(SELF, clean_up, NULL) == 0);
    MARK('c');
    AWAIT(value, Py_NewRef(f->a));
END_BODY
DEFINITION(adds);

BODY(parses_body, Frame, f)
    MARK(f->text[0]);
    AWAIT(value, PAUSE);
    RETURN(Py_BuildValue("OsiO", f->a, f->text, f->count, f->b));
END_BODY
DEFINITION(parses);

/* ---- Functions ---- */

#define FUNCTION(name)                                                                                                 \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *args)                                                 \
    {                                                                                                                  \
        Frame *f;                                                                                                      \
        PyObject *awaitable = new_body(&name##_definition, &f);                                                        \
        if (awaitable != NULL &&                                                                                       \
            PyAwaitable_ParseFrame(awaitable, args, NULL, "|OO", NULL, &f->a, &f->b) < 0) {                            \
            Py_CLEAR(awaitable);                                                                                       \
        }                                                                                                              \
        return awaitable;                                                                                              \
    }

FUNCTION(awaits)
FUNCTION(catches)
FUNCTION(handles)
FUNCTION(cleans)
FUNCTION(replaces)
FUNCTION(enters)
FUNCTION(iterates)
FUNCTION(leaves)
FUNCTION(nests)
FUNCTION(raises)
FUNCTION(adds)

/* parses(a, text, count, b=...) */
static PyObject *
parses(PyObject *Py_UNUSED(module), PyObject *args, PyObject *keywords)
{
    static char *const names[] = {"a", "text", "count", "b", NULL};
    Frame *f;
    PyObject *awaitable = new_body(&parses_definition, &f);
    if (awaitable == NULL) {
        return NULL;
    }
    f->b = Py_Ellipsis;
    if (PyAwaitable_ParseFrame(awaitable, args, keywords, "Osi|O", names, &f->a, &f->text, &f->count, &f->b) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

/* ---- What is kept for reuse ---- */

BODY(lines_body, Frame, f)
    PyErr_SetObject((PyObject *)Py_TYPE(f->a), f->a);
    switch (f->count) {
#define LINE(n) case n: RAISE;
    LINE(0)
    LINE(1)
    LINE(2)
    LINE(3)
    LINE(4)
    LINE(5)
    LINE(6)
    LINE(7)
    LINE(8)
    LINE(9)
    LINE(10)
    LINE(11)
    LINE(12)
    LINE(13)
    LINE(14)
    LINE(15)
    LINE(16)
    LINE(17)
    LINE(18)
    LINE(19)
    LINE(20)
    LINE(21)
    LINE(22)
    LINE(23)
    LINE(24)
    LINE(25)
    LINE(26)
    LINE(27)
    LINE(28)
    LINE(29)
    LINE(30)
    LINE(31)
    }
END_BODY
DEFINITION(lines);

/* raises_in(line, exception): the frames of 32 lines are kept for later tracebacks, and 32 of these take their places. */
static PyObject *
raises_in(PyObject *Py_UNUSED(module), PyObject *args)
{
    Frame *f;
    PyObject *awaitable = new_body(&lines_definition, &f);
    if (awaitable != NULL && PyAwaitable_ParseFrame(awaitable, args, NULL, "iO", NULL, &f->count, &f->a) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

BODY(nothing_body, Frame, f)
END_BODY

#define SIZED(size)                                                                                                    \
    {sizeof(PyAwaitable_Definition), "sized", nothing_body, NULL, size, sizeof(PyAwaitable_Head),                      \
     sizeof(PyAwaitable_Head),       0,       NULL,         NULL}

static const PyAwaitable_Definition sizes[] = {SIZED(sizeof(Frame)), SIZED(4 * sizeof(PyAwaitable_Block)),
                                               SIZED(8 * sizeof(PyAwaitable_Block)),
                                               SIZED(12 * sizeof(PyAwaitable_Block))};

/* taken(count): so many bodies of each size that the bodies above need for their frames, and for the room for blocks. */
static PyObject *
taken(PyObject *Py_UNUSED(module), PyObject *count)
{
    long most = PyLong_AsLong(count);
    PyObject *all = PyList_New(0);
    for (size_t size = 0; all != NULL && size < sizeof(sizes) / sizeof(sizes[0]); size++) {
        for (long number = 0; all != NULL && number < most; number++) {
            void *frame;
            PyObject *awaitable = PyAwaitable_NewBody(&sizes[size], &frame);
            if (awaitable != NULL) {
                /* So that nobody is told that it was never awaited. */
                PyAwaitable_Cancel(awaitable);
            }
            if (awaitable == NULL || PyList_Append(all, awaitable) < 0) {
                Py_CLEAR(all);
            }
            Py_XDECREF(awaitable);
        }
    }
    return all;
}

/* begin(): no marks, and no frames. */
static PyObject *
begin(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    marked = frames = 0;
    Py_RETURN_NONE;
}

/* seen(): (marks, frames) */
static PyObject *
seen(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return Py_BuildValue("s#i", marks, (Py_ssize_t)marked, frames);
}

static PyMethodDef methods[] = {
    {"paused", paused, METH_O, NULL},
    {"failing", failing, METH_O, NULL},
    {"thing", thing, METH_VARARGS, NULL},
    {"awaits", awaits, METH_VARARGS, NULL},
    {"catches", catches, METH_VARARGS, NULL},
    {"handles", handles, METH_VARARGS, NULL},
    {"cleans", cleans, METH_VARARGS, NULL},
    {"replaces", replaces, METH_VARARGS, NULL},
    {"enters", enters, METH_VARARGS, NULL},
    {"iterates", iterates, METH_VARARGS, NULL},
    {"leaves", leaves, METH_VARARGS, NULL},
    {"nests", nests, METH_VARARGS, NULL},
    {"raises", raises, METH_VARARGS, NULL},
    {"adds", adds, METH_VARARGS, NULL},
    {"parses", (PyCFunction)(void (*)(void))parses, METH_VARARGS | METH_KEYWORDS, NULL},
    {"raises_in", raises_in, METH_VARARGS, NULL},
    {"taken", taken, METH_O, NULL},
    {"begin", begin, METH_NOARGS, NULL},
    {"seen", seen, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "blocks",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit_blocks(void)
{
    if (PyAwaitable_Init() < 0 || (thing_type = (PyTypeObject *)PyType_FromSpec(&thing_spec)) == NULL) {
        return NULL;
    }
    return PyModule_Create(&definition);
}
