//! Promises.

#![allow(non_camel_case_types, reason = "the names are those of the C API")]

use crate::object::current::current;
use crate::outside::promise::{self, Promise as PyAwaitable_Promise};
use crate::python::ffi::PyObject;
use crate::python::raised::{Kind, Raised, Result, to_c};
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// Makes the value of a promise from what it was resolved with, which is its own from here on, whether it succeeds or not.
/// Called in the thread and the context of the task that awaits. Returns a new reference, or NULL with an exception set.
pub type PyAwaitable_Convert = Option<unsafe extern "C" fn(value: *mut c_void) -> *mut PyObject>;

/// Gets rid of what nobody has taken. Called in any thread, attached or not, so it must not use Python.
pub type PyAwaitable_Drop = Option<unsafe extern "C" fn(value: *mut c_void)>;

/// Sets the exception of a promise from what it was rejected with, which is its own from here on. Called as a
/// `PyAwaitable_Convert` is. What it returns does not matter.
pub type PyAwaitable_Raise = Option<unsafe extern "C" fn(value: *mut c_void) -> c_int>;

/// Creates a promise: an object to await, once, and a handle, by which any thread settles it.
///
/// `promise` is the address of a pointer to the handle, which the caller owns: `PyAwaitable_PromiseFree` gives it up. There is no
/// Python object in it.
///
/// `convert` makes the value; NULL makes it None. `drop` is called exactly once for what the promise was resolved or rejected
/// with, if neither `convert` nor the function that raises has got it: since the awaiting task was cancelled or its event loop
/// has ended, or if `convert` is NULL. It may be NULL.
///
/// The awaitable waits in the event loop where it is first awaited. One that is settled before does not suspend. It gives no
/// warning if it is never awaited.
///
/// Returns a new reference, or NULL with an exception set, and `promise` set to NULL: `MemoryError`; `SystemError` if `promise`
/// is NULL.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_NewPromise(
    promise: *mut *mut PyAwaitable_Promise,
    convert: PyAwaitable_Convert,
    drop: PyAwaitable_Drop,
) -> *mut PyObject {
    // SAFETY: the caller's promise.
    to_c(unsafe { create(promise, convert, drop) })
}

/// # Safety
/// `promise` is NULL, or the address of a pointer.
unsafe fn create(
    promise: *mut *mut PyAwaitable_Promise,
    convert: PyAwaitable_Convert,
    drop: PyAwaitable_Drop,
) -> Result<*mut PyObject> {
    if promise.is_null() {
        return Err(Raised::new(
            Kind::SystemError,
            c"NULL passed to PyAwaitable_NewPromise() where the address of a pointer to the promise is needed",
        ));
    }
    // SAFETY: the caller's promise.
    unsafe { promise.write(null_mut()) };
    let thread = Thread::current();
    let state = current(&thread, &DEFINITIONS)?;
    let (object, made) = promise::create(state, convert, drop)?;
    // SAFETY: the caller's promise.
    unsafe { promise.write(made.as_ptr()) };
    Ok(object.into_ptr())
}

/// Has `cancel(data)` called, once, if the awaitable ends before the promise is settled: its task was cancelled, or it was closed
/// or destroyed. It is called in a thread that is attached, and may not raise. What `data` leads to has to be there until then, or
/// until the promise has been settled and freed.
///
/// Call this before the promise is awaited, and before another thread has it. `cancel` may be NULL.
///
/// Returns 0, or -1 with an exception set: `SystemError` if `promise` is NULL.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_PromiseOnCancel(
    promise: *mut PyAwaitable_Promise,
    cancel: PyAwaitable_Drop,
    data: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise.
    match unsafe { promise.as_ref() } {
        Some(promise) => {
            promise.on_cancel(cancel, data);
            0
        }
        None => to_c(Err(Raised::new(
            Kind::SystemError,
            c"NULL passed to PyAwaitable_PromiseOnCancel() where a promise is needed",
        ))),
    }
}

/// Resolves a promise: `convert` will make its value from `value`.
///
/// Any thread may call this, attached to an interpreter or not, at any time until the promise is freed: it does not allocate,
/// block, or take a lock. If nobody awaits it any more, `drop(value)` is called at once.
///
/// Returns 1, or 0 if the promise was settled already, and `value` stays the caller's. It sets no exception.
///
/// New in 3.1.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Resolve(
    promise: *mut PyAwaitable_Promise,
    value: *mut c_void,
) -> c_int {
}

/// Rejects a promise: `raise` will set its exception from `value`. In all else as `PyAwaitable_Resolve`.
///
/// New in 3.1.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Reject(
    promise: *mut PyAwaitable_Promise,
    raise: PyAwaitable_Raise,
    value: *mut c_void,
) -> c_int {
}

/// Gives the handle of a promise up. One that was not settled raises `RuntimeError` where it is awaited, so that nobody waits for
/// ever. Any thread may call this, as `PyAwaitable_Resolve`. The handle is not to be used any more. `promise` may be NULL.
///
/// New in 3.1.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_PromiseFree(promise: *mut PyAwaitable_Promise) {}

/// Whether nobody awaits a promise any more, or can. Any thread may call this, as `PyAwaitable_Resolve`.
///
/// Returns 1 or 0. It sets no exception.
///
/// New in 3.1.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_PromiseIsAbandoned(
    promise: *mut PyAwaitable_Promise,
) -> c_int {
}
