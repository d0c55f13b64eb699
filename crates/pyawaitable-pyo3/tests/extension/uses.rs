//! What people do with it: a client of a server, a service with handlers, a stream with back pressure, a channel, a race.

use futures::stream;
use pyawaitable_pyo3::tokio::handle;
use pyawaitable_pyo3::{AsyncGenerator, AwaitExt, Coroutine, EventLoop, RuntimeExt};
use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyStopAsyncIteration};
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};

/// Sends a line to a server, and returns the line that it answers: a client in Rust, which Python awaits.
#[pyfunction]
fn ask(py: Python<'_>, port: u16, question: String) -> PyResult<Coroutine> {
    let exchange = async move {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.write_all(format!("{question}\n").as_bytes()).await?;
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).await?;
        PyResult::Ok(answer.trim_end().to_owned())
    };
    Coroutine::new(py, exchange.enter(&handle()?))
}

/// A service: tokio serves lines, and each is answered by a handler, an `async def`.
#[pyclass(frozen)]
struct Service {
    port: u16,
    stop: tokio::sync::watch::Sender<bool>,
}

#[pymethods]
impl Service {
    #[new]
    fn new(py: Python<'_>, handler: Py<PyAny>) -> PyResult<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (stop, mut stopped) = tokio::sync::watch::channel(false);
        let (event_loop, handler) = (EventLoop::current(py)?, Arc::new(handler));
        handle()?.spawn(async move {
            let Ok(listener) = TcpListener::from_std(listener) else {
                return;
            };
            loop {
                tokio::select! {
                    Ok((socket, _)) = listener.accept() => {
                        let (event_loop, handler) = (event_loop.clone(), Arc::clone(&handler));
                        tokio::spawn(answer(socket, event_loop, handler));
                    }
                    _ = stopped.changed() => break,
                }
            }
        });
        Ok(Self { port, stop })
    }

    #[getter]
    fn port(&self) -> u16 {
        self.port
    }

    fn stop(&self) {
        let _ = self.stop.send(true);
    }
}

/// Answers each line of a connection. If that is closed, the handler is cancelled.
async fn answer(socket: TcpStream, event_loop: EventLoop, handler: Arc<Py<PyAny>>) {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut line = lines.next_line().await;
    while let Ok(Some(question)) = line {
        let handler = Arc::clone(&handler);
        let task = event_loop.spawn(move |py| handler.bind(py).call1((question,)));
        let answered = tokio::select! {
            answered = task => answered,
            next = lines.next_line() => match next {
                Ok(Some(_)) => Err(PyRuntimeError::new_err("one after the other")),
                _ => return,
            },
        };
        let text = match answered {
            Ok(answer) => Python::attach(|py| answer.bind(py).to_string()),
            Err(error) => format!("error: {error}"),
        };
        if write
            .write_all(format!("{text}\n").as_bytes())
            .await
            .is_err()
        {
            return;
        }
        line = lines.next_line().await;
    }
}

/// How many numbers a producer has made.
#[pyclass(frozen)]
#[derive(Clone)]
struct Progress(Arc<(AtomicU32, AtomicBool)>);

#[pymethods]
impl Progress {
    fn made(&self) -> u32 {
        self.0.0.load(Ordering::SeqCst)
    }

    fn has_ended(&self) -> bool {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// Numbers that a task of tokio's makes, at most so many ahead of who iterates.
#[pyfunction]
fn numbers(py: Python<'_>, until: u32, ahead: usize) -> PyResult<(AsyncGenerator, Progress)> {
    let progress = Progress(Arc::default());
    let (sender, receiver) = mpsc::channel(ahead);
    let noted = progress.clone();
    handle()?.spawn(async move {
        for number in 0..until {
            if sender.send(number).await.is_err() {
                break;
            }
            noted.0.0.store(number + 1, Ordering::SeqCst);
        }
        noted.0.1.store(true, Ordering::SeqCst);
    });
    let items = stream::unfold(receiver, |mut receiver| async {
        let number = receiver.recv().await?;
        Some((PyResult::Ok(number), receiver))
    });
    Ok((AsyncGenerator::from_stream(py, items)?, progress))
}

/// A channel of Rust's, between tasks of Python's: `async with` closes it, `async for` takes from it.
#[pyclass(frozen)]
struct Channel {
    sender: std::sync::Mutex<Option<mpsc::Sender<Py<PyAny>>>>,
    receiver: Arc<Mutex<mpsc::Receiver<Py<PyAny>>>>,
}

#[pymethods]
impl Channel {
    #[new]
    fn new(capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity);
        Self {
            sender: std::sync::Mutex::new(Some(sender)),
            receiver: Arc::new(Mutex::new(receiver)),
        }
    }

    fn send(&self, py: Python<'_>, object: Py<PyAny>) -> PyResult<Coroutine> {
        let sender = self.sender.lock().expect("no panic").clone();
        Coroutine::new(py, async move {
            let closed = || PyConnectionError::new_err("the channel is closed");
            let sender = sender.ok_or_else(closed)?;
            sender.send(object).await.map_err(|_| closed())
        })
    }

    fn close(&self) {
        self.sender.lock().expect("no panic").take();
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(&self, py: Python<'_>) -> PyResult<Coroutine> {
        let receiver = Arc::clone(&self.receiver);
        Coroutine::new(py, async move {
            let received = receiver.lock().await.recv().await;
            received.ok_or_else(|| PyStopAsyncIteration::new_err(()))
        })
    }
}

/// Awaits both at the same time by `select!`: which was first, and its result. The other one is cancelled.
#[pyfunction]
fn race(py: Python<'_>, first: Py<PyAny>, second: Py<PyAny>) -> PyResult<Coroutine> {
    Coroutine::new(py, async move {
        tokio::select! {
            result = first.awaited() => result.map(|result| ("first", result)),
            result = second.awaited() => result.map(|result| ("second", result)),
        }
    })
}

pub(crate) fn add(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(ask, m)?)?;
    m.add_class::<Service>()?;
    m.add_class::<Progress>()?;
    m.add_function(wrap_pyfunction!(numbers, m)?)?;
    m.add_class::<Channel>()?;
    m.add_function(wrap_pyfunction!(race, m)?)
}
