//! The engine for bodies that are resumed: tells a body what has happened, and does what it asks for.

use super::run::{Input, Reached, resume_handling};
use crate::body;
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
#[inline(never)]
pub fn run(thread: Thread, awaitable: &Awaitable, input: Input<'_>) -> Reached {
    let (activity, body) = awaitable.with(|store| (store.status.activity, store.body()));
    let Some(body) = body else {
        return Reached::Raised(Raised::pending());
    };
    let mut event = match begin(thread, awaitable, activity, input) {
        Ok(event) => event,
        Err(reached) => return reached,
    };
    loop {
        let started = match resume(thread, awaitable, body, event) {
            Action::Await(object) => body::start_within(awaitable, object),
            Action::Drive(iterator) => Ok(iterator),
            Action::Yield(value) => {
                awaitable.with(|store| store.status.activity = Activity::BodyYielding);
                return Reached::Suspended(value);
            }
            Action::Return(value) => return Reached::Returned(value),
            Action::Raise(raised) => return Reached::Raised(raised),
        };
        event = match started {
            Ok(iterator) => {
                awaitable.with(|store| {
                    store.drive(iterator);
                    store.status.activity = Activity::BodyAwaiting;
                });
                match drive(thread, awaitable, Input::Send(Borrowed::none())) {
                    Ok(event) => event,
                    Err(reached) => return reached,
                }
            }
            Err(raised) => Event::Raised(raised),
        };
        // Other code must not run with an exception set that the body has not been told of yet.
        let is_quiet = !matches!(event, Event::Raised(_));
        if awaitable.state().is_due() && is_quiet {
            if let Err(raised) = eval_breaker::let_others_run(&awaitable.state().last_turn) {
                drop(event);
                event = Event::Raised(raised);
            }
        }
    }
}

/// What a step means to a body in this activity, or the outcome of the step without it.
fn begin(
    thread: Thread,
    awaitable: &Awaitable,
    activity: Activity,
    input: Input<'_>,
) -> core::result::Result<Event, Reached> {
    if activity == Activity::BodyAwaiting {
        return drive(thread, awaitable, input);
    }
    if activity == Activity::Body {
        return Ok(Event::Start);
    }
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
fn drive(
    thread: Thread,
    awaitable: &Awaitable,
    input: Input<'_>,
) -> core::result::Result<Event, Reached> {
    let Some(inner) = awaitable.with(|store| store.driven().map(Borrowed::as_ptr)) else {
        return Err(Reached::Raised(Raised::pending()));
    };
    // SAFETY: the store holds it, and only this step takes it out.
    let inner = unsafe { Borrowed::new(inner) };
    match resume_handling(thread, awaitable, inner, input) {
        Ok(Outcome::Yield(value)) => Err(Reached::Suspended(value)),
        Ok(Outcome::Return(value)) => {
            drop(end(awaitable));
            Ok(Event::Returned(value))
        }
        Ok(Outcome::Raise(raised)) => Ok(Event::Raised(exception::drop_preserving(
            end(awaitable),
            raised,
        ))),
        Err(Refused(raised)) => Err(Reached::Refused(raised)),
    }
}

/// Takes out what the body has awaited.
fn end(awaitable: &Awaitable) -> Option<Owned> {
    awaitable.with(|store| {
        store.status.activity = Activity::Body;
        store.take_driven()
    })
}

/// Lets the body run.
#[inline]
fn resume(thread: Thread, awaitable: &Awaitable, body: Body, event: Event) -> Action {
    let kept = awaitable.borrow().to_owned();
    // SAFETY: the body's own function, for its own frame, which lives for as long as the object.
    unsafe { (body.functions.resume)(thread, kept.as_ptr(), body.frame, event) }
}
