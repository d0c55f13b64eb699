//! Adding to the queue.

use super::callbacks::{PyAwaitable_Callback, PyAwaitable_Defer, PyAwaitable_Error};
use super::checked;
use crate::base::buffer::NoMemory;
use crate::body::context_manager;
use crate::inner;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Kind, Raised, Result, status};
use crate::python::reference::{Borrowed, Owned};
use crate::store::Store;
use crate::store::entry::Entry;
use core::ffi::c_int;

/// Queues `object`, to be awaited when its turn comes: `callback(await object)`.
///
/// `object` may be anything that is legal after `await`; the awaitable takes its own reference. If `callback` is NULL, the
/// value is dropped. If `error` is NULL, an exception propagates.
///
/// It runs after everything queued before it. Inside an open `async with` block, it runs before the block is exited, and
/// inside an `async for`, before the next item is asked for.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `object` is NULL or `awaitable` itself, `TypeError` if it
/// cannot be awaited (only its type is checked), `RuntimeError` if the awaitable has finished, `MemoryError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AddAwait(
    awaitable: *mut PyObject,
    object: *mut PyObject,
    callback: PyAwaitable_Callback,
    error: PyAwaitable_Error,
) -> c_int {
    // SAFETY: the caller passes live objects or NULL.
    status(unsafe { add_await(awaitable, object, callback, error) })
}

unsafe fn add_await(
    awaitable: *mut PyObject,
    object: *mut PyObject,
    callback: PyAwaitable_Callback,
    error: PyAwaitable_Error,
) -> Result<()> {
    // SAFETY: the caller passes live objects or NULL.
    let (this, object) = unsafe { (checked(awaitable)?, Borrowed::optional(object)) };
    let Some(object) = object else {
        return Err(Raised::new(
            Kind::ValueError,
            c"NULL passed to PyAwaitable_AddAwait() as the object to await",
        ));
    };
    if object.is(this.borrow()) {
        return Err(Raised::new(
            Kind::ValueError,
            c"an awaitable cannot await itself",
        ));
    }
    inner::check_awaitable(object)?;
    queue(this, Entry::to_await(object.to_owned(), callback, error))
}

/// Queues an entry, or releases it.
fn queue(awaitable: &Awaitable, entry: Entry) -> Result<()> {
    queue_by(awaitable, entry, |store| store.push(entry))
}

/// Queues an entry by `push`, or releases it.
#[inline(always)]
pub(super) fn queue_by(
    awaitable: &Awaitable,
    entry: Entry,
    push: impl FnOnce(&mut Store<'_>) -> core::result::Result<(), NoMemory>,
) -> Result<()> {
    let pushed = match awaitable.with_queue(push) {
        Some(pushed) => pushed.map_err(Raised::from),
        None => Err(awaitable.no_queue(c"cannot add to an awaitable that has finished")),
    };
    if pushed.is_err() {
        // SAFETY: it is in no queue.
        unsafe { entry.release() };
    }
    pushed
}

/// Like `PyAwaitable_AddAwait`, with an expression that creates the object: its reference is stolen, on failure too.
///
/// `expr` may be NULL with an exception set, as returned by a call that failed: then this returns -1 and leaves that exception
/// alone. It never reaches `error`, since nothing was added: the expression is evaluated when this is called, not within the
/// `await`.
///
/// Returns 0, or -1 with an exception set, like `PyAwaitable_AddAwait`.
/// cbindgen:steals=expr
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AddExpr(
    awaitable: *mut PyObject,
    expr: *mut PyObject,
    callback: PyAwaitable_Callback,
    error: PyAwaitable_Error,
) -> c_int {
    // SAFETY: the caller gives its reference away, if there is one.
    let Some(expr) = (unsafe { Owned::optional(expr) }) else {
        return -1;
    };
    // SAFETY: the caller passes a live object or NULL; `expr` lives until the end.
    status(unsafe { add_await(awaitable, expr.as_ptr(), callback, error) })
}

/// Calls `function` at once, with arguments built as by `Py_BuildValue`, and queues what it returns, as `PyAwaitable_AddAwait`
/// does. What the call raises goes to the caller, and never reaches `error`.
///
/// `format` says how the remaining arguments are converted; NULL or "" is a call without arguments. `PY_SSIZE_T_CLEAN` matters,
/// as for `Py_BuildValue`.
///
/// Returns 0, or -1 with an exception set: what `Py_BuildValue` or the call raised, `ValueError` if `function` is NULL, or what
/// `PyAwaitable_AddAwait` raises. An argument that is NULL because an exception is set fails with that exception, as in
/// `Py_BuildValue`.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AwaitFunction(
    awaitable: *mut PyObject,
    function: *mut PyObject,
    format: *const c_char,
    callback: PyAwaitable_Callback,
    error: PyAwaitable_Error,
    _: ...
) -> c_int {
}

/// Queues an `async with`: `async with context as value: callback(value)`.
///
/// The awaitable takes its own reference to `context`. If `callback` is NULL, the block is empty. From the call of `callback`
/// on, while the block is open, what is added runs inside it. `__aexit__` is awaited exactly once, whatever ends the block: a
/// negative return from `callback`, an await inside it, a cancellation. If it does not suppress the exception, that goes to
/// `error`, or bypasses it if `callback` returned -2. Exceptions from `__aenter__` and `__aexit__` also go to `error`, which
/// may be NULL.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `context` is NULL, `TypeError` if its type lacks `__aenter__`
/// or `__aexit__`, `RuntimeError` if the awaitable has finished, `MemoryError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AsyncWith(
    awaitable: *mut PyObject,
    context: *mut PyObject,
    callback: PyAwaitable_Callback,
    error: PyAwaitable_Error,
) -> c_int {
    // SAFETY: the caller passes live objects or NULL.
    let (this, context) = unsafe { (checked(awaitable), Borrowed::optional(context)) };
    status(this.and_then(|this| {
        let Some(context) = context else {
            return Err(Raised::new(
                Kind::ValueError,
                c"NULL passed to PyAwaitable_AsyncWith() as the context manager",
            ));
        };
        // The lookup must not run with an exception set.
        exception::preserving(|| context_manager::check(&this.state().names, context))?;
        queue(this, Entry::to_enter(context.to_owned(), callback, error))
    }))
}

/// Queues a callback without an await.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `callback` is NULL, `RuntimeError` if the awaitable has
/// finished, `MemoryError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_DeferAwait(
    awaitable: *mut PyObject,
    callback: PyAwaitable_Defer,
) -> c_int {
    // SAFETY: the caller passes a live object or NULL.
    status(
        unsafe { checked(awaitable) }.and_then(|this| match callback {
            Some(callback) => queue(this, Entry::to_defer(callback)),
            None => Err(Raised::new(
                Kind::ValueError,
                c"NULL passed to PyAwaitable_DeferAwait() as the callback",
            )),
        }),
    )
}

/// Calls `function` at once, and queues what it returns, as `PyAwaitable_AddAwait` does. What the call raises goes to the
/// caller, and never reaches `error`.
///
/// `arguments` is a tuple, or NULL with an exception set, which stays; its reference is stolen, on failure too.
/// `PyAwaitable_AwaitFunction` builds it from a format.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `function` is NULL, what the call raised, or what
/// `PyAwaitable_AddAwait` raises.
/// cbindgen:steals=arguments
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AwaitCall(
    awaitable: *mut PyObject,
    function: *mut PyObject,
    arguments: *mut PyObject,
    callback: PyAwaitable_Callback,
    error: PyAwaitable_Error,
) -> c_int {
    // SAFETY: the caller gives its reference away, if there is one.
    let Some(arguments) = (unsafe { Owned::optional(arguments) }) else {
        return -1;
    };
    // SAFETY: the caller passes live objects or NULL.
    status(unsafe { await_call(awaitable, function, arguments, callback, error) })
}

unsafe fn await_call(
    awaitable: *mut PyObject,
    function: *mut PyObject,
    arguments: Owned,
    callback: PyAwaitable_Callback,
    error: PyAwaitable_Error,
) -> Result<()> {
    // SAFETY: the caller passes live objects or NULL.
    unsafe { checked(awaitable) }?;
    if function.is_null() {
        return Err(Raised::new(
            Kind::ValueError,
            c"NULL passed as the function to call",
        ));
    }
    // An exception that was set before must not interfere with the call.
    exception::preserving(|| {
        // SAFETY: live objects, no exception set; `object` lives until the end.
        unsafe {
            let object = Owned::new(ffi::PyObject_Call(
                function,
                arguments.as_ptr(),
                core::ptr::null_mut(),
            ))?;
            add_await(awaitable, object.as_ptr(), callback, error)
        }
    })
}
