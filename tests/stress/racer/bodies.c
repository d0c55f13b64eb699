/* Bodies that several threads step, throw into, close, look at and drop at the same time. They count what begins and what ends,
 * and notice if two threads are in one of them. */
#include "counted.h"

atomic_long made, released, entered, left, overlaps;

void
release_frame(void *frame)
{
    ((Frame *)frame)->steps = -1;
    atomic_fetch_add(&released, 1);
}

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

FUNCTION(once, PyAwaitable_NewBody, "OO|Oi")
FUNCTION(often, PyAwaitable_NewBody, "OOO|i")

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
