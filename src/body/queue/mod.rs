//! The queue of callbacks: what C code has added runs in order, and calls back.

pub mod block;
mod callbacks;

use crate::inner;
use crate::object::awaitable::Awaitable;
use crate::python::raised::{Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::queue::{Activity, Ended};
pub use callbacks::call_deferred;
use callbacks::{call, handle};

/// An await, or a block's `__aenter__`, has returned: releases it, and calls its callback.
#[inline(always)]
pub fn succeed(thread: Thread, awaitable: &Awaitable, value: Owned) -> Result<()> {
    if awaitable.with(|store| store.status.activity) == Activity::Entering {
        return block::settle_enter(awaitable, Ok(value));
    }
    drop(awaitable.with(|store| store.take_driven()));
    let Ended { callback, error } = awaitable.with(|store| store.end());
    match callback {
        Some(callback) => call(thread, awaitable, callback, error, value),
        None => Ok(()),
    }
}

/// An await has raised: releases it, and calls its error callback.
#[cold]
pub fn fail(awaitable: &Awaitable, raised: Raised) -> Result<()> {
    match awaitable.with(|store| store.status.activity) {
        Activity::Entering => block::settle_enter(awaitable, Err(raised)),
        Activity::Exiting => block::settle_exit(awaitable, Err(raised)),
        _ => {
            let raised = release_driven(awaitable, raised);
            let Ended { error, .. } = awaitable.with(|store| store.end());
            handle(awaitable, error, raised)
        }
    }
}

/// Releases what was driven while the exception that ended it is put aside.
pub fn release_driven(awaitable: &Awaitable, raised: Raised) -> Raised {
    inner::drop_failed(awaitable.with(|store| store.take_driven()), raised)
}
