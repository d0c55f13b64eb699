//! New awaitables driven by a body: for this crate's companions and tests, not part of the C API yet.

use crate::object::awaitable::Awaitable;
use crate::object::current::current;
pub use crate::python::raised::{Kind, Raised};
pub use crate::python::reference::{Borrowed, Owned};
pub use crate::python::thread::Thread;
pub use crate::store::body::{Action, Body, Event, Functions};
pub use crate::store::maker::{Definition, Maker};
use crate::types::awaitable_type::DEFINITIONS;

/// A new awaitable driven by `body`, named after its maker. Nothing runs before the first step. On failure an exception is set,
/// and the caller still owns the frame.
pub fn new(body: Body, maker: Maker) -> Result<Owned, Raised> {
    let thread = Thread::current();
    let created = Awaitable::create(thread, current(&thread, &DEFINITIONS)?)?;
    // SAFETY: made above.
    let awaitable = unsafe { &*created.as_ptr().cast::<Awaitable>() };
    awaitable.with(|store| store.set_body(body));
    awaitable.set_maker(maker);
    Ok(created)
}

/// Names an awaitable of this library after its maker; false for any other object.
pub fn set_maker(object: Borrowed<'_>, maker: Maker) -> bool {
    let awaitable = Awaitable::from_object(object);
    awaitable.is_some_and(|awaitable| {
        awaitable.set_maker(maker);
        true
    })
}
