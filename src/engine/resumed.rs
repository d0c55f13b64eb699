//! The engine for bodies that are resumed: tells a body what has happened, and does what it asks for.

use super::run::{Input, Reached, interrupt, resume_handling, send};
use crate::base::rules::Phase;
use crate::body::function::{Returned, Written};
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

/// From where a step goes on.
pub enum From<'a> {
    /// From its beginning.
    Input(Input<'a>),
    /// What was awaited, and is still driven, has raised.
    Failed(Raised),
    /// What was awaited has returned this, and others are to run before the body is told.
    Due(Owned),
    /// What the body wanted to await could not be.
    Raised(Raised),
    /// The body, which is one in C, has returned this.
    Outcome(Returned),
}

/// Runs a body that is not in C until it suspends or ends. The object's phase is `Running`, and only this thread may change it.
pub fn run(thread: Thread, awaitable: &Awaitable, body: Body, input: Input<'_>) -> Reached {
    let action = match begin(thread, awaitable, body, input) {
        Ok(told) => body.resume(thread, awaitable, told),
        Err(reached) => return reached,
    };
    follow(thread, awaitable, body, action)
}

/// Goes on with the step of a body in C.
#[inline]
pub fn go_on(thread: Thread, awaitable: &Awaitable, body: Written<'_>, from: From<'_>) -> Reached {
    match from {
        From::Input(input) => {
            if let Err(reached) = begin(thread, awaitable, body, input) {
                return reached;
            }
        }
        From::Failed(raised) => {
            let raised = inner::drop_failed(end(awaitable), raised);
            body.tell(Event::Raised(raised));
        }
        From::Due(value) => body.tell(take_turns(awaitable, value)),
        From::Raised(raised) => body.tell(Event::Raised(raised)),
        From::Outcome(outcome) => {
            let action = body.resume_after(thread, awaitable, outcome);
            return follow(thread, awaitable, body, action);
        }
    }
    let action = body.resume(thread, awaitable, ());
    follow(thread, awaitable, body, action)
}

/// Does what a body wants done, until it suspends or ends.
#[inline(always)]
fn follow<B: Resume>(thread: Thread, awaitable: &Awaitable, body: B, action: Action) -> Reached {
    let mut action = action;
    loop {
        let started = match action {
            Action::Await(object) if body.is_handling() => body::start_within(awaitable, object),
            Action::Await(object) => body::start(object),
            Action::Drive(iterator) => Ok(iterator),
            Action::Yield(value) => {
                awaitable.with(|store| store.status.activity = Activity::BodyYielding);
                return Reached::Suspended(value);
            }
            Action::Item(value) => {
                awaitable.with(|store| store.status.activity = Activity::BodyIterated);
                return Reached::Suspended(value);
            }
            Action::Return(value) => {
                awaitable.set_phase(Phase::Finished);
                body.end(awaitable);
                return Reached::Returned(value);
            }
            Action::Raise(raised) => return Reached::Raised(raised),
        };
        let told = match started {
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
        action = body.resume(thread, awaitable, told);
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

/// What a step means to a body that has yielded a value or an item.
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
pub fn end(awaitable: &Awaitable) -> Option<Owned> {
    awaitable.with(|store| {
        store.status.activity = Activity::Body;
        store.take_driven()
    })
}
