//! Futures that stay in their thread.

use crate::future::PyFuture;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};

/// A future that another thread can have, but neither polls nor drops.
pub(crate) struct Local<F> {
    thread: ThreadId,
    future: ManuallyDrop<F>,
}

// SAFETY: other threads only compare the number.
unsafe impl<F> Send for Local<F> {}

impl<F> Local<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            thread: thread::current().id(),
            future: ManuallyDrop::new(future),
        }
    }

    fn is_here(&self) -> bool {
        self.thread == thread::current().id()
    }
}

impl<F: PyFuture> PyFuture for Local<F> {
    fn poll_py(
        self: Pin<&mut Self>,
        py: Python<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<PyResult<Py<PyAny>>> {
        if !self.is_here() {
            return Poll::Ready(Err(PyRuntimeError::new_err(
                "this coroutine can be stepped only by the thread that has created it",
            )));
        }
        // SAFETY: pinned, as `self` is.
        let future = unsafe { self.map_unchecked_mut(|local| &mut *local.future) };
        future.poll_py(py, cx)
    }
}

impl<F> Drop for Local<F> {
    fn drop(&mut self) {
        if self.is_here() {
            // SAFETY: not used from here on.
            unsafe { ManuallyDrop::drop(&mut self.future) };
            return;
        }
        // Its memory is lost, which is better than anything else that another thread could do.
        let _ = Python::try_attach(|py| {
            let error = PyRuntimeError::new_err(
                "a coroutine was destroyed in another thread than that which has created it, and its future leaked",
            );
            error.write_unraisable(py, None);
        });
    }
}
