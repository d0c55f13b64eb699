//! Memory for the frames of bodies, kept for reuse by size.

use crate::base::free_list::FreeList;
use crate::python::ffi;
use core::ffi::c_void;

/// Frames are rounded up to a multiple of this many bytes.
const GRANULE: usize = 32;
/// Larger ones than so many granules are not kept.
const SIZES: usize = 16;

/// An interpreter's frames that are not in use.
pub struct Frames([FreeList<c_void, 32>; SIZES]);

impl Frames {
    pub const fn new() -> Self {
        Self([const { FreeList::new() }; SIZES])
    }

    /// The ones that can hold `size` bytes, which is more than 0.
    #[inline]
    fn of_size(&self, size: usize) -> Option<&FreeList<c_void, 32>> {
        self.0.get(size.wrapping_sub(1) / GRANULE)
    }

    /// A new frame, zeroed; None without memory.
    #[inline]
    pub fn take(&self, size: usize) -> Option<*mut c_void> {
        let kept = self.of_size(size).and_then(FreeList::take);
        let frame = match kept {
            Some(frame) => frame,
            // SAFETY: the thread is attached. Rounded up, as `put` expects.
            None => unsafe { ffi::PyMem_Malloc(size.checked_next_multiple_of(GRANULE)?) },
        };
        if frame.is_null() {
            return None;
        }
        // SAFETY: at least as large, and nobody else's.
        unsafe { frame.cast::<u8>().write_bytes(0, size) };
        Some(frame)
    }

    /// Keeps the memory of a frame, or frees it.
    ///
    /// # Safety
    /// `take` has made it, with the same size, and nothing uses it from here on.
    #[inline]
    pub unsafe fn put(&self, frame: *mut c_void, size: usize) {
        if !self.of_size(size).is_some_and(|kept| kept.put(frame)) {
            // SAFETY: the caller's promise.
            unsafe { ffi::PyMem_Free(frame) };
        }
    }

    /// Frees what is kept, and keeps nothing from now on.
    pub fn close(&self) {
        for kept in &self.0 {
            // SAFETY: what is kept is nobody else's.
            kept.close(|frame| unsafe { ffi::PyMem_Free(frame) });
        }
    }
}
