/* Functions that are `async def` functions, arguments that are kept, and clean-ups. */
#include "rawapi.h"

/* ---- Clean-ups ----------------------------------------------------------------------------------------------------- */

/* The awaitable is borrowed: it is alive while its clean-ups run. */
typedef struct {
    PyObject *awaitable, *callable;
} CleanUp;

/* What the callable raises is left set. */
static void
run_clean_up(void *data)
{
    CleanUp *it = data;
    PyObject *result = PyObject_CallFunctionObjArgs(it->callable, it->awaitable, NULL);

    Py_XDECREF(result);
    Py_DECREF(it->callable);
    PyMem_Free(it);
}

/* add_cleanup(aw, callable): it is called with the awaitable; rawapi.NULL for no function. */
static PyObject *
add_cleanup(PyObject *module, PyObject *args)
{
    State *state = state_of(module);
    PyObject *awaitable, *callable;
    CleanUp *it;
    Call call;
    int status;

    if (!PyArg_ParseTuple(args, "OO:add_cleanup", &awaitable, &callable)) {
        return NULL;
    }
    awaitable = object_argument(state, awaitable);
    callable = object_argument(state, callable);
    it = PyMem_Malloc(sizeof(*it));
    if (it == NULL) {
        return PyErr_NoMemory();
    }
    *it = (CleanUp){awaitable, callable};
    Py_XINCREF(callable);
    call = begin_call(state);
    status = PyAwaitable_AddCleanup(awaitable, callable == NULL ? NULL : run_clean_up, it);
    if (status != 0) {
        Py_XDECREF(callable);
        PyMem_Free(it);
    }
    return finish_int(&call, status);
}

/* ---- Arguments ----------------------------------------------------------------------------------------------------- */

#define MOST_PLACES 64

typedef struct {
    /* As large as any number of any format. */
    Py_complex values[MOST_PLACES];
    void *places[MOST_PLACES];
} Places;

static Py_ssize_t
prepare(Places *places, const char *format)
{
    Py_ssize_t count = 0;

    memset(places->values, 0, sizeof(places->values));
    for (; format != NULL && *format != '\0' && *format != ':' && *format != ';' && count < MOST_PLACES; format++) {
        if (*format != '|' && *format != '$') {
            places->places[count] = &places->values[count];
            count++;
        }
    }
    return count;
}

/* parse_tuple(aw, format, args): what is parsed is kept alone. */
static PyObject *
parse_tuple(PyObject *module, PyObject *arguments)
{
    State *state = state_of(module);
    PyObject *awaitable, *args;
    const char *format;
    Places places;
    Py_ssize_t count;
    Call call;

    if (!PyArg_ParseTuple(arguments, "OzO:parse_tuple", &awaitable, &format, &args)) {
        return NULL;
    }
    count = prepare(&places, format);
    call = begin_call(state);
    return finish_int(&call, PyAwaitable_ParseTupleArray(object_argument(state, awaitable),
                                                         object_argument(state, args), format, count, places.places));
}

/* parse_frame(aw, format, args, kwargs): by the names "a", "b", "c". The fields are released at once. */
static PyObject *
parse_frame(PyObject *module, PyObject *arguments)
{
    static char *names[] = {"a", "b", "c", NULL};
    State *state = state_of(module);
    PyObject *awaitable, *args, *kwargs;
    const char *format;
    Places places;
    Py_ssize_t count;
    Call call;
    int status;

    if (!PyArg_ParseTuple(arguments, "OzOO:parse_frame", &awaitable, &format, &args, &kwargs)) {
        return NULL;
    }
    count = prepare(&places, format);
    call = begin_call(state);
    status = PyAwaitable_ParseFrameArray(object_argument(state, awaitable), object_argument(state, args),
                                         object_argument(state, kwargs), format, names, count, places.places);
    if (finish_status(&call, status) < 0) {
        return NULL;
    }
    count = 0;
    for (const char *letter = format; *letter != '\0' && *letter != ':'; letter++) {
        if (*letter == 'O') {
            Py_XDECREF(*(PyObject **)places.places[count]);
        }
        count += *letter != '|' && *letter != '$';
    }
    Py_RETURN_NONE;
}

/* unpack(aw, kinds): a list of what was parsed, each of which is an object (O), a text (s) or a long (l). */
static PyObject *
unpack(PyObject *module, PyObject *arguments)
{
    State *state = state_of(module);
    PyObject *awaitable, *list;
    const char *kinds;
    Places places;
    Py_ssize_t count, found;
    Call call;

    if (!PyArg_ParseTuple(arguments, "Os:unpack", &awaitable, &kinds)) {
        return NULL;
    }
    count = prepare(&places, kinds);
    call = begin_call(state);
    found = PyAwaitable_UnpackArray(object_argument(state, awaitable), count, places.places);
    if (finish_status(&call, found < 0 ? -1 : 0) < 0) {
        return NULL;
    }
    list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < found && found <= count; i++) {
        void *place = places.places[i];
        PyObject *value = kinds[i] == 'l'           ? PyLong_FromLong(*(long *)place)
                          : *(void **)place == NULL ? Py_NewRef(Py_None)
                          : kinds[i] == 's'         ? PyUnicode_FromString(*(const char **)place)
                                                    : Py_NewRef(*(PyObject **)place);
        if (value == NULL || PyList_Append(list, value) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(value);
    }
    return list;
}

/* ---- Functions ----------------------------------------------------------------------------------------------------- */

/* made(object, text, number): an awaitable that keeps them. */
static PyObject *
made(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *awaitable = PyAwaitable_New(), *object;
    const char *text;
    long number;

    if (awaitable != NULL && PyAwaitable_ParseTuple(awaitable, args, "Osl:made", &object, &text, &number) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyObject *
plain(PyObject *Py_UNUSED(self), PyObject *object)
{
    return Py_NewRef(object);
}

static PyMethodDef table[] = {
    {"made", made, METH_VARARGS | PyAwaitable_METH_ASYNC, "made(object, text, number, /)\n--\n\n"},
    {"plain", plain, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static PyMethodDef methods_table[] = {
    {"made", made, METH_VARARGS | PyAwaitable_METH_ASYNC, "made($self, object, text, number, /)\n--\n\n"},
    {"of_class", made, METH_VARARGS | METH_CLASS | PyAwaitable_METH_ASYNC, NULL},
    {"of_nobody", made, METH_VARARGS | METH_STATIC | PyAwaitable_METH_ASYNC, NULL},
    {"plain", plain, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

/* add_functions(module): `made`, which is asynchronous, and `plain`, which is not. */
static PyObject *
add_functions(PyObject *module, PyObject *target)
{
    State *state = state_of(module);
    Call call = begin_call(state);

    return finish_int(&call, PyAwaitable_AddFunctions(object_argument(state, target), table));
}

/* add_methods(type): the same, and one for each way to bind. */
static PyObject *
add_methods(PyObject *module, PyObject *target)
{
    State *state = state_of(module);
    Call call = begin_call(state);

    return finish_int(&call, PyAwaitable_AddMethods((PyTypeObject *)object_argument(state, target), methods_table));
}

static PyObject *
as_coroutine(PyObject *module, PyObject *awaitable)
{
    State *state = state_of(module);
    Call call = begin_call(state);

    return finish_new(&call, PyAwaitable_AsCoroutine(object_argument(state, awaitable)));
}

PyMethodDef function_methods[] = {
    {"add_cleanup", add_cleanup, METH_VARARGS, NULL}, {"parse_tuple", parse_tuple, METH_VARARGS, NULL},
    {"parse_frame", parse_frame, METH_VARARGS, NULL}, {"unpack", unpack, METH_VARARGS, NULL},
    {"add_functions", add_functions, METH_O, NULL},   {"add_methods", add_methods, METH_O, NULL},
    {"as_coroutine", as_coroutine, METH_O, NULL},     {NULL, NULL, 0, NULL},
};
