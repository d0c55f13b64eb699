//! CPython's C API: the one place that names `pyo3_ffi`, with what it lacks and a shim for each version difference.

pub use pyo3_ffi::*;

use core::ffi::{c_int, c_void};

/// Room for CPython's `_PyErr_StackItem`, which has two words, or four before 3.11.
#[repr(C)]
pub struct HandledItem([*mut c_void; 4]);

impl HandledItem {
    pub const fn new() -> Self {
        Self([core::ptr::null_mut(); 4])
    }
}

unsafe extern "C" {
    pub safe static pyawaitable_shim_exception_offset: usize;
    #[cfg(all(Py_3_11, not(Py_3_14)))]
    pub safe static pyawaitable_shim_remaining_offset: usize;
    pub fn pyawaitable_shim_is_too_late() -> c_int;
    pub fn pyawaitable_shim_check_version() -> c_int;
    pub fn pyawaitable_shim_current_frame() -> *const c_void;
    pub fn pyawaitable_shim_let_threads_run(last: *mut u64);
    pub fn pyawaitable_shim_push_handled(item: *mut HandledItem, exception: *mut PyObject);
    pub fn pyawaitable_shim_pop_handled(item: *mut HandledItem);
    pub fn pyawaitable_shim_is_marked_generator(object: *mut PyObject) -> c_int;
    pub fn pyawaitable_shim_v1(r#type: *mut PyTypeObject) -> *mut c_void;
    pub fn pyawaitable_shim_v1_forget(r#type: *mut PyTypeObject);

    /// Memory for an object of a type that takes part in garbage collection; its header is set, nothing else.
    pub fn _PyObject_GC_New(r#type: *mut PyTypeObject) -> *mut PyObject;
    /// Gives an object whose type stands already its first reference.
    pub fn _Py_NewReference(object: *mut PyObject);
    /// Takes the value out of a pending `StopIteration`, or None where nothing is pending: 0 with a new reference,
    /// -1 with another exception left as it is.
    pub fn _PyGen_FetchStopIterationValue(value: *mut *mut PyObject) -> c_int;
    /// Looks a name up along the method resolution order, past metaclass and instance.
    #[cfg(not(Py_GIL_DISABLED))]
    fn _PyType_Lookup(r#type: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;
    #[cfg(Py_GIL_DISABLED)]
    fn _PyType_LookupRef(r#type: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;
    #[cfg(Py_3_14)]
    pub fn PyErr_FormatUnraisable(format: *const core::ffi::c_char, ...);
    #[cfg(not(Py_3_10))]
    fn _PyGen_Send(generator: *mut PyObject, value: *mut PyObject) -> *mut PyObject;
}

/// As `Py_INCREF`, which in 3.12 and 3.13 writes half of the count whose whole `Py_DECREF` reads soon afterwards: a
/// processor has to wait for that. Here the whole is written.
///
/// # Safety
/// `object` is live.
#[inline(always)]
pub unsafe fn incref(object: *mut PyObject) {
    #[cfg(whole_reference_count)]
    // SAFETY: the caller's promise; the GIL keeps others out. An immortal object's lower half is negative as an int.
    unsafe {
        let count = &mut (*object).ob_refcnt.ob_refcnt;
        if *count as i32 >= 0 {
            *count += 1;
        }
    }
    #[cfg(not(whole_reference_count))]
    // SAFETY: the caller's promise.
    unsafe {
        Py_INCREF(object);
    }
}

/// Looks `name` up on a type as the interpreter looks up special methods. A new reference; NULL without an exception if
/// it is not there.
///
/// # Safety
/// `r#type` and `name` are live; `name` is a str; the thread is attached.
#[inline]
pub unsafe fn type_lookup(r#type: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject {
    #[cfg(not(Py_GIL_DISABLED))]
    // SAFETY: the caller's promise; the borrowed result is owned before anything else runs.
    unsafe {
        let found = _PyType_Lookup(r#type, name);
        Py_XINCREF(found);
        found
    }
    #[cfg(Py_GIL_DISABLED)]
    // SAFETY: the caller's promise.
    unsafe {
        _PyType_LookupRef(r#type, name)
    }
}

#[cfg(Py_3_10)]
pub use pyo3_ffi::PySendResult::{PYGEN_ERROR, PYGEN_NEXT, PYGEN_RETURN};

/// What a step of an iterator came to, as 3.10's `PySendResult`.
#[cfg(not(Py_3_10))]
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the names are CPython's")]
pub enum PySendResult {
    PYGEN_RETURN = 0,
    PYGEN_ERROR = -1,
    PYGEN_NEXT = 1,
}
#[cfg(not(Py_3_10))]
pub use PySendResult::{PYGEN_ERROR, PYGEN_NEXT, PYGEN_RETURN};

/// As `PyIter_Send`, one call shorter where the type has the slot.
///
/// # Safety
/// As `PyIter_Send`: live arguments, a result to write to, an attached thread without a pending exception.
#[cfg(Py_3_10)]
#[inline]
pub unsafe fn send(
    iterator: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> PySendResult {
    // SAFETY: the caller's promise; a type's async methods live as long as it does.
    unsafe {
        let methods = (*Py_TYPE(iterator)).tp_as_async;
        if !methods.is_null() {
            if let Some(send) = (*methods).am_send {
                return send(iterator, value, result);
            }
        }
        PyIter_Send(iterator, value, result)
    }
}

/// 3.10's `PyIter_Send`, for 3.9, which has no `am_send`.
///
/// # Safety
/// As `PyIter_Send`: live arguments, a result to write to, an attached thread without a pending exception.
#[cfg(not(Py_3_10))]
pub unsafe fn send(
    iterator: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> PySendResult {
    // SAFETY: the caller's promise; `tp_iternext` is only called where the type has it.
    unsafe {
        let native = PyGen_CheckExact(iterator) != 0 || PyCoro_CheckExact(iterator) != 0;
        let yielded = if native {
            _PyGen_Send(iterator, value)
        } else if value == Py_None() && PyIter_Check(iterator) != 0 {
            match (*Py_TYPE(iterator)).tp_iternext {
                Some(next) => next(iterator),
                None => core::ptr::null_mut(),
            }
        } else {
            PyObject_CallMethod(iterator, c"send".as_ptr(), c"(O)".as_ptr(), value)
        };
        *result = yielded;
        if !yielded.is_null() {
            PYGEN_NEXT
        } else if _PyGen_FetchStopIterationValue(result) == 0 {
            PYGEN_RETURN
        } else {
            PYGEN_ERROR
        }
    }
}
