//! `async for`.

use super::frame::{Head, Outcome};
use super::outcome::{ADVANCING, EXHAUSTED, ITERATING, RAISED};
use super::resume::{Running, Then};
use crate::body::asynchronous_iterator;
use crate::python::raised::{Raised, Result};
use crate::python::reference::Borrowed;
use crate::store::body::Action;

/// Begins a loop over what the body has handed over.
pub(super) fn begin(running: &Running<'_>, outcome: Outcome) -> Result<()> {
    let iterable = running.value()?;
    running
        .head
        .make_room(running.awaitable.state(), outcome.own() + 1)?;
    let iterator = asynchronous_iterator::iterator(iterable)?;
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
    match asynchronous_iterator::next(iterator.borrow()) {
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

/// How the body is reached when an exception has arrived: the end of an iterator ends the loop that awaits its next item.
pub(super) fn arrive(head: &Head, raised: Raised) -> u8 {
    let advancing = head
        .blocks()
        .iter()
        .rposition(|block| block.state.get() == ADVANCING);
    let Some(index) = advancing else {
        return RAISED;
    };
    if asynchronous_iterator::take_end(raised).is_err() {
        if let Some(block) = head.blocks().get(index) {
            block.state.set(ITERATING);
        }
        return RAISED;
    }
    head.clear(index);
    EXHAUSTED
}
