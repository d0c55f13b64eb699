//! New awaitables that a body drives: for this crate's companions and tests, not part of the C API yet.

use crate::body::seam;
pub use crate::body::seam::{Action, Body, Event, Functions, Kind, Owned, Raised};
use crate::object::awaitable::Awaitable;
use crate::object::state;
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;

/// A new awaitable that `body` drives. Nothing runs before the first step. On failure an exception is set, and the frame is
/// still the caller's.
pub fn new(body: Body) -> Result<Owned, Raised> {
    let thread = Thread::current();
    let created = Awaitable::create(thread, state::current(thread, &DEFINITIONS)?)?;
    // SAFETY: made above.
    seam::give(unsafe { &*created.as_ptr().cast::<Awaitable>() }, body);
    Ok(created)
}
