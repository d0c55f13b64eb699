//! Drives the machine: advance, send, throw, close.
//!
//! One engine, [`run`], with an outcome of three kinds; a step is an entry into it. The engine loops: what a callback
//! adds is begun by the same loop, so a queue of any length needs no more stack than one await.

use crate::async_with;
use crate::awaitable::Awaitable;
use crate::buffer::NoMemory;
use crate::callback::{Callback, DeferredCallback, ErrorCallback};
use crate::exception;
use crate::ffi::{self, PyObject};
use crate::inner::{self, Resumed, Thrown};
use crate::machine::{self, Admission, ErrorVerdict, Phase, Refusal, Step, Verdict};
use crate::raised::{Kind, Raised, Result};
use crate::reference::Owned;
use crate::store::{Activity, Ended, Next};

/// What a step came to.
pub enum Outcome {
    /// The object is suspended; the value is for the event loop.
    Yield(Owned),
    /// The object has finished, with this result.
    Return(Owned),
    /// An exception is set: the object has finished with it, or has refused the step.
    Raise(Raised),
}

/// How far the engine got.
enum Reached {
    /// It suspended, with a value for the event loop.
    Suspended(Owned),
    /// The end.
    Returned(Owned),
    /// The end, with an exception set.
    Raised(Raised),
    /// Nowhere: an exception is set, and the object is as it was before the step.
    Refused(Raised),
}

/// What a step brings to the await in progress.
#[derive(Clone, Copy)]
enum Input {
    /// A borrowed value.
    Send(*mut PyObject),
    /// An exception, for the inner awaitable's `throw`.
    Throw(Thrown),
    /// A `GeneratorExit`: the inner awaitable is closed, then the exception raised here. None is a fresh one.
    Exit(Option<Thrown>),
}

/// `send(value)`, `value` borrowed.
#[inline]
pub fn send(awaitable: &Awaitable, value: *mut PyObject) -> Outcome {
    // SAFETY: only the address is compared.
    let step = if value == unsafe { ffi::Py_None() } {
        Step::Next
    } else {
        Step::Send
    };
    match awaitable.admit(step) {
        Admission::Enter => enter(awaitable, Input::Send(value)),
        Admission::Refuse(refusal) => Outcome::Raise(refuse(refusal)),
        // The machine gives no other answer to these steps.
        Admission::End | Admission::Ignore => Outcome::Raise(Raised::pending()),
    }
}

/// `throw(...)`.
pub fn throw(awaitable: &Awaitable, thrown: Thrown) -> Outcome {
    match awaitable.admit(Step::Throw) {
        Admission::Enter if inner::is_generator_exit(thrown) => {
            enter(awaitable, Input::Exit(Some(thrown)))
        }
        Admission::Enter => enter(awaitable, Input::Throw(thrown)),
        Admission::End => {
            let raised = inner::raise_here(thrown);
            release_after(awaitable, raised)
        }
        Admission::Refuse(refusal) => Outcome::Raise(refuse(refusal)),
        Admission::Ignore => Outcome::Raise(Raised::pending()),
    }
}

/// `close()`: what it returns on this version of CPython.
pub fn close(awaitable: &Awaitable) -> Result<Owned> {
    match awaitable.admit(Step::Close) {
        Admission::Enter => match enter(awaitable, Input::Exit(None)) {
            Outcome::Yield(value) => {
                drop(value);
                Err(Raised::new(
                    Kind::RuntimeError,
                    c"coroutine ignored GeneratorExit",
                ))
            }
            Outcome::Return(value) if cfg!(Py_3_13) => Ok(value),
            Outcome::Return(_) => Ok(Owned::none()),
            Outcome::Raise(raised) if exception::is_generator_exit(&raised) => {
                exception::discard(raised);
                Ok(Owned::none())
            }
            Outcome::Raise(raised) => Err(raised),
        },
        Admission::End => {
            awaitable.release();
            Ok(Owned::none())
        }
        Admission::Ignore => Ok(Owned::none()),
        Admission::Refuse(refusal) => Err(refuse(refusal)),
    }
}

#[cold]
fn refuse(refusal: Refusal) -> Raised {
    match refusal {
        Refusal::Executing => Raised::new(Kind::ValueError, c"coroutine already executing"),
        Refusal::Finished => Raised::new(
            Kind::RuntimeError,
            c"cannot reuse already awaited coroutine",
        ),
        Refusal::JustStarted => Raised::new(
            Kind::TypeError,
            c"can't send non-None value to a just-started coroutine",
        ),
    }
}

/// Runs a step that the machine has admitted, and puts the object into the phase it leaves.
#[inline]
fn enter(awaitable: &Awaitable, input: Input) -> Outcome {
    let reached = match input {
        Input::Send(_) => counted(awaitable, || run(awaitable, input)),
        // Each level of these is a call of a method, which counts already.
        Input::Throw(_) | Input::Exit(_) => run(awaitable, input),
    };
    match reached {
        Reached::Suspended(value) => {
            awaitable.set_phase(Phase::Suspended);
            Outcome::Yield(value)
        }
        Reached::Returned(value) => {
            awaitable.set_phase(Phase::Finished);
            awaitable.release();
            Outcome::Return(value)
        }
        Reached::Raised(raised) => {
            awaitable.set_phase(Phase::Finished);
            release_after(awaitable, raised)
        }
        Reached::Refused(raised) => {
            awaitable.set_phase(Phase::Suspended);
            Outcome::Raise(raised)
        }
    }
}

/// Counts a step against the recursion limit, as nested calls count. Too deep, one that has not begun ends, as a native
/// coroutine does; one in progress stays suspended, so that its clean-up still runs.
#[inline]
fn counted(awaitable: &Awaitable, run: impl FnOnce() -> Reached) -> Reached {
    // SAFETY: an attached thread; left again below.
    if unsafe { ffi::Py_EnterRecursiveCall(c" while awaiting".as_ptr()) } != 0 {
        let raised = Raised::pending();
        return if awaitable.with(|store| store.driven().is_some()) {
            Reached::Refused(raised)
        } else {
            Reached::Raised(raised)
        };
    }
    let reached = run();
    // SAFETY: entered above.
    unsafe { ffi::Py_LeaveRecursiveCall() };
    reached
}

/// Releases a finished object's remains while its exception is put aside, and makes that one that may leave a coroutine.
#[cold]
fn release_after(awaitable: &Awaitable, raised: Raised) -> Outcome {
    let exception = exception::take(raised);
    awaitable.release();
    Outcome::Raise(exception::no_stop_iteration(exception::raise(exception)))
}

/// The engine. The object's phase is `Running`, and this thread's to change.
fn run(awaitable: &Awaitable, input: Input) -> Reached {
    let mut input = input;
    loop {
        // Only what was suspended gets the step's input; what begins later gets None.
        let step = match awaitable.with(|store| store.next()) {
            Next::Resume(inner) => match resume(awaitable, inner, input) {
                Resumed::Yielded(value) => return Reached::Suspended(value),
                Resumed::Ended(result) => settle(awaitable, result),
                Resumed::Refused(raised) => return Reached::Refused(raised),
            },
            Next::Await(object) => {
                const COMPLAINT: &core::ffi::CStr =
                    c"object %.100s can't be used in 'await' expression";
                match inner::start(object, COMPLAINT) {
                    Ok(iterator) => {
                        awaitable.with(|store| store.drive(iterator));
                        Ok(())
                    }
                    Err(raised) => settle(awaitable, Err(raised)),
                }
            }
            Next::Enter(context, callback, error) => {
                match awaitable.with(|store| store.push_block(callback, error)) {
                    Ok(()) => match async_with::enter(awaitable, context) {
                        Ok(()) => Ok(()),
                        Err(raised) => settle(awaitable, Err(raised)),
                    },
                    Err(NoMemory) => handle(awaitable, error, Raised::no_memory()),
                }
            }
            Next::Call(callback) => call_deferred(awaitable, callback),
            Next::Leave => leave(awaitable, None),
            Next::Finish => {
                let result = awaitable.with(|store| store.take_result());
                return Reached::Returned(result.unwrap_or_else(Owned::none));
            }
        };
        // SAFETY: None lives as long as the interpreter.
        input = Input::Send(unsafe { ffi::Py_None() });
        if let Err(raised) = step {
            if let Err(raised) = unwind(awaitable, raised) {
                return Reached::Raised(raised);
            }
        }
    }
}

/// Resumes what is in progress.
#[inline]
fn resume(awaitable: &Awaitable, inner: *mut PyObject, input: Input) -> Resumed {
    if awaitable.with(|store| store.marks.activity) == Activity::Exiting {
        return resume_exit(awaitable, inner, input);
    }
    deliver(inner, input)
}

/// Resumes an `__aexit__`, with its block's exception as the one being handled.
///
/// A native coroutine hands a throw on without its own handled exception, which only becomes the context of what comes
/// back; so that is done here, too.
#[cold]
fn resume_exit(awaitable: &Awaitable, inner: *mut PyObject, input: Input) -> Resumed {
    if let Input::Send(_) = input {
        return async_with::handling_block(awaitable, |_| deliver(inner, input));
    }
    match deliver(inner, input) {
        Resumed::Ended(Err(raised)) => async_with::handling_block(awaitable, |exception| {
            Resumed::Ended(Err(match exception {
                Some(_) => exception::chain_handled(raised),
                None => raised,
            }))
        }),
        resumed => resumed,
    }
}

#[inline]
fn deliver(inner: *mut PyObject, input: Input) -> Resumed {
    match input {
        Input::Send(value) => inner::send(inner, value),
        Input::Throw(thrown) => {
            // SAFETY: what is being driven is alive.
            let ours = unsafe { Awaitable::from_object(inner) }.is_some();
            inner::throw(inner, thrown, ours)
        }
        Input::Exit(thrown) => Resumed::Ended(Err(match (inner::close(inner), thrown) {
            (Err(raised), _) => raised,
            (Ok(()), Some(thrown)) => inner::raise_here(thrown),
            (Ok(()), None) => exception::generator_exit(),
        })),
    }
}

/// An await has ended: releases it, and calls its callback, or its error callback.
#[inline]
fn settle(awaitable: &Awaitable, result: Result<Owned>) -> Result<()> {
    let activity = awaitable.with(|store| store.marks.activity);
    match activity {
        Activity::Entering => settle_enter(awaitable, result),
        Activity::Exiting => settle_exit(awaitable, result),
        Activity::Awaiting | Activity::Idle | Activity::Queued => {
            let Ended {
                callback,
                error,
                inner,
            } = awaitable.with(|store| store.end());
            match result {
                Ok(value) => {
                    drop(inner);
                    let Some(callback) = callback else {
                        return Ok(());
                    };
                    match call(awaitable, callback, value) {
                        Ok(()) => Ok(()),
                        Err((raised, true)) => handle(awaitable, error, raised),
                        Err((raised, false)) => Err(raised),
                    }
                }
                Err(raised) => {
                    let raised = drop_aside(inner, raised);
                    handle(awaitable, error, raised)
                }
            }
        }
    }
}

/// Releases a reference while the exception that is set is put aside.
fn drop_aside<T>(references: T, raised: Raised) -> Raised {
    let exception = exception::take(raised);
    drop(references);
    exception::raise(exception)
}

/// `__aenter__` has ended.
fn settle_enter(awaitable: &Awaitable, result: Result<Owned>) -> Result<()> {
    let ended = awaitable.with(|store| store.end());
    let value = match result {
        Ok(value) => value,
        Err(raised) => {
            let raised = drop_aside(ended, raised);
            let Some(left) = awaitable.with(|store| store.pop_block()) else {
                return Err(raised);
            };
            let error = left.error;
            return handle(awaitable, error, drop_aside(left, raised));
        }
    };
    drop(ended);
    let (callback, error) = awaitable.with(|store| store.open_block());
    let Some(callback) = callback else {
        return Ok(());
    };
    call(awaitable, callback, value).map_err(|(raised, fails)| {
        // Even if the callback has cancelled, its own failure still has somewhere to go.
        awaitable.with(|store| store.fail_block(error, !fails));
        raised
    })
}

/// `__aexit__` has ended.
fn settle_exit(awaitable: &Awaitable, result: Result<Owned>) -> Result<()> {
    // The value's truth may be Python code, which still runs inside the `async with`.
    let suppressed = async_with::handling_block(awaitable, |exception| match result {
        Ok(value) if exception.is_some() => {
            // SAFETY: a live object, no exception set.
            match unsafe { ffi::PyObject_IsTrue(value.as_ptr()) } {
                -1 => Err(Raised::pending()),
                truth => Ok(truth != 0),
            }
        }
        Ok(_) => Ok(true),
        Err(raised) => Err(raised),
    });
    let ended = awaitable.with(|store| store.end());
    let left = awaitable.with(|store| store.pop_block());
    match suppressed {
        Ok(true) => Ok(()),
        Ok(false) => {
            drop(ended);
            let Some(mut left) = left else {
                return Ok(());
            };
            let Some(exception) = left.exception.take() else {
                return Ok(());
            };
            let (error, past_error) = (left.error, left.past_error);
            drop(left);
            let raised = exception::raise(exception);
            if past_error {
                Err(raised)
            } else {
                handle(awaitable, error, raised)
            }
        }
        Err(raised) => {
            let error = left.as_ref().and_then(|left| left.error);
            handle(awaitable, error, drop_aside((ended, left), raised))
        }
    }
}

/// Leaves the innermost block.
fn leave(awaitable: &Awaitable, exception: Option<Owned>) -> Result<()> {
    match async_with::leave(awaitable, exception) {
        Ok(()) => Ok(()),
        Err(raised) => settle(awaitable, Err(raised)),
    }
}

/// An exception that nobody has handled leaves the innermost block, by way of its `__aexit__`, then the next. Fails once
/// there is none left.
#[cold]
fn unwind(awaitable: &Awaitable, raised: Raised) -> Result<()> {
    let mut raised = raised;
    while awaitable.with(|store| store.in_block()) {
        match leave(awaitable, Some(exception::take(raised))) {
            Ok(()) => return Ok(()),
            Err(next) => raised = next,
        }
    }
    Err(raised)
}

/// Calls a callback with the value of its await. On failure, whether the error callback is to get the exception.
#[inline]
fn call(
    awaitable: &Awaitable,
    callback: Callback,
    value: Owned,
) -> core::result::Result<(), (Raised, bool)> {
    // SAFETY: a live object: our caller has a reference, and from here on so do we.
    let kept = unsafe { Owned::share(awaitable.as_ptr()) };
    // SAFETY: the author's function, with two references that live until it returns.
    let code = unsafe { callback(kept.as_ptr(), value.as_ptr()) };
    let raised = exception::pending();
    let verdict = machine::after_callback(code, raised.is_some());
    if verdict == Verdict::Proceed {
        return Ok(());
    }
    let raised = match (verdict, raised) {
        (Verdict::Contradiction, raised) => contradiction(raised),
        (_, Some(raised)) => raised,
        (_, None) => Raised::pending(),
    };
    Err((drop_aside(value, raised), verdict == Verdict::Fail))
}

/// Calls a deferred callback.
fn call_deferred(awaitable: &Awaitable, callback: DeferredCallback) -> Result<()> {
    // SAFETY: as in `call`.
    let kept = unsafe { Owned::share(awaitable.as_ptr()) };
    // SAFETY: the author's function, with a reference that lives until it returns.
    let code = unsafe { callback(kept.as_ptr()) };
    let raised = exception::pending();
    match machine::after_deferred(code, raised.is_some()) {
        Verdict::Proceed => Ok(()),
        Verdict::Fail | Verdict::Propagate => Err(Raised::pending()),
        Verdict::Contradiction => Err(contradiction(raised)),
    }
}

/// The `SystemError` for a callback whose return value and exception contradict each other.
#[cold]
fn contradiction(raised: Option<Raised>) -> Raised {
    match raised {
        Some(raised) => exception::replace_with_cause(
            raised,
            Kind::SystemError,
            c"callback returned success with an exception set",
        ),
        None => Raised::new(
            Kind::SystemError,
            c"callback returned failure without an exception set",
        ),
    }
}

/// Gives an exception to an error callback, as to an `except` block.
#[cold]
fn handle(awaitable: &Awaitable, error: Option<ErrorCallback>, raised: Raised) -> Result<()> {
    let Some(error) = error else {
        return Err(raised);
    };
    let first = exception::take(raised);
    awaitable.with(|store| store.marks.forget_cancelled());
    // SAFETY: as in `call`.
    let kept = unsafe { Owned::share(awaitable.as_ptr()) };
    let handled = exception::handling(&first, || {
        // SAFETY: the author's function, with two references that live until it returns.
        let code = unsafe { error(kept.as_ptr(), first.as_ptr()) };
        let raised = exception::pending();
        let cancelled = awaitable.with(|store| store.marks.is_cancelled());
        match (
            machine::after_error(code, raised.is_some(), cancelled),
            raised,
        ) {
            (ErrorVerdict::Handled, _) => Ok(true),
            (ErrorVerdict::Reraise, Some(raised)) => {
                exception::discard(raised);
                Ok(false)
            }
            (ErrorVerdict::Reraise, None) => Ok(false),
            (ErrorVerdict::Replace, Some(raised)) => Err(raised),
            (ErrorVerdict::Replace | ErrorVerdict::Contradiction, raised) => {
                Err(contradiction(raised))
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

/// `tp_finalize`: warns of an awaitable that was never awaited, and closes one that is suspended.
///
/// # Safety
/// Called by CPython, on one of our objects.
pub unsafe extern "C" fn finalize(object: *mut PyObject) {
    // SAFETY: the caller's promise.
    let awaitable = unsafe { &*object.cast::<Awaitable>() };
    if !awaitable.needs_finalizer() {
        return;
    }
    let _ = exception::aside(|| {
        let failed = match awaitable.phase() {
            // SAFETY: a live object, no exception set; the format has one object to print.
            Phase::Created => unsafe {
                ffi::PyErr_ResourceWarning(object, 1, c"%R was never awaited".as_ptr(), object) < 0
            },
            _ => close(awaitable).is_err(),
        };
        if failed {
            exception::unraisable_at_end(Raised::pending(), object);
        }
        Ok(())
    });
}
