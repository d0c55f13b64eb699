//! What an event loop is to do, from any thread.

use crate::convert::{interpreter_ended, panic_error};
use pyo3::exceptions::PyException;
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) type Job = Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send>;

/// Jobs for a loop, which asks for them in its turn.
pub(crate) struct Queue {
    jobs: Mutex<Jobs>,
    /// The loop's function for calls from other threads.
    soon: Py<PyAny>,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// Whether the loop knows that there are some.
    is_told: bool,
}

impl Queue {
    pub(crate) fn new(soon: Py<PyAny>) -> Self {
        Self {
            jobs: Mutex::default(),
            soon,
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one. If the loop is closed, all that wait are dropped. No job is dropped, and no code of Python's runs, under the lock.
    pub(crate) fn push(self: &Arc<Self>, job: Job) -> PyResult<()> {
        let is_told = {
            let mut jobs = self.jobs();
            jobs.waiting.push_back(job);
            std::mem::replace(&mut jobs.is_told, true)
        };
        if is_told {
            return Ok(());
        }
        let called = Python::try_attach(|py| self.tell(py));
        called.unwrap_or_else(|| {
            self.forget();
            Err(interpreter_ended())
        })
    }

    /// Tells the loop. If that fails, or comes to nothing, what it was told of is dropped.
    fn tell(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        let turn = Turn {
            queue: Arc::clone(self),
            has_come: AtomicBool::new(false),
        };
        let run = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
            turn.has_come.store(true, Ordering::Relaxed);
            turn.queue.run(arguments.py())
        };
        let run = PyCFunction::new_closure(py, None, None, run)?;
        self.soon.bind(py).call1((run,)).map(drop)
    }

    /// Does what waits by now. What the interpreter is to be interrupted by comes out of it, and the rest is done in the next turn.
    fn run(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        let mut batch = {
            let mut jobs = self.jobs();
            jobs.is_told = false;
            std::mem::take(&mut jobs.waiting)
        };
        while let Some(job) = batch.pop_front() {
            let Err(error) = done(py, job) else {
                continue;
            };
            if error.is_instance_of::<PyException>(py) || error.is_instance_of::<PanicException>(py)
            {
                error.write_unraisable(py, None);
                continue;
            }
            let is_told = {
                let mut jobs = self.jobs();
                batch.append(&mut jobs.waiting);
                jobs.waiting = batch;
                jobs.waiting.is_empty() || std::mem::replace(&mut jobs.is_told, true)
            };
            if !is_told {
                if let Err(more) = self.tell(py) {
                    more.write_unraisable(py, None);
                }
            }
            return Err(error);
        }
        Ok(())
    }

    /// Drops what waits.
    fn forget(&self) {
        let dropped = {
            let mut jobs = self.jobs();
            jobs.is_told = false;
            std::mem::take(&mut jobs.waiting)
        };
        drop(dropped);
    }
}

/// Does one, whose panic is an exception.
fn done(py: Python<'_>, job: Job) -> PyResult<()> {
    match catch_unwind(AssertUnwindSafe(|| job(py))) {
        Ok(done) => done,
        Err(payload) => Err(panic_error(&*payload)),
    }
}

/// What the loop has been told to call.
struct Turn {
    queue: Arc<Queue>,
    has_come: AtomicBool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.has_come.load(Ordering::Relaxed) {
            self.queue.forget();
        }
    }
}
