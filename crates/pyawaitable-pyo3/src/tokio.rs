//! A runtime of tokio's for the whole process, with the feature `tokio`. It is started when it is first asked for.
//!
//! ```
//! use pyawaitable_pyo3::{Coroutine, RuntimeExt, tokio::handle};
//! use pyo3::prelude::*;
//! use std::time::Duration;
//!
//! /// Polled by the event loop, woken by tokio.
//! #[pyfunction]
//! fn sleep(py: Python<'_>, seconds: u64) -> PyResult<Coroutine> {
//!     let sleep = async move {
//!         tokio::time::sleep(Duration::from_secs(seconds)).await;
//!         PyResult::Ok(())
//!     };
//!     Coroutine::new(py, sleep.enter(&handle()?))
//! }
//! ```
//!
//! `#[pyfunction(tokio)]` enters it as here, and `#[pyfunction(spawn)]` has it poll the future.
//!
//! # The end of the process
//! When Python ends, the runtime is shut down: what its tasks are at is finished for at most a second, without holding up Python
//! threads. [`shutdown`] does it earlier, or for longer. After a fork, the child gets a runtime of its own.

use crate::runtime::Runtime;
use ::tokio::runtime::{self, Handle};
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

impl Runtime for Handle {
    fn enter<R>(&self, action: impl FnOnce() -> R) -> R {
        let _entered = Handle::enter(self);
        action()
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        drop(Handle::spawn(self, future));
    }
}

/// A runtime that has been in use. It is never freed, so that any thread may look at it at any time.
struct Entry {
    process: u32,
    handle: Handle,
    runtime: Mutex<Option<runtime::Runtime>>,
}

static CURRENT: AtomicPtr<Entry> = AtomicPtr::new(null_mut());

/// The entry, if it is this process's.
fn current() -> Option<&'static Entry> {
    // SAFETY: an entry is never freed.
    let entry = unsafe { CURRENT.load(Ordering::Acquire).as_ref() }?;
    (entry.process == std::process::id()).then_some(entry)
}

/// Makes it the one in use, unless there is another one.
fn put(runtime: runtime::Runtime) -> Result<&'static Entry, runtime::Runtime> {
    let entry = Box::into_raw(Box::new(Entry {
        process: std::process::id(),
        handle: runtime.handle().clone(),
        runtime: Mutex::new(Some(runtime)),
    }));
    loop {
        let before = CURRENT.load(Ordering::Acquire);
        // SAFETY: as above.
        let is_taken =
            unsafe { before.as_ref() }.is_some_and(|other| other.process == std::process::id());
        if is_taken {
            // SAFETY: made above, and nobody else has seen it.
            let entry = unsafe { Box::from_raw(entry) };
            let runtime = entry.runtime.into_inner();
            match runtime.unwrap_or_else(PoisonError::into_inner) {
                Some(runtime) => return Err(runtime),
                None => continue,
            }
        }
        let exchanged =
            CURRENT.compare_exchange(before, entry, Ordering::AcqRel, Ordering::Acquire);
        if exchanged.is_ok() {
            at_exit();
            // SAFETY: as above.
            return Ok(unsafe { &*entry });
        }
    }
}

/// The runtime's handle, which starts one if there is none: with a thread for each core, timers, and input and output if that is
/// enabled in tokio. `OSError` if it cannot be started.
pub fn handle() -> PyResult<Handle> {
    if let Some(entry) = current() {
        return Ok(entry.handle.clone());
    }
    let made = runtime::Builder::new_multi_thread()
        .thread_name("tokio")
        .enable_all()
        .build()?;
    match put(made) {
        Ok(entry) => Ok(entry.handle.clone()),
        // Another thread was faster.
        Err(made) => {
            made.shutdown_background();
            handle()
        }
    }
}

/// Makes this the runtime. It is given back if there is one already: this comes before the first [`handle`].
pub fn set(runtime: runtime::Runtime) -> Result<(), runtime::Runtime> {
    put(runtime).map(drop)
}

/// Shuts the runtime down: each task is dropped when it next waits, and threads get so much time to end. To be called in a
/// thread that is not one of its own. If it is attached to the interpreter, others may attach meanwhile. The next [`handle`] starts
/// another one.
pub fn shutdown(within: Duration) {
    let Some(entry) = current() else {
        return;
    };
    let _ = CURRENT.compare_exchange(
        std::ptr::from_ref(entry).cast_mut(),
        null_mut(),
        Ordering::AcqRel,
        Ordering::Acquire,
    );
    let runtime = entry
        .runtime
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some(runtime) = runtime else {
        return;
    };
    // SAFETY: a function that any thread may call.
    if unsafe { pyo3::ffi::PyGILState_Check() } == 0 {
        return runtime.shutdown_timeout(within);
    }
    Python::attach(|py| py.detach(|| runtime.shutdown_timeout(within)));
}

/// Has Python shut it down before it ends.
fn at_exit() {
    let _ = Python::try_attach(|py| {
        let end = |_: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
            shutdown(Duration::from_secs(1));
        };
        let registered = PyCFunction::new_closure(py, Some(c"shutdown"), None, end)
            .and_then(|end| py.import("atexit")?.call_method1("register", (end,)));
        if let Err(error) = registered {
            error.write_unraisable(py, None);
        }
    });
}
