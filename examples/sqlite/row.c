/* Rows whose columns are found by name, too: what `row_factory = Row` makes. As the standard library's Row, which takes the
 * standard library's cursors alone. */
#include "driver.h"

#include <string.h>

typedef struct {
    PyObject_HEAD
    PyObject *values, *description; /* tuples */
} Row;

static PyObject *
row_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *cursor, *values;
    State *state = PyType_GetModuleState(type);
    if (state == NULL || !PyArg_ParseTuple(args, "O!O!:Row", state->Cursor, &cursor, &PyTuple_Type, &values)) {
        return NULL;
    }
    if (kwargs != NULL && PyDict_Size(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "Row() takes no keyword arguments");
        return NULL;
    }
    PyObject *description = cursor_description((Cursor *)cursor);
    Row *self = description == NULL ? NULL : (Row *)type->tp_alloc(type, 0);
    if (self == NULL) {
        Py_XDECREF(description);
        return NULL;
    }
    self->values = Py_NewRef(values);
    self->description = description;
    return (PyObject *)self;
}

static Py_ssize_t
row_length(PyObject *self)
{
    return PyTuple_GET_SIZE(((Row *)self)->values);
}

static PyObject *
row_item(PyObject *self, Py_ssize_t index)
{
    return PySequence_GetItem(((Row *)self)->values, index);
}

/* Whether both are the same, but for the case of ASCII letters. */
static int
is_same_name(PyObject *left, PyObject *right)
{
    if (PyUnicode_Compare(left, right) == 0) {
        return 1;
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    const char *one = PyUnicode_AsUTF8(left), *other = PyUnicode_AsUTF8(right);
    if (one == NULL || other == NULL) {
        return -1;
    }
    return sqlite3_stricmp(one, other) == 0;
}

static PyObject *
row_subscript(PyObject *object, PyObject *key)
{
    Row *self = (Row *)object;
    if (!PyUnicode_Check(key)) {
        if (!PyIndex_Check(key) && !PySlice_Check(key)) {
            PyErr_SetString(PyExc_IndexError, "Index must be int or string");
            return NULL;
        }
        return PyObject_GetItem(self->values, key);
    }
    Py_ssize_t count = self->description == Py_None ? 0 : PyTuple_GET_SIZE(self->description);
    for (Py_ssize_t i = 0; i < count; i++) {
        int is_same = is_same_name(key, PyTuple_GET_ITEM(PyTuple_GET_ITEM(self->description, i), 0));
        if (is_same != 0) {
            return is_same < 0 ? NULL : PySequence_GetItem(self->values, i);
        }
    }
    PyErr_SetString(PyExc_IndexError, "No item with that key");
    return NULL;
}

static PyObject *
row_keys(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    Row *self = (Row *)object;
    Py_ssize_t count = self->description == Py_None ? 0 : PyTuple_GET_SIZE(self->description);
    PyObject *keys = PyList_New(count);
    for (Py_ssize_t i = 0; keys != NULL && i < count; i++) {
        PyList_SET_ITEM(keys, i, Py_NewRef(PyTuple_GET_ITEM(PyTuple_GET_ITEM(self->description, i), 0)));
    }
    return keys;
}

static PyObject *
row_iter(PyObject *self)
{
    return PyObject_GetIter(((Row *)self)->values);
}

static Py_hash_t
row_hash(PyObject *self)
{
    Py_hash_t names = PyObject_Hash(((Row *)self)->description), values = PyObject_Hash(((Row *)self)->values);
    if (names == -1 || values == -1) {
        return -1;
    }
    Py_hash_t hash = names ^ values;
    return hash == -1 ? -2 : hash;
}

static PyObject *
row_compare(PyObject *self, PyObject *other, int operation)
{
    if ((operation != Py_EQ && operation != Py_NE) || Py_TYPE(other) != Py_TYPE(self)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    int is_same = PyObject_RichCompareBool(((Row *)self)->description, ((Row *)other)->description, Py_EQ);
    if (is_same < 0) {
        return NULL;
    }
    if (!is_same) {
        return PyBool_FromLong(operation == Py_NE);
    }
    return PyObject_RichCompare(((Row *)self)->values, ((Row *)other)->values, operation);
}

static int
row_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Row *)self)->values);
    Py_VISIT(((Row *)self)->description);
    return 0;
}

static void
row_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((Row *)self)->values);
    Py_CLEAR(((Row *)self)->description);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"keys", row_keys, METH_NOARGS, "keys()\n--\n\nThe names of the columns."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"A row: a sequence whose items are found by the names of the columns, too."},
    {Py_tp_new, (void *)row_new},
    {Py_tp_dealloc, (void *)row_dealloc},
    {Py_tp_traverse, (void *)row_traverse},
    {Py_tp_methods, methods},
    {Py_tp_iter, (void *)row_iter},
    {Py_tp_hash, (void *)row_hash},
    {Py_tp_richcompare, (void *)row_compare},
    {Py_mp_length, (void *)row_length},
    {Py_mp_subscript, (void *)row_subscript},
    {Py_sq_length, (void *)row_length},
    {Py_sq_item, (void *)row_item},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "sqlite_async.Row",
    .basicsize = sizeof(Row),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

PyTypeObject *
make_row_type(PyObject *module)
{
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
}
