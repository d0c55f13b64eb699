//! What `throw` was called with, and what an exception it makes.

use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Kind, Raised, Result};

/// What `throw` was called with: one to three borrowed references, NULL where an argument was not given.
#[derive(Clone, Copy)]
pub struct Thrown {
    pub exception: *mut PyObject,
    pub value: *mut PyObject,
    pub traceback: *mut PyObject,
}

/// Whether what was thrown is a kind of `GeneratorExit`.
pub fn is_generator_exit(thrown: Thrown) -> bool {
    // SAFETY: a live object; anything may be compared.
    unsafe { ffi::PyErr_GivenExceptionMatches(thrown.exception, ffi::PyExc_GeneratorExit) != 0 }
}

/// Fails with `TypeError` unless the arguments of `throw` make an exception.
pub fn check_thrown(thrown: Thrown) -> Result<()> {
    // SAFETY: live objects or NULL.
    unsafe {
        let none = ffi::Py_None();
        let traceback = thrown.traceback;
        if !traceback.is_null() && traceback != none && ffi::PyTraceBack_Check(traceback) == 0 {
            return Err(Raised::new(
                Kind::TypeError,
                c"throw() third argument must be a traceback object",
            ));
        }
        if ffi::PyExceptionClass_Check(thrown.exception) != 0 {
            return Ok(());
        }
        if ffi::PyExceptionInstance_Check(thrown.exception) == 0 {
            return Err(Raised::for_type_of(
                c"exceptions must be classes or instances deriving from BaseException, not %.100s",
                thrown.exception,
            ));
        }
        if !thrown.value.is_null() && thrown.value != none {
            return Err(Raised::new(
                Kind::TypeError,
                c"instance exception may not have a separate value",
            ));
        }
    }
    Ok(())
}

/// Raises at this level what was thrown.
pub fn raise_here(thrown: Thrown) -> Raised {
    if let Err(raised) = check_thrown(thrown) {
        return raised;
    }
    // SAFETY: an exception class or instance, a value and a traceback, or NULL; each is owned before it is given away.
    unsafe {
        let none = ffi::Py_None();
        let mut traceback = if thrown.traceback == none {
            core::ptr::null_mut()
        } else {
            thrown.traceback
        };
        ffi::Py_XINCREF(traceback);
        let (kind, value) = if ffi::PyExceptionClass_Check(thrown.exception) != 0 {
            (thrown.exception, thrown.value)
        } else {
            if traceback.is_null() {
                traceback = ffi::PyException_GetTraceback(thrown.exception);
            }
            (ffi::Py_TYPE(thrown.exception).cast(), thrown.exception)
        };
        ffi::Py_INCREF(kind);
        ffi::Py_XINCREF(value);
        let (mut kind, mut value) = (kind, value);
        // Deprecated in 3.12, but nothing else takes three parts as `throw` does.
        #[allow(deprecated)]
        {
            ffi::PyErr_NormalizeException(&mut kind, &mut value, &mut traceback);
            ffi::PyErr_Restore(kind, value, traceback);
        }
    }
    Raised::pending()
}
