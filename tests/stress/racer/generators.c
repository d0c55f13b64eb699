/* Generators that several threads iterate over, throw into, close, look at and drop at the same time, and loops over them. They
 * count as bodies.c does. */
#include "counted.h"

/* Leaves the body with what is to be awaited: whoever calls `inner` is still inside. */
static PyObject *
go_for(Frame *f, PyObject *awaited)
{
    GO;
    return awaited;
}

/* The numbers below `stop`, at once. */
BODY(numbers_body, Frame, f)
    for (f->count = 0; f->count < f->stop; f->count++) {
        COME;
        GO;
        YIELD_ONLY(PyLong_FromLong(f->count));
    }
END_BODY
FUNCTION(numbers, PyAwaitable_NewGenerator, "OOOi")

/* The same, with awaits inside of blocks. Where what is awaited fails, a number may be left out. */
BODY(stream_body, Frame, f)
    for (f->count = 0; f->count < f->stop; f->count++) {
        LOOP
        TRY
            ASYNC_WITH(value, Py_NewRef(f->block))
                TRY
                    COME;
                    atomic_fetch_add(&entered, 1);
                    AWAIT_ONLY(go_for(f, PyObject_CallNoArgs(f->inner)));
                    COME;
                    GO;
                    YIELD(item, PyLong_FromLong(f->count));
                    COME;
                    GO;
                    if (f->count % 4 == 1) {
                        CONTINUE;
                    }
                FINALLY
                    COME;
                    atomic_fetch_add(&left, 1);
                    AWAIT_ONLY(go_for(f, PyObject_CallNoArgs(f->inner)));
                END_TRY
            END_WITH
        EXCEPT
            if (CAUGHT(PyExc_Exception)) {
                COME;
                AWAIT_ONLY(go_for(f, PyObject_CallNoArgs(f->inner)));
            }
        END_TRY
    }
END_BODY
FUNCTION(stream, PyAwaitable_NewGenerator, "OOOi")

/* `async for item in generator: list.append(item)`, and the value in the end. */
BODY(consume_body, Frame, f)
    TRY
        COME;
        atomic_fetch_add(&entered, 1);
        GO;
        ASYNC_FOR(item, Py_NewRef(f->inner))
            COME;
            f->count = PyList_Append(f->block, f->item);
            GO;
            CHECK(f->count == 0);
        END_FOR
    FINALLY
        COME;
        atomic_fetch_add(&left, 1);
        GO;
    END_TRY
    RETURN(Py_NewRef(f->kept));
END_BODY
FUNCTION(consume, PyAwaitable_NewBody, "OOO|i")

static int
on_item(PyObject *awaitable, PyObject *item)
{
    PyObject *list;
    return PyAwaitable_UnpackValues(awaitable, &list) < 0 ? -1 : PyList_Append(list, item);
}

/* collect(list, generator): the same with callbacks. */
static PyObject *
collect(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *list, *generator, *awaitable = PyAwaitable_New();
    if (awaitable != NULL && (!PyArg_ParseTuple(args, "OO", &list, &generator) ||
                              PyAwaitable_SaveValues(awaitable, 1, list) < 0 ||
                              PyAwaitable_AsyncFor(awaitable, generator, on_item, NULL, NULL) < 0)) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

PyMethodDef racer_generators[] = {
    {"numbers", numbers, METH_VARARGS, "numbers(value, make, context, stop): a generator of items that are ready"},
    {"stream", stream, METH_VARARGS, "stream(value, make, context, stop): a generator with awaits in loops and blocks"},
    {"consume", consume, METH_VARARGS, "consume(value, generator, list): a body that appends what the generator yields"},
    {"collect", collect, METH_VARARGS, "collect(list, generator): an awaitable that does so, too"},
    {NULL, NULL, 0, NULL},
};
