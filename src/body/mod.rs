//! What drives an awaitable: its body. The queue of callbacks is the first kind. The engine tells a body what has happened, and
//! asks it what comes next.

pub mod asynchronous_iterator;
pub mod context_manager;
pub mod function;
pub mod queue;

use crate::inner;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::store::body::{Action, Body, Event};
use crate::store::queue::Activity;

/// A body that is resumed: one in C, which the engine is compiled for, or any other.
pub trait Resume: Copy {
    /// What has happened, told to the body.
    type Told;
    /// Tells it what has happened.
    fn tell(self, event: Event) -> Self::Told;
    /// As [`crate::store::body::Functions::resume`].
    fn resume(self, thread: Thread, awaitable: &Awaitable, told: Self::Told) -> Action;
    /// Whether an exception is being handled where the body awaits.
    fn is_handling(self) -> bool;
    /// Releases what the object gives up when it has finished.
    fn end(self, awaitable: &Awaitable);
}

impl Resume for Body {
    type Told = Event;

    fn tell(self, event: Event) -> Event {
        event
    }

    fn resume(self, thread: Thread, awaitable: &Awaitable, event: Event) -> Action {
        let kept = awaitable.borrow().to_owned();
        // SAFETY: the body's own function, for its own frame, which lives for as long as the object.
        unsafe { (self.functions.resume)(thread, kept.as_ptr(), self.frame, event) }
    }

    fn is_handling(self) -> bool {
        // SAFETY: as above.
        !unsafe { (self.functions.handled)(self.frame) }.is_null()
    }

    fn end(self, awaitable: &Awaitable) {
        awaitable.release();
    }
}

/// What `await object` drives: an awaitable of this library drives itself.
#[inline]
pub fn start(object: Owned) -> Result<Owned> {
    match Awaitable::from_object(object.borrow()) {
        Some(awaitable) => awaitable.check_unawaited().map(|()| object),
        None => inner::start(object, inner::NOT_AWAITABLE),
    }
}

/// As [`start`], where the body may handle an exception: an `__await__` sees that, and what fails has it as its context.
#[inline]
pub fn start_within(awaitable: &Awaitable, object: Owned) -> Result<Owned> {
    let is_ours = Awaitable::from_object(object.borrow()).is_some();
    if is_ours || inner::is_coroutine(object.borrow()) {
        start(object).map_err(|raised| chain_handled(awaitable, raised))
    } else {
        handling(awaitable, |_| start(object))
    }
}

/// Gives the exception that is set the one that is being handled where the body is as its context, if there is one.
#[cold]
pub fn chain_handled(awaitable: &Awaitable, raised: Raised) -> Raised {
    handling(awaitable, |exception| match exception {
        Some(_) => exception::chain_handled(raised),
        None => raised,
    })
}

/// The exception that is being handled where the body is: the block's, while its `__aexit__` is awaited, or that of an
/// `except` section. The engine makes it `sys.exc_info()` for what it drives.
pub fn handled(awaitable: &Awaitable) -> Option<Owned> {
    awaitable.with(|store| {
        let exception = match store.status.activity {
            Activity::Exiting => store.block_exception()?,
            _ => {
                let body = store.body()?;
                // SAFETY: the body's own function, for its own frame, which keeps what the function returns.
                unsafe { Borrowed::optional((body.functions.handled)(body.frame))? }
            }
        };
        Some(exception.to_owned())
    })
}

/// Runs `action` with the exception that is being handled where the body is, if there is one, as `sys.exc_info()`.
pub fn handling<R>(awaitable: &Awaitable, action: impl FnOnce(Option<&Owned>) -> R) -> R {
    match handled(awaitable) {
        Some(exception) => exception::handling(&exception, || action(Some(&exception))),
        None => action(None),
    }
}
