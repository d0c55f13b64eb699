/* A generator, a body with a loop, and a loop of callbacks, for the limited API. */
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x03090000
#endif
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

/* async def doubled(iterable):
 *     try:
 *         async for item in iterable:
 *             yield item + item
 *     finally:
 *         await iterable.aclose()
 */
typedef struct {
    HEAD
    PyObject *iterable, *item;
    DATA
    long count;
} Frame;

BODY(doubled_body, Frame, f)
    TRY
        ASYNC_FOR(item, Py_NewRef(f->iterable))
            YIELD_ONLY(PyNumber_Add(f->item, f->item));
        END_FOR
    FINALLY
        AWAIT_ONLY(PyObject_CallMethod(f->iterable, "aclose", NULL));
    END_TRY
END_BODY

/* async def counted(iterable): how many items there are before a None. */
BODY(counted_body, Frame, f)
    ASYNC_FOR(item, Py_NewRef(f->iterable))
        if (f->item == Py_None) {
            BREAK;
        }
        f->count++;
    END_FOR
    RETURN(PyLong_FromLong(f->count));
END_BODY

static const PyAwaitable_Definition doubled_definition = PyAwaitable_DEFINITION("doubled", doubled_body, Frame);
static const PyAwaitable_Definition counted_definition = PyAwaitable_DEFINITION("counted", counted_body, Frame);

static PyObject *
doubled(PyObject *module, PyObject *iterable)
{
    Frame *f;
    PyObject *generator = PyAwaitable_NewGenerator(&doubled_definition, &f);

    (void)module;
    if (generator != NULL) {
        f->iterable = Py_NewRef(iterable);
    }
    return generator;
}

static PyObject *
counted(PyObject *module, PyObject *iterable)
{
    Frame *f;
    PyObject *awaitable = PyAwaitable_NewBody(&counted_definition, &f);

    (void)module;
    if (awaitable != NULL) {
        f->iterable = Py_NewRef(iterable);
    }
    return awaitable;
}

/* Adds an item to the list that is saved, unless it is None. */
static int
append(PyObject *awaitable, PyObject *item)
{
    PyObject *list = PyAwaitable_GetValue(awaitable, 0);

    if (list == NULL) {
        return -1;
    }
    return item == Py_None ? 1 : PyList_Append(list, item);
}

static int
append_error(PyObject *awaitable, PyObject *error)
{
    return append(awaitable, error);
}

static int
append_end(PyObject *awaitable)
{
    return append(awaitable, Py_True);
}

/* collected(iterable): a list of the items before a None; or of all of them, and True; or of those before an error, and that. */
static PyObject *
collected(PyObject *module, PyObject *iterable)
{
    PyObject *list = PyList_New(0), *awaitable = PyAwaitable_New();

    (void)module;
    if (list == NULL || awaitable == NULL || PyAwaitable_SaveValues(awaitable, 1, list) < 0 ||
        PyAwaitable_SetResult(awaitable, list) < 0 ||
        PyAwaitable_AsyncFor(awaitable, iterable, append, append_end, append_error) < 0) {
        Py_XDECREF(awaitable);
        awaitable = NULL;
    }
    Py_XDECREF(list);
    return awaitable;
}

PyMethodDef streams[] = {
    {"doubled", doubled, METH_O | METH_ASYNC_GENERATOR, NULL},
    {"counted", counted, METH_O | METH_ASYNC, NULL},
    {"collected", collected, METH_O | METH_ASYNC, NULL},
    {NULL, NULL, 0, NULL},
};
