//! Python's futures, waited for by any thread.

use crate::convert::{interpreter_ended, polled_after_its_end};
use crate::outcome::Outcome;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What becomes of a Python future when its [`FutureHandle`] is dropped before it is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnDrop {
    /// Nothing.
    #[default]
    Leave,
    /// It is cancelled. Should that fail, nobody hears of it.
    Cancel,
    /// It is cancelled. Should that fail, the exception goes to `sys.unraisablehook`: a panic in a destructor, which pyo3-async
    /// has in this place, could be the end of the process.
    CancelOrReport,
}

/// A future of what comes of a Python future: `asyncio.Future`, which a task is, too, or `concurrent.futures.Future`.
///
/// Any thread and any runtime may poll it, attached to the interpreter or not. An [`awaited`](crate::AwaitExt::awaited) object, in
/// contrast, is awaited by the coroutine that polls it. Whoever runs the Python future has to go on doing so.
///
/// ```
/// use pyawaitable_pyo3::{FutureHandle, OnDrop};
/// use pyo3::prelude::*;
///
/// # fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
/// /// Prints when a task of asyncio is done, from a runtime of Rust's.
/// #[pyfunction]
/// fn watch(task: Py<PyAny>) {
///     spawn(async move {
///         match FutureHandle::new(task, OnDrop::Leave).await {
///             Ok(_) => println!("done"),
///             Err(error) => println!("failed: {error}"),
///         }
///     });
/// }
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct FutureHandle {
    future: Py<PyAny>,
    on_drop: OnDrop,
    outcome: Outcome,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    New,
    Asked,
    Done,
}

impl FutureHandle {
    /// A handle for a future.
    pub fn new(future: Py<PyAny>, on_drop: OnDrop) -> Self {
        Self {
            future,
            on_drop,
            outcome: Outcome::default(),
            state: State::New,
        }
    }

    /// Has it tell when it is done.
    fn ask(&self, py: Python<'_>) -> PyResult<()> {
        let teller = self
            .outcome
            .teller("the future has gone before it was done");
        let done = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
            let future = arguments.get_item(0)?;
            teller.settle(future.call_method0("result").map(Bound::unbind));
            PyResult::Ok(())
        };
        let done = PyCFunction::new_closure(py, None, None, done)?;
        let future = self.future.bind(py);
        call_in_loop(future, "add_done_callback", PyTuple::new(py, [done])?)
    }
}

/// Calls a method of the future in the thread of its loop, if it has one.
fn call_in_loop<'py>(
    future: &Bound<'py, PyAny>,
    method: &str,
    arguments: Bound<'py, PyTuple>,
) -> PyResult<()> {
    let py = future.py();
    let method = future.getattr(method)?;
    if !future.hasattr("get_loop")? {
        return method.call1(arguments).map(drop);
    }
    let its = future.call_method0("get_loop")?;
    let running = py
        .import("asyncio.events")?
        .call_method0("_get_running_loop")?;
    if running.is(&its) {
        return method.call1(arguments).map(drop);
    }
    let mut all = vec![method];
    all.extend(arguments.iter());
    its.call_method1("call_soon_threadsafe", PyTuple::new(py, all)?)
        .map(drop)
}

impl Future for FutureHandle {
    type Output = PyResult<Py<PyAny>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.state == State::Done {
            return Poll::Ready(Err(polled_after_its_end()));
        }
        let polled = self.outcome.poll(cx);
        if polled.is_pending() && self.state == State::New {
            self.state = State::Asked;
            let asked = Python::try_attach(|py| self.ask(py));
            if let Err(error) = asked.unwrap_or_else(|| Err(interpreter_ended())) {
                self.state = State::Done;
                return Poll::Ready(Err(error));
            }
            // It may have been done already.
            return self.poll(cx);
        }
        if polled.is_ready() {
            self.state = State::Done;
        }
        polled
    }
}

impl Drop for FutureHandle {
    fn drop(&mut self) {
        let is_over = self.outcome.abandon();
        if is_over || self.state == State::Done || self.on_drop == OnDrop::Leave {
            return;
        }
        // Where the interpreter or the loop has ended, nothing is left to be cancelled.
        let _ = Python::try_attach(|py| {
            let cancelled = call_in_loop(self.future.bind(py), "cancel", PyTuple::empty(py));
            match cancelled {
                Err(error) if self.on_drop == OnDrop::CancelOrReport => {
                    error.write_unraisable(py, None);
                }
                _ => {}
            }
        });
    }
}
