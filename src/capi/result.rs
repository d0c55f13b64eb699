//! The result of an awaitable.

use super::checked;
use crate::python::ffi::PyObject;
use crate::python::raised::{Kind, Raised, Result, status};
use crate::python::reference::Owned;
use core::ffi::c_int;

/// Sets what `await awaitable` evaluates to, in place of None or of what was set before.
///
/// `result` may be any object; the awaitable takes a reference of its own.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `result` is NULL, `RuntimeError` if the awaitable has
/// finished.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SetResult(
    awaitable: *mut PyObject,
    result: *mut PyObject,
) -> c_int {
    // SAFETY: the caller passes live objects or NULL.
    status(unsafe { set_result(awaitable, result) })
}

unsafe fn set_result(awaitable: *mut PyObject, result: *mut PyObject) -> Result<()> {
    // SAFETY: the caller passes live objects or NULL.
    let awaitable = unsafe { checked(awaitable) }?;
    if result.is_null() {
        return Err(Raised::new(
            Kind::ValueError,
            c"NULL passed to PyAwaitable_SetResult() as the result",
        ));
    }
    // SAFETY: checked above.
    let replaced = awaitable.with_queue(|store| store.set_result(unsafe { Owned::share(result) }));
    match replaced {
        // What was set before is released here.
        Some(_) => Ok(()),
        None => Err(awaitable.no_queue(c"cannot set the result of an awaitable that has finished")),
    }
}
