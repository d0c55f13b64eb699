#ifndef PYAWAITABLE_AWAITABLE_H
#define PYAWAITABLE_AWAITABLE_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Makes the API usable in the current interpreter. May be called any number of times, in any file of an extension.

 If no file has called it, the first use of the API does. In the default mode it imports the runtime, the module
 `_pyawaitable`.

 Returns 0, or -1 with an exception set: `ImportError` if the runtime is missing or too old, `RuntimeError` if Python is
 shutting down and it is too late for a first use. The calling thread must be attached to an interpreter, as for every
 function of this API.
 */
PYAWAITABLE_API
int PyAwaitable_Init(void);

/*
 The type of awaitables in the current interpreter.

 Returns a borrowed reference, or NULL with an exception set if the API cannot be initialized.
 */
PYAWAITABLE_API PyTypeObject *PyAwaitable_GetType(void);

/*
 Creates a new, empty awaitable. A C function that implements an `async def` adds its awaits to it and returns it.

 Returns a new reference, or NULL with an exception set: `MemoryError`, or what initialization raised. An awaitable that is
 released without ever having been awaited gives a `ResourceWarning`, unless `PyAwaitable_Cancel` was called or an exception
 is set: C code that fails just releases it and returns NULL.

 Its attributes `__name__` and `__qualname__` are "PyAwaitable", and can be set to another str with `PyObject_SetAttrString`.
 Its repr, the warning, `SystemError`s from its callbacks and event loops use that name.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_New(void);

/*
 Sets what `await awaitable` evaluates to, replacing None or an earlier result.

 `result` may be any object; the awaitable takes its own reference.

 Returns 0, or -1 with an exception set: `ValueError` if `result` is NULL, `RuntimeError` if the awaitable has
 finished.
 */
PYAWAITABLE_API int PyAwaitable_SetResult(PyObject *awaitable, PyObject *result);

/*
 Drops what is queued. Saved values and the result stay, and more may be added. The awaitable then gives no warning if it is
 never awaited.

 An await in progress is left to finish, since an event loop waits for it: its callbacks are not called, its value is
 dropped, its exception propagates. `async with` blocks that were entered are exited as usual. If a callback calls this and
 returns -1, the error callback of the same await still gets the exception.

 Returns nothing. If `awaitable` is NULL or of another type, or if initialization fails, an exception is set: check
 `PyErr_Occurred()`.
 */
PYAWAITABLE_API
void PyAwaitable_Cancel(PyObject *awaitable);

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Has `cleanup(data)` called when the awaitable finishes or is destroyed, whichever comes first: exactly once, on every path, even
 if the awaitable is never awaited. The function added last is called first, and all of them before saved objects and parsed
 arguments are released.

 `data` may be anything, NULL included; the library never reads it. It may be the awaitable, without a reference: that is alive
 while its clean-ups run, and may be passed on.

 Returns 0, or -1 with an exception set, and then `cleanup` is not called: `ValueError` if `cleanup` is NULL, `RuntimeError` if
 the awaitable has finished, `MemoryError`.

 New in 3.1.
 */
PYAWAITABLE_API
int PyAwaitable_AddCleanup(PyObject *awaitable,
                           PyAwaitable_Cleanup cleanup,
                           void *data);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_AWAITABLE_H */
