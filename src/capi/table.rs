//! The 3.x table: how an extension that links nothing reaches the functions.

use super::awaits::*;
use super::lifecycle::*;
use super::raw_values::*;
use super::result::*;
use super::types::*;
use super::values::*;
use crate::python::ffi::{Py_ssize_t, PyObject, PyTypeObject};
use core::ffi::{CStr, c_int, c_long, c_void};

/// The name of the capsule that holds the table, in the module that it is an attribute of.
pub const CAPSULE: &CStr = c"_pyawaitable.abi_v3";

/// The functions of the API, as the capsule `_pyawaitable.abi_v3` holds them. An extension calls them through the
/// functions of this header, never by itself.
///
/// The table begins with its size in bytes and the runtime's version, 0x03MMmmR0. It only ever grows, at its end: what an
/// older header knows of stays where it is.
#[repr(C)]
#[allow(missing_docs, reason = "each field is the function of its name")]
pub struct PyAwaitable_Table {
    pub size: Py_ssize_t,
    pub version: c_long,
    pub Init: unsafe extern "C" fn() -> c_int,
    pub GetType: unsafe extern "C" fn() -> *mut PyTypeObject,
    pub New: unsafe extern "C" fn() -> *mut PyObject,
    pub AddAwait: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        object: *mut PyObject,
        callback: PyAwaitable_Callback,
        error: PyAwaitable_Error,
    ) -> c_int,
    pub AddExpr: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        expr: *mut PyObject,
        callback: PyAwaitable_Callback,
        error: PyAwaitable_Error,
    ) -> c_int,
    pub DeferAwait:
        unsafe extern "C" fn(awaitable: *mut PyObject, callback: PyAwaitable_Defer) -> c_int,
    pub AwaitCall: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        function: *mut PyObject,
        arguments: *mut PyObject,
        callback: PyAwaitable_Callback,
        error: PyAwaitable_Error,
    ) -> c_int,
    pub AsyncWith: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        context: *mut PyObject,
        callback: PyAwaitable_Callback,
        error: PyAwaitable_Error,
    ) -> c_int,
    pub Cancel: unsafe extern "C" fn(awaitable: *mut PyObject),
    pub SetResult: unsafe extern "C" fn(awaitable: *mut PyObject, result: *mut PyObject) -> c_int,
    pub ValueCount: unsafe extern "C" fn(awaitable: *mut PyObject) -> Py_ssize_t,
    pub SaveValueArray: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        count: Py_ssize_t,
        values: *const *mut PyObject,
    ) -> c_int,
    pub UnpackValueArray: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        count: Py_ssize_t,
        values: *mut *mut PyObject,
    ) -> Py_ssize_t,
    pub SetValue: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        index: Py_ssize_t,
        value: *mut PyObject,
    ) -> c_int,
    pub GetValue:
        unsafe extern "C" fn(awaitable: *mut PyObject, index: Py_ssize_t) -> *mut PyObject,
    pub ArbValueCount: unsafe extern "C" fn(awaitable: *mut PyObject) -> Py_ssize_t,
    pub SaveArbValueArray: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        count: Py_ssize_t,
        values: *const *mut c_void,
    ) -> c_int,
    pub UnpackArbValueArray: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        count: Py_ssize_t,
        values: *mut *mut c_void,
    ) -> Py_ssize_t,
    pub SetArbValue: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        index: Py_ssize_t,
        value: *mut c_void,
    ) -> c_int,
    pub GetArbValue:
        unsafe extern "C" fn(awaitable: *mut PyObject, index: Py_ssize_t) -> *mut c_void,
    pub IntValueCount: unsafe extern "C" fn(awaitable: *mut PyObject) -> Py_ssize_t,
    pub SaveIntValueArray: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        count: Py_ssize_t,
        values: *const c_long,
    ) -> c_int,
    pub UnpackIntValueArray: unsafe extern "C" fn(
        awaitable: *mut PyObject,
        count: Py_ssize_t,
        values: *mut c_long,
    ) -> Py_ssize_t,
    pub SetIntValue:
        unsafe extern "C" fn(awaitable: *mut PyObject, index: Py_ssize_t, value: c_long) -> c_int,
    pub GetIntValue: unsafe extern "C" fn(awaitable: *mut PyObject, index: Py_ssize_t) -> c_long,
}

/// The runtime's version, as the table has it.
const VERSION: c_long = ((PyAwaitable_MAJOR_VERSION as c_long) << 24)
    | ((PyAwaitable_MINOR_VERSION as c_long) << 16)
    | ((PyAwaitable_MICRO_VERSION as c_long) << 8)
    | ((PyAwaitable_RELEASE_LEVEL as c_long) << 4);

/// The table: the same in every interpreter of the process. Each function finds the interpreter that calls it.
pub static TABLE: PyAwaitable_Table = PyAwaitable_Table {
    size: size_of::<PyAwaitable_Table>() as Py_ssize_t,
    version: VERSION,
    Init: PyAwaitable_Init,
    GetType: PyAwaitable_GetType,
    New: PyAwaitable_New,
    AddAwait: PyAwaitable_AddAwait,
    AddExpr: PyAwaitable_AddExpr,
    DeferAwait: PyAwaitable_DeferAwait,
    AwaitCall: PyAwaitable_AwaitCall,
    AsyncWith: PyAwaitable_AsyncWith,
    Cancel: PyAwaitable_Cancel,
    SetResult: PyAwaitable_SetResult,
    ValueCount: PyAwaitable_ValueCount,
    SaveValueArray: PyAwaitable_SaveValueArray,
    UnpackValueArray: PyAwaitable_UnpackValueArray,
    SetValue: PyAwaitable_SetValue,
    GetValue: PyAwaitable_GetValue,
    ArbValueCount: PyAwaitable_ArbValueCount,
    SaveArbValueArray: PyAwaitable_SaveArbValueArray,
    UnpackArbValueArray: PyAwaitable_UnpackArbValueArray,
    SetArbValue: PyAwaitable_SetArbValue,
    GetArbValue: PyAwaitable_GetArbValue,
    IntValueCount: PyAwaitable_IntValueCount,
    SaveIntValueArray: PyAwaitable_SaveIntValueArray,
    UnpackIntValueArray: PyAwaitable_UnpackIntValueArray,
    SetIntValue: PyAwaitable_SetIntValue,
    GetIntValue: PyAwaitable_GetIntValue,
};
