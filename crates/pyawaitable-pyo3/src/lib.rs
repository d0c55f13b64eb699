//! Rust futures and streams as Python coroutines and asynchronous generators, with PyO3, for every event loop.
//!
//! | | |
//! |---|---|
//! | a Rust future is awaited from Python | [`Coroutine`] |
//! | a Rust stream is iterated over by `async for` | [`AsyncGenerator`] |
//! | a Python object is awaited from Rust, or iterated over | [`AwaitExt`] |
//! | a Python future is waited for by any thread | [`FutureHandle`] |
//! | a future learns of a cancellation | [`CancelHandle`] |
//! | a future is polled while other threads run Python | [`DetachExt`] |
//! | any thread has an event loop await something | [`EventLoop`], [`Task`] |
//! | a future is polled by a runtime of Rust's, or within it | [`RuntimeExt`], [`tokio`] |
//! | code elsewhere has a task's context variables | [`ContextVars`] |
//! | Rust runs an event loop | [`run`] |
//! | an `async fn` is a function or a method of Python's | [`pyfunction`], [`pymethods`] |
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
//! # Event loops
//! Whatever runs the coroutine, it awaits Python objects there, also where no event loop is known at all. A future that waits for
//! something else, such as a channel or a task of tokio's, needs one of asyncio, uvloop, trio, or anyio on one of these; elsewhere
//! that is a `RuntimeError`. Its waker may be used by any thread, at any time. Waking never attaches to the interpreter, allocates,
//! or blocks.
//!
//! No runtime of Rust's is needed, and none is started. A future that needs one is [spawned there](RuntimeExt::spawn_on), or polled
//! [within it](RuntimeExt::enter). The feature `tokio` has one of tokio's for the whole process.
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
mod context;
mod convert;
mod coroutine;
mod detach;
mod driver;
mod event_loop;
mod future;
mod future_handle;
mod generator;
mod local;
mod outcome;
#[cfg(feature = "macros")]
mod private;
mod queue;
mod runtime;
mod shield;
mod task;
#[cfg(feature = "tokio")]
pub mod tokio;
mod turn;

pub use awaiting::{AsyncIter, AwaitExt, Awaiting};
pub use cancel::{CancelHandle, Cancelled};
pub use context::{ContextVars, InContext};
pub use coroutine::{Builder, Coroutine};
pub use detach::{Detach, DetachExt};
pub use event_loop::{EventLoop, Library, Scope, run};
pub use future::{PyFuture, PyStream};
pub use future_handle::{FutureHandle, OnDrop};
pub use generator::{AsyncGenerator, Yielded, Yielder};
/// PyO3's `#[pyfunction]`, in its place: it also takes an `async fn`, which Python then calls as one. The function stays what it is
/// for Rust, and `wrap_pyfunction!` finds it by its name. What its parameters are converted from is converted by the call, so that
/// a wrong argument is a `TypeError` there.
///
/// Options, besides those of PyO3: `detach` (polled [detached](DetachExt::detach)), `local` (its future is not `Send`), `stream` (it
/// returns a [`Stream`](futures_core::Stream), which becomes an [`AsyncGenerator`]), `shield` (it runs on when it is cancelled: see
/// [`Builder::shield`]); with the feature `tokio`, `tokio` (polled with tokio's runtime entered) and `spawn` (polled by it). Those of pyo3-async are taken, too:
/// `allow_threads` is `detach`, and `asyncio`, `trio`, `sniffio` mean nothing here, where all of them will do.
///
/// ```
/// use futures::stream::{self, Stream};
/// use pyawaitable_pyo3::{AwaitExt, pyfunction};
/// use pyo3::prelude::*;
///
/// /// Awaits it, and doubles the result.
/// #[pyfunction]
/// async fn double(number: Py<PyAny>) -> PyResult<i64> {
///     let number = number.awaited().await?;
///     Python::attach(|py| Ok(2 * number.extract::<i64>(py)?))
/// }
///
/// #[pyfunction(stream)]
/// fn count(until: u32) -> impl Stream<Item = PyResult<u32>> + Send + 'static {
///     stream::iter((0..until).map(Ok))
/// }
///
/// #[pymodule]
/// fn example(module: &Bound<'_, PyModule>) -> PyResult<()> {
///     module.add_function(wrap_pyfunction!(double, module)?)?;
///     module.add_function(wrap_pyfunction!(count, module)?)
/// }
/// # fn main() {}
/// ```
///
/// The function has to be in a module, and not in another function.
#[cfg(feature = "macros")]
pub use pyawaitable_pyo3_macros::pyfunction;
pub use runtime::{Entered, Runtime, RuntimeExt, SpawnedOn};
pub use task::Task;

/// PyO3's `#[pymethods]`, in its place: its methods may be `async fn`, also getters, class methods, static methods, and special
/// methods such as `__anext__` and `__aenter__`. `#[coroutine(...)]` gives a method the options that [`pyfunction`] has.
///
/// One with `&self` or `&mut self` borrows the object from the call until the coroutine ends, as PyO3 borrows it for a call. For
/// `&self`, the contents have to be `Sync`.
///
/// ```
/// use pyawaitable_pyo3::{AwaitExt, pymethods};
/// use pyo3::prelude::*;
///
/// #[pyclass]
/// struct Total(i64);
///
/// #[pymethods]
/// impl Total {
///     #[new]
///     fn new() -> Self {
///         Self(0)
///     }
///
///     async fn add(&mut self, number: Py<PyAny>) -> PyResult<i64> {
///         let number = number.awaited().await?;
///         self.0 += Python::attach(|py| number.extract::<i64>(py))?;
///         Ok(self.0)
///     }
/// }
/// ```
#[cfg(feature = "macros")]
pub use pyawaitable_pyo3_macros::pymethods;

#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}
