//! Waiting for a time, by the event loop's own clock, and giving others a turn.

use super::loops::{self, Library};
use super::native;
use super::waiter::Waiter;
use super::waker::Waker;
use crate::object::awaitable::Awaitable;
use crate::object::state::State;
use crate::python::call::{self, call_method};
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::store::body::{Action, Event, Functions};
use crate::store::maker::Definition;
use core::ffi::{CStr, c_void};
use core::ptr::null_mut;

/// The frame is a float, owned; NULL for who only gives others a turn.
static BODY: Functions = Functions {
    resume,
    handled: native::handles_nothing,
    visit: native::holds_nothing,
    bytes,
    release,
    free,
};

static SLEEP: Definition = Definition {
    name: c"sleep",
    qualified_name: c"sleep",
};
static CHECKPOINT: Definition = Definition {
    name: c"checkpoint",
    qualified_name: c"checkpoint",
};

/// An awaitable that lasts so many seconds. Fails with `ValueError` for a negative number, and for none.
pub fn sleep(state: &State, seconds: f64) -> Result<Owned> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(Raised::new(
            Kind::ValueError,
            c"seconds must be a number that is not negative",
        ));
    }
    if seconds == 0.0 {
        return checkpoint(state);
    }
    // SAFETY: a new float, which is the frame of such a body.
    unsafe {
        let seconds = Owned::new(ffi::PyFloat_FromDouble(seconds))?;
        let object = native::new(state, &BODY, seconds.as_ptr().cast(), &SLEEP)?;
        core::mem::forget(seconds);
        Ok(native::to_be_awaited(object))
    }
}

/// An awaitable that gives others a turn, and in trio is cancelled if its scope is.
pub fn checkpoint(state: &State) -> Result<Owned> {
    // SAFETY: no float.
    let object = unsafe { native::new(state, &BODY, null_mut(), &CHECKPOINT) }?;
    Ok(native::to_be_awaited(object))
}

unsafe fn resume(_: Thread, awaitable: *mut PyObject, frame: *mut c_void, event: Event) -> Action {
    // SAFETY: an awaitable of ours, and the frame of its body.
    let (awaitable, seconds) = unsafe {
        (
            &*awaitable.cast::<Awaitable>(),
            Borrowed::optional(frame.cast()),
        )
    };
    match event {
        Event::Start => begin(awaitable.state(), seconds).unwrap_or_else(Action::Raise),
        Event::Sent(_) | Event::Returned(_) => Action::Return(Owned::none()),
        Event::Raised(raised) => Action::Raise(raised),
    }
}

fn begin(state: &State, seconds: Option<Borrowed<'_>>) -> Result<Action> {
    let Some((library, _)) = loops::current(state)? else {
        return Err(loops::none_runs());
    };
    let sleep = |name: &CStr, seconds| {
        // SAFETY: a C string; a new reference or NULL.
        let module = unsafe { Owned::new(ffi::PyImport_ImportModule(name.as_ptr())) }?;
        call_method(module.borrow(), c"sleep", [Some(seconds), None, None]).map(Action::Await)
    };
    match (library, seconds) {
        // What asyncio.sleep(0) does.
        (Library::Asyncio, None) => Ok(Action::Yield(Owned::none())),
        (Library::Trio, None) => {
            let checkpoint = call::attribute(loops::trio::lowlevel(state)?, c"checkpoint")?;
            call::call(checkpoint.borrow(), [None; 3]).map(Action::Await)
        }
        (_, Some(seconds)) => {
            // SAFETY: a float.
            if unsafe { ffi::PyFloat_AsDouble(seconds.as_ptr()) }.is_infinite() {
                // Not every loop can wait for a time that does not come.
                return Waiter::create(state, Waker::allocate()?).map(Action::Drive);
            }
            match library {
                Library::Asyncio => sleep(c"asyncio.tasks", seconds),
                Library::Trio => sleep(c"trio", seconds),
            }
        }
    }
}

unsafe fn bytes(_: *mut c_void) -> usize {
    0
}

unsafe fn release(_: *mut PyObject, frame: *mut c_void) {
    // SAFETY: owned by the body, which has ended, once.
    drop(unsafe { Owned::optional(frame.cast()) });
}

unsafe fn free(_: *mut PyObject, _: *mut c_void) {}
