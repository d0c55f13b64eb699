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

/// What lines look like that have lately been in a traceback.
pub struct Lines {
    /// By number; without a GIL nothing is kept.
    kept: [Cell<Kept>; PLACES],
    /// What all see as their global variables: a dictionary without any.
    globals: Lazy,
}

/// A line, and its frame; up to 3.10, where a frame holds those of its callers, its code object, which keeps the memory of a
/// frame.
type Kept = Option<(Line, Owned)>;

const KEEPS_FRAMES: bool = cfg!(Py_3_11);
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
        let kept = self.kept(line);
        if let (Some(frame), true) = (&kept, KEEPS_FRAMES) {
            return here(frame, raised);
        }
        let exception = exception::take(raised);
        match self.frame(line, kept) {
            Ok(frame) => here(&frame, exception::raise(exception)),
            Err(raised) => {
                exception::discard(raised);
                exception::raise(exception)
            }
        }
    }

    /// What is kept of this line.
    fn kept(&self, line: Line) -> Option<Owned> {
        let place = self.place(line)?;
        let kept = place.take();
        let found = match &kept {
            Some((found, object)) if *found == line => Some(object.borrow().to_owned()),
            _ => None,
        };
        // Nobody has put another there.
        place.set(kept);
        found
    }

    /// Where something is kept of this line. Without a GIL, threads would share the place.
    fn place(&self, line: Line) -> Option<&Cell<Kept>> {
        let place = self.kept.get(line.number.unsigned_abs() as usize % PLACES);
        place.filter(|_| !cfg!(Py_GIL_DISABLED))
    }

    /// A new frame in this line, which no code runs in, for its code object, if that is kept.
    #[cold]
    fn frame(&self, line: Line, code: Option<Owned>) -> Result<Owned> {
        let globals = self.globals()?;
        let code = match code {
            Some(code) => code,
            None => self.code(line)?,
        };
        // SAFETY: a code object and a dictionary; a new reference or NULL comes back.
        let frame = unsafe {
            Owned::new(ffi::pyawaitable_shim_new_frame(
                code.as_ptr(),
                line.number,
                globals.as_ptr(),
            ))
        }?;
        if KEEPS_FRAMES {
            self.keep(line, &frame);
        }
        Ok(frame)
    }

    /// A new code object for this line.
    fn code(&self, line: Line) -> Result<Owned> {
        // SAFETY: C strings; a new reference or NULL comes back.
        let code = unsafe {
            let code = ffi::PyCode_NewEmpty(line.file, line.function, line.number);
            Owned::new(code.cast())
        }?;
        if !KEEPS_FRAMES {
            self.keep(line, &code);
        }
        Ok(code)
    }

    fn keep(&self, line: Line, object: &Owned) {
        if let Some(place) = self.place(line) {
            drop(place.replace(Some((line, object.borrow().to_owned()))));
        }
    }

    fn globals(&self) -> Result<Borrowed<'_>> {
        if let Some(globals) = self.globals.get() {
            return Ok(globals);
        }
        // SAFETY: a new reference or NULL.
        let made = unsafe { Owned::new(ffi::PyDict_New()) }?;
        #[cfg(not(Py_3_11))]
        // SAFETY: a dictionary, and one that is borrowed. Where a frame does not find it, it makes one of its own.
        unsafe {
            let builtins = ffi::PyEval_GetBuiltins();
            // At the end of an interpreter there are none any more.
            if !builtins.is_null()
                && ffi::PyDict_SetItemString(made.as_ptr(), c"__builtins__".as_ptr(), builtins) < 0
            {
                return Err(Raised::pending());
            }
        }
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
