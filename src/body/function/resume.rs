//! Resumes a body in C, and does what it asks for.

use super::frame::{Head, Outcome};
use super::outcome::{
    AENTER, AEXIT, AITER, ANEXT, AWAIT, DROP, END, ENTER, EXITED, JUMP, LEAVE, LOST, OK, PARK,
    RAISE, RAISED, RERAISE, RETURN, STRAY, SUSPEND, YIELD,
};
use super::{Written, handled_in, iteration};
use crate::base::likely::{likely, unlikely};
use crate::body::Resume;
use crate::object::awaitable::Awaitable;
use crate::outside::park;
use crate::python::exception;
use crate::python::ffi;
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::python::traceback::Line;
use crate::store::body::{Action, Event};
use core::ffi::{CStr, c_char, c_int};

/// What follows: the engine's turn, or the body's again.
pub(super) enum Then {
    Act(Action),
    Again,
}

/// A body that is being resumed.
pub(super) struct Running<'a> {
    pub thread: Thread,
    pub awaitable: &'a Awaitable,
    pub head: &'a Head,
}

impl Resume for Written<'_> {
    type Told = ();

    #[inline(always)]
    fn tell(self, event: Event) {
        let head = self.0;
        match event {
            Event::Start => {}
            Event::Sent(value) | Event::Returned(value) => {
                head.value.put(value);
                head.how.set(OK);
            }
            Event::Raised(raised) => head.how.set(iteration::arrive(head, raised)),
        }
    }

    #[inline(always)]
    fn resume(self, thread: Thread, awaitable: &Awaitable, (): ()) -> Action {
        let running = Running {
            thread,
            awaitable,
            head: self.0,
        };
        if self.0.how.get() == RAISED {
            if let Then::Act(action) = running.raise_there() {
                return action;
            }
        }
        loop {
            let outcome = running.call();
            if let Then::Act(action) = running.act(outcome) {
                return action;
            }
        }
    }

    #[inline(always)]
    fn is_handling(self) -> bool {
        self.0.depth() != 0 && handled_in(self.0).is_some()
    }

    #[inline(always)]
    fn end(self, awaitable: &Awaitable) {
        if awaitable.with(|store| store.has_cold()) {
            awaitable.release();
        } else {
            awaitable.with(|store| store.finish_body());
            self.0.release();
        }
    }
}

/// What a body outside of any block wants done.
pub enum Straight {
    /// `await` this.
    Await(Owned),
    /// The end: this is the result.
    Return(Owned),
    /// What it has returned is about something else, or wrong.
    Other(Outcome),
}

impl Written<'_> {
    /// Resumes a body outside of any block, which has not been told of an exception.
    #[inline(always)]
    pub fn resume_straight(self, thread: Thread, awaitable: &Awaitable) -> Straight {
        let head = self.0;
        let outcome = head.call(awaitable.borrow());
        if unlikely(thread.has_raised() || head.depth() != 0) {
            return Straight::Other(outcome);
        }
        match outcome.what() {
            AWAIT => match head.value.take() {
                Some(value) => {
                    head.left.set(outcome);
                    Straight::Await(value)
                }
                None => Straight::Other(outcome),
            },
            RETURN if outcome.handler == 0 => match head.value.take() {
                Some(value) => Straight::Return(value),
                None => Straight::Other(outcome),
            },
            END => Straight::Return(Owned::none()),
            _ => Straight::Other(outcome),
        }
    }

    /// Resumes the body of a generator, which is outside of any block and has not been told of an exception. What it yields to
    /// who iterates; or what it has returned.
    #[inline(always)]
    pub fn resume_to_item(
        self,
        thread: Thread,
        awaitable: &Awaitable,
    ) -> core::result::Result<Owned, Outcome> {
        let head = self.0;
        let outcome = head.call(awaitable.borrow());
        let is_sound = !thread.has_raised() && head.depth() == 0;
        if likely(is_sound && outcome.what() == YIELD) {
            if let Some(value) = head.value.take() {
                head.left.set(outcome);
                return Ok(value);
            }
        }
        Err(outcome)
    }

    /// Does what it has returned from [`Written::resume_straight`], and resumes it until the engine's turn comes.
    pub fn resume_after(self, thread: Thread, awaitable: &Awaitable, outcome: Outcome) -> Action {
        let running = Running {
            thread,
            awaitable,
            head: self.0,
        };
        match running.act(outcome) {
            Then::Act(action) => action,
            Then::Again => self.resume(thread, awaitable, ()),
        }
    }
}

impl Running<'_> {
    /// Calls the body, with the exception that it handles as `sys.exc_info()`.
    #[inline(always)]
    fn call(&self) -> Outcome {
        if self.head.depth() != 0 {
            return self.call_handling();
        }
        self.head.call(self.awaitable.borrow())
    }

    #[inline(never)]
    fn call_handling(&self) -> Outcome {
        self.handling(|| self.head.call(self.awaitable.borrow()))
    }

    /// What is common is done here.
    #[inline(always)]
    fn act(&self, outcome: Outcome) -> Then {
        if !self.thread.has_raised() && !self.is_astray(outcome) {
            match outcome.what() {
                AWAIT => {
                    if let Some(value) = self.head.value.take() {
                        self.head.left.set(outcome);
                        return Then::Act(Action::Await(value));
                    }
                }
                YIELD if self.awaitable.is_generator() => {
                    if let Some(value) = self.head.value.take() {
                        self.head.left.set(outcome);
                        return Then::Act(Action::Item(value));
                    }
                }
                LEAVE => return self.leave(outcome),
                RETURN if outcome.handler == 0 => {
                    if let Some(value) = self.head.value.take() {
                        return Then::Act(Action::Return(value));
                    }
                }
                END => return Then::Act(Action::Return(Owned::none())),
                _ => {}
            }
        }
        self.act_otherwise(outcome)
    }

    /// Whether control has left a block by a way that the library was not told of.
    #[inline(always)]
    fn is_astray(&self, outcome: Outcome) -> bool {
        // A loop that is left by `break` has its own block to give up, which is the next.
        self.head.depth() > outcome.level()
            && !(outcome.what() == DROP && self.head.depth() == outcome.level() + 1)
    }

    /// Runs `action` with the exception that the body handles, if there is one, as `sys.exc_info()`.
    #[inline]
    fn handling<R>(&self, action: impl FnOnce() -> R) -> R {
        match handled_in(self.head).map(Borrowed::to_owned) {
            None => action(),
            Some(exception) => exception::handling(&exception, action),
        }
    }

    #[inline(never)]
    fn act_otherwise(&self, outcome: Outcome) -> Then {
        self.head.left.set(outcome);
        let acted = match outcome.what() {
            // These call Python code.
            AENTER | AEXIT | EXITED | AITER | ANEXT => self.handling(|| self.try_to_act(outcome)),
            _ => self.try_to_act(outcome),
        };
        match acted {
            Ok(then) => then,
            Err(raised) => self.raise(outcome, raised),
        }
    }

    /// Fails with what is raised in the line where the body is.
    fn try_to_act(&self, outcome: Outcome) -> Result<Then> {
        self.check(outcome)?;
        let head = self.head;
        match outcome.what() {
            RAISE => return Err(Raised::pending()),
            RERAISE => return Ok(self.reraise(outcome)),
            END => return Ok(Then::Act(Action::Return(Owned::none()))),
            LEAVE => return Ok(self.leave(outcome)),
            EXITED => return self.exited(outcome),
            JUMP => {
                self.jump(outcome);
                return Ok(Then::Again);
            }
            ENTER => head.make_room(self.awaitable.state(), outcome.own() + 1)?,
            AITER => iteration::begin(self, outcome)?,
            ANEXT => return iteration::next(self, outcome),
            DROP => {
                head.clear(outcome.own());
            }
            AENTER => return self.enter(outcome).map(Then::Act),
            AEXIT => return self.exit(outcome).map(Then::Act),
            AWAIT => return self.value().map(|value| Then::Act(Action::Await(value))),
            PARK => return park::park(self.awaitable).map(Then::Act),
            SUSPEND => return self.value().map(|value| Then::Act(Action::Yield(value))),
            RETURN => return self.value().map(|value| self.finish(outcome, value)),
            YIELD if self.awaitable.is_generator() => {
                return self.value().map(|value| Then::Act(Action::Item(value)));
            }
            YIELD => return Err(self.fault(c"YIELD in a body that is no generator")),
            _ => {
                return Err(
                    self.fault(c"an outcome that this version of PyAwaitable does not know")
                );
            }
        }
        head.how.set(OK);
        Ok(Then::Again)
    }

    /// Refuses an exception where none may be set, and blocks that were left without a word.
    fn check(&self, outcome: Outcome) -> Result<()> {
        if let LOST | STRAY = outcome.what() {
            // What it was inside of, and how it was to go on, does not matter any more.
            return Err(self.fault_instead(astray(self.head.label.get())));
        }
        let may_raise = match outcome.what() {
            RAISE if exception::pending().is_none() => {
                return Err(self.fault(c"RAISE without an exception set"));
            }
            RAISE => true,
            AWAIT | SUSPEND | YIELD | RETURN | AENTER | AITER => self.head.value.get().is_none(),
            _ => false,
        };
        if let (false, Some(raised)) = (may_raise, exception::pending()) {
            let raised = exception::drop_preserving(self.head.value.take(), raised);
            return Err(exception::with_cause(
                raised,
                |text| self.fault(text),
                c"it went on with an exception set",
            ));
        }
        if self.is_astray(outcome) {
            let text = c"a TRY, ASYNC_WITH or ASYNC_FOR was left by `break`, `continue` or `goto`";
            // An expression may have failed besides.
            let before = exception::pending().map(exception::take);
            self.head.clear(outcome.level());
            before.map(exception::raise);
            return Err(self.fault_instead(text));
        }
        Ok(())
    }

    /// The same as `fault`, with the exception that is set, if one is, as its cause.
    #[cold]
    fn fault_instead(&self, text: &CStr) -> Raised {
        match exception::pending() {
            Some(raised) => exception::with_cause(raised, |text| self.fault(text), text),
            None => self.fault(text),
        }
    }

    /// What the body has handed over.
    pub fn value(&self) -> Result<Owned> {
        match self.head.value.take() {
            Some(value) => Ok(value),
            None => Err(match exception::pending() {
                Some(raised) => raised,
                None => self.fault(c"an expression was NULL without an exception set"),
            }),
        }
    }

    /// A `SystemError` that says what is wrong with the body, and where.
    #[cold]
    pub fn fault(&self, text: &CStr) -> Raised {
        fault(self.head, text)
    }

    /// Raises what has arrived where the body is suspended, which it need not be called for.
    #[inline(never)]
    fn raise_there(&self) -> Then {
        self.head.how.set(OK);
        self.raise(self.head.left.get(), Raised::pending())
    }

    /// Raises in the line where the body is.
    #[cold]
    pub fn raise(&self, outcome: Outcome, raised: Raised) -> Then {
        let raised = add_line(self.awaitable, self.head, raised);
        self.unwind(outcome, raised)
    }
}

/// The line of the last word that it came to.
fn line(head: &Head) -> c_int {
    let label = head.label.get();
    // A `continue` outside of any loop has made the label negative.
    (if label < 0 { !label } else { label }) >> 3
}

/// As [`Running::fault`].
#[cold]
fn fault(head: &Head, text: &CStr) -> Raised {
    let definition = head.definition;
    let or = |text: *const c_char, other: &CStr| if text.is_null() { other.as_ptr() } else { text };
    // SAFETY: three C strings and a number, one for each place in the format.
    unsafe {
        let text = ffi::PyUnicode_FromFormat(
            c"body '%s', line %d of %s: %s".as_ptr(),
            or(definition.name, c"?"),
            line(head),
            or(definition.file, c"?"),
            text.as_ptr(),
        );
        Raised::with_text(ffi::PyExc_SystemError, text)
    }
}

/// The same, raised in that line, of a body that has ended.
pub(super) fn fault_there(awaitable: &Awaitable, head: &Head, text: &CStr) -> Raised {
    add_line(awaitable, head, fault(head, text))
}

/// Adds the line where the body is to the traceback of the exception that is set.
fn add_line(awaitable: &Awaitable, head: &Head, raised: Raised) -> Raised {
    let definition = head.definition;
    let has_names = !definition.file.is_null() && !definition.name.is_null();
    if !has_names {
        return raised;
    }
    let line = Line {
        file: definition.file,
        function: definition.name,
        number: line(head),
    };
    awaitable.state().lines.add(line, raised)
}

/// What is wrong with a body that has come to no label of its own.
fn astray(label: i32) -> &'static CStr {
    if label < 0 {
        c"a `continue` outside of any loop, after this line"
    } else {
        c"it cannot go on here: an AWAIT inside a `switch`, or a `break` outside of any loop"
    }
}
