#ifndef PYAWAITABLE_POOL_H
#define PYAWAITABLE_POOL_H

/* Made from src/capi by `make header`: do not edit. */

/*
 Does the work, in a thread that is not attached to an interpreter: no Python in it.
 */
typedef void (*PyAwaitable_Work)(void *data);

/*
 Does the work on the bytes of an object, in a thread that is not attached to an interpreter: no Python in it. `result` is for
 what comes of it.
 */
typedef void (*PyAwaitable_BufferWork)(const void *bytes, Py_ssize_t length, void *result);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Creates an awaitable that has `work(data)` done in a thread of the library's pool, and then returns what `convert(data)` makes
 of it. The work is handed to the pool at the first step.

 `data` goes one way: to `convert`, in the thread and the context of the task that awaits; or to `drop`, exactly once, if the
 work never ran, or nobody takes what came of it, or `convert` is NULL, and the value None. `drop` may be called in any thread,
 attached or not, so it must not use Python; it may be NULL. `work` must not touch the frame of a body: that may go while the
 work runs.

 `cancel(data)` is called at most once, while the work runs in another thread, when nobody waits for it any more, or in order to
 hurry it. It may be NULL. `on_cancel` says what happens to a task that is cancelled meanwhile:

 - `PyAwaitable_WAIT`: the task waits until the work has ended. In asyncio `CancelledError` is raised then, and `data` dropped; in
   trio the value arrives, as from `trio.to_thread`. Work that has not begun is withdrawn.
 - `PyAwaitable_ABANDON`: the exception is raised at once, and the work left alone.

 `GeneratorExit`, the loss of the last reference and a closed event loop always leave it alone.

 Returns a new reference, or NULL with an exception set, and `data` stays the caller's: `SystemError` if `work` is NULL;
 `ValueError` for another `on_cancel`; `MemoryError`.

 New in 3.1.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_Run(PyAwaitable_Work work,
                          PyAwaitable_Convert convert,
                          PyAwaitable_Drop drop,
                          PyAwaitable_Drop cancel,
                          void *data,
                          int on_cancel);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Creates an awaitable that has `work(bytes, length, result)` done in a thread of the library's pool, as `PyAwaitable_Run` does, and
 then returns what `convert(result)` makes of it. So C hashes, parses or compresses what Python has, and there is nothing to
 allocate or free.

 `bytes` are those of `object`, a `bytes`, `bytearray`, `memoryview` or anything else with a contiguous buffer, which is held until
 the work has ended, whatever becomes of the awaitable; nothing is copied. `result` are `result_size` zeroed bytes, aligned for
 any type, which live until `convert` or `drop` has returned.

 `convert` and `drop` are called as by `PyAwaitable_Run`: one of them, with what the result holds, which is all zeroes if the work
 never ran. Either may be NULL.

 `on_cancel` says what happens to a task that is cancelled meanwhile: see `PyAwaitable_Run`.

 Returns a new reference, or NULL with an exception set: `TypeError` or `BufferError` if `object` has no such buffer; `SystemError`
 if `object` or `work` is NULL; `ValueError` if `result_size` is negative, or for another `on_cancel`; `MemoryError`.

 New in 3.1.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_RunOnBuffer(PyObject *object,
                                  PyAwaitable_BufferWork work,
                                  Py_ssize_t result_size,
                                  PyAwaitable_Convert convert,
                                  PyAwaitable_Drop drop,
                                  int on_cancel);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Sets how many threads the pool may have: 0 for as many as there are processors, and four more, but at most 32, as it is at first.
 There is one pool for the process.

 Returns 0, or -1 with an exception set: `ValueError` if `size` is negative.

 New in 3.1.
 */
PYAWAITABLE_API
int PyAwaitable_SetPoolSize(Py_ssize_t size);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_POOL_H */
