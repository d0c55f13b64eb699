//! Asynchronous generators: what `__anext__`, `asend`, `athrow` and `aclose` return, and how those step the generator.
//!
//! Each is a step: an awaitable of the library's one type, with a body of its own kind. It has no frame, and holds the generator
//! and what is to be sent. The engine goes straight on from a step to the generator's own body.

mod advance;
mod finalize;
mod step;

use crate::inner::Thrown;
use crate::object::awaitable::Awaitable;
use crate::object::generator::Generator;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned, or_null};
use crate::python::thread::Thread;
use crate::store::body::{Action, Body, Event, Functions};
use crate::store::generator::Held;
use crate::store::maker::{Definition, Maker, Which};
use core::ffi::{c_int, c_void};
pub use finalize::finalize;
pub(super) use finalize::finalize_step;
pub(super) use step::{close, refused, run, send_first, throw};

/// What a step does to the generator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `__anext__` and `asend`.
    Send = 1,
    /// `athrow`.
    Throw = 2,
    /// `aclose`.
    Close = 3,
}

impl Kind {
    fn of(number: usize) -> Self {
        match number {
            2 => Self::Throw,
            3 => Self::Close,
            _ => Self::Send,
        }
    }

    fn is_send(self) -> bool {
        self == Self::Send
    }
}

/// From this version on, a step that was never begun gives a warning, and `throw` and `close` of a step step the generator.
const IS_STRICT: bool = cfg!(Py_3_13);

/// What a step is driven by: see [`run`].
static STEP: Functions = Functions {
    resume,
    handled,
    visit,
    bytes,
    release,
    free,
};

/// What steps are named after.
static SENDING: Definition = Definition {
    name: c"async_generator_asend",
    qualified_name: c"async_generator_asend",
};
static THROWING: Definition = Definition {
    name: c"async_generator_athrow",
    qualified_name: c"async_generator_athrow",
};

/// A new step of a generator: what `__anext__` and so on return. The first one asks for the hooks.
#[inline(always)]
pub fn new_step(generator: &Generator, kind: Kind, value: Option<Owned>) -> Result<Owned> {
    if generator.note_hooked() {
        call_first(generator)?;
    }
    let awaitable = generator.driven();
    let spare = generator.take_spare_step();
    let body = Body {
        functions: &STEP,
        frame: core::ptr::without_provenance_mut(kind as usize),
    };
    let maker = Maker::definition(if kind.is_send() { &SENDING } else { &THROWING });
    let held = Held {
        generator: awaitable.borrow().to_owned(),
        value,
    };
    Awaitable::create_step(awaitable.state(), spare, body, held, maker, !IS_STRICT)
}

/// Asks for the hooks that `sys.set_asyncgen_hooks` has set: keeps the finalizer, and calls the other.
#[cold]
#[inline(never)]
fn call_first(generator: &Generator) -> Result<()> {
    let awaitable = generator.driven();
    let (mut first, mut finalizer) = (core::ptr::null_mut(), core::ptr::null_mut());
    // SAFETY: the thread is attached, and keeps what it gives until code runs; by then there are references of our own.
    let (first, finalizer) = unsafe {
        ffi::pyawaitable_shim_generator_hooks(&mut first, &mut finalizer);
        let own = |hook| Borrowed::optional(hook).map(Borrowed::to_owned);
        (own(first), own(finalizer))
    };
    if let Some(finalizer) = finalizer {
        awaitable.with(|store| store.set_finalizer(finalizer));
    }
    match first {
        Some(hook) => call(&hook, generator),
        None => Ok(()),
    }
}

/// Calls a hook with the generator.
fn call(hook: &Owned, generator: &Generator) -> Result<()> {
    // SAFETY: a live callable and a live argument, NULL at the end, no exception set; a new reference or NULL comes back.
    unsafe {
        Owned::new(ffi::PyObject_CallFunctionObjArgs(
            hook.as_ptr(),
            generator.driven().as_ptr(),
            core::ptr::null_mut::<PyObject>(),
        ))
        .map(drop)
    }
}

/// Fails with `TypeError` unless the arguments of `athrow`, a tuple, are one to three. From 3.15 on the call looks at that, before
/// the first step.
pub fn check_arguments(arguments: &Owned) -> Result<()> {
    // SAFETY: a tuple, and a number for the format.
    unsafe {
        let (count, format) = match ffi::PyTuple_GET_SIZE(arguments.as_ptr()) {
            1..=3 => return Ok(()),
            0 => (0, c"athrow expected at least 1 argument, got %zd"),
            count => (count, c"athrow expected at most 3 arguments, got %zd"),
        };
        ffi::PyErr_Format(ffi::PyExc_TypeError, format.as_ptr(), count);
    }
    Err(Raised::set())
}

/// Runs `action` with what `athrow` was called with, or `GeneratorExit`.
fn with_thrown<R>(arguments: Option<&Owned>, action: impl FnOnce(Thrown<'_>) -> R) -> R {
    // SAFETY: a tuple that lives, as long as its size says, or the interpreter's own class.
    let thrown = unsafe {
        match arguments {
            None => Thrown {
                exception: Borrowed::new(ffi::PyExc_GeneratorExit),
                value: None,
                traceback: None,
            },
            Some(arguments) => {
                let tuple = arguments.as_ptr();
                let argument = |index| {
                    (index < ffi::PyTuple_GET_SIZE(tuple))
                        .then(|| Borrowed::new(ffi::PyTuple_GET_ITEM(tuple, index)))
                };
                Thrown {
                    exception: argument(0).unwrap_or_else(Borrowed::none),
                    value: argument(1),
                    traceback: argument(2),
                }
            }
        }
    };
    action(thrown)
}

/// Whether an awaitable is a step, ended or not.
#[inline]
pub fn is_step(awaitable: &Awaitable) -> bool {
    awaitable.with(|store| store.status.is_step())
}

/// The kind of a step, ended or not; of those that throw, the ended ones are not told apart.
fn kind(step: &Awaitable) -> Kind {
    step.with(|store| match (store.body(), store.maker().which()) {
        (Some(body), _) => Kind::of(body.frame.addr()),
        (None, Which::Definition(maker)) if core::ptr::eq(maker, &THROWING) => Kind::Throw,
        _ => Kind::Send,
    })
}

/// Never called: the engine has its own way for these.
unsafe fn resume(_: Thread, _: *mut PyObject, _: *mut c_void, _: Event) -> Action {
    Action::Raise(Raised::pending())
}

/// Nothing is handled by a step.
unsafe fn handled(_: *mut c_void) -> *mut PyObject {
    or_null(None)
}

/// The object itself has what a step holds.
unsafe fn visit(_: *mut c_void, _: &mut dyn FnMut(*mut PyObject) -> c_int) -> c_int {
    0
}

unsafe fn bytes(_: *mut c_void) -> usize {
    0
}

unsafe fn release(awaitable: *mut PyObject, _: *mut c_void) {
    // SAFETY: an awaitable of ours, which is a step.
    let awaitable = unsafe { &*awaitable.cast::<Awaitable>() };
    drop(awaitable.with(|store| store.end_step()));
}

unsafe fn free(_: *mut PyObject, _: *mut c_void) {}
