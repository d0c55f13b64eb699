/* Variadic functions called with 0, 1, 20 and 300 arguments written out. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pyawaitable.h>

#include "units.h"

#define TEN(a, n)                                                                                                      \
    a[(n)], a[(n) + 1], a[(n) + 2], a[(n) + 3], a[(n) + 4], a[(n) + 5], a[(n) + 6], a[(n) + 7], a[(n) + 8], a[(n) + 9]
#define HUNDRED(a, n)                                                                                                  \
    TEN(a, n), TEN(a, (n) + 10), TEN(a, (n) + 20), TEN(a, (n) + 30), TEN(a, (n) + 40), TEN(a, (n) + 50),               \
        TEN(a, (n) + 60), TEN(a, (n) + 70), TEN(a, (n) + 80), TEN(a, (n) + 90)
#define TWENTY(a) TEN(a, 0), TEN(a, 10)
#define THREE_HUNDRED(a) HUNDRED(a, 0), HUNDRED(a, 100), HUNDRED(a, 200)

/* Everything that is saved, in order, and where it is unpacked to. */
typedef struct {
    PyObject *objects[300], *objects_read[300], **object_pointers[300];
    void *pointers[300], *pointers_read[300], **pointer_pointers[300];
    long longs[300], longs_read[300], *long_pointers[300];
} Values;

static Values values;

static void
fill(Values *v)
{
    for (int i = 0; i < 300; i++) {
        v->objects[i] = i % 2 ? Py_True : Py_False;
        v->pointers[i] = &v->pointers[i];
        v->longs[i] = 1000000L + i;
        v->objects_read[i] = NULL;
        v->pointers_read[i] = NULL;
        v->longs_read[i] = 0;
        v->object_pointers[i] = &v->objects_read[i];
        v->pointer_pointers[i] = &v->pointers_read[i];
        v->long_pointers[i] = &v->longs_read[i];
    }
}

static int
save_all(PyObject *aw, long number, Values *v)
{
    switch (number) {
    case 0:
        return PyAwaitable_SaveValues(aw, 0) || PyAwaitable_SaveArbValues(aw, 0) || PyAwaitable_SaveIntValues(aw, 0);
    case 1:
        return PyAwaitable_SaveValues(aw, 1, v->objects[0]) || PyAwaitable_SaveArbValues(aw, 1, v->pointers[0]) ||
               PyAwaitable_SaveIntValues(aw, 1, v->longs[0]);
    case 20:
        return PyAwaitable_SaveValues(aw, 20, TWENTY(v->objects)) ||
               PyAwaitable_SaveArbValues(aw, 20, TWENTY(v->pointers)) ||
               PyAwaitable_SaveIntValues(aw, 20, TWENTY(v->longs));
    default:
        return PyAwaitable_SaveValues(aw, 300, THREE_HUNDRED(v->objects)) ||
               PyAwaitable_SaveArbValues(aw, 300, THREE_HUNDRED(v->pointers)) ||
               PyAwaitable_SaveIntValues(aw, 300, THREE_HUNDRED(v->longs));
    }
}

static int
unpack_all(PyObject *aw, long number, Values *v)
{
    switch (number) {
    case 0:
        return 0;
    case 1:
        return PyAwaitable_UnpackValues(aw, v->object_pointers[0]) ||
               PyAwaitable_UnpackArbValues(aw, v->pointer_pointers[0]) ||
               PyAwaitable_UnpackIntValues(aw, v->long_pointers[0]);
    case 20:
        return PyAwaitable_UnpackValues(aw, TWENTY(v->object_pointers)) ||
               PyAwaitable_UnpackArbValues(aw, TWENTY(v->pointer_pointers)) ||
               PyAwaitable_UnpackIntValues(aw, TWENTY(v->long_pointers));
    default:
        return PyAwaitable_UnpackValues(aw, THREE_HUNDRED(v->object_pointers)) ||
               PyAwaitable_UnpackArbValues(aw, THREE_HUNDRED(v->pointer_pointers)) ||
               PyAwaitable_UnpackIntValues(aw, THREE_HUNDRED(v->long_pointers));
    }
}

/* How many of each kind came back, if all are right and no more; else -1. */
static long
count_read(Values *v)
{
    long number = 0;

    while (number < 300 && v->objects_read[number] != NULL) {
        long i = number++;
        if (v->objects_read[i] != v->objects[i] || v->pointers_read[i] != v->pointers[i] ||
            v->longs_read[i] != v->longs[i]) {
            return -1;
        }
    }
    for (long i = number; i < 300; i++) {
        if (v->objects_read[i] != NULL || v->pointers_read[i] != NULL || v->longs_read[i] != 0) {
            return -1;
        }
    }
    return number;
}

/* many_values(number): saves and unpacks that many values of each kind; how many came back. */
PyObject *
units_many_values(PyObject *module, PyObject *number)
{
    PyObject *aw = PyAwaitable_New();
    long count = PyLong_AsLong(number);
    int failed;

    (void)module;
    if (aw == NULL || PyErr_Occurred()) {
        Py_XDECREF(aw);
        return NULL;
    }
    fill(&values);
    failed = save_all(aw, count, &values) || unpack_all(aw, count, &values);
    PyAwaitable_Cancel(aw);
    Py_DECREF(aw);
    return failed ? NULL : PyLong_FromLong(count_read(&values));
}
