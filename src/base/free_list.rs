//! Memory that is kept for reuse: each interpreter's own, and none without a GIL.

use core::cell::{Cell, UnsafeCell};

/// Up to `CAPACITY` pieces of memory of one kind, last in, first out.
pub struct FreeList<T, const CAPACITY: usize> {
    pieces: UnsafeCell<[*mut T; CAPACITY]>,
    count: Cell<usize>,
    /// How many it takes: none once it is closed.
    room: Cell<usize>,
}

impl<T, const CAPACITY: usize> FreeList<T, CAPACITY> {
    pub const fn new() -> Self {
        Self {
            pieces: UnsafeCell::new([core::ptr::null_mut(); CAPACITY]),
            count: Cell::new(0),
            room: Cell::new(if cfg!(Py_GIL_DISABLED) { 0 } else { CAPACITY }),
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
        if count >= self.room.get() {
            return false;
        }
        // SAFETY: below the capacity; the GIL keeps others out.
        unsafe {
            self.pieces.get().cast::<*mut T>().add(count).write(piece);
        }
        self.count.set(count + 1);
        true
    }

    /// Gives what is in the pool to `free`, and takes nothing from now on. What an object that outlives it asks for is not there.
    pub fn close(&self, free: impl Fn(*mut T)) {
        self.room.set(0);
        while let Some(piece) = self.take() {
            free(piece);
        }
    }
}
