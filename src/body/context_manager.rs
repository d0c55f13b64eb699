//! Asynchronous context managers: what `async with` looks up and calls.

use crate::inner;
use crate::object::state::Names;
use crate::python::ffi;
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::special_method::Special;

/// The two methods of one.
pub struct Methods {
    pub enter: Special,
    pub exit: Special,
}

/// Fails with `TypeError` unless the type of `context` has both methods.
pub fn check(names: &Names, context: Borrowed<'_>) -> Result<()> {
    for name in [&names.aenter, &names.aexit] {
        // SAFETY: a live object and a str; the reference found is released at once.
        let found = unsafe { Owned::optional(ffi::type_lookup(context.r#type(), name.as_ptr())) };
        if found.is_none() {
            return Err(no_context_manager(context));
        }
    }
    Ok(())
}

/// Both methods, bound to `context`.
pub fn methods(names: &Names, context: &Owned) -> Result<Methods> {
    let find =
        |name| Special::find(context, name)?.ok_or_else(|| no_context_manager(context.borrow()));
    Ok(Methods {
        enter: find(&names.aenter)?,
        exit: find(&names.aexit)?,
    })
}

fn no_context_manager(context: Borrowed<'_>) -> Raised {
    Raised::for_type_of(
        c"'%.100s' object does not support the asynchronous context manager protocol",
        context,
    )
}

/// Calls `__aenter__`: what is to be driven.
pub fn enter(method: &Special) -> Result<Owned> {
    inner::start(
        method.call()?,
        c"'async with' received an object from __aenter__ that does not implement __await__: %.100s",
    )
}

/// Calls `__aexit__`, with the exception that ended the block, if one did: what is to be driven.
pub fn exit(method: &Special, exception: Option<Borrowed<'_>>) -> Result<Owned> {
    let (kind, value, traceback) = match exception {
        // SAFETY: a live object; its type lives as long, and a traceback comes with its own reference.
        Some(exception) => unsafe {
            (
                Owned::share(exception.r#type().cast()),
                exception.to_owned(),
                Owned::optional(ffi::PyException_GetTraceback(exception.as_ptr()))
                    .unwrap_or_else(Owned::none),
            )
        },
        None => (Owned::none(), Owned::none(), Owned::none()),
    };
    inner::start(
        method.call_with_three(&kind, &value, &traceback)?,
        c"'async with' received an object from __aexit__ that does not implement __await__: %.100s",
    )
}

/// Whether what `__aexit__` returned says that the exception is dealt with. May run Python code.
pub fn is_true(value: Borrowed<'_>) -> Result<bool> {
    // SAFETY: a live object, no exception set.
    match unsafe { ffi::PyObject_IsTrue(value.as_ptr()) } {
        -1 => Err(Raised::pending()),
        truth => Ok(truth != 0),
    }
}
