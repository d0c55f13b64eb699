//! What a coroutine and the futures that it polls tell each other.

use crate::task::Task;
use pyawaitable::rust::Waker as Shared;
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::null;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{RawWaker, RawWakerVTable, Waker};

/// Where a Python object is awaited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Inline, if nothing but its end can wake the coroutine.
    Auto,
    /// In the coroutine's place.
    Inline,
    /// In a task of its own.
    Task,
}

/// What a future that is polled wants of the coroutine.
pub(crate) enum Wanted {
    /// Await this.
    Await(Py<PyAny>, Place),
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

/// What has come of a request. A `PyErr` would be larger, and all of this is moved when a coroutine is made.
pub(crate) type Settled = Result<Py<PyAny>, Py<PyBaseException>>;

/// Requests besides the first one. Small for the same reason.
type More = Box<Vec<(Ticket, Wanted)>>;

/// Why a request is refused.
pub(crate) enum Denied {
    /// Another item was yielded during this poll.
    Taken,
    /// Only a generator yields items.
    NoGenerator,
}

/// What the futures that have made requests share with the coroutine. They may be dropped when that is gone, or in other threads.
#[derive(Default)]
pub(crate) struct Requests {
    shares: Mutex<Shares>,
    /// Whether some have been withdrawn.
    has_withdrawn: AtomicBool,
}

#[derive(Default)]
struct Shares {
    /// For those that are not met inline.
    tasks: Vec<(Ticket, Task)>,
    /// Those that nobody waits for any more.
    withdrawn: Vec<Ticket>,
}

impl Requests {
    fn with<R>(&self, action: impl FnOnce(&mut Shares) -> R) -> R {
        action(&mut self.shares.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes out the task for a request, if that has one.
    pub(crate) fn take_task(&self, ticket: Ticket) -> Option<Task> {
        self.with(|shares| {
            let tasks = &mut shares.tasks;
            let at = tasks.iter().position(|(found, _)| *found == ticket)?;
            Some(tasks.swap_remove(at).1)
        })
    }

    /// Withdraws a request: its task is cancelled, if it has one.
    pub(crate) fn withdraw(&self, ticket: Ticket) {
        let task = self.take_task(ticket);
        if task.is_none() {
            self.with(|shares| shares.withdrawn.push(ticket));
            self.has_withdrawn.store(true, Ordering::Release);
        }
    }
}

/// The part of a coroutine that the futures in it see, while they are polled, through the waker.
pub(crate) struct Turn {
    is_generator: bool,
    /// Which thread polls, as [`this_thread`] has it. Nobody else writes it while another thread may read it.
    thread: Cell<*const u8>,
    wanted: Cell<Option<(Ticket, Wanted)>>,
    /// Requests besides that, if there are any.
    more: Cell<Option<More>>,
    /// What is under way.
    asked: Cell<Option<Ticket>>,
    outcome: Cell<Option<(Ticket, Settled)>>,
    requests: Cell<Option<Arc<Requests>>>,
    /// Whether it was woken by the waker that polls.
    is_woken: AtomicBool,
    /// What wakers hold that outlive the poll.
    shared: OnceLock<Shared>,
    /// Whether a waker was asked for, and there was no memory for it.
    lacks_waker: AtomicBool,
}

// SAFETY: the address of a thread is compared, and never followed; everything else can be sent.
unsafe impl Send for Turn {}

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
            more: Cell::new(None),
            asked: Cell::new(None),
            outcome: Cell::new(None),
            requests: Cell::new(None),
            is_woken: AtomicBool::new(false),
            shared: OnceLock::new(),
            lacks_waker: AtomicBool::new(false),
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
        self.is_woken.store(false, Ordering::Relaxed);
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

    /// What wakes the coroutine from outside of a poll; None without memory.
    pub(crate) fn shared(&self) -> Option<&Shared> {
        match self.shared.get() {
            Some(shared) => Some(shared),
            None => {
                let made = Shared::new()?;
                Some(self.shared.get_or_init(|| made))
            }
        }
    }

    /// The same for futures. Without memory, one that does nothing: what is polled has to end then, as [`Turn::lacks_waker`] says.
    pub(crate) fn waker(&self) -> Waker {
        let Some(shared) = self.shared() else {
            self.lacks_waker.store(true, Ordering::Release);
            return Waker::noop().clone();
        };
        // SAFETY: the functions are for such an address.
        unsafe { Waker::from_raw(RawWaker::new(shared.clone().into_raw(), &SHARED)) }
    }

    /// Whether something may wait that nothing would wake. Asked once.
    pub(crate) fn lacks_waker(&self) -> bool {
        self.lacks_waker.load(Ordering::Acquire) && self.lacks_waker.swap(false, Ordering::AcqRel)
    }

    /// Whether a waker lives on that may wake the coroutine.
    pub(crate) fn may_be_woken(&self) -> bool {
        self.is_woken.load(Ordering::Acquire) || self.shared.get().is_some_and(Shared::is_shared)
    }

    /// Whether it was woken by the waker that polled. Asked once.
    pub(crate) fn take_woken(&self) -> bool {
        self.is_woken.swap(false, Ordering::AcqRel)
    }

    /// Makes a request, to be met when the poll has returned.
    pub(crate) fn ask(&self, wanted: Wanted) -> Result<Ticket, Denied> {
        let is_item = matches!(wanted, Wanted::Item(_));
        if is_item && !self.is_generator {
            return Err(Denied::NoGenerator);
        }
        let ticket = Ticket::next();
        let Some(earlier) = self.wanted.take() else {
            self.wanted.set(Some((ticket, wanted)));
            return Ok(ticket);
        };
        let mut more = self.more.take().unwrap_or_default();
        more.push(earlier);
        let is_taken = is_item && more.iter().any(|(_, each)| matches!(each, Wanted::Item(_)));
        self.wanted.set(if is_taken {
            more.pop()
        } else {
            Some((ticket, wanted))
        });
        self.more.set(Some(more));
        if is_taken {
            Err(Denied::Taken)
        } else {
            Ok(ticket)
        }
    }

    /// What came of a request, if it has been met.
    pub(crate) fn outcome(&self, ticket: Ticket) -> Option<PyResult<Py<PyAny>>> {
        match self.outcome.take() {
            Some((found, outcome)) if found == ticket => Some(outcome.map_err(|exception| {
                Python::attach(|py| PyErr::from_value(exception.into_bound(py).into_any()))
            })),
            other => {
                self.outcome.set(other);
                None
            }
        }
    }

    /// The request that was made during the poll and can be met inline, which is under way from now on. All others get tasks.
    pub(crate) fn take_wanted(&self, py: Python<'_>) -> Option<Wanted> {
        self.forget_withdrawn();
        let (ticket, wanted) = self.wanted.take()?;
        let more = self.more.take().unwrap_or_default();
        if more.is_empty() {
            let is_inline = match wanted {
                Wanted::Item(_) | Wanted::Await(_, Place::Inline) => true,
                Wanted::Await(_, Place::Auto) => !self.may_be_woken(),
                Wanted::Await(_, Place::Task) => false,
            };
            if is_inline {
                self.asked.set(Some(ticket));
                return Some(wanted);
            }
        }
        let mut inline = None;
        for (ticket, wanted) in (*more).into_iter().chain([(ticket, wanted)]) {
            match wanted {
                Wanted::Await(object, Place::Auto | Place::Task) => {
                    self.begin_task(py, ticket, object);
                }
                wanted if inline.is_none() => {
                    self.asked.set(Some(ticket));
                    inline = Some(wanted);
                }
                Wanted::Await(object, Place::Inline) => self.begin_task(py, ticket, object),
                Wanted::Item(_) => {}
            }
        }
        inline
    }

    fn begin_task(&self, py: Python<'_>, ticket: Ticket, object: Py<PyAny>) {
        let task = Task::begin(py, object.into_bound(py), &self.waker());
        self.requests()
            .with(|shares| shares.tasks.push((ticket, task)));
    }

    /// What it shares with those who make requests.
    pub(crate) fn requests(&self) -> Arc<Requests> {
        let requests = self.requests.take().unwrap_or_default();
        self.requests.set(Some(Arc::clone(&requests)));
        requests
    }

    /// Forgets the requests that nobody waits for any more.
    fn forget_withdrawn(&self) {
        let Some(requests) = self.requests.take() else {
            return;
        };
        let has_withdrawn = requests.has_withdrawn.load(Ordering::Acquire)
            && requests.has_withdrawn.swap(false, Ordering::AcqRel);
        let withdrawn =
            has_withdrawn.then(|| requests.with(|shares| std::mem::take(&mut shares.withdrawn)));
        self.requests.set(Some(requests));
        let Some(withdrawn) = withdrawn else {
            return;
        };
        for ticket in &withdrawn {
            drop(self.outcome(*ticket));
        }
        let mut all = self.more.take().unwrap_or_default();
        all.extend(self.wanted.take());
        all.retain(|(ticket, _)| !withdrawn.contains(ticket));
        self.wanted.set(all.pop());
        self.more.set(Some(all).filter(|all| !all.is_empty()));
    }

    /// Whether there is nothing to drop that PyO3 has to know of.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.wanted.get_mut().is_none()
            && self.more.get_mut().is_none()
            && self.outcome.get_mut().is_none()
            && self.requests.get_mut().is_none()
    }

    /// Drops what nobody has taken.
    pub(crate) fn forget(&self) {
        self.wanted.take();
        self.more.take();
        self.outcome.take();
        self.requests.take();
    }

    /// Notes what came of the request that is under way; gives it back if there is none.
    pub(crate) fn settle(&self, outcome: Settled) -> Result<(), Settled> {
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
        let waker = ManuallyDrop::new(turn.waker());
        RawWaker::new(waker.data(), waker.vtable())
    },
    |_| {},
    |data| {
        // SAFETY: as above.
        let turn = unsafe { &*data.cast::<Turn>() };
        turn.is_woken.store(true, Ordering::Release);
    },
    |_| {},
);

/// For all others: the data is that of a waker of the library's.
static SHARED: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // SAFETY: made by `into_raw`, and there is the waker that is cloned.
        let shared = unsafe { ManuallyDrop::new(Shared::from_raw(data)) };
        RawWaker::new((*shared).clone().into_raw(), &SHARED)
    },
    // SAFETY: the waker's own.
    |data| unsafe { Shared::from_raw(data) }.wake(),
    // SAFETY: made by `into_raw`, and there is the waker.
    |data| unsafe { ManuallyDrop::new(Shared::from_raw(data)) }.wake(),
    // SAFETY: the waker's own.
    |data| drop(unsafe { Shared::from_raw(data) }),
);
