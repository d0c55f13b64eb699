//! Strong references.

use crate::python::ffi;
use crate::python::raised::{Raised, Result};
use core::ptr::NonNull;

/// A strong reference, released when dropped. The thread that drops it is attached, as every thread in this crate is.
///
/// Dropping may run any Python code. Code that holds an object's storage (`Awaitable::with`) hands references out and
/// drops them afterwards.
#[repr(transparent)]
pub struct Owned(NonNull<ffi::PyObject>);

impl Owned {
    /// Takes over a new reference; NULL means that an exception is set.
    ///
    /// # Safety
    /// `pointer` is NULL or a reference that the caller owns and gives away.
    #[inline]
    pub unsafe fn new(pointer: *mut ffi::PyObject) -> Result<Self> {
        match NonNull::new(pointer) {
            Some(pointer) => Ok(Self(pointer)),
            None => Err(Raised::pending()),
        }
    }

    /// Takes over a reference that may be NULL without meaning failure.
    ///
    /// # Safety
    /// `pointer` is NULL or a reference that the caller owns and gives away.
    #[inline]
    pub unsafe fn optional(pointer: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    /// A new reference to an object that somebody else keeps alive.
    ///
    /// # Safety
    /// `pointer` is a live object.
    #[inline]
    pub unsafe fn share(pointer: *mut ffi::PyObject) -> Self {
        // SAFETY: the caller's promise: live, hence not NULL.
        unsafe {
            ffi::incref(pointer);
            Self(NonNull::new_unchecked(pointer))
        }
    }

    /// A new reference to None.
    #[inline]
    pub fn none() -> Self {
        // SAFETY: None lives as long as the interpreter.
        unsafe { Self::share(ffi::Py_None()) }
    }

    /// The object, borrowed for as long as `self` lives.
    #[inline]
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    /// The object, together with the reference.
    #[inline]
    pub fn into_ptr(self) -> *mut ffi::PyObject {
        let pointer = self.0.as_ptr();
        core::mem::forget(self);
        pointer
    }

    /// Whether this is None.
    #[inline]
    pub fn is_none(&self) -> bool {
        // SAFETY: only the address is compared.
        unsafe { self.as_ptr() == ffi::Py_None() }
    }
}

impl Drop for Owned {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is ours, and given up here, once.
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) }
    }
}
