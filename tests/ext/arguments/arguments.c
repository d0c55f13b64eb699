/* Arguments that are parsed and kept, frames, and clean-ups. */
#include <Python.h>
#include <pyawaitable.h>

/* What each format writes, and how it is shown again: initial values that can be told from others. */
typedef struct {
    PyObject *object, *bytes, *text, *array, *checked;
    const char *s, *z, *y;
    unsigned char b, B;
    short h;
    unsigned short H;
    int i, p, C;
    unsigned int I;
    long l;
    unsigned long k;
    long long L;
    unsigned long long K;
    Py_ssize_t n;
    float f;
    double d;
    Py_complex D;
    char c;
} Values;

#define OBJECT(object) ((object) == NULL ? Py_None : (object))

/* A list of all of them. */
static PyObject *
shown(const Values *v)
{
    return Py_BuildValue("[OOOOOsszbBhHiiCIlkLKnfdNc]", OBJECT(v->object), OBJECT(v->bytes), OBJECT(v->text),
                         OBJECT(v->array), OBJECT(v->checked), v->s, v->z, v->y, v->b, v->B, v->h, v->H, v->i, v->p,
                         v->C, v->I, v->l, v->k, v->L, v->K, v->n, v->f, v->d, PyComplex_FromCComplex(v->D), v->c);
}

static const Values INITIAL = {.C = 'x', .c = 'y', .l = -7};

#define FORMAT "OSUYO!szybBhHiICpclkLKnfdD|O:all"
#define PLACES(v, first)                                                                                               \
    &(v).object, &(v).bytes, &(v).text, &(v).array, first &(v).checked, &(v).s, &(v).z, &(v).y, &(v).b, &(v).B,        \
        &(v).h, &(v).H, &(v).i, &(v).I, &(v).C, &(v).p, &(v).c, &(v).l, &(v).k, &(v).L, &(v).K, &(v).n, &(v).f,        \
        &(v).d, &(v).D
#define CHECKED_TYPE &PyDict_Type,
#define NOTHING

static int
on_all(PyObject *awaitable, PyObject *Py_UNUSED(result))
{
    Values v = INITIAL;
    PyObject *more = NULL, *list;
    int status;
    if (PyAwaitable_Unpack(awaitable, PLACES(v, NOTHING), &more) < 0) {
        return -2;
    }
    list = shown(&v);
    status = list == NULL || PyList_Append(list, OBJECT(more)) < 0 ? -2 : PyAwaitable_SetResult(awaitable, list);
    Py_XDECREF(list);
    return status;
}

/* all(await first, ...): parses the others, and gives back what its callback unpacks. */
static PyObject *
all(PyObject *Py_UNUSED(module), PyObject *args)
{
    Values v = INITIAL;
    PyObject *more = NULL, *awaitable, *rest;
    if (PyTuple_GET_SIZE(args) < 1) {
        PyErr_SetString(PyExc_TypeError, "nothing to await");
        return NULL;
    }
    awaitable = PyAwaitable_New();
    rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    if (awaitable == NULL || rest == NULL ||
        PyAwaitable_ParseTuple(awaitable, rest, FORMAT, PLACES(v, CHECKED_TYPE), &more) < 0 ||
        PyAwaitable_AddAwait(awaitable, PyTuple_GET_ITEM(args, 0), on_all, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    Py_XDECREF(rest);
    return awaitable;
}

/* The same without keeping. */
static PyObject *
at_once(PyObject *Py_UNUSED(module), PyObject *args)
{
    Values v = INITIAL;
    PyObject *more = NULL, *list;
    if (!PyArg_ParseTuple(args, FORMAT, PLACES(v, CHECKED_TYPE), &more)) {
        return NULL;
    }
    list = shown(&v);
    if (list != NULL && PyList_Append(list, OBJECT(more)) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

/* parse(awaitable, format, args): with as many places for integers as there are, and whether it worked. */
static PyObject *
parse(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *awaitable, *args;
    const char *format;
    long values[64] = {0};
    void *places[64];
    Py_ssize_t count = -1;
    if (!PyArg_ParseTuple(arguments, "OzO|n", &awaitable, &format, &args, &count)) {
        return NULL;
    }
    for (int i = 0; i < 64; i++) {
        places[i] = &values[i];
    }
    if (count < 0) {
        count = format == NULL ? 0 : (Py_ssize_t)strcspn(format, ":;");
    }
    args = args == Py_None ? NULL : args;
    if (PyAwaitable_ParseTupleArray(awaitable == Py_None ? NULL : awaitable, args, format, count, places) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
unpack_two(PyObject *Py_UNUSED(module), PyObject *awaitable)
{
    long first = -1, second = -1, third = -1;
    if (PyAwaitable_Unpack(awaitable, &first, &second, &third) < 0) {
        return NULL;
    }
    return Py_BuildValue("lll", first, second, third);
}

static PyObject *
unpack_one(PyObject *Py_UNUSED(module), PyObject *awaitable)
{
    long first = -1;
    if (PyAwaitable_Unpack(awaitable, &first) < 0) {
        return first == -1 ? NULL : PyErr_Format(PyExc_AssertionError, "written");
    }
    return PyLong_FromLong(first);
}

static PyObject *
unpack_skipping(PyObject *Py_UNUSED(module), PyObject *awaitable)
{
    long second = -1;
    int (*unpack)(PyObject *, ...) = PyAwaitable_Unpack;
    if (PyAwaitable_Unpack(awaitable, NULL, &second) < 0 || unpack(awaitable, NULL, &second) < 0) {
        return NULL;
    }
    return PyLong_FromLong(second);
}

/* A frame as an author has one. */
typedef struct {
    PyObject *first, *second, *third;
    const char *text;
    long number;
} Frame;

/* frame(awaitable, args, kwargs): (first, second, third, text, number), or the exception and what the fields then are. */
static PyObject *
frame(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    static char *names[] = {"first", "second", "third", "text", "number", NULL};
    PyObject *awaitable, *args, *kwargs, *result;
    Frame it = {.second = Py_True, .text = "none", .number = 5};
    if (!PyArg_ParseTuple(arguments, "OOO", &awaitable, &args, &kwargs)) {
        return NULL;
    }
    if (PyAwaitable_ParseFrame(awaitable, args, kwargs == Py_None ? NULL : kwargs, "O|OO!$sl:frame", names, &it.first,
                               &it.second, &PyDict_Type, &it.third, &it.text, &it.number) < 0) {
        if (it.first != NULL || it.second != NULL || it.third != NULL) {
            PyErr_SetString(PyExc_AssertionError, "a field is left");
        }
        return NULL;
    }
    result = Py_BuildValue("OOOsl", it.first, it.second, OBJECT(it.third), it.text, it.number);
    Py_CLEAR(it.first);
    Py_CLEAR(it.second);
    Py_CLEAR(it.third);
    return result;
}

/* positional(awaitable, args): without keywords. */
static PyObject *
positional(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *awaitable, *args, *only = NULL;
    if (!PyArg_ParseTuple(arguments, "OO", &awaitable, &args) ||
        PyAwaitable_ParseFrame(awaitable, args, NULL, "O", NULL, &only) < 0) {
        return NULL;
    }
    return only;
}

/* ---- Clean-ups ----------------------------------------------------------------------------------------------------- */

/* Calls what it is given: a callable, whose reference is the clean-up's. What that raises is left set. */
static void
call(void *data)
{
    PyObject *callable = data;
    PyObject *result = PyObject_CallObject(callable, NULL);
    Py_XDECREF(result);
    Py_DECREF(callable);
}

/* add_cleanup(awaitable, callable) */
static PyObject *
add_cleanup(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *awaitable, *callable;
    if (!PyArg_ParseTuple(args, "OO", &awaitable, &callable)) {
        return NULL;
    }
    Py_INCREF(callable);
    if (PyAwaitable_AddCleanup(awaitable == Py_None ? NULL : awaitable, callable == Py_None ? NULL : call, callable) <
        0) {
        Py_DECREF(callable);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* What a clean-up that looks at its awaitable has: the awaitable is borrowed, since it lives as long as its clean-ups. */
typedef struct {
    PyObject *awaitable, *callable;
} Look;

static void
look(void *data)
{
    Look *it = data;
    PyObject *result = PyObject_CallFunctionObjArgs(it->callable, it->awaitable, NULL);
    Py_XDECREF(result);
    Py_DECREF(it->callable);
    PyMem_Free(it);
}

/* add_look(awaitable, callable): a clean-up that calls it with the awaitable. */
static PyObject *
add_look(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *awaitable, *callable;
    Look *it;
    if (!PyArg_ParseTuple(args, "OO", &awaitable, &callable)) {
        return NULL;
    }
    it = PyMem_Malloc(sizeof(*it));
    if (it == NULL) {
        return PyErr_NoMemory();
    }
    *it = (Look){awaitable, callable};
    Py_INCREF(callable);
    if (PyAwaitable_AddCleanup(awaitable, look, it) < 0) {
        Py_DECREF(callable);
        PyMem_Free(it);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* drop_failing(awaitable's maker): drops what it makes while an exception is set, as C code that fails does. */
static PyObject *
drop_failing(PyObject *Py_UNUSED(self), PyObject *make)
{
    PyObject *awaitable = PyObject_CallNoArgs(make);
    if (awaitable != NULL) {
        PyErr_SetString(PyExc_LookupError, "C has failed");
        Py_DECREF(awaitable);
    }
    return NULL;
}

static PyMethodDef methods[] = {
    {"all", all, METH_VARARGS, NULL},
    {"at_once", at_once, METH_VARARGS, NULL},
    {"parse", parse, METH_VARARGS, NULL},
    {"unpack_one", unpack_one, METH_O, NULL},
    {"unpack_two", unpack_two, METH_O, NULL},
    {"unpack_skipping", unpack_skipping, METH_O, NULL},
    {"frame", frame, METH_VARARGS, NULL},
    {"positional", positional, METH_VARARGS, NULL},
    {"add_cleanup", add_cleanup, METH_VARARGS, NULL},
    {"add_look", add_look, METH_VARARGS, NULL},
    {"drop_failing", drop_failing, METH_O, NULL},
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

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "arguments",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_arguments(void)
{
    return PyModuleDef_Init(&definition);
}
