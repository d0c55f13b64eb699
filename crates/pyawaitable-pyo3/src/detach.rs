//! Polling without holding the interpreter.

use pyo3::Python;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that is polled while the thread is detached from the interpreter, so that other threads run Python meanwhile: see
/// [`DetachExt::detach`].
#[must_use = "futures do nothing unless polled"]
pub struct Detach<F>(F);

/// [`detach`](DetachExt::detach) for all futures.
pub trait DetachExt: Future + Sized {
    /// The same future, to be polled while the thread is detached from the interpreter. For one that computes for long.
    ///
    /// ```
    /// use pyawaitable_pyo3::{Coroutine, DetachExt};
    /// use pyo3::prelude::*;
    ///
    /// #[pyfunction]
    /// fn sum(py: Python<'_>, numbers: Vec<u64>) -> PyResult<Coroutine> {
    ///     Coroutine::new(py, async move { PyResult::Ok(numbers.iter().sum::<u64>()) }.detach())
    /// }
    /// ```
    fn detach(self) -> Detach<Self>
    where
        Self: Send,
    {
        Detach(self)
    }
}

impl<F: Future> DetachExt for F {}

impl<F: Future + Send> Future for Detach<F>
where
    F::Output: Send,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: pinned, as `self` is.
        let future = unsafe { self.map_unchecked_mut(|detach| &mut detach.0) };
        let waker = cx.waker();
        // Not attached, or at the end of Python, there is nothing to detach from.
        // SAFETY: a function that any thread may call.
        if unsafe { pyo3::ffi::PyGILState_Check() } == 0 {
            return future.poll(cx);
        }
        Python::attach(|py| py.detach(|| future.poll(&mut Context::from_waker(waker))))
    }
}
