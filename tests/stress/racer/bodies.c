/* Bodies that several threads step, throw into, close, look at and drop at the same time. They count what begins and what ends,
 * and notice if two threads are in one of them. */
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>
#include <stdatomic.h>

/* Frames, TRYs, and how often a thread came into a body that another was in. */
static atomic_long made, released, entered, left, overlaps;

typedef struct {
    HEAD
    PyObject *inner, *block, *kept, *value, *item;
    DATA
    atomic_int inside;
    /* Not atomic: only the thread that runs the body may touch them, which ThreadSanitizer checks. */
    int count, steps;
} Frame;

static void
release_frame(void *frame)
{
    ((Frame *)frame)->steps = -1;
    atomic_fetch_add(&released, 1);
}

#define COME                                                                                                           \
    do {                                                                                                               \
        if (atomic_exchange(&f->inside, 1)) {                                                                          \
            atomic_fetch_add(&overlaps, 1);                                                                            \
        }                                                                                                              \
        f->steps++;                                                                                                    \
    } while (0)

#define GO atomic_store(&f->inside, 0)

BODY(once_body, Frame, f)
    COME;
    GO;
    AWAIT(item, Py_NewRef(f->inner));
    COME;
    GO;
    RETURN(Py_NewRef(f->kept));
END_BODY

BODY(often_body, Frame, f)
    for (f->count = 0; f->count < 4; f->count++) {
        LOOP
        TRY
            ASYNC_WITH(value, Py_NewRef(f->block))
                TRY
                    COME;
                    atomic_fetch_add(&entered, 1);
                    GO;
                    AWAIT(item, PyObject_CallNoArgs(f->inner));
                    COME;
                    GO;
                    if (f->count == 1) {
                        CONTINUE;
                    }
                FINALLY
                    COME;
                    atomic_fetch_add(&left, 1);
                    GO;
                    AWAIT_ONLY(PyObject_CallNoArgs(f->inner));
                END_TRY
            END_WITH
        EXCEPT
            if (CAUGHT(PyExc_Exception)) {
                COME;
                GO;
                AWAIT(value, PyObject_CallNoArgs(f->inner));
            }
        END_TRY
    }
    RETURN(Py_NewRef(f->kept));
END_BODY

#define FUNCTION(name, format)                                                                                         \
    static const PyAwaitable_Definition name##_definition =                                                            \
        PyAwaitable_DEFINITION_WITH(#name, name##_body, Frame, NULL, release_frame);                                   \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *args)                                                 \
    {                                                                                                                  \
        Frame *f;                                                                                                      \
        PyObject *awaitable = PyAwaitable_NewBody(&name##_definition, &f);                                             \
        if (awaitable == NULL) {                                                                                       \
            return NULL;                                                                                               \
        }                                                                                                              \
        atomic_fetch_add(&made, 1);                                                                                    \
        if (PyAwaitable_ParseFrame(awaitable, args, NULL, format, NULL, &f->kept, &f->inner, &f->block) < 0) {         \
            Py_CLEAR(awaitable);                                                                                       \
        }                                                                                                              \
        return awaitable;                                                                                              \
    }

FUNCTION(once, "OO|O")
FUNCTION(often, "OOO")

/* bodies(): (frames made, released, TRYs entered, left, overlaps) since the last call. */
static PyObject *
bodies(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return Py_BuildValue("lllll", atomic_exchange(&made, 0), atomic_exchange(&released, 0),
                         atomic_exchange(&entered, 0), atomic_exchange(&left, 0), atomic_exchange(&overlaps, 0));
}

PyMethodDef racer_bodies[] = {
    {"once", once, METH_VARARGS, "once(value, awaited): a body with one await, which returns the value"},
    {"often", often, METH_VARARGS, "often(value, make, context): a body with awaits in loops and blocks"},
    {"bodies", bodies, METH_NOARGS, "bodies(): what the counters say, which are 0 then"},
    {NULL, NULL, 0, NULL},
};
