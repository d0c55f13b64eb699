/* PyAwaitable: async functions for Python, written in C.

   What holds for every function, beside what is said where it is declared:

   - The argument `awaitable` is borrowed. NULL in its place is a SystemError, an object that PyAwaitable_New() has not
     made a TypeError.
   - Where nothing has called PyAwaitable_Init(), the first use does, and fails as it would.
   - It may be called with an exception set. Success leaves that as it is, failure replaces it.
   - Threads may share an awaitable, with a GIL and without: each call is done whole, before or after another thread's. Of
     threads that step one at the same time, one does, and the others get a ValueError. Borrowed saved objects need care,
     since another thread's PyAwaitable_SetValue(), or its step that finishes the awaitable, releases them.
   - Undefined are: a call by a thread that is not attached to an interpreter, an awaitable of another interpreter, and
     fewer places after the awaitable than there are saved values in PyAwaitable_UnpackValues() and its kin for pointers
     and integers. */

#ifndef PYAWAITABLE_H
#define PYAWAITABLE_H

/* Made from the Rust sources by cbindgen: do not edit; `make header` makes it anew. */

#include <Python.h>
#include "pyawaitable_config.h"

/*
 The major version of the API. It changes when an extension has to be changed or compiled again.
 */
#define PyAwaitable_MAJOR_VERSION 3

/*
 The minor version of the API. It changes when something is added.
 */
#define PyAwaitable_MINOR_VERSION 0

/*
 The micro version of the API.
 */
#define PyAwaitable_MICRO_VERSION 0

/*
 The release level, as CPython counts it: 0xA is alpha, 0xB beta, 0xC a release candidate, 0xF a final release.
 */
#define PyAwaitable_RELEASE_LEVEL 15

/*
 Called with what an await evaluated to.

 `awaitable` and `result` are borrowed, and valid until the function returns. Any function of this API may be called
 with `awaitable` meanwhile; what is added runs after what was queued before it.

 Returns 0 to go on; any positive number means the same. -1 with an exception set gives that to the error callback of the
 same await, if it has one; -2 with an exception set, or any lower number, lets that propagate, past the error callback.
 A negative number without an exception, or 0 with one, is a `SystemError` past the error callback.

 Like all callbacks, it runs on the thread, in the interpreter and in the `contextvars` context of the step, one at a
 time for an object; it must not throw a C++ exception nor `longjmp` out.
 */
typedef int (*PyAwaitable_Callback)(PyObject *awaitable, PyObject *result);

/*
 Called with the exception that ended an await: raised by the inner awaitable, thrown in (`CancelledError` and
 `GeneratorExit` included) or set by its callback that returned -1.

 `awaitable` and `exception` are borrowed, and valid until the function returns. No exception is set, and
 `sys.exc_info()` is `exception`, as in an `except` block. What holds for `PyAwaitable_Callback` of threads, C++ and
 `longjmp` holds here.

 Returns 0, or any positive number, if it is handled: the object goes on; with an exception set that is a `SystemError`.
 -1 raises the same exception again, its traceback whole; one set meanwhile is discarded, and under `-X dev` goes to
 `sys.unraisablehook`. -2, or any lower number, raises the one that is set, with the first as its `__context__`; with none
 set it is a `SystemError`, unless the function has called `PyAwaitable_Cancel`: then the object goes on.
 */
typedef int (*PyAwaitable_Error)(PyObject *awaitable, PyObject *exception);

/*
 Called when its turn in the queue comes.

 `awaitable` is borrowed, and valid until the function returns. What holds for `PyAwaitable_Callback` of threads, C++
 and `longjmp` holds here.

 Returns 0 to go on; any positive number means the same. A negative number with an exception set lets that propagate: there
 is no error callback. Negative without an exception, or 0 with one, is a `SystemError`.
 */
typedef int (*PyAwaitable_Defer)(PyObject *awaitable);

/*
 The functions of the API, as the capsule `_pyawaitable.abi_v3` holds them. An extension calls them through the
 functions of this header, never by itself.

 The table begins with its size in bytes and the runtime's version, 0x03MMmmR0. It only ever grows, at its end: what an
 older header knows of stays where it is.
 */
typedef struct {
    Py_ssize_t size;
    long version;
    int (*Init)(void);
    PyTypeObject *(*GetType)(void);
    PyObject *(*New)(void);
    int (*AddAwait)(PyObject *awaitable,
                    PyObject *object,
                    PyAwaitable_Callback callback,
                    PyAwaitable_Error error);
    int (*AddExpr)(PyObject *awaitable, PyObject *expr, PyAwaitable_Callback callback, PyAwaitable_Error error);
    int (*DeferAwait)(PyObject *awaitable, PyAwaitable_Defer callback);
    int (*AwaitCall)(PyObject *awaitable,
                     PyObject *function,
                     PyObject *arguments,
                     PyAwaitable_Callback callback,
                     PyAwaitable_Error error);
    int (*AsyncWith)(PyObject *awaitable,
                     PyObject *context,
                     PyAwaitable_Callback callback,
                     PyAwaitable_Error error);
    void (*Cancel)(PyObject *awaitable);
    int (*SetResult)(PyObject *awaitable, PyObject *result);
    Py_ssize_t (*ValueCount)(PyObject *awaitable);
    int (*SaveValueArray)(PyObject *awaitable, Py_ssize_t count, PyObject *const *values);
    Py_ssize_t (*UnpackValueArray)(PyObject *awaitable, Py_ssize_t count, PyObject **values);
    int (*SetValue)(PyObject *awaitable, Py_ssize_t index, PyObject *value);
    PyObject *(*GetValue)(PyObject *awaitable, Py_ssize_t index);
    Py_ssize_t (*ArbValueCount)(PyObject *awaitable);
    int (*SaveArbValueArray)(PyObject *awaitable, Py_ssize_t count, void *const *values);
    Py_ssize_t (*UnpackArbValueArray)(PyObject *awaitable, Py_ssize_t count, void **values);
    int (*SetArbValue)(PyObject *awaitable, Py_ssize_t index, void *value);
    void *(*GetArbValue)(PyObject *awaitable, Py_ssize_t index);
    Py_ssize_t (*IntValueCount)(PyObject *awaitable);
    int (*SaveIntValueArray)(PyObject *awaitable, Py_ssize_t count, const long *values);
    Py_ssize_t (*UnpackIntValueArray)(PyObject *awaitable, Py_ssize_t count, long *values);
    int (*SetIntValue)(PyObject *awaitable, Py_ssize_t index, long value);
    long (*GetIntValue)(PyObject *awaitable, Py_ssize_t index);
} PyAwaitable_Table;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Makes the API usable in the current interpreter. May be called any number of times, in any file of an extension.

 Where no file has called it, the first use of the API does. In the default mode it imports the runtime, the module
 `_pyawaitable`.

 Returns 0, or -1 with an exception set: `ImportError` if the runtime is missing or too old, `RuntimeError` if Python
 is shutting down and it is too late for a first use. The thread must be attached to an interpreter, as for every
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
 A new, empty awaitable: what the C function that implements an `async def` adds its awaits to, and returns.

 Returns a new reference, or NULL with an exception set: `MemoryError`, or what initialization raised. An awaitable
 that is released without ever having been awaited gives a `ResourceWarning`, unless `PyAwaitable_Cancel` was called or an
 exception is set: C code that fails releases it and returns NULL, without another word.

 Its attributes `__name__` and `__qualname__` are "PyAwaitable", and can be set to another str, by
 `PyObject_SetAttrString`: that is what its repr, the warning, `SystemError`s of its callbacks and event loops call it.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_New(void);

/*
 Queues `object`, to be awaited when its turn comes: `callback(await object)`.

 `object` may be anything that is legal after `await`; the awaitable takes a reference of its own. `callback` may be
 NULL: the value is dropped. `error` may be NULL: an exception propagates.

 What is added runs after what was queued before it. Inside an `async with` block that is open, it runs before the
 block is left.

 Returns 0, or -1 with an exception set: `ValueError` if `object` is NULL or `awaitable` itself, `TypeError` if it
 cannot be awaited (only its type is looked at), `RuntimeError` if the awaitable has finished, `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_AddAwait(PyObject *awaitable,
                         PyObject *object,
                         PyAwaitable_Callback callback,
                         PyAwaitable_Error error);

/*
 As `PyAwaitable_AddAwait`, with an expression that makes the object: its reference is stolen, on failure too.

 `expr` may be NULL, as the call that was to make it returns it with an exception set: then this returns -1 and leaves
 that exception as it is. It never reaches `error`, since nothing was added: the expression is evaluated when this is
 called, not within the `await`.

 Returns 0, or -1 with an exception set, as `PyAwaitable_AddAwait`.
 */
PYAWAITABLE_API
int PyAwaitable_AddExpr(PyObject *awaitable,
                        PyObject *expr,
                        PyAwaitable_Callback callback,
                        PyAwaitable_Error error);

/*
 Queues a callback that awaits nothing.

 Returns 0, or -1 with an exception set: `ValueError` if `callback` is NULL, `RuntimeError` if the awaitable has
 finished, `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_DeferAwait(PyObject *awaitable,
                           PyAwaitable_Defer callback);

/*
 Calls `function` at once, and queues what it returns as `PyAwaitable_AddAwait` does. What the call raises is the caller's,
 and never reaches `error`.

 `arguments` is a tuple, or NULL with an exception set, which stays; its reference is stolen, on failure too.
 `PyAwaitable_AwaitFunction` makes it from a format.

 Returns 0, or -1 with an exception set: `ValueError` if `function` is NULL, what the call raised, or as
 `PyAwaitable_AddAwait`.
 */
PYAWAITABLE_API
int PyAwaitable_AwaitCall(PyObject *awaitable,
                          PyObject *function,
                          PyObject *arguments,
                          PyAwaitable_Callback callback,
                          PyAwaitable_Error error);

/*
 Queues an `async with`: `async with context as value: callback(value)`.

 The awaitable takes a reference of its own to `context`. `callback` may be NULL: the block is empty. While the block
 is open, from the call of `callback` on, what is added runs inside it. `__aexit__` is awaited exactly once, whatever
 ends the block: any negative return of `callback`, an await inside it, a cancellation. If it does not suppress the
 exception, that goes to `error`; after a -2 of `callback` it goes past it. So does what `__aenter__` or `__aexit__`
 raise go to `error`, which may be NULL.

 Returns 0, or -1 with an exception set: `ValueError` if `context` is NULL, `TypeError` if its type lacks `__aenter__`
 or `__aexit__`, `RuntimeError` if the awaitable has finished, `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_AsyncWith(PyObject *awaitable,
                          PyObject *context,
                          PyAwaitable_Callback callback,
                          PyAwaitable_Error error);

/*
 Drops what is queued; saved values and the result stay, and more may be added. The awaitable gives no warning any
 more if it is never awaited.

 An await in progress is left to finish, since an event loop waits for it: its callbacks are not called, its value is
 dropped, its exception propagates. `async with` blocks that were entered are left as usual. Called from a callback,
 the error callback of the same await still gets a -1.

 Returns nothing. If `awaitable` is NULL or of another type, or where initialization fails, an exception is left set:
 check `PyErr_Occurred()`.
 */
PYAWAITABLE_API
void PyAwaitable_Cancel(PyObject *awaitable);

/*
 Sets what `await awaitable` evaluates to, in place of None or of what was set before.

 `result` may be any object; the awaitable takes a reference of its own.

 Returns 0, or -1 with an exception set: `ValueError` if `result` is NULL, `RuntimeError` if the awaitable has
 finished.
 */
PYAWAITABLE_API int PyAwaitable_SetResult(PyObject *awaitable, PyObject *result);

/*
 How many objects are saved.

 Returns the number, or -1 with an exception set.
 */
PYAWAITABLE_API Py_ssize_t PyAwaitable_ValueCount(PyObject *awaitable);

/*
 As `PyAwaitable_SaveValues`, with an array of `count` objects.

 The awaitable takes a reference of its own to each. All are saved or none.

 Returns 0, or -1 with an exception set: `ValueError` if `count` is negative, a value is NULL, or `values` is NULL with a
 `count` above 0; `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_SaveValueArray(PyObject *awaitable,
                               Py_ssize_t count,
                               PyObject *const *values);

/*
 Writes the saved objects, in the order they were saved, to an array with room for `count`: as many as fit.

 The references are borrowed, each valid until its index is set or the awaitable finishes.

 Returns how many are saved, which may be more than `count` or less; or -1 with an exception set: `RuntimeError` when none
 are saved, `ValueError` if `count` is negative or `values` is NULL with a `count` above 0.
 */
PYAWAITABLE_API
Py_ssize_t PyAwaitable_UnpackValueArray(PyObject *awaitable,
                                        Py_ssize_t count,
                                        PyObject **values);

/*
 Replaces the saved object at `index`. The awaitable takes a reference of its own to `value`, and releases the old one.

 Returns 0, or -1 with an exception set: `IndexError` if none is saved at `index`, `ValueError` if `value` is NULL.
 */
PYAWAITABLE_API
int PyAwaitable_SetValue(PyObject *awaitable,
                         Py_ssize_t index,
                         PyObject *value);

/*
 The saved object at `index`.

 Returns a borrowed reference, valid until the index is set or the awaitable finishes; or NULL with an exception set:
 `IndexError` if none is saved at `index`.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_GetValue(PyObject *awaitable,
                               Py_ssize_t index);

/*
 How many pointers are saved.

 Returns the number, or -1 with an exception set.
 */
PYAWAITABLE_API Py_ssize_t PyAwaitable_ArbValueCount(PyObject *awaitable);

/*
 As `PyAwaitable_SaveArbValues`, with an array of `count` pointers.

 The pointers are never read, and may be NULL. All are saved or none. What `PyAwaitable_SaveArbValues` says of freeing
 what they point to holds here.

 Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or `values` is NULL with a `count` above 0,
 `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_SaveArbValueArray(PyObject *awaitable,
                                  Py_ssize_t count,
                                  void *const *values);

/*
 Writes the saved pointers, in the order they were saved, to an array with room for `count`: as many as fit.

 Returns how many are saved, which may be more than `count` or less; or -1 with an exception set: `RuntimeError` when none
 are saved, `ValueError` if `count` is negative or `values` is NULL with a `count` above 0.
 */
PYAWAITABLE_API
Py_ssize_t PyAwaitable_UnpackArbValueArray(PyObject *awaitable,
                                           Py_ssize_t count,
                                           void **values);

/*
 Replaces the saved pointer at `index`.

 Returns 0, or -1 with an exception set: `IndexError` if none is saved at `index`.
 */
PYAWAITABLE_API int PyAwaitable_SetArbValue(PyObject *awaitable, Py_ssize_t index, void *value);

/*
 The saved pointer at `index`.

 Returns the pointer, which may be NULL; or NULL with an exception set: `IndexError` if none is saved at `index`.
 */
PYAWAITABLE_API
void *PyAwaitable_GetArbValue(PyObject *awaitable,
                              Py_ssize_t index);

/*
 How many integers are saved.

 Returns the number, or -1 with an exception set.
 */
PYAWAITABLE_API Py_ssize_t PyAwaitable_IntValueCount(PyObject *awaitable);

/*
 As `PyAwaitable_SaveIntValues`, with an array of `count` integers.

 All are saved or none.

 Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or `values` is NULL with a `count` above 0,
 `MemoryError`.
 */
PYAWAITABLE_API
int PyAwaitable_SaveIntValueArray(PyObject *awaitable,
                                  Py_ssize_t count,
                                  const long *values);

/*
 Writes the saved integers, in the order they were saved, to an array with room for `count`: as many as fit.

 Returns how many are saved, which may be more than `count` or less; or -1 with an exception set: `RuntimeError` when none
 are saved, `ValueError` if `count` is negative or `values` is NULL with a `count` above 0.
 */
PYAWAITABLE_API
Py_ssize_t PyAwaitable_UnpackIntValueArray(PyObject *awaitable,
                                           Py_ssize_t count,
                                           long *values);

/*
 Replaces the saved integer at `index`.

 Returns 0, or -1 with an exception set: `IndexError` if none is saved at `index`.
 */
PYAWAITABLE_API int PyAwaitable_SetIntValue(PyObject *awaitable, Py_ssize_t index, long value);

/*
 The saved integer at `index`.

 Returns the integer; or -1 with an exception set: `IndexError` if none is saved at `index`.
 */
PYAWAITABLE_API long PyAwaitable_GetIntValue(PyObject *awaitable, Py_ssize_t index);

/*
 Calls `function` at once, with arguments made as by `Py_BuildValue`, and queues what it returns as
 `PyAwaitable_AddAwait` does. What the call raises is the caller's, and never reaches `error`.

 `format` says how the further arguments become the call's; NULL or "" is a call without any. `PY_SSIZE_T_CLEAN`
 counts, as for `Py_BuildValue`.

 Returns 0, or -1 with an exception set: what `Py_BuildValue` or the call raised, `ValueError` if `function` is NULL, or as
 `PyAwaitable_AddAwait`. An argument that is NULL since an exception is set fails with that exception, as in
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
 Saves `count` objects (`PyObject *`) for the callbacks, after those that are saved already.

 The awaitable takes a reference of its own to each, until it finishes. All are saved or none; a `count` of 0 does
 nothing.

 Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or an object is NULL, `MemoryError`.
 */
PYAWAITABLE_INLINE
int PyAwaitable_SaveValues(PyObject *awaitable,
                           Py_ssize_t count,
                           ...);

/*
 Writes the saved objects to as many places (`PyObject **`), in the order they were saved; NULL skips one.

 The references are borrowed, each valid until its index is set or the awaitable finishes. There must be a place
 for each saved object.

 Returns 0, or -1 with an exception set: `RuntimeError` when none are saved, `MemoryError`.
 */
PYAWAITABLE_INLINE
int PyAwaitable_UnpackValues(PyObject *awaitable,
                             ...);

/*
 Saves `count` pointers (`void *`) for the callbacks, after those that are saved already.

 They are never read, and may be NULL. All are saved or none; a `count` of 0 does nothing.

 Whatever they point to is the caller's to free, and no callback may ever run: an awaitable may be dropped, closed or
 cancelled before its first step. They stay readable when it has finished. What has to be freed on every path is saved as
 an object, a capsule with a destructor:

 ```c
 static void
 free_request(PyObject *capsule)
 {
     free(PyCapsule_GetPointer(capsule, NULL));
 }

 PyObject *capsule = PyCapsule_New(request, NULL, free_request);
 if (capsule == NULL) {
     free(request);
     return -1;
 }
 int status = PyAwaitable_SaveValues(awaitable, 1, capsule);
 Py_DECREF(capsule);
 return status;
 ```

 Returns 0, or -1 with an exception set: `ValueError` if `count` is negative, `MemoryError`.
 */
PYAWAITABLE_INLINE
int PyAwaitable_SaveArbValues(PyObject *awaitable,
                              Py_ssize_t count,
                              ...);

/*
 Writes the saved pointers to as many places (`void **`), in the order they were saved; NULL skips one.

 There must be a place for each saved pointer. They stay readable when the awaitable has finished.

 Returns 0, or -1 with an exception set: `RuntimeError` when none are saved, `MemoryError`.
 */
PYAWAITABLE_INLINE int PyAwaitable_UnpackArbValues(PyObject *awaitable, ...);

/*
 Saves `count` integers (`long`) for the callbacks, after those that are saved already.

 All are saved or none; a `count` of 0 does nothing. A literal needs its `L`: `PyAwaitable_SaveIntValues(aw, 1, 42L)`.

 Returns 0, or -1 with an exception set: `ValueError` if `count` is negative, `MemoryError`.
 */
PYAWAITABLE_INLINE
int PyAwaitable_SaveIntValues(PyObject *awaitable,
                              Py_ssize_t count,
                              ...);

/*
 Writes the saved integers to as many places (`long *`), in the order they were saved; NULL skips one.

 There must be a place for each saved integer. They stay readable when the awaitable has finished.

 Returns 0, or -1 with an exception set: `RuntimeError` when none are saved, `MemoryError`.
 */
PYAWAITABLE_INLINE int PyAwaitable_UnpackIntValues(PyObject *awaitable, ...);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_H */

#include "pyawaitable_inline.h"
