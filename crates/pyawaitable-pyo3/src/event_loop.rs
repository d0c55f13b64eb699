//! The event loop that runs.

use crate::convert;
use pyawaitable::rust::current_library;
use pyo3::prelude::*;
use std::thread::{self, ThreadId};

/// Whose event loop it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Library {
    /// That of asyncio, or one that behaves as it, such as uvloop.
    Asyncio,
    /// That of trio.
    Trio,
}

/// Which event loop runs in this thread.
pub(crate) fn library(py: Python<'_>) -> PyResult<Option<Library>> {
    // SAFETY: attached, as `py` proves.
    match unsafe { current_library() } {
        Ok(Some(name)) if name == c"trio" => Ok(Some(Library::Trio)),
        Ok(Some(_)) => Ok(Some(Library::Asyncio)),
        Ok(None) => Ok(None),
        Err(raised) => Err(convert::error(py, raised)),
    }
}

/// How a function is called in an event loop's thread: at once from there, soon from others.
pub(crate) struct Caller {
    thread: ThreadId,
    /// `call_soon_threadsafe` of asyncio's loop, or `run_sync_soon` of trio's token.
    soon: Py<PyAny>,
}

impl Caller {
    /// For the loop that runs in this thread.
    pub(crate) fn here(py: Python<'_>) -> PyResult<Self> {
        let soon = match library(py)? {
            Some(Library::Trio) => py
                .import("trio.lowlevel")?
                .call_method0("current_trio_token")?
                .getattr("run_sync_soon")?,
            _ => py
                .import("asyncio")?
                .call_method0("get_running_loop")?
                .getattr("call_soon_threadsafe")?,
        };
        Ok(Self {
            thread: thread::current().id(),
            soon: soon.unbind(),
        })
    }

    /// Has it called. A loop that is closed does not, and has nothing left to be cancelled.
    pub(crate) fn call(&self, function: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = function.py();
        if self.thread == thread::current().id() {
            return function.call0().map(drop);
        }
        match self.soon.bind(py).call1((function,)) {
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyRuntimeError>(py) => Ok(()),
            called => called.map(drop),
        }
    }
}
