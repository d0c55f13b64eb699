//! Awaitables with a body of this library's own.

use crate::object::awaitable::Awaitable;
use crate::object::state::State;
use crate::python::ffi::PyObject;
use crate::python::raised::Result;
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::body::{Body, Functions};
use crate::store::maker::{Definition, Maker};
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// A new one, which takes the frame over. On failure the caller keeps it.
///
/// # Safety
/// The frame is one of this kind of body.
pub unsafe fn new(
    state: &State,
    functions: &'static Functions,
    frame: *mut c_void,
    definition: &'static Definition,
) -> Result<Owned> {
    let object = Awaitable::create(Thread::current(), state)?;
    // SAFETY: made above.
    let awaitable = unsafe { &*object.as_ptr().cast::<Awaitable>() };
    awaitable.with(|store| {
        store.set_body(Body { functions, frame });
        // Like a Future, it may go without having been awaited.
        store.status.note_quiet();
    });
    awaitable.set_maker(Maker::definition(definition));
    Ok(object)
}

/// Has one that was made by [`new`] give a warning if it is never awaited.
pub fn to_be_awaited(object: Owned) -> Owned {
    if let Some(awaitable) = Awaitable::from_object(object.borrow()) {
        awaitable.with(|store| store.status.forget_quiet());
    }
    object
}

/// [`Functions::handled`] of a body that handles no exceptions.
pub unsafe fn handles_nothing(_: *mut c_void) -> *mut PyObject {
    null_mut()
}

/// [`Functions::visit`] of a frame without objects.
pub unsafe fn holds_nothing(_: *mut c_void, _: &mut dyn FnMut(*mut PyObject) -> c_int) -> c_int {
    0
}
