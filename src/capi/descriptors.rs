//! Waiting for descriptors.

use crate::object::current::current;
use crate::object::state::State;
use crate::outside::descriptor::{self, Descriptor as PyAwaitable_Descriptor};
use crate::outside::loops::watch::Direction;
use crate::python::ffi::PyObject;
use crate::python::raised::{Result, status, to_c};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;
use core::ffi::c_int;

/// Creates an awaitable that waits until a read from a descriptor would not block, or would fail at once, and then returns None:
/// `add_reader` of asyncio's loops, `trio.lowlevel.wait_readable`. That begins at the first step. The descriptor stays the
/// caller's, and should not block: another thread may have read what there was.
///
/// The await fails with `OSError` (`EBADF`) if the descriptor is not open then, or as soon as it is said to be closing:
/// `PyAwaitable_NotifyClosing`. It fails with `RuntimeError` if another awaitable of this function's waits for it in the same event
/// loop, or none runs; with `NotImplementedError` if the loop does not watch descriptors, as Windows' proactor. A file that there
/// is no waiting for, such as a regular one, is ready at once, and the await does not suspend.
///
/// Returns a new reference, or NULL with an exception set: `MemoryError`.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_WaitReadable(
    descriptor: PyAwaitable_Descriptor,
) -> *mut PyObject {
    created(descriptor, Direction::Reading)
}

/// Creates an awaitable that waits until a write to a descriptor would not block, or would fail at once, and then returns None.
/// Otherwise as `PyAwaitable_WaitReadable`; one awaitable of each may wait for one descriptor.
///
/// Returns a new reference, or NULL with an exception set: `MemoryError`.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_WaitWritable(
    descriptor: PyAwaitable_Descriptor,
) -> *mut PyObject {
    created(descriptor, Direction::Writing)
}

/// Says that a descriptor is about to be closed: what waits for it in the event loop that runs fails with `OSError`. Call it in the
/// loop's thread, before closing what may be waited for, since an event loop does not notice that: the wait would not end. If
/// nothing waits for the descriptor, nothing happens.
///
/// Returns 0, or -1 with an exception set: `RuntimeError` if no event loop runs.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_NotifyClosing(descriptor: PyAwaitable_Descriptor) -> c_int {
    let thread = Thread::current();
    status(
        current(&thread, &DEFINITIONS)
            .and_then(|state| descriptor::notify_closing(state, descriptor as isize)),
    )
}

fn created(descriptor: PyAwaitable_Descriptor, direction: Direction) -> *mut PyObject {
    let create = |state: &State| descriptor::wait(state, descriptor as isize, direction);
    let thread = Thread::current();
    let made: Result<Owned> = current(&thread, &DEFINITIONS).and_then(create);
    to_c(made.map(Owned::into_ptr))
}
