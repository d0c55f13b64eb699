//! Memory for the frames of bodies, kept for reuse by size.

use crate::base::free_list::FreeList;
use crate::python::ffi::{self, PyObject};
use crate::store::status::FrameSize;
use core::ffi::c_void;

/// Frames are rounded up to a multiple of this many bytes.
const GRANULE: usize = 32;
/// Larger ones than so many granules are not kept.
const SIZES: usize = 16;

/// What an interpreter keeps of one size.
struct Kept {
    frames: FreeList<c_void, 32>,
    /// As [`super::state::State::awaitables`], each with the frame of a body that has ended.
    awaitables: FreeList<PyObject, 64>,
}

/// An interpreter's frames that are not in use.
pub struct Frames([Kept; SIZES]);

impl Frames {
    pub const fn new() -> Self {
        Self(
            [const {
                Kept {
                    frames: FreeList::new(),
                    awaitables: FreeList::new(),
                }
            }; SIZES],
        )
    }

    /// What is kept of frames for `size` bytes, which is more than 0.
    #[inline(always)]
    fn of_size(&self, size: usize) -> Option<&Kept> {
        self.0.get(size.wrapping_sub(1) / GRANULE)
    }

    /// The number for a size of more than 0 bytes.
    #[inline(always)]
    pub fn number(size: usize) -> FrameSize {
        match size.wrapping_sub(1) / GRANULE {
            number @ ..SIZES => number as FrameSize + 1,
            _ => 0,
        }
    }

    /// An awaitable with a frame for `size` bytes, which is more than 0, neither of them initialized; and the number for that.
    #[inline(always)]
    pub fn take_awaitable(&self, size: usize) -> Option<(*mut PyObject, FrameSize)> {
        let object = self.of_size(size)?.awaitables.take()?;
        Some((object, (size.wrapping_sub(1) / GRANULE) as FrameSize + 1))
    }

    /// Keeps an awaitable that is empty, but for its frame; false if there is no room.
    ///
    /// # Safety
    /// Its frame is of this size, and nothing uses the two from here on.
    #[inline(always)]
    pub unsafe fn put_awaitable(&self, object: *mut PyObject, size: FrameSize) -> bool {
        let kept = self.0.get(usize::from(size).wrapping_sub(1));
        kept.is_some_and(|kept| kept.awaitables.put(object))
    }

    /// A new frame, zeroed; None without memory.
    pub fn take(&self, size: usize) -> Option<*mut c_void> {
        let kept = self.of_size(size).and_then(|kept| kept.frames.take());
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
    pub unsafe fn put(&self, frame: *mut c_void, size: usize) {
        if !self
            .of_size(size)
            .is_some_and(|kept| kept.frames.put(frame))
        {
            // SAFETY: the caller's promise.
            unsafe { ffi::PyMem_Free(frame) };
        }
    }

    /// Frees what is kept, and keeps nothing from now on. `free` frees an awaitable with its frame.
    pub fn close(&self, free: impl Fn(*mut PyObject)) {
        for kept in &self.0 {
            kept.awaitables.close(&free);
        }
        for kept in &self.0 {
            // SAFETY: as above.
            kept.frames.close(|frame| unsafe { ffi::PyMem_Free(frame) });
        }
    }
}
