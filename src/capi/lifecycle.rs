//! Making the API usable, the type, and new awaitables.

use crate::object::awaitable::Awaitable;
use crate::object::state;
use crate::python::ffi::{PyObject, PyTypeObject};
use crate::python::raised::{Raised, Result, status, to_c};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;
use core::ffi::c_int;

/// Makes the API usable in the current interpreter. May be called any number of times, in any file of an extension.
///
/// Where no file has called it, the first use of the API does. In the default mode it imports the runtime, the module
/// `_pyawaitable`.
///
/// Returns 0, or -1 with an exception set: `ImportError` if the runtime is missing or too old, `RuntimeError` if Python
/// is shutting down and it is too late for a first use. The thread must be attached to an interpreter, as for every
/// function of this API.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Init() -> c_int {
    status(state::current(Thread::current(), &DEFINITIONS).map(drop))
}

/// The type of awaitables in the current interpreter.
///
/// Returns a borrowed reference, or NULL with an exception set if the API cannot be initialized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_GetType() -> *mut PyTypeObject {
    to_c(awaitable_type())
}

/// The type, borrowed from the interpreter's state.
pub fn awaitable_type() -> Result<*mut PyTypeObject> {
    let state = state::current(Thread::current(), &DEFINITIONS)?;
    // SAFETY: the interpreter keeps its state.
    let found = unsafe { state.as_ref() }.awaitable_type.get();
    found.map_or_else(|| Err(Raised::pending()), |found| Ok(found.as_ptr()))
}

/// A new, empty awaitable: what the C function that implements an `async def` adds its awaits to, and returns.
///
/// Returns a new reference, or NULL with an exception set: `MemoryError`, or what initialization raised. An awaitable
/// that is released without ever having been awaited gives a `ResourceWarning`, unless `PyAwaitable_Cancel` was called or an
/// exception is set: C code that fails releases it and returns NULL, without another word.
///
/// Its attributes `__name__` and `__qualname__` are "PyAwaitable", and can be set to another str, by
/// `PyObject_SetAttrString`: that is what its repr, the warning, `SystemError`s of its callbacks and event loops call it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_New() -> *mut PyObject {
    let thread = Thread::current();
    to_c(
        state::current(thread, &DEFINITIONS)
            .and_then(|state| Awaitable::create(thread, state))
            .map(Owned::into_ptr),
    )
}
