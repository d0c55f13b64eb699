#ifndef PYAWAITABLE_PROMISES_H
#define PYAWAITABLE_PROMISES_H

/* Made from src/capi by `make header`: do not edit. */

/*
 Makes the value of a promise from what it was resolved with, which is its own from here on, whether it succeeds or not.
 Called in the thread and the context of the task that awaits. Returns a new reference, or NULL with an exception set.
 */
typedef PyObject *(*PyAwaitable_Convert)(void *value);

/*
 Gets rid of what nobody has taken. Called in any thread, attached or not, so it must not use Python.
 */
typedef void (*PyAwaitable_Drop)(void *value);

/*
 Sets the exception of a promise from what it was rejected with, which is its own from here on. Called as a
 `PyAwaitable_Convert` is. What it returns does not matter.
 */
typedef int (*PyAwaitable_Raise)(void *value);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Creates a promise: an object to await, once, and a handle, by which any thread settles it.

 `promise` is the address of a pointer to the handle, which the caller owns: `PyAwaitable_PromiseFree` gives it up. There is no
 Python object in it.

 `convert` makes the value; NULL makes it None. `drop` is called exactly once for what the promise was resolved or rejected
 with, if neither `convert` nor the function that raises has got it: since the awaiting task was cancelled or its event loop
 has ended, or if `convert` is NULL. It may be NULL.

 The awaitable waits in the event loop where it is first awaited. One that is settled before does not suspend. It gives no
 warning if it is never awaited.

 Returns a new reference, or NULL with an exception set, and `promise` set to NULL: `MemoryError`; `SystemError` if `promise`
 is NULL.

 New in 3.1.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_NewPromise(PyAwaitable_Promise **promise,
                                 PyAwaitable_Convert convert,
                                 PyAwaitable_Drop drop);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Has `cancel(data)` called, once, if the awaitable ends before the promise is settled: its task was cancelled, or it was closed
 or destroyed. It is called in a thread that is attached, and may not raise. What `data` leads to has to be there until then, or
 until the promise has been settled and freed.

 Call this before the promise is awaited, and before another thread has it. `cancel` may be NULL.

 Returns 0, or -1 with an exception set: `SystemError` if `promise` is NULL.

 New in 3.1.
 */
PYAWAITABLE_API
int PyAwaitable_PromiseOnCancel(PyAwaitable_Promise *promise,
                                PyAwaitable_Drop cancel,
                                void *data);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Resolves a promise: `convert` will make its value from `value`.

 Any thread may call this, attached to an interpreter or not, at any time until the promise is freed: it does not allocate,
 block, or take a lock. If nobody awaits it any more, `drop(value)` is called at once.

 Returns 1, or 0 if the promise was settled already, and `value` stays the caller's. It sets no exception.

 New in 3.1.
 */
PYAWAITABLE_INLINE
int PyAwaitable_Resolve(PyAwaitable_Promise *promise,
                        void *value);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Rejects a promise: `raise` will set its exception from `value`. In all else as `PyAwaitable_Resolve`.

 New in 3.1.
 */
PYAWAITABLE_INLINE int PyAwaitable_Reject(PyAwaitable_Promise *promise, PyAwaitable_Raise raise, void *value);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Gives the handle of a promise up. One that was not settled raises `RuntimeError` where it is awaited, so that nobody waits for
 ever. Any thread may call this, as `PyAwaitable_Resolve`. The handle is not to be used any more. `promise` may be NULL.

 New in 3.1.
 */
PYAWAITABLE_INLINE
void PyAwaitable_PromiseFree(PyAwaitable_Promise *promise);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Whether nobody awaits a promise any more, or can. Any thread may call this, as `PyAwaitable_Resolve`.

 Returns 1 or 0. It sets no exception.

 New in 3.1.
 */
PYAWAITABLE_INLINE int PyAwaitable_PromiseIsAbandoned(PyAwaitable_Promise *promise);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_PROMISES_H */
