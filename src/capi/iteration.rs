//! Asynchronous iteration.

use super::awaits::queue_by;
use super::callbacks::{PyAwaitable_Callback, PyAwaitable_Defer, PyAwaitable_Error};
use super::checked;
use crate::body::asynchronous_iterator;
use crate::python::ffi::PyObject;
use crate::python::raised::{Kind, Raised, status};
use crate::python::reference::Borrowed;
use crate::store::entry::Entry;
use core::ffi::c_int;

/// Queues an `async for`: `async for item in iterable: each(item)`, then `end()`.
///
/// The awaitable takes its own reference to `iterable`. Its `__aiter__` is called when its turn comes. From the call of `each`
/// on, what is added runs inside the loop, before the next item is asked for. `each` returns 0 to go on. Any positive number
/// leaves the loop as `break` does: what has been added inside still runs, the iterator is not closed, and `end` is not called.
/// A negative number leaves the loop at once. If `each` is NULL, the items are dropped.
///
/// `end` is called when the iterator is exhausted, as the `else` of the loop. What it adds runs after everything queued before
/// it. Its return value means what that of a `PyAwaitable_Callback` does. It may be NULL.
///
/// What `__aiter__` and `__anext__` raise goes to `error`, and so does what leaves the loop from inside: the exception of a
/// negative number from `each` or of what was added there. It bypasses `error` if `each` returned -2. `error` may be NULL.
/// `PyAwaitable_Cancel` ends the loop after the `__anext__` in progress, without a further call of `each` or `end`.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `iterable` is NULL, `TypeError` if its type lacks `__aiter__`,
/// `RuntimeError` if the awaitable has finished, `MemoryError`.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AsyncFor(
    awaitable: *mut PyObject,
    iterable: *mut PyObject,
    each: PyAwaitable_Callback,
    end: PyAwaitable_Defer,
    error: PyAwaitable_Error,
) -> c_int {
    // SAFETY: the caller passes live objects or NULL.
    let (this, iterable) = unsafe { (checked(awaitable), Borrowed::optional(iterable)) };
    status(this.and_then(|this| {
        let Some(iterable) = iterable else {
            return Err(Raised::new(
                Kind::ValueError,
                c"NULL passed to PyAwaitable_AsyncFor() as the iterable",
            ));
        };
        asynchronous_iterator::check(iterable)?;
        let entry = Entry::to_iterate(iterable.to_owned(), each, error);
        let end = Entry::to_end(end);
        queue_by(this, entry, |store| store.push_both(entry, end))
    }))
}
