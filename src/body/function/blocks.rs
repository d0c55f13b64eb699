//! The blocks that a body is inside: how they begin and end, and where an exception goes.

use super::frame::Outcome;
use super::outcome::{
    BREAK, BREAKING, CAUGHT, CLEAN, CONTINUE, CONTINUING, NORMAL, OK, RAISING, RETURNING,
};
use super::resume::{Running, Then};
use crate::body::context_manager;
use crate::python::exception;
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::special_method::Special;
use crate::store::body::Action;
use core::ffi::CStr;

const NOT_IN_IT: &CStr = c"the end of a block that it was not in";

impl Running<'_> {
    /// To the handler with an exception; out of the body if there is none.
    pub(super) fn unwind(&self, outcome: Outcome, raised: Raised) -> Then {
        if !self.has_handler(outcome) {
            return Then::Act(Action::Raise(raised));
        }
        self.to_handler(outcome, RAISING, Some(exception::take(raised)));
        Then::Again
    }

    /// Whether there is a handler. Its block has been entered, unless the outcome is nonsense; then there is none.
    fn has_handler(&self, outcome: Outcome) -> bool {
        let level = outcome.handler_level();
        outcome.handler != 0 && (1..=self.head.blocks().len()).contains(&level)
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
    pub(super) fn finish(&self, outcome: Outcome, value: Owned) -> Then {
        if !self.has_handler(outcome) {
            return Then::Act(Action::Return(value));
        }
        self.to_handler(outcome, RETURNING, Some(value));
        Then::Again
    }

    pub(super) fn reraise(&self, outcome: Outcome) -> Then {
        let block = self.head.blocks().get(outcome.own());
        match block.and_then(|block| block.pending.get()) {
            Some(exception) => self.unwind(outcome, exception::raise(exception.to_owned())),
            None => self.raise(outcome, self.fault(c"RERAISE without an exception")),
        }
    }

    /// The end of a block: what is pending in it goes on.
    pub(super) fn leave(&self, outcome: Outcome) -> Then {
        let Some(block) = self.head.blocks().get(outcome.own()) else {
            return self.raise(outcome, self.fault(NOT_IN_IT));
        };
        let state = block.state.replace(CLEAN);
        let pending = block.pending.take();
        self.head.close(outcome.own());
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
                self.raise(outcome, self.fault(NOT_IN_IT))
            }
        }
    }

    fn go_on(&self, how: u8) -> Then {
        self.head.how.set(how);
        Then::Again
    }

    /// BREAK or CONTINUE: to the handler, if there is one within the loop; otherwise the body goes on where it is.
    pub(super) fn jump(&self, outcome: Outcome) {
        let how = self.head.how.get();
        if outcome.handler != 0 && outcome.handler_level() > outcome.own() {
            let state = if how == BREAK { BREAKING } else { CONTINUING };
            self.to_handler(outcome, state, None);
        } else {
            self.head.clear(outcome.own());
        }
    }

    pub(super) fn enter(&self, outcome: Outcome) -> Result<Action> {
        let context = self.value()?;
        let state = self.awaitable.state();
        self.head.make_room(state, outcome.own() + 1)?;
        let methods = context_manager::methods(&state.names, &context)?;
        drop(context);
        let iterator = context_manager::enter(&methods.enter)?;
        if let Some(block) = self.head.open(outcome.own()) {
            block.manager.set(methods.exit.function);
            if let Some(receiver) = methods.exit.receiver {
                block.receiver.set(receiver);
            }
        }
        Ok(Action::Drive(iterator))
    }

    pub(super) fn exit(&self, outcome: Outcome) -> Result<Action> {
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
    pub(super) fn exited(&self, outcome: Outcome) -> Result<Then> {
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
