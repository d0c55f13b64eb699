//! The eval breaker: what the interpreter does between two instructions of Python code.

use crate::python::ffi;
use crate::python::raised::{Raised, Result};
use core::sync::atomic::AtomicU64;

/// What the interpreter does between two instructions of Python code, and nobody does where all that is awaited is C: runs
/// the handlers of signals that have come, an exception of which is set on failure, and what else is pending, lets the
/// collector run if it wants to (from 3.12 on it waits to be asked), and another thread have its turn, unless the last was
/// just now. When that was stands in `last_turn`, on the shim's clock; first zero.
#[cold]
pub fn let_others_run(last_turn: &AtomicU64) -> Result<()> {
    // SAFETY: an attached thread without an exception set, which is detached and attached again. Only attached threads
    // look at the time, and with a GIL that is one; without, nobody does.
    unsafe {
        if ffi::Py_MakePendingCalls() < 0 || ffi::PyErr_CheckSignals() < 0 {
            return Err(Raised::pending());
        }
        ffi::pyawaitable_shim_let_threads_run(last_turn.as_ptr());
    }
    Ok(())
}
