//! The edge for code in Rust: a *body* is a value of a type that implements [`Body`], and drives an awaitable or an asynchronous
//! generator.
//!
//! This is what bindings are made of, and is as low as `pyo3-ffi`. For futures and streams with PyO3, see the crate
//! `pyawaitable-pyo3`.
//!
//! An [`Event`] goes to the body: it is to start, what it awaited has returned, and so on. An [`Action`] comes back: await this,
//! return that. Whatever else a coroutine does is done for it: `send`, `throw` and `close`, delegation to what is awaited, the
//! recursion limit, PEP 479, finalization, the garbage collector.
//!
//! A body that waits for something that is not Python's parks: it drives what [`Waker::park`] makes, until a thread wakes it.
//!
//! # Rules
//! All of it runs in threads that are attached to an interpreter. [`Owned`] and [`Borrowed`] are references to Python objects, and
//! dropping one may run Python code. A [`Raised`] says that an exception is set; [`take_exception`] takes it out, and
//! [`set_exception`] makes one of it again. A panic leaves no body: it becomes an exception.
//!
//! # Example
//! An extension module with a function whose result is awaited: it awaits its argument, an awaitable, and returns how long the
//! `repr` of its result is.
//!
//! ```ignore
#![doc = include_str!("../../tests/rust/measured.rs")]
//! ```

mod body;
mod frame;
pub mod raw;
mod waker;

pub use crate::python::raised::{Kind, Raised, Result};
pub use crate::python::reference::{Borrowed, Owned};
pub use crate::python::thread::Thread;
pub use crate::store::body::{Action, Event};
pub use crate::store::maker::{Definition, Maker};
pub use body::Body;
pub use waker::{Waker, current_library};

use crate::object::awaitable::Awaitable;
use crate::object::current::current;
use crate::object::generator::Generator;
use crate::python::exception;
use crate::types::awaitable_type::DEFINITIONS;
use crate::types::generator_type::generator_type;

/// A new awaitable that `body` drives, named after its maker. Nothing runs before the first step. If this fails, the body has been
/// dropped.
///
/// # Safety
/// The thread is attached to an interpreter.
#[inline(always)]
pub unsafe fn new_awaitable<B: Body>(body: B, maker: Maker) -> Result<Owned> {
    let thread = Thread::current();
    let state = current(&thread, &DEFINITIONS)?;
    frame::fill(body, |functions, size| {
        // SAFETY: it gets one of that size.
        let begin = |place| unsafe { frame::begin(place) };
        let kept = frame::kept(size);
        Awaitable::create_with_frame(thread, state, functions, size, kept, maker, begin)
    })
}

/// A new asynchronous generator that `body` drives, named after its maker: it yields by [`Action::Item`], and what it returns is
/// None. If this fails, the body has been dropped.
///
/// # Safety
/// The thread is attached to an interpreter.
pub unsafe fn new_generator<B: Body>(body: B, maker: Maker) -> Result<Owned> {
    let thread = Thread::current();
    let state = current(&thread, &DEFINITIONS)?;
    let r#type = generator_type(state)?;
    frame::fill(body, |functions, size| {
        // SAFETY: it gets one of that size.
        let begin = |place| unsafe { frame::begin(place) };
        Generator::create(state, r#type, functions, size, maker, begin)
    })
}

/// Takes the exception that is set out of the interpreter: normalized, with its traceback attached.
pub fn take_exception(raised: Raised) -> Owned {
    exception::take(raised)
}

/// Sets an exception, which is an instance of `BaseException`, with the traceback that it has.
pub fn set_exception(exception: Owned) -> Raised {
    exception::raise(exception)
}
