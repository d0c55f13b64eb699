//! The bodies: what polls a future or a stream for an object of the library.

use crate::cancel::CancelHandle;
use crate::convert;
use crate::future::{PyFuture, PyStream};
use crate::turn::{Turn, Wanted};
use pyawaitable::rust::{Action, Body, Borrowed, Event, Raised};
use pyo3::exceptions::{PyGeneratorExit, PyRuntimeError};
use pyo3::prelude::*;
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What is done with an exception that is thrown into a coroutine while it awaits no Python object.
pub(crate) type OnThrow = Box<dyn FnMut(Python<'_>, Option<PyErr>) -> PyResult<()> + Send>;

/// What a coroutine does besides.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) cancel: Option<CancelHandle>,
    pub(crate) on_throw: Option<OnThrow>,
}

impl Options {
    /// Whether the future is polled although this was thrown: the exception, or None to close it.
    fn take(&mut self, py: Python<'_>, error: PyErr) -> PyResult<()> {
        let is_close = error.is_instance_of::<PyGeneratorExit>(py);
        if let Some(cancel) = &self.cancel {
            cancel.cancel(error);
            return Ok(());
        }
        match &mut self.on_throw {
            Some(on_throw) if is_close => on_throw(py, None).and(Err(error)),
            Some(on_throw) => on_throw(py, Some(error)),
            None => Err(error),
        }
    }
}

/// What came of a poll.
pub(crate) enum Polled {
    Return(Py<PyAny>),
    Item(Py<PyAny>),
}

/// What is polled: a future or a stream.
pub(crate) trait Source: Send + 'static {
    /// Whether it yields items.
    const IS_GENERATOR: bool;

    fn poll(self: Pin<&mut Self>, py: Python<'_>, cx: &mut Context<'_>) -> Poll<PyResult<Polled>>;
}

/// A future, whose end is that of the coroutine.
pub(crate) struct Once<F>(pub(crate) F);

impl<F: PyFuture + Send + 'static> Source for Once<F> {
    const IS_GENERATOR: bool = false;

    fn poll(self: Pin<&mut Self>, py: Python<'_>, cx: &mut Context<'_>) -> Poll<PyResult<Polled>> {
        // SAFETY: pinned, as `self` is.
        let future = unsafe { self.map_unchecked_mut(|once| &mut once.0) };
        future.poll_py(py, cx).map_ok(Polled::Return)
    }
}

/// A future that yields items by a `Yielder`, and whose end is that of the generator.
pub(crate) struct Yielding<F>(pub(crate) F);

impl<F: PyFuture + Send + 'static> Source for Yielding<F> {
    const IS_GENERATOR: bool = true;

    fn poll(self: Pin<&mut Self>, py: Python<'_>, cx: &mut Context<'_>) -> Poll<PyResult<Polled>> {
        // SAFETY: pinned, as `self` is.
        let future = unsafe { self.map_unchecked_mut(|yielding| &mut yielding.0) };
        future.poll_py(py, cx).map_ok(Polled::Return)
    }
}

/// A stream, each of whose items is one of the generator.
pub(crate) struct Items<S>(pub(crate) S);

impl<S: PyStream + Send + 'static> Source for Items<S> {
    const IS_GENERATOR: bool = true;

    fn poll(self: Pin<&mut Self>, py: Python<'_>, cx: &mut Context<'_>) -> Poll<PyResult<Polled>> {
        // SAFETY: pinned, as `self` is.
        let stream = unsafe { self.map_unchecked_mut(|items| &mut items.0) };
        stream.poll_next_py(py, cx).map(|next| match next {
            Some(Ok(item)) => Ok(Polled::Item(item)),
            Some(Err(error)) => Err(error),
            None => Ok(Polled::Return(py.None())),
        })
    }
}

/// A body that polls a source.
pub(crate) struct Driver<S> {
    turn: Turn,
    /// Not there for most.
    options: Cell<Option<Box<Options>>>,
    source: UnsafeCell<ManuallyDrop<S>>,
}

impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        // SAFETY: the library does this in a thread that is attached; where the object could not be made, the caller has a token
        // for that. The source is not used from here on.
        unsafe {
            convert::attached(|_| {
                ManuallyDrop::drop(self.source.get_mut());
                self.options.take();
                self.turn.forget();
            });
        }
    }
}

impl<S: Source> Driver<S> {
    pub(crate) fn new(source: S, options: Option<Options>) -> Self {
        Self {
            turn: Turn::new(S::IS_GENERATOR),
            options: Cell::new(options.map(Box::new)),
            source: UnsafeCell::new(ManuallyDrop::new(source)),
        }
    }

    /// Tells the source what has happened. Fails with what ends the body.
    fn tell(&self, py: Python<'_>, event: Event) -> PyResult<()> {
        let outcome = match event {
            Event::Start => return Ok(()),
            Event::Sent(value) | Event::Returned(value) => Ok(convert::object(py, value)),
            Event::Raised(raised) => Err(convert::error(py, raised)),
        };
        // Without a request it was parked, or had yielded an item of a stream: only an exception means something.
        match self.turn.settle(outcome) {
            Ok(()) | Err(Ok(_)) => Ok(()),
            Err(Err(error)) => match self.options.take() {
                Some(mut options) => {
                    let taken = options.take(py, error);
                    self.options.set(Some(options));
                    taken
                }
                None => Err(error),
            },
        }
    }

    fn run(self: Pin<&Self>, py: Python<'_>, event: Event) -> PyResult<Action> {
        self.tell(py, event)?;
        let polled = self.turn.poll(|waker| {
            // SAFETY: only one step runs at a time, and nothing else refers to the source. It is pinned, as `self` is.
            let source = unsafe { Pin::new_unchecked(&mut **self.source.get()) };
            source.poll(py, &mut Context::from_waker(waker))
        });
        Ok(match polled {
            Poll::Ready(Ok(Polled::Return(value))) => Action::Return(convert::owned(value)),
            Poll::Ready(Ok(Polled::Item(item))) => Action::Item(convert::owned(item)),
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => match self.turn.take_wanted() {
                Some(Wanted::Await(object)) => Action::Await(convert::owned(object)),
                Some(Wanted::Item(item)) => Action::Item(convert::owned(item)),
                None => {
                    return Err(PyRuntimeError::new_err(
                        "a Rust future waits for something that is not Python's, for which there is no event loop yet",
                    ));
                }
            },
        })
    }
}

impl<S: Source> Body for Driver<S> {
    fn resume(self: Pin<&Self>, _: Borrowed<'_>, event: Event) -> Action {
        // SAFETY: the library calls this in a thread that is attached.
        unsafe {
            convert::attached(|py| match self.run(py, event) {
                Ok(action) => action,
                Err(error) => Action::Raise(convert::raise(py, error)),
            })
        }
    }

    fn panicked(payload: &(dyn Any + Send)) -> Raised {
        convert::panicked(payload)
    }
}
