// Generators and loops from C++: a generator that loops, a body that loops, and a loop of callbacks, which are lambdas.
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

#include "cplusplus.hpp"

namespace {

struct Frame {
    HEAD
    PyObject *iterable, *item, *sent;
    DATA
    long count;
};

// async def doubled(iterable):
//     try:
//         async for item in iterable:
//             sent = yield item + item
//             if sent is not None:
//                 yield sent
//     finally:
//         await iterable.aclose()
BODY(doubled_body, Frame, f)
    TRY
        ASYNC_FOR(item, Py_NewRef(f->iterable))
            YIELD(sent, PyNumber_Add(f->item, f->item));
            if (f->sent != Py_None) {
                YIELD_ONLY(Py_NewRef(f->sent));
            }
        END_FOR
    FINALLY
        AWAIT_ONLY(PyObject_CallMethod(f->iterable, "aclose", nullptr));
    END_TRY
END_BODY

// async def counted(iterable): how many items there are, `continue` and `break` included.
BODY(counted_body, Frame, f)
    ASYNC_FOR(item, Py_NewRef(f->iterable))
        if (f->item == Py_None) {
            CONTINUE;
        }
        if (f->item == Py_False) {
            BREAK;
        }
        f->count++;
    END_FOR
    RETURN(PyLong_FromLong(f->count));
END_BODY

const PyAwaitable_Definition doubled_definition = PyAwaitable_DEFINITION("doubled", doubled_body, Frame);
const PyAwaitable_Definition counted_definition = PyAwaitable_DEFINITION("counted", counted_body, Frame);

} // namespace

PyObject *
doubled(PyObject *, PyObject *iterable)
{
    Frame *f;
    PyObject *generator = PyAwaitable_NewGenerator(&doubled_definition, &f);
    if (generator != nullptr) {
        f->iterable = Py_NewRef(iterable);
    }
    return generator;
}

PyObject *
counted(PyObject *, PyObject *iterable)
{
    Frame *f;
    PyObject *awaitable = PyAwaitable_NewBody(&counted_definition, &f);
    if (awaitable != nullptr) {
        f->iterable = Py_NewRef(iterable);
    }
    return awaitable;
}

// collected(iterable): a list of the items before a None, and whether that came.
PyObject *
collected(PyObject *, PyObject *iterable)
{
    PyObject *aw = PyAwaitable_New(), *list = PyList_New(0);
    auto each = [](PyObject *self, PyObject *item) {
        PyObject *kept = PyAwaitable_GetValue(self, 0);
        return kept == nullptr ? -1 : item == Py_None ? 1 : PyList_Append(kept, item);
    };
    auto end = [](PyObject *self) {
        PyObject *kept = PyAwaitable_GetValue(self, 0);
        return kept == nullptr ? -1 : PyList_Append(kept, Py_Ellipsis);
    };
    auto handled = [](PyObject *self, PyObject *error) {
        PyObject *kept = PyAwaitable_GetValue(self, 0);
        return kept == nullptr ? -1 : PyList_Append(kept, error);
    };
    if (aw == nullptr || list == nullptr || PyAwaitable_SaveValues(aw, 1, list) < 0 ||
        PyAwaitable_SetResult(aw, list) < 0 || PyAwaitable_AsyncFor(aw, iterable, each, end, handled) < 0) {
        Py_CLEAR(aw);
    }
    Py_XDECREF(list);
    return aw;
}
