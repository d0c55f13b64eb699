//! Rust futures and streams as Python coroutines and asynchronous generators, with PyO3, for every event loop.
//!
//! | | |
//! |---|---|
//! | a Rust future is awaited from Python | [`Coroutine`] |
//! | a Rust stream is iterated over by `async for` | [`AsyncGenerator`] |
//! | a Python object is awaited from Rust, or iterated over | [`AwaitExt`] |
//! | a future learns of a cancellation | [`CancelHandle`] |
//! | a future is polled while other threads run Python | [`DetachExt`] |
//!
//! ```
//! use pyawaitable_pyo3::{AwaitExt, Coroutine};
//! use pyo3::prelude::*;
//!
//! /// Awaits two awaitables, one after the other, and returns the sum.
//! #[pyfunction]
//! fn sum(py: Python<'_>, first: Py<PyAny>, second: Py<PyAny>) -> PyResult<Coroutine> {
//!     Coroutine::new(py, async move {
//!         let first = first.awaited().await?;
//!         let second = second.awaited().await?;
//!         Python::attach(|py| Ok::<_, PyErr>(first.bind(py).add(second)?.unbind()))
//!     })
//! }
//! ```
//!
//! # Panics
//! A panic in a future becomes a `pyo3_runtime.PanicException`, raised by the step, and is the end of the coroutine. One in a
//! destructor goes to `sys.unraisablehook`. Build with `panic = "unwind"`, cargo's default: there is nothing to catch otherwise.
//!
//! # Detached threads
//! A future that is polled by a coroutine is attached to the interpreter, unless it is [detached](DetachExt::detach). So
//! [`Python::attach`](pyo3::Python::attach) in it is cheap.

mod awaiting;
mod cancel;
mod convert;
mod coroutine;
mod detach;
mod driver;
mod event_loop;
mod future;
mod generator;
mod local;
mod task;
mod turn;

pub use awaiting::{AsyncIter, AwaitExt, Awaiting};
pub use cancel::{CancelHandle, Cancelled};
pub use coroutine::{Builder, Coroutine};
pub use detach::{Detach, DetachExt};
pub use event_loop::Library;
pub use future::{PyFuture, PyStream};
pub use generator::{AsyncGenerator, Yielded, Yielder};
