//! Asynchronous iterators: what `async for` calls, and how it knows the end.

use crate::inner;
use crate::python::exception;
use crate::python::ffi::{self, PyAsyncMethods};
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};

/// The asynchronous methods of an object's type.
fn methods(object: Borrowed<'_>) -> Option<&PyAsyncMethods> {
    // SAFETY: a live object's type, whose methods live as long as it does.
    unsafe { (*object.r#type()).tp_as_async.as_ref() }
}

/// Fails with `TypeError` unless the type of `iterable` has `__aiter__`.
pub fn check(iterable: Borrowed<'_>) -> Result<ffi::unaryfunc> {
    methods(iterable)
        .and_then(|methods| methods.am_aiter)
        .ok_or_else(|| {
            Raised::for_type_of(
                c"'async for' requires an object with __aiter__ method, got %.100s",
                iterable,
            )
        })
}

/// The iterator that `async for` goes over.
pub fn iterator(iterable: Owned) -> Result<Owned> {
    let iter = check(iterable.borrow())?;
    // SAFETY: the slot of the object's own type; a new reference or NULL comes back.
    let iterator = unsafe { Owned::new(iter(iterable.as_ptr())) }?;
    drop(iterable);
    if methods(iterator.borrow()).is_none_or(|methods| methods.am_anext.is_none()) {
        return Err(Raised::for_type_of(
            c"'async for' received an object from __aiter__ that does not implement __anext__: %.100s",
            iterator.borrow(),
        ));
    }
    Ok(iterator)
}

/// What `await __anext__()` drives.
pub fn next(iterator: Borrowed<'_>) -> Result<Owned> {
    // Its type may have been changed since.
    let Some(next) = methods(iterator).and_then(|methods| methods.am_anext) else {
        return Err(Raised::for_type_of(
            c"'async for' requires an iterator with __anext__ method, got %.100s",
            iterator,
        ));
    };
    // SAFETY: the slot of the object's own type; a new reference or NULL comes back.
    let awaitable = unsafe { Owned::new(next(iterator.as_ptr())) }?;
    if inner::is_coroutine(awaitable.borrow()) {
        // As CPython: even one that is being awaited.
        return Ok(awaitable);
    }
    let kept = awaitable.borrow().to_owned();
    inner::start(awaitable, inner::NOT_AWAITABLE).map_err(|raised| {
        exception::with_cause(
            raised,
            |_| {
                Raised::for_type_of(
                    c"'async for' received an invalid object from __anext__: %.100s",
                    kept.borrow(),
                )
            },
            c"",
        )
    })
}

/// Consumes the exception that says that an iterator is exhausted; any other stays.
pub fn take_end(raised: Raised) -> Result<()> {
    // SAFETY: an exception is set, as `raised` proves.
    if unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_StopAsyncIteration) } == 0 {
        return Err(raised);
    }
    exception::discard(raised);
    Ok(())
}
