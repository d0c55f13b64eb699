//! The engine: drives what is in progress, asks the body what comes next, and starts that.
//!
//! It loops: the same loop starts what a body adds, so a queue of any length needs no more stack than one await.

use super::step::{close, send_on, throw};
use crate::base::likely::likely;
use crate::body::queue::{self, block};
use crate::body::{self, chain_handled, handling};
use crate::inner::{self, Attempt, Outcome, Refused, Thrown};
use crate::object::awaitable::Awaitable;
use crate::python::eval_breaker;
use crate::python::exception;
use crate::python::raised::Raised;
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::store::queue::Next;

/// How far the engine got.
pub enum Reached {
    /// It suspended, with a value for the event loop.
    Suspended(Owned),
    /// The end: nothing was left to do, and the phase already says so.
    Finished,
    /// The end of a body, with its result; the phase already says so, and nothing is left to release.
    Returned(Owned),
    /// The end, with an exception set.
    Raised(Raised),
    /// Nowhere: an exception is set, and the object is as it was before the step.
    Refused(Raised),
}

/// What a step brings to the await in progress.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// A value.
    Send(Borrowed<'a>),
    /// An exception, for the inner awaitable's `throw`.
    Throw(&'a Thrown<'a>),
    /// A `GeneratorExit`: the inner awaitable is closed, then the exception is raised here. None means a new one.
    Exit(Option<&'a Thrown<'a>>),
}

/// The engine. The object's phase is `Running`, and only this thread may change it.
#[inline(never)]
pub fn run(thread: Thread, awaitable: &Awaitable, input: Input<'_>) -> Reached {
    let mut input = input;
    loop {
        let step = 'step: {
            let inner = match awaitable.next() {
                Next::Resume(inner) => inner,
                Next::Await(object) => match body::start(object) {
                    Ok(iterator) => {
                        let inner = iterator.as_ptr();
                        awaitable.with(|store| store.drive(iterator));
                        inner
                    }
                    Err(raised) => break 'step queue::fail(awaitable, raised),
                },
                Next::ResumeExit(exit) => {
                    // SAFETY: as below.
                    let exit = unsafe { Borrowed::new(exit) };
                    match resume_handling(thread, awaitable, exit, input) {
                        Ok(Outcome::Return(value)) => {
                            break 'step block::settle_exit(awaitable, Ok(value));
                        }
                        Ok(Outcome::Yield(value)) => return Reached::Suspended(value),
                        Ok(Outcome::Raise(raised)) => {
                            break 'step block::settle_exit(awaitable, Err(raised));
                        }
                        Err(Refused(raised)) => return Reached::Refused(raised),
                    }
                }
                Next::Enter(object) => break 'step queue::enter(awaitable, object),
                Next::Call(callback) => break 'step queue::call_deferred(awaitable, callback),
                Next::Leave => break 'step queue::leave(awaitable),
                // The step has gone another way.
                Next::Body => return Reached::Raised(Raised::pending()),
                Next::Finish => return Reached::Finished,
            };
            // SAFETY: the store holds it, and only this step takes it out.
            let inner = unsafe { Borrowed::new(inner) };
            // Only what was suspended gets the step's input; what starts later gets None.
            let outcome = match input {
                Input::Send(value) => send(thread, inner, value),
                _ => match interrupt(inner, input) {
                    Ok(outcome) => outcome,
                    Err(Refused(raised)) => return Reached::Refused(raised),
                },
            };
            match outcome {
                Outcome::Return(value) => queue::succeed(thread, awaitable, value),
                Outcome::Yield(value) => return Reached::Suspended(value),
                Outcome::Raise(raised) => queue::fail(awaitable, raised),
            }
        };
        input = Input::Send(Borrowed::none());
        let raised = match step {
            Ok(()) if likely(!awaitable.state().is_due()) => continue,
            Ok(()) => match eval_breaker::let_others_run(&awaitable.state().last_turn) {
                Ok(()) => continue,
                Err(raised) => raised,
            },
            Err(raised) => raised,
        };
        if let Err(raised) = queue::unwind(awaitable, raised) {
            return Reached::Raised(raised);
        }
    }
}

/// Resumes what is in progress while an exception is being handled: an `__aexit__`, with its block's exception.
///
/// A native coroutine passes a throw on without its own handled exception, which only becomes the context of what comes back;
/// this does the same.
#[cold]
pub fn resume_handling(
    thread: Thread,
    awaitable: &Awaitable,
    inner: Borrowed<'_>,
    input: Input<'_>,
) -> Attempt {
    if let Input::Send(value) = input {
        return Ok(handling(awaitable, |_| send(thread, inner, value)));
    }
    match interrupt(inner, input) {
        Ok(Outcome::Raise(raised)) => Ok(Outcome::Raise(chain_handled(awaitable, raised))),
        attempt => attempt,
    }
}

/// Sends a value to what is in progress. An awaitable of this library is entered directly, as native coroutines enter each
/// other: [`run`] then calls [`run`], with nothing in between.
#[inline(always)]
pub fn send(thread: Thread, inner: Borrowed<'_>, value: Borrowed<'_>) -> Outcome {
    match Awaitable::from_object(inner) {
        Some(next) => send_on(Some(thread), next, value),
        None if cfg!(Py_3_14) && !inner::is_native(inner) => send_counted(thread, inner, value),
        None => inner::send(inner, value),
    }
}

/// Sends a value to what may enter the engine again without a frame of Python's in between.
#[inline(never)]
fn send_counted(thread: Thread, inner: Borrowed<'_>, value: Borrowed<'_>) -> Outcome {
    if !thread.enter() {
        return Outcome::Raise(Raised::pending());
    }
    let outcome = inner::send(inner, value);
    thread.leave();
    outcome
}

/// Interrupts what is in progress.
#[cold]
pub fn interrupt(inner: Borrowed<'_>, input: Input<'_>) -> Attempt {
    match (input, Awaitable::from_object(inner)) {
        (Input::Send(value), _) => Ok(inner::send(inner, value)),
        (Input::Throw(thrown), Some(next)) => Ok(throw(next, *thrown)),
        (Input::Throw(thrown), None) => inner::throw(inner, *thrown),
        (Input::Exit(thrown), ours) => {
            let closed = match ours {
                Some(next) => close(next).map(drop),
                None => inner::close(inner),
            };
            Ok(Outcome::Raise(match (closed, thrown) {
                (Err(raised), _) => raised,
                (Ok(()), Some(thrown)) => match inner::check_thrown(*thrown) {
                    Ok(()) => inner::raise_here(*thrown),
                    // A native coroutine, too, checks only at this point.
                    Err(raised) => return Err(Refused(raised)),
                },
                (Ok(()), None) => exception::generator_exit(),
            }))
        }
    }
}
