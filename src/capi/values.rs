//! What the three kinds of saved values have in common: what C code keeps on an awaitable for its callbacks.
//!
//! Each kind has its own index, which starts at 0: objects, pointers and integers, each in its own file.

use super::checked;
use crate::object::awaitable::Awaitable;
use crate::python::ffi::{Py_ssize_t, PyObject};
use crate::python::raised::{Kind, Raised, Result};
use crate::store::saved::Raw;

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

/// How many elements a C caller's array has. Unless that is 0, the array is not NULL.
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
/// There is room for `room` values at `places`, which is not NULL.
#[inline]
pub(super) unsafe fn copy<T: Copy>(values: &[T], places: *mut T, room: usize) {
    // SAFETY: no more than either has; the caller's array is not in the store.
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

pub(super) fn count_raw<T: Raw>(this: &Awaitable) -> Py_ssize_t {
    this.with(|store| store.raw_values::<T>().len()) as Py_ssize_t
}

pub(super) unsafe fn save_raw<T: Raw>(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    values: *const T,
) -> Result<()> {
    // SAFETY: the caller passes a live object or NULL, and an array of `count` values.
    let (this, values) = unsafe { (checked(awaitable)?, array(count, values)?) };
    if !values.is_empty() {
        this.with_values(|store| store.save_raw(values))??;
    }
    Ok(())
}

pub(super) unsafe fn unpack_raw<T: Raw>(
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

pub(super) unsafe fn set_raw<T: Raw>(
    awaitable: *mut PyObject,
    index: Py_ssize_t,
    value: T,
) -> Result<()> {
    // SAFETY: the caller passes a live object or NULL.
    let this = unsafe { checked(awaitable) }?;
    this.with(|store| {
        position(index)
            .and_then(|index| store.raw::<T>(index))
            .map(|place| *place = value)
    })
    .ok_or_else(out_of_range)
}

pub(super) unsafe fn get_raw<T: Raw>(awaitable: *mut PyObject, index: Py_ssize_t) -> Result<T> {
    // SAFETY: the caller passes a live object or NULL.
    let this = unsafe { checked(awaitable) }?;
    this.with(|store| {
        position(index)
            .and_then(|index| store.raw::<T>(index))
            .map(|&mut value| value)
    })
    .ok_or_else(out_of_range)
}
