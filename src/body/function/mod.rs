//! Bodies in C: functions over frames, which are left and resumed.
//!
//! A body returns to say what it wants done. What concerns its blocks is done here, and the body called again at once; the
//! engine gets the rest.

mod blocks;
pub mod definition;
pub mod frame;
mod iteration;
mod outcome;
mod resume;

use crate::body::Resume;
use crate::body::function::frame::{Block, Head};
use crate::object::awaitable::Awaitable;
use crate::object::generator::Generator;
use crate::object::state::State;
use crate::python::ffi::PyObject;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned, or_null};
use crate::python::thread::Thread;
use crate::store::body::{Action, Event, Functions};
use crate::store::maker::Maker;
use core::ffi::c_void;
use definition::Definition;
pub use frame::Outcome as Returned;
pub use resume::Straight;

/// What a body in C does.
static FUNCTIONS: Functions = Functions {
    resume,
    handled,
    visit: frame::visit,
    bytes,
    release,
    free,
};

/// A body in C, to be resumed.
#[derive(Clone, Copy)]
pub struct Written<'a>(&'a Head);

impl<'a> Written<'a> {
    /// The object's body, if it is one of these.
    #[inline(always)]
    pub fn of(awaitable: &'a Awaitable) -> Option<Self> {
        let frame = awaitable.with(|store| store.frame(&FUNCTIONS))?;
        // SAFETY: this kind of body has such a frame, which lives for as long as the object.
        Some(Self(unsafe { frame::head(frame) }))
    }
}

impl Written<'_> {
    /// Whether it is inside a block.
    #[inline(always)]
    pub fn is_in_block(self) -> bool {
        self.0.depth() != 0
    }
}

unsafe fn resume(
    thread: Thread,
    awaitable: *mut PyObject,
    frame: *mut c_void,
    event: Event,
) -> Action {
    // SAFETY: an awaitable of ours, with a frame of this kind of body.
    unsafe {
        let body = Written(frame::head(frame));
        body.tell(event);
        body.resume(thread, &*awaitable.cast(), ())
    }
}

/// A new awaitable with a body in C, and its frame. Fails with `SystemError` for a definition that is missing or not valid.
#[inline(always)]
pub fn create(
    thread: Thread,
    state: &State,
    definition: Option<&'static Definition>,
) -> Result<(Owned, *mut c_void)> {
    let Some(definition) = definition else {
        return Err(Raised::new(
            Kind::SystemError,
            c"NULL passed to PyAwaitable_NewBody() where a definition is needed",
        ));
    };
    let (size, maker) = checked(state, definition)?;
    // SAFETY: large enough for the head, as has been checked.
    let begin = |frame| unsafe { frame::define(frame, definition) };
    Awaitable::create_with_frame(thread, state, &FUNCTIONS, size, frame::KEPT, maker, begin)
}

/// The size of the frame for a definition, and who makes the object. Fails with `SystemError` if the definition is not valid.
#[inline(always)]
fn checked(state: &State, definition: &'static Definition) -> Result<(usize, Maker)> {
    definition.check(state)?;
    // SAFETY: the definition and its name live forever.
    let maker = unsafe { Maker::text(&raw const definition.name) };
    Ok((definition.frame_size as usize, maker))
}

/// A new generator with a body in C, of the type for generators, and its frame. Fails as [`create`].
pub fn create_generator(
    state: &State,
    r#type: Borrowed<'_>,
    definition: Option<&'static Definition>,
) -> Result<(Owned, *mut c_void)> {
    let Some(definition) = definition else {
        return Err(Raised::new(
            Kind::SystemError,
            c"NULL passed to PyAwaitable_NewGenerator() where a definition is needed",
        ));
    };
    let (size, maker) = checked(state, definition)?;
    // SAFETY: large enough for the head, as has been checked.
    let begin = |frame| unsafe { frame::define(frame, definition) };
    Generator::create(state, r#type, &FUNCTIONS, size, maker, begin)
}

/// The definition of an object with a body in C, for as long as it lives.
pub fn definition_of(awaitable: &Awaitable) -> Option<&'static Definition> {
    let body = awaitable.with(|store| store.body().or_else(|| store.ended_body()))?;
    // SAFETY: this kind of body has such a frame, which lives for as long as the object.
    core::ptr::eq(body.functions, &FUNCTIONS).then(|| unsafe { frame::head(body.frame) }.definition)
}

/// The `SystemError` for a generator that has returned a value, with the line where it did.
#[cold]
pub fn returned_a_value(awaitable: &Awaitable) -> Raised {
    match Written::of(awaitable) {
        Some(written) => resume::fault_there(
            awaitable,
            written.0,
            c"RETURN of something other than None in a generator",
        ),
        None => Raised::new(
            Kind::SystemError,
            c"a generator's body returned something other than None",
        ),
    }
}

/// The innermost exception that is being handled.
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

unsafe fn bytes(frame: *mut c_void) -> usize {
    // SAFETY: a frame of this kind of body.
    unsafe { frame::head(frame).bytes() }
}

unsafe fn release(_awaitable: *mut PyObject, frame: *mut c_void) {
    // SAFETY: a frame of this kind of body.
    unsafe { frame::head(frame).release() }
}

unsafe fn free(awaitable: *mut PyObject, frame: *mut c_void) {
    // SAFETY: an awaitable of ours, with a frame of this kind of body, which nothing uses from here on.
    unsafe {
        let state = (*awaitable.cast::<Awaitable>()).state();
        let head = frame::head(frame);
        head.free_blocks(state);
        state.frames.put(frame, head.definition.frame_size as usize);
    }
}
