//! The queue of callbacks: what C code has added runs in order, and calls back.

pub mod block;
mod callbacks;
pub mod iteration;

use crate::inner;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::raised::{Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::block::Leaving;
use crate::store::queue::{Activity, Ended};
pub use callbacks::call_deferred;
use callbacks::{call, handle};

/// An await, a block's `__aenter__` or a loop's `__anext__` has returned: releases it, and calls its callback.
#[inline(always)]
pub fn succeed(thread: Thread, awaitable: &Awaitable, value: Owned) -> Result<()> {
    if awaitable.with(|store| store.status.activity) != Activity::Awaiting {
        return succeed_in_block(awaitable, value);
    }
    drop(awaitable.with(|store| store.take_driven()));
    let Ended { callback, error } = awaitable.with(|store| store.end());
    match callback {
        Some(callback) => call(thread, awaitable, callback, error, value),
        None => Ok(()),
    }
}

#[cold]
fn succeed_in_block(awaitable: &Awaitable, value: Owned) -> Result<()> {
    match awaitable.with(|store| store.status.activity) {
        Activity::Advancing => iteration::settle_item(awaitable, value),
        _ => block::settle_enter(awaitable, Ok(value)),
    }
}

/// An await has raised: releases it, and calls its error callback.
#[cold]
pub fn fail(awaitable: &Awaitable, raised: Raised) -> Result<()> {
    match awaitable.with(|store| store.status.activity) {
        Activity::Entering => block::settle_enter(awaitable, Err(raised)),
        Activity::Exiting => block::settle_exit(awaitable, Err(raised)),
        Activity::Advancing => iteration::settle_raised(awaitable, raised),
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

/// An unhandled exception leaves the innermost block, an `async with` through its `__aexit__`, then the next. Fails once there is
/// none left.
#[cold]
pub fn unwind(awaitable: &Awaitable, raised: Raised) -> Result<()> {
    let mut raised = raised;
    while let Some(leaving) = awaitable.with(|store| store.leaving()) {
        let left = match leaving {
            Leaving::With => block::leave(awaitable, Some(exception::take(raised))),
            Leaving::For => iteration::unwind(awaitable, raised),
        };
        match left {
            Ok(()) => return Ok(()),
            Err(next) => raised = next,
        }
    }
    Err(raised)
}
