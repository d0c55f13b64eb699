#ifndef PYAWAITABLE_TIMERS_H
#define PYAWAITABLE_TIMERS_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Creates an awaitable that waits for so many seconds, by the clock of the event loop that it is awaited in, and then returns
 None: `asyncio.sleep(seconds)` or `trio.sleep(seconds)`. 0 is a `PyAwaitable_Checkpoint`; with infinity it waits until it is
 cancelled. The time begins at the first step.

 Returns a new reference, or NULL with an exception set: `ValueError` if `seconds` is negative or not a number; `MemoryError`.

 New in 3.1.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_Sleep(double seconds);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Creates an awaitable that lets other tasks run, and be cancelled, and then returns None: `asyncio.sleep(0)` or
 `trio.lowlevel.checkpoint()`.

 Returns a new reference, or NULL with an exception set: `MemoryError`.

 New in 3.1.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_Checkpoint(void);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_TIMERS_H */
