//! `async with`, over the object: entering and leaving a block.

use crate::awaitable::Awaitable;
use crate::exception;
use crate::ffi::{self, PyObject};
use crate::inner;
use crate::raised::{Raised, Result};
use crate::reference::Owned;
use crate::special::Special;

/// Fails with `TypeError` unless the type of `context` has both methods.
pub fn check_context(awaitable: &Awaitable, context: *mut PyObject) -> Result<()> {
    let names = &awaitable.state().names;
    for name in [&names.aenter, &names.aexit] {
        // SAFETY: a live object and a str; the reference found is released at once.
        let found =
            unsafe { Owned::optional(ffi::type_lookup(ffi::Py_TYPE(context), name.as_ptr())) };
        if found.is_none() {
            return Err(no_context_manager(context));
        }
    }
    Ok(())
}

fn no_context_manager(context: *mut PyObject) -> Raised {
    Raised::for_type_of(
        c"'%.100s' object does not support the asynchronous context manager protocol",
        context,
    )
}

fn special_method(context: &Owned, name: &Owned) -> Result<Special> {
    Special::find(context, name)?.ok_or_else(|| no_context_manager(context.as_ptr()))
}

/// Begins the `async with` of the innermost block, whose `__aenter__` is in progress.
pub fn enter(awaitable: &Awaitable, context: Owned) -> Result<()> {
    let names = &awaitable.state().names;
    let method = special_method(&context, &names.aenter)?;
    let exit = special_method(&context, &names.aexit)?;
    let replaced = awaitable.with(|store| store.set_exit(exit));
    drop(replaced);
    let iterator = inner::start(
        method.call()?,
        c"'async with' received an object from __aenter__ that does not implement __await__: %.100s",
    )?;
    awaitable.with(|store| store.drive(iterator));
    Ok(())
}

/// Leaves the innermost block: its `__aexit__` is in progress from here on, even where this fails. `exception` is what
/// ended the block, if anything did.
pub fn leave(awaitable: &Awaitable, exception: Option<Owned>) -> Result<()> {
    let (exit, left) = awaitable.with(|store| store.close_block(exception));
    drop(left);
    let Some(exit) = exit else {
        return Err(Raised::pending());
    };
    let iterator = handling_block(awaitable, |exception| {
        let (kind, value, traceback) = match exception {
            // SAFETY: a live object; its type lives as long, and a traceback comes with a reference of its own.
            Some(exception) => unsafe {
                (
                    Owned::share(ffi::Py_TYPE(exception.as_ptr()).cast()),
                    Owned::share(exception.as_ptr()),
                    Owned::optional(ffi::PyException_GetTraceback(exception.as_ptr()))
                        .unwrap_or_else(Owned::none),
                )
            },
            None => (Owned::none(), Owned::none(), Owned::none()),
        };
        inner::start(
            exit.call_with_three(&kind, &value, &traceback)?,
            c"'async with' received an object from __aexit__ that does not implement __await__: %.100s",
        )
    })?;
    awaitable.with(|store| store.drive(iterator));
    Ok(())
}

/// Runs `body` with the innermost block's exception, if it has one, as the one being handled.
pub fn handling_block<R>(awaitable: &Awaitable, body: impl FnOnce(Option<&Owned>) -> R) -> R {
    let exception = awaitable.with(|store| {
        store
            .block_exception()
            // SAFETY: borrowed from the block, which is there while the lock is held.
            .map(|exception| unsafe { Owned::share(exception) })
    });
    match exception {
        Some(exception) => exception::handling(&exception, || body(Some(&exception))),
        None => body(None),
    }
}
