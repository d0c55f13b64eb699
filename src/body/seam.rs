//! The seam for bodies that are not the queue of callbacks: what one is made of, and how an awaitable is given one.

use crate::object::awaitable::Awaitable;
pub use crate::python::raised::{Kind, Raised};
pub use crate::python::reference::Owned;
pub use crate::store::body::{Action, Body, Event, Functions};

/// Gives a new awaitable a body in the place of its queue, before anybody else has it.
pub fn give(awaitable: &Awaitable, body: Body) {
    awaitable.with(|store| store.set_body(body));
}
