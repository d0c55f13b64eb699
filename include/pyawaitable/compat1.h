/* The names of PyAwaitable 1.x. Written by hand. */
#ifndef PYAWAITABLE_COMPAT1_H
#define PYAWAITABLE_COMPAT1_H

#define PYAWAITABLE_MAJOR_VERSION PyAwaitable_MAJOR_VERSION
#define PYAWAITABLE_MINOR_VERSION PyAwaitable_MINOR_VERSION
#define PYAWAITABLE_MICRO_VERSION PyAwaitable_MICRO_VERSION
#define PYAWAITABLE_RELEASE_LEVEL PyAwaitable_RELEASE_LEVEL

typedef PyAwaitable_Callback awaitcallback;
typedef PyAwaitable_Error awaitcallback_err;
typedef PyAwaitable_Defer defer_callback;

#define pyawaitable_new PyAwaitable_New
#define pyawaitable_cancel PyAwaitable_Cancel
#define pyawaitable_set_result PyAwaitable_SetResult
#define pyawaitable_await PyAwaitable_AddAwait
#define pyawaitable_await_function PyAwaitable_AwaitFunction
#define pyawaitable_async_with PyAwaitable_AsyncWith
#define pyawaitable_defer_await PyAwaitable_DeferAwait
#define pyawaitable_save PyAwaitable_SaveValues
#define pyawaitable_save_arb PyAwaitable_SaveArbValues
#define pyawaitable_save_int PyAwaitable_SaveIntValues
#define pyawaitable_unpack PyAwaitable_UnpackValues
#define pyawaitable_unpack_arb PyAwaitable_UnpackArbValues
#define pyawaitable_unpack_int PyAwaitable_UnpackIntValues
#define pyawaitable_set PyAwaitable_SetValue
#define pyawaitable_set_arb PyAwaitable_SetArbValue
#define pyawaitable_set_int PyAwaitable_SetIntValue
#define pyawaitable_get PyAwaitable_GetValue
#define pyawaitable_get_arb PyAwaitable_GetArbValue
#define pyawaitable_get_int PyAwaitable_GetIntValue
/* In 1.x one file of an extension initialized, the one that defined PYAWAITABLE_THIS_FILE_INIT; here any may, and
   neither that macro nor PYAWAITABLE_PYAPI changes anything. */
#define pyawaitable_init PyAwaitable_Init

/* An error, as in 1.x: the library is not copied into an extension this way. */
PYAWAITABLE_INLINE int
pyawaitable_vendor_init(PyObject *module)
{
    (void)module;
    PyErr_SetString(PyExc_SystemError,
                    "pyawaitable_vendor_init() is for a vendored copy, and this is an installed one: call "
                    "PyAwaitable_Init()");
    return -1;
}

/* The functions in a struct, as 1.x exported them. */
#if defined(__GNUC__) && !defined(__cplusplus)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wc++-compat" /* the name `new` */
#endif
typedef struct PyAwaitableABI {
    Py_ssize_t size;
#ifdef __cplusplus
    PyObject *(*new_)(void);
#else
    PyObject *(*new)(void);
#endif
    int (*await)(PyObject *, PyObject *, awaitcallback, awaitcallback_err);
    void (*cancel)(PyObject *);
    int (*set_result)(PyObject *, PyObject *);
    int (*save)(PyObject *, Py_ssize_t, ...);
    int (*save_arb)(PyObject *, Py_ssize_t, ...);
    int (*unpack)(PyObject *, ...);
    int (*unpack_arb)(PyObject *, ...);
    PyTypeObject *PyAwaitableType;
    int (*await_function)(PyObject *, PyObject *, const char *, awaitcallback, awaitcallback_err, ...);
    int (*save_int)(PyObject *, Py_ssize_t, ...);
    int (*unpack_int)(PyObject *, ...);
    int (*set)(PyObject *, Py_ssize_t, PyObject *);
    int (*set_arb)(PyObject *, Py_ssize_t, void *);
    int (*set_int)(PyObject *, Py_ssize_t, long);
    PyObject *(*get)(PyObject *, Py_ssize_t);
    void *(*get_arb)(PyObject *, Py_ssize_t);
    long (*get_int)(PyObject *, Py_ssize_t);
    int (*async_with)(PyObject *, PyObject *, awaitcallback, awaitcallback_err);
    int (*defer_await)(PyObject *, defer_callback);
} PyAwaitableABI;
#if defined(__GNUC__) && !defined(__cplusplus)
#pragma GCC diagnostic pop
#endif

/* clang-format off */
/* Its value, without the type. */
#define PYAWAITABLE__ABI                                                                                               \
    {                                                                                                                  \
        (Py_ssize_t)sizeof(PyAwaitableABI), PyAwaitable_New, PyAwaitable_AddAwait, PyAwaitable_Cancel,                 \
            PyAwaitable_SetResult, PyAwaitable_SaveValues, PyAwaitable_SaveArbValues, PyAwaitable_UnpackValues,        \
            PyAwaitable_UnpackArbValues, NULL, PyAwaitable_AwaitFunction, PyAwaitable_SaveIntValues,                   \
            PyAwaitable_UnpackIntValues, PyAwaitable_SetValue, PyAwaitable_SetArbValue, PyAwaitable_SetIntValue,       \
            PyAwaitable_GetValue, PyAwaitable_GetArbValue, PyAwaitable_GetIntValue, PyAwaitable_AsyncWith,             \
            PyAwaitable_DeferAwait                                                                                     \
    }
/* clang-format on */

/* The functions of this header in that form. The type is that of the interpreter that asked last: an extension that is used in
   several interpreters calls PyAwaitable_GetType(). */
PYAWAITABLE_INLINE PyAwaitableABI *
PyAwaitable__abi(void)
{
    static PyAwaitableABI abi = PYAWAITABLE__ABI;
#if defined(_MSC_VER) && !defined(__clang__)
    _InterlockedExchangePointer((void *volatile *)&abi.PyAwaitableType, (void *)PyAwaitable_GetType());
#else
    __atomic_store_n(&abi.PyAwaitableType, PyAwaitable_GetType(), __ATOMIC_RELEASE);
#endif
    return &abi;
}

#define pyawaitable_abi PyAwaitable__abi()
#define PyAwaitable_ABI PyAwaitable__abi()
#define PyAwaitableType PyAwaitable_GetType()
#define PyAwaitable_Type PyAwaitable_GetType()

#endif /* PYAWAITABLE_COMPAT1_H */
