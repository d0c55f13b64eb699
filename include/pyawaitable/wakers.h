#ifndef PYAWAITABLE_WAKERS_H
#define PYAWAITABLE_WAKERS_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 A waker for an awaitable with a body of its own, which waits for it by `PyAwaitable_PARK`. In a body, `PyAwaitable_WAKER` is
 this for the awaitable itself.

 Returns a new waker, to be given up by `PyAwaitable_DropWaker`, or NULL with an exception set: `RuntimeError` if the awaitable
 has no body of its own, or has ended; `MemoryError`.

 New in 3.1.
 */
PYAWAITABLE_API
PyAwaitable_Waker *PyAwaitable_NewWaker(PyObject *awaitable);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Wakes the body: if it is parked, its event loop soon goes on with it; if not, it will not wait when it parks next. However
 often this is called until then, it counts once.

 Any thread may call this, attached to an interpreter or not, at any time: while the body runs, when it has ended, when its event
 loop is closed or its interpreter has ended. It does not allocate, block, or take a lock. In a child of a fork, it does nothing
 to an event loop of the parent's. `waker` may be NULL.

 New in 3.1.
 */
PYAWAITABLE_INLINE
void PyAwaitable_Wake(PyAwaitable_Waker *waker);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 One more of a waker, which is given up by itself. Any thread may call this, as `PyAwaitable_Wake`.

 Returns the new one, or NULL if `waker` is. It cannot fail.

 New in 3.1.
 */
PYAWAITABLE_INLINE PyAwaitable_Waker *PyAwaitable_CloneWaker(PyAwaitable_Waker *waker);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Gives a waker up. Any thread may call this, as `PyAwaitable_Wake`. `waker` may be NULL; it is not to be used any more.

 A body that is parked while all its wakers are given up waits until it is cancelled.

 New in 3.1.
 */
PYAWAITABLE_INLINE
void PyAwaitable_DropWaker(PyAwaitable_Waker *waker);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 The library whose event loop runs in this thread: `"asyncio"`, which is also that of uvloop, `"trio"`, or NULL without an
 exception. The text lives for as long as the process.

 Returns NULL with an exception set if finding out fails: `MemoryError`, or what Python code raises.

 New in 3.1.
 */
PYAWAITABLE_API
const char *PyAwaitable_CurrentLibrary(void);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_WAKERS_H */
