#ifndef PYAWAITABLE_TABLE_H
#define PYAWAITABLE_TABLE_H

/* Made from src/capi by `make header`: do not edit. */

/* The functions of the API, as the capsule `_pyawaitable.abi_v3` holds them. An extension calls them through the functions
   of this header, never by itself.

   The table begins with its size in bytes and the runtime's version, 0x03MMmmR0. It only ever grows, at its end: what an
   older header knows of stays where it is. */
typedef struct {
    Py_ssize_t size;
    long version;
    int (*Init)(void);
    PyTypeObject *(*GetType)(void);
    PyObject *(*New)(void);
    int (*AddAwait)(PyObject *awaitable, PyObject *object, PyAwaitable_Callback callback, PyAwaitable_Error error);
    int (*AddExpr)(PyObject *awaitable, PyObject *expr, PyAwaitable_Callback callback, PyAwaitable_Error error);
    int (*DeferAwait)(PyObject *awaitable, PyAwaitable_Defer callback);
    int (*AwaitCall)(PyObject *awaitable, PyObject *function, PyObject *arguments, PyAwaitable_Callback callback,
                     PyAwaitable_Error error);
    int (*AsyncWith)(PyObject *awaitable, PyObject *context, PyAwaitable_Callback callback, PyAwaitable_Error error);
    void (*Cancel)(PyObject *awaitable);
    int (*SetResult)(PyObject *awaitable, PyObject *result);
    Py_ssize_t (*ValueCount)(PyObject *awaitable);
    int (*SaveValueArray)(PyObject *awaitable, Py_ssize_t count, PyObject *const *values);
    Py_ssize_t (*UnpackValueArray)(PyObject *awaitable, Py_ssize_t count, PyObject **values);
    int (*SetValue)(PyObject *awaitable, Py_ssize_t index, PyObject *value);
    PyObject *(*GetValue)(PyObject *awaitable, Py_ssize_t index);
    Py_ssize_t (*ArbValueCount)(PyObject *awaitable);
    int (*SaveArbValueArray)(PyObject *awaitable, Py_ssize_t count, void *const *values);
    Py_ssize_t (*UnpackArbValueArray)(PyObject *awaitable, Py_ssize_t count, void **values);
    int (*SetArbValue)(PyObject *awaitable, Py_ssize_t index, void *value);
    void *(*GetArbValue)(PyObject *awaitable, Py_ssize_t index);
    Py_ssize_t (*IntValueCount)(PyObject *awaitable);
    int (*SaveIntValueArray)(PyObject *awaitable, Py_ssize_t count, const long *values);
    Py_ssize_t (*UnpackIntValueArray)(PyObject *awaitable, Py_ssize_t count, long *values);
    int (*SetIntValue)(PyObject *awaitable, Py_ssize_t index, long value);
    long (*GetIntValue)(PyObject *awaitable, Py_ssize_t index);
    int (*AddFunctions)(PyObject *module, PyMethodDef *table);
    int (*AddMethods)(PyTypeObject *type, PyMethodDef *table);
    PyObject *(*AsCoroutine)(PyObject *awaitable);
    int (*AddCleanup)(PyObject *awaitable, PyAwaitable_Cleanup cleanup, void *data);
    int (*ParseTupleArray)(PyObject *awaitable, PyObject *args, const char *format, Py_ssize_t count,
                           void *const *places);
    int (*ParseFrameArray)(PyObject *awaitable, PyObject *args, PyObject *kwargs, const char *format,
                           char *const *keywords, Py_ssize_t count, void *const *places);
    Py_ssize_t (*UnpackArray)(PyObject *awaitable, Py_ssize_t count, void *const *places);
    PyObject *(*NewBody)(const PyAwaitable_Definition *definition, void *frame);
    int (*AsyncFor)(PyObject *awaitable, PyObject *iterable, PyAwaitable_Callback each, PyAwaitable_Defer end,
                    PyAwaitable_Error error);
    PyObject *(*NewGenerator)(const PyAwaitable_Definition *definition, void *frame);
    PyAwaitable_Waker *(*NewWaker)(PyObject *awaitable);
    const char *(*CurrentLibrary)(void);
    PyObject *(*NewPromise)(PyAwaitable_Promise **promise, PyAwaitable_Convert convert, PyAwaitable_Drop drop);
    int (*PromiseOnCancel)(PyAwaitable_Promise *promise, PyAwaitable_Drop cancel, void *data);
    PyObject *(*Sleep)(double seconds);
    PyObject *(*Checkpoint)(void);
    PyObject *(*Run)(PyAwaitable_Work work, PyAwaitable_Convert convert, PyAwaitable_Drop drop,
                     PyAwaitable_Drop cancel, void *data, int on_cancel);
    int (*SetPoolSize)(Py_ssize_t size);
    PyObject *(*WaitReadable)(PyAwaitable_Descriptor descriptor);
    PyObject *(*WaitWritable)(PyAwaitable_Descriptor descriptor);
    int (*NotifyClosing)(PyAwaitable_Descriptor descriptor);
    PyObject *(*RunOnBuffer)(PyObject *object, PyAwaitable_BufferWork work, Py_ssize_t result_size,
                             PyAwaitable_Convert convert, PyAwaitable_Drop drop, int on_cancel);
} PyAwaitable_Table;

/* The size of the table of the oldest runtime that this extension takes. */
#if PYAWAITABLE__DEMANDED_MINOR < 1
#define PYAWAITABLE__DEMANDED_SIZE offsetof(PyAwaitable_Table, AddFunctions)
#else
#define PYAWAITABLE__DEMANDED_SIZE sizeof(PyAwaitable_Table)
#endif

#endif /* PYAWAITABLE_TABLE_H */
