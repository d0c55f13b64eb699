//! A coroutine of Python's own around an awaitable.

use super::compiler;
use crate::inner;
use crate::object::awaitable::Awaitable;
use crate::object::state::State;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::Result;
use crate::python::reference::{Borrowed, Owned};

/// A coroutine that awaits `awaitable`, and is called as that is. No exception is set.
pub fn around(state: &State, awaitable: Borrowed<'_>) -> Result<Owned> {
    inner::check_awaitable(awaitable)?;
    let around = compiler::tool(state, c"around")?;
    // SAFETY: live objects; a new reference or NULL comes back.
    let coroutine = unsafe {
        Owned::new(ffi::PyObject_CallFunctionObjArgs(
            around.as_ptr(),
            awaitable.as_ptr(),
            core::ptr::null_mut::<PyObject>(),
        ))
    }?;
    if let Some(awaitable) = Awaitable::from_object(awaitable) {
        // The coroutine is what somebody forgets to await.
        awaitable.with(|store| store.status.note_quiet());
    }
    Ok(coroutine)
}
