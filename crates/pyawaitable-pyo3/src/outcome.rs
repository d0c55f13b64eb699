//! What comes of something that runs elsewhere, and who waits for that.

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

    /// Notes what came of it.
    pub(crate) fn settle(&self, outcome: PyResult<Py<PyAny>>) {
        let waker = {
            let mut state = self.state();
            state.is_over = true;
            state.outcome = Some(outcome);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
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

    /// Nobody waits any more; whether it is over.
    pub(crate) fn abandon(&self) -> bool {
        let (is_over, waker) = {
            let mut state = self.state();
            (state.is_over, state.waker.take())
        };
        drop(waker);
        is_over
    }
}
