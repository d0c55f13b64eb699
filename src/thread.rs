//! The thread that runs a step, as its interpreter knows it.

use crate::ffi::{self, PyThreadState};
use crate::raised::{Raised, Result};
use core::ffi::{c_int, c_void};
use core::sync::atomic::AtomicU64;

/// Where CPython keeps what every step looks at: asked once for a step, instead of once for each question.
#[derive(Clone, Copy)]
pub struct Thread(*mut PyThreadState);

impl Thread {
    /// The current one. It is the same until the step ends.
    #[inline]
    pub fn current() -> Self {
        // SAFETY: every caller of this crate is attached.
        Self(unsafe { ffi::PyThreadState_Get() })
    }

    /// Counts one more level against the recursion limit; false, with `RecursionError` set, if that is too deep.
    #[inline]
    pub fn enter(self) -> bool {
        if let Some(remaining) = self.remaining() {
            // SAFETY: this thread's own counter, which no other thread writes.
            unsafe {
                if *remaining > 0 {
                    *remaining -= 1;
                    return true;
                }
            }
        }
        // SAFETY: an attached thread.
        unsafe { ffi::Py_EnterRecursiveCall(c" while awaiting".as_ptr()) == 0 }
    }

    /// Gives back what [`Thread::enter`] has counted.
    #[inline]
    pub fn leave(self) {
        match self.remaining() {
            // SAFETY: this thread's own counter.
            Some(remaining) => unsafe { *remaining += 1 },
            // SAFETY: entered before.
            None => unsafe { ffi::Py_LeaveRecursiveCall() },
        }
    }

    /// Whether an exception is set.
    #[inline]
    pub fn has_raised(self) -> bool {
        // SAFETY: a field of the state of this thread, which is attached.
        unsafe {
            !self
                .0
                .byte_add(ffi::pyawaitable_shim_exception_offset)
                .cast::<*mut c_void>()
                .read()
                .is_null()
        }
    }

    /// The counter of levels that are left, where functions are not all there is to it.
    #[cfg(all(Py_3_11, not(Py_3_14)))]
    #[inline]
    fn remaining(self) -> Option<*mut c_int> {
        let offset = ffi::pyawaitable_shim_remaining_offset;
        // SAFETY: the C compiler said that the thread's state has the counter there.
        Some(unsafe { self.0.byte_add(offset).cast() })
    }

    #[cfg(not(all(Py_3_11, not(Py_3_14))))]
    #[inline]
    fn remaining(self) -> Option<*mut c_int> {
        None
    }
}

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
