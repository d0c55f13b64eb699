/* The contender that writes bodies: one function for each job, straight down. */
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

static PyObject *forty_two;

typedef struct {
    HEAD
    DATA
} Empty;

BODY(empty_body, Empty, f)
END_BODY
static const PyAwaitable_Definition empty_definition = PyAwaitable_DEFINITION("empty", empty_body, Empty);

static PyObject *
empty(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Empty *f;
    return PyAwaitable_NewBody(&empty_definition, &f);
}

BODY(returns_body, Empty, f)
    RETURN(Py_NewRef(forty_two));
END_BODY
static const PyAwaitable_Definition returns_definition = PyAwaitable_DEFINITION("returns", returns_body, Empty);

static PyObject *
returns(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Empty *f;
    return PyAwaitable_NewBody(&returns_definition, &f);
}

/* What the frame of a body with one argument begins with, and how it is made. */
typedef struct {
    HEAD
    PyObject *argument, *value;
    DATA
} One;

static PyObject *
new_one(const PyAwaitable_Definition *definition, PyObject *argument)
{
    One *f;
    PyObject *awaitable = PyAwaitable_NewBody(definition, &f);
    if (awaitable != NULL) {
        f->argument = Py_NewRef(argument);
    }
    return awaitable;
}

#define ONE(name)                                                                                                      \
    static const PyAwaitable_Definition name##_definition = PyAwaitable_DEFINITION(#name, name##_body, One);           \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *argument)                                             \
    {                                                                                                                  \
        return new_one(&name##_definition, argument);                                                                  \
    }

BODY(awaits_body, One, f)
    AWAIT_ONLY(Py_NewRef(f->argument));
END_BODY
ONE(awaits)

BODY(value_body, One, f)
    AWAIT(value, Py_NewRef(f->argument));
    RETURN(Py_NewRef(f->value));
END_BODY
ONE(value)

BODY(error_body, One, f)
    TRY
        AWAIT_ONLY(Py_NewRef(f->argument));
    EXCEPT
        if (CAUGHT(PyExc_LookupError)) {
        }
    END_TRY
END_BODY
ONE(error)

BODY(block_body, One, f)
    ASYNC_WITH(value, Py_NewRef(f->argument))
    END_WITH
END_BODY
ONE(block)

typedef struct {
    HEAD
    PyObject *argument, *value, *saved[3];
    DATA
} Three;

BODY(saved3_body, Three, f)
    AWAIT(value, Py_NewRef(f->argument));
    RETURN(Py_NewRef(f->value));
END_BODY
static const PyAwaitable_Definition saved3_definition = PyAwaitable_DEFINITION("saved3", saved3_body, Three);

static PyObject *
saved3(PyObject *Py_UNUSED(module), PyObject *argument)
{
    Three *f;
    PyObject *awaitable = PyAwaitable_NewBody(&saved3_definition, &f);
    if (awaitable != NULL) {
        f->argument = Py_NewRef(argument);
        for (int i = 0; i < 3; i++) {
            f->saved[i] = Py_NewRef(argument);
        }
    }
    return awaitable;
}

typedef struct {
    HEAD
    PyObject *argument, *value, *saved[20];
    DATA
} Twenty;

BODY(saved20_body, Twenty, f)
    AWAIT(value, Py_NewRef(f->argument));
    RETURN(Py_NewRef(f->value));
END_BODY
static const PyAwaitable_Definition saved20_definition = PyAwaitable_DEFINITION("saved20", saved20_body, Twenty);

static PyObject *
saved20(PyObject *Py_UNUSED(module), PyObject *argument)
{
    Twenty *f;
    PyObject *awaitable = PyAwaitable_NewBody(&saved20_definition, &f);
    if (awaitable != NULL) {
        f->argument = Py_NewRef(argument);
        for (int i = 0; i < 20; i++) {
            f->saved[i] = Py_NewRef(argument);
        }
    }
    return awaitable;
}

typedef struct {
    HEAD
    PyObject *argument;
    DATA
    Py_ssize_t i, count;
} Loop;

BODY(each_body, Loop, f)
    for (f->i = 0; f->i < f->count; f->i++) {
        AWAIT_ONLY(Py_NewRef(PyList_GET_ITEM(f->argument, f->i)));
    }
END_BODY
static const PyAwaitable_Definition each_definition = PyAwaitable_DEFINITION("each", each_body, Loop);

static PyObject *
each(PyObject *Py_UNUSED(module), PyObject *list)
{
    Loop *f;
    PyObject *awaitable = PyAwaitable_NewBody(&each_definition, &f);
    if (awaitable != NULL) {
        f->argument = Py_NewRef(list);
        f->count = PyList_GET_SIZE(list);
    }
    return awaitable;
}

BODY(chain_body, Loop, f)
    for (f->i = 0; f->i < f->count; f->i++) {
        AWAIT_ONLY(PyObject_CallNoArgs(f->argument));
    }
END_BODY
static const PyAwaitable_Definition chain_definition = PyAwaitable_DEFINITION("chain", chain_body, Loop);

static PyObject *
chain(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *function;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "On", &function, &count)) {
        return NULL;
    }
    Loop *f;
    PyObject *awaitable = PyAwaitable_NewBody(&chain_definition, &f);
    if (awaitable != NULL) {
        f->argument = Py_NewRef(function);
        f->count = count;
    }
    return awaitable;
}

typedef struct {
    HEAD
    DATA
    Py_ssize_t i, count;
} Counter;

BODY(items_body, Counter, f)
    for (f->i = 0; f->i < f->count; f->i++) {
        YIELD_ONLY(PyLong_FromSsize_t(f->i));
    }
END_BODY
static const PyAwaitable_Definition items_definition = PyAwaitable_DEFINITION("items", items_body, Counter);

static PyObject *
items(PyObject *Py_UNUSED(module), PyObject *number)
{
    Py_ssize_t count = PyLong_AsSsize_t(number);
    if (count < 0) {
        return NULL;
    }
    Counter *f;
    PyObject *generator = PyAwaitable_NewGenerator(&items_definition, &f);
    if (generator != NULL) {
        f->count = count;
    }
    return generator;
}

BODY(consumes_body, One, f)
    ASYNC_FOR(value, Py_NewRef(f->argument))
    END_FOR
END_BODY
ONE(consumes)

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
    {"items", items, METH_O, NULL},
    {"consumes", consumes, METH_O, NULL},
    {"chain", chain, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "contender_bodies",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit_contender_bodies(void)
{
    forty_two = PyLong_FromLong(42);
    if (forty_two == NULL || PyAwaitable_Init() < 0) {
        return NULL;
    }
    return PyModule_Create(&definition);
}
