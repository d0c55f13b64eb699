//! The eval breaker: what the interpreter does between two instructions of Python code.

use crate::python::ffi;
use crate::python::raised::{Raised, Result};
use core::sync::atomic::AtomicU64;

/// Does what the interpreter does between two instructions of Python code. Without this, nothing would if everything awaited is
/// C. It runs the handlers of pending signals (on failure their exception is set) and other pending calls, and lets the
/// collector run if it is due (from 3.12 on it waits to be asked). It also lets another thread run, unless one has just had a
/// turn: `last_turn` is the time of the last, on the shim's clock, and zero at first.
#[cold]
pub fn let_others_run(last_turn: &AtomicU64) -> Result<()> {
    // SAFETY: an attached thread without an exception set, which is detached and attached again. Only attached threads read the
    // time: with a GIL, one at a time; without a GIL, none.
    unsafe {
        if ffi::Py_MakePendingCalls() < 0 || ffi::PyErr_CheckSignals() < 0 {
            return Err(Raised::pending());
        }
        ffi::pyawaitable_shim_let_threads_run(last_turn.as_ptr());
    }
    Ok(())
}
