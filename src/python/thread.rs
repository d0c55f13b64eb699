//! The thread that runs a step, as its interpreter knows it.
//!
//! # What is kept across calls that may run Python code
//!
//! Such a call may switch greenlets: the thread continues with another stack, the part of this one that is in the way is saved,
//! and the call returns later, perhaps after others that began after it. With the stack, greenlet saves what the thread's state
//! says of it: frames, the exception being handled, the levels of recursion, context variables.
//!
//! | what is kept | where | why it stays valid |
//! |---|---|---|
//! | the state of the thread, [`Thread`] | the stack | all greenlets of a thread have the same one |
//! | the levels that [`Thread::enter`] counts | the state of the thread | saved and restored with the stack |
//! | the exception being handled, `exception::handling` | an item on the stack, which the state of the thread leads to | both
//! are saved, and the pointer from one to the other is not followed until then |
//! | an exception put aside, references of a call | the stack | each call owns its own |
//! | that a step is under way, `Phase::Running` | the object | a step by another greenlet is refused, as a coroutine refuses it |
//! | the await in progress, the open blocks | the object | only the step that is under way changes them |
//! | how many destructors are under way, and what waits for them | `trashcan`, for each thread | nothing is restored to an
//! earlier value; each destructor that ends takes from the list |
//! | the state of the interpreter | `state`, for each thread | the same for all greenlets |
//! | the turn of other threads | the state of the interpreter | only a time |
//! | memory for the next object, the `StopIteration` that is reused | the state of the interpreter | no Python code runs
//! between taking one out and giving it an owner |
//! | an object's lock | the object | never held across such a call |

use crate::base::likely::likely;
use crate::python::ffi::{self, PyInterpreterState, PyThreadState};
use core::ffi::{c_int, c_void};

/// Where CPython keeps what every step needs: looked up once for a step, instead of once for each use.
#[derive(Clone, Copy)]
pub struct Thread(*mut PyThreadState);

impl Thread {
    /// The current one. It is the same until the call ends.
    #[inline]
    pub fn current() -> Self {
        // SAFETY: every caller of this crate is attached.
        Self(unsafe { ffi::PyThreadState_Get() })
    }

    /// The interpreter that it runs in.
    #[inline]
    pub fn interpreter(self) -> *mut PyInterpreterState {
        // SAFETY: a field of the state of this thread, which is attached.
        unsafe { self.field(ffi::pyawaitable_shim_interpreter_offset) }
    }

    /// How many frames of its caller a coroutine created now should record: 0 unless that was requested.
    #[inline]
    pub fn origin_depth(self) -> c_int {
        // SAFETY: as above.
        unsafe { self.field(ffi::pyawaitable_shim_origin_depth_offset) }
    }

    /// # Safety
    /// The C compiler said that the thread's state has a `T` at this offset.
    #[inline]
    unsafe fn field<T>(self, offset: usize) -> T {
        // SAFETY: the caller's promise; this thread is attached, so its state is there.
        unsafe { self.0.byte_add(offset).cast::<T>().read() }
    }

    /// Counts one more level against the recursion limit; false, with `RecursionError` set, if that is too deep.
    #[inline]
    pub fn enter(self) -> bool {
        if let Some(remaining) = self.remaining() {
            // SAFETY: this thread's own counter, which no other thread writes to.
            unsafe {
                if likely(*remaining > 0) {
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
        // SAFETY: as above.
        let exception: *mut c_void = unsafe { self.field(ffi::pyawaitable_shim_exception_offset) };
        !exception.is_null()
    }

    /// The counter of levels that are left, on versions where it is more than functions.
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
