#ifndef PYAWAITABLE_POINTERS_H
#define PYAWAITABLE_POINTERS_H

/* Made from src/capi by `make header`: do not edit. */

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Saves `count` pointers (`void *`) for the callbacks, after those already saved.

 They are never read, and may be NULL. All are saved or none; a `count` of 0 does nothing.

 The caller frees what they point to, and perhaps no callback ever runs: an awaitable may be dropped, closed or cancelled
 before its first step. They stay readable after it has finished. Save what has to be freed on every path as an object, a
 capsule with a destructor:

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

 Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or more than are given, `MemoryError`. As with
 `PyAwaitable_SaveValues`, a call is a macro.
 */
PYAWAITABLE_INLINE
int PyAwaitable_SaveArbValues(PyObject *awaitable,
                              Py_ssize_t count,
                              ...);

/*
 Writes the saved pointers to as many places (`void **`), in the order they were saved; NULL skips one.
 Any further places are left alone. Saved pointers stay readable after the awaitable has finished.

 Returns 0, or -1 with an exception set and nothing written: `RuntimeError` when none are saved, `ValueError` if there are
 fewer places than saved pointers, `MemoryError`. As with `PyAwaitable_UnpackValues`, a call is a macro.
 */
PYAWAITABLE_INLINE
int PyAwaitable_UnpackArbValues(PyObject *awaitable,
                                ...);

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
 How many pointers are saved.

 Returns the number, or -1 with an exception set.
 */
PYAWAITABLE_API Py_ssize_t PyAwaitable_ArbValueCount(PyObject *awaitable);

/*
 Like `PyAwaitable_SaveArbValues`, with an array of `count` pointers.

 The pointers are never read, and may be NULL. All are saved or none. What `PyAwaitable_SaveArbValues` says of freeing what
 they point to applies here too.

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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PYAWAITABLE_POINTERS_H */
