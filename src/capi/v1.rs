//! The 1.x table: how extensions compiled against PyAwaitable 1.x reach the functions.

use crate::python::ffi::{self, PyTypeObject};
use core::ffi::{CStr, c_void};

/// The name of the capsule that holds the table: the module, and its attribute.
pub const CAPSULE: &CStr = c"_pyawaitable.abi_v1";

/// The table. Its type is that of the first interpreter that asked and still exists.
///
/// # Safety
/// `type` is the awaitable type of the current interpreter. When that ends, `pyawaitable_shim_v1_forget` is called.
pub unsafe fn table(r#type: *mut PyTypeObject) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { ffi::pyawaitable_shim_v1(r#type) }
}
