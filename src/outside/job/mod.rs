//! Work for the pool of threads, and an awaitable for it.
//!
//! What it works on is a pointer, which goes one way: to `convert`, or to `drop`.
//!
//! | phase | next |
//! |---|---|
//! | `NEW` | `QUEUED` at the first step |
//! | `QUEUED` | `RUNNING` by the thread that runs it; `TAKEN` by whoever withdraws it |
//! | `RUNNING` | `DONE` by that thread, but not while it is being cancelled |
//! | `DONE` | `TAKEN` by the awaitable, or by whoever drops what was worked on |
//!
//! Beside it are three bits: `ABANDONED` says that the awaitable has ended, `CANCELLED` that `cancel` was called, and
//! `CANCELLING` that it runs.

pub mod buffer;
mod exit;

use super::loops;
use super::native;
use super::waiter::Waiter;
use super::waker::{Hold, Waker};
use crate::base::pool::{self, Entry};
use crate::base::system;
use crate::object::awaitable::Awaitable;
use crate::object::state::State;
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::memory::new_raw_block;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::body::{Action, Event, Functions};
use crate::store::maker::Definition;
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicU8, Ordering};

pub use super::promise::{Convert, Drop};

/// `PyAwaitable_Work`.
pub type Work = unsafe extern "C" fn(data: *mut c_void);

const NEW: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
const DONE: u8 = 3;
const TAKEN: u8 = 4;
const PHASE: u8 = 7;
const CANCELLING: u8 = 8;
const ABANDONED: u8 = 16;
const CANCELLED: u8 = 32;

/// What is to be done.
pub struct Order {
    pub work: Work,
    pub convert: Convert,
    pub drop: Drop,
    pub cancel: Drop,
    pub data: *mut c_void,
    /// Whether a task that is cancelled leaves it.
    pub abandons: bool,
}

/// The waker counts the holds: the awaitable's, and from the first step on the pool's.
#[repr(C)]
struct Job {
    entry: Entry,
    waker: Waker,
    state: AtomicU8,
    order: Order,
    /// What was raised in the task while it waited: owned, or NULL. Threads that are attached use it.
    exception: Cell<*mut PyObject>,
}

static BODY: Functions = Functions {
    resume,
    handled: native::handles_nothing,
    visit: native::holds_nothing,
    bytes,
    release,
    free: forget,
};

static DEFINITION: Definition = Definition {
    name: c"run",
    qualified_name: c"run",
};

/// A new awaitable. On failure the caller keeps the data.
pub fn create(state: &State, order: Order) -> Result<Owned> {
    // SAFETY: it runs jobs, as this is. An attached thread has an interpreter.
    let entry = unsafe { Entry::new(run, ffi::PyInterpreterState_Get().cast_const().cast()) };
    let made = new_raw_block(Job {
        entry,
        waker: Waker::new(free_block),
        state: AtomicU8::new(NEW),
        order,
        exception: Cell::new(null_mut()),
    });
    let Ok(job) = made else {
        return Err(Raised::no_memory());
    };
    // SAFETY: made above: the one hold is the awaitable's.
    unsafe {
        match native::new(state, &BODY, job.as_ptr().cast(), &DEFINITION) {
            Ok(object) => Ok(native::to_be_awaited(object)),
            Err(raised) => {
                job.as_ref().state.store(TAKEN, Ordering::Relaxed);
                drop(Hold::from_ptr(NonNull::from(&job.as_ref().waker)));
                Err(raised)
            }
        }
    }
}

impl Job {
    fn phase(&self) -> u8 {
        self.state.load(Ordering::Acquire) & PHASE
    }

    /// Goes from one phase to another; false if it is in a third.
    fn go(&self, from: u8, to: u8) -> bool {
        self.change(|state| {
            let busy = from == RUNNING && state & CANCELLING != 0;
            (state & PHASE == from && !busy).then_some(state ^ from ^ to)
        })
        .is_some()
    }

    /// Changes the state, if the function has another for it: what it was.
    fn change(&self, next: impl Fn(u8) -> Option<u8>) -> Option<u8> {
        self.state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next)
            .ok()
    }

    /// Drops what is worked on, which is in nobody's hands.
    fn drop_data(&self) {
        if let Some(drop) = self.order.drop {
            // SAFETY: the author's function for the author's data, once.
            unsafe { drop(self.order.data) };
        }
    }

    /// Takes it out of the pool before it has begun; false if it has.
    fn withdraw(&self) -> bool {
        let withdrawn = self.go(QUEUED, TAKEN);
        if withdrawn {
            self.drop_data();
        }
        withdrawn
    }

    /// Tells the work that nobody waits for it, once, while it runs.
    fn cancel(&self) {
        let begun = self.change(|state| {
            let can = state & PHASE == RUNNING && state & CANCELLED == 0;
            can.then_some(state | CANCELLED | CANCELLING)
        });
        if begun.is_some() {
            if let Some(cancel) = self.order.cancel {
                // SAFETY: the author's function; the data stay until this is over.
                exception::aside(|| unsafe { cancel(self.order.data) });
            }
            self.state.fetch_and(!CANCELLING, Ordering::AcqRel);
        }
    }

    /// The awaitable has ended.
    fn abandon(&self) {
        self.state.fetch_or(ABANDONED, Ordering::AcqRel);
        if self.go(NEW, TAKEN) || self.go(DONE, TAKEN) {
            self.drop_data();
        } else if !self.withdraw() {
            self.cancel();
            // It may have ended before it could be told, and after it was looked at.
            if self.go(DONE, TAKEN) {
                self.drop_data();
            }
        }
        // SAFETY: owned, and taken out once.
        drop(unsafe { Owned::optional(self.exception.replace(null_mut())) });
    }

    /// What the awaitable does once the work is done.
    fn finish(&self) -> Action {
        // SAFETY: owned, and taken out once.
        let exception = unsafe { Owned::optional(self.exception.replace(null_mut())) };
        if !self.go(DONE, TAKEN) {
            return Action::Raise(Raised::pending());
        }
        if let Some(exception) = exception {
            self.drop_data();
            return Action::Raise(exception::raise(exception));
        }
        let Some(convert) = self.order.convert else {
            self.drop_data();
            return Action::Return(Owned::none());
        };
        // SAFETY: the author's function, once, for the author's data; it returns a new reference or NULL.
        let made = unsafe { Owned::optional(convert(self.order.data)) };
        match (made, exception::pending()) {
            (Some(made), None) => Action::Return(made),
            (made, Some(raised)) => Action::Raise(exception::drop_preserving(made, raised)),
            (None, None) => Action::Raise(Raised::new(
                Kind::SystemError,
                c"the function that converts what was worked on returned NULL without an exception set",
            )),
        }
    }

    /// Hands it to the pool.
    fn submit(&self, state: &State) -> Result<()> {
        if loops::current(state)?.is_none() {
            return Err(loops::none_runs());
        }
        exit::wait_for_work(state)?;
        if !self.go(NEW, QUEUED) {
            return Err(Raised::pending());
        }
        // SAFETY: the pool's hold.
        unsafe {
            let hold = Hold::share(NonNull::from(&self.waker));
            if !pool::submit((&raw const self.entry).cast_mut()) {
                self.go(QUEUED, NEW);
                return Err(Raised::new(Kind::RuntimeError, c"can't start new thread"));
            }
            core::mem::forget(hold);
        }
        Ok(())
    }

    /// Waits for it, or goes on.
    fn wait(&self, awaitable: &Awaitable) -> Action {
        if self.phase() == DONE {
            return self.finish();
        }
        // SAFETY: held.
        let waker = unsafe { Hold::share(NonNull::from(&self.waker)) };
        let declines = (!self.order.abandons).then_some(decline as unsafe fn(&Waker) -> bool);
        match Waiter::create_declining(awaitable.state(), waker, declines) {
            Ok(waiter) => Action::Drive(waiter),
            Err(raised) => Action::Raise(raised),
        }
    }
}

/// trio cancels a task that waits: whether it need not wait any more.
///
/// # Safety
/// The waker is that of a job.
unsafe fn decline(waker: &Waker) -> bool {
    // SAFETY: the caller's promise.
    let job = unsafe { &*of_waker((&raw const *waker).cast_mut()) };
    if job.withdraw() {
        return true;
    }
    job.cancel();
    false
}

/// # Safety
/// The waker is that of a job.
unsafe fn of_waker(waker: *mut Waker) -> *mut Job {
    // SAFETY: the caller's promise.
    unsafe { waker.byte_sub(core::mem::offset_of!(Job, waker)).cast() }
}

unsafe fn resume(_: Thread, awaitable: *mut PyObject, frame: *mut c_void, event: Event) -> Action {
    // SAFETY: an awaitable of ours, and the frame of its body, which it holds.
    let (awaitable, job) = unsafe { (&*awaitable.cast::<Awaitable>(), &*frame.cast::<Job>()) };
    match event {
        Event::Start => match job.submit(awaitable.state()) {
            Ok(()) => job.wait(awaitable),
            Err(raised) => Action::Raise(raised),
        },
        Event::Sent(_) | Event::Returned(_) => job.wait(awaitable),
        Event::Raised(raised) => {
            let leaves = job.order.abandons || exception::is_generator_exit(&raised);
            if leaves || job.phase() == TAKEN || job.withdraw() {
                return Action::Raise(raised);
            }
            let later = exception::take(raised).into_ptr();
            // SAFETY: owned, replaced by what came later.
            drop(unsafe { Owned::optional(job.exception.replace(later)) });
            job.cancel();
            job.wait(awaitable)
        }
    }
}

unsafe fn bytes(_: *mut c_void) -> usize {
    size_of::<Job>()
}

unsafe fn release(awaitable: *mut PyObject, frame: *mut c_void) {
    // SAFETY: an awaitable of ours, and the frame of its body, which has ended, and still has its hold.
    unsafe {
        (*frame.cast::<Job>()).abandon();
        buffer::sweep((*awaitable.cast::<Awaitable>()).state());
    }
}

unsafe fn forget(_: *mut PyObject, frame: *mut c_void) {
    // SAFETY: the body's hold, given up once.
    drop(unsafe { Hold::from_ptr(NonNull::from(&(*frame.cast::<Job>()).waker)) });
}

unsafe fn free_block(waker: *mut Waker) {
    // SAFETY: the last hold is gone.
    unsafe {
        (*waker).finish();
        ffi::PyMem_RawFree(of_waker(waker).cast());
    }
}

/// Runs it, in a thread of the pool's.
unsafe extern "C" fn run(entry: *mut Entry) {
    // SAFETY: a job begins with its entry; the pool's hold is given up at the end.
    unsafe {
        let job = &*entry.cast::<Job>();
        if job.go(QUEUED, RUNNING) {
            (job.order.work)(job.order.data);
            while !job.go(RUNNING, DONE) {
                system::pause();
            }
            pool::end(entry);
            if job.state.load(Ordering::Acquire) & ABANDONED == 0 {
                job.waker.wake();
            } else if job.go(DONE, TAKEN) {
                job.drop_data();
            }
        } else {
            pool::end(entry);
        }
        drop(Hold::from_ptr(NonNull::from(&job.waker)));
    }
}
