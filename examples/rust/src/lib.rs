//! Rust futures and streams for asyncio and trio: what the README of pyo3-async shows, with pyawaitable-pyo3.

use futures::stream::{self, Stream};
use pyawaitable_pyo3::{AsyncGenerator, Coroutine, FutureHandle, OnDrop, pyfunction};
use pyo3::prelude::*;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::Runtime;

fn tokio() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("tokio can start its threads"))
}

async fn sleep(seconds: u64) {
    let sleep = async move { tokio::time::sleep(Duration::from_secs(seconds)).await };
    tokio().spawn(sleep).await.expect("it does not panic");
}

fn count(until: i32, tick: u64) -> impl Stream<Item = PyResult<i32>> + Send + 'static {
    stream::unfold(0, move |number| async move {
        if number == until {
            return None;
        }
        sleep(tick).await;
        Some((Ok(number), number + 1))
    })
}

/// Any event loop will do: the name is that of the README.
#[pyfunction]
async fn sleep_asyncio(seconds: u64) {
    sleep(seconds).await;
}

/// Polled while other threads may run Python.
#[pyfunction(detach)]
async fn sleep_trio(seconds: u64) {
    sleep(seconds).await;
}

/// A coroutine can be made by hand.
#[pyfunction]
fn sleep_sniffio(py: Python<'_>, seconds: u64) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        sleep(seconds).await;
        PyResult::Ok(())
    })
}

/// A thread of tokio's waits for a task of asyncio's.
#[pyfunction]
fn spawn_future(fut: Py<PyAny>) {
    tokio().spawn(async move {
        match FutureHandle::new(fut, OnDrop::Leave).await {
            Ok(_) => println!("task done"),
            Err(error) => println!("task failed: {error}"),
        }
    });
}

/// A stream is an asynchronous generator. `#[pyfunction(stream)]` does the same.
#[pyfunction]
fn count_asyncio(py: Python<'_>, until: i32, tick: u64) -> PyResult<AsyncGenerator> {
    AsyncGenerator::from_stream(py, count(until, tick))
}

#[pyfunction(stream)]
fn count_trio(until: i32, tick: u64) -> impl Stream<Item = PyResult<i32>> + Send + 'static {
    count(until, tick)
}

#[pymodule]
fn example(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sleep_asyncio, module)?)?;
    module.add_function(wrap_pyfunction!(sleep_trio, module)?)?;
    module.add_function(wrap_pyfunction!(sleep_sniffio, module)?)?;
    module.add_function(wrap_pyfunction!(spawn_future, module)?)?;
    module.add_function(wrap_pyfunction!(count_asyncio, module)?)?;
    module.add_function(wrap_pyfunction!(count_trio, module)?)
}
