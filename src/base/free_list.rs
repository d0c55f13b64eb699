//! Memory that is kept for reuse: each interpreter's own, and none without a GIL.

use core::cell::{Cell, UnsafeCell};

/// Up to `CAPACITY` pieces of memory of one kind, last in, first out.
pub struct FreeList<T, const CAPACITY: usize> {
    pieces: UnsafeCell<[*mut T; CAPACITY]>,
    count: Cell<usize>,
}

impl<T, const CAPACITY: usize> FreeList<T, CAPACITY> {
    pub const fn new() -> Self {
        Self {
            pieces: UnsafeCell::new([core::ptr::null_mut(); CAPACITY]),
            // A full pool takes nothing.
            count: Cell::new(if cfg!(Py_GIL_DISABLED) { CAPACITY } else { 0 }),
        }
    }

    /// A piece out of the pool.
    #[inline]
    pub fn take(&self) -> Option<*mut T> {
        if cfg!(Py_GIL_DISABLED) {
            return None;
        }
        let count = self.count.get().checked_sub(1)?;
        self.count.set(count);
        // SAFETY: below the count, which is at most the capacity; the GIL keeps others out.
        Some(unsafe { self.pieces.get().cast::<*mut T>().add(count).read() })
    }

    /// Puts a piece into the pool, which then owns it; false if there is no room.
    #[inline]
    pub fn put(&self, piece: *mut T) -> bool {
        let count = self.count.get();
        if count >= CAPACITY {
            return false;
        }
        // SAFETY: below the capacity; the GIL keeps others out.
        unsafe {
            self.pieces.get().cast::<*mut T>().add(count).write(piece);
        }
        self.count.set(count + 1);
        true
    }

    /// Gives what is in the pool to `free`, and takes nothing from now on.
    pub fn close(&self, free: impl Fn(*mut T)) {
        while let Some(piece) = self.take() {
            free(piece);
        }
        self.count.set(CAPACITY);
    }
}
