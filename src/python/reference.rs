//! References: strong ones, and borrowed ones.

use crate::python::ffi;
use crate::python::raised::{Raised, Result};
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A strong reference, released when dropped. The thread that drops it is attached, as every thread in this crate is.
///
/// Dropping may run any Python code. Code that holds an object's storage (`Awaitable::with`) hands references out and
/// drops them afterwards.
#[repr(transparent)]
pub struct Owned(NonNull<ffi::PyObject>);

impl Owned {
    /// Steals a new reference; NULL means that an exception is set.
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

    /// Steals a reference that may be NULL without meaning failure.
    ///
    /// # Safety
    /// `pointer` is NULL or a reference that the caller owns and gives away.
    #[inline]
    pub unsafe fn optional(pointer: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    /// A new reference to an object that is kept alive elsewhere.
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
        Borrowed::none().to_owned()
    }

    /// The object, for as long as this reference to it is kept.
    #[inline]
    pub fn borrow(&self) -> Borrowed<'_> {
        Borrowed(self.0, PhantomData)
    }

    /// The object's address: live for as long as `self` is.
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
        self.borrow().is_none()
    }
}

impl Drop for Owned {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: we own the reference, and give it up here, once.
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) }
    }
}

/// An object to which a reference is held elsewhere for `'a`. Free to copy, and as large as a pointer.
///
/// The code that creates one from a pointer guarantees `'a`: CPython for the arguments of a slot, C code for those of a
/// function, the store for what it holds. Code that receives one has nothing to promise.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Borrowed<'a>(NonNull<ffi::PyObject>, PhantomData<&'a Owned>);

impl<'a> Borrowed<'a> {
    /// # Safety
    /// `pointer` is a live object, and stays so for `'a`.
    #[inline]
    pub unsafe fn new(pointer: *mut ffi::PyObject) -> Self {
        // SAFETY: the caller's promise: live, hence not NULL.
        Self(unsafe { NonNull::new_unchecked(pointer) }, PhantomData)
    }

    /// As [`Borrowed::new`], of what may be NULL.
    ///
    /// # Safety
    /// `pointer` is NULL, or a live object that stays so for `'a`.
    #[inline]
    pub unsafe fn optional(pointer: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(pointer).map(|pointer| Self(pointer, PhantomData))
    }

    /// None.
    #[inline]
    pub fn none() -> Self {
        // SAFETY: None lives as long as the interpreter.
        unsafe { Self::new(ffi::Py_None()) }
    }

    /// The object's address.
    #[inline]
    pub fn as_ptr(self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    /// A new reference.
    #[inline]
    pub fn to_owned(self) -> Owned {
        // SAFETY: live, as long as there is a borrow of it.
        unsafe { Owned::share(self.as_ptr()) }
    }

    /// Whether the two are one object.
    #[inline]
    pub fn is(self, other: Borrowed<'_>) -> bool {
        self.0 == other.0
    }

    /// Whether this is None.
    #[inline]
    pub fn is_none(self) -> bool {
        self.is(Borrowed::none())
    }

    /// Whether there are more references than one, as there are for as long as the GIL is held; never without a GIL.
    #[inline]
    pub fn is_shared(self) -> bool {
        // SAFETY: live.
        !cfg!(Py_GIL_DISABLED) && unsafe { ffi::Py_REFCNT(self.as_ptr()) } > 1
    }

    /// The object's type. A type may be assigned to it: this is for what is done before any code runs.
    #[inline]
    pub fn r#type(self) -> *mut ffi::PyTypeObject {
        // SAFETY: live.
        unsafe { ffi::Py_TYPE(self.as_ptr()) }
    }
}

/// A borrow that may be missing, as C has it.
#[inline]
pub fn or_null(object: Option<Borrowed<'_>>) -> *mut ffi::PyObject {
    object.map_or(core::ptr::null_mut(), Borrowed::as_ptr)
}
