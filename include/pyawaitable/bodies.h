#ifndef PYAWAITABLE_BODIES_H
#define PYAWAITABLE_BODIES_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Creates an awaitable with a body of its own, which is defined by `PyAwaitable_BODY` and `PyAwaitable_DEFINITION`.

 `definition` stays in memory for as long as the process runs. `frame` is the address of a pointer to the frame: that is set to a
 new frame, which is zeroed, but for its head. The author fills in what the body begins with; references in it are the frame's
 own. The frame is valid for as long as there is a reference to the awaitable.

 Nothing of the body runs before the first step. The functions that add awaits and values to an awaitable, or set its result,
 raise `RuntimeError` for it; those for clean-ups and arguments take it.

 The references are visited by the garbage collector, and released, once, when the body has ended, in whatever way; then they are
 NULL.

 Returns a new reference, or NULL with an exception set, and `frame` set to NULL: `MemoryError`; `SystemError` for a definition that
 is not valid, or is made for a newer version; or what initialization raised.

 New in 3.1.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_NewBody(const PyAwaitable_Definition *definition,
                              void *frame);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Creates an asynchronous generator: what calling an `async def` with a `yield` returns. Its body, which is defined as that of an
 awaitable is, yields items by `PyAwaitable_YIELD`.

 `definition`, `frame` and the references in the frame are as those of `PyAwaitable_NewBody`. The functions for clean-ups and
 arguments take a generator, too.

 The generator has the methods of `collections.abc.AsyncGenerator`, and is no awaitable: what its methods return are. Those step
 the body, one at a time: while one is under way, another raises `RuntimeError`. A body that returns something other than None raises
 `SystemError`.

 A generator that is neither exhausted nor closed when its last reference goes is given to the event loop, which closes it, if it
 was iterated over in one. Without one it is closed at once, as far as that goes without awaiting anything.

 Any thread may call this, and use the generator, if it is attached to the interpreter.

 Returns a new reference, or NULL with an exception set, and `frame` set to NULL: `MemoryError`; `SystemError` for a definition that
 is not valid, or is made for a newer version; or what initialization raised.

 New in 3.1.
 */
PYAWAITABLE_API
PyObject *PyAwaitable_NewGenerator(const PyAwaitable_Definition *definition,
                                   void *frame);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_BODIES_H */
