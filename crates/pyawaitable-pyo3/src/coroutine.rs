//! Futures as coroutines.

use crate::cancel::CancelHandle;
use crate::convert;
use crate::driver::{Driver, OnThrow, Once, Options};
use crate::future::PyFuture;
use crate::local::Local;
use crate::shield::Shield;
use pyawaitable::rust::{Definition, Maker, new_awaitable};
use pyo3::prelude::*;
use std::borrow::Cow;
use std::convert::Infallible;

/// A Python coroutine that is driven by a Rust future. PyO3 converts it, so that it can be what a function returns.
///
/// It behaves as that of an `async def` does, in every respect that can be seen: it is awaited once, has `send`, `throw`, `close`,
/// `cr_await` and so on, warns if it was never awaited, and so on.
///
/// The future is first polled by the first step, and dropped once: at its end, when the coroutine is closed, when an exception is
/// thrown in that nothing takes note of, or with the coroutine. That is always in the thread that does it, attached.
pub struct Coroutine(Py<PyAny>);

static NAMES: Definition = Definition {
    name: c"Coroutine",
    qualified_name: c"Coroutine",
};

impl Coroutine {
    /// A coroutine for this future. `MemoryError` is what may go wrong.
    ///
    /// ```
    /// use pyawaitable_pyo3::Coroutine;
    /// use pyo3::prelude::*;
    ///
    /// #[pyfunction]
    /// fn double(py: Python<'_>, number: i64) -> PyResult<Coroutine> {
    ///     Coroutine::new(py, async move { PyResult::Ok(2 * number) })
    /// }
    /// ```
    pub fn new<F: PyFuture + Send + 'static>(py: Python<'_>, future: F) -> PyResult<Self> {
        Self::make(py, future, &NAMES, None)
    }

    /// The same for a future that is not `Send`. Another thread that steps the coroutine gets a `RuntimeError`. If another thread
    /// destroys it, the future is leaked, and that is told through `sys.unraisablehook`.
    pub fn new_local<F: PyFuture + 'static>(py: Python<'_>, future: F) -> PyResult<Self> {
        Self::new(py, Local::new(future))
    }

    /// For one with a name, and so on.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn make<F: PyFuture + Send + 'static>(
        py: Python<'_>,
        future: F,
        names: &'static Definition,
        options: Option<Options>,
    ) -> PyResult<Self> {
        let driver = Driver::new(Once(future), options);
        // SAFETY: attached, as `py` proves.
        match unsafe { new_awaitable(driver, Maker::definition(names)) } {
            Ok(made) => Ok(Self(convert::object(py, made))),
            Err(raised) => Err(convert::error(py, raised)),
        }
    }

    /// The object.
    pub fn into_object(self) -> Py<PyAny> {
        self.0
    }
}

impl<'py> IntoPyObject<'py> for Coroutine {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Infallible> {
        Ok(self.0.into_bound(py))
    }
}

/// What a [`Coroutine`] is to be besides: made by [`Coroutine::builder`].
#[derive(Default)]
#[must_use = "nothing is made before `build`"]
pub struct Builder {
    name: Option<Cow<'static, str>>,
    qualname: Option<Cow<'static, str>>,
    cancel: Option<CancelHandle>,
    on_throw: Option<OnThrow>,
    is_shielded: bool,
}

impl Builder {
    /// Its `__name__`, and its `__qualname__` unless that is given.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Its `__qualname__`, which warnings and its `repr` have.
    pub fn qualname(mut self, qualname: impl Into<Cow<'static, str>>) -> Self {
        self.qualname = Some(qualname.into());
        self
    }

    /// Where the future finds what is thrown in while it waits for something that is not Python's.
    pub fn cancel_handle(mut self, handle: &CancelHandle) -> Self {
        self.cancel = Some(handle.clone());
        self
    }

    /// What is called with an exception that is thrown in while the future waits for something that is not Python's: `Ok` to go
    /// on waiting, or the exception to be raised instead. It is called with None when the coroutine is closed, which it cannot
    /// prevent. A [`cancel_handle`](Builder::cancel_handle) comes first.
    pub fn on_throw<C>(mut self, callback: C) -> Self
    where
        C: FnMut(Python<'_>, Option<PyErr>) -> PyResult<()> + Send + 'static,
    {
        self.on_throw = Some(Box::new(callback));
        self
    }

    /// Has the future run on when the coroutine is cancelled or closed, as `asyncio.shield` does. It runs in a task of its own
    /// from its first poll, which needs an event loop of asyncio or trio, and has a copy of the context. If it fails when nobody
    /// waits for it any more, that goes to `sys.unraisablehook`. The end of the loop cancels it.
    pub fn shield(mut self) -> Self {
        self.is_shielded = true;
        self
    }

    /// The coroutine for this future. What is to be done to the future is asked for there: [`detach`](crate::DetachExt::detach),
    /// [`enter`](crate::RuntimeExt::enter), [`spawn_on`](crate::RuntimeExt::spawn_on).
    pub fn build<F: PyFuture + Send + 'static>(
        self,
        py: Python<'_>,
        future: F,
    ) -> PyResult<Coroutine> {
        let has_options = self.cancel.is_some() || self.on_throw.is_some();
        let options = has_options.then(|| Options::new(self.cancel, self.on_throw));
        let made = if self.is_shielded {
            Coroutine::make(py, Shield::new(future), &NAMES, options)?
        } else {
            Coroutine::make(py, future, &NAMES, options)?
        };
        let object = made.0.bind(py);
        if let Some(name) = &self.name {
            object.setattr("__name__", name)?;
        }
        if let Some(name) = self.qualname.as_ref().or(self.name.as_ref()) {
            object.setattr("__qualname__", name)?;
        }
        Ok(made)
    }

    /// The same for a future that is not `Send`: see [`Coroutine::new_local`].
    pub fn build_local<F: PyFuture + 'static>(
        self,
        py: Python<'_>,
        future: F,
    ) -> PyResult<Coroutine> {
        self.build(py, Local::new(future))
    }
}
