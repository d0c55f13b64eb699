//! What the macros expand to.

#![allow(missing_docs, reason = "for the macros alone")]

use crate::{AsyncGenerator, Coroutine, PyFuture, PyStream};
use futures_core::Stream;
pub use pyawaitable::rust::Definition;
pub use pyo3;
use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::False;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

pub fn coroutine<F: PyFuture + Send + 'static>(
    py: Python<'_>,
    names: &'static Definition,
    future: F,
) -> PyResult<Coroutine> {
    Coroutine::make(py, future, names, None)
}

pub fn local_coroutine<F: PyFuture + 'static>(
    py: Python<'_>,
    names: &'static Definition,
    future: F,
) -> PyResult<Coroutine> {
    coroutine(py, names, crate::local::Local::new(future))
}

pub fn shielded_coroutine<F: PyFuture + Send + 'static>(
    py: Python<'_>,
    names: &'static Definition,
    future: F,
) -> PyResult<Coroutine> {
    coroutine(py, names, crate::shield::Shield::new(future))
}

pub fn generator<S: PyStream + Send + 'static>(
    py: Python<'_>,
    names: &'static Definition,
    stream: S,
) -> PyResult<AsyncGenerator> {
    AsyncGenerator::named(py, names, stream)
}

/// What an `async fn` returned. A `Result` is one already; `Plain` makes one of anything else.
pub struct Output<T>(pub T);

impl<T, E: Into<PyErr>> Output<Result<T, E>> {
    pub fn into_result(self) -> Result<T, E> {
        self.0
    }
}

pub trait Plain {
    type Value;
    fn into_result(self) -> PyResult<Self::Value>;
}

impl<T> Plain for Output<T> {
    type Value = T;

    fn into_result(self) -> PyResult<T> {
        Ok(self.0)
    }
}

/// The stream that a future is going to return.
pub fn later<F: Future<Output = S>, S: Stream>(future: F) -> Later<F, S> {
    Later::Future(future)
}

pub enum Later<F, S> {
    Future(F),
    Stream(S),
}

impl<F: Future<Output = S>, S: Stream> Stream for Later<F, S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        loop {
            // SAFETY: neither is moved. The future is dropped in its place when the stream takes that.
            let ready = match unsafe { self.as_mut().get_unchecked_mut() } {
                // SAFETY: as above.
                Self::Future(future) => match unsafe { Pin::new_unchecked(future) }.poll(cx) {
                    Poll::Ready(stream) => stream,
                    Poll::Pending => return Poll::Pending,
                },
                // SAFETY: as above.
                Self::Stream(stream) => return unsafe { Pin::new_unchecked(stream) }.poll_next(cx),
            };
            self.set(Self::Stream(ready));
        }
    }
}

/// A borrow of a Python object's contents for as long as a coroutine needs it.
pub struct Guard<T: PyClass>(ManuallyDrop<PyRef<'static, T>>);

// SAFETY: the contents may be used by several threads; the borrow is given up in an attached one.
unsafe impl<T: PyClass + Sync> Send for Guard<T> {}
// SAFETY: it only gives shared references to the contents.
unsafe impl<T: PyClass + Sync> Sync for Guard<T> {}

impl<T: PyClass> Guard<T> {
    pub fn new(object: &Bound<'_, T>) -> PyResult<Self> {
        let borrowed = object.try_borrow()?;
        // SAFETY: it holds a reference of its own, and the lifetime is that of the thread's token, which is not used.
        let borrowed = unsafe { std::mem::transmute::<PyRef<'_, T>, PyRef<'static, T>>(borrowed) };
        Ok(Self(ManuallyDrop::new(borrowed)))
    }

    pub fn get(&self) -> &T {
        &self.0
    }
}

impl<T: PyClass> Drop for Guard<T> {
    fn drop(&mut self) {
        // At the end of the interpreter nothing is borrowed any more.
        // SAFETY: not used from here on, and dropped in an attached thread.
        let _ = Python::try_attach(|_| unsafe { ManuallyDrop::drop(&mut self.0) });
    }
}

/// The same for a borrow that nobody else has.
pub struct GuardMut<T: PyClass<Frozen = False>>(ManuallyDrop<PyRefMut<'static, T>>);

// SAFETY: as for `Guard`, for contents that one thread uses at a time.
unsafe impl<T: PyClass<Frozen = False> + Send> Send for GuardMut<T> {}

impl<T: PyClass<Frozen = False>> GuardMut<T> {
    pub fn new(object: &Bound<'_, T>) -> PyResult<Self> {
        let borrowed = object.try_borrow_mut()?;
        // SAFETY: as for `Guard`.
        let borrowed =
            unsafe { std::mem::transmute::<PyRefMut<'_, T>, PyRefMut<'static, T>>(borrowed) };
        Ok(Self(ManuallyDrop::new(borrowed)))
    }

    pub fn get(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: PyClass<Frozen = False>> Drop for GuardMut<T> {
    fn drop(&mut self) {
        // SAFETY: as for `Guard`.
        let _ = Python::try_attach(|_| unsafe { ManuallyDrop::drop(&mut self.0) });
    }
}
