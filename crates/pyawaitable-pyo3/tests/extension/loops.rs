//! Event loops, runtimes and contexts, from all kinds of threads.

use super::Dropped;
use futures::executor::block_on;
use pyawaitable_pyo3::tokio::{handle, shutdown};
use pyawaitable_pyo3::{
    AwaitExt, ContextVars, Coroutine, EventLoop, Library, Runtime, RuntimeExt, Task, run,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use std::sync::Mutex;
use std::time::Duration;

/// An event loop, for all threads of Python's and others.
#[pyclass(frozen)]
struct Loop {
    event_loop: EventLoop,
    task: Mutex<Option<Task>>,
}

#[pymethods]
impl Loop {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            event_loop: EventLoop::current(py)?,
            task: Mutex::default(),
        })
    }

    fn library(&self) -> String {
        format!("{:?}", self.event_loop.library())
    }

    fn object(&self, py: Python<'_>) -> Py<PyAny> {
        self.event_loop.object().clone_ref(py)
    }

    fn is_closed(&self, py: Python<'_>) -> bool {
        self.event_loop.is_closed(py)
    }

    /// The same loop, with a copy of the caller's context.
    fn in_context(&self, py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            event_loop: self.event_loop.in_context(&ContextVars::copy(py)?),
            task: Mutex::default(),
        })
    }

    /// Has the loop call it so often, with the number.
    fn call_soon(&self, function: Py<PyAny>, times: u32) -> PyResult<()> {
        for number in 0..times {
            let function = Python::attach(|py| function.clone_ref(py));
            self.event_loop
                .call_soon(move |py| function.call1(py, (number,)).map(drop))?;
        }
        Ok(())
    }

    fn call_soon_and_panic(&self) -> PyResult<()> {
        self.event_loop.call_soon(|_| panic!("called soon"))
    }

    /// Has the loop await what the function returns, and blocks until there is a result.
    fn wait_for(&self, py: Python<'_>, function: Py<PyAny>) -> PyResult<Py<PyAny>> {
        py.detach(|| block_on(self.event_loop.spawn(move |py| function.bind(py).call0())))
    }

    /// Begins to await what the function returns, and keeps the task.
    fn begin(&self, function: Py<PyAny>) {
        let task = self.event_loop.spawn(move |py| function.bind(py).call0());
        *self.task.lock().expect("no panic") = Some(task);
    }

    /// What comes of the task that was kept.
    fn kept(&self, py: Python<'_>) -> PyResult<Coroutine> {
        match self.task.lock().expect("no panic").take() {
            Some(task) => Coroutine::new(py, task),
            None => Err(PyValueError::new_err("there is none")),
        }
    }

    /// The same, by blocking.
    fn wait_for_kept(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let task = self.task.lock().expect("no panic").take();
        match task {
            Some(task) => py.detach(|| block_on(task)),
            None => Err(PyValueError::new_err("there is none")),
        }
    }

    /// What is done with the task that was kept.
    fn cancel(&self) {
        if let Some(task) = &*self.task.lock().expect("no panic") {
            task.cancel();
        }
    }

    fn drop_kept(&self) {
        drop(self.task.lock().expect("no panic").take());
    }

    fn detach_kept(&self) {
        if let Some(task) = self.task.lock().expect("no panic").take() {
            task.detach();
        }
    }
}

/// Has a thread that Python does not know call the handler with each number, and await that: a list of the results, or the error.
#[pyfunction]
fn by_a_thread(py: Python<'_>, handler: Py<PyAny>, numbers: Vec<i64>) -> PyResult<Coroutine> {
    let event_loop = EventLoop::current(py)?;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let call = |number: i64| {
            let handler = Python::attach(|py| handler.clone_ref(py));
            block_on(event_loop.spawn(move |py| handler.bind(py).call1((number,))))
        };
        let results = numbers.into_iter().map(call).collect::<PyResult<Vec<_>>>();
        let _ = sender.send(results);
    });
    Coroutine::new(py, async move {
        receiver
            .await
            .map_err(|_| PyValueError::new_err("the thread has ended"))?
    })
}

/// Has a thread spawn a future that awaits it.
#[pyfunction]
fn future_by_a_thread(py: Python<'_>, object: Py<PyAny>) -> PyResult<Coroutine> {
    let event_loop = EventLoop::current(py)?;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let future = async move { object.awaited().await };
        let _ = sender.send(block_on(event_loop.spawn_future(future)));
    });
    Coroutine::new(py, async move {
        receiver
            .await
            .map_err(|_| PyValueError::new_err("the thread has ended"))?
    })
}

#[pyfunction]
fn shields(py: Python<'_>, object: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::builder()
        .shield()
        .build(py, async move { object.awaited().await })
}

/// Sleeps by tokio's timer, polled by the event loop.
#[pyfunction]
fn sleeps_within(py: Python<'_>, seconds: f64) -> PyResult<Coroutine> {
    let sleep = async move {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        PyResult::Ok(seconds)
    };
    Coroutine::new(py, sleep.enter(&handle()?))
}

/// Sleeps in tokio's threads, while holding what notes by which thread it is dropped.
#[pyfunction]
fn sleeps_in_tokio(py: Python<'_>, seconds: f64, dropped: Py<PyList>) -> PyResult<Coroutine> {
    let held = Dropped(dropped);
    let sleep = async move {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        drop(held);
        PyResult::Ok(seconds)
    };
    Coroutine::new(py, sleep.spawn_on(&handle()?))
}

/// Awaits all from a thread of tokio's.
#[pyfunction]
fn awaits_on(py: Python<'_>, objects: Vec<Py<PyAny>>) -> PyResult<Coroutine> {
    let all = async move {
        let mut results = Vec::new();
        for object in objects {
            results.push(object.awaited().await?);
        }
        PyResult::Ok(results)
    };
    Coroutine::new(py, all.spawn_on(&handle()?))
}

#[pyfunction]
fn panics_on(py: Python<'_>) -> PyResult<Coroutine> {
    let panics = async { panic!("on a runtime") };
    Coroutine::new::<_>(py, RuntimeExt::spawn_on::<_, (), PyErr>(panics, &handle()?))
}

/// A runtime that drops what it is given.
#[derive(Clone)]
struct Careless;

impl Runtime for Careless {
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        drop(future);
    }
}

#[pyfunction]
fn runs_nowhere(py: Python<'_>) -> PyResult<Coroutine> {
    Coroutine::new(py, async { PyResult::Ok(()) }.spawn_on(&Careless))
}

#[pyfunction]
fn shut_down(py: Python<'_>, seconds: f64) {
    py.detach(|| shutdown(Duration::from_secs_f64(seconds)));
}

/// Calls the function in a thread, in the context of who calls this, and returns the result.
#[pyfunction]
fn call_in_context(py: Python<'_>, function: Py<PyAny>) -> PyResult<Py<PyAny>> {
    let context = ContextVars::copy(py)?;
    let call = move || Python::attach(|py| context.run(py, |py| function.call0(py)));
    py.detach(|| std::thread::spawn(call).join().expect("no panic"))?
}

/// Calls the function twice, in a future that a thread polls, in the context of who calls this.
#[pyfunction]
fn poll_in_context(py: Python<'_>, function: Py<PyAny>) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
    let context = ContextVars::copy(py)?;
    let future = context.scope(async move {
        let call = || Python::attach(|py| function.call0(py));
        let first = call()?;
        tokio::task::yield_now().await;
        PyResult::Ok((first, call()?))
    });
    py.detach(|| {
        std::thread::spawn(|| block_on(future))
            .join()
            .expect("no panic")
    })
}

/// Enters a context that has been entered already.
#[pyfunction]
fn enter_twice(py: Python<'_>) -> PyResult<()> {
    let context = ContextVars::copy(py)?;
    context.run(py, |py| context.run(py, |_| ()))?
}

/// Polls what awaits it once more after its end.
#[pyfunction]
fn polls_again(py: Python<'_>, object: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        let mut awaiting = object.awaited();
        (&mut awaiting).await?;
        awaiting.await
    })
}

/// Runs an event loop that awaits it.
#[pyfunction]
fn runs(py: Python<'_>, is_trio: bool, function: Py<PyAny>) -> PyResult<Py<PyAny>> {
    let library = if is_trio {
        Library::Trio
    } else {
        Library::Asyncio
    };
    run(py, library, async move {
        let made = Python::attach(|py| function.bind(py).call0().map(AwaitExt::awaited))?;
        made.await
    })
}

pub(crate) fn add(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Loop>()?;
    m.add_function(wrap_pyfunction!(by_a_thread, m)?)?;
    m.add_function(wrap_pyfunction!(future_by_a_thread, m)?)?;
    m.add_function(wrap_pyfunction!(shields, m)?)?;
    m.add_function(wrap_pyfunction!(sleeps_within, m)?)?;
    m.add_function(wrap_pyfunction!(sleeps_in_tokio, m)?)?;
    m.add_function(wrap_pyfunction!(awaits_on, m)?)?;
    m.add_function(wrap_pyfunction!(panics_on, m)?)?;
    m.add_function(wrap_pyfunction!(runs_nowhere, m)?)?;
    m.add_function(wrap_pyfunction!(shut_down, m)?)?;
    m.add_function(wrap_pyfunction!(call_in_context, m)?)?;
    m.add_function(wrap_pyfunction!(poll_in_context, m)?)?;
    m.add_function(wrap_pyfunction!(enter_twice, m)?)?;
    m.add_function(wrap_pyfunction!(polls_again, m)?)?;
    m.add_function(wrap_pyfunction!(runs, m)?)
}
