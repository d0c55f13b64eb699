//! Awaiting Python objects from Rust.

use crate::convert::polled_after_its_end;
use crate::task::Task;
use crate::turn::{Denied, Place, Requests, Ticket, Turn, Wanted};
use futures_core::Stream;
use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration};
use pyo3::prelude::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Awaiting Python objects: for [`Bound`] and [`Py`].
pub trait AwaitExt: Sized {
    /// A future of what `await` returns for this object in Python, or raises.
    ///
    /// It is to be polled by a [`Coroutine`](crate::Coroutine) or an [`AsyncGenerator`](crate::AsyncGenerator), which then awaits the
    /// object as an `async def` does: in the same task and context, in whatever event loop, and what is thrown into the coroutine
    /// meanwhile is thrown into the object. `Err` is what comes of it there.
    ///
    /// An object that cannot be awaited is a `TypeError`, as is everything else that `await` finds wrong.
    ///
    /// ```
    /// use pyawaitable_pyo3::{AwaitExt, Coroutine};
    /// use pyo3::prelude::*;
    ///
    /// /// Awaits a function's result twice, and returns whether that was the same.
    /// #[pyfunction]
    /// fn is_stable(py: Python<'_>, function: Py<PyAny>) -> PyResult<Coroutine> {
    ///     Coroutine::new(py, async move {
    ///         let call = || Python::attach(|py| Ok::<_, PyErr>(function.bind(py).call0()?.awaited()));
    ///         let (first, second) = (call()?.await?, call()?.await?);
    ///         Python::attach(|py| first.bind(py).eq(second))
    ///     })
    /// }
    /// ```
    fn awaited(self) -> Awaiting;

    /// The items of an asynchronous iterable, as `async for` gets them. It ends with the first error.
    fn stream(self) -> AsyncIter;
}

impl<T> AwaitExt for Py<T> {
    fn awaited(self) -> Awaiting {
        Awaiting(State::New(self.into_any(), Place::Auto))
    }

    fn stream(self) -> AsyncIter {
        AsyncIter(Iteration::New(self.into_any()))
    }
}

impl<T> AwaitExt for Bound<'_, T> {
    fn awaited(self) -> Awaiting {
        self.unbind().awaited()
    }

    fn stream(self) -> AsyncIter {
        self.unbind().stream()
    }
}

impl<T> AwaitExt for &Bound<'_, T> {
    fn awaited(self) -> Awaiting {
        self.clone().awaited()
    }

    fn stream(self) -> AsyncIter {
        self.clone().stream()
    }
}

/// What [`AwaitExt::awaited`] returns.
///
/// # Where it is awaited
/// In the coroutine's place, as an `async def` does, if nothing but the end of that can wake the coroutine meanwhile. That is so
/// unless something else is polled besides, as with `select!` and `join!`: then it is awaited in a task of its own, which needs an
/// event loop of asyncio or trio, and has a copy of the context. Dropping this cancels that task. In the threads of a runtime, it
/// is a task of the loop whose [scope](crate::EventLoop::scope) polls this. [`inline`](Awaiting::inline) and
/// [`in_task`](Awaiting::in_task) ask for the one or the other.
#[must_use = "futures do nothing unless polled"]
pub struct Awaiting(State);

enum State {
    New(Py<PyAny>, Place),
    Asked(Ticket, Arc<Requests>),
    Task(Task),
    Done,
}

impl Awaiting {
    /// Awaits it in the coroutine's place in any case. What else wakes the coroutine has to wait until that has ended.
    pub fn inline(self) -> Self {
        self.at(Place::Inline)
    }

    /// Awaits it in a task of its own in any case.
    pub fn in_task(self) -> Self {
        self.at(Place::Task)
    }

    fn at(mut self, place: Place) -> Self {
        if let State::New(_, found) = &mut self.0 {
            *found = place;
        }
        self
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        if let State::Asked(ticket, requests) = &self.0 {
            requests.withdraw(*ticket);
        }
    }
}

impl Future for Awaiting {
    type Output = PyResult<Py<PyAny>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let task = match std::mem::replace(&mut self.0, State::Done) {
                State::New(object, place) => {
                    let asked = Turn::with(cx.waker(), |turn| match turn {
                        Some(turn) => Ok((turn.ask(Wanted::Await(object, place)), turn.requests())),
                        None => Err(object),
                    });
                    match asked {
                        Ok((Ok(ticket), requests)) => {
                            self.0 = State::Asked(ticket, requests);
                            return Poll::Pending;
                        }
                        Ok((Err(denied), _)) => return Poll::Ready(Err(denied.into())),
                        // Polled by something that wakes the coroutine in its turn.
                        Err(object) => {
                            Python::attach(|py| Task::begin(py, object.into_bound(py), cx.waker()))
                        }
                    }
                }
                State::Asked(ticket, requests) => {
                    let outcome = Turn::with(cx.waker(), |turn| {
                        turn.and_then(|turn| turn.outcome(ticket))
                    });
                    if let Some(outcome) = outcome {
                        return Poll::Ready(outcome);
                    }
                    match requests.take_task(ticket) {
                        Some(task) => task,
                        None => {
                            self.0 = State::Asked(ticket, requests);
                            return Poll::Pending;
                        }
                    }
                }
                State::Task(mut task) => match Pin::new(&mut task).poll(cx) {
                    Poll::Pending => {
                        self.0 = State::Task(task);
                        return Poll::Pending;
                    }
                    ready => return ready,
                },
                State::Done => return Poll::Ready(Err(polled_after_its_end())),
            };
            self.0 = State::Task(task);
        }
    }
}

impl From<Denied> for PyErr {
    fn from(denied: Denied) -> Self {
        PyRuntimeError::new_err(match denied {
            Denied::Taken => "the generator already yields another item",
            Denied::NoGenerator => "only an asynchronous generator yields items",
        })
    }
}

/// What [`AwaitExt::stream`] returns.
#[must_use = "streams do nothing unless polled"]
pub struct AsyncIter(Iteration);

enum Iteration {
    New(Py<PyAny>),
    Between(Py<PyAny>),
    Next(Py<PyAny>, Awaiting),
    Ended,
}

impl Stream for AsyncIter {
    type Item = PyResult<Py<PyAny>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let next = match std::mem::replace(&mut self.0, Iteration::Ended) {
                Iteration::New(iterable) => Python::attach(|py| {
                    let iterator = iterable.bind(py).call_method0("__aiter__")?;
                    Ok(Iteration::Between(iterator.unbind()))
                }),
                Iteration::Between(iterator) => Python::attach(|py| {
                    let next = iterator.bind(py).call_method0("__anext__")?;
                    Ok(Iteration::Next(iterator, next.awaited()))
                }),
                Iteration::Next(iterator, mut next) => match Pin::new(&mut next).poll(cx) {
                    Poll::Pending => {
                        self.0 = Iteration::Next(iterator, next);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(item)) => {
                        self.0 = Iteration::Between(iterator);
                        return Poll::Ready(Some(Ok(item)));
                    }
                    Poll::Ready(Err(error)) => Err(error),
                },
                Iteration::Ended => return Poll::Ready(None),
            };
            match next {
                Ok(next) => self.0 = next,
                Err(error) => {
                    let is_end =
                        Python::attach(|py| error.is_instance_of::<PyStopAsyncIteration>(py));
                    return Poll::Ready((!is_end).then_some(Err(error)));
                }
            }
        }
    }
}
