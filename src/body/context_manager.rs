//! Asynchronous context managers: what `async with` looks up and calls.

use crate::inner;
use crate::object::state::Names;
use crate::python::exception;
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

/// Both methods, bound to `context`. Fails as `async with` does in this version of CPython, which also decides what is looked up
/// first.
pub fn methods(names: &Names, context: &Owned) -> Result<Methods> {
    let find = |name: &Owned| {
        Special::find(context, name)?.ok_or_else(|| missed(names, context.borrow(), name))
    };
    let first = if cfg!(Py_3_14) {
        Some(find(&names.aexit)?)
    } else {
        None
    };
    Ok(Methods {
        enter: find(&names.aenter)?,
        exit: match first {
            Some(exit) => exit,
            None => find(&names.aexit)?,
        },
    })
}

/// What `async with` raises for an object without this method.
#[cold]
fn missed(names: &Names, context: Borrowed<'_>, name: &Owned) -> Raised {
    if cfg!(not(Py_3_11)) {
        // SAFETY: the interpreter's own class and a str.
        unsafe { ffi::PyErr_SetObject(ffi::PyExc_AttributeError, name.as_ptr()) };
        return Raised::set();
    }
    if cfg!(not(Py_3_14)) {
        if name.borrow().is(names.aenter.borrow()) {
            return no_context_manager(context);
        }
        return Raised::for_type_of(
            c"'%.100s' object does not support the asynchronous context manager protocol (missed __aexit__ method)",
            context,
        );
    }
    let format = if is_plain_manager(context) {
        c"'%T' object does not support the asynchronous context manager protocol (missed %U method) but it supports the context \
manager protocol. Did you mean to use 'with'?"
    } else {
        c"'%T' object does not support the asynchronous context manager protocol (missed %U method)"
    };
    // SAFETY: a live object and a str, one for each place in the format.
    unsafe {
        ffi::PyErr_Format(
            ffi::PyExc_TypeError,
            format.as_ptr(),
            context.as_ptr(),
            name.as_ptr(),
        );
    }
    Raised::set()
}

/// Whether `with` would take it.
fn is_plain_manager(context: Borrowed<'_>) -> bool {
    [c"__enter__", c"__exit__"].iter().all(|name| {
        // SAFETY: a C string; a new reference or NULL comes back, and a failure is cleared.
        let name = unsafe { Owned::new(ffi::PyUnicode_FromString(name.as_ptr())) };
        match name {
            // SAFETY: a live object and a str; the reference found is released at once.
            Ok(name) => unsafe {
                Owned::optional(ffi::type_lookup(context.r#type(), name.as_ptr())).is_some()
            },
            Err(raised) => {
                exception::discard(raised);
                false
            }
        }
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
