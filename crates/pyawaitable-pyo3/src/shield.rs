//! Futures that run on when their coroutine is cancelled.

use crate::convert::polled_after_its_end;
use crate::coroutine::Coroutine;
use crate::event_loop::{library, no_loop};
use crate::future::PyFuture;
use crate::task::Task;
use pyo3::prelude::*;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that runs on when the coroutine is cancelled or closed: see [`Builder::shield`](crate::Builder::shield).
pub(crate) struct Shield<F>(State<F>);

enum State<F> {
    New(F),
    Running(Task),
    Done,
}

// Nothing in it is pinned: the future is moved before it is polled.
impl<F> Unpin for Shield<F> {}

impl<F> Shield<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(State::New(future))
    }
}

impl<F: PyFuture + Send + 'static> PyFuture for Shield<F> {
    fn poll_py(
        mut self: Pin<&mut Self>,
        py: Python<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<PyResult<Py<PyAny>>> {
        let mut task = match std::mem::replace(&mut self.0, State::Done) {
            State::New(future) => {
                if library(py)?.is_none() {
                    return Poll::Ready(Err(no_loop()));
                }
                let coroutine = Coroutine::new(py, future)?.into_object();
                Task::begin(py, coroutine.into_bound(py), cx.waker())
            }
            State::Running(task) => task,
            State::Done => {
                return Poll::Ready(Err(polled_after_its_end()));
            }
        };
        let polled = Pin::new(&mut task).poll(cx);
        if polled.is_pending() {
            self.0 = State::Running(task);
        }
        polled
    }
}

impl<F> Drop for Shield<F> {
    fn drop(&mut self) {
        if let State::Running(task) = std::mem::replace(&mut self.0, State::Done) {
            task.detach();
        }
    }
}
