//! Awaiting a Python object in a task of its own.

use crate::awaiting::AwaitExt;
use crate::coroutine::Coroutine;
use crate::event_loop::{self, Library};
use crate::outcome::Outcome;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// A task of the event loop that awaits an object. Dropping this cancels it.
pub(crate) struct Task {
    outcome: Outcome,
    /// What is called to cancel it, and how a thread that is not the loop's has that called. None for one that was never begun.
    cancel: Option<(Py<PyAny>, event_loop::Caller)>,
}

impl Task {
    /// Begins to await it, in the event loop that runs in this thread. If that fails, it is what comes of it.
    pub(crate) fn begin(py: Python<'_>, object: Bound<'_, PyAny>, waker: &Waker) -> Self {
        let outcome = Outcome::for_waker(waker);
        let begun = match event_loop::library(py) {
            Ok(Some(Library::Asyncio)) => asyncio(py, &object, &outcome),
            Ok(Some(Library::Trio)) => trio(py, object, &outcome),
            Ok(None) => Err(PyRuntimeError::new_err(
                "a Python object is awaited where neither a coroutine polls with its own waker, nor an event loop of asyncio or trio runs",
            )),
            Err(error) => Err(error),
        };
        let cancel = match begun {
            Ok(cancel) => Some(cancel),
            Err(error) => {
                outcome.settle(Err(error));
                None
            }
        };
        Self { outcome, cancel }
    }

    /// What came of it.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        self.outcome.poll(cx)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let is_over = self.outcome.abandon();
        let Some((cancel, caller)) = self.cancel.take().filter(|_| !is_over) else {
            return;
        };
        // At the end of the interpreter there is no task to cancel.
        let _ = Python::try_attach(|py| {
            if let Err(error) = caller.call(cancel.bind(py)) {
                error.write_unraisable(py, None);
            }
        });
    }
}

fn asyncio(
    py: Python<'_>,
    object: &Bound<'_, PyAny>,
    outcome: &Outcome,
) -> PyResult<(Py<PyAny>, event_loop::Caller)> {
    let task = py
        .import("asyncio")?
        .call_method1("ensure_future", (object,))?;
    let caller = event_loop::Caller::here(py)?;
    let outcome = outcome.clone();
    let done = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
        let task = arguments.get_item(0)?;
        outcome.settle(task.call_method0("result").map(Bound::unbind));
        PyResult::Ok(())
    };
    let done = PyCFunction::new_closure(py, None, None, done)?;
    task.call_method1("add_done_callback", (done,))?;
    Ok((task.getattr("cancel")?.unbind(), caller))
}

/// A system task, which no scope of the coroutine's cancels, with a scope of its own that does.
fn trio(
    py: Python<'_>,
    object: Bound<'_, PyAny>,
    outcome: &Outcome,
) -> PyResult<(Py<PyAny>, event_loop::Caller)> {
    let scope = py.import("trio")?.call_method0("CancelScope")?;
    let caller = event_loop::Caller::here(py)?;
    let (object, within, settled) = (object.unbind(), scope.clone().unbind(), outcome.clone());
    let coroutine = Coroutine::builder().name("awaited").build(py, async move {
        Python::attach(|py| within.call_method0(py, "__enter__"))?;
        let outcome = object.awaited().inline().await;
        Python::attach(|py| {
            let is_swallowed = match &outcome {
                Ok(_) => within.call_method1(py, "__exit__", (py.None(), py.None(), py.None())),
                Err(error) => {
                    let (kind, value) = (error.get_type(py), error.value(py));
                    within.call_method1(py, "__exit__", (kind, value, error.traceback(py)))
                }
            }?
            .is_truthy(py)?;
            let cancelled = py.import("trio")?.getattr("Cancelled")?;
            let ends = match &outcome {
                // The end of the run cancels system tasks, and wants to know when they have ended.
                Err(error) if !is_swallowed && error.is_instance(py, &cancelled) => {
                    Err(error.clone_ref(py))
                }
                _ => Ok(()),
            };
            settled.settle(outcome);
            ends
        })
    })?;
    let mut coroutine = Some(coroutine.into_object());
    let coroutine = Mutex::new(coroutine.take());
    let start = move |_: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
        let made = coroutine
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        made.ok_or_else(|| PyRuntimeError::new_err("a task is begun once"))
    };
    let start = PyCFunction::new_closure(py, Some(c"awaited"), None, start)?;
    let options = PyDict::new(py);
    options.set_item(
        "context",
        py.import("contextvars")?.call_method0("copy_context")?,
    )?;
    py.import("trio.lowlevel")?
        .call_method("spawn_system_task", (start,), Some(&options))?;
    Ok((scope.getattr("cancel")?.unbind(), caller))
}
