/* Between Python's values and SQLite's. */
#include "driver.h"

#include <string.h>

/* ---- To SQLite ------------------------------------------------------------------------------ */

static int
pack_value(Job *job, const Value *value)
{
    if (pack(&job->parameters, value) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static int
pack_buffer(Job *job, PyObject *object)
{
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) {
        return -1;
    }
    Value value = {.kind = IS_BLOB, .bytes = view.buf, .size = (size_t)view.len};
    int packed = pack_value(job, &value);
    PyBuffer_Release(&view);
    return packed;
}

/* What `sqlite3.adapt` makes of it, or itself. A new reference. */
static PyObject *
adapted(State *state, PyObject *object)
{
    return PyObject_CallFunctionObjArgs(state->adapt, object, state->PrepareProtocol, object, NULL);
}

static int
pack_plain(Job *job, PyObject *object)
{
    Value value = {.kind = IS_NULL};
    if (object == Py_None) {
        return pack_value(job, &value);
    }
    if (PyLong_Check(object)) {
        int overflow;
        value.kind = IS_INTEGER;
        value.integer = PyLong_AsLongLongAndOverflow(object, &overflow);
        if (overflow) {
            PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to SQLite INTEGER");
            return -1;
        }
        if (value.integer == -1 && PyErr_Occurred()) {
            return -1;
        }
        return pack_value(job, &value);
    }
    if (PyFloat_Check(object)) {
        value.kind = IS_REAL;
        value.real = PyFloat_AsDouble(object);
        return pack_value(job, &value);
    }
    if (PyUnicode_Check(object)) {
        Py_ssize_t size;
        value.kind = IS_TEXT;
        value.bytes = PyUnicode_AsUTF8AndSize(object, &size);
        value.size = (size_t)size;
        return value.bytes == NULL ? -1 : pack_value(job, &value);
    }
    if (PyObject_CheckBuffer(object)) {
        return pack_buffer(job, object);
    }
    /* It is an error if it is bound: the worker knows the number of the parameter. */
    value.kind = IS_UNSUPPORTED;
    value.bytes = Py_TYPE(object)->tp_name;
    const char *dot = strrchr(value.bytes, '.');
    value.bytes = dot == NULL ? value.bytes : dot + 1;
    value.size = strlen(value.bytes);
    return pack_value(job, &value);
}

static int
pack_object(State *state, Job *job, PyObject *object)
{
    if (object == Py_None || PyLong_CheckExact(object) || PyFloat_CheckExact(object) || PyUnicode_CheckExact(object) ||
        PyBytes_CheckExact(object) || PyByteArray_CheckExact(object)) {
        return pack_plain(job, object);
    }
    PyObject *value = adapted(state, object);
    if (value == NULL) {
        return -1;
    }
    int packed = pack_plain(job, value);
    Py_DECREF(value);
    return packed;
}

static int
pack_count(Job *job, Py_ssize_t count)
{
    job->parameter_count = (size_t)count;
    Value value = {.kind = IS_INTEGER, .integer = count};
    /* Sets of executemany may differ in this. */
    return job->is_many ? pack_value(job, &value) : 0;
}

static int
pack_sequence(State *state, Job *job, PyObject *parameters)
{
    PyObject *items = PySequence_Fast(parameters, "parameters are of unsupported type");
    if (items == NULL) {
        return -1;
    }
    int packed = pack_count(job, PySequence_Fast_GET_SIZE(items));
    for (Py_ssize_t i = 0; packed == 0 && i < PySequence_Fast_GET_SIZE(items); i++) {
        PyObject *item = Py_NewRef(PySequence_Fast_GET_ITEM(items, i));
        packed = pack_object(state, job, item);
        Py_DECREF(item);
    }
    Py_DECREF(items);
    return packed;
}

static int
pack_mapping(State *state, Job *job, PyObject *parameters)
{
    PyObject *items = PyMapping_Items(parameters);
    if (items == NULL) {
        return -1;
    }
    int packed = pack_count(job, PyList_GET_SIZE(items));
    for (Py_ssize_t i = 0; packed == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);
        packed = -1;
        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
            PyErr_SetString(PyExc_TypeError, "items() has given what is no pair");
        }
        else if (!PyUnicode_Check(PyTuple_GET_ITEM(pair, 0))) {
            /* No name of SQLite's is one like that. */
            Value name = {.kind = IS_TEXT, .bytes = "", .size = 0};
            packed = pack_value(job, &name) < 0 ? -1 : pack_object(state, job, PyTuple_GET_ITEM(pair, 1));
        }
        else {
            packed = pack_plain(job, PyTuple_GET_ITEM(pair, 0)) < 0
                         ? -1
                         : pack_object(state, job, PyTuple_GET_ITEM(pair, 1));
        }
    }
    Py_DECREF(items);
    return packed;
}

int
pack_parameters(State *state, Job *job, PyObject *parameters)
{
    int is_sequence = PyList_Check(parameters) || PyTuple_Check(parameters) ||
                      (!PyDict_Check(parameters) && PySequence_Check(parameters));
    if (!is_sequence && !PyMapping_Check(parameters)) {
        PyErr_SetString(state->ProgrammingError, "parameters are of unsupported type");
        return -1;
    }
    if (job->set_count > 0 && job->is_named == is_sequence) {
        PyErr_SetString(state->ProgrammingError, "all sets of parameters have to be sequences, or all mappings");
        return -1;
    }
    job->is_named = !is_sequence;
    if ((is_sequence ? pack_sequence(state, job, parameters) : pack_mapping(state, job, parameters)) < 0) {
        return -1;
    }
    job->set_count++;
    return 0;
}

/* ---- From SQLite ---------------------------------------------------------------------------- */

static PyObject *
text(Cursor *self, Py_ssize_t column, const Value *value)
{
    PyObject *factory = self->connection->text_factory;
    if (factory == (PyObject *)&PyUnicode_Type) {
        PyObject *string = PyUnicode_DecodeUTF8(value->bytes, (Py_ssize_t)value->size, NULL);
        if (string == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
            char shown[201];
            (void)snprintf(shown, sizeof shown, "%.*s", (int)value->size, value->bytes);
            PyErr_Clear();
            PyObject *description = cursor_description(self);
            if (description != NULL) {
                PyObject *name = PyTuple_GET_ITEM(PyTuple_GET_ITEM(description, column), 0);
                PyErr_Format(state_of((PyObject *)self)->OperationalError,
                             "Could not decode to UTF-8 column '%U' with text '%s'", name, shown);
                Py_DECREF(description);
            }
        }
        return string;
    }
    if (factory == (PyObject *)&PyBytes_Type) {
        return PyBytes_FromStringAndSize(value->bytes, (Py_ssize_t)value->size);
    }
    if (factory == (PyObject *)&PyByteArray_Type) {
        return PyByteArray_FromStringAndSize(value->bytes, (Py_ssize_t)value->size);
    }
    return PyObject_CallFunction(factory, "y#", value->bytes, (Py_ssize_t)value->size);
}

static PyObject *
converted(PyObject *converter, const Value *value)
{
    char number[64];
    switch (value->kind) {
    case IS_NULL:
        Py_RETURN_NONE;
    case IS_INTEGER:
        return PyObject_CallFunction(converter, "y#", number,
                                     (Py_ssize_t)snprintf(number, sizeof number, "%lld", (long long)value->integer));
    case IS_REAL: {
        char *digits = PyOS_double_to_string(value->real, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
        PyObject *result = digits == NULL ? NULL : PyObject_CallFunction(converter, "y", digits);
        PyMem_Free(digits);
        return result;
    }
    default:
        return PyObject_CallFunction(converter, "y#", value->bytes, (Py_ssize_t)value->size);
    }
}

static PyObject *
to_python(Cursor *self, Py_ssize_t column, const Value *value)
{
    switch (value->kind) {
    case IS_INTEGER:
        return PyLong_FromLongLong(value->integer);
    case IS_REAL:
        return PyFloat_FromDouble(value->real);
    case IS_TEXT:
        return text(self, column, value);
    case IS_BLOB:
        return PyBytes_FromStringAndSize(value->bytes, (Py_ssize_t)value->size);
    default:
        Py_RETURN_NONE;
    }
}

PyObject *
next_tuple(Cursor *self)
{
    /* Converters are Python code, which may do anything with the cursor. */
    PyObject *answer = Py_NewRef(self->answer), *converters = self->converters;
    Py_XINCREF(converters);
    Job *job = job_of(answer);
    Py_ssize_t count = self->column_count;
    size_t at = self->at;
    PyObject *row = PyTuple_New(count);
    for (Py_ssize_t i = 0; row != NULL && i < count; i++) {
        Value value = unpack(&job->rows, &at);
        PyObject *converter = converters == NULL ? Py_None : PyTuple_GET_ITEM(converters, i);
        PyObject *object = converter == Py_None ? to_python(self, i, &value) : converted(converter, &value);
        if (object == NULL) {
            Py_CLEAR(row);
            break;
        }
        PyTuple_SET_ITEM(row, i, object);
    }
    if (self->answer == answer) {
        if (row == NULL) {
            /* The row that cannot be converted is passed over. */
            at = self->at;
            for (Py_ssize_t i = 0; i < count; i++) {
                (void)unpack(&job->rows, &at);
            }
        }
        self->at = at;
        self->rows_left--;
    }
    Py_DECREF(answer);
    Py_XDECREF(converters);
    return row;
}
