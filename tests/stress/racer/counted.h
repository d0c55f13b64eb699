/* What bodies and generators count while several threads use them. */
#ifndef COUNTED_H
#define COUNTED_H

#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>
#include <stdatomic.h>

/* Frames, TRYs, and how often a thread came into a body that another was in. */
extern atomic_long made, released, entered, left, overlaps;

typedef struct {
    HEAD
    PyObject *inner, *block, *kept, *value, *item;
    DATA
    atomic_int inside;
    /* Not atomic: only the thread that runs the body may touch them, which ThreadSanitizer checks. */
    int count, steps, stop;
} Frame;

extern void release_frame(void *frame);

#define COME                                                                                                           \
    do {                                                                                                               \
        if (atomic_exchange(&f->inside, 1)) {                                                                          \
            atomic_fetch_add(&overlaps, 1);                                                                            \
        }                                                                                                              \
        f->steps++;                                                                                                    \
    } while (0)

#define GO atomic_store(&f->inside, 0)

/* A function that makes a body or a generator with up to three arguments and a number. */
#define FUNCTION(name, make, format)                                                                                   \
    static const PyAwaitable_Definition name##_definition =                                                            \
        PyAwaitable_DEFINITION_WITH(#name, name##_body, Frame, NULL, release_frame);                                   \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *args)                                                 \
    {                                                                                                                  \
        Frame *f;                                                                                                      \
        PyObject *object = make(&name##_definition, &f);                                                               \
        if (object == NULL) {                                                                                          \
            return NULL;                                                                                               \
        }                                                                                                              \
        atomic_fetch_add(&made, 1);                                                                                    \
        if (PyAwaitable_ParseFrame(object, args, NULL, format, NULL, &f->kept, &f->inner, &f->block, &f->stop) < 0) {  \
            Py_CLEAR(object);                                                                                          \
        }                                                                                                              \
        return object;                                                                                                 \
    }

#endif
