/* Saved values of the three kinds.
 *
 * C has no way to make a variadic call of a length known at run time. Each call here passes MOST arguments: saving reads
 * the first n of them, and unpacking as many as there are values, NULL pointers being skipped. */
#include "rawapi.h"

#define MOST 320

#define SPREAD_16(a, n)                                                                                                \
    (a)[(n) + 0], (a)[(n) + 1], (a)[(n) + 2], (a)[(n) + 3], (a)[(n) + 4], (a)[(n) + 5], (a)[(n) + 6], (a)[(n) + 7],    \
        (a)[(n) + 8], (a)[(n) + 9], (a)[(n) + 10], (a)[(n) + 11], (a)[(n) + 12], (a)[(n) + 13], (a)[(n) + 14],         \
        (a)[(n) + 15]
#define SPREAD_80(a, n)                                                                                                \
    SPREAD_16(a, n), SPREAD_16(a, (n) + 16), SPREAD_16(a, (n) + 32), SPREAD_16(a, (n) + 48), SPREAD_16(a, (n) + 64)
#define SPREAD(a) SPREAD_80(a, 0), SPREAD_80(a, 80), SPREAD_80(a, 160), SPREAD_80(a, 240)

/* The arguments of save_...(aw, *values, count=len(values)). */
typedef struct {
    State *state;
    PyObject *awaitable;
    PyObject **values; /* borrowed, `given` of them */
    Py_ssize_t given;
    Py_ssize_t count; /* what the C function is told */
} SaveArguments;

static int
parse_save(PyObject *module, PyObject *args, PyObject *kwargs, SaveArguments *result)
{
    PyObject *count = kwargs == NULL ? NULL : PyDict_GetItemString(kwargs, "count");

    result->state = state_of(module);
    result->given = PyTuple_GET_SIZE(args) - 1;
    if (result->given < 0 || result->given > MOST) {
        PyErr_Format(PyExc_TypeError, "one awaitable and at most %d values", MOST);
        return -1;
    }
    result->awaitable = object_argument(result->state, PyTuple_GET_ITEM(args, 0));
    result->values = ((PyTupleObject *)args)->ob_item + 1;
    result->count = count == NULL ? result->given : PyNumber_AsSsize_t(count, NULL);
    if (result->count > result->given) {
        PyErr_SetString(PyExc_TypeError, "count is more than the values given");
        return -1;
    }
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *
save_values(PyObject *module, PyObject *args, PyObject *kwargs)
{
    PyObject *values[MOST] = {NULL};
    SaveArguments a;
    Call call;

    if (parse_save(module, args, kwargs, &a) < 0) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < a.given; i++) {
        values[i] = object_argument(a.state, a.values[i]);
    }
    call = begin_call(a.state);
    return finish_int(&call, PyAwaitable_SaveValues(a.awaitable, a.count, SPREAD(values)));
}

/* A pointer is a Python int, or rawapi.NULL. */
static void *
pointer_argument(State *state, PyObject *argument)
{
    return argument == state->null ? NULL : PyLong_AsVoidPtr(argument);
}

static PyObject *
save_arb_values(PyObject *module, PyObject *args, PyObject *kwargs)
{
    void *values[MOST] = {NULL};
    SaveArguments a;
    Call call;

    if (parse_save(module, args, kwargs, &a) < 0) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < a.given; i++) {
        values[i] = pointer_argument(a.state, a.values[i]);
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    call = begin_call(a.state);
    return finish_int(&call, PyAwaitable_SaveArbValues(a.awaitable, a.count, SPREAD(values)));
}

static PyObject *
save_int_values(PyObject *module, PyObject *args, PyObject *kwargs)
{
    long values[MOST] = {0};
    SaveArguments a;
    Call call;

    if (parse_save(module, args, kwargs, &a) < 0) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < a.given; i++) {
        values[i] = PyLong_AsLong(a.values[i]);
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    call = begin_call(a.state);
    return finish_int(&call, PyAwaitable_SaveIntValues(a.awaitable, a.count, SPREAD(values)));
}

/* The arguments of unpack_...(aw, n, skip=()): n pointers, those whose index is in `skip` being NULL. */
typedef struct {
    State *state;
    PyObject *awaitable;
    Py_ssize_t count;
    PyObject *skip;
} UnpackArguments;

static int
parse_unpack(PyObject *module, PyObject *args, PyObject *kwargs, UnpackArguments *result)
{
    static char *keywords[] = {"aw", "n", "skip", NULL};

    result->state = state_of(module);
    result->skip = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "On|O", keywords, &result->awaitable, &result->count,
                                     &result->skip)) {
        return -1;
    }
    if (result->count < 0 || result->count > MOST) {
        PyErr_Format(PyExc_TypeError, "at most %d pointers", MOST);
        return -1;
    }
    result->awaitable = object_argument(result->state, result->awaitable);
    return 0;
}

/* 1 if the pointer at this index is to be NULL, 0 if not, -1 with an exception set. */
static int
is_skipped(UnpackArguments *a, Py_ssize_t index)
{
    PyObject *number;
    int found;

    if (a->skip == NULL) {
        return 0;
    }
    number = PyLong_FromSsize_t(index);
    if (number == NULL) {
        return -1;
    }
    found = PySequence_Contains(a->skip, number);
    Py_DECREF(number);
    return found;
}

/* What unpacking returns is a list of what was written, with rawapi.NULL where nothing was.
 *
 * Lets pointers[i] point to the i-th result, unless it is to be NULL. */
#define POINT_TO_RESULTS(a, pointers, results)                                                                         \
    for (Py_ssize_t i = 0; i < (a)->count; i++) {                                                                      \
        int skipped = is_skipped(a, i);                                                                                \
        if (skipped < 0) {                                                                                             \
            return NULL;                                                                                               \
        }                                                                                                              \
        (pointers)[i] = skipped ? NULL : &(results)[i];                                                                \
    }

static PyObject *
new_null(State *state)
{
    Py_INCREF(state->null);
    return state->null;
}

/* Steals the item; NULL is an error that is passed on. */
static int
append_stolen(PyObject *list, PyObject *item)
{
    int status = item == NULL ? -1 : PyList_Append(list, item);

    Py_XDECREF(item);
    return status;
}

static PyObject *
unpack_values(PyObject *module, PyObject *args, PyObject *kwargs)
{
    PyObject *results[MOST] = {NULL}, **pointers[MOST] = {NULL};
    UnpackArguments a;
    PyObject *list;
    Call call;

    if (parse_unpack(module, args, kwargs, &a) < 0) {
        return NULL;
    }
    POINT_TO_RESULTS(&a, pointers, results)
    call = begin_call(a.state);
    if (finish_status(&call, PyAwaitable_UnpackValues(a.awaitable, SPREAD(pointers))) < 0) {
        return NULL;
    }
    list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < a.count; i++) {
        if (PyList_Append(list, results[i] == NULL ? a.state->null : results[i]) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
unpack_arb_values(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char unwritten;
    void *results[MOST], **pointers[MOST] = {NULL};
    UnpackArguments a;
    PyObject *list;
    Call call;

    if (parse_unpack(module, args, kwargs, &a) < 0) {
        return NULL;
    }
    for (int i = 0; i < MOST; i++) {
        results[i] = &unwritten;
    }
    POINT_TO_RESULTS(&a, pointers, results)
    call = begin_call(a.state);
    if (finish_status(&call, PyAwaitable_UnpackArbValues(a.awaitable, SPREAD(pointers))) < 0) {
        return NULL;
    }
    list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < a.count; i++) {
        if (append_stolen(list, results[i] == &unwritten ? new_null(a.state) : PyLong_FromVoidPtr(results[i])) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* What is in the results before the call; no test saves it. */
#define UNWRITTEN_LONG (-0x5A5A5A5AL)

static PyObject *
unpack_int_values(PyObject *module, PyObject *args, PyObject *kwargs)
{
    long results[MOST], *pointers[MOST] = {NULL};
    UnpackArguments a;
    PyObject *list;
    Call call;

    if (parse_unpack(module, args, kwargs, &a) < 0) {
        return NULL;
    }
    for (int i = 0; i < MOST; i++) {
        results[i] = UNWRITTEN_LONG;
    }
    POINT_TO_RESULTS(&a, pointers, results)
    call = begin_call(a.state);
    if (finish_status(&call, PyAwaitable_UnpackIntValues(a.awaitable, SPREAD(pointers))) < 0) {
        return NULL;
    }
    list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < a.count; i++) {
        if (append_stolen(list, results[i] == UNWRITTEN_LONG ? new_null(a.state) : PyLong_FromLong(results[i])) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* The arguments of set_...(aw, index, value) and, without the value, of get_...(aw, index). */
static int
parse_index(State *state, PyObject *args, PyObject **awaitable, Py_ssize_t *index, PyObject **value)
{
    const char *format = value == NULL ? "On" : "OnO";

    if (!PyArg_ParseTuple(args, format, awaitable, index, value)) {
        return -1;
    }
    *awaitable = object_argument(state, *awaitable);
    return 0;
}

static PyObject *
set_value(PyObject *module, PyObject *args)
{
    State *state = state_of(module);
    PyObject *awaitable, *value;
    Py_ssize_t index;
    Call call;

    if (parse_index(state, args, &awaitable, &index, &value) < 0) {
        return NULL;
    }
    value = object_argument(state, value);
    call = begin_call(state);
    return finish_int(&call, PyAwaitable_SetValue(awaitable, index, value));
}

static PyObject *
get_value(PyObject *module, PyObject *args)
{
    State *state = state_of(module);
    PyObject *awaitable;
    Py_ssize_t index;
    Call call;

    if (parse_index(state, args, &awaitable, &index, NULL) < 0) {
        return NULL;
    }
    call = begin_call(state);
    return finish_borrowed(&call, PyAwaitable_GetValue(awaitable, index));
}

static PyObject *
set_arb_value(PyObject *module, PyObject *args)
{
    State *state = state_of(module);
    PyObject *awaitable, *value;
    Py_ssize_t index;
    void *pointer;
    Call call;

    if (parse_index(state, args, &awaitable, &index, &value) < 0) {
        return NULL;
    }
    pointer = pointer_argument(state, value);
    if (PyErr_Occurred()) {
        return NULL;
    }
    call = begin_call(state);
    return finish_int(&call, PyAwaitable_SetArbValue(awaitable, index, pointer));
}

static PyObject *
get_arb_value(PyObject *module, PyObject *args)
{
    State *state = state_of(module);
    PyObject *awaitable;
    Py_ssize_t index;
    Call call;

    if (parse_index(state, args, &awaitable, &index, NULL) < 0) {
        return NULL;
    }
    call = begin_call(state);
    return finish_pointer(&call, PyAwaitable_GetArbValue(awaitable, index));
}

static PyObject *
set_int_value(PyObject *module, PyObject *args)
{
    State *state = state_of(module);
    PyObject *awaitable, *value;
    Py_ssize_t index;
    long number;
    Call call;

    if (parse_index(state, args, &awaitable, &index, &value) < 0) {
        return NULL;
    }
    number = PyLong_AsLong(value);
    if (PyErr_Occurred()) {
        return NULL;
    }
    call = begin_call(state);
    return finish_int(&call, PyAwaitable_SetIntValue(awaitable, index, number));
}

static PyObject *
get_int_value(PyObject *module, PyObject *args)
{
    State *state = state_of(module);
    PyObject *awaitable;
    Py_ssize_t index;
    Call call;

    if (parse_index(state, args, &awaitable, &index, NULL) < 0) {
        return NULL;
    }
    call = begin_call(state);
    return finish_long(&call, PyAwaitable_GetIntValue(awaitable, index));
}

PyMethodDef value_methods[] = {
    {"save_values", WITH_KEYWORDS(save_values), "save_values(aw, *values, count=len(values))"},
    {"unpack_values", WITH_KEYWORDS(unpack_values), "unpack_values(aw, n, skip=()) -> list"},
    {"set_value", set_value, METH_VARARGS, "set_value(aw, index, value)"},
    {"get_value", get_value, METH_VARARGS, "get_value(aw, index)"},
    {"save_arb_values", WITH_KEYWORDS(save_arb_values), "save_arb_values(aw, *pointers, count=len(pointers))"},
    {"unpack_arb_values", WITH_KEYWORDS(unpack_arb_values), "unpack_arb_values(aw, n, skip=()) -> list"},
    {"set_arb_value", set_arb_value, METH_VARARGS, "set_arb_value(aw, index, pointer)"},
    {"get_arb_value", get_arb_value, METH_VARARGS, "get_arb_value(aw, index)"},
    {"save_int_values", WITH_KEYWORDS(save_int_values), "save_int_values(aw, *numbers, count=len(numbers))"},
    {"unpack_int_values", WITH_KEYWORDS(unpack_int_values), "unpack_int_values(aw, n, skip=()) -> list"},
    {"set_int_value", set_int_value, METH_VARARGS, "set_int_value(aw, index, number)"},
    {"get_int_value", get_int_value, METH_VARARGS, "get_int_value(aw, index)"},
    {NULL, NULL, 0, NULL},
};
