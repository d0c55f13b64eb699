//! `async for`: its items, its end, and the ways out of it.

use super::callbacks::{Called, call_end, check, handle, invoke};
use super::release_driven;
use crate::body::asynchronous_iterator;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::raised::{Raised, Result};
use crate::python::reference::Owned;
use crate::store::block::Turn;
use crate::store::entry::{Callback, ErrorCallback};
use core::ffi::c_void;

/// Begins a loop: its `__aiter__` is in progress from now on.
pub fn begin(awaitable: &Awaitable, iterable: Owned) -> Result<()> {
    match asynchronous_iterator::iterator(iterable) {
        Ok(iterator) => {
            awaitable.with(|store| store.set_iterator(iterator));
            advance(awaitable)
        }
        Err(raised) => {
            awaitable.with(|store| store.end());
            unwind(awaitable, raised)
        }
    }
}

/// Asks for the next item: its `__anext__` is in progress from now on. A loop that has been stopped is left instead.
pub fn advance(awaitable: &Awaitable) -> Result<()> {
    let Some(iterator) = awaitable.with(|store| store.advance()) else {
        drop(awaitable.with(|store| {
            store.end();
            store.pop_block()
        }));
        return Ok(());
    };
    // The loop alone holds it from here on, so that it goes when the loop ends.
    let next = asynchronous_iterator::next(iterator.borrow())
        .map_err(|raised| exception::drop_preserving(iterator, raised));
    match next {
        Ok(awaited) => {
            awaitable.with(|store| store.drive(awaited));
            Ok(())
        }
        Err(raised) => settle_raised(awaitable, raised),
    }
}

/// `__anext__` has returned an item.
pub fn settle_item(awaitable: &Awaitable, item: Owned) -> Result<()> {
    drop(awaitable.with(|store| store.take_driven()));
    match awaitable.with(|store| store.open_loop()) {
        Turn::Call(callback, error) => call_each(awaitable, callback, error, item),
        Turn::Skip => Ok(()),
    }
}

fn call_each(
    awaitable: &Awaitable,
    callback: Callback,
    error: Option<ErrorCallback>,
    item: Owned,
) -> Result<()> {
    let (code, kept) = invoke(awaitable, callback, &item);
    let raised = exception::pending();
    let called = Called::new(awaitable, c"callback", callback as *const c_void, code);
    let failed = match check(&called, raised, item) {
        Ok(()) => {
            if code > 0 {
                awaitable.with(|store| store.stop_loop());
            }
            return Ok(());
        }
        Err(failed) => failed,
    };
    drop(kept);
    // Even if the callback has cancelled, its own failure still has to go somewhere.
    awaitable.with(|store| store.fail_block(error, !failed.to_error));
    Err(failed.raised)
}

/// `__anext__` has raised: the iterator is exhausted, or the loop has failed.
#[cold]
pub fn settle_raised(awaitable: &Awaitable, raised: Raised) -> Result<()> {
    let raised = release_driven(awaitable, raised);
    awaitable.with(|store| store.end());
    if let Err(raised) = asynchronous_iterator::take_end(raised) {
        return unwind(awaitable, raised);
    }
    let Some(left) = awaitable.with(|store| store.pop_block()) else {
        return Ok(());
    };
    let (end, error) = (left.end(), left.error);
    drop(left);
    match end {
        Some(end) => call_end(awaitable, end, error),
        None => Ok(()),
    }
}

/// An exception leaves the innermost block, a loop.
#[cold]
pub fn unwind(awaitable: &Awaitable, raised: Raised) -> Result<()> {
    let Some(left) = awaitable.with(|store| store.pop_block()) else {
        return Err(raised);
    };
    let (error, past_error) = (left.error, left.past_error);
    let raised = exception::drop_preserving(left, raised);
    if past_error {
        Err(raised)
    } else {
        handle(awaitable, error, raised)
    }
}
