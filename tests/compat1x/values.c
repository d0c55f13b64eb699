/* Saved values of the three kinds, 0, 1 and 20 of them in one call. */
#include "compat1x.h"

#define TWENTY(a)                                                                                                      \
    a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16],       \
        a[17], a[18], a[19]

/* many(objects): saves and unpacks a list of 20; what came back. */
static PyObject *
many_objects(PyObject *module, PyObject *list)
{
    PyObject *given[20], *read[20], **places[20], *aw = NULL, *result = NULL;

    (void)module;
    for (int i = 0; i < 20; i++) {
        given[i] = PyList_GetItem(list, i);
        read[i] = NULL;
        places[i] = &read[i];
        if (given[i] == NULL) {
            return NULL;
        }
    }
    aw = pyawaitable_new();
    CHECK(aw != NULL);
    CHECK(pyawaitable_save(aw, 20, TWENTY(given)) == 0);
    CHECK(pyawaitable_unpack(aw, TWENTY(places)) == 0);
    result = PyList_New(20);
    CHECK(result != NULL);
    for (int i = 0; i < 20; i++) {
        Py_XINCREF(read[i]);
        PyList_SetItem(result, i, read[i]);
    }
failed:
    if (aw != NULL) {
        pyawaitable_cancel(aw);
        Py_DECREF(aw);
    }
    return result;
}

static PyObject *
many_plain(PyObject *module, PyObject *unused)
{
    void *pointers[20], *read_pointers[20], **pointer_places[20];
    long longs[20], read_longs[20], *long_places[20];
    PyObject *aw = pyawaitable_new();

    (void)module;
    (void)unused;
    for (int i = 0; i < 20; i++) {
        pointers[i] = &longs[i];
        pointer_places[i] = &read_pointers[i];
        /* More than an int holds, where a long does. */
        longs[i] = LONG_MAX - i;
        long_places[i] = &read_longs[i];
    }
    CHECK(aw != NULL);
    CHECK(pyawaitable_save_arb(aw, 20, TWENTY(pointers)) == 0);
    CHECK(pyawaitable_unpack_arb(aw, TWENTY(pointer_places)) == 0);
    CHECK(pyawaitable_save_int(aw, 20, TWENTY(longs)) == 0);
    CHECK(pyawaitable_unpack_int(aw, TWENTY(long_places)) == 0);
    for (int i = 0; i < 20; i++) {
        CHECK(read_pointers[i] == pointers[i] && read_longs[i] == longs[i]);
    }
    RETURN_TRUE;
}

static PyObject *
one_or_none(PyObject *module, PyObject *object)
{
    PyObject *aw = pyawaitable_new(), *read = NULL;
    void *pointer = NULL;
    long number = 0;

    (void)module;
    CHECK(aw != NULL);
    CHECK(pyawaitable_save(aw, 0) == 0 && pyawaitable_save_arb(aw, 0) == 0 && pyawaitable_save_int(aw, 0) == 0);
    CHECK(pyawaitable_unpack(aw) == -1 && PyErr_ExceptionMatches(PyExc_RuntimeError));
    PyErr_Clear();
    CHECK(pyawaitable_unpack_arb(aw) == -1 && PyErr_ExceptionMatches(PyExc_RuntimeError));
    PyErr_Clear();
    CHECK(pyawaitable_unpack_int(aw) == -1 && PyErr_ExceptionMatches(PyExc_RuntimeError));
    PyErr_Clear();
    CHECK(pyawaitable_save(aw, 1, object) == 0 && pyawaitable_unpack(aw, &read) == 0 && read == object);
    CHECK(pyawaitable_save_arb(aw, 1, &number) == 0 && pyawaitable_unpack_arb(aw, &pointer) == 0);
    CHECK(pyawaitable_save_int(aw, 1, -5L) == 0 && pyawaitable_unpack_int(aw, &number) == 0);
    CHECK(pointer == &number && number == -5);
    CHECK(pyawaitable_unpack(aw, NULL) == 0 && pyawaitable_unpack_arb(aw, NULL) == 0);
    CHECK(pyawaitable_unpack_int(aw, NULL) == 0);
    RETURN_TRUE;
}

static PyObject *
by_index(PyObject *module, PyObject *object)
{
    PyObject *aw = pyawaitable_new();
    long number = 0;

    (void)module;
    CHECK(aw != NULL);
    CHECK(pyawaitable_save(aw, 2, Py_None, Py_None) == 0);
    CHECK(pyawaitable_save_arb(aw, 2, (void *)NULL, (void *)&number) == 0);
    CHECK(pyawaitable_save_int(aw, 2, 1L, -1L) == 0);
    CHECK(pyawaitable_set(aw, 1, object) == 0 && pyawaitable_get(aw, 1) == object && pyawaitable_get(aw, 0) == Py_None);
    CHECK(pyawaitable_set_arb(aw, 0, aw) == 0 && pyawaitable_get_arb(aw, 0) == aw);
    CHECK(pyawaitable_get_arb(aw, 1) == &number);
    CHECK(pyawaitable_set_int(aw, 0, 70L) == 0 && pyawaitable_get_int(aw, 0) == 70);
    CHECK(pyawaitable_get_int(aw, 1) == -1 && !PyErr_Occurred());
    CHECK(pyawaitable_get(aw, 2) == NULL && PyErr_ExceptionMatches(PyExc_IndexError));
    PyErr_Clear();
    CHECK(pyawaitable_set_arb(aw, 2, NULL) == -1 && PyErr_ExceptionMatches(PyExc_IndexError));
    PyErr_Clear();
    CHECK(pyawaitable_get_int(aw, 2) == -1 && PyErr_ExceptionMatches(PyExc_IndexError));
    PyErr_Clear();
    RETURN_TRUE;
}

PyMethodDef compat1x_values[] = {
    {"many_objects", many_objects, METH_O, NULL},
    {"many_plain", many_plain, METH_NOARGS, NULL},
    {"one_or_none", one_or_none, METH_O, NULL},
    {"by_index", by_index, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
