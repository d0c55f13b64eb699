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
    pub fn add(&self, line: Line, raised: Raised) -> Raised {
        if let Some(frame) = self.kept(line) {
            return here(&frame, raised);
        }
        let exception = exception::take(raised);
        match self.frame(line) {
            Ok(frame) => here(&frame, exception::raise(exception)),
            Err(raised) => {
                exception::discard(raised);
                exception::raise(exception)
            }
        }
    }

    /// The frame of this line, if it is kept.
    fn kept(&self, line: Line) -> Option<Owned> {
        let place = self.place(line)?;
        let kept = place.take();
        let found = match &kept {
            Some((found, frame)) if *found == line => Some(frame.borrow().to_owned()),
            _ => None,
        };
        // Nobody has put another there.
        place.set(kept);
        found
    }

    /// Where the frame of this line is kept. Up to 3.10 a frame holds those of its callers, and without a GIL, threads would share
    /// the place.
    fn place(&self, line: Line) -> Option<&Cell<Kept>> {
        let place = self.kept.get(line.number.unsigned_abs() as usize % PLACES);
        place.filter(|_| cfg!(Py_3_11) && !cfg!(Py_GIL_DISABLED))
    }

    /// A new frame in this line, which no code runs in.
    #[cold]
    fn frame(&self, line: Line) -> Result<Owned> {
        let globals = self.globals()?;
        // SAFETY: C strings and a live dictionary; a new reference or NULL comes back.
        let frame = unsafe {
            Owned::new(ffi::pyawaitable_shim_new_frame(
                line.file,
                line.function,
                line.number,
                globals.as_ptr(),
            ))
        }?;
        if let Some(place) = self.place(line) {
            drop(place.replace(Some((line, frame.borrow().to_owned()))));
        }
        Ok(frame)
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

/// Adds a frame to the traceback of the exception that is set.
fn here(frame: &Owned, raised: Raised) -> Raised {
    // SAFETY: a live frame, and an exception is set; what this fails with has it as its context.
    unsafe { ffi::PyTraceBack_Here(frame.as_ptr().cast()) };
    raised
}
