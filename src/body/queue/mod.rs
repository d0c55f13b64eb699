//! The queue of callbacks: what C code has added runs in its order, and calls back.

pub mod block;
mod callbacks;

use crate::inner;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::raised::{Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::queue::{Activity, Ended};
pub use callbacks::call_deferred;
use callbacks::{call, handle};

/// What `await object` drives: what is of this library drives itself.
#[inline]
pub fn start(object: Owned) -> Result<Owned> {
    const COMPLAINT: &core::ffi::CStr = c"object %.100s can't be used in 'await' expression";
    // SAFETY: a live object.
    match unsafe { Awaitable::from_object(object.as_ptr()) } {
        Some(awaitable) => awaitable.check_unawaited().map(|()| object),
        None => inner::start(object, COMPLAINT),
    }
}

/// An await has returned: releases it, and calls its callback.
#[inline(always)]
pub fn succeed(thread: Thread, awaitable: &Awaitable, value: Owned) -> Result<()> {
    match awaitable.with(|store| store.status.activity) {
        Activity::Entering => block::settle_enter(awaitable, Ok(value)),
        Activity::Exiting => block::settle_exit(awaitable, Ok(value)),
        Activity::Awaiting | Activity::Idle | Activity::Queued => {
            drop(awaitable.with(|store| store.take_driven()));
            let Ended { callback, error } = awaitable.with(|store| store.end());
            match callback {
                Some(callback) => call(thread, awaitable, callback, error, value),
                None => Ok(()),
            }
        }
    }
}

/// An await has raised: releases it, and calls its error callback.
#[cold]
pub fn fail(awaitable: &Awaitable, raised: Raised) -> Result<()> {
    match awaitable.with(|store| store.status.activity) {
        Activity::Entering => block::settle_enter(awaitable, Err(raised)),
        Activity::Exiting => block::settle_exit(awaitable, Err(raised)),
        Activity::Awaiting | Activity::Idle | Activity::Queued => {
            let raised = release_driven(awaitable, raised);
            let Ended { error, .. } = awaitable.with(|store| store.end());
            handle(awaitable, error, raised)
        }
    }
}

/// Releases what was driven while the exception that ended it is put aside.
pub fn release_driven(awaitable: &Awaitable, raised: Raised) -> Raised {
    drop_preserving(awaitable.with(|store| store.take_driven()), raised)
}

/// Releases a reference while the exception that is set is put aside.
pub fn drop_preserving<T>(references: T, raised: Raised) -> Raised {
    let exception = exception::take(raised);
    drop(references);
    exception::raise(exception)
}
