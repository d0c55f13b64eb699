//! Saved values that are no objects: `void *` and `long`.

use super::checked;
use super::values::{array, check_saved, copy, out_of_range, position, room};
use crate::object::awaitable::Awaitable;
use crate::python::ffi::{Py_ssize_t, PyObject};
use crate::python::raised::{Long, Result, status, to_c};
use crate::store::saved::Raw;
use core::ffi::{c_int, c_long, c_void};

fn count_raw<T: Raw>(this: &Awaitable) -> Py_ssize_t {
    this.with(|store| store.raw_values::<T>().len()) as Py_ssize_t
}

unsafe fn save_raw<T: Raw>(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *const T,
) -> Result<()> {
    // SAFETY: the caller passes a live object or NULL, and an array of `count` values.
    let (this, values) = unsafe { (checked(awaitable)?, array(count, values)?) };
    if !values.is_empty() {
        this.with(|store| store.save_raw(values))?;
    }
    Ok(())
}

unsafe fn unpack_raw<T: Raw>(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *mut T,
) -> Result<Py_ssize_t> {
    // SAFETY: the caller passes a live object or NULL, and an array with room for `count` values.
    let (this, room) = unsafe { (checked(awaitable)?, room(count, values)?) };
    check_saved(this.with(|store| {
        let saved = store.raw_values::<T>();
        if room > 0 {
            // SAFETY: as many as there is room for.
            unsafe { copy(saved, values, room) };
        }
        saved.len()
    }))
}

unsafe fn set_raw<T: Raw>(awaitable: *mut PyObject, index: Py_ssize_t, value: T) -> Result<()> {
    // SAFETY: the caller passes a live object or NULL.
    let this = unsafe { checked(awaitable) }?;
    this.with(|store| {
        position(index)
            .and_then(|index| store.raw::<T>(index))
            .map(|place| *place = value)
    })
    .ok_or_else(out_of_range)
}

unsafe fn get_raw<T: Raw>(awaitable: *mut PyObject, index: Py_ssize_t) -> Result<T> {
    // SAFETY: the caller passes a live object or NULL.
    let this = unsafe { checked(awaitable) }?;
    this.with(|store| {
        position(index)
            .and_then(|index| store.raw::<T>(index))
            .map(|&mut value| value)
    })
    .ok_or_else(out_of_range)
}

/// How many pointers are saved.
///
/// Returns the number, or -1 with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_ArbValueCount(awaitable: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the caller passes a live object or NULL.
    to_c(unsafe { checked(awaitable) }.map(count_raw::<*mut c_void>))
}

/// As `PyAwaitable_SaveArbValues`, with an array of `count` pointers.
///
/// The pointers are never read, and may be NULL. All are saved or none. What `PyAwaitable_SaveArbValues` says of freeing
/// what they point to holds here.
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

/// How many integers are saved.
///
/// Returns the number, or -1 with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_IntValueCount(awaitable: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the caller passes a live object or NULL.
    to_c(unsafe { checked(awaitable) }.map(count_raw::<c_long>))
}

/// As `PyAwaitable_SaveIntValues`, with an array of `count` integers.
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
