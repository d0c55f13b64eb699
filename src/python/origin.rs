//! Where an awaitable was created: `cr_origin`, recorded while `sys.set_coroutine_origin_tracking_depth()` is in effect.

use crate::python::exception;
use crate::python::ffi;
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use core::ffi::c_int;

/// The current Python frames, innermost first and at most `depth` of them, each as a tuple of file name, line and function
/// name: what a coroutine records of its caller.
#[cold]
pub fn here(depth: c_int) -> Result<Owned> {
    let mut entries = list()?;
    // SAFETY: a borrowed frame, or NULL if no Python code is running; it is owned before anything else runs.
    let frame = unsafe { Borrowed::optional(ffi::PyEval_GetFrame().cast()) };
    let mut frame = frame.map(Borrowed::to_owned);
    for _ in 0..depth {
        let Some(current) = frame else {
            break;
        };
        entries = append(entries, entry(&current)?)?;
        // SAFETY: a live frame; a new reference, or NULL for the outermost.
        frame = unsafe { Owned::optional(ffi::PyFrame_GetBack(current.as_ptr().cast()).cast()) };
    }
    // Up to 3.10 frames exist; later they are created on request.
    if exception::pending().is_some() {
        return Err(Raised::pending());
    }
    // SAFETY: a live list.
    unsafe { Owned::new(ffi::PyList_AsTuple(entries.as_ptr())) }
}

/// File name, line and function name of a frame.
fn entry(frame: &Owned) -> Result<Owned> {
    // SAFETY: a live frame has a code object, of which a new reference comes back; a code object's attributes are these.
    unsafe {
        let code = Owned::new(ffi::PyFrame_GetCode(frame.as_ptr().cast()).cast())?;
        let line = ffi::PyFrame_GetLineNumber(frame.as_ptr().cast());
        let file = Owned::new(ffi::PyObject_GetAttrString(
            code.as_ptr(),
            c"co_filename".as_ptr(),
        ))?;
        let name = Owned::new(ffi::PyObject_GetAttrString(
            code.as_ptr(),
            c"co_name".as_ptr(),
        ))?;
        Owned::new(ffi::Py_BuildValue(
            c"OiO".as_ptr(),
            file.as_ptr(),
            line,
            name.as_ptr(),
        ))
    }
}

/// What a warning says of an origin: the lines of a traceback, outermost call first, as text. Runs Python code.
pub fn describe(origin: &Owned) -> Result<Owned> {
    // SAFETY: live objects; each call gives a new reference or NULL. An origin is a tuple of tuples of three, which no code can
    // have changed.
    unsafe {
        let mut entries = list()?;
        for index in (0..ffi::PyTuple_Size(origin.as_ptr())).rev() {
            let entry = ffi::PyTuple_GetItem(origin.as_ptr(), index);
            // If the line's text is None, the traceback module looks it up.
            let whole = Owned::new(ffi::Py_BuildValue(
                c"OOOO".as_ptr(),
                ffi::PyTuple_GetItem(entry, 0),
                ffi::PyTuple_GetItem(entry, 1),
                ffi::PyTuple_GetItem(entry, 2),
                ffi::Py_None(),
            ))?;
            entries = append(entries, whole)?;
        }
        let module = Owned::new(ffi::PyImport_ImportModule(c"traceback".as_ptr()))?;
        let lines = Owned::new(ffi::PyObject_CallMethod(
            module.as_ptr(),
            c"format_list".as_ptr(),
            c"(O)".as_ptr(),
            entries.as_ptr(),
        ))?;
        let nothing = Owned::new(ffi::PyUnicode_FromString(c"".as_ptr()))?;
        let text = Owned::new(ffi::PyUnicode_Join(nothing.as_ptr(), lines.as_ptr()))?;
        // Without the end of the last line.
        let length = ffi::PyUnicode_GetLength(text.as_ptr());
        Owned::new(ffi::PyUnicode_Substring(text.as_ptr(), 0, length - 1))
    }
}

fn list() -> Result<Owned> {
    // SAFETY: a new reference or NULL.
    unsafe { Owned::new(ffi::PyList_New(0)) }
}

fn append(list: Owned, item: Owned) -> Result<Owned> {
    // SAFETY: a live list and a live object, to which the list takes its own reference.
    if unsafe { ffi::PyList_Append(list.as_ptr(), item.as_ptr()) } < 0 {
        return Err(Raised::pending());
    }
    Ok(list)
}
