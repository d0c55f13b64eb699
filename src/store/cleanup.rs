//! Functions of the C author's that run when the object ends.

use super::Store;
use crate::base::buffer::NoMemory;
use core::ffi::c_void;

/// A function, and what it is called with.
#[derive(Clone, Copy)]
pub struct Cleanup {
    pub function: unsafe extern "C" fn(data: *mut c_void),
    pub data: *mut c_void,
}

impl Store<'_> {
    /// Adds one; it will be the first to run.
    pub fn add_cleanup(&mut self, cleanup: Cleanup) -> Result<(), NoMemory> {
        self.contents.make_cold(self.colds)?.cleanups.push(cleanup)
    }

    /// Whether there is one, or something that was parsed.
    #[inline]
    pub fn has_cleanups(&mut self) -> bool {
        let cold = self.contents.cold();
        cold.is_some_and(|cold| cold.cleanups.len() > 0 || cold.parsed.len() > 0)
    }

    /// Takes out the one that was added last.
    pub fn take_cleanup(&mut self) -> Option<Cleanup> {
        self.contents.cold()?.cleanups.pop()
    }

    /// What this function will be called with, if it has been added.
    pub fn cleanup_data(
        &mut self,
        function: unsafe extern "C" fn(data: *mut c_void),
    ) -> Option<*mut c_void> {
        let cleanups = &self.contents.cold()?.cleanups;
        let is_it = |cleanup: &&Cleanup| core::ptr::fn_addr_eq(cleanup.function, function);
        Some(cleanups.as_slice().iter().find(is_it)?.data)
    }
}
