//! A body as a table of functions over a frame of any layout, which [`Body`](super::Body) is made of. For code that keeps the
//! frame in memory of its own.

use crate::object::awaitable::Awaitable;
use crate::object::current::current;
use crate::python::raised::Result;
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
pub use crate::store::body::{Body, Functions};
use crate::store::maker::Maker;
use crate::types::awaitable_type::DEFINITIONS;

/// A new awaitable driven by `body`, named after its maker. Nothing runs before the first step. On failure an exception is set,
/// and the caller still owns the frame.
///
/// # Safety
/// The thread is attached. The functions keep what [`Functions`] says of each, and the frame is as they expect it, until the
/// last of them has been called.
pub unsafe fn new(body: Body, maker: Maker) -> Result<Owned> {
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
