//! Promises: what a thread will give, or refuse to, and an awaitable for it.
//!
//! A promise has two ends, each with a hold: the handle, which any thread uses, and the awaitable. What was given is a pointer,
//! which one of the two gets rid of: the awaitable converts it, or whoever finds that nobody will take it drops it.
//!
//! | phase | next |
//! |---|---|
//! | `PENDING` | `SETTLING` by the one thread that settles it; `FREED` by the handle that goes |
//! | `SETTLING` | `RESOLVED` or `REJECTED`, once the value is in its place |
//! | `RESOLVED`, `REJECTED` | `TAKEN` by the awaitable, or by whoever drops the value |
//!
//! The bit `ABANDONED` beside it says that the awaitable has ended. Who sets the later one of that bit and of `RESOLVED` or
//! `REJECTED` drops the value.

use super::native;
use super::waiter::Waiter;
use super::waker::{Hold, Waker};
use crate::object::awaitable::Awaitable;
use crate::object::state::State;
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::memory::new_raw_block;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::body::{Action, Event, Functions as BodyFunctions};
use crate::store::maker::Definition;
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicU8, Ordering};

const PENDING: u8 = 0;
const SETTLING: u8 = 1;
const RESOLVED: u8 = 2;
const REJECTED: u8 = 3;
const FREED: u8 = 4;
const TAKEN: u8 = 5;
const PHASE: u8 = 7;
const ABANDONED: u8 = 8;

/// `PyAwaitable_Convert`.
pub type Convert = Option<unsafe extern "C" fn(value: *mut c_void) -> *mut PyObject>;
/// `PyAwaitable_Drop`.
pub type Drop = Option<unsafe extern "C" fn(value: *mut c_void)>;
/// `PyAwaitable_Raise`.
pub type Raise = Option<unsafe extern "C" fn(value: *mut c_void) -> c_int>;

/// What the header calls, through the promise itself: `PyAwaitable__PromiseFunctions`. It may grow at its end.
#[repr(C)]
pub struct Functions {
    size: usize,
    resolve: unsafe extern "C" fn(*mut Promise, *mut c_void) -> c_int,
    reject: unsafe extern "C" fn(*mut Promise, Raise, *mut c_void) -> c_int,
    free: unsafe extern "C" fn(*mut Promise),
    is_abandoned: unsafe extern "C" fn(*mut Promise) -> c_int,
}

static FUNCTIONS: Functions = Functions {
    size: size_of::<Functions>(),
    resolve,
    reject,
    free: free_handle,
    is_abandoned,
};

/// `PyAwaitable_Promise`. The waker counts the holds.
#[repr(C)]
pub struct Promise {
    functions: &'static Functions,
    waker: Waker,
    state: AtomicU8,
    /// What was given: written while `SETTLING`.
    value: Cell<*mut c_void>,
    raise: Cell<Raise>,
    convert: Convert,
    drop: Drop,
    /// What is called when the awaitable ends while this is pending: set before it is awaited.
    cancel: Cell<(Drop, *mut c_void)>,
}

static BODY: BodyFunctions = BodyFunctions {
    resume,
    handled: native::handles_nothing,
    visit: native::holds_nothing,
    bytes,
    release,
    free: forget,
};

static DEFINITION: Definition = Definition {
    name: c"promise",
    qualified_name: c"promise",
};

/// A new promise: its awaitable, and its handle.
pub fn create(state: &State, convert: Convert, drop: Drop) -> Result<(Owned, NonNull<Promise>)> {
    let made = new_raw_block(Promise {
        functions: &FUNCTIONS,
        waker: Waker::new(free_block),
        state: AtomicU8::new(PENDING),
        value: Cell::new(null_mut()),
        raise: Cell::new(None),
        convert,
        drop,
        cancel: Cell::new((None, null_mut())),
    });
    let Ok(promise) = made else {
        return Err(Raised::no_memory());
    };
    // SAFETY: made above: the first hold is the handle's, the second the awaitable's.
    unsafe {
        let handle = Hold::from_ptr(NonNull::from(&promise.as_ref().waker));
        let kept = Hold::share(NonNull::from(&*handle));
        let object = native::new(state, &BODY, promise.as_ptr().cast(), &DEFINITION)?;
        core::mem::forget((handle, kept));
        Ok((object, promise))
    }
}

impl Promise {
    /// What to call when the awaitable ends while this is pending.
    pub fn on_cancel(&self, function: Drop, argument: *mut c_void) {
        self.cancel.set((function, argument));
    }

    /// Gives a value, or what raises an exception. False if it was settled already.
    fn settle(&self, phase: u8, value: *mut c_void, raise: Raise) -> bool {
        if !self.begin(SETTLING) {
            return false;
        }
        self.value.set(value);
        self.raise.set(raise);
        let before = self.state.fetch_xor(SETTLING ^ phase, Ordering::AcqRel);
        if before & ABANDONED != 0 {
            self.drop_value();
        } else {
            self.waker.wake();
        }
        true
    }

    /// Leaves `PENDING`; false if somebody else has.
    fn begin(&self, phase: u8) -> bool {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            if state & PHASE != PENDING {
                return false;
            }
            match self.state.compare_exchange_weak(
                state,
                state | phase,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(found) => state = found,
            }
        }
    }

    /// Takes what was given, once: whether it is a value.
    fn take(&self) -> Option<bool> {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            let phase = state & PHASE;
            if phase != RESOLVED && phase != REJECTED {
                return None;
            }
            match self.state.compare_exchange_weak(
                state,
                state ^ phase ^ TAKEN,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(phase == RESOLVED),
                Err(found) => state = found,
            }
        }
    }

    /// Drops what was given, if nobody has taken it.
    fn drop_value(&self) {
        if let (Some(_), Some(drop)) = (self.take(), self.drop) {
            // SAFETY: the author's function, once, for what the author gave.
            unsafe { drop(self.value.get()) };
        }
    }

    /// The awaitable has ended.
    fn abandon(&self) {
        let before = self.state.fetch_or(ABANDONED, Ordering::AcqRel);
        if before & ABANDONED != 0 {
            return;
        }
        match (before & PHASE, self.cancel.get()) {
            (RESOLVED | REJECTED, _) => self.drop_value(),
            (PENDING | SETTLING, (Some(cancel), argument)) => {
                // SAFETY: the author's function for the author's argument, once.
                exception::aside(|| unsafe { cancel(argument) });
            }
            _ => {}
        }
    }

    /// What the awaitable returns or raises; None while it is pending.
    fn outcome(&self) -> Option<Action> {
        match self.state.load(Ordering::Acquire) & PHASE {
            FREED => Some(Action::Raise(Raised::new(
                Kind::RuntimeError,
                c"the promise was given up without a result",
            ))),
            RESOLVED | REJECTED => Some(match self.take() {
                Some(true) => self.converted(),
                Some(false) => self.raised(),
                None => return None,
            }),
            _ => None,
        }
    }

    fn converted(&self) -> Action {
        let value = self.value.get();
        let Some(convert) = self.convert else {
            if let Some(drop) = self.drop {
                // SAFETY: the author's function, once, for what the author gave.
                unsafe { drop(value) };
            }
            return Action::Return(Owned::none());
        };
        // SAFETY: as above; it returns a new reference or NULL.
        let made = unsafe { Owned::optional(convert(value)) };
        match (made, exception::pending()) {
            (Some(made), None) => Action::Return(made),
            (made, Some(raised)) => Action::Raise(exception::drop_preserving(made, raised)),
            (None, None) => Action::Raise(Raised::new(
                Kind::SystemError,
                c"the function that converts the value of a promise returned NULL without an exception set",
            )),
        }
    }

    fn raised(&self) -> Action {
        if let Some(raise) = self.raise.get() {
            // SAFETY: the author's function, once, for what the author gave.
            unsafe { raise(self.value.get()) };
        }
        Action::Raise(exception::pending().unwrap_or_else(|| {
            Raised::new(
                Kind::SystemError,
                c"the function that raises the exception of a promise returned without one set",
            )
        }))
    }
}

/// The promise that is the frame of a body.
///
/// # Safety
/// It is one.
unsafe fn of<'a>(frame: *mut c_void) -> &'a Promise {
    // SAFETY: the caller's promise; the body has a hold.
    unsafe { &*frame.cast() }
}

unsafe fn resume(_: Thread, awaitable: *mut PyObject, frame: *mut c_void, event: Event) -> Action {
    // SAFETY: an awaitable of ours, and the frame of its body.
    let (awaitable, promise) = unsafe { (&*awaitable.cast::<Awaitable>(), of(frame)) };
    if let Event::Raised(raised) = event {
        return Action::Raise(raised);
    }
    if let Some(action) = promise.outcome() {
        return action;
    }
    // SAFETY: held.
    let waker = unsafe { Hold::share(NonNull::from(&promise.waker)) };
    match Waiter::create(awaitable.state(), waker) {
        Ok(waiter) => Action::Drive(waiter),
        Err(raised) => Action::Raise(raised),
    }
}

unsafe fn bytes(_: *mut c_void) -> usize {
    size_of::<Promise>()
}

unsafe fn release(_: *mut PyObject, frame: *mut c_void) {
    // SAFETY: the frame of a body that has ended, which still has its hold.
    unsafe { of(frame) }.abandon();
}

unsafe fn forget(_: *mut PyObject, frame: *mut c_void) {
    // SAFETY: the body's hold, given up once.
    drop(unsafe { Hold::from_ptr(NonNull::from(&of(frame).waker)) });
}

unsafe fn free_block(waker: *mut Waker) {
    // SAFETY: the last hold is gone; this waker is part of a promise.
    unsafe {
        (*waker).finish();
        let promise = waker
            .byte_sub(core::mem::offset_of!(Promise, waker))
            .cast::<Promise>();
        (*promise).drop_value();
        ffi::PyMem_RawFree(promise.cast());
    }
}

unsafe extern "C" fn resolve(promise: *mut Promise, value: *mut c_void) -> c_int {
    // SAFETY: a handle that has not been freed.
    unsafe { (*promise).settle(RESOLVED, value, None) }.into()
}

unsafe extern "C" fn reject(promise: *mut Promise, raise: Raise, value: *mut c_void) -> c_int {
    // SAFETY: as above.
    unsafe { (*promise).settle(REJECTED, value, raise) }.into()
}

unsafe extern "C" fn free_handle(promise: *mut Promise) {
    // SAFETY: as above, for the last time.
    unsafe {
        if (*promise).begin(FREED) {
            (*promise).waker.wake();
        }
        drop(Hold::from_ptr(NonNull::from(&(*promise).waker)));
    }
}

unsafe extern "C" fn is_abandoned(promise: *mut Promise) -> c_int {
    // SAFETY: as above.
    let state = unsafe { (*promise).state.load(Ordering::Acquire) };
    (state & ABANDONED != 0).into()
}
