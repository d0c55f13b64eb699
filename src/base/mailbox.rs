//! What other threads leave for an event loop: signals in a mailbox. Nothing here waits, or takes a lock.
//!
//! A signal is sent by any thread, any number of times; one waits for it, in the loop's thread. The mailbox is a stack that
//! links the signals themselves, so leaving one needs no memory. The loop's thread takes all of them at once, in the order of
//! their arrival.
//!
//! | state of a signal | a thread sends it | its loop takes it out |
//! |---|---|---|
//! | `IDLE`: nobody waits | it is `SENT` | - |
//! | `SENT`: nobody waits, and who comes next need not | - | - |
//! | `WAITED`: somebody waits | it is `LEFT`, and goes into the mailbox | - |
//! | `LEFT`: it is in the mailbox | - | it is `IDLE`; who waits is woken, or else it is `SENT` |
//!
//! Who stops waiting makes `WAITED` `IDLE`; what is `LEFT` stays in the mailbox. crates/models tries all interleavings.

use core::ptr::null_mut;
#[cfg(not(loom))]
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

const IDLE: u8 = 0;
const SENT: u8 = 1;
const WAITED: u8 = 2;
const LEFT: u8 = 3;

/// What is sent.
pub struct Signal {
    state: AtomicU8,
    /// The one that was left before, while this is in a mailbox.
    next: AtomicPtr<Signal>,
}

/// What has become of a signal that was left in a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// It is the first there: whoever empties the mailbox has to be told.
    First,
    /// Others are there, and nobody has to be told.
    More,
    /// The mailbox is closed: it still belongs to who has left it.
    Closed,
}

impl Signal {
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self {
            state: AtomicU8::new(IDLE),
            next: AtomicPtr::new(null_mut()),
        }
    }

    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            state: AtomicU8::new(IDLE),
            next: AtomicPtr::new(null_mut()),
        }
    }

    /// Sends it. True if somebody waits: the caller has to leave it in the mailbox.
    #[inline]
    pub fn send(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let next = match state {
                IDLE => SENT,
                WAITED => LEFT,
                // What the sender wrote before has to be seen by who finds it sent.
                same => same,
            };
            match self
                .state
                .compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return state == WAITED,
                Err(found) => state = found,
            }
        }
    }

    /// Whether it was sent, and nobody has waited for that.
    #[inline]
    pub fn is_sent(&self) -> bool {
        self.state.load(Ordering::Acquire) == SENT
    }

    /// Takes note that it was sent, if it was and nobody has waited for that.
    #[inline]
    pub fn take(&self) -> bool {
        self.state
            .compare_exchange(SENT, IDLE, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Begins to wait for it; false if it was sent already, which counts as taken note of. The mailbox where it will be left is
    /// known to who sends it from here on.
    #[inline]
    pub fn wait(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let next = match state {
                SENT => IDLE,
                // Still there from an earlier wait, which was given up.
                LEFT => LEFT,
                _ => WAITED,
            };
            match self
                .state
                .compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return state != SENT,
                Err(found) => state = found,
            }
        }
    }

    /// Nobody waits for it any more.
    #[inline]
    pub fn give_up(&self) {
        let _ = self
            .state
            .compare_exchange(WAITED, IDLE, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// It has been taken out of the mailbox, and somebody waits, who is woken now.
    #[inline]
    pub fn arrive(&self) {
        // An exchange, to see what the senders that found it left had written before.
        self.state.swap(IDLE, Ordering::AcqRel);
    }

    /// It has been taken out of the mailbox, and nobody waits: who comes next need not.
    #[inline]
    pub fn keep(&self) {
        self.state.swap(SENT, Ordering::AcqRel);
    }
}

/// A stack of signals.
pub struct Mailbox(AtomicPtr<Signal>);

/// The place of the first signal, in a mailbox that is closed. No signal has this address.
#[cfg(not(loom))]
static CLOSED: Signal = Signal::new();

#[cfg(not(loom))]
fn closed() -> *mut Signal {
    (&raw const CLOSED).cast_mut()
}

#[cfg(loom)]
fn closed() -> *mut Signal {
    core::ptr::without_provenance_mut(8)
}

impl Mailbox {
    pub fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// Leaves a signal that has to be left.
    ///
    /// # Safety
    /// The signal lives until it is taken out, and [`Signal::send`] has said that it has to be left here.
    #[inline]
    pub unsafe fn leave(&self, signal: *mut Signal) -> Left {
        let mut first = self.0.load(Ordering::Relaxed);
        loop {
            if first == closed() {
                return Left::Closed;
            }
            // SAFETY: the caller's promise. Nobody else has it, until it is there.
            unsafe { (*signal).next.store(first, Ordering::Relaxed) };
            match self
                .0
                .compare_exchange_weak(first, signal, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) if first.is_null() => return Left::First,
                Ok(_) => return Left::More,
                Err(found) => first = found,
            }
        }
    }

    /// Takes out all signals, in the order of their arrival.
    #[inline]
    pub fn empty(&self) -> Batch {
        if self.0.load(Ordering::Relaxed).is_null() {
            return Batch::NONE;
        }
        // SAFETY: what was there until now, with nobody else.
        unsafe { self.replace(null_mut()) }
    }

    /// Takes out all signals, and refuses those that come later.
    pub fn close(&self) -> Batch {
        // SAFETY: as above.
        unsafe { self.replace(closed()) }
    }

    /// # Safety
    /// NULL or [`closed`]; the signals live.
    unsafe fn replace(&self, by: *mut Signal) -> Batch {
        let mut last = self.0.swap(by, Ordering::AcqRel);
        if last == closed() {
            return Batch::NONE;
        }
        let mut first = null_mut();
        while !last.is_null() {
            // SAFETY: each lives until it is taken out, which is done here.
            let next = unsafe { (*last).next.load(Ordering::Relaxed) };
            // SAFETY: as above.
            unsafe { (*last).next.store(first, Ordering::Relaxed) };
            (first, last) = (last, next);
        }
        Batch(first)
    }
}

/// Signals that have been taken out of a mailbox, the oldest first.
pub struct Batch(*mut Signal);

impl Batch {
    pub const NONE: Self = Self(null_mut());

    /// Appends those that have been taken out later.
    pub fn append(&mut self, later: Batch) {
        if self.0.is_null() {
            self.0 = later.0;
            return;
        }
        let mut last = self.0;
        // SAFETY: they live until they are handed out.
        unsafe {
            loop {
                let next = (*last).next.load(Ordering::Relaxed);
                if next.is_null() {
                    break;
                }
                last = next;
            }
            (*last).next.store(later.0, Ordering::Relaxed);
        }
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    /// The oldest; NULL if none is left.
    #[inline]
    pub fn pop(&mut self) -> *mut Signal {
        let first = self.0;
        if !first.is_null() {
            // SAFETY: it lives until it is handed out.
            self.0 = unsafe { (*first).next.load(Ordering::Relaxed) };
        }
        first
    }
}
