//! Drives the machine: advance, send, throw, close.
//!
//! One engine, [`run`], with an outcome of three kinds; a step is an entry into it. The engine loops: what a callback
//! adds is begun by the same loop, so a queue of any length needs no more stack than one await.

use crate::async_with;
use crate::awaitable::Awaitable;
use crate::callback::{Callback, DeferredCallback, ErrorCallback};
use crate::exception;
use crate::ffi::{self, PyObject};
use crate::inner::{self, Resumed, Thrown};
use crate::machine::{self, Admission, ErrorVerdict, Phase, Refusal, Step, Verdict};
use crate::origin;
use crate::raised::{Kind, Raised, Result};
use crate::reference::Owned;
use crate::store::{Activity, Ended, Next};
use crate::thread::{self, Thread};
use core::ffi::{CStr, c_int, c_void};

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
    /// The end: nothing was left to do, and the phase says so already.
    Finished,
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
    send_on(None, awaitable, value)
}

/// `send(value)`, by the thread that the step above knows already.
#[inline(always)]
fn send_on(thread: Option<Thread>, awaitable: &Awaitable, value: *mut PyObject) -> Outcome {
    // SAFETY: only the address is compared.
    let step = if value == unsafe { ffi::Py_None() } {
        Step::Next
    } else {
        Step::Send
    };
    match awaitable.admit(step) {
        Admission::Enter => enter(thread, awaitable, Input::Send(value)),
        Admission::Refuse(refusal) => Outcome::Raise(refuse(refusal)),
        // The machine gives no other answer to these steps.
        Admission::End | Admission::Ignore => Outcome::Raise(Raised::pending()),
    }
}

/// `throw(...)`.
pub fn throw(awaitable: &Awaitable, thrown: Thrown) -> Outcome {
    // While it is suspended, what cannot be an exception is the await's to refuse. From 3.15 on it comes too late for a
    // finished one to look at it.
    let is_checked = match awaitable.phase() {
        Phase::Created => true,
        Phase::Suspended => false,
        Phase::Running | Phase::Finished => !cfg!(Py_3_15),
    };
    if is_checked {
        if let Err(raised) = inner::check_thrown(thrown) {
            return Outcome::Raise(raised);
        }
    }
    match awaitable.admit(Step::Throw) {
        Admission::Enter if inner::is_generator_exit(thrown) => {
            enter(None, awaitable, Input::Exit(Some(thrown)))
        }
        Admission::Enter => enter(None, awaitable, Input::Throw(thrown)),
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
        Admission::Enter => match enter(None, awaitable, Input::Exit(None)) {
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
#[inline(always)]
fn enter(thread: Option<Thread>, awaitable: &Awaitable, input: Input) -> Outcome {
    if awaitable.finish_if_done() {
        return finish(awaitable);
    }
    let thread = thread.unwrap_or_else(Thread::current);
    let reached = if thread.enter() {
        let reached = run(thread, awaitable, input);
        thread.leave();
        reached
    } else {
        too_deep(awaitable)
    };
    match reached {
        Reached::Suspended(value) => {
            awaitable.set_phase(Phase::Suspended);
            Outcome::Yield(value)
        }
        Reached::Finished => finish(awaitable),
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

/// Past the end: what it returns.
#[inline(always)]
fn finish(awaitable: &Awaitable) -> Outcome {
    let result = awaitable.with(|store| store.take_result());
    awaitable.release();
    Outcome::Return(result.unwrap_or_else(Owned::none))
}

/// A step that the recursion limit forbids. One that has not begun ends the object, as it does a native coroutine; one in
/// progress stays suspended, so that its clean-up still runs.
#[cold]
fn too_deep(awaitable: &Awaitable) -> Reached {
    let raised = Raised::pending();
    if awaitable.with(|store| store.driven().is_some()) {
        Reached::Refused(raised)
    } else {
        Reached::Raised(raised)
    }
}

/// Releases a finished object's remains while its exception is put aside, and makes that one that may leave a coroutine.
#[cold]
fn release_after(awaitable: &Awaitable, raised: Raised) -> Outcome {
    let exception = exception::take(raised);
    awaitable.release();
    Outcome::Raise(exception::no_stop_iteration(exception::raise(exception)))
}

/// The engine. The object's phase is `Running`, and this thread's to change.
#[inline(never)]
fn run(thread: Thread, awaitable: &Awaitable, input: Input) -> Reached {
    let mut input = input;
    loop {
        let next = awaitable.next();
        let step = 'step: {
            // Only what was suspended gets the step's input; what begins later gets None.
            let inner = match next {
                Next::Resume(inner) => inner,
                Next::Await(object) => match start(object) {
                    Ok(iterator) => {
                        let inner = iterator.as_ptr();
                        awaitable.with(|store| store.drive(iterator));
                        inner
                    }
                    Err(raised) => break 'step fail(awaitable, raised),
                },
                Next::Enter(context) => break 'step enter_block(awaitable, context),
                Next::Call(callback) => break 'step call_deferred(awaitable, callback),
                Next::Leave => break 'step leave(awaitable, None),
                Next::Finish => return Reached::Finished,
            };
            match resume(thread, awaitable, inner, input) {
                Resumed::Yielded(value) => return Reached::Suspended(value),
                Resumed::Ended(Ok(value)) => succeed(thread, awaitable, value),
                Resumed::Ended(Err(raised)) => fail(awaitable, raised),
                Resumed::Refused(raised) => return Reached::Refused(raised),
            }
        };
        // SAFETY: None lives as long as the interpreter.
        input = Input::Send(unsafe { ffi::Py_None() });
        let raised = match step {
            Ok(()) if !awaitable.state().is_due() => continue,
            Ok(()) => match thread::let_others_run(&awaitable.state().last_turn) {
                Ok(()) => continue,
                Err(raised) => raised,
            },
            Err(raised) => raised,
        };
        if let Err(raised) = unwind(awaitable, raised) {
            return Reached::Raised(raised);
        }
    }
}

/// Enters a block: its `__aenter__` is in progress from now on.
#[cold]
fn enter_block(awaitable: &Awaitable, context: Owned) -> Result<()> {
    match awaitable.with(|store| store.push_block()) {
        Ok(()) => match async_with::enter(awaitable, context) {
            Ok(()) => Ok(()),
            Err(raised) => fail(awaitable, raised),
        },
        Err(error) => handle(awaitable, error, Raised::no_memory()),
    }
}

/// What `await object` drives: what is of this library drives itself.
#[inline]
fn start(object: Owned) -> Result<Owned> {
    const COMPLAINT: &core::ffi::CStr = c"object %.100s can't be used in 'await' expression";
    // SAFETY: a live object.
    match unsafe { Awaitable::from_object(object.as_ptr()) } {
        Some(awaitable) => awaitable.check_unawaited().map(|()| object),
        None => inner::start(object, COMPLAINT),
    }
}

/// Resumes what is in progress.
#[inline(always)]
fn resume(thread: Thread, awaitable: &Awaitable, inner: *mut PyObject, input: Input) -> Resumed {
    if awaitable.with(|store| store.marks.activity) == Activity::Exiting {
        return resume_exit(thread, awaitable, inner, input);
    }
    deliver(thread, inner, input)
}

/// Resumes an `__aexit__`, with its block's exception as the one being handled.
///
/// A native coroutine hands a throw on without its own handled exception, which only becomes the context of what comes
/// back; so that is done here, too.
#[cold]
fn resume_exit(
    thread: Thread,
    awaitable: &Awaitable,
    inner: *mut PyObject,
    input: Input,
) -> Resumed {
    if let Input::Send(_) = input {
        return async_with::handling_block(awaitable, |_| deliver(thread, inner, input));
    }
    match deliver(thread, inner, input) {
        Resumed::Ended(Err(raised)) => async_with::handling_block(awaitable, |exception| {
            Resumed::Ended(Err(match exception {
                Some(_) => exception::chain_handled(raised),
                None => raised,
            }))
        }),
        resumed => resumed,
    }
}

/// Gives the step's input to what is in progress. An awaitable of this library is entered directly, as native coroutines
/// enter each other: [`run`] then stands on [`run`], with nothing between them.
#[inline(always)]
fn deliver(thread: Thread, inner: *mut PyObject, input: Input) -> Resumed {
    let Input::Send(value) = input else {
        return disturb(inner, input);
    };
    // SAFETY: what is being driven is alive.
    match unsafe { Awaitable::from_object(inner) } {
        Some(next) => send_on(Some(thread), next, value).into(),
        None => inner::send(inner, value),
    }
}

#[cold]
fn disturb(inner: *mut PyObject, input: Input) -> Resumed {
    // SAFETY: what is being driven is alive.
    let ours = unsafe { Awaitable::from_object(inner) };
    match (input, ours) {
        (Input::Send(value), _) => inner::send(inner, value),
        (Input::Throw(thrown), Some(next)) => throw(next, thrown).into(),
        (Input::Throw(thrown), None) => inner::throw(inner, thrown),
        (Input::Exit(thrown), ours) => {
            let closed = match ours {
                Some(next) => close(next).map(drop),
                None => inner::close(inner),
            };
            Resumed::Ended(Err(match (closed, thrown) {
                (Err(raised), _) => raised,
                (Ok(()), Some(thrown)) => match inner::check_thrown(thrown) {
                    Ok(()) => inner::raise_here(thrown),
                    // Only now does a native coroutine look, too.
                    Err(raised) => return Resumed::Refused(raised),
                },
                (Ok(()), None) => exception::generator_exit(),
            }))
        }
    }
}

impl From<Outcome> for Resumed {
    #[inline(always)]
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Yield(value) => Resumed::Yielded(value),
            Outcome::Return(value) => Resumed::Ended(Ok(value)),
            Outcome::Raise(raised) => Resumed::Ended(Err(raised)),
        }
    }
}

/// An await has returned: releases it, and calls its callback.
#[inline(always)]
fn succeed(thread: Thread, awaitable: &Awaitable, value: Owned) -> Result<()> {
    match awaitable.with(|store| store.marks.activity) {
        Activity::Entering => settle_enter(awaitable, Ok(value)),
        Activity::Exiting => settle_exit(awaitable, Ok(value)),
        Activity::Awaiting | Activity::Idle | Activity::Queued => {
            drop(awaitable.with(|store| store.take_driven()));
            let Ended { callback, error } = awaitable.with(|store| store.end());
            match callback {
                Some(callback) => call(thread, awaitable, callback, error, value),
                None => Ok(()),
            }
        }
    }
}

/// An await has raised: releases it, and calls its error callback.
#[cold]
fn fail(awaitable: &Awaitable, raised: Raised) -> Result<()> {
    match awaitable.with(|store| store.marks.activity) {
        Activity::Entering => settle_enter(awaitable, Err(raised)),
        Activity::Exiting => settle_exit(awaitable, Err(raised)),
        Activity::Awaiting | Activity::Idle | Activity::Queued => {
            let raised = release_driven(awaitable, raised);
            let Ended { error, .. } = awaitable.with(|store| store.end());
            handle(awaitable, error, raised)
        }
    }
}

/// Releases what was driven while the exception that ended it is put aside.
fn release_driven(awaitable: &Awaitable, raised: Raised) -> Raised {
    drop_aside(awaitable.with(|store| store.take_driven()), raised)
}

/// Releases a reference while the exception that is set is put aside.
fn drop_aside<T>(references: T, raised: Raised) -> Raised {
    let exception = exception::take(raised);
    drop(references);
    exception::raise(exception)
}

/// `__aenter__` has ended.
#[cold]
fn settle_enter(awaitable: &Awaitable, result: Result<Owned>) -> Result<()> {
    let value = match result {
        Ok(value) => value,
        Err(raised) => {
            let raised = release_driven(awaitable, raised);
            awaitable.with(|store| store.end());
            let Some(left) = awaitable.with(|store| store.pop_block()) else {
                return Err(raised);
            };
            let error = left.error;
            return handle(awaitable, error, drop_aside(left, raised));
        }
    };
    drop(awaitable.with(|store| store.take_driven()));
    let (callback, error) = awaitable.with(|store| {
        store.end();
        store.open_block()
    });
    let Some(callback) = callback else {
        return Ok(());
    };
    let (code, kept) = invoke(awaitable, callback, &value);
    let raised = exception::pending();
    let called = Called::new(awaitable, c"callback", callback as *const c_void, code);
    let failed = match judge(&called, raised, value) {
        Ok(()) => return Ok(()),
        Err(failed) => failed,
    };
    drop(kept);
    // Even if the callback has cancelled, its own failure still has somewhere to go.
    awaitable.with(|store| store.fail_block(error, !failed.to_error));
    Err(failed.raised)
}

/// `__aexit__` has ended.
#[cold]
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
    let suppressed = match suppressed {
        Ok(suppressed) => {
            drop(awaitable.with(|store| store.take_driven()));
            Ok(suppressed)
        }
        Err(raised) => Err(release_driven(awaitable, raised)),
    };
    let left = awaitable.with(|store| {
        store.end();
        store.pop_block()
    });
    match suppressed {
        Ok(true) => Ok(()),
        Ok(false) => {
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
            handle(awaitable, error, drop_aside(left, raised))
        }
    }
}

/// Leaves the innermost block.
fn leave(awaitable: &Awaitable, exception: Option<Owned>) -> Result<()> {
    match async_with::leave(awaitable, exception) {
        Ok(()) => Ok(()),
        Err(raised) => fail(awaitable, raised),
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

/// Calls a callback with the value of its await, and the error callback if that is what its failure asks for.
#[inline(always)]
fn call(
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
    match judge(&called, exception::pending(), value) {
        Ok(()) => Ok(()),
        Err(failed) if failed.to_error => handle(awaitable, error, failed.raised),
        Err(failed) => Err(failed.raised),
    }
}

/// The callback's return value, and the reference that the library has to the awaitable during the call.
#[inline(always)]
fn invoke(awaitable: &Awaitable, callback: Callback, value: &Owned) -> (c_int, Owned) {
    // SAFETY: a live object: our caller has a reference, and from here on so do we.
    let kept = unsafe { Owned::share(awaitable.as_ptr()) };
    // SAFETY: the author's function, with two references that live until it returns.
    let code = unsafe { callback(kept.as_ptr(), value.as_ptr()) };
    (code, kept)
}

/// A callback that has failed.
struct Failed {
    raised: Raised,
    /// Whether the error callback is to get the exception.
    to_error: bool,
}

/// What a callback's return value means; `raised` is the exception that it left set. Releases the value.
fn judge(
    called: &Called<'_>,
    raised: Option<Raised>,
    value: Owned,
) -> core::result::Result<(), Failed> {
    let verdict = machine::after_callback(called.code, raised.is_some());
    if verdict == Verdict::Proceed {
        return Ok(());
    }
    let raised = match (verdict, raised) {
        (Verdict::Contradiction, raised) => called.contradiction(raised),
        (_, Some(raised)) => raised,
        (_, None) => Raised::pending(),
    };
    Err(Failed {
        raised: drop_aside(value, raised),
        to_error: verdict == Verdict::Fail,
    })
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
        Verdict::Contradiction => {
            let function = callback as *const c_void;
            Err(Called::new(awaitable, c"deferred callback", function, code).contradiction(raised))
        }
    }
}

/// A call of the author's that has returned: what its `SystemError` names.
struct Called<'a> {
    awaitable: &'a Awaitable,
    kind: &'static CStr,
    function: *const c_void,
    code: c_int,
}

impl<'a> Called<'a> {
    fn new(
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

    /// The `SystemError` for a return value and an exception that contradict each other.
    #[cold]
    fn contradiction(&self, raised: Option<Raised>) -> Raised {
        let name = self.awaitable.name(true);
        let mut place = [0; 128];
        let mut set = |fault: &CStr| {
            // SAFETY: room for as much as is said; the format has two C strings, a str, an int, and two C strings.
            unsafe {
                ffi::pyawaitable_shim_place_of(self.function, place.as_mut_ptr(), place.len());
                ffi::PyErr_Format(
                    ffi::PyExc_SystemError,
                    c"%s of '%U' returned %d %s (the function is at %s)".as_ptr(),
                    self.kind.as_ptr(),
                    name.as_ptr(),
                    self.code,
                    fault.as_ptr(),
                    place.as_ptr(),
                );
            }
            Raised::pending()
        };
        match raised {
            Some(raised) => exception::with_cause(raised, set, c"with an exception set"),
            None => set(c"without an exception set"),
        }
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
                exception::lose(raised, &first, awaitable.as_ptr());
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

/// `tp_finalize`: warns of an awaitable that was never awaited, and closes one that is suspended.
///
/// There is no warning while an exception is set. C code that cannot finish an awaitable drops it and returns NULL, and
/// that exception is what its caller has to hear of.
///
/// # Safety
/// Called by CPython, on one of our objects.
pub unsafe extern "C" fn finalize(object: *mut PyObject) {
    // SAFETY: the caller's promise.
    let awaitable = unsafe { &*object.cast::<Awaitable>() };
    awaitable.with(|store| store.marks.note_finalized());
    if !awaitable.needs_finalizer() {
        return;
    }
    let is_new = awaitable.phase() == Phase::Created;
    if is_new && exception::pending().is_some() {
        return;
    }
    let _ = exception::aside(|| {
        let ended = if is_new {
            warn_unawaited(awaitable)
        } else {
            close(awaitable).map(drop)
        };
        if let Err(raised) = ended {
            exception::unraisable_at_end(raised, object);
        }
        Ok(())
    });
}

/// The warning for one that was never awaited. Its text is the same for all that have the same name and origin, so that
/// a warning which is shown once for a place is shown once.
fn warn_unawaited(awaitable: &Awaitable) -> Result<()> {
    let name = awaitable.name(true);
    let origin = awaitable
        .origin()
        .and_then(|origin| match origin::describe(&origin) {
            Ok(described) => Some(described),
            // Rather a warning without it than none.
            Err(raised) => {
                exception::discard(raised);
                None
            }
        });
    let object = awaitable.as_ptr();
    // SAFETY: live objects, no exception set; each format has as many strs as are passed.
    let code = unsafe {
        match &origin {
            Some(origin) => ffi::PyErr_ResourceWarning(
                object,
                1,
                c"awaitable '%U' was never awaited\nAwaitable created at (most recent call last)\n%U"
                    .as_ptr(),
                name.as_ptr(),
                origin.as_ptr(),
            ),
            None => ffi::PyErr_ResourceWarning(
                object,
                1,
                c"awaitable '%U' was never awaited".as_ptr(),
                name.as_ptr(),
            ),
        }
    };
    if code < 0 {
        Err(Raised::pending())
    } else {
        Ok(())
    }
}
