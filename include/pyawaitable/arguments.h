#ifndef PYAWAITABLE_ARGUMENTS_H
#define PYAWAITABLE_ARGUMENTS_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Parses positional arguments as `PyArg_ParseTuple` does, and keeps what was parsed for the callbacks, after what was kept
 before. `PyAwaitable_Unpack` gives it back.

 `args` is a tuple, borrowed. The places after `format` are written now, too, as `PyArg_ParseTuple` writes them. The
 author initializes them: the initial value of an argument that was not passed is kept like the others. The awaitable takes a
 reference of its own to each object, and to each object that a text is in.

 Formats are `O`, `O!`, `S`, `U`, `Y`, `s`, `z`, `y`, those of numbers, `p`, `c`, `C`, and `|`, `$`, `:`, `;`. Others cannot be
 kept. There may be at most 32 places.

 Returns 0, or -1 with an exception set and nothing kept: what `PyArg_ParseTuple` raises; `ValueError` for a format that cannot
 be kept, or a NULL place; `RuntimeError` if the awaitable has finished; `MemoryError`.

 New in 3.1.
 */
PYAWAITABLE_INLINE
int PyAwaitable_ParseTuple(PyObject *awaitable,
                           PyObject *args,
                           const char *format,
                           ...);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Writes what `PyAwaitable_ParseTuple` has kept to as many places, in the same order and of the same types; NULL skips one. For
 `O!` there is one place here, that of the object. Places beyond those stay as they are.

 References and texts are borrowed, and valid until the awaitable finishes.

 Returns 0, or -1 with an exception set and nothing written: `RuntimeError` if nothing was parsed, `ValueError` if there are
 fewer places than were parsed. As with `PyAwaitable_UnpackValues`, a call is a macro.

 New in 3.1.
 */
PYAWAITABLE_INLINE
int PyAwaitable_Unpack(PyObject *awaitable,
                       ...);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 Parses arguments as `PyArg_ParseTupleAndKeywords` does, into the fields of a struct that owns its references.

 `args` is a tuple; `kwargs` is a dict or NULL; `keywords` ends with NULL, or is NULL if `kwargs` is. On success each object has a
 reference that the struct owns; on failure the fields of objects are NULL. Until then they are NULL, or borrowed defaults. The
 awaitable keeps alive what a text (`s`, `z`, `y`) is in, until it finishes. Formats are those of `PyAwaitable_ParseTuple`.

 Returns 0, or -1 with an exception set, as `PyAwaitable_ParseTuple`.

 New in 3.1.
 */
PYAWAITABLE_INLINE
int PyAwaitable_ParseFrame(PyObject *awaitable,
                           PyObject *args,
                           PyObject *kwargs,
                           const char *format,
                           char *const *keywords,
                           ...);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 As `PyAwaitable_ParseTuple`, with an array of `count` places.

 Returns 0, or -1 with an exception set, as that; `ValueError` also if the format needs another number of places.

 New in 3.1.
 */
PYAWAITABLE_API
int PyAwaitable_ParseTupleArray(PyObject *awaitable,
                                PyObject *args,
                                const char *format,
                                Py_ssize_t count,
                                void *const *places);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 As `PyAwaitable_ParseFrame`, with an array of `count` places.

 Returns 0, or -1 with an exception set, as that; `ValueError` also if the format needs another number of places.

 New in 3.1.
 */
PYAWAITABLE_API
int PyAwaitable_ParseFrameArray(PyObject *awaitable,
                                PyObject *args,
                                PyObject *kwargs,
                                const char *format,
                                char *const *keywords,
                                Py_ssize_t count,
                                void *const *places);
#endif

#if PYAWAITABLE__DECLARED_MINOR >= 1
/*
 As `PyAwaitable_Unpack`, with an array of `count` places. If that is fewer than were parsed, nothing is written.

 Returns how many were parsed; or -1 with an exception set: `RuntimeError` if nothing was, `ValueError` if `count` is negative or
 `places` is NULL with a `count` above 0.

 New in 3.1.
 */
PYAWAITABLE_API
Py_ssize_t PyAwaitable_UnpackArray(PyObject *awaitable,
                                   Py_ssize_t count,
                                   void *const *places);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_ARGUMENTS_H */
