//! Saved integers.

use super::checked;
use super::values::{count_raw, get_raw, save_raw, set_raw, unpack_raw};
use crate::python::ffi::{Py_ssize_t, PyObject};
use crate::python::raised::{Long, status, to_c};
use core::ffi::{c_int, c_long};

/// Saves `count` integers (`long`) for the callbacks, after those already saved.
///
/// All are saved or none; a `count` of 0 does nothing.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or more than are given, `MemoryError`. As with
/// `PyAwaitable_SaveValues`, a call is a macro, which converts other types of integers. Called through its address, the
/// function does not: a literal then needs its `L`.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SaveIntValues(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    _: ...
) -> c_int {
}

/// Writes the saved integers to as many places (`long *`), in the order they were saved; NULL skips one.
/// Any further places are left alone. Saved integers stay readable after the awaitable has finished.
///
/// Returns 0, or -1 with an exception set and nothing written: `RuntimeError` when none are saved, `ValueError` if there are
/// fewer places than saved integers, `MemoryError`. As with `PyAwaitable_UnpackValues`, a call is a macro; each place is a
/// `long`, which no compiler checks.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_UnpackIntValues(awaitable: *mut PyObject, _: ...) -> c_int {}

/// Replaces the saved integer at `index`.
///
/// Returns 0, or -1 with an exception set: `IndexError` if none is saved at `index`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SetIntValue(
    awaitable: *mut PyObject,
    index: Py_ssize_t,
    value: c_long,
) -> c_int {
    // SAFETY: the caller passes live objects or NULL.
    status(unsafe { set_raw(awaitable, index, value) })
}

/// The saved integer at `index`.
///
/// Returns the integer; or -1 with an exception set: `IndexError` if none is saved at `index`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_GetIntValue(
    awaitable: *mut PyObject,
    index: Py_ssize_t,
) -> c_long {
    // SAFETY: the caller passes a live object or NULL.
    to_c(unsafe { get_raw(awaitable, index) }.map(Long)).0
}

/// How many integers are saved.
///
/// Returns the number, or -1 with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_IntValueCount(awaitable: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the caller passes a live object or NULL.
    to_c(unsafe { checked(awaitable) }.map(count_raw::<c_long>))
}

/// Like `PyAwaitable_SaveIntValues`, with an array of `count` integers.
///
/// All are saved or none.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or `values` is NULL with a `count` above 0,
/// `MemoryError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SaveIntValueArray(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *const c_long,
) -> c_int {
    // SAFETY: the caller passes a live object or NULL, and an array of `count` integers.
    status(unsafe { save_raw(awaitable, count, values) })
}

/// Writes the saved integers, in the order they were saved, to an array with room for `count`: as many as fit.
///
/// Returns how many are saved, which may be more than `count` or less; or -1 with an exception set: `RuntimeError` when none
/// are saved, `ValueError` if `count` is negative or `values` is NULL with a `count` above 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_UnpackIntValueArray(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *mut c_long,
) -> Py_ssize_t {
    // SAFETY: the caller passes a live object or NULL, and an array with room for `count` integers.
    to_c(unsafe { unpack_raw(awaitable, count, values) })
}
