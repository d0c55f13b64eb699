//! Bodies in C: functions over frames, which are left and resumed.
//!
//! A body returns to say what it wants done. What concerns its blocks is done here, and the body called again at once; the
//! engine gets the rest.

pub mod frame;
mod iteration;
mod outcome;
mod resume;

use crate::body::function::frame::{Block, Head};
use crate::object::awaitable::Awaitable;
use crate::object::state::State;
use crate::python::ffi::PyObject;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, or_null};
use crate::store::body::{Body, Functions};
use core::ffi::c_void;
use frame::Definition;

/// What a body in C does.
static FUNCTIONS: Functions = Functions {
    resume: resume::resume,
    handled,
    visit: frame::visit,
    release: frame::release,
    free,
};

/// A body for a new awaitable, with a new frame. Fails with `SystemError` for a definition that is missing or not valid.
#[inline]
pub fn new(
    state: &State,
    definition: Option<&'static Definition>,
) -> Result<(&'static Definition, Body)> {
    let Some(definition) = definition else {
        return Err(Raised::new(
            Kind::SystemError,
            c"NULL passed to PyAwaitable_NewBody() where a definition is needed",
        ));
    };
    let body = Body {
        functions: &FUNCTIONS,
        frame: frame::new(state, definition)?,
    };
    Ok((definition, body))
}

/// The innermost exception that is being handled.
#[inline]
fn handled_in(head: &Head) -> Option<Borrowed<'_>> {
    let is_handling =
        |block: &&Block| matches!(block.state.get(), outcome::RAISING | outcome::CAUGHT);
    let block = head.blocks().iter().rev().find(is_handling)?;
    block.pending.get()
}

unsafe fn handled(frame: *mut c_void) -> *mut PyObject {
    // SAFETY: a frame of this kind of body.
    or_null(handled_in(unsafe { frame::head(frame) }))
}

unsafe fn free(awaitable: *mut PyObject, frame: *mut c_void) {
    // SAFETY: an awaitable of ours, with a frame of this kind of body.
    unsafe { frame::free((*awaitable.cast::<Awaitable>()).state(), frame) }
}
