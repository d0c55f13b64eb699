#ifndef PYAWAITABLE_AWAITS_H
#define PYAWAITABLE_AWAITS_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Queues `object`, to be awaited when its turn comes: `callback(await object)`.

 `object` may be anything that is legal after `await`; the awaitable takes a reference of its own. `callback` may be
 NULL: the value is dropped. `error` may be NULL: an exception propagates.

 What is added runs after what was queued before it. Inside an `async with` block that is open, it runs before the
 block is left.

 Returns 0, or -1 with an exception set: `ValueError` if `object` is NULL or `awaitable` itself, `TypeError` if it
 cannot be awaited (only its type is looked at), `RuntimeError` if the awaitable has finished, `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_AddAwait(PyObject *awaitable,
                         PyObject *object,
                         PyAwaitable_Callback callback,
                         PyAwaitable_Error error);

/*
 As `PyAwaitable_AddAwait`, with an expression that makes the object: its reference is stolen, on failure too.

 `expr` may be NULL, as the call that was to make it returns it with an exception set: then this returns -1 and leaves
 that exception as it is. It never reaches `error`, since nothing was added: the expression is evaluated when this is
 called, not within the `await`.

 Returns 0, or -1 with an exception set, as `PyAwaitable_AddAwait`.
 */
PYAWAITABLE_API
int PyAwaitable_AddExpr(PyObject *awaitable,
                        PyObject *expr,
                        PyAwaitable_Callback callback,
                        PyAwaitable_Error error);

/*
 Calls `function` at once, with arguments made as by `Py_BuildValue`, and queues what it returns as
 `PyAwaitable_AddAwait` does. What the call raises is the caller's, and never reaches `error`.

 `format` says how the further arguments become the call's; NULL or "" is a call without any. `PY_SSIZE_T_CLEAN`
 counts, as for `Py_BuildValue`.

 Returns 0, or -1 with an exception set: what `Py_BuildValue` or the call raised, `ValueError` if `function` is NULL, or as
 `PyAwaitable_AddAwait`. An argument that is NULL since an exception is set fails with that exception, as in
 `Py_BuildValue`.
 */
PYAWAITABLE_INLINE
int PyAwaitable_AwaitFunction(PyObject *awaitable,
                              PyObject *function,
                              const char *format,
                              PyAwaitable_Callback callback,
                              PyAwaitable_Error error,
                              ...);

/*
 Queues an `async with`: `async with context as value: callback(value)`.

 The awaitable takes a reference of its own to `context`. `callback` may be NULL: the block is empty. While the block
 is open, from the call of `callback` on, what is added runs inside it. `__aexit__` is awaited exactly once, whatever
 ends the block: any negative return of `callback`, an await inside it, a cancellation. If it does not suppress the
 exception, that goes to `error`; after a -2 of `callback` it goes past it. Exceptions of `__aenter__` and `__aexit__` also
 go to `error`, which may be NULL.

 Returns 0, or -1 with an exception set: `ValueError` if `context` is NULL, `TypeError` if its type lacks `__aenter__`
 or `__aexit__`, `RuntimeError` if the awaitable has finished, `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_AsyncWith(PyObject *awaitable,
                          PyObject *context,
                          PyAwaitable_Callback callback,
                          PyAwaitable_Error error);

/*
 Queues a callback that awaits nothing.

 Returns 0, or -1 with an exception set: `ValueError` if `callback` is NULL, `RuntimeError` if the awaitable has
 finished, `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_DeferAwait(PyObject *awaitable,
                           PyAwaitable_Defer callback);

/*
 Calls `function` at once, and queues what it returns as `PyAwaitable_AddAwait` does. What the call raises is the caller's,
 and never reaches `error`.

 `arguments` is a tuple, or NULL with an exception set, which stays; its reference is stolen, on failure too.
 `PyAwaitable_AwaitFunction` makes it from a format.

 Returns 0, or -1 with an exception set: `ValueError` if `function` is NULL, what the call raised, or as
 `PyAwaitable_AddAwait`.
 */
PYAWAITABLE_API
int PyAwaitable_AwaitCall(PyObject *awaitable,
                          PyObject *function,
                          PyObject *arguments,
                          PyAwaitable_Callback callback,
                          PyAwaitable_Error error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_AWAITS_H */
