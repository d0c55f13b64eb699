//! A body that is not a queue: functions over a frame. What it consists of, and where the object keeps it.

use super::Store;
use crate::python::ffi::PyObject;
use crate::python::raised::Raised;
use crate::python::reference::Owned;
use crate::store::entry::Entry;
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
    /// Yield this to the event loop, and wait for what that sends.
    Yield(Owned),
    /// The end: this is the result.
    Return(Owned),
    /// The end, with the exception that is set.
    Raise(Raised),
}

/// A kind of body. The frame belongs to the body: nothing else reads or frees it.
pub struct Functions {
    /// Resumes where it left off. The awaitable is borrowed; no exception is set except that of [`Event::Raised`].
    pub resume: unsafe fn(awaitable: *mut PyObject, frame: *mut c_void, event: Event) -> Action,
    /// The exception that is being handled where the body awaits, which is `sys.exc_info()` for what it awaits: borrowed from
    /// the frame, or NULL. While the body itself runs, it takes care of that.
    pub handled: unsafe fn(frame: *mut c_void) -> *mut PyObject,
    /// Calls the function for each object that the frame holds, until that returns something other than 0. Runs no Python code.
    pub visit:
        unsafe fn(frame: *mut c_void, visit: &mut dyn FnMut(*mut PyObject) -> c_int) -> c_int,
    /// Releases the frame and what it holds, once, however the body ended.
    pub release: unsafe fn(frame: *mut c_void),
}

/// A body, as the object keeps it.
#[derive(Clone, Copy)]
pub struct Body {
    /// What it does.
    pub functions: &'static Functions,
    /// What it does that to.
    pub frame: *mut c_void,
}

impl Store<'_> {
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

    /// Takes the body out, with what it has awaited.
    #[inline]
    pub fn take_body(&mut self) -> Option<(Body, Option<Owned>)> {
        let body = self.body()?;
        let current = mem::replace(&mut self.contents.current, Entry::EMPTY);
        self.status.activity = Activity::Idle;
        // SAFETY: taken out of the entry, and its reference with it.
        Some((body, unsafe { Owned::optional(current.object()) }))
    }
}
