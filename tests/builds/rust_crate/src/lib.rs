//! The module `adder`: `add(a, b)` is what `async def add(a, b): return await a + await b` would be.

use pyawaitable::capi::{
    PyAwaitable_AddAwait, PyAwaitable_GetValue, PyAwaitable_Init, PyAwaitable_New,
    PyAwaitable_SaveValueArray, PyAwaitable_SetResult,
};
use pyo3_ffi::*;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

/// The saved values are `b`, and what `a` gave.
unsafe extern "C" fn on_second(awaitable: *mut PyObject, second: *mut PyObject) -> c_int {
    unsafe {
        let first = PyAwaitable_GetValue(awaitable, 1);
        if first.is_null() {
            return -1;
        }
        let sum = PyNumber_Add(first, second);
        if sum.is_null() {
            return -1;
        }
        let status = PyAwaitable_SetResult(awaitable, sum);
        Py_DECREF(sum);
        status
    }
}

unsafe extern "C" fn on_first(awaitable: *mut PyObject, first: *mut PyObject) -> c_int {
    unsafe {
        let b = PyAwaitable_GetValue(awaitable, 0);
        if b.is_null() || PyAwaitable_SaveValueArray(awaitable, 1, &first) < 0 {
            return -1;
        }
        PyAwaitable_AddAwait(awaitable, b, Some(on_second), None)
    }
}

unsafe extern "C" fn add(_module: *mut PyObject, args: *mut PyObject) -> *mut PyObject {
    unsafe {
        let (mut a, mut b) = (null_mut::<PyObject>(), null_mut::<PyObject>());
        if PyArg_ParseTuple(args, c"OO".as_ptr(), &raw mut a, &raw mut b) == 0 {
            return null_mut();
        }
        let awaitable = PyAwaitable_New();
        if awaitable.is_null() {
            return null_mut();
        }
        if PyAwaitable_SaveValueArray(awaitable, 1, &b) < 0
            || PyAwaitable_AddAwait(awaitable, a, Some(on_first), None) < 0
        {
            Py_DECREF(awaitable);
            return null_mut();
        }
        awaitable
    }
}

unsafe extern "C" fn execute(module: *mut PyObject) -> c_int {
    unsafe {
        if PyAwaitable_Init() < 0 {
            return -1;
        }
        PyModule_AddStringConstant(module, c"MODE".as_ptr(), c"rust".as_ptr())
    }
}

// CPython's tables are written at load time and never again.
static mut METHODS: [PyMethodDef; 2] = [
    PyMethodDef {
        ml_name: c"add".as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: add },
        ml_flags: METH_VARARGS,
        ml_doc: std::ptr::null(),
    },
    PyMethodDef::zeroed(),
];

static mut SLOTS: [PyModuleDef_Slot; 2] = [
    PyModuleDef_Slot { slot: Py_mod_exec, value: execute as *mut c_void },
    PyModuleDef_Slot { slot: 0, value: null_mut() },
];

static mut MODULE: PyModuleDef = PyModuleDef {
    m_base: PyModuleDef_HEAD_INIT,
    m_name: c"adder".as_ptr(),
    m_doc: std::ptr::null(),
    m_size: 0,
    m_methods: (&raw mut METHODS).cast(),
    m_slots: (&raw mut SLOTS).cast(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

/// What `import adder` calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit_adder() -> *mut PyObject {
    unsafe { PyModuleDef_Init(&raw mut MODULE) }
}
