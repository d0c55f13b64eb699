//! A generator's own body, driven until it yields, awaits, or ends.

use crate::base::rules::{Admission, Phase, Refusal, Step};
use crate::body::Resume;
use crate::body::function::{self, Written};
use crate::engine::resumed::{self, From};
use crate::engine::run::{Input, Reached};
use crate::inner::{self, Thrown};
use crate::object::awaitable::Awaitable;
use crate::object::generator::Generator;
use crate::python::exception;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::store::body::Event;
use crate::store::queue::Activity;

/// How far it got.
pub enum Advanced {
    /// It has yielded this to who iterates.
    Item(Owned),
    /// It is suspended, with a value for the event loop.
    Suspended(Owned),
    /// An exception is set: `StopAsyncIteration` at its end.
    Raised(Raised),
}

/// Brings this to the body, which may have to begin, or may have ended.
#[inline(always)]
pub fn advance(thread: Thread, generator: &Generator, input: Input<'_>) -> Advanced {
    let awaitable = generator.driven();
    let step = match input {
        Input::Send(value) if value.is_none() => Step::Next,
        Input::Send(_) => Step::Send,
        Input::Throw(_) | Input::Exit(_) => Step::Throw,
    };
    if let Input::Throw(thrown) | Input::Exit(Some(thrown)) = input {
        if let Err(raised) = check(awaitable, thrown) {
            return Advanced::Raised(raised);
        }
    }
    match awaitable.admit(step) {
        Admission::Enter => {}
        admission => return Advanced::Raised(not_entered(awaitable, input, admission)),
    }
    let reached = match Written::of(awaitable) {
        Some(body) => match send_straight(thread, awaitable, body, input) {
            Ok(item) => return Advanced::Item(item),
            Err(from) => go_on(thread, awaitable, body, from),
        },
        None => run_other(thread, awaitable, input),
    };
    match reached {
        Reached::Suspended(value) => {
            let is_item = awaitable.with(|store| store.status.activity == Activity::BodyIterated);
            awaitable.set_phase(Phase::Suspended);
            if is_item {
                Advanced::Item(value)
            } else {
                Advanced::Suspended(value)
            }
        }
        reached => Advanced::Raised(ended(awaitable, reached)),
    }
}

/// The shortest way: it is sent a value outside of any block, and yields the next item. Otherwise, from where the step goes on.
#[inline(always)]
fn send_straight<'a>(
    thread: Thread,
    awaitable: &Awaitable,
    body: Written<'_>,
    input: Input<'a>,
) -> core::result::Result<Owned, From<'a>> {
    match input {
        Input::Send(value) if !body.is_in_block() => {
            match awaitable.with(|store| store.status.activity) {
                Activity::BodyIterated => body.tell(Event::Sent(value.to_owned())),
                Activity::Body => {}
                _ => return Err(From::Input(input)),
            }
        }
        _ => return Err(From::Input(input)),
    }
    let item = body
        .resume_to_item(thread, awaitable)
        .map_err(From::Outcome)?;
    awaitable.with(|store| store.status.activity = Activity::BodyIterated);
    awaitable.set_phase(Phase::Suspended);
    Ok(item)
}

/// The rest of the step, otherwise.
#[inline(never)]
fn go_on(thread: Thread, awaitable: &Awaitable, body: Written<'_>, from: From<'_>) -> Reached {
    resumed::go_on(thread, awaitable, body, from)
}

/// A step of a body that is not in C.
#[inline(never)]
fn run_other(thread: Thread, awaitable: &Awaitable, input: Input<'_>) -> Reached {
    match awaitable.with(|store| store.body()) {
        Some(body) => resumed::run(thread, awaitable, body, input),
        None => Reached::Raised(Raised::pending()),
    }
}

/// Fails with `TypeError` unless the arguments of `throw` make an exception. While the body is suspended, what is awaited there
/// checks that.
#[cold]
fn check(awaitable: &Awaitable, thrown: &Thrown<'_>) -> Result<()> {
    if awaitable.phase() == Phase::Suspended {
        return Ok(());
    }
    inner::check_thrown(*thrown)
}

/// What comes of a step without the body: it has not begun, has ended, or is running.
#[cold]
fn not_entered(awaitable: &Awaitable, input: Input<'_>, admission: Admission) -> Raised {
    let thrown = || match input {
        Input::Throw(thrown) | Input::Exit(Some(thrown)) => inner::raise_here(*thrown),
        Input::Exit(None) => exception::generator_exit(),
        Input::Send(_) => exception::stop_async_iteration(),
    };
    match admission {
        Admission::End => end(awaitable, thrown()),
        Admission::Refuse(Refusal::Finished) => thrown(),
        Admission::Refuse(Refusal::Executing) => {
            Raised::new(Kind::ValueError, c"async generator already executing")
        }
        Admission::Refuse(Refusal::JustStarted) => Raised::new(
            Kind::TypeError,
            c"can't send non-None value to a just-started async generator",
        ),
        // The state machine has no other answer to these steps.
        Admission::Enter | Admission::Ignore => Raised::pending(),
    }
}

/// The exception at the end of the body, or of a step that it has refused.
#[cold]
#[inline(never)]
fn ended(awaitable: &Awaitable, reached: Reached) -> Raised {
    match reached {
        Reached::Refused(raised) => {
            awaitable.set_phase(Phase::Suspended);
            raised
        }
        Reached::Raised(raised) => {
            awaitable.set_phase(Phase::Finished);
            end(awaitable, raised)
        }
        Reached::Returned(value) if !value.is_none() => {
            drop(value);
            function::returned_a_value(awaitable)
        }
        Reached::Returned(_) | Reached::Finished | Reached::Suspended(_) => {
            exception::stop_async_iteration()
        }
    }
}

/// Releases what the body had while its exception is put aside, and converts that to one that may leave a generator.
fn end(awaitable: &Awaitable, raised: Raised) -> Raised {
    let exception = exception::take(raised);
    awaitable.release();
    exception::no_stop_async_iteration(exception::raise(exception))
}
