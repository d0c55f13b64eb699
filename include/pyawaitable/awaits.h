#ifndef PYAWAITABLE_AWAITS_H
#define PYAWAITABLE_AWAITS_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Queues `object`, to be awaited when its turn comes: `callback(await object)`.

 `object` may be anything that is legal after `await`; the awaitable takes its own reference. If `callback` is NULL, the
 value is dropped. If `error` is NULL, an exception propagates.

 It runs after everything queued before it. Inside an open `async with` block, it runs before the block is exited, and
 inside an `async for`, before the next item is asked for.

 Returns 0, or -1 with an exception set: `ValueError` if `object` is NULL or `awaitable` itself, `TypeError` if it
 cannot be awaited (only its type is checked), `RuntimeError` if the awaitable has finished, `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_AddAwait(PyObject *awaitable,
                         PyObject *object,
                         PyAwaitable_Callback callback,
                         PyAwaitable_Error error);

/*
 Like `PyAwaitable_AddAwait`, with an expression that creates the object: its reference is stolen, on failure too.

 `expr` may be NULL with an exception set, as returned by a call that failed: then this returns -1 and leaves that exception
 alone. It never reaches `error`, since nothing was added: the expression is evaluated when this is called, not within the
 `await`.

 Returns 0, or -1 with an exception set, like `PyAwaitable_AddAwait`.
 */
PYAWAITABLE_API
int PyAwaitable_AddExpr(PyObject *awaitable,
                        PyObject *expr,
                        PyAwaitable_Callback callback,
                        PyAwaitable_Error error);

/*
 Calls `function` at once, with arguments built as by `Py_BuildValue`, and queues what it returns, as `PyAwaitable_AddAwait`
 does. What the call raises goes to the caller, and never reaches `error`.

 `format` says how the remaining arguments are converted; NULL or "" is a call without arguments. `PY_SSIZE_T_CLEAN` matters,
 as for `Py_BuildValue`.

 Returns 0, or -1 with an exception set: what `Py_BuildValue` or the call raised, `ValueError` if `function` is NULL, or what
 `PyAwaitable_AddAwait` raises. An argument that is NULL because an exception is set fails with that exception, as in
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

 The awaitable takes its own reference to `context`. If `callback` is NULL, the block is empty. From the call of `callback`
 on, while the block is open, what is added runs inside it. `__aexit__` is awaited exactly once, whatever ends the block: a
 negative return from `callback`, an await inside it, a cancellation. If it does not suppress the exception, that goes to
 `error`, or bypasses it if `callback` returned -2. Exceptions from `__aenter__` and `__aexit__` also go to `error`, which
 may be NULL.

 Returns 0, or -1 with an exception set: `ValueError` if `context` is NULL, `TypeError` if its type lacks `__aenter__`
 or `__aexit__`, `RuntimeError` if the awaitable has finished, `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_AsyncWith(PyObject *awaitable,
                          PyObject *context,
                          PyAwaitable_Callback callback,
                          PyAwaitable_Error error);

/*
 Queues a callback without an await.

 Returns 0, or -1 with an exception set: `ValueError` if `callback` is NULL, `RuntimeError` if the awaitable has
 finished, `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_DeferAwait(PyObject *awaitable,
                           PyAwaitable_Defer callback);

/*
 Calls `function` at once, and queues what it returns, as `PyAwaitable_AddAwait` does. What the call raises goes to the
 caller, and never reaches `error`.

 `arguments` is a tuple, or NULL with an exception set, which stays; its reference is stolen, on failure too.
 `PyAwaitable_AwaitFunction` builds it from a format.

 Returns 0, or -1 with an exception set: `ValueError` if `function` is NULL, what the call raised, or what
 `PyAwaitable_AddAwait` raises.
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
