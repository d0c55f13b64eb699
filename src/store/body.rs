//! A body that is not a queue: functions over a frame. What it consists of, and where the object keeps it.

use super::{Contents, Store};
use crate::python::ffi::PyObject;
use crate::python::raised::Raised;
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::entry::Entry;
use crate::store::maker::Maker;
use crate::store::queue::Activity;
use core::ffi::{c_int, c_void};
use core::mem;

/// What has happened since a body last ran.
pub enum Event {
    /// Nothing: it runs for the first time.
    Start,
    /// The event loop has sent a value in response to the one that was yielded.
    Sent(Owned),
    /// What was awaited has returned.
    Returned(Owned),
    /// What was awaited has raised, or an exception was thrown in.
    Raised(Raised),
}

/// What a body wants done.
pub enum Action {
    /// `await` this.
    Await(Owned),
    /// Drive this, which the body itself has started.
    Drive(Owned),
    /// Yield this to the event loop, and wait for what that sends.
    Yield(Owned),
    /// Yield this to who iterates over the generator.
    Item(Owned),
    /// The end: this is the result.
    Return(Owned),
    /// The end, with the exception that is set.
    Raise(Raised),
}

/// A kind of body. The frame belongs to the body: nothing else reads or frees it.
pub struct Functions {
    /// Resumes where it left off. The awaitable is borrowed; no exception is set except that of [`Event::Raised`].
    pub resume: unsafe fn(Thread, awaitable: *mut PyObject, frame: *mut c_void, Event) -> Action,
    /// The exception that is being handled where the body awaits, which is `sys.exc_info()` for what it awaits: borrowed from
    /// the frame, or NULL. While the body itself runs, it takes care of that.
    pub handled: unsafe fn(frame: *mut c_void) -> *mut PyObject,
    /// Calls the function for each object that the frame holds, until that returns something other than 0. Runs no Python code.
    pub visit:
        unsafe fn(frame: *mut c_void, visit: &mut dyn FnMut(*mut PyObject) -> c_int) -> c_int,
    /// How many bytes of memory the frame takes, with what belongs to it.
    pub bytes: unsafe fn(frame: *mut c_void) -> usize,
    /// Releases what the frame holds, once, when the body has ended, in whatever way.
    pub release: unsafe fn(awaitable: *mut PyObject, frame: *mut c_void),
    /// Frees the frame, once, when the object goes. Runs no Python code.
    pub free: unsafe fn(awaitable: *mut PyObject, frame: *mut c_void),
}

/// A body, as the object keeps it.
#[derive(Clone, Copy)]
pub struct Body {
    /// What it does.
    pub functions: &'static Functions,
    /// What it does that to.
    pub frame: *mut c_void,
}

impl Contents {
    /// Gives a new object, which still has the frame of a body that has ended, one that begins.
    #[inline(always)]
    pub fn renew_body(&mut self, functions: &'static Functions, maker: Maker) -> *mut c_void {
        let (_, frame) = self.current.body();
        self.current = Entry::to_body(functions, frame);
        // An object that is kept has none.
        mem::forget(mem::replace(&mut self.maker, maker));
        frame
    }
}

impl Store<'_> {
    /// The body that has ended, if it has.
    #[inline]
    pub fn ended_body(&self) -> Option<Body> {
        if self.status.activity != Activity::BodyEnded {
            return None;
        }
        let (functions, frame) = self.contents.current.body();
        // SAFETY: as in `body`.
        unsafe { functions.as_ref() }.map(|functions| Body { functions, frame })
    }

    /// Gives a new object a body instead of a queue.
    pub fn set_body(&mut self, body: Body) {
        self.contents.current = Entry::to_body(body.functions, body.frame);
        self.status.activity = Activity::Body;
    }

    /// The body, if there is one.
    #[inline]
    pub fn body(&self) -> Option<Body> {
        if !self.status.activity.is_body() {
            return None;
        }
        let (functions, frame) = self.contents.current.body();
        // SAFETY: `set_body` has put it there, from a reference that lives forever.
        unsafe { functions.as_ref() }.map(|functions| Body { functions, frame })
    }

    /// The frame of the object's body, if that is of this kind.
    #[inline(always)]
    pub fn frame(&self, functions: &'static Functions) -> Option<*mut c_void> {
        // A queue has a callback in that place, which is not such a table.
        let (found, frame) = self.contents.current.body();
        core::ptr::eq(found, functions).then_some(frame)
    }

    /// Ends a body that awaits nothing. The caller releases what the frame holds.
    #[inline(always)]
    pub fn finish_body(&mut self) {
        debug_assert!(self.contents.current.object().is_null());
        self.status.activity = Activity::BodyEnded;
    }

    /// Ends the body, once. The caller gets what it has awaited, and releases what the frame holds.
    #[inline]
    pub fn end_body(&mut self) -> Option<(Body, Option<Owned>)> {
        let body = self.body()?;
        let awaited = self.take_driven();
        self.status.activity = Activity::BodyEnded;
        Some((body, awaited))
    }

    /// Takes out a body that has ended, once. The caller frees the frame.
    #[inline]
    pub fn take_ended_body(&mut self) -> Option<Body> {
        let body = self.ended_body()?;
        self.status.activity = Activity::Idle;
        self.contents.current = Entry::EMPTY;
        Some(body)
    }
}
