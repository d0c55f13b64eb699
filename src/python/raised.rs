//! Failure: an exception is set in the interpreter, and the type system knows it.

use crate::python::ffi;
use crate::python::reference::Borrowed;
use core::ffi::{CStr, c_int, c_long, c_void};

/// Proof that an exception is set in the current thread. It has no size: the interpreter keeps the exception.
#[derive(Debug)]
#[must_use]
pub struct Raised(());

/// A value, or an exception that is set.
pub type Result<T> = core::result::Result<T, Raised>;

impl Raised {
    /// Takes the caller's word that an exception is set. If none is, sets a `SystemError`, as the interpreter does for
    /// a C function that fails without saying why.
    pub fn pending() -> Self {
        // SAFETY: an attached thread may ask and set; every caller of this crate is attached.
        unsafe {
            if ffi::PyErr_Occurred().is_null() {
                ffi::PyErr_SetString(
                    ffi::PyExc_SystemError,
                    c"error return without exception set".as_ptr(),
                );
            }
        }
        Self(())
    }

    /// For code that has just set one.
    #[inline]
    pub fn set() -> Self {
        Self(())
    }

    /// Sets one of CPython's exceptions with a fixed text.
    pub fn new(kind: Kind, text: &CStr) -> Self {
        // SAFETY: `kind` is one of CPython's exception types, alive as long as the interpreter; `text` ends in NUL.
        unsafe { Self::with_text(kind.object(), ffi::PyUnicode_FromString(text.as_ptr())) }
    }

    /// Sets an exception with this text, or leaves the one that is set if there is no text. CPython's own functions, up to
    /// 3.10, would then replace the `MemoryError` with an exception without a text.
    ///
    /// # Safety
    /// `kind` is an exception type; `text` is a reference that is given away, or NULL with an exception set.
    pub unsafe fn with_text(kind: *mut ffi::PyObject, text: *mut ffi::PyObject) -> Self {
        if !text.is_null() {
            // SAFETY: the caller's promise.
            unsafe {
                ffi::PyErr_SetObject(kind, text);
                ffi::Py_DECREF(text);
            }
        }
        Self(())
    }

    /// Sets `MemoryError`.
    pub fn no_memory() -> Self {
        // SAFETY: an attached thread may set an exception.
        unsafe { ffi::PyErr_NoMemory() };
        Self(())
    }

    /// Whether it is one of `MemoryError`.
    pub fn is_no_memory(&self) -> bool {
        // SAFETY: an exception is set, as `self` proves.
        unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_MemoryError) != 0 }
    }

    /// Sets a `TypeError` whose text names `object`'s type, for the one `%.100s` in `format`.
    pub(crate) fn for_type_of(format: &CStr, object: Borrowed<'_>) -> Self {
        // SAFETY: a live object's type has a name; every caller's format has one `%.100s` and nothing else.
        unsafe {
            let name = (*object.r#type()).tp_name;
            Self::with_text(
                ffi::PyExc_TypeError,
                ffi::PyUnicode_FromFormat(format.as_ptr(), name),
            )
        }
    }
}

/// The exception types that this crate raises, by CPython's names.
#[allow(clippy::enum_variant_names, missing_docs)]
#[derive(Clone, Copy)]
pub enum Kind {
    TypeError,
    ValueError,
    IndexError,
    RuntimeError,
    SystemError,
}

impl Kind {
    fn object(self) -> *mut ffi::PyObject {
        // SAFETY: the interpreter sets these before any extension runs and never changes them.
        unsafe {
            match self {
                Kind::TypeError => ffi::PyExc_TypeError,
                Kind::ValueError => ffi::PyExc_ValueError,
                Kind::IndexError => ffi::PyExc_IndexError,
                Kind::RuntimeError => ffi::PyExc_RuntimeError,
                Kind::SystemError => ffi::PyExc_SystemError,
            }
        }
    }
}

/// What a C function of this return type returns when it fails.
pub trait ErrorValue {
    /// The value that means "an exception is set".
    const ERROR: Self;
}

impl ErrorValue for c_int {
    const ERROR: Self = -1;
}
impl ErrorValue for isize {
    const ERROR: Self = -1;
}
impl ErrorValue for *mut c_void {
    const ERROR: Self = core::ptr::null_mut();
}
impl ErrorValue for *mut ffi::PyObject {
    const ERROR: Self = core::ptr::null_mut();
}
impl ErrorValue for *mut ffi::PyTypeObject {
    const ERROR: Self = core::ptr::null_mut();
}

/// A `long` in an API that also has `int`: a distinct type, since on some platforms the two are the same in Rust.
pub struct Long(pub c_long);

impl ErrorValue for Long {
    const ERROR: Self = Long(-1);
}

/// Converts a result to what a C caller gets.
#[inline]
pub fn to_c<T: ErrorValue>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(_) => T::ERROR,
    }
}

/// Converts success to 0 and failure to -1.
#[inline]
pub fn status(result: Result<()>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(_) => c_int::ERROR,
    }
}
