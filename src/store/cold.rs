//! The cold part of a store.

use crate::base::buffer::{Buffer, NoMemory, Queue};
use crate::python::ffi;
use crate::python::memory::{PythonMemory, new_block};
use crate::python::reference::Owned;
use crate::store::block::Block;
use crate::store::cleanup::Cleanup;
use crate::store::parsed::Arguments;
use crate::store::queue::Entries;
use crate::store::saved::Objects;
use core::ffi::{c_long, c_void};

/// What most awaitables do not need: a separate block, allocated on first use and kept until the object is destroyed.
pub struct Cold {
    pub(super) queue: Entries,
    pub(super) objects: Objects,
    pub(super) arbitrary: Buffer<*mut c_void, PythonMemory>,
    pub(super) integers: Buffer<c_long, PythonMemory>,
    pub(super) cleanups: Buffer<Cleanup, PythonMemory>,
    pub(super) parsed: Arguments,
    pub(super) name: Option<Owned>,
    pub(super) qualified_name: Option<Owned>,
    pub(super) origin: Option<Owned>,
    pub(super) block: *mut Block,
}

impl Cold {
    /// Whether a finished object still needs it. Objects saved by then are in it, too.
    pub(super) fn is_needed(&self) -> bool {
        let saved = self.objects.len() | self.arbitrary.len() | self.integers.len();
        let to_clean_up = self.cleanups.len() | self.parsed.len();
        (saved | to_clean_up) > 0
            || !self.queue.is_empty()
            || !self.block.is_null()
            || self.name.is_some()
            || self.qualified_name.is_some()
            || self.origin.is_some()
    }

    /// Empties it for the next object; false if it holds too much memory to be kept.
    pub(super) fn clear(&mut self) -> bool {
        self.objects.clear();
        self.arbitrary.clear();
        self.integers.clear();
        self.queue.is_empty()
            && self.cleanups.len() == 0
            && self.parsed.len() == 0
            && self.name.is_none()
            && self.qualified_name.is_none()
            && self.origin.is_none()
            && self.bytes() <= KEPT_BYTES
    }

    /// The bytes of memory held, blocks aside.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.queue.bytes()
            + self.objects.bytes()
            + self.arbitrary.bytes()
            + self.integers.bytes()
            + self.cleanups.bytes()
            + self.parsed.bytes()
    }
}

/// A cold part with more memory is not kept.
pub(super) const KEPT_BYTES: usize = 2048;

#[cold]
pub(super) fn new_cold() -> Result<*mut Cold, NoMemory> {
    new_block(Cold {
        queue: Queue::new(),
        objects: Buffer::new(),
        arbitrary: Buffer::new(),
        integers: Buffer::new(),
        cleanups: Buffer::new(),
        parsed: Buffer::new(),
        name: None,
        qualified_name: None,
        origin: None,
        block: core::ptr::null_mut(),
    })
}

/// Frees a cold part that belongs to no object.
///
/// # Safety
/// `cold` was made by `new_cold`, and nothing uses it from here on.
pub unsafe fn free_cold(cold: *mut Cold) {
    // SAFETY: the caller's promise.
    unsafe {
        core::ptr::drop_in_place(cold);
        ffi::PyMem_Free(cold.cast());
    }
}
