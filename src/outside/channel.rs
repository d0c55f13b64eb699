//! An event loop's mailbox, and the descriptor that tells of it.

use crate::base::mailbox::{Batch, Left, Mailbox, Signal};
use crate::base::system::{self, Ends};
use crate::python::ffi;
use crate::python::memory::new_raw_block;
use crate::python::raised::{Raised, Result};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Counted, since a thread may write to the descriptor at any time: were it closed, its number would soon be another file's.
pub struct Channel {
    holders: AtomicUsize,
    ends: Ends,
    /// A child of a fork has the descriptor, too, and must not write to its parent's mailbox.
    process: u32,
    mailbox: Mailbox,
}

/// A hold on a channel.
pub struct Held(NonNull<Channel>);

impl core::ops::Deref for Held {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        // SAFETY: held.
        unsafe { self.0.as_ref() }
    }
}

impl Held {
    /// A new one. Fails with `MemoryError`, or `OSError` if there are no descriptors left.
    pub fn new() -> Result<Self> {
        let Some(ends) = Ends::open() else {
            // SAFETY: an attached thread may set an exception.
            unsafe { ffi::PyErr_SetFromErrno(ffi::PyExc_OSError) };
            return Err(Raised::pending());
        };
        let channel = Channel {
            holders: AtomicUsize::new(1),
            ends,
            process: system::process(),
            mailbox: Mailbox::new(),
        };
        match new_raw_block(channel) {
            Ok(channel) => Ok(Self(channel)),
            Err(channel) => {
                // SAFETY: made above, for nobody.
                unsafe { channel.ends.close() };
                Err(Raised::no_memory())
            }
        }
    }

    /// One more.
    pub fn again(&self) -> Self {
        self.holders.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }

    pub fn into_ptr(self) -> *mut Channel {
        let pointer = self.0.as_ptr();
        core::mem::forget(self);
        pointer
    }

    /// # Safety
    /// `pointer` came from [`Held::into_ptr`], once.
    pub unsafe fn from_ptr(pointer: *mut Channel) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.holders.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: nobody else has it. What is left in a mailbox holds it, so there is nothing there.
            unsafe {
                self.ends.close();
                ffi::PyMem_RawFree(self.0.as_ptr().cast());
            }
        }
    }
}

impl Channel {
    /// The descriptor that is readable when there is something in the mailbox.
    pub fn descriptor(&self) -> isize {
        self.ends.r#in
    }

    /// What tells of the mailbox.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Whether it was made in this process, and not in one that has forked since.
    #[inline]
    pub fn is_of_this_process(&self) -> bool {
        self.process == system::process()
    }

    /// Leaves a signal, and tells of it unless others are there; false if the mailbox is closed, or another process's.
    ///
    /// # Safety
    /// As [`Mailbox::leave`].
    #[inline]
    pub unsafe fn leave(&self, signal: *mut Signal) -> bool {
        if !self.is_of_this_process() {
            return false;
        }
        // SAFETY: the caller's promise.
        match unsafe { self.mailbox.leave(signal) } {
            Left::First => self.ends.tell(),
            Left::More => {}
            Left::Closed => return false,
        }
        true
    }

    /// What was left.
    pub fn empty(&self) -> Batch {
        // In this order: what comes in between is told of anew.
        self.ends.clear();
        self.mailbox.empty()
    }

    /// What was left, when nobody will come for it any more.
    pub fn close(&self) -> Batch {
        self.mailbox.close()
    }
}
