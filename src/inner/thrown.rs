//! What `throw` was called with, and the exception that this makes.

use crate::python::ffi;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, or_null};

/// What `throw` was called with: one to three arguments.
#[derive(Clone, Copy)]
pub struct Thrown<'a> {
    pub exception: Borrowed<'a>,
    pub value: Option<Borrowed<'a>>,
    pub traceback: Option<Borrowed<'a>>,
}

/// Whether what was thrown is a kind of `GeneratorExit`.
pub fn is_generator_exit(thrown: Thrown<'_>) -> bool {
    let exception = thrown.exception.as_ptr();
    // SAFETY: a live object; any object may be compared.
    unsafe { ffi::PyErr_GivenExceptionMatches(exception, ffi::PyExc_GeneratorExit) != 0 }
}

/// Fails with `TypeError` unless the arguments of `throw` make an exception.
pub fn check_thrown(thrown: Thrown<'_>) -> Result<()> {
    let given = |argument: Option<Borrowed<'_>>| argument.is_some_and(|object| !object.is_none());
    // SAFETY: live objects; the traceback is checked if there is one.
    unsafe {
        if given(thrown.traceback) && ffi::PyTraceBack_Check(or_null(thrown.traceback)) == 0 {
            return Err(Raised::new(
                Kind::TypeError,
                c"throw() third argument must be a traceback object",
            ));
        }
        if ffi::PyExceptionClass_Check(thrown.exception.as_ptr()) != 0 {
            return Ok(());
        }
        if ffi::PyExceptionInstance_Check(thrown.exception.as_ptr()) == 0 {
            return Err(Raised::for_type_of(
                c"exceptions must be classes or instances deriving from BaseException, not %.100s",
                thrown.exception,
            ));
        }
    }
    if given(thrown.value) {
        return Err(Raised::new(
            Kind::TypeError,
            c"instance exception may not have a separate value",
        ));
    }
    Ok(())
}

/// Raises what was thrown, at this level.
pub fn raise_here(thrown: Thrown<'_>) -> Raised {
    if let Err(raised) = check_thrown(thrown) {
        return raised;
    }
    // SAFETY: an exception class or instance, a value and a traceback, or NULL; each is owned before it is given away.
    unsafe {
        let exception = thrown.exception.as_ptr();
        let mut traceback = or_null(thrown.traceback.filter(|object| !object.is_none()));
        ffi::Py_XINCREF(traceback);
        let (kind, value) = if ffi::PyExceptionClass_Check(exception) != 0 {
            (exception, or_null(thrown.value))
        } else {
            if traceback.is_null() {
                traceback = ffi::PyException_GetTraceback(exception);
            }
            (thrown.exception.r#type().cast(), exception)
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
