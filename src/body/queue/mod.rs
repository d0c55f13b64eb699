//! The queue of callbacks: what C code has added runs in order, and calls back.

pub mod block;
mod callbacks;
pub mod iteration;

use crate::base::buffer::NoMemory;
use crate::inner;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::raised::{Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::entry::Block;
use crate::store::queue::{Activity, Ended};
pub use callbacks::call_deferred;
use callbacks::{call, handle};

/// An await, a block's `__aenter__` or a loop's `__anext__` has returned: releases it, and calls its callback.
#[inline(always)]
pub fn succeed(thread: Thread, awaitable: &Awaitable, value: Owned) -> Result<()> {
    let activity = awaitable.with(|store| store.status.activity);
    if activity != Activity::Awaiting {
        return succeed_in_block(awaitable, activity, value);
    }
    drop(awaitable.with(|store| store.take_driven()));
    let Ended { callback, error } = awaitable.with(|store| store.end());
    match callback {
        Some(callback) => call(thread, awaitable, callback, error, value),
        None => Ok(()),
    }
}

#[cold]
fn succeed_in_block(awaitable: &Awaitable, activity: Activity, value: Owned) -> Result<()> {
    match activity {
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

/// Begins a block.
#[cold]
pub fn enter(awaitable: &Awaitable, object: Owned) -> Result<()> {
    match awaitable.with(|store| store.push_block()) {
        Ok(Some(Block::With)) => block::enter(awaitable, object),
        Ok(Some(Block::For)) => iteration::begin(awaitable, object),
        Ok(None) => Ok(()),
        Err(NoMemory) => fail(awaitable, Raised::no_memory()),
    }
}

/// The queue of the innermost block is empty: leaves an `async with`, and asks an `async for` for the next item.
pub fn leave(awaitable: &Awaitable) -> Result<()> {
    match awaitable.with(|store| store.innermost()) {
        Some(Block::For) => iteration::advance(awaitable),
        _ => block::leave(awaitable, None),
    }
}

/// An unhandled exception leaves the innermost block, an `async with` through its `__aexit__`, then the next. Fails once there is
/// none left.
#[cold]
pub fn unwind(awaitable: &Awaitable, raised: Raised) -> Result<()> {
    let mut raised = raised;
    while let Some(innermost) = awaitable.with(|store| store.innermost()) {
        let left = match innermost {
            Block::With => block::leave(awaitable, Some(exception::take(raised))),
            Block::For => iteration::unwind(awaitable, raised),
        };
        match left {
            Ok(()) => return Ok(()),
            Err(next) => raised = next,
        }
    }
    Err(raised)
}
