#ifndef PYAWAITABLE_INTEGERS_H
#define PYAWAITABLE_INTEGERS_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Saves `count` integers (`long`) for the callbacks, after those already saved.

 All are saved or none; a `count` of 0 does nothing.

 Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or more than are given, `MemoryError`. As with
 `PyAwaitable_SaveValues`, a call is a macro, which converts other types of integers. Called through its address, the
 function does not: a literal then needs its `L`.
 */
PYAWAITABLE_INLINE
int PyAwaitable_SaveIntValues(PyObject *awaitable,
                              Py_ssize_t count,
                              ...);

/*
 Writes the saved integers to as many places (`long *`), in the order they were saved; NULL skips one.
 Any further places are left alone. Saved integers stay readable after the awaitable has finished.

 Returns 0, or -1 with an exception set and nothing written: `RuntimeError` when none are saved, `ValueError` if there are
 fewer places than saved integers, `MemoryError`. As with `PyAwaitable_UnpackValues`, a call is a macro; each place is a
 `long`, which no compiler checks.
 */
PYAWAITABLE_INLINE
int PyAwaitable_UnpackIntValues(PyObject *awaitable,
                                ...);

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
 How many integers are saved.

 Returns the number, or -1 with an exception set.
 */
PYAWAITABLE_API Py_ssize_t PyAwaitable_IntValueCount(PyObject *awaitable);

/*
 Like `PyAwaitable_SaveIntValues`, with an array of `count` integers.

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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_INTEGERS_H */
