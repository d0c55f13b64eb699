//! Saved pointers.

use super::checked;
use super::values::{count_raw, get_raw, save_raw, set_raw, unpack_raw};
use crate::python::ffi::{Py_ssize_t, PyObject};
use crate::python::raised::{status, to_c};
use core::ffi::{c_int, c_void};

/// Saves `count` pointers (`void *`) for the callbacks, after those already saved.
///
/// They are never read, and may be NULL. All are saved or none; a `count` of 0 does nothing.
///
/// The caller frees what they point to, and perhaps no callback ever runs: an awaitable may be dropped, closed or cancelled
/// before its first step. They stay readable after it has finished. Save what has to be freed on every path as an object, a
/// capsule with a destructor:
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
/// Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or more than are given, `MemoryError`. As with
/// `PyAwaitable_SaveValues`, a call is a macro.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SaveArbValues(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    _: ...
) -> c_int {
}

/// Writes the saved pointers to as many places (`void **`), in the order they were saved; NULL skips one.
/// Any further places are left alone. Saved pointers stay readable after the awaitable has finished.
///
/// Returns 0, or -1 with an exception set and nothing written: `RuntimeError` when none are saved, `ValueError` if there are
/// fewer places than saved pointers, `MemoryError`. As with `PyAwaitable_UnpackValues`, a call is a macro.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_UnpackArbValues(awaitable: *mut PyObject, _: ...) -> c_int {}

/// Replaces the saved pointer at `index`.
///
/// Returns 0, or -1 with an exception set: `IndexError` if none is saved at `index`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SetArbValue(
    awaitable: *mut PyObject,
    index: Py_ssize_t,
    value: *mut c_void,
) -> c_int {
    // SAFETY: the caller passes live objects or NULL.
    status(unsafe { set_raw(awaitable, index, value) })
}

/// The saved pointer at `index`.
///
/// Returns the pointer, which may be NULL; or NULL with an exception set: `IndexError` if none is saved at `index`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_GetArbValue(
    awaitable: *mut PyObject,
    index: Py_ssize_t,
) -> *mut c_void {
    // SAFETY: the caller passes a live object or NULL.
    to_c(unsafe { get_raw(awaitable, index) })
}

/// How many pointers are saved.
///
/// Returns the number, or -1 with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_ArbValueCount(awaitable: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the caller passes a live object or NULL.
    to_c(unsafe { checked(awaitable) }.map(count_raw::<*mut c_void>))
}

/// Like `PyAwaitable_SaveArbValues`, with an array of `count` pointers.
///
/// The pointers are never read, and may be NULL. All are saved or none. What `PyAwaitable_SaveArbValues` says of freeing what
/// they point to applies here too.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or `values` is NULL with a `count` above 0,
/// `MemoryError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SaveArbValueArray(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *const *mut c_void,
) -> c_int {
    // SAFETY: the caller passes a live object or NULL, and an array of `count` pointers.
    status(unsafe { save_raw(awaitable, count, values) })
}

/// Writes the saved pointers, in the order they were saved, to an array with room for `count`: as many as fit.
///
/// Returns how many are saved, which may be more than `count` or less; or -1 with an exception set: `RuntimeError` when none
/// are saved, `ValueError` if `count` is negative or `values` is NULL with a `count` above 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_UnpackArbValueArray(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *mut *mut c_void,
) -> Py_ssize_t {
    // SAFETY: the caller passes a live object or NULL, and an array with room for `count` pointers.
    to_c(unsafe { unpack_raw(awaitable, count, values) })
}
