//! `async with`: entering a block, exiting it, and the outcome.

use super::callbacks::{Called, check, handle, invoke};
use super::{fail, release_driven};
use crate::body::{context_manager, handling};
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::raised::{Raised, Result};
use crate::python::reference::Owned;
use core::ffi::c_void;

/// Enters a block: its `__aenter__` is in progress from now on.
pub fn enter(awaitable: &Awaitable, context: Owned) -> Result<()> {
    match call_enter(awaitable, context) {
        Ok(()) => Ok(()),
        Err(raised) => fail(awaitable, raised),
    }
}

/// `__aenter__` has ended.
#[cold]
pub fn settle_enter(awaitable: &Awaitable, result: Result<Owned>) -> Result<()> {
    let value = match result {
        Ok(value) => value,
        Err(raised) => {
            let raised = release_driven(awaitable, raised);
            awaitable.with(|store| store.end());
            let Some(left) = awaitable.with(|store| store.pop_block()) else {
                return Err(raised);
            };
            let error = left.error;
            return handle(awaitable, error, exception::drop_preserving(left, raised));
        }
    };
    drop(awaitable.with(|store| store.take_driven()));
    let (callback, error) = awaitable.with(|store| {
        store.end();
        store.open_block()
    });
    let Some(callback) = callback else {
        return Ok(());
    };
    let (code, kept) = invoke(awaitable, callback, &value);
    let raised = exception::pending();
    let called = Called::new(awaitable, c"callback", callback as *const c_void, code);
    let failed = match check(&called, raised, value) {
        Ok(()) => return Ok(()),
        Err(failed) => failed,
    };
    drop(kept);
    // Even if the callback has cancelled, its own failure still has to go somewhere.
    awaitable.with(|store| store.fail_block(error, !failed.to_error));
    Err(failed.raised)
}

/// `__aexit__` has ended.
#[cold]
pub fn settle_exit(awaitable: &Awaitable, result: Result<Owned>) -> Result<()> {
    // The value's truth test may be Python code, which still runs inside the `async with`.
    let suppressed = handling(awaitable, |exception| match result {
        Ok(value) if exception.is_some() => context_manager::is_true(value.borrow()),
        Ok(_) => Ok(true),
        Err(raised) => Err(raised),
    });
    let suppressed = match suppressed {
        Ok(suppressed) => {
            drop(awaitable.with(|store| store.take_driven()));
            Ok(suppressed)
        }
        Err(raised) => Err(release_driven(awaitable, raised)),
    };
    let left = awaitable.with(|store| {
        store.end();
        store.pop_block()
    });
    match suppressed {
        Ok(true) => Ok(()),
        Ok(false) => {
            let Some(mut left) = left else {
                return Ok(());
            };
            let Some(exception) = left.exception.take() else {
                return Ok(());
            };
            let (error, past_error) = (left.error, left.past_error);
            drop(left);
            let raised = exception::raise(exception);
            if past_error {
                Err(raised)
            } else {
                handle(awaitable, error, raised)
            }
        }
        Err(raised) => {
            let error = left.as_ref().and_then(|left| left.error);
            handle(awaitable, error, exception::drop_preserving(left, raised))
        }
    }
}

/// Exits the innermost block.
pub fn leave(awaitable: &Awaitable, exception: Option<Owned>) -> Result<()> {
    match call_exit(awaitable, exception) {
        Ok(()) => Ok(()),
        Err(raised) => fail(awaitable, raised),
    }
}

/// Begins the `async with` of the innermost block, whose `__aenter__` is in progress.
fn call_enter(awaitable: &Awaitable, context: Owned) -> Result<()> {
    let methods = context_manager::methods(&awaitable.state().names, &context)?;
    let replaced = awaitable.with(|store| store.set_exit(methods.exit));
    drop(replaced);
    let iterator = context_manager::enter(&methods.enter)?;
    awaitable.with(|store| store.drive(iterator));
    Ok(())
}

/// Exits the innermost block: its `__aexit__` is in progress from here on, even if this fails. `exception` is what ended the
/// block, if one did.
fn call_exit(awaitable: &Awaitable, exception: Option<Owned>) -> Result<()> {
    let (exit, left) = awaitable.with(|store| store.close_block(exception));
    drop(left);
    let Some(exit) = exit else {
        return Err(Raised::pending());
    };
    let iterator = handling(awaitable, |exception| {
        context_manager::exit(&exit, exception.map(Owned::borrow))
    })?;
    awaitable.with(|store| store.drive(iterator));
    Ok(())
}
