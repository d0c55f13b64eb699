//! `async for`.

use super::frame::{Head, Outcome};
use super::outcome::{ADVANCING, EXHAUSTED, ITERATING, RAISED};
use super::resume::{Running, Then};
use crate::inner;
use crate::python::exception;
use crate::python::ffi::{self, PyAsyncMethods};
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::store::body::Action;

/// The asynchronous methods of an object's type.
fn methods(object: Borrowed<'_>) -> Option<&PyAsyncMethods> {
    // SAFETY: a live object's type, whose methods live as long as it does.
    unsafe { (*object.r#type()).tp_as_async.as_ref() }
}

/// Begins a loop over what the body has handed over.
pub(super) fn begin(running: &Running<'_>, outcome: Outcome) -> Result<()> {
    let iterable = running.value()?;
    running
        .head
        .make_room(running.awaitable.state(), outcome.own() + 1)?;
    let Some(iter) = methods(iterable.borrow()).and_then(|methods| methods.am_aiter) else {
        return Err(Raised::for_type_of(
            c"'async for' requires an object with __aiter__ method, got %.100s",
            iterable.borrow(),
        ));
    };
    // SAFETY: the slot of the object's own type; a new reference or NULL comes back.
    let iterator = unsafe { Owned::new(iter(iterable.as_ptr())) }?;
    drop(iterable);
    if methods(iterator.borrow()).is_none_or(|methods| methods.am_anext.is_none()) {
        return Err(Raised::for_type_of(
            c"'async for' received an object from __aiter__ that does not implement __anext__: %.100s",
            iterator.borrow(),
        ));
    }
    if let Some(block) = running.head.open(outcome.own()) {
        block.manager.set(iterator);
        block.state.set(ITERATING);
    }
    Ok(())
}

/// Begins to await the next item.
pub(super) fn next(running: &Running<'_>, outcome: Outcome) -> Result<Then> {
    let block = running.head.blocks().get(outcome.own());
    let iterator = block.and_then(|block| block.manager.get().map(Borrowed::to_owned));
    let (Some(block), Some(iterator)) = (block, iterator) else {
        return Err(running.fault(c"the next item of an ASYNC_FOR that it was not in"));
    };
    match start(iterator.borrow()) {
        Ok(awaited) => {
            block.state.set(ADVANCING);
            Ok(Then::Act(Action::Drive(awaited)))
        }
        Err(raised) => {
            block.state.set(ADVANCING);
            match arrive(running.head, raised) {
                RAISED => Err(Raised::pending()),
                how => {
                    running.head.how.set(how);
                    Ok(Then::Again)
                }
            }
        }
    }
}

/// What `await __anext__()` drives.
fn start(iterator: Borrowed<'_>) -> Result<Owned> {
    // Its type may have been changed since.
    let Some(next) = methods(iterator).and_then(|methods| methods.am_anext) else {
        return Err(Raised::for_type_of(
            c"'async for' requires an iterator with __anext__ method, got %.100s",
            iterator,
        ));
    };
    // SAFETY: the slot of the object's own type; a new reference or NULL comes back.
    let awaitable = unsafe { Owned::new(next(iterator.as_ptr())) }?;
    if inner::is_coroutine(awaitable.borrow()) {
        // As CPython: even one that is being awaited.
        return Ok(awaitable);
    }
    let kept = awaitable.borrow().to_owned();
    inner::start(awaitable, inner::NOT_AWAITABLE).map_err(|raised| {
        exception::with_cause(
            raised,
            |_| {
                Raised::for_type_of(
                    c"'async for' received an invalid object from __anext__: %.100s",
                    kept.borrow(),
                )
            },
            c"",
        )
    })
}

/// How the body is reached when an exception has arrived: the end of an iterator ends the loop that awaits its next item.
pub(super) fn arrive(head: &Head, raised: Raised) -> u8 {
    let advancing = head
        .blocks()
        .iter()
        .rposition(|block| block.state.get() == ADVANCING);
    let Some(index) = advancing else {
        return RAISED;
    };
    // SAFETY: an exception is set, as `raised` proves.
    if unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_StopAsyncIteration) } == 0 {
        if let Some(block) = head.blocks().get(index) {
            block.state.set(ITERATING);
        }
        return RAISED;
    }
    exception::discard(raised);
    head.clear(index);
    EXHAUSTED
}
