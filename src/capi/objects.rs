//! Saved objects.

use super::checked;
use super::values::{array, check_saved, copy, out_of_range, position, room};
use crate::python::ffi::{Py_ssize_t, PyObject};
use crate::python::raised::{Kind, Raised, Result, status, to_c};
use crate::python::reference::{Borrowed, Owned};
use crate::store::INLINE;
use core::ffi::{CStr, c_int};

const NULL_VALUE: &CStr = c"a saved value cannot be NULL";

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
    // SAFETY: a borrow is an object's address, and none of these is NULL.
    let values = unsafe { &*(&raw const *values as *const [Borrowed<'_>]) };
    this.with_values(|store| store.save_objects(values))??;
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

/// Saves `count` objects (`PyObject *`) for the callbacks, after those already saved.
///
/// The awaitable keeps its own reference to each until it finishes. All are saved or none; a `count` of 0 does nothing.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `count` is negative or more than are given, or if an object is NULL;
/// `MemoryError`.
///
/// A call is a macro, which takes any pointer to an object without a cast. Called through its address, the function does not
/// know how many are given: too few is undefined behaviour.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SaveValues(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    _: ...
) -> c_int {
}

/// Writes the saved objects to as many places (`PyObject **`), in the order they were saved; NULL skips one. Any further places
/// are left alone.
///
/// The references are borrowed, each valid until its index is set or the awaitable finishes.
///
/// Returns 0, or -1 with an exception set and nothing written: `RuntimeError` when none are saved, `ValueError` if there are
/// fewer places than saved objects, `MemoryError`.
///
/// A call is a macro, which takes a pointer to a pointer of any type without a cast. Called through its address, the function
/// does not know how many places there are: too few is undefined behaviour.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_UnpackValues(awaitable: *mut PyObject, _: ...) -> c_int {}

/// Replaces the saved object at `index`. The awaitable takes its own reference to `value`, and releases the old one.
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

/// Like `PyAwaitable_SaveValues`, with an array of `count` objects.
///
/// The awaitable takes its own reference to each. All are saved or none.
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
