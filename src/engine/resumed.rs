//! The engine for bodies that are resumed: tells a body what has happened, and does what it asks for.

use super::run::{Input, Reached, interrupt, resume_handling, send};
use crate::base::rules::Phase;
use crate::body::function::Written;
use crate::body::{self, Resume};
use crate::inner::{self, Outcome, Refused};
use crate::object::awaitable::Awaitable;
use crate::python::eval_breaker;
use crate::python::exception;
use crate::python::raised::Raised;
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::store::body::{Action, Body, Event};
use crate::store::queue::Activity;

/// Runs the body until it suspends or ends. The object's phase is `Running`, and only this thread may change it.
#[inline(always)]
pub fn run(thread: Thread, awaitable: &Awaitable, input: Input<'_>) -> Reached {
    match awaitable.with(|store| store.body()) {
        Some(body) => match Written::of(&body) {
            Some(body) => run_body(thread, awaitable, body, input),
            None => run_other(thread, awaitable, body, input),
        },
        None => Reached::Raised(Raised::pending()),
    }
}

#[inline(never)]
fn run_other(thread: Thread, awaitable: &Awaitable, body: Body, input: Input<'_>) -> Reached {
    run_body(thread, awaitable, body, input)
}

#[inline(always)]
fn run_body<B: Resume>(
    thread: Thread,
    awaitable: &Awaitable,
    body: B,
    input: Input<'_>,
) -> Reached {
    let mut told = match begin(thread, awaitable, body, input) {
        Ok(told) => told,
        Err(reached) => return reached,
    };
    loop {
        let started = match body.resume(thread, awaitable, told) {
            Action::Await(object) if body.is_handling() => body::start_within(awaitable, object),
            Action::Await(object) => body::start(object),
            Action::Drive(iterator) => Ok(iterator),
            Action::Yield(value) => {
                awaitable.with(|store| store.status.activity = Activity::BodyYielding);
                return Reached::Suspended(value);
            }
            Action::Return(value) => {
                awaitable.set_phase(Phase::Finished);
                body.end(awaitable);
                return Reached::Returned(value);
            }
            Action::Raise(raised) => return Reached::Raised(raised),
        };
        told = match started {
            Ok(iterator) => {
                awaitable.with(|store| {
                    store.drive(iterator);
                    store.status.activity = Activity::BodyAwaiting;
                });
                match drive(thread, awaitable, body, Input::Send(Borrowed::none())) {
                    Ok(told) => told,
                    Err(reached) => return reached,
                }
            }
            Err(raised) => body.tell(Event::Raised(raised)),
        };
    }
}

/// What a step means to a body in this activity, or the outcome of the step without it.
#[inline(always)]
fn begin<B: Resume>(
    thread: Thread,
    awaitable: &Awaitable,
    body: B,
    input: Input<'_>,
) -> core::result::Result<B::Told, Reached> {
    match awaitable.with(|store| store.status.activity) {
        Activity::BodyAwaiting => drive(thread, awaitable, body, input),
        Activity::Body => Ok(body.tell(Event::Start)),
        _ => respond(awaitable, input).map(|event| body.tell(event)),
    }
}

/// What a step means to a body that has yielded a value.
fn respond(awaitable: &Awaitable, input: Input<'_>) -> core::result::Result<Event, Reached> {
    let thrown = match input {
        Input::Send(value) => return Ok(Event::Sent(value.to_owned())),
        Input::Exit(None) => {
            let raised = exception::generator_exit();
            return Ok(Event::Raised(body::chain_handled(awaitable, raised)));
        }
        Input::Throw(thrown) | Input::Exit(Some(thrown)) => thrown,
    };
    match inner::check_thrown(*thrown) {
        Ok(()) => {
            let raised = inner::raise_here(*thrown);
            Ok(Event::Raised(body::chain_handled(awaitable, raised)))
        }
        Err(raised) => Err(Reached::Refused(raised)),
    }
}

/// Passes a step's input to what the body awaits. Returns what to tell the body once that has ended.
#[inline(always)]
fn drive<B: Resume>(
    thread: Thread,
    awaitable: &Awaitable,
    body: B,
    input: Input<'_>,
) -> core::result::Result<B::Told, Reached> {
    let Some(inner) = awaitable.with(|store| store.driven().map(Borrowed::as_ptr)) else {
        return Err(Reached::Raised(Raised::pending()));
    };
    // SAFETY: the store holds it, and only this step takes it out.
    let inner = unsafe { Borrowed::new(inner) };
    let attempt = if body.is_handling() {
        resume_handling(thread, awaitable, inner, input)
    } else {
        match input {
            Input::Send(value) => Ok(send(thread, inner, value)),
            _ => interrupt(inner, input),
        }
    };
    match attempt {
        Ok(Outcome::Yield(value)) => Err(Reached::Suspended(value)),
        Ok(Outcome::Return(value)) => {
            drop(end(awaitable));
            if awaitable.state().is_due() {
                return Ok(body.tell(take_turns(awaitable, value)));
            }
            Ok(body.tell(Event::Returned(value)))
        }
        Ok(Outcome::Raise(raised)) => {
            let raised = inner::drop_failed(end(awaitable), raised);
            Ok(body.tell(Event::Raised(raised)))
        }
        Err(Refused(raised)) => Err(Reached::Refused(raised)),
    }
}

/// Lets others run before the body is told of a value.
#[cold]
fn take_turns(awaitable: &Awaitable, value: Owned) -> Event {
    match eval_breaker::let_others_run(&awaitable.state().last_turn) {
        Ok(()) => Event::Returned(value),
        Err(raised) => Event::Raised(exception::drop_preserving(value, raised)),
    }
}

/// Takes out what the body has awaited.
#[inline]
fn end(awaitable: &Awaitable) -> Option<Owned> {
    awaitable.with(|store| {
        store.status.activity = Activity::Body;
        store.take_driven()
    })
}
