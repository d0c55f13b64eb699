//! Calling the author's functions, and what their return values mean.

use crate::base::rules::{self, ErrorVerdict, Verdict};
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::ffi;
use crate::python::raised::{Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::entry::{Callback, DeferredCallback, ErrorCallback};
use core::ffi::{CStr, c_int, c_void};

/// Calls a callback with the value of its await, and the error callback if its failure asks for that.
#[inline(always)]
pub fn call(
    thread: Thread,
    awaitable: &Awaitable,
    callback: Callback,
    error: Option<ErrorCallback>,
    value: Owned,
) -> Result<()> {
    let (code, _kept) = invoke(awaitable, callback, &value);
    if code >= 0 && !thread.has_raised() {
        return Ok(());
    }
    call_failed(awaitable, callback, code, error, value)
}

#[cold]
fn call_failed(
    awaitable: &Awaitable,
    callback: Callback,
    code: c_int,
    error: Option<ErrorCallback>,
    value: Owned,
) -> Result<()> {
    let called = Called::new(awaitable, c"callback", callback as *const c_void, code);
    match check(&called, exception::pending(), value) {
        Ok(()) => Ok(()),
        Err(failed) if failed.to_error => handle(awaitable, error, failed.raised),
        Err(failed) => Err(failed.raised),
    }
}

/// The callback's return value, and the library's reference to the awaitable during the call.
#[inline(always)]
pub fn invoke(awaitable: &Awaitable, callback: Callback, value: &Owned) -> (c_int, Owned) {
    let kept = awaitable.borrow().to_owned();
    // SAFETY: the author's function, with two references that live until it returns.
    let code = unsafe { callback(kept.as_ptr(), value.as_ptr()) };
    (code, kept)
}

/// A callback that has failed.
pub struct Failed {
    pub raised: Raised,
    /// Whether the error callback gets the exception.
    pub to_error: bool,
}

/// What a callback's return value means; `raised` is the exception that it left set. Releases the value.
pub fn check(
    called: &Called<'_>,
    raised: Option<Raised>,
    value: Owned,
) -> core::result::Result<(), Failed> {
    let verdict = rules::after_callback(called.code, raised.is_some());
    if verdict == Verdict::Proceed {
        return Ok(());
    }
    let raised = match (verdict, raised) {
        (Verdict::Contradiction, raised) => called.contradiction(raised),
        (_, Some(raised)) => raised,
        (_, None) => Raised::pending(),
    };
    Err(Failed {
        raised: exception::drop_preserving(value, raised),
        to_error: verdict == Verdict::Fail,
    })
}

/// Calls a deferred callback.
pub fn call_deferred(awaitable: &Awaitable, callback: DeferredCallback) -> Result<()> {
    let kept = awaitable.borrow().to_owned();
    // SAFETY: the author's function, with a reference that lives until it returns.
    let code = unsafe { callback(kept.as_ptr()) };
    let raised = exception::pending();
    match rules::after_deferred(code, raised.is_some()) {
        Verdict::Proceed => Ok(()),
        Verdict::Fail | Verdict::Propagate => Err(Raised::pending()),
        Verdict::Contradiction => {
            let function = callback as *const c_void;
            Err(Called::new(awaitable, c"deferred callback", function, code).contradiction(raised))
        }
    }
}

/// Calls what an `async for` calls at its end, and the error callback if its failure asks for that.
pub fn call_end(
    awaitable: &Awaitable,
    callback: DeferredCallback,
    error: Option<ErrorCallback>,
) -> Result<()> {
    let kept = awaitable.borrow().to_owned();
    // SAFETY: the author's function, with a reference that lives until it returns.
    let code = unsafe { callback(kept.as_ptr()) };
    let raised = exception::pending();
    let called = Called::new(awaitable, c"callback", callback as *const c_void, code);
    match check(&called, raised, kept) {
        Ok(()) => Ok(()),
        Err(failed) if failed.to_error => handle(awaitable, error, failed.raised),
        Err(failed) => Err(failed.raised),
    }
}

/// A call of an author's function that has returned: what its `SystemError` names.
pub struct Called<'a> {
    awaitable: &'a Awaitable,
    kind: &'static CStr,
    function: *const c_void,
    code: c_int,
}

impl<'a> Called<'a> {
    pub fn new(
        awaitable: &'a Awaitable,
        kind: &'static CStr,
        function: *const c_void,
        code: c_int,
    ) -> Self {
        Self {
            awaitable,
            kind,
            function,
            code,
        }
    }

    /// The `SystemError` for a return value that contradicts whether an exception is set.
    #[cold]
    fn contradiction(&self, raised: Option<Raised>) -> Raised {
        let mut place = [0; 128];
        let mut set = |fault: &CStr| {
            let name = self.awaitable.name_for_text();
            let (name, text) = name.for_format();
            // SAFETY: the buffer has the size that is passed; the format has a C string, a name, an int, and two C strings.
            unsafe {
                ffi::pyawaitable_shim_place_of(self.function, place.as_mut_ptr(), place.len());
                let text = ffi::PyUnicode_FromFormat(
                    c"%s of '%V' returned %d %s (the function is at %s)".as_ptr(),
                    self.kind.as_ptr(),
                    name,
                    text,
                    self.code,
                    fault.as_ptr(),
                    place.as_ptr(),
                );
                Raised::with_text(ffi::PyExc_SystemError, text)
            }
        };
        match raised {
            Some(raised) => exception::with_cause(raised, set, c"with an exception set"),
            None => set(c"without an exception set"),
        }
    }
}

/// Passes an exception to an error callback, as to an `except` block.
#[cold]
pub fn handle(awaitable: &Awaitable, error: Option<ErrorCallback>, raised: Raised) -> Result<()> {
    let Some(error) = error else {
        return Err(raised);
    };
    let first = exception::take(raised);
    awaitable.with(|store| store.status.forget_cancelled());
    let kept = awaitable.borrow().to_owned();
    let handled = exception::handling(&first, || {
        // SAFETY: the author's function, with two references that live until it returns.
        let code = unsafe { error(kept.as_ptr(), first.as_ptr()) };
        let raised = exception::pending();
        let cancelled = awaitable.with(|store| store.status.is_cancelled());
        match (
            rules::after_error(code, raised.is_some(), cancelled),
            raised,
        ) {
            (ErrorVerdict::Handled, _) => Ok(true),
            (ErrorVerdict::Reraise, Some(raised)) => {
                exception::lose(raised, &first, awaitable.borrow());
                Ok(false)
            }
            (ErrorVerdict::Reraise, None) => Ok(false),
            (ErrorVerdict::Replace, Some(raised)) => Err(raised),
            (ErrorVerdict::Replace | ErrorVerdict::Contradiction, raised) => {
                let function = error as *const c_void;
                Err(Called::new(awaitable, c"error callback", function, code).contradiction(raised))
            }
        }
    });
    match handled {
        Ok(true) => {
            drop(first);
            Ok(())
        }
        Ok(false) => Err(exception::raise(first)),
        Err(raised) => Err(exception::set_context(raised, &first)),
    }
}
