//! One wait for a waker: what an awaitable drives meanwhile, and what asyncio's task gets from it, as it gets a Future from one.

use super::hub::Hub;
use super::loops::{self, Library, asyncio, trio};
use super::waker::{Hold, Waker};
use crate::inner::{self, Outcome, Thrown};
use crate::object::outside::Kept;
use crate::object::state::{self, State};
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use core::cell::{Cell, UnsafeCell};
use core::ffi::CStr;
use core::ptr::null_mut;

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It has not begun.
    New,
    /// It waits.
    Waiting,
    /// It need not wait any more.
    Woken,
    /// The task that waits was cancelled.
    Cancelled,
    /// It is over.
    Over,
}

/// Its place in a hub's list.
pub struct Link {
    pub previous: Cell<*mut Waiter>,
    pub next: Cell<*mut Waiter>,
    pub is_in: Cell<bool>,
}

/// Whom asyncio wants called when it is woken or cancelled: `callback(waiter)` in `context`.
pub struct Call {
    pub callback: Owned,
    /// None for the context of whoever calls.
    pub context: Option<Owned>,
}

/// What it holds.
pub struct Contents {
    waker: Option<Hold>,
    pub hub: Option<Owned>,
    /// The loop; with trio, the task.
    pub source: Option<Owned>,
    /// With trio, what `wait_task_rescheduled` returned.
    pub inner: Option<Owned>,
    pub call: Option<Call>,
    /// A list of more, as tuples of callback and context.
    pub more: Option<Owned>,
    /// Whether trio may cancel the wait, where not always.
    pub may_go: Option<unsafe fn(&Waker) -> bool>,
    /// What `cancel` was called with.
    pub message: Option<Owned>,
}

/// The object.
#[repr(C)]
pub struct Waiter {
    base: PyObject,
    pub link: Link,
    pub progress: Cell<Progress>,
    /// `_asyncio_future_blocking`.
    pub is_blocking: Cell<bool>,
    /// Whether what it waits for will be closed.
    pub is_closing: Cell<bool>,
    pub contents: UnsafeCell<Contents>,
}

/// The text for a waker that is woken in another loop.
pub const ELSEWHERE: &CStr = c"it has waited in another event loop before, and is bound to that";

impl Waiter {
    /// A new one. It takes no notice of what runs until it is stepped.
    pub fn create(state: &State, waker: Hold) -> Result<Owned> {
        Self::create_declining(state, waker, None)
    }

    /// The same, and a function that is asked whether trio may cancel the wait.
    pub fn create_declining(
        state: &State,
        waker: Hold,
        may_go: Option<unsafe fn(&Waker) -> bool>,
    ) -> Result<Owned> {
        let r#type = state
            .outside
            .get(Kept::WaiterType, || super::waiter_type::definition(state))?;
        // SAFETY: a live type; the object is complete before the collector sees it.
        unsafe {
            let object = Owned::new(ffi::_PyObject_GC_New(r#type.as_ptr().cast()))?;
            let waiter = object.as_ptr().cast::<Waiter>();
            (&raw mut (*waiter).link).write(Link {
                previous: Cell::new(null_mut()),
                next: Cell::new(null_mut()),
                is_in: Cell::new(false),
            });
            (&raw mut (*waiter).progress).write(Cell::new(Progress::New));
            (&raw mut (*waiter).is_blocking).write(Cell::new(false));
            (&raw mut (*waiter).is_closing).write(Cell::new(false));
            (&raw mut (*waiter).contents).write(UnsafeCell::new(Contents {
                waker: Some(waker),
                may_go,
                hub: None,
                source: None,
                inner: None,
                call: None,
                more: None,
                message: None,
            }));
            state.hold();
            ffi::PyObject_GC_Track(object.as_ptr().cast());
            Ok(object)
        }
    }

    pub fn borrow(&self) -> Borrowed<'_> {
        // SAFETY: an object, which is live.
        unsafe { Borrowed::new((&raw const *self).cast_mut().cast()) }
    }

    pub fn state(&self) -> &State {
        // SAFETY: its type was made to point there, and it holds the state.
        unsafe { state::of(self.borrow().as_ptr()).as_ref() }
    }

    /// What it holds. Nothing that is borrowed from it is kept while Python code runs.
    #[inline]
    #[allow(clippy::mut_from_ref, reason = "as a cell, for one use at a time")]
    pub fn contents(&self) -> &mut Contents {
        // SAFETY: only the loop's thread uses it, and each use ends before the next begins.
        unsafe { &mut *self.contents.get() }
    }

    pub fn waker(&self) -> Option<&Waker> {
        self.contents().waker.as_deref()
    }

    /// The loop that it waits in, or with trio the task.
    pub fn source(&self) -> Option<Borrowed<'_>> {
        self.contents().source.as_ref().map(Owned::borrow)
    }

    /// Whether somebody still wants to be called when the wait is over.
    pub fn has_callers(&self) -> bool {
        let contents = self.contents();
        contents.call.is_some() || contents.more.is_some()
    }

    pub fn is_done(&self) -> bool {
        !matches!(self.progress.get(), Progress::New | Progress::Waiting)
    }

    /// `send(value)`.
    pub fn send(&self, value: Borrowed<'_>) -> Outcome {
        match self.progress.get() {
            Progress::New => match self.begin() {
                Ok(outcome) => outcome,
                Err(raised) => {
                    self.progress.set(Progress::Over);
                    self.let_go();
                    Outcome::Raise(raised)
                }
            },
            _ if self.contents().inner.is_some() => trio::send(self, value),
            Progress::Waiting => Outcome::Raise(Raised::new(
                Kind::RuntimeError,
                c"await wasn't used with future",
            )),
            Progress::Woken => {
                self.progress.set(Progress::Over);
                self.let_go();
                Outcome::Return(Owned::none())
            }
            Progress::Cancelled => {
                self.progress.set(Progress::Over);
                Outcome::Raise(asyncio::cancelled(self))
            }
            Progress::Over => Outcome::Raise(Raised::new(
                Kind::RuntimeError,
                c"cannot reuse a wait that is over",
            )),
        }
    }

    /// The first step.
    fn begin(&self) -> Result<Outcome> {
        let Some(waker) = self.waker() else {
            return Err(Raised::new(Kind::RuntimeError, c"the wait is over"));
        };
        if waker.signal().take() {
            self.progress.set(Progress::Over);
            self.let_go();
            return Ok(Outcome::Return(Owned::none()));
        }
        let (hub, source) = loops::hub(self.state())?;
        // SAFETY: a hub.
        let the = unsafe { Hub::of(hub.borrow()) };
        let joined = the.channel().is_some_and(|channel| waker.join(channel));
        if !joined {
            return Err(Raised::new(Kind::RuntimeError, ELSEWHERE));
        }
        let source = match the.library {
            Library::Asyncio => source,
            Library::Trio => trio::task(self)?,
        };
        let contents = self.contents();
        contents.hub = Some(hub.borrow().to_owned());
        contents.source = Some(source);
        self.progress.set(Progress::Waiting);
        the.link(self, waker);
        if !waker.signal().wait() {
            drop(the.unlink(self, waker));
            self.progress.set(Progress::Over);
            // Trio's wait has not begun, and would say that it never has.
            let inner = self.contents().inner.take();
            self.let_go();
            if let Some(inner) = inner {
                inner::close(inner.borrow())?;
            }
            return Ok(Outcome::Return(Owned::none()));
        }
        match the.library {
            Library::Asyncio => {
                self.is_blocking.set(true);
                Ok(Outcome::Yield(self.borrow().to_owned()))
            }
            Library::Trio => match trio::begin(self) {
                Ok(inner) => {
                    self.contents().inner = Some(inner);
                    Ok(trio::send(self, Borrowed::none()))
                }
                Err(raised) => {
                    self.give_up(Progress::Over);
                    Err(raised)
                }
            },
        }
    }

    /// Stops waiting; false if it did not wait any more.
    pub fn give_up(&self, progress: Progress) -> bool {
        let Some(hub) = self
            .contents()
            .hub
            .as_ref()
            .map(|hub| hub.borrow().to_owned())
        else {
            return false;
        };
        let Some(waker) = self.waker() else {
            return false;
        };
        // SAFETY: a hub, which is kept.
        let unlinked = unsafe { Hub::of(hub.borrow()) }.unlink(self, waker);
        if unlinked.is_none() {
            return false;
        }
        waker.signal().give_up();
        self.progress.set(progress);
        true
    }

    /// Nobody will wake it: its hub goes.
    pub fn forsake(&self) {
        if let Some(waker) = self.waker() {
            waker.signal().give_up();
        }
        let contents = self.contents();
        let held = (
            contents.call.take(),
            contents.more.take(),
            contents.hub.take(),
            contents.source.take(),
        );
        drop(held);
    }

    /// Releases what is not needed after the end.
    pub fn let_go(&self) {
        let contents = self.contents();
        let held = (
            contents.hub.take(),
            contents.source.take(),
            contents.inner.take(),
            contents.waker.take(),
        );
        drop(held);
    }

    /// `throw(...)`.
    pub fn throw(&self, thrown: Thrown<'_>) -> Outcome {
        if let Err(raised) = inner::check_thrown(thrown) {
            return Outcome::Raise(raised);
        }
        self.give_up(Progress::Over);
        if self.progress.get() != Progress::New && self.contents().inner.is_some() {
            return trio::throw(self, thrown);
        }
        self.progress.set(Progress::Over);
        self.let_go();
        Outcome::Raise(inner::raise_here(thrown))
    }

    /// `close()`.
    pub fn close(&self) -> Result<()> {
        self.give_up(Progress::Over);
        self.progress.set(Progress::Over);
        let inner = self.contents().inner.take();
        self.let_go();
        match inner {
            Some(inner) => inner::close(inner.borrow()),
            None => Ok(()),
        }
    }

    /// Takes out everything that it holds.
    pub fn empty(&self) {
        let contents = self.contents();
        let held = (
            contents.call.take(),
            contents.more.take(),
            contents.message.take(),
        );
        drop(held);
        self.let_go();
    }

    /// Calls the function for each object that it holds.
    pub fn visit(
        &self,
        mut visit: impl FnMut(*mut PyObject) -> core::ffi::c_int,
    ) -> core::ffi::c_int {
        let contents = self.contents();
        let call = contents.call.as_ref();
        let objects = [
            contents.hub.as_ref(),
            contents.source.as_ref(),
            contents.inner.as_ref(),
            contents.more.as_ref(),
            contents.message.as_ref(),
            call.map(|call| &call.callback),
            call.and_then(|call| call.context.as_ref()),
        ];
        for object in objects.into_iter().flatten() {
            let code = visit(object.as_ptr());
            if code != 0 {
                return code;
            }
        }
        0
    }
}

/// Frees one.
///
/// # Safety
/// The last reference is gone.
pub unsafe fn free(object: *mut PyObject) {
    // SAFETY: the caller's promise. An instance holds its type and its state.
    unsafe {
        let waiter = &*object.cast::<Waiter>();
        waiter.empty();
        core::ptr::drop_in_place(waiter.contents.get());
        let (r#type, state) = (ffi::Py_TYPE(object), state::of(object));
        ffi::PyObject_GC_Del(object.cast());
        State::release(state);
        ffi::Py_DECREF(r#type.cast());
    }
}
