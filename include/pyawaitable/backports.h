/* CPython names that the header of PyAwaitable 2.x defined for older versions of Python, which lack them:
   PyErr_GetRaisedException(), PyErr_SetRaisedException(), Py_NewRef(), Py_XNewRef(). They do what CPython's documentation says.
   Include pythoncapi_compat.h before pyawaitable.h: what it has defined stays. PYAWAITABLE_NO_BACKPORTS leaves all of them out.
   Written by hand, and included only by pyawaitable.h. */
#ifndef PYAWAITABLE_BACKPORTS_H
#define PYAWAITABLE_BACKPORTS_H

#ifndef PYAWAITABLE_NO_BACKPORTS

/* Missing before 3.12, and in the limited API before 3.12. pythoncapi_compat.h does not have them. */
#if PY_VERSION_HEX < 0x030C0000 || (defined(Py_LIMITED_API) && Py_LIMITED_API + 0 < 0x030C0000)

PYAWAITABLE_INLINE PyObject *
PyAwaitable__get_raised_exception(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(value, traceback);
    }
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

PYAWAITABLE_INLINE void
PyAwaitable__set_raised_exception(PyObject *exception)
{
    PyObject *type;
    if (exception == NULL) {
        PyErr_Clear();
        return;
    }
    type = (PyObject *)Py_TYPE(exception);
    Py_INCREF(type);
    PyErr_Restore(type, exception, PyException_GetTraceback(exception));
}

#define PyErr_GetRaisedException PyAwaitable__get_raised_exception
#define PyErr_SetRaisedException PyAwaitable__set_raised_exception

#endif

/* Missing before 3.10. */
#if PY_VERSION_HEX < 0x030A0000

PYAWAITABLE_INLINE PyObject *
PyAwaitable__new_ref(PyObject *object)
{
    Py_INCREF(object);
    return object;
}

PYAWAITABLE_INLINE PyObject *
PyAwaitable__xnew_ref(PyObject *object)
{
    Py_XINCREF(object);
    return object;
}

/* For any object type, like CPython's. */
#ifdef __cplusplus
#define PYAWAITABLE__OBJECT(object) reinterpret_cast<PyObject *>(object)
#else
#define PYAWAITABLE__OBJECT(object) ((PyObject *)(object))
#endif
#ifndef Py_NewRef
#define Py_NewRef(object) PyAwaitable__new_ref(PYAWAITABLE__OBJECT(object))
#endif
#ifndef Py_XNewRef
#define Py_XNewRef(object) PyAwaitable__xnew_ref(PYAWAITABLE__OBJECT(object))
#endif

#endif

#endif /* PYAWAITABLE_NO_BACKPORTS */

/* Macros that 2.x had for its own use, and that some sources use, too. */
#if defined(__GNUC__) || defined(__clang__)
#define PyAwaitable_LIKELY(condition) (__builtin_expect(!!(condition), 1))
#define PyAwaitable_UNLIKELY(condition) (__builtin_expect(!!(condition), 0))
#define PyAwaitable_HOT __attribute__((hot))
#define PyAwaitable_COLD __attribute__((cold))
#define PyAwaitable_PURE __attribute__((pure))
#define PyAwaitable_CONST __attribute__((const))
#else
#define PyAwaitable_LIKELY(condition) (condition)
#define PyAwaitable_UNLIKELY(condition) (condition)
#define PyAwaitable_HOT
#define PyAwaitable_COLD
#define PyAwaitable_PURE
#define PyAwaitable_CONST
#endif
/* A guarantee that only some compilers give; here there is none. */
#define PyAwaitable_MUSTTAIL

#endif /* PYAWAITABLE_BACKPORTS_H */
