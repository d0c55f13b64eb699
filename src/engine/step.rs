//! The steps: send, throw, close. Each is an entry into the engine, [`super::run`].

use super::run::{Input, Reached, run};
use super::{generator, resumed, straight};
use crate::base::likely::unlikely;
use crate::base::rules::{Admission, Phase, Refusal, Step};
use crate::body::function::Written;
use crate::inner::{self, Outcome, Thrown};
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::store::queue::Activity;

/// `send(value)`.
#[inline]
pub fn send(awaitable: &Awaitable, value: Borrowed<'_>) -> Outcome {
    send_on(None, awaitable, value)
}

/// `send(value)`, by the thread that the step above already knows, if there is one. Inline, for the places that most steps come
/// from.
#[inline(always)]
pub fn send_on(thread: Option<Thread>, awaitable: &Awaitable, value: Borrowed<'_>) -> Outcome {
    let step = if value.is_none() {
        Step::Next
    } else {
        Step::Send
    };
    match awaitable.admit(step) {
        Admission::Enter => enter(thread, awaitable, Input::Send(value)),
        Admission::Refuse(refusal) => refuse_value(awaitable, refusal, value),
        // The state machine has no other answer to these steps.
        Admission::End | Admission::Ignore => Outcome::Raise(Raised::pending()),
    }
}

/// `throw(...)`.
pub fn throw(awaitable: &Awaitable, thrown: Thrown<'_>) -> Outcome {
    if generator::is_step(awaitable) {
        return generator::throw(awaitable, thrown);
    }
    // While the object is suspended, its await refuses what cannot be an exception. From 3.15 on, a finished one does not check
    // it.
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
            enter(None, awaitable, Input::Exit(Some(&thrown)))
        }
        Admission::Enter => enter(None, awaitable, Input::Throw(&thrown)),
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
    if generator::is_step(awaitable) {
        return generator::close(awaitable);
    }
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

/// A value that the state machine has refused; a new step of a generator takes it.
#[cold]
#[inline(never)]
fn refuse_value(awaitable: &Awaitable, refusal: Refusal, value: Borrowed<'_>) -> Outcome {
    if !generator::is_step(awaitable) {
        return Outcome::Raise(refuse(refusal));
    }
    if refusal == Refusal::JustStarted {
        return generator::send_first(awaitable, value);
    }
    Outcome::Raise(generator::refused(awaitable, refusal))
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

/// Runs a step that the state machine has admitted, and puts the object into the phase that results.
#[inline(always)]
fn enter(thread: Option<Thread>, awaitable: &Awaitable, input: Input<'_>) -> Outcome {
    if awaitable.with(|store| store.status.activity.is_body()) {
        return enter_body(thread, awaitable, input);
    }
    if awaitable.finish_if_done() {
        return finish(awaitable);
    }
    let is_counted = is_counted(thread, input);
    let thread = thread.unwrap_or_else(Thread::current);
    let reached = if !is_counted || thread.enter() {
        let reached = run(thread, awaitable, input);
        if is_counted {
            thread.leave();
        }
        reached
    } else {
        too_deep(awaitable)
    };
    settle(awaitable, reached)
}

/// As [`enter`], if the object has a body that is not a queue.
#[inline(never)]
pub(super) fn enter_body(
    thread: Option<Thread>,
    awaitable: &Awaitable,
    input: Input<'_>,
) -> Outcome {
    let is_counted = is_counted(thread, input);
    let thread = thread.unwrap_or_else(Thread::current);
    if is_counted && unlikely(!thread.enter()) {
        return settle(awaitable, too_deep(awaitable));
    }
    let outcome = match Written::of(awaitable) {
        Some(body) => straight::run(thread, awaitable, body, input),
        None if generator::is_step(awaitable) => generator::run(thread, awaitable, input),
        None => enter_other(thread, awaitable, input),
    };
    if is_counted {
        thread.leave();
    }
    outcome
}

/// Whether a step counts against the recursion limit. A limit on the stack itself, as from 3.14 on, needs to be looked at only
/// once on any way around: that is done where the engine enters itself or what is not CPython's, and CPython's evaluation of a
/// frame does it, too. An earlier limit is a number of levels, and each counts.
#[inline(always)]
fn is_counted(from: Option<Thread>, input: Input<'_>) -> bool {
    !cfg!(Py_3_14) || from.is_some() || !matches!(input, Input::Send(_))
}

/// The same for a body that is not in C.
#[cold]
fn enter_other(thread: Thread, awaitable: &Awaitable, input: Input<'_>) -> Outcome {
    let reached = match awaitable.with(|store| store.body()) {
        Some(body) => resumed::run(thread, awaitable, body, input),
        None => Reached::Raised(Raised::pending()),
    };
    settle(awaitable, reached)
}

/// Puts the object into the phase that results from a step.
#[inline(always)]
pub(super) fn settle(awaitable: &Awaitable, reached: Reached) -> Outcome {
    match reached {
        Reached::Suspended(value) => {
            awaitable.set_phase(Phase::Suspended);
            Outcome::Yield(value)
        }
        Reached::Finished => finish(awaitable),
        Reached::Returned(value) => Outcome::Return(value),
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

/// What it returns after the end.
#[inline(always)]
fn finish(awaitable: &Awaitable) -> Outcome {
    let result = awaitable.with(|store| store.take_result());
    awaitable.release();
    Outcome::Return(result.unwrap_or_else(Owned::none))
}

/// A step that the recursion limit forbids. It ends an object that has not begun, as it does a native coroutine; an object in
/// progress stays suspended, so that its clean-up still runs.
#[cold]
fn too_deep(awaitable: &Awaitable) -> Reached {
    let raised = Raised::pending();
    let has_begun = awaitable.with(|store| {
        store.driven().is_some()
            || matches!(
                store.status.activity,
                Activity::BodyYielding | Activity::BodyIterated
            )
    });
    if has_begun {
        Reached::Refused(raised)
    } else {
        Reached::Raised(raised)
    }
}

/// Releases a finished object's remains while its exception is put aside, and converts that to one that may leave a coroutine.
#[cold]
fn release_after(awaitable: &Awaitable, raised: Raised) -> Outcome {
    let exception = exception::take(raised);
    awaitable.release();
    Outcome::Raise(exception::no_stop_iteration(exception::raise(exception)))
}
