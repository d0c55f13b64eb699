/* Python callables behind C function pointers: see "Slots" in rawapi.h. */
#include "rawapi.h"

#define SLOT_COUNT 1024

/* Shared by all interpreters of the process; `taken` is the one field that two of them touch at a time. */
static struct {
    int taken;
    PyObject *callable;
} slots[SLOT_COUNT];

static unsigned next_slot = 0;

/* Takes the least recently tried slot, so that one just given back is not reused at once. -1 when all are taken. */
static int
claim_slot(PyObject *callable)
{
    unsigned start = __atomic_fetch_add(&next_slot, 1, __ATOMIC_RELAXED);

    for (unsigned tried = 0; tried < SLOT_COUNT; tried++) {
        unsigned index = (start + tried) % SLOT_COUNT;
        int expected = 0;
        if (__atomic_compare_exchange_n(&slots[index].taken, &expected, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            Py_INCREF(callable);
            slots[index].callable = callable;
            return (int)index;
        }
    }
    PyErr_Format(PyExc_RuntimeError, "all %d callback slots are taken: call rawapi.reset()", SLOT_COUNT);
    return -1;
}

static void
release_slot(int index)
{
    PyObject *callable = slots[index].callable;

    slots[index].callable = NULL;
    __atomic_store_n(&slots[index].taken, 0, __ATOMIC_RELEASE);
    Py_XDECREF(callable);
}

static int
code_from_int(PyObject *number)
{
    long code = PyLong_AsLong(number);

    if (code == -1 && PyErr_Occurred()) {
        return -2;
    }
    return (int)code;
}

static void
set_exception(PyObject *exception, int restore)
{
    if (!PyExceptionInstance_Check(exception)) {
        PyErr_Format(PyExc_TypeError, "a callback's exception must be an instance, not %R", exception);
    }
    else if (restore) {
        Py_INCREF(Py_TYPE(exception));
        Py_INCREF(exception);
        PyErr_Restore((PyObject *)Py_TYPE(exception), exception, PyException_GetTraceback(exception));
    }
    else {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    }
}

/* (code, exc) or (code, exc, restore). */
static int
code_from_tuple(PyObject *tuple)
{
    PyObject *exception;
    int code, restore = 0;

    if (!PyArg_ParseTuple(tuple, "iO|p", &code, &exception, &restore)) {
        return -2;
    }
    if (exception != Py_None) {
        set_exception(exception, restore);
    }
    return code;
}

/* What the C function returns, for what the callable returned. Steals `result`. */
static int
code_from_result(PyObject *result)
{
    int code;

    if (result == NULL) {
        return -1;
    }
    if (result == Py_None) {
        code = 0;
    }
    else if (PyLong_Check(result)) {
        code = code_from_int(result);
    }
    else if (PyTuple_Check(result)) {
        code = code_from_tuple(result);
    }
    else {
        PyErr_Format(PyExc_TypeError, "a callback must return an int, None or (code, exc), not %R", result);
        code = -2;
    }
    Py_DECREF(result);
    return code;
}

/* A callback must be called with no exception set: one that is would be lost in the Python code below. */
static int
entered_with_exception(void)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_Format(PyExc_SystemError, "a callback was called with an exception set: %R", value ? value : type);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return -2;
}

static int
call_slot(int index, PyObject *awaitable, PyObject *argument, int arguments)
{
    PyObject *callable = slots[index].callable;
    PyObject *result;

    if (PyErr_Occurred()) {
        return entered_with_exception();
    }
    if (callable == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the slot of this callback was given back");
        return -2;
    }
    if (awaitable == NULL || (arguments == 2 && argument == NULL)) {
        PyErr_SetString(PyExc_SystemError, "a callback was called with NULL");
        return -2;
    }
    Py_INCREF(callable);
    result = PyObject_CallFunctionObjArgs(callable, awaitable, argument, NULL);
    Py_DECREF(callable);
    return code_from_result(result);
}

/* clang-format off */
#define FUNCTIONS(n)                                                                                                   \
    static int call_two_##n(PyObject *awaitable, PyObject *argument) { return call_slot(n, awaitable, argument, 2); }  \
    static int call_one_##n(PyObject *awaitable) { return call_slot(n, awaitable, NULL, 1); }
#define CALL_TWO(n) call_two_##n,
#define CALL_ONE(n) call_one_##n,

#define TIMES_16(macro, n)                                                                                             \
    macro(n##0) macro(n##1) macro(n##2) macro(n##3) macro(n##4) macro(n##5) macro(n##6) macro(n##7)                    \
    macro(n##8) macro(n##9) macro(n##A) macro(n##B) macro(n##C) macro(n##D) macro(n##E) macro(n##F)
#define TIMES_256(macro, n)                                                                                            \
    TIMES_16(macro, n##0) TIMES_16(macro, n##1) TIMES_16(macro, n##2) TIMES_16(macro, n##3)                            \
    TIMES_16(macro, n##4) TIMES_16(macro, n##5) TIMES_16(macro, n##6) TIMES_16(macro, n##7)                            \
    TIMES_16(macro, n##8) TIMES_16(macro, n##9) TIMES_16(macro, n##A) TIMES_16(macro, n##B)                            \
    TIMES_16(macro, n##C) TIMES_16(macro, n##D) TIMES_16(macro, n##E) TIMES_16(macro, n##F)
#define TIMES_SLOT_COUNT(macro)                                                                                        \
    TIMES_256(macro, 0x0) TIMES_256(macro, 0x1) TIMES_256(macro, 0x2) TIMES_256(macro, 0x3)

TIMES_SLOT_COUNT(FUNCTIONS)
/* clang-format on */

static const PyAwaitable_Callback functions_of_two[SLOT_COUNT] = {TIMES_SLOT_COUNT(CALL_TWO)};
static const PyAwaitable_Defer functions_of_one[SLOT_COUNT] = {TIMES_SLOT_COUNT(CALL_ONE)};

/* Callback(callable): owns a slot. */
typedef struct {
    PyObject_HEAD
    int index; /* -1 after the collector cleared it */
} CallbackObject;

static PyObject *
new_callback(PyTypeObject *type, PyObject *callable)
{
    CallbackObject *self;
    int index;

    if (!PyCallable_Check(callable)) {
        PyErr_Format(PyExc_TypeError, "a callback must be callable, not %R", callable);
        return NULL;
    }
    index = claim_slot(callable);
    if (index < 0) {
        return NULL;
    }
    self = (CallbackObject *)type->tp_alloc(type, 0);
    if (self == NULL) {
        release_slot(index);
        return NULL;
    }
    self->index = index;
    return (PyObject *)self;
}

static PyObject *
callback_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"callable", NULL};
    PyObject *callable;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:Callback", keywords, &callable)) {
        return NULL;
    }
    return new_callback(type, callable);
}

static int
callback_traverse(PyObject *self, visitproc visit, void *arg)
{
    int index = ((CallbackObject *)self)->index;

    Py_VISIT(Py_TYPE(self));
    if (index >= 0) {
        Py_VISIT(slots[index].callable);
    }
    return 0;
}

static int
callback_clear(PyObject *self)
{
    CallbackObject *callback = (CallbackObject *)self;
    int index = callback->index;

    if (index >= 0) {
        callback->index = -1;
        release_slot(index);
    }
    return 0;
}

static void
callback_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    callback_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot callback_slots[] = {
    {Py_tp_doc, "Callback(callable): a C function pointer that calls it, for as long as this object lives."},
    {Py_tp_new, callback_new},
    {Py_tp_traverse, callback_traverse},
    {Py_tp_clear, callback_clear},
    {Py_tp_dealloc, callback_dealloc},
    {0, NULL},
};

PyType_Spec callback_spec = {
    .name = "rawapi.Callback",
    .basicsize = sizeof(CallbackObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = callback_slots,
};

/* The Callback kept for a plain callable, made at its first use. Borrowed. */
static PyObject *
interned_callback(State *state, PyObject *callable)
{
    PyObject *callback, *key = PyLong_FromVoidPtr(callable);

    if (key == NULL) {
        return NULL;
    }
    callback = PyDict_GetItemWithError(state->interned, key);
    if (callback == NULL && !PyErr_Occurred()) {
        callback = new_callback(state->callback_type, callable);
        if (callback != NULL && PyDict_SetItem(state->interned, key, callback) < 0) {
            Py_CLEAR(callback);
        }
        Py_XDECREF(callback);
    }
    Py_DECREF(key);
    return callback;
}

/* The slot for a callback argument; -1 for a NULL pointer, -2 with an exception set. */
static int
slot_argument(State *state, PyObject *argument)
{
    if (argument == Py_None || argument == state->null) {
        return -1;
    }
    if (Py_TYPE(argument) != state->callback_type) {
        argument = interned_callback(state, argument);
        if (argument == NULL) {
            return -2;
        }
    }
    return ((CallbackObject *)argument)->index;
}

int
callback_argument(State *state, PyObject *argument, PyAwaitable_Callback *result)
{
    int index = slot_argument(state, argument);

    *result = index < 0 ? NULL : functions_of_two[index];
    return index == -2 ? -1 : 0;
}

int
defer_argument(State *state, PyObject *argument, PyAwaitable_Defer *result)
{
    int index = slot_argument(state, argument);

    *result = index < 0 ? NULL : functions_of_one[index];
    return index == -2 ? -1 : 0;
}

PyObject *
slots_in_use(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    long taken = 0;

    for (int index = 0; index < SLOT_COUNT; index++) {
        taken += __atomic_load_n(&slots[index].taken, __ATOMIC_RELAXED);
    }
    return PyLong_FromLong(taken);
}

PyObject *
reset_slots(PyObject *module, PyObject *Py_UNUSED(unused))
{
    PyObject *fresh = PyDict_New();

    if (fresh == NULL) {
        return NULL;
    }
    Py_XSETREF(state_of(module)->interned, fresh);
    Py_RETURN_NONE;
}
