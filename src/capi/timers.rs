//! Waiting for a time.

use crate::object::current::current;
use crate::object::state::State;
use crate::outside::timer;
use crate::python::ffi::PyObject;
use crate::python::raised::{Result, to_c};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;

/// Creates an awaitable that waits for so many seconds, by the clock of the event loop that it is awaited in, and then returns
/// None: `asyncio.sleep(seconds)` or `trio.sleep(seconds)`. 0 is a `PyAwaitable_Checkpoint`; with infinity it waits until it is
/// cancelled. The time begins at the first step.
///
/// Returns a new reference, or NULL with an exception set: `ValueError` if `seconds` is negative or not a number; `MemoryError`.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Sleep(seconds: f64) -> *mut PyObject {
    created(|state| timer::sleep(state, seconds))
}

/// Creates an awaitable that lets other tasks run, and be cancelled, and then returns None: `asyncio.sleep(0)` or
/// `trio.lowlevel.checkpoint()`.
///
/// Returns a new reference, or NULL with an exception set: `MemoryError`.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Checkpoint() -> *mut PyObject {
    created(timer::checkpoint)
}

fn created(create: impl FnOnce(&State) -> Result<Owned>) -> *mut PyObject {
    let thread = Thread::current();
    to_c(
        current(&thread, &DEFINITIONS)
            .and_then(create)
            .map(Owned::into_ptr),
    )
}
