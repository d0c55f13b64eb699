//! New awaitables that a body drives: for this crate's companions and tests, not part of the C API yet.

use crate::object::awaitable::Awaitable;
use crate::object::state;
pub use crate::python::raised::{Kind, Raised};
pub use crate::python::reference::Owned;
use crate::python::thread::Thread;
pub use crate::store::body::{Action, Body, Event, Functions};
use crate::types::awaitable_type::DEFINITIONS;

/// A new awaitable that `body` drives. Nothing runs before the first step. On failure an exception is set, and the frame is
/// still the caller's.
pub fn new(body: Body) -> Result<Owned, Raised> {
    let thread = Thread::current();
    let created = Awaitable::create(thread, state::current(&thread, &DEFINITIONS)?)?;
    // SAFETY: made above.
    let awaitable = unsafe { &*created.as_ptr().cast::<Awaitable>() };
    awaitable.with(|store| store.set_body(body));
    Ok(created)
}
