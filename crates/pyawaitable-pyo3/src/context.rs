//! Context variables.

use pyo3::ffi;
use pyo3::prelude::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Values of context variables: a `contextvars.Context`, for any thread.
///
/// A coroutine needs none of this: what it polls and awaits runs in the context of its task, as with `async def`. It is for code
/// that runs elsewhere on behalf of a task.
///
/// ```
/// use pyawaitable_pyo3::ContextVars;
/// use pyo3::prelude::*;
///
/// /// Calls it in a thread, with the context variables of who calls this.
/// #[pyfunction]
/// fn call_in_thread(py: Python<'_>, function: Py<PyAny>) -> PyResult<()> {
///     let context = ContextVars::copy(py)?;
///     std::thread::spawn(move || {
///         Python::attach(|py| {
///             let called = context.run(py, |py| function.call0(py));
///             if let Err(error) = called.and_then(|called| called) {
///                 error.write_unraisable(py, None);
///             }
///         })
///     });
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct ContextVars(Arc<Py<PyAny>>);

impl ContextVars {
    /// A copy of the context in which this thread runs Python code now.
    pub fn copy(py: Python<'_>) -> PyResult<Self> {
        // SAFETY: attached, as `py` proves; a new reference, or NULL with an exception set.
        let copied = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_CopyCurrent()) }?;
        Ok(Self(Arc::new(copied.unbind())))
    }

    /// A copy of this one.
    pub(crate) fn copied(&self, py: Python<'_>) -> PyResult<Self> {
        // SAFETY: a context; a new reference, or NULL with an exception set.
        let copied =
            unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_Copy(self.0.as_ptr())) }?;
        Ok(Self(Arc::new(copied.unbind())))
    }

    /// The `contextvars.Context`.
    pub fn object(&self) -> &Py<PyAny> {
        &self.0
    }

    /// Calls the function in it, as `Context.run` does: variables that are set there are set in the context. `RuntimeError` if it
    /// has been entered already, by any thread.
    pub fn run<R>(&self, py: Python<'_>, function: impl FnOnce(Python<'_>) -> R) -> PyResult<R> {
        struct Entered<'a, 'py>(Python<'py>, &'a ContextVars);
        impl Drop for Entered<'_, '_> {
            fn drop(&mut self) {
                // SAFETY: attached, and a context, which was entered.
                if unsafe { ffi::PyContext_Exit(self.1.0.as_ptr()) } != 0 {
                    PyErr::fetch(self.0).write_unraisable(self.0, None);
                }
            }
        }
        // SAFETY: attached, as `py` proves, and a context.
        if unsafe { ffi::PyContext_Enter(self.0.as_ptr()) } != 0 {
            return Err(PyErr::fetch(py));
        }
        let _entered = Entered(py, self);
        Ok(function(py))
    }

    /// The future, polled in this context, wherever that is: each poll attaches to the interpreter. Python objects that it awaits
    /// are not in the context unless [`EventLoop::in_context`](crate::EventLoop::in_context) has them awaited.
    pub fn scope<F, T, E>(&self, future: F) -> InContext<F>
    where
        F: Future<Output = Result<T, E>>,
        E: From<PyErr>,
    {
        InContext {
            context: self.clone(),
            future,
        }
    }
}

/// What [`ContextVars::scope`] returns.
#[must_use = "futures do nothing unless polled"]
pub struct InContext<F> {
    context: ContextVars,
    future: F,
}

impl<F, T, E> Future for InContext<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<PyErr>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let context = self.context.clone();
        // SAFETY: pinned, as `self` is.
        let future = unsafe { self.map_unchecked_mut(|within| &mut within.future) };
        let polled = Python::try_attach(|py| context.run(py, |_| future.poll(cx)));
        match polled {
            Some(Ok(polled)) => polled,
            Some(Err(error)) => Poll::Ready(Err(error.into())),
            None => Poll::Ready(Err(crate::convert::interpreter_ended().into())),
        }
    }
}
