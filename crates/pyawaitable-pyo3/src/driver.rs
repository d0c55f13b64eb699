//! The bodies: what polls a future or a stream for an object of the library.

use crate::cancel::CancelHandle;
use crate::convert;
use crate::event_loop::{self, Library};
use crate::future::{PyFuture, PyStream};
use crate::turn::{Turn, Wanted};
use pyawaitable::rust::{Action, Body, Borrowed, Event, Raised};
use pyo3::exceptions::{PyGeneratorExit, PyMemoryError};
use pyo3::prelude::*;
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What is done with an exception that is thrown into a coroutine while it awaits no Python object.
pub(crate) type OnThrow = Box<dyn FnMut(Python<'_>, Option<PyErr>) -> PyResult<()> + Send>;

/// What a coroutine does besides.
pub(crate) struct Options {
    cancel: Option<CancelHandle>,
    on_throw: Option<OnThrow>,
    /// With trio, whether an exception has been thrown in that was taken note of: a scope that is cancelled throws it again at each
    /// wait, unless that is shielded.
    is_shielded: bool,
    /// What shields the wait that is under way.
    shield: Option<Py<PyAny>>,
}

impl Options {
    pub(crate) fn new(cancel: Option<CancelHandle>, on_throw: Option<OnThrow>) -> Self {
        Self {
            cancel,
            on_throw,
            is_shielded: false,
            shield: None,
        }
    }

    /// Whether the future is polled although this was thrown: otherwise it is what ends the coroutine.
    fn take(&mut self, py: Python<'_>, error: PyErr) -> PyResult<()> {
        let is_close = error.is_instance_of::<PyGeneratorExit>(py);
        match (&self.cancel, &mut self.on_throw) {
            (Some(cancel), _) => cancel.cancel(error),
            (None, Some(on_throw)) if is_close => return on_throw(py, None).and(Err(error)),
            (None, Some(on_throw)) => on_throw(py, Some(error))?,
            (None, None) => return Err(error),
        }
        self.is_shielded |= event_loop::library(py)? == Some(Library::Trio);
        Ok(())
    }

    /// Begins a wait: enters a scope of trio's that keeps the cancellation of those around it out, if that is needed.
    fn enter_shield(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.is_shielded {
            let scope = py.import("trio")?.call_method0("CancelScope")?;
            scope.setattr("shield", true)?;
            scope.call_method0("__enter__")?;
            self.shield = Some(scope.unbind());
        }
        Ok(())
    }

    /// Ends it.
    fn leave_shield(&mut self, py: Python<'_>) {
        if let Some(shield) = self.shield.take() {
            let none = py.None();
            // It fails where no trio runs any more, and nothing needs it there.
            let _ = shield.call_method1(py, "__exit__", (&none, &none, &none));
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

/// So often in a row a future is polled before the event loop has a turn.
const MOST_POLLS: u32 = 32;

/// Lets the event loop have a turn.
fn checkpoint(py: Python<'_>, is_shielded: bool) -> PyResult<Action> {
    if event_loop::library(py)? == Some(Library::Trio) {
        let name = if is_shielded {
            "cancel_shielded_checkpoint"
        } else {
            "checkpoint"
        };
        let checkpoint = py.import("trio.lowlevel")?.call_method0(name)?;
        return Ok(Action::Await(convert::owned(checkpoint.unbind())));
    }
    Ok(Action::Yield(convert::owned(py.None())))
}

/// A body that polls a source.
pub(crate) struct Driver<S> {
    turn: Turn,
    /// Not there for most.
    options: Cell<Option<Box<Options>>>,
    /// How often it was polled in a row because it had been woken by then.
    polls: Cell<u32>,
    /// Whether the source is gone.
    is_over: Cell<bool>,
    source: UnsafeCell<ManuallyDrop<S>>,
}

impl<S> Driver<S> {
    /// Drops the source, once.
    ///
    /// # Safety
    /// Nothing refers to it, and PyO3 knows that the thread is attached.
    unsafe fn end(&self) {
        if !self.is_over.replace(true) {
            // SAFETY: the caller's promise, and not used from here on.
            unsafe { ManuallyDrop::drop(&mut *self.source.get()) };
        }
    }
}

impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        if self.is_over.get() && self.turn.is_empty() && self.options.get_mut().is_none() {
            return;
        }
        // SAFETY: the library does this in a thread that is attached; where the object could not be made, the caller has a token
        // for that.
        unsafe {
            convert::attached(|_| {
                self.end();
                self.options.take();
                self.turn.forget();
            });
        }
    }
}

impl<S: Source> Driver<S> {
    // Inline, so that it is made where it stays.
    #[inline(always)]
    pub(crate) fn new(source: S, options: Option<Options>) -> Self {
        Self {
            turn: Turn::new(S::IS_GENERATOR),
            options: Cell::new(options.map(Box::new)),
            polls: Cell::new(0),
            is_over: Cell::new(false),
            source: UnsafeCell::new(ManuallyDrop::new(source)),
        }
    }

    /// Tells the source what has happened. Fails with what ends the body.
    fn tell(&self, py: Python<'_>, event: Event) -> PyResult<()> {
        let outcome = match event {
            Event::Start => return Ok(()),
            Event::Sent(value) | Event::Returned(value) => Ok(convert::object(py, value)),
            Event::Raised(raised) => Err(convert::exception(py, raised)),
        };
        self.with_options(|options| options.leave_shield(py));
        // Without a request it was parked, or had yielded an item of a stream: only an exception means something.
        match self.turn.settle(outcome) {
            Ok(()) | Err(Ok(_)) => Ok(()),
            Err(Err(exception)) => {
                let error = PyErr::from_value(exception.into_bound(py).into_any());
                match self.options.take() {
                    Some(mut options) => {
                        let taken = options.take(py, error);
                        self.options.set(Some(options));
                        taken
                    }
                    None => Err(error),
                }
            }
        }
    }

    /// Calls the function with the options, if there are any. It runs no code that may lead here.
    fn with_options<R>(&self, action: impl FnOnce(&mut Options) -> R) -> Option<R> {
        let mut options = self.options.take()?;
        let result = action(&mut options);
        self.options.set(Some(options));
        Some(result)
    }

    /// Waits to be woken. One that has been, but not by another thread meanwhile, lets the event loop have a turn first.
    fn park(&self, py: Python<'_>) -> PyResult<Action> {
        let Some(waker) = self.turn.shared() else {
            return Err(PyMemoryError::new_err(()));
        };
        let mut is_turn_due = self.turn.take_woken();
        if waker.is_woken() {
            self.polls.set(self.polls.get() + 1);
            is_turn_due |= self.polls.get() % MOST_POLLS == 0;
        } else {
            self.polls.set(0);
        }
        if is_turn_due {
            let is_shielded = self.with_options(|options| options.is_shielded);
            return checkpoint(py, is_shielded == Some(true));
        }
        let begun = self.with_options(|options| {
            // Were it the wait that failed, it would be taken for what is thrown in.
            // SAFETY: attached, as `py` proves.
            unsafe { waker.check() }.map_err(|raised| convert::error(py, raised))?;
            options.enter_shield(py)
        });
        begun.unwrap_or(Ok(()))?;
        // SAFETY: attached, as `py` proves.
        match unsafe { waker.park() } {
            Ok(parked) => Ok(Action::Drive(parked)),
            Err(raised) => Err(convert::error(py, raised)),
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
            Poll::Ready(Ok(Polled::Return(value))) => {
                // SAFETY: it has been polled, and is not again.
                unsafe { self.end() };
                self.turn.forget();
                Action::Return(convert::owned(value))
            }
            Poll::Ready(Ok(Polled::Item(item))) => Action::Item(convert::owned(item)),
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => {
                let wanted = self.turn.take_wanted(py);
                if self.turn.lacks_waker() {
                    return Err(PyMemoryError::new_err(()));
                }
                match wanted {
                    Some(Wanted::Await(object, _)) => Action::Await(convert::owned(object)),
                    Some(Wanted::Item(item)) => Action::Item(convert::owned(item)),
                    None => self.park(py)?,
                }
            }
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
