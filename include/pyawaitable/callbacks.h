#ifndef PYAWAITABLE_CALLBACKS_H
#define PYAWAITABLE_CALLBACKS_H

/* Made from src/capi by `make header`: do not edit. */

/*
 Called with what an await evaluated to.

 `awaitable` and `result` are borrowed, and valid until the function returns. It may call any function of this API with
 `awaitable`; what it adds runs after everything queued before it.

 Returns 0 to go on; any positive number means the same, but in a loop of `PyAwaitable_AsyncFor`, which it leaves. -1 with an
 exception set passes that to the error callback of the same await, if it has one. -2, or any lower number, with an exception set lets it propagate, bypassing the error callback. A
 negative number without an exception, or 0 with one, is a `SystemError`, which bypasses the error callback too.

 Like all callbacks, it runs on the thread, in the interpreter and in the `contextvars` context of the step, one at a time
 for an object. It must not throw a C++ exception or `longjmp` out.
 */
typedef int (*PyAwaitable_Callback)(PyObject *awaitable, PyObject *result);

/*
 Called with the exception that ended an await: raised by the inner awaitable, thrown in (`CancelledError` and
 `GeneratorExit` included) or set by its callback, which returned -1.

 `awaitable` and `exception` are borrowed, and valid until the function returns. No exception is set, and
 `sys.exc_info()` is `exception`, as in an `except` block. What `PyAwaitable_Callback` says of threads, C++ and `longjmp`
 applies here too.

 Returns 0, or any positive number, if it has handled the exception: the object goes on. With an exception set, that is a
 `SystemError`. -1 raises the same exception again, with its whole traceback; one set meanwhile is discarded, and under
 `-X dev` goes to `sys.unraisablehook`. -2, or any lower number, raises the exception that is set, with the original as its
 `__context__`. If none is set it is a `SystemError`, unless the function has called `PyAwaitable_Cancel`: then the object
 goes on.
 */
typedef int (*PyAwaitable_Error)(PyObject *awaitable, PyObject *exception);

/*
 Called when an awaitable ends, with the `data` that `PyAwaitable_AddCleanup` was given.

 It runs on the thread that ends the awaitable, attached. No exception is set; one that it sets goes to
 `sys.unraisablehook`.
 */
typedef void (*PyAwaitable_Cleanup)(void *data);

/*
 Called when its turn in the queue comes, or at the end of a loop of `PyAwaitable_AsyncFor`, which says what its return value
 means there.

 `awaitable` is borrowed, and valid until the function returns. What `PyAwaitable_Callback` says of threads, C++ and
 `longjmp` applies here too.

 Returns 0 to go on; any positive number means the same. A negative number with an exception set lets that propagate: there
 is no error callback. A negative number without an exception, or 0 with one, is a `SystemError`.
 */
typedef int (*PyAwaitable_Defer)(PyObject *awaitable);

#endif  /* PYAWAITABLE_CALLBACKS_H */
