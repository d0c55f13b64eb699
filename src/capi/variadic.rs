//! The functions that take a variable number of arguments. They are C, `static inline` in `pyawaitable_inline.h` in
//! every mode, over the functions that take an array; here stands what the header says of them.
//!
//! This file is for cbindgen alone, and no module of the crate: stable Rust has no definitions of such functions, and
//! for declarations of foreign ones cbindgen writes `extern`.

/// Calls `function` at once, with arguments made as by `Py_BuildValue`, and queues what it returns as
/// `PyAwaitable_AddAwait` does. What the call raises is the caller's, and never reaches `error`.
///
/// `format` says how the further arguments become the call's; NULL or "" is a call without any. `PY_SSIZE_T_CLEAN`
/// counts, as for `Py_BuildValue`.
///
/// Returns 0, or -1 with an exception set: what `Py_BuildValue` or the call raised, `ValueError` if `function` is NULL, or as
/// `PyAwaitable_AddAwait`. An argument that is NULL since an exception is set fails with that exception, as in
/// `Py_BuildValue`.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AwaitFunction(
    awaitable: *mut PyObject,
    function: *mut PyObject,
    format: *const c_char,
    callback: PyAwaitable_Callback,
    error: PyAwaitable_Error,
    ...
) -> c_int {}

/// Saves `count` objects (`PyObject *`) for the callbacks, after those that are saved already.
///
/// The awaitable takes a reference of its own to each, until it finishes. All are saved or none; a `count` of 0 does
/// nothing.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or an object is NULL, `MemoryError`.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SaveValues(awaitable: *mut PyObject, count: Py_ssize_t, ...) -> c_int {}

/// Writes the saved objects to as many places (`PyObject **`), in the order they were saved; NULL skips one.
///
/// The references are borrowed, each valid until its index is set or the awaitable finishes. There must be a place
/// for each saved object.
///
/// Returns 0, or -1 with an exception set: `RuntimeError` when none are saved, `MemoryError`.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_UnpackValues(awaitable: *mut PyObject, ...) -> c_int {}

/// Saves `count` pointers (`void *`) for the callbacks, after those that are saved already.
///
/// They are never read, and may be NULL. All are saved or none; a `count` of 0 does nothing.
///
/// Whatever they point to is the caller's to free, and no callback may ever run: an awaitable may be dropped, closed or
/// cancelled before its first step. They stay readable when it has finished. What has to be freed on every path is saved as
/// an object, a capsule with a destructor:
///
/// ```c
/// static void
/// free_request(PyObject *capsule)
/// {
///     free(PyCapsule_GetPointer(capsule, NULL));
/// }
///
/// PyObject *capsule = PyCapsule_New(request, NULL, free_request);
/// if (capsule == NULL) {
///     free(request);
///     return -1;
/// }
/// int status = PyAwaitable_SaveValues(awaitable, 1, capsule);
/// Py_DECREF(capsule);
/// return status;
/// ```
///
/// Returns 0, or -1 with an exception set: `ValueError` if `count` is negative, `MemoryError`.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SaveArbValues(awaitable: *mut PyObject, count: Py_ssize_t, ...) -> c_int {}

/// Writes the saved pointers to as many places (`void **`), in the order they were saved; NULL skips one.
///
/// There must be a place for each saved pointer. They stay readable when the awaitable has finished.
///
/// Returns 0, or -1 with an exception set: `RuntimeError` when none are saved, `MemoryError`.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_UnpackArbValues(awaitable: *mut PyObject, ...) -> c_int {}

/// Saves `count` integers (`long`) for the callbacks, after those that are saved already.
///
/// All are saved or none; a `count` of 0 does nothing. A literal needs its `L`: `PyAwaitable_SaveIntValues(aw, 1, 42L)`.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `count` is negative, `MemoryError`.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SaveIntValues(awaitable: *mut PyObject, count: Py_ssize_t, ...) -> c_int {}

/// Writes the saved integers to as many places (`long *`), in the order they were saved; NULL skips one.
///
/// There must be a place for each saved integer. They stay readable when the awaitable has finished.
///
/// Returns 0, or -1 with an exception set: `RuntimeError` when none are saved, `MemoryError`.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_UnpackIntValues(awaitable: *mut PyObject, ...) -> c_int {}
