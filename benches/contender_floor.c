/* The floor: the least a hand-written C type can do for each job, and the fastest known way to do
 * it. No rule is kept that the benchmark does not need: two waiters, misuse, several interpreters
 * and threads are not looked at. From 3.12 to 3.14, where `await` takes a value from a C type only
 * as a StopIteration, one is kept and used again.
 */
#include <Python.h>
#include <stddef.h>

#if PY_VERSION_HEX < 0x030A0000
typedef enum { PYGEN_RETURN = 0, PYGEN_ERROR = -1, PYGEN_NEXT = 1 } PySendResult;
#endif
#if PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030F0000
#define KEPT_STOP_ITERATION
#endif

typedef struct floor_object Floor;

/* Called when what is awaited has ended: with its value (owned), or NULL and an exception. */
typedef PySendResult (*After)(Floor *self, PyObject **result);

struct floor_object {
    PyObject_VAR_HEAD
    PyObject *inner; /* a coroutine or an iterator; the next one of the free list */
    After after;     /* NULL: inner's value is the result */
    Py_ssize_t count;
    PyObject *values[]; /* ob_size of them */
};

#define MAX_VALUES 20
#define MAX_FREE 256

static PyTypeObject floor_type;
static Floor *free_objects[MAX_VALUES + 1];
static int free_counts[MAX_VALUES + 1];
static PyObject *forty_two;

/* ---- The object ---- */

static Floor *
floor_new(Py_ssize_t size, After after)
{
    Floor *self = free_objects[size];
    if (self != NULL) {
        free_objects[size] = (Floor *)self->inner;
        free_counts[size]--;
        (void)PyObject_InitVar((PyVarObject *)self, &floor_type, size);
    }
    else {
        self = PyObject_GC_NewVar(Floor, &floor_type, size);
        if (self == NULL) {
            return NULL;
        }
    }
    self->inner = NULL;
    self->after = after;
    self->count = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        self->values[i] = NULL;
    }
    PyObject_GC_Track(self);
    return self;
}

static int
floor_traverse(Floor *self, visitproc visit, void *arg)
{
    Py_VISIT(self->inner);
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        Py_VISIT(self->values[i]);
    }
    return 0;
}

static int
floor_clear(Floor *self)
{
    Py_CLEAR(self->inner);
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        Py_CLEAR(self->values[i]);
    }
    return 0;
}

static void
floor_dealloc(Floor *self)
{
    PyObject_GC_UnTrack(self);
    floor_clear(self);
    Py_ssize_t size = Py_SIZE(self);
    if (free_counts[size] < MAX_FREE) {
        self->inner = (PyObject *)free_objects[size];
        free_objects[size] = self;
        free_counts[size]++;
    }
    else {
        PyObject_GC_Del(self);
    }
}

/* ---- Steps ---- */

/* What `await` makes of an object. */
static PyObject *
get_iterator(PyObject *awaited)
{
    if (PyCoro_CheckExact(awaited)) {
        Py_INCREF(awaited);
        return awaited;
    }
    PyAsyncMethods *methods = Py_TYPE(awaited)->tp_as_async;
    if (methods == NULL || methods->am_await == NULL) {
        PyErr_SetString(PyExc_TypeError, "not an awaitable");
        return NULL;
    }
    return methods->am_await(awaited);
}

static PySendResult
send_inner(PyObject *inner, PyObject *sent, PyObject **result)
{
#if PY_VERSION_HEX >= 0x030A0000
    return PyIter_Send(inner, sent, result);
#else
    if (PyCoro_CheckExact(inner)) {
        *result = _PyGen_Send((PyGenObject *)inner, sent);
    }
    else if (sent == Py_None) {
        *result = Py_TYPE(inner)->tp_iternext(inner);
    }
    else {
        *result = PyObject_CallMethod(inner, "send", "O", sent);
    }
    if (*result != NULL) {
        return PYGEN_NEXT;
    }
    return _PyGen_FetchStopIterationValue(result) == 0 ? PYGEN_RETURN : PYGEN_ERROR;
#endif
}

/* PYGEN_NEXT: the callback has made another one to be awaited. */
static PySendResult
end_inner(Floor *self, PyObject **result)
{
    Py_CLEAR(self->inner);
    if (self->after != NULL) {
        return self->after(self, result);
    }
    return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

static PySendResult
go_on(Floor *self, PyObject *sent, PyObject **result)
{
    for (;;) {
        PySendResult how = send_inner(self->inner, sent, result);
        if (how == PYGEN_NEXT) {
            return how;
        }
        how = end_inner(self, result);
        if (how != PYGEN_NEXT) {
            return how;
        }
        sent = Py_None;
    }
}

static PySendResult
floor_step(PyObject *object, PyObject *sent, PyObject **result)
{
    Floor *self = (Floor *)object;
    if (self->inner == NULL) {
        return self->after(self, result);
    }
    return go_on(self, sent, result);
}

#ifdef KEPT_STOP_ITERATION
static PyObject *kept;

static void
set_stop_iteration(PyObject *value)
{
    if (kept == NULL || Py_REFCNT(kept) != 1) {
        Py_XSETREF(kept, PyObject_CallNoArgs(PyExc_StopIteration));
        if (kept == NULL) {
            return;
        }
    }
    Py_INCREF(value);
    Py_XSETREF(((PyStopIterationObject *)kept)->value, value);
    PyException_SetTraceback(kept, Py_None);
    PyException_SetContext(kept, NULL);
    Py_INCREF(kept);
    PyErr_SetRaisedException(kept);
}
#else
static void
set_stop_iteration(PyObject *value)
{
    PyErr_SetObject(PyExc_StopIteration, value);
}
#endif

/* A result that is None may be left out where it is an iterator's. */
static PyObject *
as_iterator(PySendResult how, PyObject *result)
{
    if (how == PYGEN_NEXT || how == PYGEN_ERROR) {
        return result;
    }
    if (result != Py_None) {
        set_stop_iteration(result);
    }
    Py_DECREF(result);
    return NULL;
}

static PyObject *
as_method(PySendResult how, PyObject *result)
{
    if (how == PYGEN_RETURN && result == Py_None) {
        PyErr_SetNone(PyExc_StopIteration);
    }
    return as_iterator(how, result);
}

static PyObject *
floor_next(PyObject *self)
{
    PyObject *result = NULL;
    PySendResult how = floor_step(self, Py_None, &result);
    return as_iterator(how, result);
}

static PyObject *
floor_send(PyObject *self, PyObject *sent)
{
    PyObject *result = NULL;
    PySendResult how = floor_step(self, sent, &result);
    return as_method(how, result);
}

static PyObject *
floor_throw(Floor *self, PyObject *args)
{
    static PyObject *name;
    if (name == NULL && (name = PyUnicode_InternFromString("throw")) == NULL) {
        return NULL;
    }
    PyObject *method = PyObject_GetAttr(self->inner, name);
    PyObject *result = method == NULL ? NULL : PyObject_Call(method, args, NULL);
    Py_XDECREF(method);
    if (result != NULL) {
        return result;
    }
    if (PyErr_ExceptionMatches(PyExc_StopIteration)) {
        PyErr_SetString(PyExc_NotImplementedError, "what was thrown in has been swallowed");
    }
    PySendResult how = end_inner(self, &result);
    if (how == PYGEN_NEXT) {
        how = go_on(self, Py_None, &result);
    }
    return as_method(how, result);
}

static PyObject *
floor_close(Floor *self, PyObject *Py_UNUSED(ignored))
{
    floor_clear(self);
    Py_RETURN_NONE;
}

static PyObject *
floor_self(PyObject *self)
{
    Py_INCREF(self);
    return self;
}

static PyObject *
floor_await(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return floor_self(self);
}

/* ---- The jobs ---- */

static PyObject *
new_with(PyObject *awaited, Py_ssize_t size, After after)
{
    Floor *self = floor_new(size, after);
    if (self != NULL && (self->inner = get_iterator(awaited)) == NULL) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static PySendResult
result_is_none(Floor *Py_UNUSED(self), PyObject **result)
{
    Py_INCREF(Py_None);
    *result = Py_None;
    return PYGEN_RETURN;
}

static PyObject *
empty(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return (PyObject *)floor_new(0, result_is_none);
}

static PySendResult
result_is_saved(Floor *self, PyObject **result)
{
    *result = self->values[0];
    self->values[0] = NULL;
    return PYGEN_RETURN;
}

static PyObject *
returns(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    Floor *self = floor_new(1, result_is_saved);
    if (self != NULL) {
        Py_INCREF(forty_two);
        self->values[0] = forty_two;
    }
    return (PyObject *)self;
}

static PySendResult
drop(Floor *self, PyObject **result)
{
    if (*result == NULL) {
        return PYGEN_ERROR;
    }
    Py_DECREF(*result);
    return result_is_none(self, result);
}

static PyObject *
awaits(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    return new_with(awaited, 0, drop);
}

static PyObject *
value(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    return new_with(awaited, 0, NULL);
}

static PyObject *
new_with_values(PyObject *awaited, Py_ssize_t size)
{
    Floor *self = (Floor *)new_with(awaited, size, NULL);
    for (Py_ssize_t i = 0; self != NULL && i < size; i++) {
        Py_INCREF(awaited);
        self->values[i] = awaited;
    }
    return (PyObject *)self;
}

static PyObject *
saved3(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    return new_with_values(awaited, 3);
}

static PyObject *
saved20(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    return new_with_values(awaited, 20);
}

static PySendResult
swallow_lookup_error(Floor *self, PyObject **result)
{
    if (*result == NULL && PyErr_ExceptionMatches(PyExc_LookupError)) {
        PyErr_Clear();
        return result_is_none(self, result);
    }
    return drop(self, result);
}

static PyObject *
error(PyObject *Py_UNUSED(module), PyObject *awaited)
{
    return new_with(awaited, 0, swallow_lookup_error);
}

/* What a method of the context returns is to be awaited. */
static int
await_call(Floor *self, PyObject *awaited, After after)
{
    if (awaited == NULL) {
        return -1;
    }
    self->inner = get_iterator(awaited);
    self->after = after;
    Py_DECREF(awaited);
    return self->inner == NULL ? -1 : 0;
}

static PyObject *enter_name, *exit_name;

static PySendResult
entered(Floor *self, PyObject **result)
{
    if (*result == NULL) {
        return PYGEN_ERROR;
    }
    Py_CLEAR(*result);
    PyObject *awaited = PyObject_CallMethodObjArgs(self->values[0], exit_name, Py_None, Py_None, Py_None, NULL);
    return await_call(self, awaited, drop) < 0 ? PYGEN_ERROR : PYGEN_NEXT;
}

static PyObject *
block(PyObject *Py_UNUSED(module), PyObject *context)
{
    Floor *self = floor_new(2, NULL);
    if (self == NULL) {
        return NULL;
    }
    Py_INCREF(context);
    self->values[0] = context;
    if (await_call(self, PyObject_CallMethodObjArgs(context, enter_name, NULL), entered) < 0) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static PySendResult
next_of_list(Floor *self, PyObject **result)
{
    if (*result == NULL || self->count == PyList_GET_SIZE(self->values[0])) {
        return drop(self, result);
    }
    Py_CLEAR(*result);
    self->inner = get_iterator(PyList_GET_ITEM(self->values[0], self->count++));
    return self->inner == NULL ? PYGEN_ERROR : PYGEN_NEXT;
}

static PyObject *
each(PyObject *Py_UNUSED(module), PyObject *list)
{
    Floor *self = (Floor *)new_with(PyList_GET_ITEM(list, 0), 2, next_of_list);
    if (self != NULL) {
        Py_INCREF(list);
        self->values[0] = list;
        self->count = 1;
    }
    return (PyObject *)self;
}

static PySendResult
next_of_chain(Floor *self, PyObject **result)
{
    if (*result == NULL || self->count == 0) {
        return drop(self, result);
    }
    Py_CLEAR(*result);
    self->count--;
    PyObject *awaited = PyObject_CallNoArgs(self->values[0]);
    return await_call(self, awaited, next_of_chain) < 0 ? PYGEN_ERROR : PYGEN_NEXT;
}

static PyObject *
chain(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *function;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "On", &function, &count)) {
        return NULL;
    }
    Floor *self = floor_new(2, NULL);
    if (self == NULL) {
        return NULL;
    }
    Py_INCREF(function);
    self->values[0] = function;
    self->count = count - 1;
    if (await_call(self, PyObject_CallNoArgs(function), next_of_chain) < 0) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

/* ---- Items ---- */

typedef struct {
    PyObject_HEAD
    Py_ssize_t i, count;
} Items;

static PyTypeObject items_type;

static PyObject *
items(PyObject *Py_UNUSED(module), PyObject *number)
{
    Py_ssize_t count = PyLong_AsSsize_t(number);
    if (count < 0) {
        return NULL;
    }
    Items *self = PyObject_New(Items, &items_type);
    if (self != NULL) {
        self->i = 0;
        self->count = count;
    }
    return (PyObject *)self;
}

static PyObject *
items_next(PyObject *object)
{
    Items *self = (Items *)object;
    if (self->i == self->count) {
        PyErr_SetNone(PyExc_StopAsyncIteration);
        return NULL;
    }
    Floor *next = floor_new(1, result_is_saved);
    if (next != NULL && (next->values[0] = PyLong_FromSsize_t(self->i++)) == NULL) {
        Py_CLEAR(next);
    }
    return (PyObject *)next;
}

static PyAsyncMethods items_async = {
    .am_aiter = PyObject_SelfIter,
    .am_anext = items_next,
};

static PyTypeObject items_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "contender_floor.Items",
    .tp_basicsize = sizeof(Items),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = (destructor)PyObject_Free,
    .tp_as_async = &items_async,
};

/* ---- The module ---- */

static PyAsyncMethods floor_async = {
    .am_await = floor_self,
#if PY_VERSION_HEX >= 0x030A0000
    .am_send = floor_step,
#endif
};

/* All four make it a coroutine to asyncio. */
static PyMethodDef floor_methods[] = {
    {"__await__", floor_await, METH_NOARGS | METH_COEXIST, NULL},
    {"send", floor_send, METH_O, NULL},
    {"throw", (PyCFunction)(void (*)(void))floor_throw, METH_VARARGS, NULL},
    {"close", (PyCFunction)(void (*)(void))floor_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject floor_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "contender_floor.Floor",
    .tp_basicsize = offsetof(Floor, values),
    .tp_itemsize = sizeof(PyObject *),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = (destructor)floor_dealloc,
    .tp_traverse = (traverseproc)floor_traverse,
    .tp_clear = (inquiry)floor_clear,
    .tp_as_async = &floor_async,
    .tp_iternext = floor_next,
    .tp_methods = floor_methods,
};

static PyMethodDef methods[] = {
    {"empty", empty, METH_NOARGS, NULL}, {"returns", returns, METH_NOARGS, NULL}, {"awaits", awaits, METH_O, NULL},
    {"value", value, METH_O, NULL},      {"saved3", saved3, METH_O, NULL},        {"saved20", saved20, METH_O, NULL},
    {"error", error, METH_O, NULL},      {"block", block, METH_O, NULL},          {"each", each, METH_O, NULL},
    {"items", items, METH_O, NULL},      {"chain", chain, METH_VARARGS, NULL},    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "contender_floor",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit_contender_floor(void)
{
    forty_two = PyLong_FromLong(42);
    enter_name = PyUnicode_InternFromString("__aenter__");
    exit_name = PyUnicode_InternFromString("__aexit__");
    if (forty_two == NULL || enter_name == NULL || exit_name == NULL || PyType_Ready(&floor_type) < 0 ||
        PyType_Ready(&items_type) < 0) {
        return NULL;
    }
    return PyModule_Create(&definition);
}
