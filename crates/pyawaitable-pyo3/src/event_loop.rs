//! The event loop that runs, and having it do something from elsewhere.

use crate::context::ContextVars;
use crate::convert;
use crate::coroutine::Coroutine;
use crate::future::PyFuture;
use crate::queue::Queue;
use crate::task::Task;
use pyawaitable::rust::current_library;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};

/// Whose event loop it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Library {
    /// That of asyncio, or one that behaves as it, such as uvloop.
    Asyncio,
    /// That of trio.
    Trio,
}

/// Which event loop runs in this thread.
pub(crate) fn library(py: Python<'_>) -> PyResult<Option<Library>> {
    // SAFETY: attached, as `py` proves.
    match unsafe { current_library() } {
        Ok(Some(name)) if name == c"trio" => Ok(Some(Library::Trio)),
        Ok(Some(_)) => Ok(Some(Library::Asyncio)),
        Ok(None) => Ok(None),
        Err(raised) => Err(convert::error(py, raised)),
    }
}

/// What is raised without one.
pub(crate) fn no_loop() -> PyErr {
    PyRuntimeError::new_err("no event loop of asyncio or trio runs in this thread")
}

/// How a function is called in an event loop's thread: at once from there, soon from others.
pub(crate) struct Caller {
    thread: ThreadId,
    /// `call_soon_threadsafe` of asyncio's loop, or `run_sync_soon` of trio's token.
    soon: Py<PyAny>,
}

impl Caller {
    /// For the loop that runs in this thread.
    pub(crate) fn here(py: Python<'_>) -> PyResult<Self> {
        let soon = match library(py)? {
            Some(Library::Trio) => py
                .import("trio.lowlevel")?
                .call_method0("current_trio_token")?
                .getattr("run_sync_soon")?,
            _ => py
                .import("asyncio")?
                .call_method0("get_running_loop")?
                .getattr("call_soon_threadsafe")?,
        };
        Ok(Self {
            thread: thread::current().id(),
            soon: soon.unbind(),
        })
    }

    /// Has it called. A loop that is closed does not, and has nothing left to be cancelled.
    pub(crate) fn call(&self, function: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = function.py();
        if self.thread == thread::current().id() {
            return function.call0().map(drop);
        }
        match self.soon.bind(py).call1((function,)) {
            Err(error) if error.is_instance_of::<PyRuntimeError>(py) => Ok(()),
            called => called.map(drop),
        }
    }
}

/// An event loop of Python's, for any thread, attached to the interpreter or not.
///
/// ```
/// use pyawaitable_pyo3::EventLoop;
/// use pyo3::prelude::*;
///
/// /// Has the handler, an `async def`, deal with each number, one after the other, on behalf of a thread that Python does not know.
/// #[pyfunction]
/// fn serve(py: Python<'_>, handler: Py<PyAny>) -> PyResult<()> {
///     let event_loop = EventLoop::current(py)?;
///     std::thread::spawn(move || {
///         let handler = std::sync::Arc::new(handler);
///         for number in 0..3 {
///             let handler = handler.clone();
///             let task = event_loop.spawn(move |py| handler.bind(py).call1((number,)));
///             if let Err(error) = futures::executor::block_on(task) {
///                 println!("failed: {error}");
///             }
///         }
///     });
///     Ok(())
/// }
/// ```
///
/// # Loops that have ended
/// On a loop that is closed, or in another process, which a fork has made, `spawn` gives a task that has failed by a `RuntimeError`.
/// One that ends before it comes to the task gives that, too. A loop that is stopped, but not closed, may yet go on.
#[derive(Clone)]
pub struct EventLoop {
    shared: Arc<Shared>,
    context: ContextVars,
}

struct Shared {
    library: Library,
    /// The loop of asyncio, or trio's token.
    object: Py<PyAny>,
    queue: Arc<Queue>,
    process: u32,
}

impl EventLoop {
    /// The one that runs in this thread, with a copy of the context variables as they are now. `RuntimeError` if there is none.
    pub fn current(py: Python<'_>) -> PyResult<Self> {
        let (object, soon) = match library(py)? {
            Some(Library::Trio) => {
                let lowlevel = py.import("trio.lowlevel")?;
                (
                    lowlevel.call_method0("current_trio_token")?,
                    "run_sync_soon",
                )
            }
            Some(Library::Asyncio) => {
                let asyncio = py.import("asyncio")?;
                (
                    asyncio.call_method0("get_running_loop")?,
                    "call_soon_threadsafe",
                )
            }
            None => {
                return Err(no_loop());
            }
        };
        let library = match soon {
            "run_sync_soon" => Library::Trio,
            _ => Library::Asyncio,
        };
        let queue = Queue::new(object.getattr(soon)?.unbind());
        Ok(Self {
            shared: Arc::new(Shared {
                library,
                object: object.unbind(),
                queue: Arc::new(queue),
                process: std::process::id(),
            }),
            context: ContextVars::copy(py)?,
        })
    }

    /// Whose it is.
    pub fn library(&self) -> Library {
        self.shared.library
    }

    /// The loop of asyncio, or trio's token.
    pub fn object(&self) -> &Py<PyAny> {
        &self.shared.object
    }

    /// Whether it can do nothing any more.
    pub fn is_closed(&self, py: Python<'_>) -> bool {
        if self.shared.process != std::process::id() {
            return true;
        }
        let object = self.shared.object.bind(py);
        match self.shared.library {
            Library::Asyncio => object
                .call_method0("is_closed")
                .and_then(|closed| closed.is_truthy())
                .unwrap_or(true),
            // There is no other way to ask.
            Library::Trio => {
                let nothing = |_: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {};
                PyCFunction::new_closure(py, None, None, nothing)
                    .and_then(|nothing| object.call_method1("run_sync_soon", (nothing,)))
                    .is_err()
            }
        }
    }

    /// The same loop with other context variables: each task gets a copy.
    pub fn in_context(&self, context: &ContextVars) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            context: context.clone(),
        }
    }

    /// Has the function called in the loop's thread, in a copy of the context. Its error goes to `sys.unraisablehook`.
    ///
    /// `RuntimeError` if the loop is closed. The first call since the loop had its turn attaches to the interpreter; those that
    /// follow until its next turn only add to a queue.
    pub fn call_soon<F>(&self, function: F) -> PyResult<()>
    where
        F: FnOnce(Python<'_>) -> PyResult<()> + Send + 'static,
    {
        if self.shared.process != std::process::id() {
            return Err(PyRuntimeError::new_err(
                "the event loop is in another process",
            ));
        }
        let context = self.context.clone();
        self.shared.queue.push(Box::new(move |py| {
            context.copied(py)?.run(py, function).and_then(|done| done)
        }))
    }

    /// Has the function called in the loop's thread, and what it returns awaited there, in a task of its own, which begins soon and
    /// has a copy of the context. It attaches as [`call_soon`](EventLoop::call_soon) does.
    ///
    /// On trio it is a system task: no scope of the program's cancels it, and the end of the run does.
    pub fn spawn<F>(&self, function: F) -> Task
    where
        F: for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>> + Send + 'static,
    {
        let (task, outcome, stage) = Task::queued();
        // Told by the queue if it comes to nothing.
        let teller = outcome.teller("the event loop has ended before it came to the task");
        let queued = self.call_soon(move |py| {
            stage.begin(py, &outcome, function);
            teller.give_up();
            Ok(())
        });
        if let Err(error) = queued {
            task.fail(error);
        }
        task
    }

    /// The same for a Rust future.
    pub fn spawn_future<F: PyFuture + Send + 'static>(&self, future: F) -> Task {
        self.spawn(move |py| Ok(Coroutine::new(py, future)?.into_object().into_bound(py)))
    }

    /// The future, with this as the loop in which it awaits Python objects, wherever it is polled: `object.awaited()` then works in
    /// the threads of a runtime. Each is awaited in a task of its own.
    ///
    /// ```
    /// use pyawaitable_pyo3::{AwaitExt, EventLoop};
    /// use pyo3::prelude::*;
    ///
    /// # fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
    /// #[pyfunction]
    /// fn notify(py: Python<'_>, handler: Py<PyAny>) -> PyResult<()> {
    ///     let event_loop = EventLoop::current(py)?;
    ///     spawn(event_loop.scope(async move {
    ///         let called = Python::attach(|py| handler.bind(py).call1(("event",)).map(|made| made.awaited()));
    ///         match called {
    ///             Ok(awaiting) => drop(awaiting.await),
    ///             Err(error) => println!("failed: {error}"),
    ///         }
    ///     }));
    ///     Ok(())
    /// }
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> Scope<F> {
        Scope {
            event_loop: self.clone(),
            future,
        }
    }
}

thread_local! {
    static SCOPED: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
}

/// The event loop of the scope that is polled by this thread.
pub(crate) fn scoped() -> Option<EventLoop> {
    SCOPED.with_borrow(Clone::clone)
}

/// What [`EventLoop::scope`] returns.
#[must_use = "futures do nothing unless polled"]
pub struct Scope<F> {
    event_loop: EventLoop,
    future: F,
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        struct Left(Option<EventLoop>);
        impl Drop for Left {
            fn drop(&mut self) {
                drop(SCOPED.replace(self.0.take()));
            }
        }
        let _left = Left(SCOPED.replace(Some(self.event_loop.clone())));
        // SAFETY: pinned, as `self` is.
        unsafe { self.map_unchecked_mut(|scope| &mut scope.future) }.poll(cx)
    }
}

/// Runs an event loop, of asyncio or of trio, with the future as its main task, and returns or raises what comes of it. For
/// another one, give its own function a [`Coroutine`]: `uvloop.call_method1("run", (Coroutine::new(py, future)?,))`.
///
/// ```no_run
/// use pyawaitable_pyo3::{AwaitExt, Library, run};
/// use pyo3::prelude::*;
///
/// fn main() -> PyResult<()> {
///     Python::initialize();
///     Python::attach(|py| {
///         let slept = run(py, Library::Asyncio, async {
///             let sleep = Python::attach(|py| {
///                 let asyncio = py.import("asyncio")?;
///                 Ok::<_, PyErr>(asyncio.call_method1("sleep", (0.1, "slept"))?.awaited())
///             })?;
///             sleep.await
///         })?;
///         assert_eq!(slept.extract::<String>(py)?, "slept");
///         Ok(())
///     })
/// }
/// ```
pub fn run<F: PyFuture + Send + 'static>(
    py: Python<'_>,
    library: Library,
    future: F,
) -> PyResult<Py<PyAny>> {
    let coroutine = Coroutine::new(py, future)?.into_object();
    let ended = match library {
        Library::Asyncio => py.import("asyncio")?.call_method1("run", (coroutine,)),
        Library::Trio => {
            let coroutine = Mutex::new(Some(coroutine));
            let main = move |_: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
                let made = coroutine
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                made.ok_or_else(|| PyRuntimeError::new_err("it runs once"))
            };
            let main = PyCFunction::new_closure(py, Some(c"main"), None, main)?;
            py.import("trio")?.call_method1("run", (main,))
        }
    };
    ended.map(Bound::unbind)
}
