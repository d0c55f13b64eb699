//! The exception that is set, and the one that is being handled.

use crate::python::ffi;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use core::ffi::CStr;

/// Takes the exception that is set out of the interpreter: normalized, with its traceback attached.
pub fn take(raised: Raised) -> Owned {
    let _ = raised;
    #[cfg(Py_3_12)]
    // SAFETY: `Raised` is the proof that there is one.
    unsafe {
        let exception = ffi::PyErr_GetRaisedException();
        Owned::optional(exception).unwrap_or_else(Owned::none)
    }
    #[cfg(not(Py_3_12))]
    // SAFETY: three owned references or NULLs come back, and each is given to an owner or released here.
    unsafe {
        let (mut kind, mut value, mut traceback) = (
            core::ptr::null_mut(),
            core::ptr::null_mut(),
            core::ptr::null_mut(),
        );
        ffi::PyErr_Fetch(&mut kind, &mut value, &mut traceback);
        ffi::PyErr_NormalizeException(&mut kind, &mut value, &mut traceback);
        if !traceback.is_null() {
            ffi::PyException_SetTraceback(value, traceback);
            ffi::Py_DECREF(traceback);
        }
        ffi::Py_XDECREF(kind);
        Owned::optional(value).unwrap_or_else(Owned::none)
    }
}

/// Sets an exception that [`take`] took, with the traceback that it has by then.
pub fn raise(exception: Owned) -> Raised {
    #[cfg(Py_3_12)]
    // SAFETY: an exception instance; its reference goes to the interpreter.
    unsafe {
        ffi::PyErr_SetRaisedException(exception.into_ptr());
    }
    #[cfg(not(Py_3_12))]
    // SAFETY: an exception instance, its type and its traceback, a reference to each given to the interpreter.
    unsafe {
        let kind = Owned::share(exception.borrow().r#type().cast());
        let traceback = ffi::PyException_GetTraceback(exception.as_ptr());
        ffi::PyErr_Restore(kind.into_ptr(), exception.into_ptr(), traceback);
    }
    Raised::pending()
}

/// Runs `body`, which may be Python code, with no exception set. One that was set before is set again afterwards, unless
/// `body` fails: its own exception replaces it.
pub fn preserving<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    let Some(before) = pending().map(take) else {
        return body();
    };
    match body() {
        Ok(value) => {
            let _ = raise(before);
            Ok(value)
        }
        Err(raised) => {
            let exception = take(raised);
            drop(before);
            Err(raise(exception))
        }
    }
}

/// Runs `body`, a function of C code that cannot fail, with no exception set. What it sets all the same goes to
/// `sys.unraisablehook`; an exception that was set before is set again.
pub fn aside(body: impl FnOnce()) {
    let before = pending().map(take);
    body();
    if let Some(raised) = pending() {
        unraisable(
            raised,
            Borrowed::none(),
            c"Exception ignored in a clean-up function",
        );
    }
    if let Some(before) = before {
        let _ = raise(before);
    }
}

/// Releases a reference while the exception that is set is put aside.
pub fn drop_preserving<T>(references: T, raised: Raised) -> Raised {
    let exception = take(raised);
    drop(references);
    raise(exception)
}

/// Proof that an exception is set, if one is.
#[inline]
pub fn pending() -> Option<Raised> {
    // SAFETY: an attached thread may ask.
    if unsafe { ffi::PyErr_Occurred() }.is_null() {
        None
    } else {
        Some(Raised::pending())
    }
}

/// Drops the exception that is set.
pub fn discard(raised: Raised) {
    let _ = raised;
    // SAFETY: an attached thread may clear its exception.
    unsafe { ffi::PyErr_Clear() }
}

/// Drops the exception that an error callback has set, which then said that `first` is to be raised again. In development
/// mode (`-X dev`) it goes to `sys.unraisablehook`, unless it is `first` itself.
pub fn lose(raised: Raised, first: &Owned, awaitable: Borrowed<'_>) {
    let lost = take(raised);
    if !lost.borrow().is(first.borrow()) && is_development_mode() {
        unraisable(
            raise(lost),
            awaitable,
            c"Exception ignored in an error callback of %R, which returned -1",
        );
    }
}

/// `sys.flags.dev_mode`; no exception is set, before or after.
fn is_development_mode() -> bool {
    // SAFETY: new references or NULL. Failures are cleared; PySys_GetObject() would report them.
    unsafe {
        let attribute = |object: Owned, name: &CStr| {
            Owned::optional(ffi::PyObject_GetAttrString(object.as_ptr(), name.as_ptr()))
        };
        let is_on = Owned::optional(ffi::PyImport_ImportModule(c"sys".as_ptr()))
            .and_then(|sys| attribute(sys, c"flags"))
            .and_then(|flags| attribute(flags, c"dev_mode"))
            .is_some_and(|mode| ffi::PyObject_IsTrue(mode.as_ptr()) > 0);
        ffi::PyErr_Clear();
        is_on
    }
}

/// `none` if the exception that is set says that there is no such attribute; any other stays.
pub fn if_no_attribute<T>(raised: Raised, none: T) -> Result<T> {
    // SAFETY: an exception is set, as `raised` proves.
    if unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) } != 0 {
        discard(raised);
        return Ok(none);
    }
    Err(raised)
}

/// Whether the exception that is set is one of `GeneratorExit`.
pub fn is_generator_exit(_raised: &Raised) -> bool {
    // SAFETY: an exception is set, as `_raised` proves.
    unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_GeneratorExit) != 0 }
}

/// Whether the exception that is set is one of `StopAsyncIteration` or `GeneratorExit`: the end of an asynchronous generator.
pub fn is_end_of_generator(raised: &Raised) -> bool {
    // SAFETY: an exception is set, as `raised` proves.
    let is_stop = unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_StopAsyncIteration) } != 0;
    is_stop || is_generator_exit(raised)
}

/// Sets `StopAsyncIteration`.
pub fn stop_async_iteration() -> Raised {
    // SAFETY: an attached thread may set an exception.
    unsafe { ffi::PyErr_SetNone(ffi::PyExc_StopAsyncIteration) };
    Raised::set()
}

/// Sets `GeneratorExit`.
pub fn generator_exit() -> Raised {
    // SAFETY: an attached thread may set an exception.
    unsafe { ffi::PyErr_SetNone(ffi::PyExc_GeneratorExit) };
    Raised::pending()
}

/// Gives the exception that is set, which was thrown in, the context that a native coroutine gives it: the exception being
/// handled at this moment.
pub fn chain_handled(raised: Raised) -> Raised {
    // SAFETY: the taken exception lives until it is set again.
    unsafe {
        let exception = take(raised);
        ffi::PyErr_SetObject(exception.borrow().r#type().cast(), exception.as_ptr());
    }
    Raised::pending()
}

/// Runs `body` with `exception` as the one being handled: `sys.exc_info()` returns it, and what `body` raises has it as its
/// context.
pub fn handling<R>(exception: &Owned, body: impl FnOnce() -> R) -> R {
    let mut item = ffi::HandledItem::new();
    let item = &raw mut item;
    // SAFETY: the item stays on this stack frame until it is popped below; what `body` pushes, it also pops.
    unsafe { ffi::pyawaitable_shim_push_handled(item, exception.as_ptr()) };
    let result = body();
    // SAFETY: pushed above.
    unsafe { ffi::pyawaitable_shim_pop_handled(item) };
    result
}

/// Makes `first` the context of the exception that is set, unless it is already in its chain.
pub fn set_context(raised: Raised, first: &Owned) -> Raised {
    let exception = take(raised);
    if !in_chain(&exception, first) {
        unlink(first, &exception);
        // SAFETY: both are exceptions; the reference to `first` goes to the call.
        unsafe {
            ffi::Py_INCREF(first.as_ptr());
            ffi::PyException_SetContext(exception.as_ptr(), first.as_ptr());
        }
    }
    raise(exception)
}

/// The context of an exception, if any.
fn context(exception: &Owned) -> Option<Owned> {
    // SAFETY: a live exception; a new reference or NULL comes back.
    unsafe { Owned::optional(ffi::PyException_GetContext(exception.as_ptr())) }
}

/// Whether `wanted` is `exception` or is in its chain of contexts. A cycle in the chain ends the search.
fn in_chain(exception: &Owned, wanted: &Owned) -> bool {
    find_in_chain(exception, |link| link.borrow().is(wanted.borrow())).is_some()
}

/// The first link of a chain of contexts, `exception` itself included, for which `test` holds. Floyd's cycle detection keeps
/// the search from running forever.
fn find_in_chain(exception: &Owned, test: impl Fn(&Owned) -> bool) -> Option<Owned> {
    let mut link = exception.borrow().to_owned();
    let mut slow = exception.borrow().to_owned();
    let mut odd = false;
    loop {
        if test(&link) {
            return Some(link);
        }
        link = context(&link)?;
        if odd {
            slow = context(&slow)?;
            if slow.borrow().is(link.borrow()) {
                return None;
            }
        }
        odd = !odd;
    }
}

/// Cuts `target` out of the chain that hangs on `exception`, so that linking the two makes no cycle.
fn unlink(exception: &Owned, target: &Owned) {
    let before = find_in_chain(exception, |link| {
        context(link).is_some_and(|next| next.borrow().is(target.borrow()))
    });
    if let Some(before) = before {
        // SAFETY: an exception of the chain, kept alive by `before`; NULL takes its context away.
        unsafe { ffi::PyException_SetContext(before.as_ptr(), core::ptr::null_mut()) };
    }
}

/// Replaces the exception that is set by one of `kind` that has it as `__cause__` and `__context__`.
pub fn replace_with_cause(raised: Raised, kind: Kind, text: &CStr) -> Raised {
    with_cause(raised, |text| Raised::new(kind, text), text)
}

/// Replaces the exception that is set by the one that `set` sets, with this text: the first is its `__cause__` and
/// `__context__`.
pub fn with_cause(raised: Raised, set: impl FnOnce(&CStr) -> Raised, text: &CStr) -> Raised {
    let cause = take(raised);
    let exception = take(set(text));
    // SAFETY: two exceptions; each call takes a reference to `cause`.
    unsafe {
        ffi::Py_INCREF(cause.as_ptr());
        ffi::PyException_SetCause(exception.as_ptr(), cause.as_ptr());
        ffi::PyException_SetContext(exception.as_ptr(), cause.into_ptr());
    }
    raise(exception)
}

/// PEP 479: a `StopIteration` that leaves a coroutine other than as its result becomes a `RuntimeError`.
pub fn no_stop_iteration(raised: Raised) -> Raised {
    // SAFETY: an exception is set, as `raised` proves.
    if unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_StopIteration) } == 0 {
        return raised;
    }
    replace_with_cause(
        raised,
        Kind::RuntimeError,
        c"coroutine raised StopIteration",
    )
}

/// The same for an asynchronous generator, which must not raise `StopAsyncIteration` either.
pub fn no_stop_async_iteration(raised: Raised) -> Raised {
    // SAFETY: an exception is set, as `raised` proves.
    let is = |kind| unsafe { ffi::PyErr_ExceptionMatches(kind) } != 0;
    // SAFETY: the interpreter's own classes.
    let (stop, stop_async) = unsafe { (ffi::PyExc_StopIteration, ffi::PyExc_StopAsyncIteration) };
    let text = if is(stop) {
        c"async generator raised StopIteration"
    } else if is(stop_async) {
        c"async generator raised StopAsyncIteration"
    } else {
        return raised;
    };
    replace_with_cause(raised, Kind::RuntimeError, text)
}

/// Reports the exception that is set through `sys.unraisablehook`, `object` being what was to be closed.
/// From 3.14 on a native coroutine names it only in the text, since it may be about to be destroyed.
fn unraisable(raised: Raised, object: Borrowed<'_>, format: &CStr) {
    let _ = raised;
    #[cfg(Py_3_14)]
    // SAFETY: a live object, an exception is set; each format has one object to print.
    unsafe {
        ffi::PyErr_FormatUnraisable(format.as_ptr(), object.as_ptr());
    }
    #[cfg(not(Py_3_14))]
    // SAFETY: a live object, and an exception is set.
    unsafe {
        let _ = format;
        ffi::PyErr_WriteUnraisable(object.as_ptr());
    }
}

/// Reports the exception that is set through `sys.unraisablehook`, with an object to be shown as the place where it was raised.
pub fn report(raised: Raised, place: Option<Owned>) {
    let _ = raised;
    let place = place.as_ref().map(Owned::borrow);
    // SAFETY: a live object or NULL, and an exception is set.
    unsafe { ffi::PyErr_WriteUnraisable(crate::python::reference::or_null(place)) }
}

/// What an iterator raises when its `close` is looked up.
pub fn unraisable_in_close(raised: Raised, iterator: Borrowed<'_>) {
    unraisable(
        raised,
        iterator,
        c"Exception ignored while closing generator %R",
    );
}

/// What the finalizer of a generator raises.
pub fn unraisable_in_finalizer(raised: Raised, generator: Borrowed<'_>) {
    unraisable(
        raised,
        generator,
        c"Exception ignored while finalizing generator %R",
    );
}

/// The warning of a step that was never begun, where it is an exception.
pub fn unraisable_in_step(raised: Raised, generator: Borrowed<'_>) {
    unraisable(
        raised,
        generator,
        c"Exception ignored while finalizing coroutine method of %R",
    );
}

/// What an awaitable raises when it is destroyed.
pub fn unraisable_at_end(raised: Raised, awaitable: Borrowed<'_>) {
    unraisable(
        raised,
        awaitable,
        c"Exception ignored while closing coroutine %R",
    );
}

/// Gives a `ResourceWarning` about an object, for the line of Python code that runs.
pub fn warn_of_resource(object: Borrowed<'_>, text: &Owned) -> Result<()> {
    // SAFETY: live objects and C strings; an attached thread may ask which frame it has.
    let code = unsafe {
        // CPython looks for the frame, too, and without one makes a string for "sys", which it does not check. From 3.11 on a
        // frame gets its object here, so that there is no memory to be had for it after this.
        if ffi::PyEval_GetFrame().is_null() {
            let place = Owned::new(ffi::PyUnicode_FromString(c"sys".as_ptr()))?;
            ffi::PyErr_WarnExplicitObject(
                ffi::PyExc_ResourceWarning,
                text.as_ptr(),
                place.as_ptr(),
                1,
                place.as_ptr(),
                core::ptr::null_mut(),
            )
        } else {
            ffi::PyErr_ResourceWarning(object.as_ptr(), 1, c"%U".as_ptr(), text.as_ptr())
        }
    };
    if code < 0 {
        Err(Raised::pending())
    } else {
        Ok(())
    }
}
