#ifndef PYAWAITABLE_OBJECTS_H
#define PYAWAITABLE_OBJECTS_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Saves `count` objects (`PyObject *`) for the callbacks, after those already saved.

 The awaitable keeps its own reference to each until it finishes. All are saved or none; a `count` of 0 does nothing.

 Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or more than are given, or if an object is NULL;
 `MemoryError`.

 A call is a macro, which takes any pointer to an object without a cast. Called through its address, the function does not
 know how many are given: too few is undefined behaviour.
 */
PYAWAITABLE_INLINE
int PyAwaitable_SaveValues(PyObject *awaitable,
                           Py_ssize_t count,
                           ...);

/*
 Writes the saved objects to as many places (`PyObject **`), in the order they were saved; NULL skips one. Any further places
 are left alone.

 The references are borrowed, each valid until its index is set or the awaitable finishes.

 Returns 0, or -1 with an exception set and nothing written: `RuntimeError` when none are saved, `ValueError` if there are
 fewer places than saved objects, `MemoryError`.

 A call is a macro, which takes a pointer to a pointer of any type without a cast. Called through its address, the function
 does not know how many places there are: too few is undefined behaviour.
 */
PYAWAITABLE_INLINE
int PyAwaitable_UnpackValues(PyObject *awaitable,
                             ...);

/*
 Replaces the saved object at `index`. The awaitable takes its own reference to `value`, and releases the old one.

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
 How many objects are saved.

 Returns the number, or -1 with an exception set.
 */
PYAWAITABLE_API Py_ssize_t PyAwaitable_ValueCount(PyObject *awaitable);

/*
 Like `PyAwaitable_SaveValues`, with an array of `count` objects.

 The awaitable takes its own reference to each. All are saved or none.

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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_OBJECTS_H */
