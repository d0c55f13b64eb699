//! What can be polled into a Python object.

use futures_core::Stream;
use pyo3::BoundObject;
use pyo3::prelude::*;
use std::any::TypeId;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future of a Python object: every [`Future`] whose output is a `Result` of what PyO3 can convert. `()` becomes `None`.
///
/// To be implemented for what needs the interpreter while it is polled.
///
/// ```
/// use pyawaitable_pyo3::{Coroutine, PyFuture};
/// use pyo3::prelude::*;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
///
/// /// How many modules are loaded by the time that it is awaited.
/// struct Modules;
///
/// impl PyFuture for Modules {
///     fn poll_py(self: Pin<&mut Self>, py: Python<'_>, _: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
///         let count = || Ok(py.import("sys")?.getattr("modules")?.len()?.into_pyobject(py)?.into_any().unbind());
///         Poll::Ready(count())
///     }
/// }
///
/// #[pyfunction]
/// fn modules(py: Python<'_>) -> PyResult<Coroutine> {
///     Coroutine::new(py, Modules)
/// }
/// ```
pub trait PyFuture {
    /// As [`Future::poll`], in a thread that is attached.
    fn poll_py(
        self: Pin<&mut Self>,
        py: Python<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<PyResult<Py<PyAny>>>;
}

impl<F, T, E> PyFuture for F
where
    F: Future<Output = Result<T, E>>,
    T: for<'py> IntoPyObject<'py> + 'static,
    E: Into<PyErr>,
{
    fn poll_py(
        self: Pin<&mut Self>,
        py: Python<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<PyResult<Py<PyAny>>> {
        match self.poll(cx) {
            Poll::Ready(Ok(value)) => Poll::Ready(converted(py, value)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// A stream of Python objects: every [`Stream`] whose items are a `Result` of what PyO3 can convert. `()` becomes `None`.
pub trait PyStream {
    /// As [`Stream::poll_next`], in a thread that is attached.
    fn poll_next_py(
        self: Pin<&mut Self>,
        py: Python<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<PyResult<Py<PyAny>>>>;
}

impl<S, T, E> PyStream for S
where
    S: Stream<Item = Result<T, E>>,
    T: for<'py> IntoPyObject<'py> + 'static,
    E: Into<PyErr>,
{
    fn poll_next_py(
        self: Pin<&mut Self>,
        py: Python<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<PyResult<Py<PyAny>>>> {
        self.poll_next(cx).map(|next| {
            next.map(|item| match item {
                Ok(value) => converted(py, value),
                Err(error) => Err(error.into()),
            })
        })
    }
}

/// The value as a Python object. PyO3 makes a tuple of `()`, but None of it where a function returns that.
pub(crate) fn converted<T>(py: Python<'_>, value: T) -> PyResult<Py<PyAny>>
where
    T: for<'py> IntoPyObject<'py> + 'static,
{
    if TypeId::of::<T>() == TypeId::of::<()>() {
        return Ok(py.None());
    }
    match value.into_pyobject(py) {
        Ok(object) => Ok(object.into_any().into_bound().unbind()),
        Err(error) => Err(error.into()),
    }
}
