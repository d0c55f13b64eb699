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

#endif

#endif /* PYAWAITABLE_DETACHED_H */
