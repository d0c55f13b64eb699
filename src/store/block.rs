//! The blocks that an awaitable is in, innermost first: each an `async with` or an `async for`.

use super::Store;
use crate::base::buffer::{NoMemory, Queue};
use crate::python::ffi;
use crate::python::memory::new_block;
use crate::python::reference::{Borrowed, Owned};
use crate::python::special_method::Special;
use crate::store::entry::{self, Callback, DeferredCallback, Entry, ErrorCallback};
use crate::store::queue::{Activity, Entries, Released};
use core::mem;

/// What a block is, and what only such a block holds.
pub(super) enum Kind {
    /// An `async with`, and its `__aexit__` between the look-up and the call.
    With(Option<Special>),
    /// An `async for`: its iterator once there is one, and what to call when that is exhausted.
    For(Option<Owned>, Option<DeferredCallback>),
}

/// One `async with`, from its turn in the queue until its `__aexit__` has ended, or one `async for`, until it is left.
pub struct Block {
    pub(super) outer: *mut Block,
    pub(super) kind: Kind,
    /// What ended the block, while `__aexit__` runs.
    pub(super) exception: Option<Owned>,
    pub(super) callback: Option<Callback>,
    pub(super) error: Option<ErrorCallback>,
    pub(super) queue: Entries,
    /// What `Cancel` took out of `queue` and has yet to release.
    pub(super) dropped: Entries,
    /// From the call of the callback until the call of `__aexit__` or `__anext__`.
    pub(super) open: bool,
    /// No further item is asked for.
    pub(super) stopped: bool,
    /// The exception bypasses the error callback.
    pub(super) past_error: bool,
}

/// The end of a block.
pub struct Left {
    pub error: Option<ErrorCallback>,
    pub past_error: bool,
    pub exception: Option<Owned>,
    kind: Kind,
    _queue: Released,
    _dropped: Released,
}

impl Left {
    /// What an `async for` calls at its end.
    pub fn end(&self) -> Option<DeferredCallback> {
        match self.kind {
            Kind::For(_, end) => end,
            Kind::With(_) => None,
        }
    }
}

/// What follows an item.
pub enum Turn {
    /// The callback for it.
    Call(Callback, Option<ErrorCallback>),
    /// Nothing.
    Skip,
}

impl Store<'_> {
    /// Starts the block that [`Store::next`] has begun, not open yet: its `__aenter__`, or its `__aiter__`, is in progress from now
    /// on. None if another thread has cancelled it meanwhile. Without memory, it becomes an await, which has failed.
    pub fn push_block(&mut self) -> Result<Option<entry::Block>, NoMemory> {
        let current = self.contents.current;
        let (kind, activity) = match current.block() {
            Some(entry::Block::With) => (Kind::With(None), Activity::Entering),
            Some(entry::Block::For) => {
                let end = self.pop_from_queue().as_ref().and_then(Entry::deferred);
                (Kind::For(None, end), Activity::Advancing)
            }
            None => {
                self.status.activity = Activity::Idle;
                return Ok(None);
            }
        };
        self.status.activity = Activity::Awaiting;
        self.push_kind(kind, current.callback(), current.error())?;
        self.status.activity = activity;
        self.contents.current = Entry::EMPTY;
        Ok(current.block())
    }

    #[inline]
    fn push_kind(
        &mut self,
        kind: Kind,
        callback: Option<Callback>,
        error: Option<ErrorCallback>,
    ) -> Result<(), NoMemory> {
        let cold = self.contents.make_cold(self.colds)?;
        cold.block = new_block(Block {
            outer: cold.block,
            kind,
            exception: None,
            callback,
            error,
            queue: Queue::new(),
            dropped: Queue::new(),
            open: false,
            stopped: false,
            past_error: false,
        })?;
        Ok(())
    }

    /// Keeps the iterator of the innermost block, a loop.
    pub fn set_iterator(&mut self, iterator: Owned) {
        if let Some(Kind::For(place, _)) = self.contents.block().map(|block| &mut block.kind) {
            *place = Some(iterator);
        }
    }

    /// The iterator of the innermost block, a loop, whose `__anext__` is in progress from now on. None if no further item is
    /// asked for.
    pub fn advance(&mut self) -> Option<Owned> {
        let block = self.contents.block().filter(|block| !block.stopped)?;
        let Kind::For(Some(iterator), _) = &block.kind else {
            return None;
        };
        let iterator = iterator.borrow().to_owned();
        self.status.activity = Activity::Advancing;
        Some(iterator)
    }

    /// Ends the `__anext__` in progress, which has returned an item, and opens the loop.
    pub fn open_loop(&mut self) -> Turn {
        self.status.activity = Activity::Idle;
        let Some(block) = self.contents.block().filter(|block| !block.stopped) else {
            return Turn::Skip;
        };
        block.open = true;
        match block.callback {
            Some(callback) => Turn::Call(callback, block.error),
            None => Turn::Skip,
        }
    }

    /// Leaves the innermost block, a loop, as soon as its queue is empty.
    pub fn stop_loop(&mut self) {
        if let Some(block) = self.contents.block() {
            block.stopped = true;
        }
    }

    /// Keeps the innermost block's `__aexit__`, and returns one that was there.
    pub fn set_exit(&mut self, exit: Special) -> Option<Special> {
        match self.contents.block().map(|block| &mut block.kind) {
            Some(Kind::With(place)) => place.replace(exit),
            _ => Some(exit),
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

    /// What the innermost block is, if there is one.
    pub fn innermost(&mut self) -> Option<entry::Block> {
        Some(match self.contents.block()?.kind {
            Kind::With(_) => entry::Block::With,
            Kind::For(..) => entry::Block::For,
        })
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
            if let Kind::With(place) = &mut block.kind {
                exit = place.take();
            }
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
            kind: block.kind,
            _queue: Released(block.queue),
            _dropped: Released(block.dropped),
        })
    }
}
