//! The shortest way through a step of a body in C: it awaits and returns, outside of any block. Whatever else comes goes on in
//! [`super::resumed`], from where it is.
//!
//! Most steps go this way. It has one path for each thing that happens, where the general engine tells its outcome from one
//! part to the next.

use super::resumed::{self, From};
use super::run::{Input, send};
use super::step::settle;
use crate::base::likely::unlikely;
use crate::base::rules::Phase;
use crate::body::function::{Straight, Written};
use crate::body::{self, Resume};
use crate::inner::Outcome;
use crate::object::awaitable::Awaitable;
use crate::python::reference::Borrowed;
use crate::python::thread::Thread;
use crate::store::body::Event;
use crate::store::queue::Activity;

/// Runs a body in C until it suspends or ends. The object's phase is `Running`, and only this thread may change it.
#[inline(always)]
pub fn run(thread: Thread, awaitable: &Awaitable, body: Written<'_>, input: Input<'_>) -> Outcome {
    // What is sent to what the body awaits; None where the body runs next.
    let mut sent = match input {
        Input::Send(value) if !body.is_in_block() => {
            match awaitable.with(|store| store.status.activity) {
                Activity::BodyAwaiting => Some(value),
                Activity::Body => None,
                _ => return go_on(thread, awaitable, body, From::Input(input)),
            }
        }
        _ => return go_on(thread, awaitable, body, From::Input(input)),
    };
    loop {
        if let Some(value) = sent {
            // SAFETY: the activity says that the store holds it, and only this step takes it out.
            let inner = unsafe { Borrowed::new(awaitable.with(|store| store.awaited())) };
            match send(thread, inner, value) {
                Outcome::Yield(value) => {
                    awaitable.set_phase(Phase::Suspended);
                    return Outcome::Yield(value);
                }
                Outcome::Return(result) => {
                    drop(resumed::end(awaitable));
                    if unlikely(awaitable.state().is_due()) {
                        return go_on(thread, awaitable, body, From::Due(result));
                    }
                    body.tell(Event::Returned(result));
                }
                Outcome::Raise(raised) => {
                    return go_on(thread, awaitable, body, From::Failed(raised));
                }
            }
        }
        match body.resume_straight(thread, awaitable) {
            Straight::Await(object) => match body::start(object) {
                Ok(iterator) => {
                    awaitable.with(|store| {
                        store.drive(iterator);
                        store.status.activity = Activity::BodyAwaiting;
                    });
                    sent = Some(Borrowed::none());
                }
                Err(raised) => return go_on(thread, awaitable, body, From::Raised(raised)),
            },
            Straight::Return(result) => {
                awaitable.set_phase(Phase::Finished);
                body.end(awaitable);
                return Outcome::Return(result);
            }
            Straight::Other(outcome) => {
                return go_on(thread, awaitable, body, From::Outcome(outcome));
            }
        }
    }
}

/// The rest of the step, otherwise. Not rare, but out of the way.
#[cold]
fn go_on(thread: Thread, awaitable: &Awaitable, body: Written<'_>, from: From<'_>) -> Outcome {
    settle(awaitable, resumed::go_on(thread, awaitable, body, from))
}
