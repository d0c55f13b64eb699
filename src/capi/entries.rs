//! The functions of the table, in their order.
//!
//! Made from src/capi by `make header`: do not edit.

use super::table::Function;
use super::*;

pub const FUNCTIONS: [Function; 39] = [
    Function(PyAwaitable_Init as *const ()),
    Function(PyAwaitable_GetType as *const ()),
    Function(PyAwaitable_New as *const ()),
    Function(PyAwaitable_AddAwait as *const ()),
    Function(PyAwaitable_AddExpr as *const ()),
    Function(PyAwaitable_DeferAwait as *const ()),
    Function(PyAwaitable_AwaitCall as *const ()),
    Function(PyAwaitable_AsyncWith as *const ()),
    Function(PyAwaitable_Cancel as *const ()),
    Function(PyAwaitable_SetResult as *const ()),
    Function(PyAwaitable_ValueCount as *const ()),
    Function(PyAwaitable_SaveValueArray as *const ()),
    Function(PyAwaitable_UnpackValueArray as *const ()),
    Function(PyAwaitable_SetValue as *const ()),
    Function(PyAwaitable_GetValue as *const ()),
    Function(PyAwaitable_ArbValueCount as *const ()),
    Function(PyAwaitable_SaveArbValueArray as *const ()),
    Function(PyAwaitable_UnpackArbValueArray as *const ()),
    Function(PyAwaitable_SetArbValue as *const ()),
    Function(PyAwaitable_GetArbValue as *const ()),
    Function(PyAwaitable_IntValueCount as *const ()),
    Function(PyAwaitable_SaveIntValueArray as *const ()),
    Function(PyAwaitable_UnpackIntValueArray as *const ()),
    Function(PyAwaitable_SetIntValue as *const ()),
    Function(PyAwaitable_GetIntValue as *const ()),
    Function(PyAwaitable_AddFunctions as *const ()),
    Function(PyAwaitable_AddMethods as *const ()),
    Function(PyAwaitable_AsCoroutine as *const ()),
    Function(PyAwaitable_AddCleanup as *const ()),
    Function(PyAwaitable_ParseTupleArray as *const ()),
    Function(PyAwaitable_ParseFrameArray as *const ()),
    Function(PyAwaitable_UnpackArray as *const ()),
    Function(PyAwaitable_NewBody as *const ()),
    Function(PyAwaitable_AsyncFor as *const ()),
    Function(PyAwaitable_NewGenerator as *const ()),
    Function(PyAwaitable_NewWaker as *const ()),
    Function(PyAwaitable_CurrentLibrary as *const ()),
    Function(PyAwaitable_NewPromise as *const ()),
    Function(PyAwaitable_PromiseOnCancel as *const ()),
];
