#ifndef PYAWAITABLE_FUNCTIONS_H
#define PYAWAITABLE_FUNCTIONS_H

/* Made from src/capi by `make header`: do not edit. */

/*
 A flag for the `ml_flags` of a `PyMethodDef`, beside any of CPython's: the C function returns something to await, and its
 callers see an `async def` function. `METH_ASYNC` where `PYAWAITABLE_KEYWORDS` is defined.

 It has an effect in tables that are installed by `PyAwaitable_AddFunctions` or `PyAwaitable_AddMethods`. CPython ignores it
 elsewhere: there the entry is the ordinary function that it always was.
 */
#define PyAwaitable_METH_ASYNC 16777216

/*
 As `PyAwaitable_METH_ASYNC`, for a function that returns an asynchronous iterator: `inspect.isasyncgenfunction` is true of it.
 `METH_ASYNC_GENERATOR` where `PYAWAITABLE_KEYWORDS` is defined.
 */
#define PyAwaitable_METH_ASYNC_GENERATOR 33554432

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Adds the functions of a table to a module, as `PyModule_AddFunctions` does, and makes `async def` functions of those that are
 flagged: genuine function objects, whose calls call the C function at once.

 `module` is borrowed. `table` ends with an entry without a name, and stays in memory for as long as the process runs, as any
 table of methods does.

 A function has the signature that its docstring begins with, as in CPython: `name(a, *, b=1)`, and then a line of two dashes
 between line ends. Python binds the arguments of a call to it, and passes them on: by position, except for keyword-only ones.
 A default may be passed or left out, so C has to have the same. Without a signature, or with one that is not valid, the
 parameters are `*args, **kwargs`; with METH_NOARGS or METH_O they are what these take.

 An awaitable that the C function has just made takes the function's `__name__` and `__qualname__`, and so do its repr, warnings
 and tasks. If what is returned cannot be awaited, or is not an asynchronous iterator where the flag says so, the call raises
 `TypeError`.

 Returns 0, or -1 with an exception set: `ValueError` for flags that exclude each other, `SystemError` if `module` is no module,
 `MemoryError`. What was added before stays.

 New in 3.1.
 */
PYAWAITABLE_API
int PyAwaitable_AddFunctions(PyObject *module,
                             PyMethodDef *table);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Adds the methods of a table to a type, and makes `async def` functions of those that are flagged, as
 `PyAwaitable_AddFunctions` does for a module. `self` is checked as CPython's own methods check it.

 `type` is borrowed: a heap type, or a static type before or after `PyType_Ready`. An attribute of the same name in the type's own
 dictionary is replaced; what stands for a slot there stays, unless the entry is flagged METH_COEXIST. A method that the
 interpreter calls through a slot, such as `__anext__` or `__call__`, sets the slot too.

 Returns 0, or -1 with an exception set: `ValueError` for flags that exclude each other, or for a method that a slot calls if the
 type is static or immutable; `RuntimeError` for flagged methods of a static type outside the main interpreter, since all
 interpreters share it; `SystemError` if `type` is NULL; `MemoryError`. What was added before stays.

 New in 3.1.
 */
PYAWAITABLE_API
int PyAwaitable_AddMethods(PyTypeObject *type,
                           PyMethodDef *table);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 A coroutine of Python's own type that awaits `awaitable`, for tools that accept no other type.

 `awaitable` may be any object that can be awaited; the coroutine takes a reference of its own, and the object's name. If it is
 never awaited, the warning is that of the coroutine.

 Returns a new reference, or NULL with an exception set: `TypeError` if it cannot be awaited, `SystemError` if it is NULL,
 `MemoryError`.

 New in 3.1.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_AsCoroutine(PyObject *awaitable);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_FUNCTIONS_H */
