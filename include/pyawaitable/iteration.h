#ifndef PYAWAITABLE_ITERATION_H
#define PYAWAITABLE_ITERATION_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Queues an `async for`: `async for item in iterable: each(item)`, then `end()`.

 The awaitable takes its own reference to `iterable`. Its `__aiter__` is called when its turn comes. From the call of `each`
 on, what is added runs inside the loop, before the next item is asked for. `each` returns 0 to go on. Any positive number
 leaves the loop as `break` does: what has been added inside still runs, the iterator is not closed, and `end` is not called.
 A negative number leaves the loop at once. If `each` is NULL, the items are dropped.

 `end` is called when the iterator is exhausted, as the `else` of the loop. What it adds runs after everything queued before
 it. Its return value means what that of a `PyAwaitable_Callback` does. It may be NULL.

 What `__aiter__` and `__anext__` raise goes to `error`, and so does what leaves the loop from inside: the exception of a
 negative number from `each` or of what was added there. It bypasses `error` if `each` returned -2. `error` may be NULL.
 `PyAwaitable_Cancel` ends the loop after the `__anext__` in progress, without a further call of `each` or `end`.

 Returns 0, or -1 with an exception set: `ValueError` if `iterable` is NULL, `TypeError` if its type lacks `__aiter__`,
 `RuntimeError` if the awaitable has finished, `MemoryError`.

 New in 3.1.
 */
PYAWAITABLE_API
int PyAwaitable_AsyncFor(PyObject *awaitable,
                         PyObject *iterable,
                         PyAwaitable_Callback each,
                         PyAwaitable_Defer end,
                         PyAwaitable_Error error);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_ITERATION_H */
