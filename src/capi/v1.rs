//! The 1.x table: how extensions that were compiled against PyAwaitable 1.x reach the functions.

use crate::python::ffi::{self, PyTypeObject};
use core::ffi::{CStr, c_void};

/// The name of the capsule that holds the table, in the module that it is an attribute of.
pub const CAPSULE: &CStr = c"_pyawaitable.abi_v1";

/// The table. Its type is that of the interpreter that asked first and is still there.
///
/// # Safety
/// `type` is the awaitable type of the current interpreter, whose end is told to `pyawaitable_shim_v1_forget`.
pub unsafe fn table(r#type: *mut PyTypeObject) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { ffi::pyawaitable_shim_v1(r#type) }
}
