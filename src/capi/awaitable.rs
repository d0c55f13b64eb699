//! Initialization, the type, new awaitables, their result, and cancelling what is queued.

use super::callbacks::PyAwaitable_Cleanup;
use super::checked;
use crate::base::rules::Phase;
use crate::object::awaitable::Awaitable;
use crate::object::current::current;
use crate::python::ffi::{PyObject, PyTypeObject};
use crate::python::raised::{Kind, Raised, Result, status, to_c};
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::store::cleanup::Cleanup;
use crate::types::awaitable_type::DEFINITIONS;
use core::ffi::{c_int, c_void};

/// Makes the API usable in the current interpreter. May be called any number of times, in any file of an extension.
///
/// If no file has called it, the first use of the API does. In the default mode it imports the runtime, the module
/// `_pyawaitable`.
///
/// Returns 0, or -1 with an exception set: `ImportError` if the runtime is missing or too old, `RuntimeError` if Python is
/// shutting down and it is too late for a first use. The calling thread must be attached to an interpreter, as for every
/// function of this API.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Init() -> c_int {
    status(current(&Thread::current(), &DEFINITIONS).map(drop))
}

/// The type of awaitables in the current interpreter.
///
/// Returns a borrowed reference, or NULL with an exception set if the API cannot be initialized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_GetType() -> *mut PyTypeObject {
    to_c(awaitable_type())
}

/// The type, borrowed from the interpreter's state.
pub fn awaitable_type() -> Result<*mut PyTypeObject> {
    let thread = Thread::current();
    let found = current(&thread, &DEFINITIONS)?.awaitable_type.get();
    found.map_or_else(|| Err(Raised::pending()), |found| Ok(found.as_ptr()))
}

/// Creates a new, empty awaitable. A C function that implements an `async def` adds its awaits to it and returns it.
///
/// Returns a new reference, or NULL with an exception set: `MemoryError`, or what initialization raised. An awaitable that is
/// released without ever having been awaited gives a `ResourceWarning`, unless `PyAwaitable_Cancel` was called or an exception
/// is set: C code that fails just releases it and returns NULL.
///
/// Its attributes `__name__` and `__qualname__` are "PyAwaitable", and can be set to another str with `PyObject_SetAttrString`.
/// Its repr, the warning, `SystemError`s from its callbacks and event loops use that name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_New() -> *mut PyObject {
    let thread = Thread::current();
    to_c(
        current(&thread, &DEFINITIONS)
            .and_then(|state| Awaitable::create(thread, state))
            .map(Owned::into_ptr),
    )
}

/// Sets what `await awaitable` evaluates to, replacing None or an earlier result.
///
/// `result` may be any object; the awaitable takes its own reference.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `result` is NULL, `RuntimeError` if the awaitable has
/// finished.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SetResult(
    awaitable: *mut PyObject,
    result: *mut PyObject,
) -> c_int {
    // SAFETY: the caller passes live objects or NULL.
    status(unsafe { set_result(awaitable, result) })
}

unsafe fn set_result(awaitable: *mut PyObject, result: *mut PyObject) -> Result<()> {
    // SAFETY: the caller passes live objects or NULL.
    let (awaitable, result) = unsafe { (checked(awaitable)?, Borrowed::optional(result)) };
    let Some(result) = result else {
        return Err(Raised::new(
            Kind::ValueError,
            c"NULL passed to PyAwaitable_SetResult() as the result",
        ));
    };
    let replaced = awaitable.with_queue(|store| store.set_result(result.to_owned()));
    match replaced {
        // What was set before is released here.
        Some(_) => Ok(()),
        None => Err(awaitable.no_queue(c"cannot set the result of an awaitable that has finished")),
    }
}

/// Drops what is queued. Saved values and the result stay, and more may be added. The awaitable then gives no warning if it is
/// never awaited.
///
/// An await in progress is left to finish, since an event loop waits for it: its callbacks are not called, its value is
/// dropped, its exception propagates. `async with` blocks that were entered are exited as usual. If a callback calls this and
/// returns -1, the error callback of the same await still gets the exception.
///
/// Returns nothing. If `awaitable` is NULL or of another type, or if initialization fails, an exception is set: check
/// `PyErr_Occurred()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Cancel(awaitable: *mut PyObject) {
    // SAFETY: the caller passes a live object or NULL.
    if let Ok(this) = unsafe { checked(awaitable) } {
        if this.with(|store| store.body().is_some()) {
            cancel_body(this);
            return;
        }
        // What is released may have held its last reference.
        let kept = this.borrow().to_owned();
        drop(this.with(|store| store.cancel()));
        while let Some(dropped) = this.with(|store| store.dropped()) {
            drop(dropped);
        }
        drop(kept);
    }
}

/// A body that is not a queue is left alone: before the first step, only the warning is turned off.
#[cold]
fn cancel_body(awaitable: &Awaitable) {
    if awaitable.phase() == Phase::Created {
        awaitable.with(|store| store.status.note_cancelled());
    } else {
        let _ = awaitable.no_queue(c"");
    }
}

/// Has `cleanup(data)` called when the awaitable finishes or is destroyed, whichever comes first: exactly once, on every path, even
/// if the awaitable is never awaited. The function added last is called first, and all of them before saved objects and parsed
/// arguments are released.
///
/// `data` may be anything, NULL included; the library never reads it. It may be the awaitable, without a reference: that is alive
/// while its clean-ups run, and may be passed on.
///
/// Returns 0, or -1 with an exception set, and then `cleanup` is not called: `ValueError` if `cleanup` is NULL, `RuntimeError` if
/// the awaitable has finished, `MemoryError`.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AddCleanup(
    awaitable: *mut PyObject,
    cleanup: PyAwaitable_Cleanup,
    data: *mut c_void,
) -> c_int {
    // SAFETY: the caller passes a live object or NULL.
    let awaitable = unsafe { checked(awaitable) };
    status(awaitable.and_then(|awaitable| add_cleanup(awaitable, cleanup, data)))
}

fn add_cleanup(
    awaitable: &Awaitable,
    cleanup: PyAwaitable_Cleanup,
    data: *mut c_void,
) -> Result<()> {
    let Some(function) = cleanup else {
        return Err(Raised::new(
            Kind::ValueError,
            c"NULL passed to PyAwaitable_AddCleanup() as the function",
        ));
    };
    let added = awaitable.with(|store| {
        (awaitable.phase() != Phase::Finished)
            .then(|| store.add_cleanup(Cleanup { function, data }))
    });
    match added {
        Some(added) => Ok(added?),
        None => Err(Raised::new(
            Kind::RuntimeError,
            c"cannot add a clean-up to an awaitable that has finished",
        )),
    }
}
