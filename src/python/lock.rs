//! What keeps an object whole when several threads run Python at once. With a GIL there is nothing to do.

/// One byte, held for a few instructions at a time and never while Python code runs.
#[repr(transparent)]
pub struct Lock {
    #[cfg(Py_GIL_DISABLED)]
    mutex: core::cell::UnsafeCell<crate::python::ffi::PyMutex>,
    #[cfg(not(Py_GIL_DISABLED))]
    _byte: u8,
}

impl Lock {
    pub const fn new() -> Self {
        Self {
            #[cfg(Py_GIL_DISABLED)]
            mutex: core::cell::UnsafeCell::new(crate::python::ffi::PyMutex::new()),
            #[cfg(not(Py_GIL_DISABLED))]
            _byte: 0,
        }
    }

    /// Runs `body` while no other thread runs one under the same lock. `body` must not take a lock or run Python code.
    #[inline]
    pub fn with<R>(&self, body: impl FnOnce() -> R) -> R {
        #[cfg(Py_GIL_DISABLED)]
        // SAFETY: the mutex lives in `self`; the thread is attached.
        unsafe {
            crate::python::ffi::PyMutex_Lock(self.mutex.get());
            let result = body();
            crate::python::ffi::PyMutex_Unlock(self.mutex.get());
            result
        }
        #[cfg(not(Py_GIL_DISABLED))]
        body()
    }
}
