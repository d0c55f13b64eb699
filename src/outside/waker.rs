//! What threads wake.

use super::channel::Held;
use super::waiter::Waiter;
use crate::base::mailbox::Signal;
use crate::python::ffi;
use crate::python::memory::new_raw_block;
use crate::python::raised::{Raised, Result};
use core::cell::Cell;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::channel::Channel;

/// What the header calls, through the waker itself: so a thread that knows nothing of Python, in any file of any extension, gets
/// to the copy of the library that made it. `PyAwaitable__WakerFunctions`. It may grow at its end.
#[repr(C)]
pub struct Functions {
    size: usize,
    clone: unsafe extern "C" fn(*mut Waker) -> *mut Waker,
    wake: unsafe extern "C" fn(*mut Waker),
    drop: unsafe extern "C" fn(*mut Waker),
}

static FUNCTIONS: Functions = Functions {
    size: size_of::<Functions>(),
    clone,
    wake,
    drop: release,
};

/// Frees what a waker is the beginning of.
pub type Free = unsafe fn(*mut Waker);

/// `PyAwaitable_Waker`. Counted; any thread may hold it, attached or not.
#[repr(C)]
pub struct Waker {
    functions: &'static Functions,
    holders: AtomicUsize,
    signal: Signal,
    /// That of the loop where somebody first waited: held, or NULL.
    channel: AtomicPtr<Channel>,
    /// Who waits: see [`super`].
    pub(super) waiter: Cell<*mut Waiter>,
    /// Frees what this is the beginning of. Any thread calls it, attached or not.
    free: Free,
}

impl Waker {
    pub fn new(free: Free) -> Self {
        Self {
            functions: &FUNCTIONS,
            holders: AtomicUsize::new(1),
            signal: Signal::new(),
            channel: AtomicPtr::new(null_mut()),
            waiter: Cell::new(null_mut()),
            free,
        }
    }

    /// A new one of its own.
    pub fn allocate() -> Result<Hold> {
        match new_raw_block(Self::new(free)) {
            Ok(waker) => Ok(Hold(waker)),
            Err(_) => Err(Raised::no_memory()),
        }
    }

    /// The same, without Python: None without memory.
    pub fn try_allocate() -> Option<Hold> {
        new_raw_block(Self::new(free)).ok().map(Hold)
    }

    /// Whether there are more holds than one. Others may be given up meanwhile.
    pub fn is_shared(&self) -> bool {
        self.holders.load(Ordering::Acquire) > 1
    }

    pub fn signal(&self) -> &Signal {
        &self.signal
    }

    /// The waker that a signal is part of.
    ///
    /// # Safety
    /// Every signal in a mailbox is part of one.
    #[inline]
    pub unsafe fn of(signal: *mut Signal) -> NonNull<Waker> {
        // SAFETY: the caller's promise.
        unsafe {
            NonNull::new_unchecked(signal.byte_sub(core::mem::offset_of!(Waker, signal)).cast())
        }
    }

    /// Makes this channel the one that it is left in; false if it has had another. The loop's thread calls this, before the
    /// signal is waited for.
    pub fn join(&self, channel: &Held) -> bool {
        let before = self.channel.load(Ordering::Acquire);
        if !before.is_null() {
            return core::ptr::eq(before, &raw const **channel);
        }
        let held = channel.again().into_ptr();
        let joined =
            self.channel
                .compare_exchange(null_mut(), held, Ordering::AcqRel, Ordering::Acquire);
        match joined {
            Ok(_) => true,
            Err(found) => {
                // SAFETY: not given away after all.
                drop(unsafe { Held::from_ptr(held) });
                found == held
            }
        }
    }

    /// Wakes who waits, or who comes next.
    pub fn wake(&self) {
        if !self.signal.send() {
            return;
        }
        // SAFETY: somebody waits, so it has joined a channel, which it holds. The mailbox gets a hold, and so does the waker live.
        unsafe {
            let channel = self.channel.load(Ordering::Acquire);
            self.holders.fetch_add(1, Ordering::Relaxed);
            if !(*channel).leave((&raw const self.signal).cast_mut()) {
                self.signal.keep();
                release((&raw const *self).cast_mut());
            }
        }
    }

    /// Gives up what it holds.
    ///
    /// # Safety
    /// Nobody uses it from here on.
    pub unsafe fn finish(&self) {
        // SAFETY: held, and given up once.
        drop(unsafe { Held::from_ptr(self.channel.swap(null_mut(), Ordering::AcqRel)) });
    }
}

/// A hold on a waker.
pub struct Hold(NonNull<Waker>);

impl Hold {
    /// Takes over a hold.
    ///
    /// # Safety
    /// The caller has one, and gives it away.
    pub unsafe fn from_ptr(waker: NonNull<Waker>) -> Self {
        Self(waker)
    }

    /// One more hold on a waker.
    ///
    /// # Safety
    /// Somebody has one.
    pub unsafe fn share(waker: NonNull<Waker>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { waker.as_ref() }
            .holders
            .fetch_add(1, Ordering::Relaxed);
        Self(waker)
    }

    pub fn as_ptr(&self) -> *mut Waker {
        self.0.as_ptr()
    }

    pub fn into_ptr(self) -> *mut Waker {
        let pointer = self.0.as_ptr();
        core::mem::forget(self);
        pointer
    }
}

impl core::ops::Deref for Hold {
    type Target = Waker;

    fn deref(&self) -> &Waker {
        // SAFETY: held.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // SAFETY: held, and given up here.
        unsafe { release(self.0.as_ptr()) }
    }
}

unsafe fn free(waker: *mut Waker) {
    // SAFETY: the last hold is gone.
    unsafe {
        (*waker).finish();
        ffi::PyMem_RawFree(waker.cast());
    }
}

unsafe extern "C" fn clone(waker: *mut Waker) -> *mut Waker {
    // SAFETY: NULL, or a waker that the caller holds.
    if let Some(held) = unsafe { waker.as_ref() } {
        held.holders.fetch_add(1, Ordering::Relaxed);
    }
    waker
}

unsafe extern "C" fn wake(waker: *mut Waker) {
    // SAFETY: as above.
    if let Some(waker) = unsafe { waker.as_ref() } {
        waker.wake();
    }
}

unsafe extern "C" fn release(waker: *mut Waker) {
    // SAFETY: a waker that the caller has a hold on, which it gives up.
    unsafe {
        if (*waker).holders.fetch_sub(1, Ordering::AcqRel) == 1 {
            ((*waker).free)(waker);
        }
    }
}
