//! Waiting until a descriptor is ready for reading or for writing, by the event loop's own means.

use super::loops::watch::{self, Direction, Entry};
use super::loops::{self, Library, trio};
use super::native;
use crate::base::system;
use crate::object::awaitable::Awaitable;
use crate::object::state::State;
use crate::python::call::{attribute, call_method};
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::memory::new_raw_block;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::body::{Action, Event, Functions};
use crate::store::maker::Definition;
use core::cell::Cell;
use core::ffi::{CStr, c_int, c_ulong, c_void};
use core::ptr::null_mut;

/// `EBADF`, which is the same everywhere.
const NOT_OPEN: c_int = 9;

/// `PyAwaitable_Descriptor`.
#[cfg(not(windows))]
pub type Descriptor = c_int;
#[cfg(windows)]
pub type Descriptor = usize;

/// The frame.
struct Wait {
    descriptor: isize,
    direction: Direction,
    /// What asyncio's loop has been asked for, or NULL; owned.
    entry: Cell<*mut PyObject>,
    /// The thread in which it was.
    thread: Cell<c_ulong>,
}

static BODY: Functions = Functions {
    resume,
    handled: native::handles_nothing,
    visit,
    bytes,
    release,
    free,
};

static READABLE: Definition = Definition {
    name: c"wait_readable",
    qualified_name: c"wait_readable",
};
static WRITABLE: Definition = Definition {
    name: c"wait_writable",
    qualified_name: c"wait_writable",
};

/// An awaitable that lasts until the descriptor is ready.
pub fn wait(state: &State, descriptor: isize, direction: Direction) -> Result<Owned> {
    let definition = match direction {
        Direction::Reading => &READABLE,
        Direction::Writing => &WRITABLE,
    };
    let made = new_raw_block(Wait {
        descriptor,
        direction,
        entry: Cell::new(null_mut()),
        thread: Cell::new(0),
    });
    let Ok(frame) = made else {
        return Err(Raised::no_memory());
    };
    // SAFETY: made above, for such a body; freed here if there is none.
    unsafe {
        let made = native::new(state, &BODY, frame.as_ptr().cast(), definition);
        if made.is_err() {
            ffi::PyMem_RawFree(frame.as_ptr().cast());
        }
        made.map(native::to_be_awaited)
    }
}

/// Has those who wait for the descriptor fail: it will be closed.
pub fn notify_closing(state: &State, descriptor: isize) -> Result<()> {
    let Some((library, source)) = loops::current(state)? else {
        return Err(loops::none_runs());
    };
    match library {
        Library::Asyncio => match loops::find(state, source.borrow())? {
            (.., Some(hub)) => watch::notify_closing(&hub, descriptor),
            // Nobody has waited here yet.
            (.., None) => Ok(()),
        },
        Library::Trio => {
            let number = watch::number(descriptor)?;
            call_method(
                trio::lowlevel(state)?,
                c"notify_closing",
                [Some(number.borrow()), None, None],
            )
            .map(drop)
        }
    }
}

unsafe fn resume(_: Thread, awaitable: *mut PyObject, frame: *mut c_void, event: Event) -> Action {
    // SAFETY: an awaitable of ours, and the frame of its body.
    let (awaitable, wait) = unsafe { (&*awaitable.cast::<Awaitable>(), &*frame.cast::<Wait>()) };
    match event {
        Event::Start => begin(awaitable.state(), wait).unwrap_or_else(Action::Raise),
        Event::Sent(_) | Event::Returned(_) => match wait.entry() {
            Some(entry) if entry.waiter().is_closing.get() => Action::Raise(closed()),
            _ => Action::Return(Owned::none()),
        },
        Event::Raised(raised) if wait.entry.get().is_null() => in_trio(wait, raised),
        Event::Raised(raised) => {
            wait.stop();
            Action::Raise(raised)
        }
    }
}

fn begin(state: &State, wait: &Wait) -> Result<Action> {
    let Some((library, source)) = loops::current(state)? else {
        return Err(loops::none_runs());
    };
    match system::look(wait.descriptor) {
        system::Descriptor::Closed => return Err(closed()),
        system::Descriptor::File => return Ok(Action::Return(Owned::none())),
        system::Descriptor::Other => {}
    }
    if library == Library::Trio {
        let number = watch::number(wait.descriptor)?;
        let name = match wait.direction {
            Direction::Reading => c"wait_readable",
            Direction::Writing => c"wait_writable",
        };
        let waiting = call_method(
            trio::lowlevel(state)?,
            name,
            [Some(number.borrow()), None, None],
        );
        return waiting.map(Action::Await);
    }
    let (hub, _) = loops::hub(state)?;
    let entry = watch::begin(&hub, source.borrow(), wait.descriptor, wait.direction)?;
    let Some(entry) = entry else {
        return Ok(Action::Return(Owned::none()));
    };
    let waiter = entry.waiter().borrow().to_owned();
    wait.thread.set(ffi::PyThread_get_thread_ident());
    wait.entry.set(entry.into_ptr());
    Ok(Action::Drive(waiter))
}

impl Wait {
    fn entry(&self) -> Option<Entry> {
        let entry = self.entry.get();
        // SAFETY: an entry, which the frame owns.
        (!entry.is_null()).then(|| unsafe { Entry::from_ptr(entry) })
    }

    /// Has asyncio's loop watch no more, if it does.
    fn stop(&self) {
        if let Some(entry) = self.entry() {
            let is_its = self.thread.get() == ffi::PyThread_get_thread_ident();
            exception::aside(|| entry.stop(is_its));
        }
    }
}

/// The `OSError` for what is not open.
fn closed() -> Raised {
    not_open(c"the descriptor is closed")
}

fn not_open(text: &CStr) -> Raised {
    // SAFETY: a new tuple, for the class to make the exception of.
    unsafe {
        match Owned::new(ffi::Py_BuildValue(
            c"(is)".as_ptr(),
            NOT_OPEN,
            text.as_ptr(),
        )) {
            Ok(arguments) => {
                ffi::PyErr_SetObject(ffi::PyExc_OSError, arguments.as_ptr());
                Raised::set()
            }
            Err(raised) => raised,
        }
    }
}

/// What trio's wait raises, as asyncio's would.
fn in_trio(wait: &Wait, raised: Raised) -> Action {
    // SAFETY: an exception is set, as `raised` proves.
    let is_refused = unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_PermissionError) } != 0;
    // What epoll says of what there is no waiting for; or what somebody has thrown in.
    if is_refused && system::refuses(wait.descriptor) {
        exception::discard(raised);
        return Action::Return(Owned::none());
    }
    let exception = exception::take(raised);
    let is = |name| {
        let class = trio::trio().and_then(|trio| attribute(trio.borrow(), name))?;
        // SAFETY: live objects.
        Ok(unsafe { ffi::PyErr_GivenExceptionMatches(exception.as_ptr(), class.as_ptr()) != 0 })
    };
    let of = is(c"BusyResourceError").and_then(|busy| Ok((busy, is(c"ClosedResourceError")?)));
    let (is_busy, is_closed) = match of {
        Ok(of) => of,
        Err(raised) => return Action::Raise(raised),
    };
    let raised = exception::raise(exception);
    Action::Raise(if is_busy {
        watch::busy(|text| exception::replace_with_cause(raised, Kind::RuntimeError, text))
    } else if is_closed {
        exception::with_cause(raised, not_open, c"the descriptor is closed")
    } else {
        raised
    })
}

unsafe fn visit(frame: *mut c_void, visit: &mut dyn FnMut(*mut PyObject) -> c_int) -> c_int {
    // SAFETY: the frame of such a body.
    match unsafe { (*frame.cast::<Wait>()).entry.get() } {
        entry if entry.is_null() => 0,
        entry => visit(entry),
    }
}

unsafe fn bytes(_: *mut c_void) -> usize {
    size_of::<Wait>()
}

unsafe fn release(_: *mut PyObject, frame: *mut c_void) {
    // SAFETY: the frame of such a body, which has ended; what it owns is released once.
    unsafe {
        let wait = &*frame.cast::<Wait>();
        wait.stop();
        drop(Owned::optional(wait.entry.replace(null_mut())));
    }
}

unsafe fn free(_: *mut PyObject, frame: *mut c_void) {
    // SAFETY: made by `new_raw_block`, and freed once.
    unsafe { ffi::PyMem_RawFree(frame) };
}
