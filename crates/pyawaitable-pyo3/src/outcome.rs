//! What comes of something that runs elsewhere, and who waits for that.

use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Shared by who waits and who tells.
#[derive(Clone, Default)]
pub(crate) struct Outcome(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    outcome: Option<PyResult<Py<PyAny>>>,
    is_over: bool,
    /// Whether nobody is going to ask.
    is_detached: bool,
    waker: Option<Waker>,
}

impl Outcome {
    /// One that is to come, and this is woken then.
    pub(crate) fn for_waker(waker: &Waker) -> Self {
        let outcome = Self::default();
        outcome.state().waker = Some(waker.clone());
        outcome
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who tells. If that is dropped before, this is why.
    pub(crate) fn teller(&self, otherwise: &'static str) -> Teller {
        Teller {
            outcome: self.clone(),
            otherwise: Some(otherwise),
        }
    }

    /// Notes what came of it, once.
    pub(crate) fn settle(&self, outcome: PyResult<Py<PyAny>>) {
        let (waker, unused) = {
            let mut state = self.state();
            match (
                std::mem::replace(&mut state.is_over, true),
                state.is_detached,
            ) {
                (true, _) => return,
                (false, true) => (None, Some(outcome)),
                (false, false) => {
                    state.outcome = Some(outcome);
                    (state.waker.take(), None)
                }
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Some(Err(error)) = unused {
            // A cancellation is none of these.
            let _ = Python::try_attach(|py| {
                if error.is_instance_of::<PyException>(py) {
                    error.write_unraisable(py, None);
                }
            });
        }
    }

    /// What came of it, once.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        let mut state = self.state();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome);
        }
        match &state.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => state.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// Nobody waits any more. Whether it is over, or goes on by itself.
    pub(crate) fn abandon(&self) -> bool {
        let (is_over, waker) = {
            let mut state = self.state();
            (state.is_over || state.is_detached, state.waker.take())
        };
        drop(waker);
        is_over
    }

    /// Nobody waits any more, and an error that is still to come goes to `sys.unraisablehook`.
    pub(crate) fn detach(&self) {
        self.state().is_detached = true;
        self.abandon();
    }
}

/// Who tells what came of it. One that is dropped before it has tells that, so that nobody waits forever.
pub(crate) struct Teller {
    outcome: Outcome,
    otherwise: Option<&'static str>,
}

impl Teller {
    /// Notes what came of it.
    pub(crate) fn settle(&self, outcome: PyResult<Py<PyAny>>) {
        self.outcome.settle(outcome);
    }

    /// Somebody else tells.
    pub(crate) fn give_up(mut self) {
        self.otherwise = None;
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let Some(otherwise) = self.otherwise else {
            return;
        };
        let is_needed = {
            let state = self.outcome.state();
            !state.is_over && !state.is_detached
        };
        if is_needed {
            self.outcome.settle(Err(PyRuntimeError::new_err(otherwise)));
        }
    }
}
