//! The extension module `behaviours` of the tests in Python.

use futures::stream::{self, StreamExt};
use pyawaitable_pyo3::{AsyncGenerator, AwaitExt, Coroutine, DetachExt, PyFuture};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Appends the thread that drops it to a list.
struct Dropped(Py<PyList>);

impl Drop for Dropped {
    fn drop(&mut self) {
        Python::attach(|py| {
            let thread = py.import("threading")?.call_method0("get_ident")?;
            self.0.bind(py).append(thread)
        })
        .expect("a list takes it");
    }
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

struct PanicsInConversion;

impl<'py> IntoPyObject<'py> for PanicsInConversion {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = Infallible;

    fn into_pyobject(self, _: Python<'py>) -> Result<Self::Output, Infallible> {
        panic!("in a conversion");
    }
}

/// How many modules are loaded by the time that it is awaited.
struct Modules;

impl PyFuture for Modules {
    fn poll_py(
        self: Pin<&mut Self>,
        py: Python<'_>,
        _: &mut Context<'_>,
    ) -> Poll<PyResult<Py<PyAny>>> {
        let count = || {
            let count = py.import("sys")?.getattr("modules")?.len()?;
            Ok(count.into_pyobject(py)?.into_any().unbind())
        };
        Poll::Ready(count())
    }
}

#[pyfunction]
fn ready(py: Python<'_>, value: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move { PyResult::Ok(value) })
}

#[pyfunction]
fn nothing(py: Python<'_>) -> PyResult<Coroutine> {
    Coroutine::new(py, async { PyResult::Ok(()) })
}

#[pyfunction]
fn modules(py: Python<'_>) -> PyResult<Coroutine> {
    Coroutine::new(py, Modules)
}

#[pyfunction]
fn fails(py: Python<'_>, error: Bound<'_, PyAny>) -> PyResult<Coroutine> {
    let error = PyErr::from_value(error);
    Coroutine::new(py, async move { Err::<(), _>(error) })
}

/// Awaits it, and returns or raises what came of it.
#[pyfunction]
fn awaits(py: Python<'_>, object: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::builder()
        .name("awaits")
        .build(py, async move { object.awaited().await })
}

/// Awaits each in turn, and returns a list of what came of each: `(True, result)` or `(False, exception)`.
#[pyfunction]
fn outcomes(py: Python<'_>, objects: Vec<Py<PyAny>>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        let mut outcomes = Vec::new();
        for object in objects {
            let outcome = object.awaited().await;
            outcomes.push(Python::attach(|py| match outcome {
                Ok(value) => (true, value),
                Err(error) => (false, error.into_value(py).into_any()),
            }));
        }
        PyResult::Ok(outcomes)
    })
}

/// Awaits it while holding what notes by which thread it is dropped.
#[pyfunction]
fn holds(py: Python<'_>, object: Py<PyAny>, dropped: Py<PyList>) -> PyResult<Coroutine> {
    let held = Dropped(dropped);
    Coroutine::new(py, async move {
        let result = object.awaited().await;
        drop(held);
        result
    })
}

/// The same for a future that is not `Send`.
#[pyfunction]
fn holds_local(py: Python<'_>, object: Py<PyAny>, dropped: Py<PyList>) -> PyResult<Coroutine> {
    let held = Rc::new(Dropped(dropped));
    Coroutine::new_local(py, async move {
        let result = object.awaited().await;
        drop(held);
        result
    })
}

#[pyfunction]
fn names(py: Python<'_>, name: String, qualname: Option<String>) -> PyResult<Coroutine> {
    let builder = Coroutine::builder().name(name);
    let builder = match qualname {
        Some(qualname) => builder.qualname(qualname),
        None => builder,
    };
    builder.build(py, async { PyResult::Ok(()) })
}

#[pyfunction]
fn panics(py: Python<'_>, message: String) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        if message.is_empty() {
            panic!("no text of its own");
        }
        panic!("{message}");
        #[allow(unreachable_code)]
        PyResult::Ok(())
    })
}

/// Awaits it while holding what panics when it is dropped.
#[pyfunction]
fn panics_when_dropped(py: Python<'_>, object: Py<PyAny>) -> PyResult<Coroutine> {
    let held = PanicsInDrop;
    Coroutine::new(py, async move {
        let result = object.awaited().await?;
        std::mem::forget(held);
        PyResult::Ok(result)
    })
}

#[pyfunction]
fn panics_in_conversion(py: Python<'_>) -> PyResult<Coroutine> {
    Coroutine::new(py, async { PyResult::Ok(PanicsInConversion) })
}

/// A body that is aligned to more than a frame is.
#[pyfunction]
fn aligned(py: Python<'_>, object: Py<PyAny>) -> PyResult<Coroutine> {
    #[repr(align(128))]
    struct Aligned(u8);
    Coroutine::new(py, async move {
        let aligned = Aligned(7);
        object.awaited().await?;
        let address = &raw const aligned;
        PyResult::Ok((address.addr() % 128, aligned.0))
    })
}

/// Calls the function while the thread is detached, from another thread, which therefore needs the interpreter.
#[pyfunction]
fn detached(py: Python<'_>, function: Py<PyAny>) -> PyResult<Coroutine> {
    let call = async move {
        std::thread::spawn(move || Python::attach(|py| function.call0(py)))
            .join()
            .expect("no panic")
    };
    Coroutine::new(py, call.detach())
}

/// Awaits it from a future that is polled detached.
#[pyfunction]
fn awaits_detached(py: Python<'_>, object: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move { object.awaited().await }.detach())
}

/// Sums up what the asynchronous iterable has.
#[pyfunction]
fn sums(py: Python<'_>, iterable: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        let mut items = iterable.stream();
        let mut sum = 0;
        while let Some(item) = items.next().await {
            let item = item?;
            sum += Python::attach(|py| item.extract::<i64>(py))?;
        }
        PyResult::Ok(sum)
    })
}

#[pyfunction]
fn count(py: Python<'_>, until: u32) -> PyResult<AsyncGenerator> {
    AsyncGenerator::from_stream(py, stream::iter((0..until).map(PyResult::Ok)))
}

/// Awaits each, and yields its result.
#[pyfunction]
fn results(
    py: Python<'_>,
    objects: Vec<Py<PyAny>>,
    dropped: Py<PyList>,
) -> PyResult<AsyncGenerator> {
    let held = Dropped(dropped);
    let items = stream::iter(objects).then(move |object| {
        let _held = &held;
        object.awaited()
    });
    AsyncGenerator::from_stream(py, items)
}

/// Counts, and calls the function with what is thrown in.
#[pyfunction]
fn count_on(py: Python<'_>, until: u32, thrown: Py<PyAny>) -> PyResult<AsyncGenerator> {
    let items = stream::iter((0..until).map(PyResult::Ok));
    AsyncGenerator::with_throw(py, items, move |py, error| {
        let error = error.map(|error| error.into_value(py));
        thrown.call1(py, (error,)).map(drop)
    })
}

/// Yields what was sent, as a pair with how many that were; what is thrown in, too, unless it is a `RuntimeError`; and ends when
/// it is sent `None`.
#[pyfunction]
fn echoes(py: Python<'_>) -> PyResult<AsyncGenerator> {
    AsyncGenerator::new(py, |yielder| async move {
        let mut sent = yielder.yield_("first").await;
        for count in 1.. {
            let item = match sent {
                Ok(value) => value,
                Err(error) => Python::attach(|py| {
                    if error.is_instance_of::<PyRuntimeError>(py) {
                        return Err(error);
                    }
                    Ok(error.into_value(py).into_any())
                })?,
            };
            if Python::attach(|py| item.is_none(py)) {
                break;
            }
            sent = yielder.yield_((item, count)).await;
        }
        Ok(())
    })
}

/// Awaits each, and yields its result, with awaits on the way out.
#[pyfunction]
fn yields(
    py: Python<'_>,
    objects: Vec<Py<PyAny>>,
    at_end: Option<Py<PyAny>>,
) -> PyResult<AsyncGenerator> {
    AsyncGenerator::new(py, |yielder| async move {
        for object in objects {
            let item = object.awaited().await?;
            if let Err(error) = yielder.yield_(item).await {
                if let Some(object) = at_end {
                    object.awaited().await?;
                }
                return Err(error);
            }
        }
        Ok(())
    })
}

/// Yields an item where there is no generator.
#[pyfunction]
fn yields_from_a_coroutine(py: Python<'_>) -> PyResult<Coroutine> {
    let (give, take) = std::sync::mpsc::channel();
    let _generator = AsyncGenerator::new(py, move |yielder| {
        give.send(yielder).expect("taken below");
        async { Ok(()) }
    })?;
    let yielder = take.recv().map_err(|_| PyValueError::new_err("none"))?;
    Coroutine::new(py, async move { yielder.yield_(1).await })
}

/// Awaits it by a waker that is not the coroutine's.
#[pyfunction]
fn awaits_with_another_waker(py: Python<'_>, object: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        let mut awaiting = object.awaited();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match Pin::new(&mut awaiting).poll(&mut cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(PyValueError::new_err("pending")),
        }
    })
}

#[pymodule]
fn behaviours(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(ready, m)?)?;
    m.add_function(wrap_pyfunction!(nothing, m)?)?;
    m.add_function(wrap_pyfunction!(modules, m)?)?;
    m.add_function(wrap_pyfunction!(fails, m)?)?;
    m.add_function(wrap_pyfunction!(awaits, m)?)?;
    m.add_function(wrap_pyfunction!(outcomes, m)?)?;
    m.add_function(wrap_pyfunction!(holds, m)?)?;
    m.add_function(wrap_pyfunction!(holds_local, m)?)?;
    m.add_function(wrap_pyfunction!(names, m)?)?;
    m.add_function(wrap_pyfunction!(panics, m)?)?;
    m.add_function(wrap_pyfunction!(panics_when_dropped, m)?)?;
    m.add_function(wrap_pyfunction!(panics_in_conversion, m)?)?;
    m.add_function(wrap_pyfunction!(aligned, m)?)?;
    m.add_function(wrap_pyfunction!(detached, m)?)?;
    m.add_function(wrap_pyfunction!(awaits_detached, m)?)?;
    m.add_function(wrap_pyfunction!(sums, m)?)?;
    m.add_function(wrap_pyfunction!(count, m)?)?;
    m.add_function(wrap_pyfunction!(results, m)?)?;
    m.add_function(wrap_pyfunction!(count_on, m)?)?;
    m.add_function(wrap_pyfunction!(echoes, m)?)?;
    m.add_function(wrap_pyfunction!(yields, m)?)?;
    m.add_function(wrap_pyfunction!(yields_from_a_coroutine, m)?)?;
    m.add_function(wrap_pyfunction!(awaits_with_another_waker, m)?)?;
    Ok(())
}
