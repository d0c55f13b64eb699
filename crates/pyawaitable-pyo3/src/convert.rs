//! Between PyO3's objects and exceptions and those of the library.

use pyawaitable::rust::{Owned, Raised, set_exception, take_exception};
use pyo3::exceptions::{PyBaseException, PyRuntimeError};
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use std::any::Any;

/// Tells PyO3 that the thread is attached, which it would not know where the library calls, and then keeps dropped references for
/// later.
///
/// # Safety
/// It is attached.
pub(crate) unsafe fn attached<R>(action: impl FnOnce(Python<'_>) -> R) -> R {
    // SAFETY: the caller's promise, also at the end of the interpreter.
    unsafe { Python::attach_unchecked(action) }
}

/// The library's reference, as one of PyO3's.
pub(crate) fn object(_py: Python<'_>, owned: Owned) -> Py<PyAny> {
    // SAFETY: a reference that is given away; the thread is attached, as `_py` proves.
    unsafe { Bound::from_owned_ptr(_py, owned.into_ptr()).unbind() }
}

/// The other way round.
pub(crate) fn owned(object: Py<PyAny>) -> Owned {
    // SAFETY: a reference that is given away, and shared only for a moment.
    unsafe {
        let owned = Owned::share(object.as_ptr());
        drop(object);
        owned
    }
}

/// The exception that is set, as PyO3 has it. `PyErr::take` would panic again for one that was a panic.
pub(crate) fn error(py: Python<'_>, raised: Raised) -> PyErr {
    PyErr::from_value(object(py, take_exception(raised)).into_bound(py))
}

/// The same as an object.
pub(crate) fn exception(py: Python<'_>, raised: Raised) -> Py<PyBaseException> {
    let exception = object(py, take_exception(raised)).into_bound(py);
    // SAFETY: what is raised is an instance of that.
    unsafe { exception.cast_into_unchecked() }.unbind()
}

/// Sets an exception.
pub(crate) fn raise(py: Python<'_>, error: PyErr) -> Raised {
    let exception: Py<PyBaseException> = error.into_value(py);
    set_exception(owned(exception.into_any()))
}

/// Sets the exception that PyO3 makes of a panic.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Raised {
    // SAFETY: the library calls this in a thread that is attached.
    unsafe { attached(|py| raise(py, panic_error(payload))) }
}

/// The exception that PyO3 makes of a panic.
pub(crate) fn panic_error(payload: &(dyn Any + Send)) -> PyErr {
    let message = match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "panic from Rust code".to_owned(),
    };
    PanicException::new_err((message,))
}

/// What is raised where something would have to attach, and cannot any more.
pub(crate) fn interpreter_ended() -> PyErr {
    PyRuntimeError::new_err("the interpreter has ended")
}

/// What comes of a future that is polled again after its end.
pub(crate) fn polled_after_its_end() -> PyErr {
    PyRuntimeError::new_err("a future is polled after its end")
}
