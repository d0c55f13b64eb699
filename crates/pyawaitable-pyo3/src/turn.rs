//! What a coroutine and the futures that it polls tell each other.

use pyo3::prelude::*;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::null;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{RawWaker, RawWakerVTable, Waker};

/// What a future that is polled wants of the coroutine.
pub(crate) enum Wanted {
    /// Await this.
    Await(Py<PyAny>),
    /// Yield this to who iterates over the generator.
    Item(Py<PyAny>),
}

/// A request, by which its outcome is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket(u64);

impl Ticket {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Why a request is refused.
pub(crate) enum Denied {
    /// Another one was made during this poll.
    Taken,
    /// Only a generator yields items.
    NoGenerator,
}

/// The part of a coroutine that the futures in it see, while they are polled, through the waker.
pub(crate) struct Turn {
    is_generator: bool,
    /// Which thread polls, as [`this_thread`] has it. Nobody else writes it while another thread may read it.
    thread: Cell<*const u8>,
    wanted: Cell<Option<(Ticket, Wanted)>>,
    /// What is under way.
    asked: Cell<Option<Ticket>>,
    outcome: Cell<Option<(Ticket, PyResult<Py<PyAny>>)>>,
    /// What wakers hold that outlive the poll.
    handle: OnceLock<Arc<Handle>>,
}

// SAFETY: the address of a thread is compared, and never followed; everything else can be sent.
unsafe impl Send for Turn {}

/// What a waker that outlives the poll holds.
pub(crate) struct Handle;

/// An address that is this thread's own.
fn this_thread() -> *const u8 {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| &raw const *place)
}

impl Turn {
    pub(crate) fn new(is_generator: bool) -> Self {
        Self {
            is_generator,
            thread: Cell::new(null()),
            wanted: Cell::new(None),
            asked: Cell::new(None),
            outcome: Cell::new(None),
            handle: OnceLock::new(),
        }
    }

    /// Runs a poll, with the waker through which what is polled finds this.
    pub(crate) fn poll<R>(&self, poll: impl FnOnce(&Waker) -> R) -> R {
        struct Ended<'a>(&'a Turn);
        impl Drop for Ended<'_> {
            fn drop(&mut self) {
                self.0.thread.set(null());
            }
        }
        self.thread.set(this_thread());
        let _ended = Ended(self);
        // SAFETY: the functions are for such an address, which is not used beyond this call: a clone holds something else.
        let waker = unsafe { Waker::from_raw(RawWaker::new((&raw const *self).cast(), &BORROWED)) };
        // It owns nothing.
        poll(&ManuallyDrop::new(waker))
    }

    /// The coroutine whose waker this is, if this thread is polling it.
    pub(crate) fn with<R>(waker: &Waker, action: impl FnOnce(Option<&Self>) -> R) -> R {
        if !std::ptr::eq(waker.vtable(), &BORROWED) {
            return action(None);
        }
        // SAFETY: there is such a waker only while the coroutine is polled. Another thread, which might have it by then, reads
        // what does not change meanwhile, and no more.
        let turn = unsafe { &*waker.data().cast::<Self>() };
        action(std::ptr::eq(turn.thread.get(), this_thread()).then_some(turn))
    }

    /// Whether a waker lives on that may wake the coroutine.
    pub(crate) fn may_be_woken(&self) -> bool {
        self.handle
            .get()
            .is_some_and(|handle| Arc::strong_count(handle) > 1)
    }

    /// Makes a request, to be met when the poll has returned.
    pub(crate) fn ask(&self, wanted: Wanted) -> Result<Ticket, Denied> {
        if matches!(wanted, Wanted::Item(_)) && !self.is_generator {
            return Err(Denied::NoGenerator);
        }
        if let Some(earlier) = self.wanted.take() {
            self.wanted.set(Some(earlier));
            return Err(Denied::Taken);
        }
        let ticket = Ticket::next();
        self.wanted.set(Some((ticket, wanted)));
        Ok(ticket)
    }

    /// What came of a request, if it has been met.
    pub(crate) fn outcome(&self, ticket: Ticket) -> Option<PyResult<Py<PyAny>>> {
        match self.outcome.take() {
            Some((found, outcome)) if found == ticket => Some(outcome),
            other => {
                self.outcome.set(other);
                None
            }
        }
    }

    /// The request that was made during the poll, which is under way from now on.
    pub(crate) fn take_wanted(&self) -> Option<Wanted> {
        let (ticket, wanted) = self.wanted.take()?;
        self.asked.set(Some(ticket));
        Some(wanted)
    }

    /// Drops what nobody has taken.
    pub(crate) fn forget(&self) {
        self.wanted.take();
        self.outcome.take();
    }

    /// Notes what came of the request that is under way; gives it back if there is none.
    pub(crate) fn settle(&self, outcome: PyResult<Py<PyAny>>) -> Result<(), PyResult<Py<PyAny>>> {
        match self.asked.take() {
            Some(ticket) => {
                self.outcome.set(Some((ticket, outcome)));
                Ok(())
            }
            None => Err(outcome),
        }
    }
}

/// For the waker that polls: its data is the address of a [`Turn`].
static BORROWED: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // SAFETY: there is such a waker only while the coroutine is polled.
        let turn = unsafe { &*data.cast::<Turn>() };
        let handle = turn.handle.get_or_init(|| Arc::new(Handle));
        RawWaker::new(Arc::into_raw(Arc::clone(handle)).cast(), &SHARED)
    },
    |_| {},
    |_| {},
    |_| {},
);

/// For all others: the data is that of an `Arc<Handle>`.
static SHARED: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // SAFETY: made by `Arc::into_raw`, and there is the waker that is cloned.
        unsafe { Arc::increment_strong_count(data.cast::<Handle>()) };
        RawWaker::new(data, &SHARED)
    },
    // SAFETY: the waker's own reference.
    |data| drop(unsafe { Arc::from_raw(data.cast::<Handle>()) }),
    |_| {},
    // SAFETY: the waker's own reference.
    |data| drop(unsafe { Arc::from_raw(data.cast::<Handle>()) }),
);
