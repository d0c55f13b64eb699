/* The functions that any thread may call, attached to an interpreter or not. Written by hand. */
#ifndef PYAWAITABLE_DETACHED_H
#define PYAWAITABLE_DETACHED_H

#if PYAWAITABLE__DECLARED_MINOR >= 1

PYAWAITABLE_INLINE void
PyAwaitable_Wake(PyAwaitable_Waker *waker)
{
    if (waker != NULL) {
        PYAWAITABLE__WAKER_FUNCTIONS(waker)->wake(waker);
    }
}

PYAWAITABLE_INLINE PyAwaitable_Waker *
PyAwaitable_CloneWaker(PyAwaitable_Waker *waker)
{
    return waker == NULL ? NULL : PYAWAITABLE__WAKER_FUNCTIONS(waker)->clone(waker);
}

PYAWAITABLE_INLINE void
PyAwaitable_DropWaker(PyAwaitable_Waker *waker)
{
    if (waker != NULL) {
        PYAWAITABLE__WAKER_FUNCTIONS(waker)->drop(waker);
    }
}

PYAWAITABLE_INLINE int
PyAwaitable_Resolve(PyAwaitable_Promise *promise, void *value)
{
    return promise == NULL ? 0 : PYAWAITABLE__PROMISE_FUNCTIONS(promise)->resolve(promise, value);
}

PYAWAITABLE_INLINE int
PyAwaitable_Reject(PyAwaitable_Promise *promise, PyAwaitable_Raise raise, void *value)
{
    return promise == NULL ? 0 : PYAWAITABLE__PROMISE_FUNCTIONS(promise)->reject(promise, raise, value);
}

PYAWAITABLE_INLINE void
PyAwaitable_PromiseFree(PyAwaitable_Promise *promise)
{
    if (promise != NULL) {
        PYAWAITABLE__PROMISE_FUNCTIONS(promise)->free(promise);
    }
}

PYAWAITABLE_INLINE int
PyAwaitable_PromiseIsAbandoned(PyAwaitable_Promise *promise)
{
    return promise == NULL ? 1 : PYAWAITABLE__PROMISE_FUNCTIONS(promise)->is_abandoned(promise);
}

#endif

#endif /* PYAWAITABLE_DETACHED_H */
