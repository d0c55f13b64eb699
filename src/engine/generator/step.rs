//! The steps of a generator. They differ from those of a coroutine in what they refuse, and in what that leaves behind; some of it
//! is not what anybody would choose, but what CPython does.
//!
//! A step whose activity is still that of a body that has not begun counts as new, whatever its phase.

use super::advance::{Advanced, advance};
use super::{IS_STRICT, Kind, kind};
use crate::base::rules::{Admission, Phase, Refusal, Step};
use crate::engine::run::{Input, Reached};
use crate::engine::step::{enter_body, settle};
use crate::inner::{self, Outcome, Thrown};
use crate::object::awaitable::Awaitable;
use crate::object::generator::Generator;
use crate::python::exception;
use crate::python::raised::{self, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::store::queue::Activity;

/// Runs a step until it suspends or ends, and puts it into the phase that results. Its phase is `Running`, and only this thread
/// may change it.
#[inline(always)]
pub fn run(thread: Thread, step: &Awaitable, input: Input<'_>) -> Outcome {
    let (held, kind, is_new) = step.with(|store| {
        (
            store.generator().map(Borrowed::as_ptr),
            store.body().map_or(0, |body| body.frame.addr()),
            store.status.activity == Activity::Body,
        )
    });
    let Some(held) = held else {
        return settle(step, Reached::Raised(Raised::pending()));
    };
    // SAFETY: the step holds its generator until it ends, which happens below at the earliest.
    let generator = unsafe { &*held.cast::<Generator>() };
    if kind == Kind::Send as usize {
        send(thread, step, generator, is_new, input)
    } else {
        let reached = throw_or_close(thread, step, generator, Kind::of(kind), is_new, input);
        settle(step, reached)
    }
}

/// `__anext__` and `asend`.
#[inline(always)]
fn send(
    thread: Thread,
    step: &Awaitable,
    generator: &Generator,
    is_new: bool,
    input: Input<'_>,
) -> Outcome {
    let mut input = input;
    if is_new && (IS_STRICT || matches!(input, Input::Send(_))) {
        if !generator.begin_step() {
            return settle(step, already_running(Kind::Send));
        }
        let value = step.with(|store| {
            store.status.activity = Activity::BodyYielding;
            store.step_value().map(Borrowed::as_ptr)
        });
        if let (Input::Send(sent), Some(value)) = (input, value) {
            if sent.is_none() {
                // SAFETY: the step holds it until it ends.
                input = Input::Send(unsafe { Borrowed::new(value) });
            }
        }
    }
    if !IS_STRICT && !is_new && matches!(input, Input::Send(_)) {
        // Another may have been thrown into meanwhile, which has ended this one, as far as the generator knows.
        generator.begin_step();
    }
    match advance(thread, generator, input) {
        Advanced::Item(item) => {
            generator.end_step();
            finish(step);
            generator.keep_awaited_step(step);
            Outcome::Return(item)
        }
        Advanced::Suspended(value) => settle(step, Reached::Suspended(value)),
        Advanced::Raised(raised) => settle(step, Reached::Raised(failed(generator, raised))),
    }
}

/// `athrow` and `aclose`.
#[inline(never)]
fn throw_or_close(
    thread: Thread,
    step: &Awaitable,
    generator: &Generator,
    kind: Kind,
    is_new: bool,
    input: Input<'_>,
) -> Reached {
    match input {
        Input::Send(_) if has_no_stack(generator) => {
            finish(step);
            return Reached::Returned(Owned::none());
        }
        Input::Send(sent) if is_new => {
            if generator.is_stepping() {
                return already_running(kind);
            }
            if generator.is_closed() {
                return Reached::Raised(exception::stop_async_iteration());
            }
            if !sent.is_none() {
                return Reached::Refused(Raised::new(
                    raised::Kind::RuntimeError,
                    c"can't send non-None value to a just-started coroutine",
                ));
            }
            let arguments = step.with(|store| store.step_value().map(Borrowed::to_owned));
            if let Some(Err(raised)) = arguments.as_ref().map(super::check_arguments) {
                return Reached::Raised(raised);
            }
            if !generator.begin_step() {
                return already_running(kind);
            }
        }
        Input::Throw(_) | Input::Exit(_) if is_new && IS_STRICT && !generator.begin_step() => {
            return already_running(kind);
        }
        _ => {}
    }
    let advanced = match input {
        Input::Send(_) if is_new => {
            step.with(|store| store.status.activity = Activity::BodyYielding);
            begin(thread, step, generator, kind)
        }
        Input::Throw(_) | Input::Exit(_) if is_new && IS_STRICT => {
            step.with(|store| store.status.activity = Activity::BodyYielding);
            advance(thread, generator, input)
        }
        _ => advance(thread, generator, input),
    };
    let is_thrown = !matches!(input, Input::Send(_));
    // Whether it can be used once more when it has ended.
    let stays = if is_thrown {
        !IS_STRICT
    } else {
        kind == Kind::Throw && !is_new
    };
    let returned = |value| {
        if stays {
            step.set_phase(Phase::Suspended);
        } else {
            finish(step);
        }
        Reached::Returned(value)
    };
    match advanced {
        Advanced::Suspended(value) => Reached::Suspended(value),
        Advanced::Item(item) => {
            generator.end_step();
            if kind == Kind::Close {
                drop(item);
                return Reached::Raised(ignored());
            }
            returned(item)
        }
        Advanced::Raised(raised) => {
            let is_end = exception::is_end_of_generator(&raised);
            if kind == Kind::Throw && is_end {
                generator.note_closed();
            }
            // Before 3.13 one that is thrown out of an `aclose` counts as under way for ever.
            if IS_STRICT || kind != Kind::Close || !is_thrown {
                generator.end_step();
            }
            if kind == Kind::Close && is_end {
                exception::discard(raised);
                return returned(Owned::none());
            }
            if stays {
                return Reached::Refused(raised);
            }
            Reached::Raised(raised)
        }
    }
}

/// Whether nothing can be thrown into the generator: 3.9 takes one that is running for one that has ended.
fn has_no_stack(generator: &Generator) -> bool {
    match generator.driven().phase() {
        Phase::Finished => true,
        Phase::Running => !cfg!(Py_3_10),
        Phase::Created | Phase::Suspended => false,
    }
}

/// Throws what `athrow` was called with, or `GeneratorExit`, into the generator. What that awaits is thrown into, too, and not
/// closed.
fn begin(thread: Thread, step: &Awaitable, generator: &Generator, kind: Kind) -> Advanced {
    let arguments = step.with(|store| store.step_value().map(Borrowed::to_owned));
    if kind == Kind::Close {
        generator.note_closed();
    }
    super::with_thrown(arguments.as_ref(), |thrown| {
        advance(thread, generator, Input::Throw(&thrown))
    })
}

/// The `RuntimeError` for a step while another is under way.
#[cold]
fn already_running(kind: Kind) -> Reached {
    let raised = Raised::new(
        raised::Kind::RuntimeError,
        match kind {
            Kind::Send => c"anext(): asynchronous generator is already running",
            Kind::Throw => c"athrow(): asynchronous generator is already running",
            Kind::Close => c"aclose(): asynchronous generator is already running",
        },
    );
    if kind.is_send() && !IS_STRICT {
        Reached::Refused(raised)
    } else {
        Reached::Raised(raised)
    }
}

/// The `RuntimeError` for a generator that goes on after `GeneratorExit`.
#[cold]
pub(super) fn ignored() -> Raised {
    Raised::new(
        raised::Kind::RuntimeError,
        c"async generator ignored GeneratorExit",
    )
}

/// Notes in the generator that a step has ended with an exception.
#[cold]
fn failed(generator: &Generator, raised: Raised) -> Raised {
    if exception::is_end_of_generator(&raised) {
        generator.note_closed();
    }
    generator.end_step();
    raised
}

/// Ends a step that returns. What it holds goes with it.
#[inline(always)]
fn finish(step: &Awaitable) {
    step.set_phase(Phase::Finished);
    step.with(|store| store.rest_step());
}

/// `throw(...)` of a step.
#[cold]
pub fn throw(step: &Awaitable, thrown: Thrown<'_>) -> Outcome {
    match step.admit(Step::Next) {
        Admission::Refuse(refusal) => Outcome::Raise(refused(step, refusal)),
        _ if inner::is_generator_exit(thrown) => enter_body(None, step, Input::Exit(Some(&thrown))),
        _ => enter_body(None, step, Input::Throw(&thrown)),
    }
}

/// `close()` of a step.
#[cold]
pub fn close(step: &Awaitable) -> Result<Owned> {
    if step.phase() == Phase::Finished {
        return Ok(Owned::none());
    }
    if !IS_STRICT {
        // The generator never learns of it: if it was in the middle of an await, it stays there.
        if step.phase() != Phase::Running {
            step.set_phase(Phase::Finished);
            step.release();
        }
        return Ok(Owned::none());
    }
    super::with_thrown(None, |exit| match throw(step, exit) {
        Outcome::Yield(value) => {
            drop(value);
            Err(Raised::new(
                raised::Kind::RuntimeError,
                c"coroutine ignored GeneratorExit",
            ))
        }
        Outcome::Return(_) => Ok(Owned::none()),
        Outcome::Raise(raised) if exception::is_end_of_generator(&raised) => {
            exception::discard(raised);
            Ok(Owned::none())
        }
        Outcome::Raise(raised) => Err(raised),
    })
}

/// What a step says that the state machine refuses.
#[cold]
pub fn refused(step: &Awaitable, refusal: Refusal) -> Raised {
    match refusal {
        Refusal::Executing => Raised::new(
            raised::Kind::ValueError,
            c"async generator already executing",
        ),
        // A step that is new takes a value, too.
        Refusal::Finished | Refusal::JustStarted => Raised::new(
            raised::Kind::RuntimeError,
            if kind(step).is_send() {
                c"cannot reuse already awaited __anext__()/asend()"
            } else {
                c"cannot reuse already awaited aclose()/athrow()"
            },
        ),
    }
}

/// `send(value)` that the state machine has refused, since the step is new.
#[cold]
pub fn send_first(step: &Awaitable, value: Borrowed<'_>) -> Outcome {
    match step.admit(Step::Next) {
        Admission::Refuse(refusal) => Outcome::Raise(refused(step, refusal)),
        _ => enter_body(None, step, Input::Send(value)),
    }
}
