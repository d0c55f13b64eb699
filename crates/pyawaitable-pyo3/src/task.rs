//! Awaiting a Python object in a task of its own.

use crate::awaiting::AwaitExt;
use crate::coroutine::Coroutine;
use crate::event_loop::{Caller, Library, library, scoped};
use crate::outcome::Outcome;
use pyo3::exceptions::PyRuntimeError;
use pyo3::exceptions::asyncio::CancelledError;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A task of an event loop, which [`EventLoop::spawn`](crate::EventLoop::spawn) has begun. It is a future of what comes of that, which any thread and any
/// runtime may poll.
///
/// Dropping it cancels the task, unless it is [detached](Task::detach). If the loop ends before the task does, that is a
/// `RuntimeError`.
#[must_use = "dropping a task cancels it"]
pub struct Task {
    outcome: Outcome,
    stage: Arc<Stage>,
}

/// How far it has come.
#[derive(Default)]
pub(crate) struct Stage(Mutex<State>);

#[derive(Default)]
enum State {
    /// The loop has not come to it.
    #[default]
    Queued,
    /// What is called to cancel it, and how a thread that is not the loop's has that called.
    Begun(Py<PyAny>, Caller),
    /// Cancelled, or it could not be begun.
    Over,
}

const LOST: &str = "the event loop has ended before the task did";

impl Stage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to await what the function returns, in the event loop that runs in this thread, unless it has been cancelled.
    pub(crate) fn begin<'py, F>(&self, py: Python<'py>, outcome: &Outcome, object: F)
    where
        F: FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>>,
    {
        if matches!(*self.state(), State::Over) {
            return;
        }
        let begun = object(py).and_then(|object| match library(py)? {
            Some(Library::Asyncio) => asyncio(py, &object, outcome),
            Some(Library::Trio) => trio(py, object, outcome),
            None => Err(PyRuntimeError::new_err(
                "a Python object is awaited where neither a coroutine polls with its own waker, nor an event loop of asyncio or trio runs",
            )),
        });
        match begun {
            Ok((cancel, caller)) => {
                let is_cancelled = {
                    let mut state = self.state();
                    let is_cancelled = matches!(*state, State::Over);
                    if !is_cancelled {
                        *state = State::Begun(cancel.clone_ref(py), caller);
                    }
                    is_cancelled
                };
                if is_cancelled {
                    // By another thread meanwhile.
                    if let Err(error) = cancel.call0(py) {
                        error.write_unraisable(py, None);
                    }
                }
            }
            Err(error) => {
                *self.state() = State::Over;
                outcome.settle(Err(error));
            }
        }
    }
}

impl Task {
    /// One that is still to be begun, by [`Stage::begin`], and what that needs.
    pub(crate) fn queued() -> (Self, Outcome, Arc<Stage>) {
        let task = Self {
            outcome: Outcome::default(),
            stage: Arc::default(),
        };
        let (outcome, stage) = (task.outcome.clone(), Arc::clone(&task.stage));
        (task, outcome, stage)
    }

    /// Begins to await it: in the event loop that runs in this thread, or in that of the scope. If that fails, it is what comes of
    /// it.
    pub(crate) fn begin(py: Python<'_>, object: Bound<'_, PyAny>, waker: &Waker) -> Self {
        if let (Ok(None), Some(elsewhere)) = (library(py), scoped()) {
            let object = object.unbind();
            return elsewhere.spawn(move |py| Ok(object.into_bound(py)));
        }
        let task = Self {
            outcome: Outcome::for_waker(waker),
            stage: Arc::default(),
        };
        task.stage.begin(py, &task.outcome, |_| Ok(object));
        task
    }

    /// It could not be begun.
    pub(crate) fn fail(&self, error: PyErr) {
        *self.stage.state() = State::Over;
        self.outcome.settle(Err(error));
    }

    /// Cancels it, as `asyncio.Task.cancel` or a cancel scope of trio's does. What comes of it is told as before: usually an
    /// `asyncio.CancelledError`, or a `trio.Cancelled`. From other threads than the loop's, this attaches to the interpreter.
    pub fn cancel(&self) {
        if self.outcome.is_over() {
            return;
        }
        let before = std::mem::replace(&mut *self.stage.state(), State::Over);
        match before {
            State::Queued => {
                let error = CancelledError::new_err(());
                self.outcome.settle(Err(error));
            }
            State::Begun(cancel, caller) => {
                // At the end of the interpreter there is no task to cancel.
                let _ = Python::try_attach(|py| {
                    if let Err(error) = caller.call(cancel.bind(py)) {
                        error.write_unraisable(py, None);
                    }
                });
            }
            State::Over => {}
        }
    }

    /// Whether something has come of it.
    pub fn is_done(&self) -> bool {
        self.outcome.is_over()
    }

    /// Lets it run on by itself. An exception that ends it, other than a cancellation, then goes to `sys.unraisablehook`.
    pub fn detach(self) {
        self.outcome.detach();
    }
}

impl Future for Task {
    type Output = PyResult<Py<PyAny>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.outcome.poll(cx)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.outcome.abandon() {
            self.cancel();
        }
    }
}

fn asyncio(
    py: Python<'_>,
    object: &Bound<'_, PyAny>,
    outcome: &Outcome,
) -> PyResult<(Py<PyAny>, Caller)> {
    let task = py
        .import("asyncio")?
        .call_method1("ensure_future", (object,))?;
    let caller = Caller::here(py)?;
    // Only from here on: what fails until then is what comes of it.
    let teller = outcome.teller(LOST);
    let done = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
        let task = arguments.get_item(0)?;
        teller.settle(task.call_method0("result").map(Bound::unbind));
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
) -> PyResult<(Py<PyAny>, Caller)> {
    let scope = py.import("trio")?.call_method0("CancelScope")?;
    let caller = Caller::here(py)?;
    let (object, within) = (object.unbind(), scope.clone().unbind());
    let teller = outcome.teller(LOST);
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
            teller.settle(outcome);
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
