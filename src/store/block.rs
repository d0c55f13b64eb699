//! The `async with` blocks that an awaitable is in, innermost first.

use super::Store;
use crate::base::buffer::{NoMemory, Queue};
use crate::python::ffi;
use crate::python::memory::new_block;
use crate::python::reference::{Borrowed, Owned};
use crate::python::special_method::Special;
use crate::store::entry::{Callback, ErrorCallback};
use crate::store::queue::{Activity, Ended, Entries, Released};
use core::mem;

/// One `async with`, from its turn in the queue until its `__aexit__` has ended.
pub struct Block {
    pub(super) outer: *mut Block,
    /// Its `__aexit__`.
    pub(super) exit: Option<Special>,
    /// What ended the block, while `__aexit__` runs.
    pub(super) exception: Option<Owned>,
    pub(super) callback: Option<Callback>,
    pub(super) error: Option<ErrorCallback>,
    pub(super) queue: Entries,
    /// What `Cancel` took out of `queue` and has yet to release.
    pub(super) dropped: Entries,
    /// From the call of the callback until the call of `__aexit__`.
    pub(super) open: bool,
    /// The exception bypasses the error callback.
    pub(super) past_error: bool,
}

/// The end of a block.
pub struct Left {
    pub error: Option<ErrorCallback>,
    pub past_error: bool,
    pub exception: Option<Owned>,
    _exit: Option<Special>,
    _queue: Released,
    _dropped: Released,
}

impl Store<'_> {
    /// Starts the block that [`Store::next`] has begun, not open yet. Its `__aenter__` is in progress from now on. Without
    /// memory for it, returns its error callback.
    pub fn push_block(&mut self) -> Result<(), Option<ErrorCallback>> {
        let Ended { callback, error } = self.end();
        let pushed = self.contents.make_cold(self.colds).and_then(|cold| {
            cold.block = new_block(Block {
                outer: cold.block,
                exit: None,
                exception: None,
                callback,
                error,
                queue: Queue::new(),
                dropped: Queue::new(),
                open: false,
                past_error: false,
            })?;
            Ok(())
        });
        if let Err(NoMemory) = pushed {
            return Err(error);
        }
        self.status.activity = Activity::Entering;
        Ok(())
    }

    /// Keeps the innermost block's `__aexit__`, and returns one that was there.
    pub fn set_exit(&mut self, exit: Special) -> Option<Special> {
        match self.contents.block() {
            Some(block) => block.exit.replace(exit),
            None => Some(exit),
        }
    }

    /// Opens the innermost block: its callback, and the error callback that its failure goes to, even if it cancels.
    pub fn open_block(&mut self) -> (Option<Callback>, Option<ErrorCallback>) {
        match self.contents.block() {
            Some(block) => {
                block.open = true;
                (block.callback, block.error)
            }
            None => (None, None),
        }
    }

    /// Where the failure of the innermost block's callback goes.
    pub fn fail_block(&mut self, error: Option<ErrorCallback>, past_error: bool) {
        if let Some(block) = self.contents.block() {
            block.error = error;
            block.past_error = past_error;
        }
    }

    /// Whether an exception would leave the innermost block first.
    pub fn in_block(&mut self) -> bool {
        self.contents.block().is_some()
    }

    /// Closes the innermost block: its `__aexit__`, for the call, and what was left in its queue. `__aexit__` is in
    /// progress from now on.
    pub fn close_block(&mut self, exception: Option<Owned>) -> (Option<Special>, Released) {
        let mut left = Queue::new();
        let mut exit = None;
        if let Some(block) = self.contents.block() {
            block.open = false;
            block.exception = exception;
            left = mem::take(&mut block.queue);
            exit = block.exit.take();
        }
        self.status.activity = Activity::Exiting;
        (exit, Released(left))
    }

    /// What the innermost block's `__aexit__` is called with.
    pub fn block_exception(&mut self) -> Option<Borrowed<'_>> {
        self.contents.block()?.exception.as_ref().map(Owned::borrow)
    }

    /// Removes the innermost block.
    pub fn pop_block(&mut self) -> Option<Left> {
        let cold = self.contents.cold()?;
        let first = cold.block;
        if first.is_null() {
            return None;
        }
        // SAFETY: blocks on the chain are live, made by `push_block` in this allocator; this one is moved out and freed once.
        let block = unsafe {
            let block = first.read();
            ffi::PyMem_Free(first.cast());
            block
        };
        cold.block = block.outer;
        Some(Left {
            error: block.error,
            past_error: block.past_error,
            exception: block.exception,
            _exit: block.exit,
            _queue: Released(block.queue),
            _dropped: Released(block.dropped),
        })
    }
}
