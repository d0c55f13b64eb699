//! Wakers, and which event loop runs.

use super::checked;
use crate::object::current::current;
use crate::outside::waker::Waker as PyAwaitable_Waker;
use crate::outside::{loops, park};
use crate::python::ffi::PyObject;
use crate::python::raised::{ErrorValue, to_c};
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;
use core::ffi::c_char;
use core::ptr::{null, null_mut};

impl ErrorValue for *mut PyAwaitable_Waker {
    const ERROR: Self = null_mut();
}
impl ErrorValue for *const c_char {
    const ERROR: Self = null();
}

/// A waker for an awaitable with a body of its own, which waits for it by `PyAwaitable_PARK`. In a body, `PyAwaitable_WAKER` is
/// this for the awaitable itself.
///
/// Returns a new waker, to be given up by `PyAwaitable_DropWaker`, or NULL with an exception set: `RuntimeError` if the awaitable
/// has no body of its own, or has ended; `MemoryError`.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_NewWaker(awaitable: *mut PyObject) -> *mut PyAwaitable_Waker {
    // SAFETY: the caller's promise.
    let waker = unsafe { checked(awaitable) }.and_then(park::of);
    to_c(waker.map(|waker| waker.into_ptr()))
}

/// Wakes the body: if it is parked, its event loop soon goes on with it; if not, it will not wait when it parks next. However
/// often this is called until then, it counts once.
///
/// Any thread may call this, attached to an interpreter or not, at any time: while the body runs, when it has ended, when its event
/// loop is closed or its interpreter has ended. It does not allocate, block, or take a lock. In a child of a fork, it does nothing
/// to an event loop of the parent's. `waker` may be NULL.
///
/// New in 3.1.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Wake(waker: *mut PyAwaitable_Waker) {}

/// One more of a waker, which is given up by itself. Any thread may call this, as `PyAwaitable_Wake`.
///
/// Returns the new one, or NULL if `waker` is. It cannot fail.
///
/// New in 3.1.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_CloneWaker(
    waker: *mut PyAwaitable_Waker,
) -> *mut PyAwaitable_Waker {
}

/// Gives a waker up. Any thread may call this, as `PyAwaitable_Wake`. `waker` may be NULL; it is not to be used any more.
///
/// A body that is parked while all its wakers are given up waits until it is cancelled.
///
/// New in 3.1.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_DropWaker(waker: *mut PyAwaitable_Waker) {}

/// The library whose event loop runs in this thread: `"asyncio"`, which is also that of uvloop, `"trio"`, or NULL without an
/// exception. The text lives for as long as the process.
///
/// Returns NULL with an exception set if finding out fails: `MemoryError`, or what Python code raises.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_CurrentLibrary() -> *const c_char {
    let thread = Thread::current();
    let found = current(&thread, &DEFINITIONS).and_then(loops::current);
    to_c(found.map(|found| found.map_or(null(), |(library, _)| library.name().as_ptr())))
}
