/* What only C can say: these structures are public in CPython's headers, and laid out anew in every version. */
#include <Python.h>

#if PY_VERSION_HEX >= 0x030B0000
_Static_assert(sizeof(_PyErr_StackItem) <= 4 * sizeof(void *), "ffi.rs reserves four words");
#endif

void pyawaitable_shim_push_handled(_PyErr_StackItem *item, PyObject *exception);
void pyawaitable_shim_pop_handled(_PyErr_StackItem *item);
int pyawaitable_shim_is_marked_generator(PyObject *object);

/* From here to the pop, `exception` is what an except block would see: the same that a native coroutine does for its own
   frame, so that nothing of the caller's own handled exception is lost or moved. `item` lives on the caller's stack. */
void pyawaitable_shim_push_handled(_PyErr_StackItem *item, PyObject *exception)
{
    PyThreadState *tstate = PyThreadState_Get();
    Py_INCREF(exception);
    item->exc_value = exception;
#if PY_VERSION_HEX < 0x030B0000
    item->exc_type = (PyObject *)Py_TYPE(exception);
    Py_INCREF(item->exc_type);
    item->exc_traceback = PyException_GetTraceback(exception);
#endif
    item->previous_item = tstate->exc_info;
    tstate->exc_info = item;
}

void pyawaitable_shim_pop_handled(_PyErr_StackItem *item)
{
    PyThreadState *tstate = PyThreadState_Get();
    tstate->exc_info = item->previous_item;
#if PY_VERSION_HEX < 0x030B0000
    Py_XDECREF(item->exc_type);
    Py_XDECREF(item->exc_traceback);
#endif
    Py_XDECREF(item->exc_value);
}

/* Whether `object` is a generator that types.coroutine has marked. Sets no exception. */
int pyawaitable_shim_is_marked_generator(PyObject *object)
{
    if (!PyGen_CheckExact(object)) {
        return 0;
    }
#if PY_VERSION_HEX >= 0x030C0000
    PyCodeObject *code = PyGen_GetCode((PyGenObject *)object);
    int flags = code->co_flags;
    Py_DECREF(code);
    return (flags & CO_ITERABLE_COROUTINE) != 0;
#else
    /* A PyObject * until 3.10. */
    PyCodeObject *code = (PyCodeObject *)((PyGenObject *)object)->gi_code;
    return code != NULL && (code->co_flags & CO_ITERABLE_COROUTINE) != 0;
#endif
}
