//! Streams as asynchronous generators.

use crate::convert;
use crate::driver::{Driver, Items, Options, Source, Yielding};
use crate::future::{PyStream, converted};
use crate::turn::{Requests, Ticket, Turn, Wanted};
use pyawaitable::rust::{Definition, Maker, new_generator};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A Python asynchronous generator that is driven by a Rust stream, or by a future that yields. PyO3 converts it, so that it can be
/// what a function returns.
///
/// It behaves as that of an `async def` with a `yield` does: event loops know of it through `sys.set_asyncgen_hooks`, and close it
/// when it is collected, or when they end.
pub struct AsyncGenerator(Py<PyAny>);

static NAMES: Definition = Definition {
    name: c"AsyncGenerator",
    qualified_name: c"AsyncGenerator",
};

impl AsyncGenerator {
    /// A generator of a stream's items. What `asend` sends is lost; what `athrow` throws drops the stream, and is raised, as does
    /// `aclose`. The first error of the stream is its end.
    ///
    /// ```
    /// use futures::stream;
    /// use pyawaitable_pyo3::AsyncGenerator;
    /// use pyo3::prelude::*;
    ///
    /// #[pyfunction]
    /// fn count(py: Python<'_>, until: u32) -> PyResult<AsyncGenerator> {
    ///     AsyncGenerator::from_stream(py, stream::iter((0..until).map(PyResult::Ok)))
    /// }
    /// ```
    pub fn from_stream<S: PyStream + Send + 'static>(py: Python<'_>, stream: S) -> PyResult<Self> {
        Self::make(py, &NAMES, Driver::new(Items(stream), None))
    }

    /// The same, with a function that is called with what is thrown in. If that returns `Ok`, the stream is polled for its next
    /// item; the exception that it returns otherwise is raised, and is the end. `aclose` is None, and the end in any case.
    pub fn with_throw<S, C>(py: Python<'_>, stream: S, callback: C) -> PyResult<Self>
    where
        S: PyStream + Send + 'static,
        C: FnMut(Python<'_>, Option<PyErr>) -> PyResult<()> + Send + 'static,
    {
        let options = Options::new(None, Some(Box::new(callback)));
        Self::make(py, &NAMES, Driver::new(Items(stream), Some(options)))
    }

    /// A generator that is written straight down, as one in Python: the future yields items through its [`Yielder`].
    ///
    /// ```
    /// use pyawaitable_pyo3::AsyncGenerator;
    /// use pyo3::prelude::*;
    ///
    /// /// The average of what has been sent so far.
    /// #[pyfunction]
    /// fn averages(py: Python<'_>) -> PyResult<AsyncGenerator> {
    ///     AsyncGenerator::new(py, |yielder| async move {
    ///         let (mut sum, mut count) = (0.0, 0.0);
    ///         loop {
    ///             let sent = yielder.yield_(sum / f64::max(count, 1.0)).await?;
    ///             sum += Python::attach(|py| sent.extract::<f64>(py))?;
    ///             count += 1.0;
    ///         }
    ///     })
    /// }
    /// ```
    pub fn new<G, F>(py: Python<'_>, generator: G) -> PyResult<Self>
    where
        G: FnOnce(Yielder) -> F,
        F: Future<Output = PyResult<()>> + Send + 'static,
    {
        let future = generator(Yielder(()));
        Self::make(py, &NAMES, Driver::new(Yielding(future), None))
    }

    #[cfg(feature = "macros")]
    pub(crate) fn named<S: PyStream + Send + 'static>(
        py: Python<'_>,
        names: &'static Definition,
        stream: S,
    ) -> PyResult<Self> {
        Self::make(py, names, Driver::new(Items(stream), None))
    }

    fn make<S: Source>(
        py: Python<'_>,
        names: &'static Definition,
        driver: Driver<S>,
    ) -> PyResult<Self> {
        // SAFETY: attached, as `py` proves.
        match unsafe { new_generator(driver, Maker::definition(names)) } {
            Ok(made) => Ok(Self(convert::object(py, made))),
            Err(raised) => Err(convert::error(py, raised)),
        }
    }

    /// The object.
    pub fn into_object(self) -> Py<PyAny> {
        self.0
    }
}

impl<'py> IntoPyObject<'py> for AsyncGenerator {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Infallible> {
        Ok(self.0.into_bound(py))
    }
}

/// How the future of a generator yields: see [`AsyncGenerator::new`].
pub struct Yielder(());

impl Yielder {
    /// Yields an item. The future's result is what is sent in response, which is None for `async for`, or what is thrown in: an
    /// `Err` with a `GeneratorExit` from `aclose`, after which nothing more may be yielded.
    ///
    /// The generator that polls it yields; anywhere else it is a `RuntimeError`.
    pub fn yield_<T>(&self, item: T) -> Yielded<'_, T>
    where
        T: for<'py> IntoPyObject<'py> + 'static,
    {
        Yielded {
            _yielder: self,
            state: State::New(item),
        }
    }
}

/// What [`Yielder::yield_`] returns.
#[must_use = "futures do nothing unless polled"]
pub struct Yielded<'a, T> {
    _yielder: &'a Yielder,
    state: State<T>,
}

enum State<T> {
    New(T),
    Asked(Ticket, Arc<Requests>),
    Done,
}

// Nothing in it is pinned.
impl<T> Unpin for Yielded<'_, T> {}

impl<T> Drop for Yielded<'_, T> {
    fn drop(&mut self) {
        if let State::Asked(ticket, requests) = &self.state {
            requests.withdraw(*ticket);
        }
    }
}

impl<T> Future for Yielded<'_, T>
where
    T: for<'py> IntoPyObject<'py> + 'static,
{
    type Output = PyResult<Py<PyAny>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Turn::with(cx.waker(), |turn| {
            let Some(turn) = turn else {
                return Poll::Ready(Err(PyRuntimeError::new_err(
                    "an item is yielded where no asynchronous generator polls, or not with its own waker",
                )));
            };
            match std::mem::replace(&mut self.state, State::Done) {
                State::New(item) => {
                    let item = Python::attach(|py| converted(py, item));
                    match item.and_then(|item| Ok(turn.ask(Wanted::Item(item))?)) {
                        Ok(ticket) => {
                            self.state = State::Asked(ticket, turn.requests());
                            Poll::Pending
                        }
                        Err(error) => Poll::Ready(Err(error)),
                    }
                }
                State::Asked(ticket, requests) => match turn.outcome(ticket) {
                    Some(outcome) => Poll::Ready(outcome),
                    None => {
                        self.state = State::Asked(ticket, requests);
                        Poll::Pending
                    }
                },
                State::Done => Poll::Ready(Err(convert::polled_after_its_end())),
            }
        })
    }
}
