//! Resumes a body in C, and does what it asks for.

use super::frame::{self, Head, Outcome};
use super::outcome::{
    AENTER, AEXIT, AITER, ANEXT, AWAIT, BREAK, BREAKING, CAUGHT, CLEAN, CONTINUE, CONTINUING, DROP,
    END, ENTER, EXITED, JUMP, LEAVE, LOST, NORMAL, OK, OPEN, RAISE, RAISING, RERAISE, RETURN,
    RETURNING, STRAY, SUSPEND, YIELD,
};
use super::{handled_in, iteration};
use crate::body::context_manager;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::special_method::Special;
use crate::python::thread::Thread;
use crate::python::traceback::Line;
use crate::store::body::{Action, Event};
use core::ffi::{CStr, c_char, c_void};

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

/// As [`crate::store::body::Functions::resume`] says.
pub(super) unsafe fn resume(
    thread: Thread,
    object: *mut PyObject,
    frame: *mut c_void,
    event: Event,
) -> Action {
    // SAFETY: an awaitable of ours, whose body is of this kind.
    let running = unsafe {
        Running {
            thread,
            awaitable: &*object.cast(),
            head: frame::head(frame),
        }
    };
    let head = running.head;
    match event {
        Event::Start => {}
        Event::Sent(value) | Event::Returned(value) => {
            head.value.set(value);
            head.how.set(OK);
        }
        Event::Raised(raised) => head.how.set(iteration::arrive(head, raised)),
    }
    let Some(body) = head.definition.body else {
        return Action::Raise(Raised::pending());
    };
    loop {
        let call = || {
            // SAFETY: the author's function for the author's frame, both of which live until it returns.
            unsafe { body(object, frame) }
        };
        let outcome = running.handling(call);
        if let Then::Act(action) = running.act(outcome) {
            return action;
        }
    }
}

impl Running<'_> {
    #[inline]
    fn act(&self, outcome: Outcome) -> Then {
        let is_clean = !self.thread.has_raised() && !self.is_astray(outcome);
        if let (true, AWAIT) = (is_clean, outcome.what()) {
            if let Some(value) = self.head.value.take() {
                return Then::Act(Action::Await(value));
            }
        }
        self.act_otherwise(outcome)
    }

    /// Whether control has left a block by a way that the library was not told of.
    #[inline]
    fn is_astray(&self, outcome: Outcome) -> bool {
        let blocks = self.head.blocks();
        // A loop that is left by `break` has its own block to give up, which is the next.
        let next = match outcome.what() {
            DROP => outcome.level() + 1,
            _ => outcome.level(),
        };
        let next = blocks.get(next);
        next.is_some_and(|block| block.state.get() != CLEAN)
    }

    /// Runs `action` with the exception that the body handles, if there is one, as `sys.exc_info()`.
    #[inline]
    fn handling<R>(&self, action: impl FnOnce() -> R) -> R {
        match handled_in(self.head).map(Borrowed::to_owned) {
            None => action(),
            Some(exception) => exception::handling(&exception, action),
        }
    }

    fn act_otherwise(&self, outcome: Outcome) -> Then {
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
            LOST | STRAY => return Err(self.fault(astray(head.label.get()))),
            ENTER => head.make_room(self.awaitable.state(), outcome.own() + 1)?,
            AITER => iteration::begin(self, outcome)?,
            ANEXT => return iteration::next(self, outcome),
            DROP => {
                head.clear(outcome.own());
            }
            AENTER => return self.enter(outcome).map(Then::Act),
            AEXIT => return self.exit(outcome).map(Then::Act),
            AWAIT => return self.value().map(|value| Then::Act(Action::Await(value))),
            SUSPEND => return self.value().map(|value| Then::Act(Action::Yield(value))),
            RETURN => return self.value().map(|value| self.finish(outcome, value)),
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
        let may_raise = match outcome.what() {
            RAISE => {
                return match exception::pending() {
                    Some(raised) => Err(raised),
                    None => Err(self.fault(c"RAISE without an exception set")),
                };
            }
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
            self.head.clear(outcome.level());
            return Err(self.fault(
                c"a TRY, ASYNC_WITH or ASYNC_FOR was left by `break`, `continue` or `goto`",
            ));
        }
        Ok(())
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
        let definition = self.head.definition;
        let or =
            |text: *const c_char, other: &CStr| if text.is_null() { other.as_ptr() } else { text };
        // SAFETY: three C strings and a number, one for each place in the format.
        unsafe {
            let text = ffi::PyUnicode_FromFormat(
                c"body '%s', line %d of %s: %s".as_ptr(),
                or(definition.name, c"?"),
                self.head.label.get() >> 3,
                or(definition.file, c"?"),
                text.as_ptr(),
            );
            Raised::with_text(ffi::PyExc_SystemError, text)
        }
    }

    /// Raises in the line where the body is.
    #[cold]
    pub fn raise(&self, outcome: Outcome, raised: Raised) -> Then {
        let definition = self.head.definition;
        let line = Line {
            file: definition.file,
            function: definition.name,
            number: self.head.label.get() >> 3,
        };
        let has_names = !line.file.is_null() && !line.function.is_null();
        let raised = if has_names {
            self.awaitable.state().lines.add(line, raised)
        } else {
            raised
        };
        self.unwind(outcome, raised)
    }

    /// To the handler with an exception; out of the body if there is none.
    fn unwind(&self, outcome: Outcome, raised: Raised) -> Then {
        if outcome.handler == 0 {
            return Then::Act(Action::Raise(raised));
        }
        self.to_handler(outcome, RAISING, Some(exception::take(raised)));
        Then::Again
    }

    /// To the handler, with what is pending.
    fn to_handler(&self, outcome: Outcome, state: i32, pending: Option<Owned>) {
        let head = self.head;
        let level = outcome.handler_level();
        head.clear(level);
        if let Some(block) = head.blocks().get(level.wrapping_sub(1)) {
            block.state.set(state);
            drop(block.pending.take());
            if let Some(pending) = pending {
                block.pending.set(pending);
            }
        }
        head.how.set(OK);
        head.label.set(outcome.handler);
    }

    /// `return`, by way of the handler if there is one.
    fn finish(&self, outcome: Outcome, value: Owned) -> Then {
        if outcome.handler == 0 {
            return Then::Act(Action::Return(value));
        }
        self.to_handler(outcome, RETURNING, Some(value));
        Then::Again
    }

    fn reraise(&self, outcome: Outcome) -> Then {
        let block = self.head.blocks().get(outcome.own());
        let raised = match block.and_then(|block| block.pending.get()) {
            Some(exception) => exception::raise(exception.to_owned()),
            None => Raised::pending(),
        };
        self.unwind(outcome, raised)
    }

    /// The end of a block: what is pending in it goes on.
    fn leave(&self, outcome: Outcome) -> Then {
        let Some(block) = self.head.blocks().get(outcome.own()) else {
            return self.raise(outcome, Raised::pending());
        };
        let state = block.state.replace(CLEAN);
        let pending = block.pending.take();
        self.head.how.set(OK);
        match (state, pending) {
            (RAISING, Some(exception)) => self.unwind(outcome, exception::raise(exception)),
            (RETURNING, Some(value)) => self.finish(outcome, value),
            (BREAKING, _) => self.go_on(BREAK),
            (CONTINUING, _) => self.go_on(CONTINUE),
            (NORMAL | CAUGHT, pending) => {
                drop(pending);
                Then::Again
            }
            (_, pending) => {
                drop(pending);
                let raised = self.fault(c"the end of a block that it was not in");
                self.raise(outcome, raised)
            }
        }
    }

    fn go_on(&self, how: u8) -> Then {
        self.head.how.set(how);
        Then::Again
    }

    /// BREAK or CONTINUE: to the handler, if there is one within the loop; otherwise the body goes on where it is.
    fn jump(&self, outcome: Outcome) {
        let how = self.head.how.get();
        if outcome.handler != 0 && outcome.handler_level() > outcome.own() {
            let state = if how == BREAK { BREAKING } else { CONTINUING };
            self.to_handler(outcome, state, None);
        } else {
            self.head.clear(outcome.own());
        }
    }

    fn enter(&self, outcome: Outcome) -> Result<Action> {
        let context = self.value()?;
        let state = self.awaitable.state();
        self.head.make_room(state, outcome.own() + 1)?;
        let methods = context_manager::methods(&state.names, &context)?;
        drop(context);
        let iterator = context_manager::enter(&methods.enter)?;
        if let Some(block) = self.head.blocks().get(outcome.own()) {
            block.manager.set(methods.exit.function);
            if let Some(receiver) = methods.exit.receiver {
                block.receiver.set(receiver);
            }
            block.state.set(OPEN);
        }
        Ok(Action::Drive(iterator))
    }

    fn exit(&self, outcome: Outcome) -> Result<Action> {
        let block = self.head.blocks().get(outcome.own());
        let Some((block, function)) = block.and_then(|block| Some((block, block.manager.take()?)))
        else {
            return Err(self.fault(c"the end of an ASYNC_WITH that it was not in"));
        };
        let exit = Special {
            function,
            receiver: block.receiver.take(),
        };
        let exception = block.pending.get().filter(|_| block.state.get() == RAISING);
        let exception = exception.map(Borrowed::to_owned);
        let exception = exception.as_ref().map(Owned::borrow);
        context_manager::exit(&exit, exception).map(Action::Drive)
    }

    /// `__aexit__` has returned, and something is pending.
    fn exited(&self, outcome: Outcome) -> Result<Then> {
        let value = self.value()?;
        let block = self.head.blocks().get(outcome.own());
        if let Some(block) = block.filter(|block| block.state.get() == RAISING) {
            if context_manager::is_true(value.borrow())? {
                block.state.set(CAUGHT);
            }
        }
        drop(value);
        Ok(self.leave(outcome))
    }
}

/// What is wrong with a body that has come to no label of its own.
fn astray(label: i32) -> &'static CStr {
    if label < 0 {
        c"`continue` outside of any loop"
    } else {
        c"it cannot go on here: an AWAIT inside a `switch`, or a `break` outside of any loop"
    }
}
