//! CPython's C API: the only file that names `pyo3_ffi`, with what that lacks and a shim for each version difference.

pub use pyo3_ffi::*;

use core::ffi::{c_char, c_int, c_void};

/// Room for CPython's `_PyErr_StackItem`, which has two words, or four before 3.11.
#[repr(C)]
pub struct HandledItem([*mut c_void; 4]);

impl HandledItem {
    pub const fn new() -> Self {
        Self([core::ptr::null_mut(); 4])
    }
}

/// Addresses from `low` up to `high`; none where a stack's place is not known.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct StackPart {
    low: usize,
    high: usize,
}

/// A variable that functions share. Older bindings lack it.
#[repr(C)]
pub struct PyCellObject {
    base: PyObject,
    /// NULL where nothing has been assigned.
    pub ob_ref: *mut PyObject,
}

unsafe extern "C" {
    /// As `PyEval_RestoreThread`, which pyo3-ffi wraps in code for unwinding. Up to 3.13 it ends the thread at the end of Python.
    #[link_name = "PyEval_RestoreThread"]
    pub fn attach(thread: *mut PyThreadState);
    /// Older bindings lack these.
    pub safe fn PyThread_get_thread_ident() -> core::ffi::c_ulong;
    pub fn PyClassMethod_New(function: *mut PyObject) -> *mut PyObject;
    pub fn PyStaticMethod_New(function: *mut PyObject) -> *mut PyObject;
    pub fn PyErr_WarnExplicitObject(
        category: *mut PyObject,
        message: *mut PyObject,
        filename: *mut PyObject,
        lineno: c_int,
        module: *mut PyObject,
        registry: *mut PyObject,
    ) -> c_int;
    pub safe static pyawaitable_shim_exception_offset: usize;
    pub safe static pyawaitable_shim_interpreter_offset: usize;
    pub safe static pyawaitable_shim_origin_depth_offset: usize;
    #[cfg(all(Py_3_11, not(Py_3_14)))]
    pub safe static pyawaitable_shim_remaining_offset: usize;
    #[cfg(all(Py_3_11, not(Py_3_14)))]
    pub safe static pyawaitable_shim_frame_state_offset: usize;
    pub fn pyawaitable_shim_is_too_late() -> c_int;
    pub fn pyawaitable_shim_place_of(function: *const c_void, place: *mut c_char, size: usize);
    pub fn pyawaitable_shim_check_version() -> c_int;
    pub fn pyawaitable_shim_generator_hooks(
        first: *mut *mut PyObject,
        finalizer: *mut *mut PyObject,
    );
    pub fn pyawaitable_shim_lower_half_of_stack() -> StackPart;
    pub fn pyawaitable_shim_is_deep(lower_half: StackPart) -> c_int;
    pub fn pyawaitable_shim_let_threads_run(last: *mut u64);
    pub fn pyawaitable_shim_push_handled(item: *mut HandledItem, exception: *mut PyObject);
    pub fn pyawaitable_shim_pop_handled(item: *mut HandledItem);
    pub fn pyawaitable_shim_is_marked_generator(object: *mut PyObject) -> c_int;
    pub fn pyawaitable_shim_new_frame(
        code: *mut PyObject,
        line: c_int,
        globals: *mut PyObject,
    ) -> *mut PyObject;
    #[cfg(not(Py_3_11))]
    fn pyawaitable_shim_vectorcall(
        callable: *mut PyObject,
        arguments: *const *mut PyObject,
        count: usize,
        keywords: *mut PyObject,
    ) -> *mut PyObject;
    pub fn pyawaitable_shim_v1(r#type: *mut PyTypeObject) -> *mut c_void;
    pub fn pyawaitable_shim_v1_forget(r#type: *mut PyTypeObject);

    /// Memory for an object of a type that takes part in garbage collection; its header is set, nothing else.
    pub fn _PyObject_GC_New(r#type: *mut PyTypeObject) -> *mut PyObject;
    /// Gives an object whose type is already set its first reference.
    fn _Py_NewReference(object: *mut PyObject);
    /// Whether `tracemalloc` is tracing. An internal variable of CPython's, in versions that are frozen.
    #[cfg(all(plain_first_reference, not(Py_3_12)))]
    static _Py_tracemalloc_config: [c_int; 2];
    /// Tells `tracemalloc` of memory, or that it has a new use; does nothing if that is not tracing.
    fn PyTraceMalloc_Track(domain: core::ffi::c_uint, memory: usize, size: usize) -> c_int;
    /// The function that is called for each new object, if any; `data` may be NULL.
    #[cfg(all(plain_first_reference, Py_3_13))]
    fn PyRefTracer_GetTracer(data: *mut *mut c_void) -> *mut c_void;
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
    /// Has a function called in another way, and keeps the interpreter from assuming the usual one.
    #[cfg(Py_3_12)]
    pub fn PyFunction_SetVectorcall(function: *mut PyFunctionObject, vectorcall: vectorcallfunc);
    /// A module that is loaded, or NULL with or without an exception. pyo3-ffi has it from 0.28 on.
    pub fn PyImport_GetModule(name: *mut PyObject) -> *mut PyObject;
    #[cfg(not(Py_3_10))]
    fn _PyGen_Send(generator: *mut PyObject, value: *mut PyObject) -> *mut PyObject;
    /// Borrowed: what the dictionary has under `key`, which is `value` if it had nothing. pyo3-ffi has it from 0.29 on.
    pub fn PyDict_SetDefault(
        dictionary: *mut PyObject,
        key: *mut PyObject,
        value: *mut PyObject,
    ) -> *mut PyObject;
}

/// The slot of `PyAsyncMethods::am_send`, which pyo3-ffi has from 0.29 on.
#[cfg(Py_3_10)]
pub const Py_am_send: c_int = 81;

/// The collector's part of an object, before the rest of it: two words, and none without a GIL.
const COLLECTOR_HEAD: usize = if cfg!(Py_GIL_DISABLED) {
    0
} else {
    2 * size_of::<usize>()
};

/// Makes a new object with one reference from the memory of a destroyed one: like `_Py_NewReference`, but that does not tell
/// `tracemalloc` of memory that is older than its start.
///
/// # Safety
/// An object of `size` bytes that takes part in garbage collection, untracked, whose last reference is gone. Nothing else has
/// it.
#[inline(always)]
pub unsafe fn first_reference(object: *mut PyObject, size: usize) {
    // SAFETY: the caller's promise. The memory begins where the collector's part does.
    unsafe {
        #[cfg(all(plain_first_reference, Py_3_13))]
        if PyRefTracer_GetTracer(core::ptr::null_mut()).is_null() {
            (*object).ob_refcnt.ob_refcnt = 1;
            return;
        }
        #[cfg(all(plain_first_reference, not(Py_3_12)))]
        {
            let [_initialized, tracing] = (&raw const _Py_tracemalloc_config).read_volatile();
            if tracing == 0 {
                (*object).ob_refcnt = 1;
                return;
            }
        }
        _Py_NewReference(object);
        // 3.12 does not say cheaply whether it traces.
        if !cfg!(all(plain_first_reference, Py_3_12, not(Py_3_13))) {
            PyTraceMalloc_Track(0, object.addr() - COLLECTOR_HEAD, size + COLLECTOR_HEAD);
        }
    }
}

/// Like `Py_INCREF`. In 3.12 and 3.13 that writes half of the count, which `Py_DECREF` soon reads whole: the processor has to
/// wait for that. This writes the whole count.
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

/// As `PyObject_Vectorcall`, which up to 3.10 is no function of CPython's.
///
/// # Safety
/// As that: a live callable, as many live arguments as `count` and `keywords` say, no exception set.
pub unsafe fn vectorcall(
    callable: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    keywords: *mut PyObject,
) -> *mut PyObject {
    #[cfg(Py_3_11)]
    // SAFETY: the caller's promise.
    unsafe {
        PyObject_Vectorcall(callable, arguments, count, keywords)
    }
    #[cfg(not(Py_3_11))]
    // SAFETY: the caller's promise; CPython's own shim, compiled by its own headers.
    unsafe {
        pyawaitable_shim_vectorcall(callable, arguments, count, keywords)
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

/// The outcome of a step of an iterator, like 3.10's `PySendResult`.
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

/// Like `PyIter_Send`, with one call less if the type has the slot.
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
    // SAFETY: the caller's promise; `tp_iternext` is only called if the type has it.
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
