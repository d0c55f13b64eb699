//! The extension module `behaviours` of the tests in Python.

mod loops;
mod uses;

use futures::future::{Either, select, try_join};
use futures::stream::{self, FuturesUnordered, StreamExt, TryStreamExt};
use pyawaitable_pyo3::{
    AsyncGenerator, AwaitExt, CancelHandle, Coroutine, DetachExt, FutureHandle, OnDrop, PyFuture,
};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

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
    Coroutine::new(py, async move { object.awaited().await })
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

fn tokio() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .expect("threads")
    })
}

/// Waits in a thread of tokio's.
async fn slept(seconds: f64) {
    let sleep = async move { tokio::time::sleep(Duration::from_secs_f64(seconds)).await };
    tokio().spawn(sleep).await.expect("no panic");
}

#[pyfunction]
fn sleep(py: Python<'_>, seconds: f64) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        slept(seconds).await;
        PyResult::Ok("slept")
    })
}

/// Waits forever, while holding what notes by which thread it is dropped.
#[pyfunction]
fn forever(py: Python<'_>, dropped: Py<PyList>) -> PyResult<Coroutine> {
    let held = Dropped(dropped);
    Coroutine::new(py, async move {
        std::future::pending::<()>().await;
        drop(held);
        PyResult::Ok(())
    })
}

/// Wakes itself so often, each time during the poll, and returns how often it was polled.
#[pyfunction]
fn wakes_itself(py: Python<'_>, times: u32, by_clone: bool) -> PyResult<Coroutine> {
    let mut polls = 0;
    let future = poll_fn(move |cx| {
        polls += 1;
        if polls > times {
            return Poll::Ready(PyResult::Ok(polls));
        }
        if by_clone {
            let waker = cx.waker().clone();
            waker.wake();
        } else {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    });
    Coroutine::new(py, future)
}

/// The same by another thread, which has done it before the poll returns, or not.
#[pyfunction]
fn woken_by_threads(py: Python<'_>, times: u32, is_joined: bool) -> PyResult<Coroutine> {
    let mut polls = 0;
    let future = poll_fn(move |cx| {
        polls += 1;
        if polls > times {
            return Poll::Ready(PyResult::Ok(polls));
        }
        let waker = cx.waker().clone();
        let thread = std::thread::spawn(move || {
            waker.wake_by_ref();
            waker.wake();
        });
        if is_joined {
            thread.join().expect("no panic");
        }
        Poll::Pending
    });
    Coroutine::new(py, future)
}

static KEPT: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

/// Waits forever; `wake_kept` wakes it, also when it is gone. Returns how often it was polled, once that is so often.
#[pyfunction]
fn keeps_waker(py: Python<'_>, until: u32) -> PyResult<Coroutine> {
    let mut polls = 0;
    let future = poll_fn(move |cx| {
        polls += 1;
        if polls == until {
            return Poll::Ready(PyResult::Ok(polls));
        }
        KEPT.lock().expect("no panic").push(cx.waker().clone());
        Poll::Pending
    });
    Coroutine::new(py, future)
}

/// Has a thread wake all wakers that were kept, so often, and then drop them.
#[pyfunction]
fn wake_kept(py: Python<'_>, times: u32) {
    let kept = std::mem::take(&mut *KEPT.lock().expect("no panic"));
    let work = move || {
        for waker in &kept {
            (0..times).for_each(|_| waker.wake_by_ref());
        }
    };
    py.detach(|| std::thread::spawn(work).join().expect("no panic"));
}

/// Awaits both at the same time: which was first, and its result. The other one is dropped.
#[pyfunction]
fn selects(py: Python<'_>, first: Py<PyAny>, second: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        match select(first.awaited(), second.awaited()).await {
            Either::Left((result, _)) => result.map(|result| (1, result)),
            Either::Right((result, _)) => result.map(|result| (2, result)),
        }
    })
}

/// Awaits it for so long: its result, or None.
#[pyfunction]
fn selects_sleep(py: Python<'_>, object: Py<PyAny>, seconds: f64) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        match select(object.awaited(), pin!(slept(seconds))).await {
            Either::Left((result, _)) => result.map(Some),
            Either::Right(_) => Ok(None),
        }
    })
}

/// Awaits both at the same time.
#[pyfunction]
fn joins(py: Python<'_>, first: Py<PyAny>, second: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        try_join(first.awaited(), second.awaited()).await
    })
}

/// Awaits all at the same time, with wakers of their own, and returns the results as they come.
#[pyfunction]
fn unordered(py: Python<'_>, objects: Vec<Py<PyAny>>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        let objects = objects.into_iter().map(AwaitExt::awaited);
        let all: FuturesUnordered<_> = objects.collect();
        all.try_collect::<Vec<_>>().await
    })
}

/// Drops the awaiting of an object before anything comes of it.
#[pyfunction]
fn drops_awaiting(py: Python<'_>, object: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        match select(object.awaited(), std::future::ready(())).await {
            Either::Left((result, _)) => result.map(Some),
            Either::Right(_) => Ok(None),
        }
    })
}

/// Awaits it in a task of its own, or inline although something else may wake the coroutine.
#[pyfunction]
fn awaits_at(py: Python<'_>, object: Py<PyAny>, is_inline: bool) -> PyResult<Coroutine> {
    let awaiting = object.awaited();
    if is_inline {
        return Coroutine::new(py, async move {
            match select(awaiting.inline(), pin!(slept(0.0))).await {
                Either::Left((result, _)) => result,
                Either::Right((_, awaiting)) => awaiting.await,
            }
        });
    }
    Coroutine::new(py, awaiting.in_task())
}

/// Sleeps, takes note of what is thrown in, sleeps again, and returns that, or what the sleep gave.
#[pyfunction]
fn takes_note(py: Python<'_>, seconds: f64, seconds_after: f64) -> PyResult<Coroutine> {
    let handle = CancelHandle::new();
    let builder = Coroutine::builder().cancel_handle(&handle);
    builder.build(py, async move {
        let thrown = match select(pin!(slept(seconds)), handle.cancelled()).await {
            Either::Left(_) => None,
            Either::Right((thrown, _)) => Some(thrown),
        };
        slept(seconds_after).await;
        Python::attach(|py| {
            PyResult::Ok(thrown.map(|thrown| (thrown.into_value(py), handle.is_cancelled())))
        })
    })
}

/// Sleeps, and calls the function with what is thrown in.
#[pyfunction]
fn sleeps_on(py: Python<'_>, seconds: f64, thrown: Py<PyAny>) -> PyResult<Coroutine> {
    let callback = move |py: Python<'_>, error: Option<PyErr>| {
        let error = error.map(|error| error.into_value(py));
        thrown.call1(py, (error,)).map(drop)
    };
    let builder = Coroutine::builder().on_throw(callback);
    builder.build(py, async move {
        slept(seconds).await;
        PyResult::Ok("slept")
    })
}

/// Counts, and sleeps before each item.
#[pyfunction]
fn ticks(
    py: Python<'_>,
    until: u32,
    seconds: f64,
    dropped: Py<PyList>,
) -> PyResult<AsyncGenerator> {
    let held = Dropped(dropped);
    let items = stream::iter(0..until).then(move |number| {
        let _held = &held;
        async move {
            slept(seconds).await;
            PyResult::Ok(number)
        }
    });
    AsyncGenerator::from_stream(py, Box::pin(items))
}

/// Has a runtime of Rust's wait for a future of Python's, and calls the function with what came of it. With `is_cut_short`, it does
/// not wait for long.
#[pyfunction]
fn watches(future: Py<PyAny>, function: Py<PyAny>, cancels: bool, is_cut_short: bool) {
    let on_drop = if cancels {
        OnDrop::Cancel
    } else {
        OnDrop::Leave
    };
    tokio().spawn(async move {
        let handle = FutureHandle::new(future, on_drop);
        let limit = Duration::from_millis(if is_cut_short { 20 } else { 10_000 });
        let outcome = tokio::time::timeout(limit, handle).await;
        Python::attach(|py| {
            let arguments = match outcome {
                Ok(Ok(value)) => (Some(value), None),
                Ok(Err(error)) => (None, Some(error.into_value(py))),
                Err(_) => (None, None),
            };
            function
                .call1(py, arguments)
                .expect("a function that returns")
        });
    });
}

/// So many coroutines, each of which returns its number when `release` is called.
#[pyfunction]
fn parked(py: Python<'_>, count: usize) -> PyResult<(Vec<Coroutine>, Release)> {
    let mut senders = Vec::with_capacity(count);
    let mut coroutines = Vec::with_capacity(count);
    for number in 0..count {
        let (sender, receiver) = tokio::sync::oneshot::channel::<usize>();
        senders.push(sender);
        coroutines.push(Coroutine::new(py, async move {
            receiver
                .await
                .map_err(|_| PyRuntimeError::new_err(format!("{number} was forgotten")))
        })?);
    }
    Ok((coroutines, Release(Mutex::new(senders))))
}

/// Releases what is parked.
#[pyclass]
struct Release(Mutex<Vec<tokio::sync::oneshot::Sender<usize>>>);

#[pymethods]
impl Release {
    /// By one thread.
    fn __call__(&self) {
        let senders = std::mem::take(&mut *self.0.lock().expect("no panic"));
        std::thread::spawn(move || {
            for (number, sender) in senders.into_iter().enumerate() {
                let _ = sender.send(number);
            }
        });
    }
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
    m.add_function(wrap_pyfunction!(sleep, m)?)?;
    m.add_function(wrap_pyfunction!(forever, m)?)?;
    m.add_function(wrap_pyfunction!(wakes_itself, m)?)?;
    m.add_function(wrap_pyfunction!(woken_by_threads, m)?)?;
    m.add_function(wrap_pyfunction!(keeps_waker, m)?)?;
    m.add_function(wrap_pyfunction!(wake_kept, m)?)?;
    m.add_function(wrap_pyfunction!(selects, m)?)?;
    m.add_function(wrap_pyfunction!(selects_sleep, m)?)?;
    m.add_function(wrap_pyfunction!(joins, m)?)?;
    m.add_function(wrap_pyfunction!(unordered, m)?)?;
    m.add_function(wrap_pyfunction!(drops_awaiting, m)?)?;
    m.add_function(wrap_pyfunction!(awaits_at, m)?)?;
    m.add_function(wrap_pyfunction!(takes_note, m)?)?;
    m.add_function(wrap_pyfunction!(sleeps_on, m)?)?;
    m.add_function(wrap_pyfunction!(ticks, m)?)?;
    m.add_function(wrap_pyfunction!(parked, m)?)?;
    m.add_function(wrap_pyfunction!(watches, m)?)?;
    loops::add(m)?;
    uses::add(m)
}
