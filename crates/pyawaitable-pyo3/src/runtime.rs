//! Runtimes of Rust's, in which futures are polled or spawned.

use crate::convert::{panic_error, polled_after_its_end};
use crate::event_loop::EventLoop;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A runtime of Rust's: what the feature `tokio` implements for `tokio::runtime::Handle`, and is easily done for others.
///
/// ```
/// use futures::executor::ThreadPool;
/// use pyawaitable_pyo3::{Coroutine, Runtime, RuntimeExt};
/// use pyo3::prelude::*;
///
/// #[derive(Clone)]
/// struct Pool(ThreadPool);
///
/// impl Runtime for Pool {
///     fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
///         self.0.spawn_ok(future);
///     }
/// }
///
/// # fn pool() -> Pool { unimplemented!() }
/// #[pyfunction]
/// fn sum(py: Python<'_>, numbers: Vec<u64>) -> PyResult<Coroutine> {
///     let future = async move { PyResult::Ok(numbers.iter().sum::<u64>()) };
///     Coroutine::new(py, future.spawn_on(&pool()))
/// }
/// ```
pub trait Runtime: Clone + Send + Sync + 'static {
    /// Calls the function where the runtime is entered, if it has something of that kind.
    fn enter<R>(&self, action: impl FnOnce() -> R) -> R {
        action()
    }

    /// Has the future run to its end in the background. Should it be dropped before, what waits for it gets a `RuntimeError`.
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static);
}

/// Where a future runs, for all futures.
pub trait RuntimeExt: Future + Sized {
    /// The same future, polled by who polls it, with the runtime entered: its timers and sockets then work in a coroutine.
    fn enter<R: Runtime>(self, runtime: &R) -> Entered<Self, R> {
        Entered {
            runtime: runtime.clone(),
            future: self,
        }
    }

    /// A future of what comes of this one, which the runtime polls, from when that is polled first. It does not hold up the event
    /// loop. Dropping it has the runtime drop the other. What this one awaits by [`awaited`](crate::AwaitExt::awaited) is
    /// awaited in a task of the event loop in which that was polled first, with its context variables.
    ///
    /// A panic is a `PanicException`.
    fn spawn_on<R, T, E>(self, runtime: &R) -> SpawnedOn<Self, R, Result<T, E>>
    where
        Self: Future<Output = Result<T, E>> + Send + 'static,
        R: Runtime,
        T: Send + 'static,
        E: From<PyErr> + Send + 'static,
    {
        SpawnedOn(State::New(self, runtime.clone()))
    }
}

impl<F: Future> RuntimeExt for F {}

/// What [`RuntimeExt::enter`] returns.
#[must_use = "futures do nothing unless polled"]
pub struct Entered<F, R> {
    runtime: R,
    future: F,
}

impl<F: Future, R: Runtime> Future for Entered<F, R> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let runtime = self.runtime.clone();
        // SAFETY: pinned, as `self` is.
        let future = unsafe { self.map_unchecked_mut(|entered| &mut entered.future) };
        runtime.enter(|| future.poll(cx))
    }
}

/// What [`RuntimeExt::spawn_on`] returns.
#[must_use = "futures do nothing unless polled"]
pub struct SpawnedOn<F, R, T>(State<F, R, T>);

enum State<F, R, T> {
    New(F, R),
    Spawned(Arc<Join<T>>),
    Done,
}

// Nothing in it is pinned: the future is moved before it is polled.
impl<F, R, T> Unpin for SpawnedOn<F, R, T> {}

impl<F, R, T, E> Future for SpawnedOn<F, R, Result<T, E>>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    R: Runtime,
    T: Send + 'static,
    E: From<PyErr> + Send + 'static,
{
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let join = match std::mem::replace(&mut self.0, State::Done) {
            State::New(future, runtime) => {
                let join = Arc::new(Join::new(cx.waker()));
                let worker = Worker(Arc::clone(&join));
                let event_loop = Python::try_attach(|py| EventLoop::current(py).ok()).flatten();
                match event_loop {
                    Some(event_loop) => runtime.spawn(worker.run(event_loop.scope(future))),
                    None => runtime.spawn(worker.run(future)),
                }
                join
            }
            State::Spawned(join) => join,
            State::Done => {
                return Poll::Ready(Err(polled_after_its_end().into()));
            }
        };
        let polled = join.poll(cx);
        if polled.is_pending() {
            self.0 = State::Spawned(join);
        }
        polled.map(|ended| ended.unwrap_or_else(|error| Err(error.into())))
    }
}

impl<F, R, T> Drop for SpawnedOn<F, R, T> {
    fn drop(&mut self) {
        if let State::Spawned(join) = &self.0 {
            join.abort();
        }
    }
}

/// What the runtime's part and that of the waiter share.
struct Join<T>(Mutex<Shared<T>>);

struct Shared<T> {
    ended: Option<Result<T, PyErr>>,
    is_aborted: bool,
    waiter: Option<Waker>,
    worker: Option<Waker>,
}

impl<T> Join<T> {
    fn new(waiter: &Waker) -> Self {
        Self(Mutex::new(Shared {
            ended: None,
            is_aborted: false,
            waiter: Some(waiter.clone()),
            worker: None,
        }))
    }

    fn shared(&self) -> MutexGuard<'_, Shared<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, PyErr>> {
        let mut shared = self.shared();
        if let Some(ended) = shared.ended.take() {
            return Poll::Ready(ended);
        }
        keep(&mut shared.waiter, cx);
        Poll::Pending
    }

    fn end(&self, ended: Result<T, PyErr>) {
        let waiter = {
            let mut shared = self.shared();
            shared.ended = Some(ended);
            shared.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// Nobody waits any more.
    fn abort(&self) {
        let (waiter, worker) = {
            let mut shared = self.shared();
            shared.is_aborted = true;
            (shared.waiter.take(), shared.worker.take())
        };
        drop(waiter);
        if let Some(worker) = worker {
            worker.wake();
        }
    }
}

/// Keeps the waker, unless it is there.
fn keep(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        _ => *place = Some(cx.waker().clone()),
    }
}

/// The runtime's part. Its end without a result is an error for who waits.
struct Worker<T>(Arc<Join<T>>);

impl<T> Worker<T> {
    async fn run<F: Future<Output = T>>(self, future: F) {
        let mut future = std::pin::pin!(future);
        let ended = std::future::poll_fn(|cx| {
            {
                let mut shared = self.0.shared();
                if shared.is_aborted {
                    return Poll::Ready(None);
                }
                keep(&mut shared.worker, cx);
            }
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(polled) => polled.map(|result| Some(Ok(result))),
                Err(payload) => Poll::Ready(Some(Err(panic_error(&*payload)))),
            }
        })
        .await;
        if let Some(ended) = ended {
            self.0.end(ended);
        }
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        let is_needed = {
            let shared = self.0.shared();
            shared.waiter.is_some() && shared.ended.is_none() && !shared.is_aborted
        };
        if is_needed {
            let error = PyRuntimeError::new_err("the runtime has dropped the future");
            self.0.end(Err(error));
        }
    }
}
