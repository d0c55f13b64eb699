//! The extension module `macros` of the tests in Python.

use futures::stream::{self, Stream};
use pyawaitable_pyo3::{AwaitExt, pyfunction, pymethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyType;
use std::rc::Rc;
use std::time::Duration;

/// Doubles a number.
#[pyfunction]
async fn double(number: i64) -> i64 {
    2 * number
}

#[pyfunction]
async fn nothing() {}

#[pyfunction]
async fn fails(text: String) -> PyResult<()> {
    Err(PyValueError::new_err(text))
}

#[pyfunction(signature = (first, *others, factor = 2, **options))]
async fn total(
    first: i64,
    others: Vec<i64>,
    factor: i64,
    options: Option<Py<pyo3::types::PyDict>>,
) -> PyResult<(i64, usize)> {
    let count = match options {
        Some(options) => Python::attach(|py| options.bind(py).len()),
        None => 0,
    };
    Ok((factor * (first + others.iter().sum::<i64>()), count))
}

#[pyfunction]
#[pyo3(name = "renamed", signature = (mut_able = 3))]
async fn named_otherwise(mut mut_able: i64) -> i64 {
    mut_able += 1;
    mut_able
}

#[pyfunction]
async fn r#yield(object: Py<PyAny>) -> PyResult<Py<PyAny>> {
    object.awaited().await
}

#[pyfunction(local)]
async fn local(object: Py<PyAny>) -> PyResult<Py<PyAny>> {
    let kept = Rc::new(());
    let result = object.awaited().await;
    drop(kept);
    result
}

#[pyfunction(asyncio, allow_threads)]
async fn detached(number: u64) -> u64 {
    std::thread::spawn(move || Python::attach(|_| number))
        .join()
        .expect("no panic")
}

#[pyfunction(stream)]
fn count(until: u32) -> impl Stream<Item = PyResult<u32>> + Send + 'static {
    stream::iter((0..until).map(Ok))
}

#[pyfunction(stream)]
async fn results(
    objects: Vec<Py<PyAny>>,
) -> impl Stream<Item = PyResult<Py<PyAny>>> + Send + 'static {
    let mut results = Vec::new();
    for object in objects {
        results.push(object.awaited().await);
    }
    stream::iter(results)
}

/// Needs tokio's timers.
#[pyfunction(tokio)]
async fn with_tokio(seconds: f64) -> f64 {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    seconds
}

/// Is polled in a thread of tokio's, and awaits it from there.
#[pyfunction(spawn)]
async fn spawned(object: Py<PyAny>) -> Result<(Py<PyAny>, bool), Refused> {
    let is_of_tokio = tokio::runtime::Handle::try_current().is_ok();
    let result = object.awaited().await.map_err(|_| Refused)?;
    Ok((result, is_of_tokio))
}

/// An error of a type of its own.
struct Refused;

impl From<Refused> for PyErr {
    fn from(_: Refused) -> Self {
        PyValueError::new_err("refused")
    }
}

#[pyfunction(shield)]
async fn shielded(object: Py<PyAny>) -> PyResult<Py<PyAny>> {
    object.awaited().await
}

/// Not asynchronous at all.
#[pyfunction]
fn plain(number: i64) -> i64 {
    number
}

#[pyclass]
struct Counter {
    count: i64,
}

#[pymethods]
impl Counter {
    #[new]
    fn new() -> Self {
        Self { count: 0 }
    }

    /// The count, when the object has been awaited.
    async fn after(&self, object: Py<PyAny>) -> PyResult<i64> {
        object.awaited().await?;
        Ok(self.count)
    }

    async fn add(&mut self, number: i64, object: Option<Py<PyAny>>) -> PyResult<i64> {
        if let Some(object) = object {
            object.awaited().await?;
        }
        self.count += number;
        Ok(self.count)
    }

    #[getter]
    async fn get_later(&self) -> i64 {
        self.count
    }

    #[getter(otherwise)]
    async fn named_otherwise(&self) -> i64 {
        -self.count
    }

    #[staticmethod]
    async fn zero() -> i64 {
        0
    }

    #[classmethod]
    async fn name(class: Py<PyType>, suffix: String) -> PyResult<String> {
        Python::attach(|py| Ok(class.bind(py).name()?.to_string() + &suffix))
    }

    #[coroutine(detach)]
    async fn detached(&self) -> i64 {
        self.count
    }

    #[coroutine(tokio, shield)]
    async fn with_tokio(&self, seconds: f64) -> i64 {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        self.count
    }

    #[coroutine(stream)]
    fn items(&self) -> impl Stream<Item = PyResult<i64>> + Send + use<> {
        stream::iter((0..self.count).map(Ok))
    }

    fn plain(&self) -> i64 {
        self.count
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    async fn __anext__(&mut self) -> PyResult<i64> {
        if self.count == 0 {
            return Err(pyo3::exceptions::PyStopAsyncIteration::new_err(()));
        }
        self.count -= 1;
        Ok(self.count)
    }

    async fn __aenter__(&self) -> i64 {
        self.count
    }

    async fn __aexit__(&self, kind: Py<PyAny>, _value: Py<PyAny>, _traceback: Py<PyAny>) -> bool {
        Python::attach(|py| !kind.is_none(py))
    }
}

#[pymodule]
fn macros(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(double, m)?)?;
    m.add_function(wrap_pyfunction!(nothing, m)?)?;
    m.add_function(wrap_pyfunction!(fails, m)?)?;
    m.add_function(wrap_pyfunction!(total, m)?)?;
    m.add_function(wrap_pyfunction!(named_otherwise, m)?)?;
    m.add_function(wrap_pyfunction!(r#yield, m)?)?;
    m.add_function(wrap_pyfunction!(local, m)?)?;
    m.add_function(wrap_pyfunction!(detached, m)?)?;
    m.add_function(wrap_pyfunction!(count, m)?)?;
    m.add_function(wrap_pyfunction!(results, m)?)?;
    m.add_function(wrap_pyfunction!(with_tokio, m)?)?;
    m.add_function(wrap_pyfunction!(spawned, m)?)?;
    m.add_function(wrap_pyfunction!(shielded, m)?)?;
    m.add_function(wrap_pyfunction!(plain, m)?)?;
    m.add_class::<Counter>()?;
    // The functions are still what they were for Rust.
    let _ = (double(1), Counter { count: 0 }.get_later());
    Ok(())
}
