//! An object that is made when it is first needed, and kept.

use crate::python::ffi::PyObject;
use crate::python::reference::{Borrowed, Owned};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// A place for it. Threads may get and set it at one time.
pub struct Lazy(AtomicPtr<PyObject>);

impl Lazy {
    pub const fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// The object, if it has been made.
    pub fn get(&self) -> Option<Borrowed<'_>> {
        // SAFETY: NULL, or a reference that this keeps until it goes itself.
        unsafe { Borrowed::optional(self.0.load(Ordering::Acquire)) }
    }

    /// Keeps an object, unless another thread has been faster. The one that is kept.
    pub fn keep(&self, made: Owned) -> Borrowed<'_> {
        let pointer = made.as_ptr();
        let kept =
            self.0
                .compare_exchange(null_mut(), pointer, Ordering::AcqRel, Ordering::Acquire);
        let kept = match kept {
            Ok(_) => made.into_ptr(),
            Err(kept) => kept,
        };
        // SAFETY: kept, now or earlier.
        unsafe { Borrowed::new(kept) }
    }

    /// Takes the object out.
    ///
    /// # Safety
    /// Nobody has what [`Lazy::get`] gave, nor asks again.
    pub unsafe fn take(&self) -> Option<Owned> {
        // SAFETY: NULL, or a reference that was given to this.
        unsafe { Owned::optional(self.0.swap(null_mut(), Ordering::AcqRel)) }
    }
}

impl Drop for Lazy {
    fn drop(&mut self) {
        // SAFETY: nobody borrows from it.
        drop(unsafe { self.take() });
    }
}
