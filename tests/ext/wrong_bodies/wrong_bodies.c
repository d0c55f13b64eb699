/* Bodies that are wrong in a way that no compiler finds: tests/test_wrong_bodies.py says what their authors see. The line that an
 * error is about ends in a comment that says so. */
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>
#include <string.h>

typedef struct {
    HEAD
    PyObject *a, *b, *value, *log;
    DATA
    int count;
} Frame;

/* A new awaitable whose frame has up to two arguments, and a list as its log. */
static PyObject *
new_body(const PyAwaitable_Definition *definition, PyObject *args)
{
    Frame *f;
    PyObject *awaitable = PyAwaitable_NewBody(definition, &f);
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_ParseFrame(awaitable, args, NULL, "|OO", NULL, &f->a, &f->b) < 0 || (f->log = PyList_New(0)) == NULL) {
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
note(PyObject *list, const char *text)
{
    PyObject *object = PyUnicode_FromString(text);
    int status = object == NULL ? -1 : PyList_Append(list, object);
    Py_XDECREF(object);
    return status;
}

/* Into a list that outlives the frame. */
#define NOTE(text) CHECK(note(f->b, text) == 0)
#define CALL(function) PyObject_CallObject(function, NULL)

/* NULL; with the exception that is given to the body, unless that is None. */
static PyObject *
null(Frame *f)
{
    if (f->a != Py_None) {
        PyErr_SetObject((PyObject *)Py_TYPE(f->a), f->a);
    }
    return NULL;
}

/* None, with an exception set. */
static PyObject *
none_and(Frame *f)
{
    null(f);
    return Py_NewRef(Py_None);
}

/* ---- Expressions that are NULL ---- */

BODY(awaits_null_body, Frame, f)
    AWAIT(value, null(f)); /* awaits_null */
END_BODY
FUNCTION(awaits_null)

BODY(awaits_only_null_body, Frame, f)
    AWAIT_ONLY(null(f)); /* awaits_only_null */
END_BODY
FUNCTION(awaits_only_null)

BODY(returns_null_body, Frame, f)
    RETURN(null(f)); /* returns_null */
END_BODY
FUNCTION(returns_null)

BODY(suspends_null_body, Frame, f)
    SUSPEND(value, null(f)); /* suspends_null */
END_BODY
FUNCTION(suspends_null)

BODY(enters_null_body, Frame, f)
    ASYNC_WITH(value, null(f)) /* enters_null */
    END_WITH
END_BODY
FUNCTION(enters_null)

BODY(iterates_null_body, Frame, f)
    ASYNC_FOR(value, null(f)) /* iterates_null */
    END_FOR
END_BODY
FUNCTION(iterates_null)

BODY(returns_null_within_body, Frame, f)
    TRY
        RETURN(null(f)); /* returns_null_within */
    FINALLY
        NOTE("finally");
    END_TRY
END_BODY
FUNCTION(returns_null_within)

/* ---- Exceptions that are missing, and that nobody has looked at ---- */

BODY(raises_nothing_body, Frame, f)
    RAISE; /* raises_nothing */
END_BODY
FUNCTION(raises_nothing)

BODY(checks_nothing_body, Frame, f)
    CHECK(f->a != NULL); /* checks_nothing */
END_BODY
FUNCTION(checks_nothing)

BODY(awaits_with_exception_body, Frame, f)
    AWAIT(value, none_and(f)); /* awaits_with_exception */
END_BODY
FUNCTION(awaits_with_exception)

BODY(returns_with_exception_body, Frame, f)
    RETURN(none_and(f)); /* returns_with_exception */
END_BODY
FUNCTION(returns_with_exception)

BODY(suspends_with_exception_body, Frame, f)
    SUSPEND(value, none_and(f)); /* suspends_with_exception */
END_BODY
FUNCTION(suspends_with_exception)

BODY(ends_with_exception_body, Frame, f)
    null(f);
END_BODY /* ends_with_exception */
FUNCTION(ends_with_exception)

BODY(enters_with_exception_body, Frame, f)
    ASYNC_WITH(value, none_and(f)) /* enters_with_exception */
    END_WITH
END_BODY
FUNCTION(enters_with_exception)

BODY(begins_with_exception_body, Frame, f)
    null(f);
    TRY /* begins_with_exception */
        NOTE("try");
    FINALLY
        NOTE("finally");
    END_TRY
END_BODY
FUNCTION(begins_with_exception)

/* ---- Words in a `switch` of the author's own ---- */

BODY(awaits_in_switch_body, Frame, f)
    switch (f->count) {
    case 0:
        AWAIT(value, CALL(f->a)); /* awaits_in_switch */
        break;
    default:
        break;
    }
    RETURN(Py_NewRef(f->value));
END_BODY
FUNCTION(awaits_in_switch)

BODY(awaits_in_switch_in_try_body, Frame, f)
    TRY
        switch (f->count) {
        default:
            AWAIT(value, CALL(f->a)); /* awaits_in_switch_in_try */
        }
        NOTE("after");
    EXCEPT
        NOTE("except");
    END_TRY
END_BODY
FUNCTION(awaits_in_switch_in_try)

BODY(tries_in_switch_body, Frame, f)
    switch (f->count) {
    default:
        TRY /* tries_in_switch */
            NOTE("try");
        FINALLY
            NOTE("finally");
        END_TRY
    }
END_BODY
FUNCTION(tries_in_switch)

/* ---- Blocks that are left without a word ---- */

BODY(breaks_body, Frame, f)
    for (;;) {
        TRY
            break;
        FINALLY
            NOTE("finally");
        END_TRY
    }
END_BODY /* breaks */
FUNCTION(breaks)

BODY(breaks_and_awaits_body, Frame, f)
    for (;;) {
        TRY
            break;
        FINALLY
            NOTE("finally");
        END_TRY
    }
    AWAIT(value, CALL(f->a)); /* breaks_and_awaits */
END_BODY
FUNCTION(breaks_and_awaits)

BODY(breaks_and_returns_body, Frame, f)
    for (;;) {
        TRY
            break;
        FINALLY
            NOTE("finally");
        END_TRY
    }
    RETURN(CALL(f->a)); /* breaks_and_returns */
END_BODY
FUNCTION(breaks_and_returns)

BODY(breaks_and_raises_body, Frame, f)
    for (;;) {
        TRY
            break;
        FINALLY
            NOTE("finally");
        END_TRY
    }
    PyErr_SetNone(PyExc_KeyError);
    RAISE; /* breaks_and_raises */
END_BODY
FUNCTION(breaks_and_raises)

BODY(continues_body, Frame, f)
    for (f->count = 0; f->count < 3; f->count++) {
        TRY /* continues */
            continue;
        FINALLY
            NOTE("finally");
        END_TRY
    }
END_BODY
FUNCTION(continues)

BODY(goes_to_body, Frame, f)
    TRY
        goto out;
    EXCEPT
        NOTE("except");
    END_TRY
out:
    NOTE("out");
END_BODY /* goes_to */
FUNCTION(goes_to)

BODY(goes_out_of_finally_body, Frame, f)
    TRY
        CHECK((f->value = CALL(f->a)) != NULL);
    FINALLY
        goto out;
    END_TRY
out:
    NOTE("out");
END_BODY /* goes_out_of_finally */
FUNCTION(goes_out_of_finally)

BODY(breaks_out_of_with_body, Frame, f)
    for (;;) {
        ASYNC_WITH(value, Py_NewRef(f->a))
            break;
        END_WITH
    }
    AWAIT_ONLY(Py_NewRef(f->a)); /* breaks_out_of_with */
END_BODY
FUNCTION(breaks_out_of_with)

BODY(continues_out_of_with_body, Frame, f)
    for (f->count = 0; f->count < 3; f->count++) {
        ASYNC_WITH(value, Py_NewRef(f->a)) /* continues_out_of_with */
            continue;
        END_WITH
    }
END_BODY
FUNCTION(continues_out_of_with)

BODY(breaks_within_for_body, Frame, f)
    ASYNC_FOR(value, Py_NewRef(f->a))
        TRY
            break;
        FINALLY
            NOTE("finally");
        END_TRY
    END_FOR /* breaks_within_for */
END_BODY
FUNCTION(breaks_within_for)

BODY(goes_out_of_for_body, Frame, f)
    ASYNC_FOR(value, Py_NewRef(f->a))
        goto out;
    END_FOR
out:
    NOTE("out");
END_BODY /* goes_out_of_for */
FUNCTION(goes_out_of_for)

/* What is around it goes on as with any other exception. */
BODY(catches_its_fault_body, Frame, f)
    TRY
        for (;;) {
            TRY
                break;
            FINALLY
                NOTE("finally");
            END_TRY
        }
        AWAIT(value, CALL(f->a)); /* catches_its_fault */
    EXCEPT
        if (CAUGHT(PyExc_SystemError)) {
            NOTE("except");
        }
    END_TRY
    RETURN(Py_NewRef(f->b));
END_BODY
FUNCTION(catches_its_fault)

BODY(breaks_out_of_itself_body, Frame, f)
    AWAIT(value, CALL(f->a)); /* breaks_out_of_itself */
    break;
END_BODY
FUNCTION(breaks_out_of_itself)

BODY(continues_itself_body, Frame, f)
    AWAIT(value, CALL(f->a)); /* continues_itself */
    continue;
END_BODY
FUNCTION(continues_itself)

/* ---- Others ---- */

BODY(yields_body, Frame, f)
    YIELD(value, CALL(f->a)); /* yields */
END_BODY
FUNCTION(yields)

/* Calls a method of the awaitable while that runs. */
BODY(calls_itself_body, Frame, f)
    CHECK((f->value = PyObject_CallMethod(SELF, "close", NULL)) == NULL);
    PyErr_Clear();
    CHECK((f->value = PyObject_CallMethod(SELF, "throw", "O", PyExc_KeyError)) == NULL);
    PyErr_Clear();
    CHECK((f->value = PyObject_CallMethod(SELF, "send", "O", Py_None)) != NULL); /* calls_itself */
END_BODY
FUNCTION(calls_itself)

BODY(awaits_itself_body, Frame, f)
    AWAIT(value, Py_NewRef(SELF)); /* awaits_itself */
END_BODY
FUNCTION(awaits_itself)

/* Returns what no word of the language does: a list of pairs is what. */
static PyAwaitable_Outcome
returns_nonsense_body(PyObject *Py_UNUSED(awaitable), void *frame)
{
    Frame *f = (Frame *)frame;
    PyAwaitable_Outcome outcome = {5, 0};
    if (f->count < PyList_GET_SIZE(f->a)) {
        PyObject *pair = PyList_GET_ITEM(f->a, f->count++);
        outcome.PyAwaitable__action = (int)PyLong_AsLong(PyTuple_GET_ITEM(pair, 0));
        outcome.PyAwaitable__label = (int)PyLong_AsLong(PyTuple_GET_ITEM(pair, 1));
    }
    return outcome;
}
FUNCTION(returns_nonsense)

/* ---- Definitions ---- */

BODY(counts_body, Frame, f)
    RETURN(PyLong_FromLong(f->count));
END_BODY
FUNCTION(counts)

/* Definitions live for ever. */
static struct Kept {
    struct Kept *next;
    PyAwaitable_Definition definition;
    char more[64];
} *kept;

/* defined(size, name, has_body, frame_size, head_size, first_reference, references, more): an awaitable of a definition that has
 * these numbers, or NULL as its name, with a byte of `more` behind it; numbers that are None are right. */
static PyObject *
defined(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *numbers[5];
    const char *name;
    int has_body, more;
    struct Kept *each;
    Py_ssize_t *places[5];
    Frame *f;
    if (!PyArg_ParseTuple(args, "OzpOOOOi", &numbers[0], &name, &has_body, &numbers[1], &numbers[2], &numbers[3], &numbers[4],
                          &more)) {
        return NULL;
    }
    if ((each = calloc(1, sizeof(struct Kept))) == NULL) {
        return PyErr_NoMemory();
    }
    each->next = kept;
    kept = each;
    each->definition = counts_definition;
    each->definition.name = name == NULL ? NULL : "defined";
    if (!has_body) {
        each->definition.body = NULL;
    }
    each->more[0] = (char)more;
    places[0] = &each->definition.size;
    places[1] = &each->definition.frame_size;
    places[2] = &each->definition.head_size;
    places[3] = &each->definition.first_reference;
    places[4] = &each->definition.references;
    for (int i = 0; i < 5; i++) {
        if (numbers[i] != Py_None && (*places[i] = PyLong_AsSsize_t(numbers[i])) == -1 && PyErr_Occurred()) {
            return NULL;
        }
    }
    f = (Frame *)&f;
    PyObject *awaitable = PyAwaitable_NewBody(&each->definition, &f);
    if (awaitable == NULL && f != NULL) {
        PyErr_SetString(PyExc_AssertionError, "the frame is not NULL");
    }
    return awaitable;
}

static PyObject *
null_definition(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Frame *f = (Frame *)&f;
    PyObject *awaitable = PyAwaitable_NewBody(NULL, &f);
    if (f != NULL) {
        PyErr_SetString(PyExc_AssertionError, "the frame is not NULL");
    }
    return awaitable;
}

static PyObject *
null_frame(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyAwaitable_NewBody(&counts_definition, NULL);
}

/* (sizeof(PyAwaitable_Definition), sizeof(Frame), sizeof(PyAwaitable_Head), sizeof(PyAwaitable_Block)) */
static PyObject *
sizes(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return Py_BuildValue("nnnn", (Py_ssize_t)sizeof(PyAwaitable_Definition), (Py_ssize_t)sizeof(Frame),
                         (Py_ssize_t)sizeof(PyAwaitable_Head), (Py_ssize_t)sizeof(PyAwaitable_Block));
}

/* ---- A frame that owns what is no object ---- */

typedef struct {
    HEAD
    PyObject *value;
    DATA
    PyObject *hidden;
    int fails;
} Owning;

static long released;

static int
owning_traverse(PyObject *frame, visitproc visit, void *arg)
{
    Owning *f = (Owning *)(void *)frame;
    Py_VISIT(f->hidden);
    return 0;
}

static void
owning_release(void *frame)
{
    Owning *f = (Owning *)frame;
    released++;
    Py_CLEAR(f->hidden);
    if (f->fails) {
        PyErr_SetNone(PyExc_ZeroDivisionError);
    }
}

BODY(owns_body, Owning, f)
    AWAIT(value, Py_NewRef(f->hidden));
    RETURN(Py_NewRef(f->value));
END_BODY
static const PyAwaitable_Definition owns_definition =
    PyAwaitable_DEFINITION_WITH("owns", owns_body, Owning, owning_traverse, owning_release);

/* owns(object, fails): a body whose clean-up fails, if it is to. */
static PyObject *
owns(PyObject *Py_UNUSED(module), PyObject *args)
{
    Owning *f;
    PyObject *object;
    int fails;
    if (!PyArg_ParseTuple(args, "Op", &object, &fails)) {
        return NULL;
    }
    PyObject *awaitable = PyAwaitable_NewBody(&owns_definition, &f);
    if (awaitable != NULL) {
        f->hidden = Py_NewRef(object);
        f->fails = fails;
    }
    return awaitable;
}

static PyObject *
times_released(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLong(released);
}

#define METHOD(name) {#name, name, METH_VARARGS, NULL}
static PyMethodDef methods[] = {
    METHOD(awaits_null),
    METHOD(awaits_only_null),
    METHOD(returns_null),
    METHOD(suspends_null),
    METHOD(enters_null),
    METHOD(iterates_null),
    METHOD(returns_null_within),
    METHOD(raises_nothing),
    METHOD(checks_nothing),
    METHOD(awaits_with_exception),
    METHOD(returns_with_exception),
    METHOD(suspends_with_exception),
    METHOD(ends_with_exception),
    METHOD(enters_with_exception),
    METHOD(begins_with_exception),
    METHOD(awaits_in_switch),
    METHOD(awaits_in_switch_in_try),
    METHOD(tries_in_switch),
    METHOD(breaks),
    METHOD(breaks_and_awaits),
    METHOD(breaks_and_returns),
    METHOD(breaks_and_raises),
    METHOD(continues),
    METHOD(goes_to),
    METHOD(goes_out_of_finally),
    METHOD(breaks_out_of_with),
    METHOD(continues_out_of_with),
    METHOD(breaks_within_for),
    METHOD(goes_out_of_for),
    METHOD(catches_its_fault),
    METHOD(breaks_out_of_itself),
    METHOD(continues_itself),
    METHOD(yields),
    METHOD(calls_itself),
    METHOD(awaits_itself),
    METHOD(returns_nonsense),
    METHOD(counts),
    METHOD(defined),
    {"null_definition", null_definition, METH_NOARGS, NULL},
    {"null_frame", null_frame, METH_NOARGS, NULL},
    {"sizes", sizes, METH_NOARGS, NULL},
    METHOD(owns),
    {"times_released", times_released, METH_NOARGS, NULL},
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

static PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "wrong_bodies",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_wrong_bodies(void)
{
    return PyModuleDef_Init(&module_definition);
}
