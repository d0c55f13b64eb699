//! Learning of a cancellation in Rust.

use pyo3::PyErr;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What is thrown into a coroutine whose future takes note of it: see [`Builder::cancel_handle`](crate::Builder::cancel_handle).
///
/// Without one, an exception that is thrown in while the future waits drops the future, and is raised. With one, the future is
/// polled instead, and finds the exception here: it may return an error, or clean up first, or go on as if nothing had happened.
///
/// Asyncio's cancellation is an `asyncio.CancelledError`, trio's a `trio.Cancelled`; `close()` throws a `GeneratorExit`, after which
/// the future may not wait any more. Trio would throw again at each further wait: from then on those for what is not Python's are
/// shielded. While the future awaits a Python object, exceptions are thrown into that, and do not come here.
///
/// ```
/// use futures::future::{Either, select};
/// use pyawaitable_pyo3::{CancelHandle, Coroutine};
/// use pyo3::prelude::*;
/// use std::pin::pin;
///
/// # async fn transfer() {}
/// # async fn roll_back() {}
/// #[pyfunction]
/// fn transferred(py: Python<'_>) -> PyResult<Coroutine> {
///     let handle = CancelHandle::new();
///     Coroutine::builder().cancel_handle(&handle).build(py, async move {
///         match select(pin!(transfer()), handle.cancelled()).await {
///             Either::Left(_) => Ok(()),
///             Either::Right((thrown, _)) => {
///                 roll_back().await;
///                 Err(thrown)
///             }
///         }
///     })
/// }
/// ```
#[derive(Clone, Default)]
pub struct CancelHandle(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_cancelled: bool,
    thrown: Option<PyErr>,
    waker: Option<Waker>,
}

impl CancelHandle {
    /// A new one, for one coroutine.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an exception has been thrown in, taken or not.
    pub fn is_cancelled(&self) -> bool {
        self.state().is_cancelled
    }

    /// Takes the exception that was thrown in last, or has the task woken when there is one.
    pub fn poll_cancelled(&self, cx: &mut Context<'_>) -> Poll<PyErr> {
        let mut state = self.state();
        if let Some(thrown) = state.thrown.take() {
            return Poll::Ready(thrown);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Waits for an exception to be thrown in, and takes it.
    pub fn cancelled(&self) -> Cancelled<'_> {
        Cancelled(self)
    }

    /// Notes what was thrown.
    pub(crate) fn cancel(&self, thrown: PyErr) {
        let (before, waker) = {
            let mut state = self.state();
            state.is_cancelled = true;
            (state.thrown.replace(thrown), state.waker.take())
        };
        drop(before);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What [`CancelHandle::cancelled`] returns.
#[must_use = "futures do nothing unless polled"]
pub struct Cancelled<'a>(&'a CancelHandle);

impl Future for Cancelled<'_> {
    type Output = PyErr;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<PyErr> {
        self.0.poll_cancelled(cx)
    }
}
