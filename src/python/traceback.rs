//! Tracebacks that show lines of C code.

use crate::python::exception;
use crate::python::ffi;
use crate::python::lazy::Lazy;
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use core::cell::Cell;
use core::ffi::{c_char, c_int};

/// A line of a C function. The strings live forever, and so does what they are parts of: their addresses tell it from others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Not NULL.
    pub file: *const c_char,
    /// Not NULL.
    pub function: *const c_char,
    pub number: c_int,
}

/// The frames of lines that have lately been in a traceback.
pub struct Lines {
    /// By number; without a GIL nothing is kept.
    kept: [Cell<Kept>; PLACES],
    /// What all see as their global variables: an empty dictionary.
    globals: Lazy,
}

/// A line, and its frame.
type Kept = Option<(Line, Owned)>;

const PLACES: usize = 32;

impl Lines {
    pub const fn new() -> Self {
        Self {
            kept: [const { Cell::new(None) }; PLACES],
            globals: Lazy::new(),
        }
    }

    /// Adds a line to the traceback of the exception that is set. Without memory for it, the exception stays as it is.
    #[cold]
    pub fn add(&self, line: Line, raised: Raised) -> Raised {
        let exception = exception::take(raised);
        let frame = self.frame(line);
        let frame = match frame {
            Ok(frame) => frame,
            Err(raised) => {
                exception::discard(raised);
                return exception::raise(exception);
            }
        };
        let raised = exception::raise(exception);
        // SAFETY: a live frame, and an exception is set; what this fails with has it as its context.
        unsafe { ffi::PyTraceBack_Here(frame.as_ptr().cast()) };
        raised
    }

    /// A frame in this line, which no code runs in.
    fn frame(&self, line: Line) -> Result<Owned> {
        let make = || {
            let globals = self.globals()?;
            // SAFETY: C strings and a live dictionary; a new reference or NULL comes back.
            unsafe {
                Owned::new(ffi::pyawaitable_shim_new_frame(
                    line.file,
                    line.function,
                    line.number,
                    globals.as_ptr(),
                ))
            }
        };
        let place = self.kept.get(line.number.unsigned_abs() as usize % PLACES);
        // Up to 3.10 a frame holds those of its callers. Without a GIL, threads would share the place.
        let place = place.filter(|_| cfg!(Py_3_11) && !cfg!(Py_GIL_DISABLED));
        let Some(place) = place else {
            return make();
        };
        let frame = match place.take() {
            Some((found, frame)) if found == line => frame,
            _ => make()?,
        };
        let shared = frame.borrow().to_owned();
        drop(place.replace(Some((line, frame))));
        Ok(shared)
    }

    fn globals(&self) -> Result<Borrowed<'_>> {
        if let Some(globals) = self.globals.get() {
            return Ok(globals);
        }
        // SAFETY: a new reference or NULL.
        let made = unsafe { Owned::new(ffi::PyDict_New()) }?;
        Ok(self.globals.keep(made))
    }

    /// Releases what is kept.
    pub fn close(&self) {
        for place in &self.kept {
            drop(place.take());
        }
    }
}
