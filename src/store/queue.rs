//! The queue: what is to be awaited, what is in progress, and what comes next.

use super::Store;
use crate::base::buffer::{NoMemory, Queue};
use crate::python::ffi::PyObject;
use crate::python::memory::PythonMemory;
use crate::python::reference::{Borrowed, Owned};
use crate::store::block::Kind;
use crate::store::entry::{Callback, DeferredCallback, Entry, ErrorCallback, Task};
use core::mem;

/// Entries that wait for their turn.
pub type Entries = Queue<Entry, PythonMemory>;

/// What `Contents::current` is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Activity {
    /// Nothing: the entry has no object.
    Idle,
    /// A body that has ended: the entry still leads to its frame.
    BodyEnded,
    /// The head of the object's queue, not yet begun.
    Queued,
    /// An await, its object being what is driven.
    Awaiting,
    /// The innermost block's `__aenter__`.
    Entering,
    /// The innermost loop's `__aiter__` or `__anext__`.
    Advancing,
    /// The innermost block's `__aexit__`.
    Exiting,
    /// A body that has not begun, or is running.
    Body,
    /// What a body awaits.
    BodyAwaiting,
    /// A body that has yielded a value to the event loop.
    BodyYielding,
    /// A generator's body that has yielded an item.
    BodyIterated,
}

impl Activity {
    /// Whether a body drives the object, and not a queue.
    #[inline]
    pub fn is_body(self) -> bool {
        self as u8 >= Self::Body as u8
    }

    /// Whether nothing is queued or in progress, nor will be if there is a body.
    #[inline]
    pub fn is_at_rest(self) -> bool {
        self as u8 <= Self::BodyEnded as u8
    }
}

/// What to do next.
pub enum Next {
    /// Continue what is in progress; borrowed from the store, where only the step itself replaces it.
    Resume(*mut PyObject),
    /// The same for an `__aexit__`, which runs while its block's exception is being handled.
    ResumeExit(*mut PyObject),
    /// Begin an await.
    Await(Owned),
    /// Begin a block over this object, whose callbacks [`Store::push_block`] finds.
    Enter(Owned),
    /// Call a deferred callback.
    Call(DeferredCallback),
    /// The innermost block's queue is empty.
    Leave,
    /// The body decides.
    Body,
    /// Everything is done.
    Finish,
}

/// What follows an await that has ended.
pub struct Ended {
    pub callback: Option<Callback>,
    pub error: Option<ErrorCallback>,
}

/// References taken out of a store, released when this is dropped: outside the lock.
pub struct Released(pub(super) Entries);

impl Drop for Released {
    fn drop(&mut self) {
        while let Some(entry) = self.0.pop() {
            // SAFETY: taken out of its queue, and not used again.
            unsafe { entry.release() };
        }
    }
}

/// What `cancel` took out of the object's own queue, released when this is dropped.
pub struct Cancelled {
    _current: Option<Owned>,
    _queue: Released,
}

impl Store<'_> {
    /// Appends to the queue of the innermost open block, or to the object's own. On failure the caller still owns the entry.
    #[inline]
    pub fn push(&mut self, entry: Entry) -> Result<(), NoMemory> {
        if self.is_done() {
            self.contents.current = entry;
            self.status.activity = Activity::Queued;
            return Ok(());
        }
        let cold = self.contents.make_cold(self.colds)?;
        // SAFETY: NULL or a block of this object's chain.
        let mut block = unsafe { cold.block.as_mut() };
        if block.is_none() && cold.queue.is_empty() && self.status.activity == Activity::Idle {
            self.contents.current = entry;
            self.status.activity = Activity::Queued;
            return Ok(());
        }
        // Only the innermost block can be not open.
        if let Some(innermost) = block.take_if(|innermost| !innermost.open) {
            // SAFETY: as above.
            block = unsafe { innermost.outer.as_mut() };
        }
        match block {
            Some(block) => block.queue.push(entry),
            None => cold.queue.push(entry),
        }
    }

    /// Appends an `async for`, as [`Store::push`] does: never as the current entry, since it is two.
    pub fn push_both(&mut self, entry: Entry, end: Entry) -> Result<(), NoMemory> {
        let cold = self.contents.make_cold(self.colds)?;
        // SAFETY: NULL or a block of this object's chain.
        let mut block = unsafe { cold.block.as_mut() };
        if let Some(innermost) = block.take_if(|innermost| !innermost.open) {
            // SAFETY: as above.
            block = unsafe { innermost.outer.as_mut() };
        }
        let queue = block.map_or(&mut cold.queue, |block| &mut block.queue);
        queue.push_both(entry, end)
    }

    /// Takes the first entry of the innermost block's queue, or of the object's own.
    pub(super) fn pop_from_queue(&mut self) -> Option<Entry> {
        let cold = self.contents.cold()?;
        // SAFETY: NULL or a block of this object's chain.
        match unsafe { cold.block.as_mut() } {
            Some(block) => block.queue.pop(),
            None => cold.queue.pop(),
        }
    }

    /// What to do next; what begins is then in progress.
    #[inline]
    pub fn next(&mut self) -> Next {
        match self.status.activity {
            Activity::Awaiting | Activity::Entering | Activity::Advancing => {
                return Next::Resume(self.contents.current.object());
            }
            Activity::Exiting => return Next::ResumeExit(self.contents.current.object()),
            Activity::Body
            | Activity::BodyAwaiting
            | Activity::BodyYielding
            | Activity::BodyIterated => return Next::Body,
            Activity::BodyEnded => return Next::Finish,
            Activity::Queued => {}
            Activity::Idle => {
                let Some(cold) = self.contents.cold() else {
                    return Next::Finish;
                };
                // SAFETY: NULL or a block of this object's chain.
                let popped = if let Some(block) = unsafe { cold.block.as_mut() } {
                    let popped = block.queue.pop();
                    if popped.is_none() {
                        // What another thread adds from here on does not go to the block.
                        block.open = false;
                        return Next::Leave;
                    }
                    popped
                } else {
                    cold.queue.pop()
                };
                match popped {
                    Some(entry) => self.contents.current = entry,
                    None => return Next::Finish,
                }
            }
        }
        self.begin()
    }

    /// Begins the current entry. Its callbacks stay there, where a `Cancel` of another thread finds them.
    #[inline]
    fn begin(&mut self) -> Next {
        match self.contents.current.task() {
            Some(Task::Await(object)) => {
                self.status.activity = Activity::Awaiting;
                self.contents.current = self.contents.current.with_object(None);
                // SAFETY: taken out of the entry, and its reference with it.
                match unsafe { Owned::optional(object) } {
                    Some(object) => Next::Await(object),
                    None => Next::Finish,
                }
            }
            Some(Task::Block(object)) => {
                self.status.activity = Activity::Entering;
                self.contents.current = self.contents.current.begun();
                // SAFETY: as above.
                match unsafe { Owned::optional(object) } {
                    Some(object) => Next::Enter(object),
                    None => Next::Finish,
                }
            }
            Some(Task::Deferred(callback)) => {
                self.status.activity = Activity::Idle;
                Next::Call(callback)
            }
            None => Next::Finish,
        }
    }

    /// Keeps the iterator that is driven from now on.
    #[inline]
    pub fn drive(&mut self, iterator: Owned) {
        self.contents.current = self.contents.current.with_object(Some(iterator));
    }

    /// What is being driven, if anything.
    #[inline]
    pub fn driven(&self) -> Option<Borrowed<'_>> {
        match self.status.activity {
            Activity::Awaiting
            | Activity::Entering
            | Activity::Exiting
            | Activity::Advancing
            | Activity::BodyAwaiting => {
                // SAFETY: the entry owns it, and stays as it is while the store is borrowed.
                unsafe { Borrowed::optional(self.contents.current.object()) }
            }
            Activity::Idle
            | Activity::BodyEnded
            | Activity::Queued
            | Activity::Body
            | Activity::BodyYielding
            | Activity::BodyIterated => None,
        }
    }

    /// What a body awaits.
    #[inline(always)]
    pub fn awaited(&self) -> *mut PyObject {
        debug_assert!(self.status.activity == Activity::BodyAwaiting);
        self.contents.current.object()
    }

    /// Takes out what was driven, which has ended. [`Store::end`] takes its callbacks, once it has been released: code that
    /// runs then may still cancel them.
    #[inline]
    pub fn take_driven(&mut self) -> Option<Owned> {
        let object = self.contents.current.object();
        self.contents.current = self.contents.current.with_object(None);
        // SAFETY: taken out of the entry, and its reference with it.
        unsafe { Owned::optional(object) }
    }

    /// The callbacks of what was in progress, and has been taken out. From here on nothing is.
    #[inline]
    pub fn end(&mut self) -> Ended {
        self.status.activity = Activity::Idle;
        Ended {
            callback: self.contents.current.callback(),
            error: self.contents.current.error(),
        }
    }

    /// Takes out what is queued and the callbacks of what is in progress. Without memory to collect what blocks had queued,
    /// call [`Store::dropped`] until it returns None.
    pub fn cancel(&mut self) -> Cancelled {
        self.status.note_cancelled();
        let mut cancelled = Cancelled {
            _current: None,
            _queue: Released(Queue::new()),
        };
        if self.status.activity == Activity::Queued {
            cancelled._current = self.take_driven();
            self.end();
        } else if self.status.activity != Activity::BodyEnded {
            // What a body that has ended leaves there, its frame, is kept with the object.
            self.contents.current = self.contents.current.without_callbacks();
        }
        if let Some(cold) = self.contents.cold() {
            cancelled._queue = Released(mem::take(&mut cold.queue));
            let mut block = cold.block;
            // SAFETY: blocks on the chain are live.
            while let Some(each) = unsafe { block.as_mut() } {
                each.callback = None;
                each.error = None;
                each.stopped = true;
                if let Kind::For(_, end) = &mut each.kind {
                    *end = None;
                }
                each.queue.move_to(&mut cancelled._queue.0);
                each.queue.move_to(&mut each.dropped);
                block = each.outer;
            }
        }
        cancelled
    }

    /// What `cancel` took out of a block's queue, innermost block first.
    pub fn dropped(&mut self) -> Option<Released> {
        let mut block = self.contents.cold()?.block;
        // SAFETY: blocks on the chain are live.
        while let Some(each) = unsafe { block.as_mut() } {
            if !each.dropped.is_empty() {
                return Some(Released(mem::take(&mut each.dropped)));
            }
            block = each.outer;
        }
        None
    }
}
