//! The 3.x table: how an extension that links nothing reaches the functions.

use super::entries::FUNCTIONS;
use super::version::*;
use crate::python::ffi::Py_ssize_t;
use core::ffi::{CStr, c_long};

/// The name of the capsule that holds the table: the module, and its attribute.
pub const CAPSULE: &CStr = c"_pyawaitable.abi_v3";

/// A function. Its type is in the header.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Function(pub *const ());

// SAFETY: the address of a function never changes.
unsafe impl Sync for Function {}

/// What the capsule points to: `PyAwaitable_Table` of the header.
#[repr(C)]
pub struct Table {
    size: Py_ssize_t,
    version: c_long,
    functions: [Function; FUNCTIONS.len()],
}

/// The table: the same in every interpreter of the process. Each function finds the interpreter that calls it.
pub static TABLE: Table = Table {
    size: size_of::<Table>() as Py_ssize_t,
    version: ((PyAwaitable_MAJOR_VERSION as c_long) << 24)
        | ((PyAwaitable_MINOR_VERSION as c_long) << 16)
        | ((PyAwaitable_MICRO_VERSION as c_long) << 8)
        | ((PyAwaitable_RELEASE_LEVEL as c_long) << 4),
    functions: FUNCTIONS,
};
