//! Saved objects: what C code keeps on an awaitable for its callbacks.
//!
//! There are three kinds of saved values, each with an index of its own that starts at 0: objects, and in `raw_values.rs`
//! `void *` and `long`. The functions that take a variable number of arguments stand in `variadic.rs`, and come down to those that take an array.

use super::checked;
use crate::python::ffi::{Py_ssize_t, PyObject};
use crate::python::raised::{Kind, Raised, Result, status, to_c};
use crate::python::reference::Owned;
use crate::store::INLINE;
use core::ffi::{CStr, c_int};

/// An array that a C caller passes.
///
/// # Safety
/// `first` points to `count` elements, unless `count` is 0 or negative.
#[inline]
pub(super) unsafe fn array<'a, T>(count: Py_ssize_t, first: *const T) -> Result<&'a [T]> {
    match room(count, first)? {
        0 => Ok(&[]),
        // SAFETY: the caller's promise.
        count => Ok(unsafe { core::slice::from_raw_parts(first, count) }),
    }
}

/// How many elements a C caller's array has, which is not NULL then.
#[inline]
pub(super) fn room<T>(count: Py_ssize_t, first: *const T) -> Result<usize> {
    if count < 0 || (first.is_null() && count > 0) {
        return Err(no_array(count));
    }
    Ok(count as usize)
}

#[cold]
fn no_array(count: Py_ssize_t) -> Raised {
    let complaint = if count < 0 {
        c"the number of values cannot be negative"
    } else {
        c"NULL passed as the array of values"
    };
    Raised::new(Kind::ValueError, complaint)
}

/// Copies the first of `values` to `places`, all if there is room for all.
///
/// # Safety
/// There is room for `room` values at `places`, which is no NULL.
#[inline]
pub(super) unsafe fn copy<T: Copy>(values: &[T], places: *mut T, room: usize) {
    // SAFETY: no more than either has; the caller's array is none of the store's.
    unsafe { core::ptr::copy_nonoverlapping(values.as_ptr(), places, values.len().min(room)) };
}

/// An index, unless it is negative.
pub(super) fn position(index: Py_ssize_t) -> Option<usize> {
    usize::try_from(index).ok()
}

#[cold]
pub(super) fn out_of_range() -> Raised {
    Raised::new(Kind::IndexError, c"saved value index out of range")
}

const NULL_VALUE: &CStr = c"a saved value cannot be NULL";

/// The number of saved values, which is not 0, or `RuntimeError`.
#[inline]
pub(super) fn check_saved(count: usize) -> Result<Py_ssize_t> {
    if count == 0 {
        return Err(none_saved());
    }
    Ok(count as Py_ssize_t)
}

#[cold]
fn none_saved() -> Raised {
    Raised::new(
        Kind::RuntimeError,
        c"the awaitable has no saved values of this kind",
    )
}

unsafe fn save_objects(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *const *mut PyObject,
) -> Result<()> {
    // SAFETY: the caller passes a live object or NULL, and an array of `count` objects or NULLs.
    let (this, values) = unsafe { (checked(awaitable)?, array(count, values)?) };
    if values.iter().any(|value| value.is_null()) {
        return Err(Raised::new(Kind::ValueError, NULL_VALUE));
    }
    this.with(|store| store.save_objects(values))?;
    Ok(())
}

unsafe fn unpack_objects(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *mut *mut PyObject,
) -> Result<Py_ssize_t> {
    // SAFETY: the caller passes a live object or NULL, and an array with room for `count` objects.
    let (this, room) = unsafe { (checked(awaitable)?, room(count, values)?) };
    check_saved(this.with(|store| {
        let (first, further) = store.objects();
        // One by one, since they are too few for memcpy.
        for index in 0..INLINE.min(room) {
            if let Some(&value) = first.get(index) {
                // SAFETY: there is room for it.
                unsafe { values.add(index).write(value) };
            }
        }
        if room > first.len() && !further.is_empty() {
            // SAFETY: behind those is room for the rest.
            unsafe { copy(further, values.add(first.len()), room - first.len()) };
        }
        first.len() + further.len()
    }))
}

unsafe fn set_object(
    awaitable: *mut PyObject,
    index: Py_ssize_t,
    value: *mut PyObject,
) -> Result<()> {
    // SAFETY: the caller passes a live object or NULL.
    let this = unsafe { checked(awaitable) }?;
    if value.is_null() {
        return Err(Raised::new(Kind::ValueError, NULL_VALUE));
    }
    // SAFETY: a live object.
    let value = unsafe { Owned::share(value) };
    let replaced = this.with(
        |store| match position(index).and_then(|index| store.object(index)) {
            Some(place) => Ok(core::mem::replace(place, value.into_ptr())),
            None => Err(value),
        },
    );
    match replaced {
        Ok(replaced) => {
            // SAFETY: taken out of the store, and its reference with it.
            drop(unsafe { Owned::optional(replaced) });
            Ok(())
        }
        Err(value) => {
            drop(value);
            Err(out_of_range())
        }
    }
}

unsafe fn get_object(awaitable: *mut PyObject, index: Py_ssize_t) -> Result<*mut PyObject> {
    // SAFETY: the caller passes a live object or NULL.
    let this = unsafe { checked(awaitable) }?;
    this.with(|store| position(index).and_then(|index| store.object(index).copied()))
        .ok_or_else(out_of_range)
}

/// How many objects are saved.
///
/// Returns the number, or -1 with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_ValueCount(awaitable: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the caller passes a live object or NULL.
    to_c(
        unsafe { checked(awaitable) }
            .map(|this| this.with(|store| store.object_count()) as Py_ssize_t),
    )
}

/// As `PyAwaitable_SaveValues`, with an array of `count` objects.
///
/// The awaitable takes a reference of its own to each. All are saved or none.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `count` is negative, a value is NULL, or `values` is NULL with a
/// `count` above 0; `MemoryError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SaveValueArray(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *const *mut PyObject,
) -> c_int {
    // SAFETY: the caller passes a live object or NULL, and an array of `count` objects.
    status(unsafe { save_objects(awaitable, count, values) })
}

/// Writes the saved objects, in the order they were saved, to an array with room for `count`: as many as fit.
///
/// The references are borrowed, each valid until its index is set or the awaitable finishes.
///
/// Returns how many are saved, which may be more than `count` or less; or -1 with an exception set: `RuntimeError` when none
/// are saved, `ValueError` if `count` is negative or `values` is NULL with a `count` above 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_UnpackValueArray(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *mut *mut PyObject,
) -> Py_ssize_t {
    // SAFETY: the caller passes a live object or NULL, and an array with room for `count` objects.
    to_c(unsafe { unpack_objects(awaitable, count, values) })
}

/// Replaces the saved object at `index`. The awaitable takes a reference of its own to `value`, and releases the old one.
///
/// Returns 0, or -1 with an exception set: `IndexError` if none is saved at `index`, `ValueError` if `value` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SetValue(
    awaitable: *mut PyObject,
    index: Py_ssize_t,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: the caller passes live objects or NULL.
    status(unsafe { set_object(awaitable, index, value) })
}

/// The saved object at `index`.
///
/// Returns a borrowed reference, valid until the index is set or the awaitable finishes; or NULL with an exception set:
/// `IndexError` if none is saved at `index`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_GetValue(
    awaitable: *mut PyObject,
    index: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: the caller passes a live object or NULL.
    to_c(unsafe { get_object(awaitable, index) })
}
