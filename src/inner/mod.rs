//! An inner awaitable: what is legal after `await`, how it is started, sent to, thrown into and closed.

mod thrown;

use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned, or_null};
use core::ffi::{CStr, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};
pub use thrown::{Thrown, check_thrown, is_generator_exit, raise_here};

/// The outcome of a step.
pub enum Outcome {
    /// The object is suspended; the value is for the event loop.
    Yield(Owned),
    /// The object has finished, with this result.
    Return(Owned),
    /// An exception is set: the object has finished with it, or has refused the step.
    Raise(Raised),
}

/// Nothing could be thrown into it. It has not been touched, and the exception goes back to the thrower.
pub struct Refused(pub Raised);

/// The outcome of a step that may be refused.
pub type Attempt = core::result::Result<Outcome, Refused>;

/// Whether `object` is exactly a native coroutine.
#[inline]
pub fn is_coroutine(object: Borrowed<'_>) -> bool {
    object.r#type() == &raw mut ffi::PyCoro_Type
}

/// Releases what has raised. As CPython does, a native coroutine while its exception is set.
pub fn drop_failed(inner: Option<Owned>, raised: Raised) -> Raised {
    match inner {
        Some(inner) if is_coroutine(inner.borrow()) => {
            drop(inner);
            raised
        }
        inner => exception::drop_preserving(inner, raised),
    }
}

/// Whether `object` is a generator marked with `types.coroutine`.
fn is_marked_generator(object: Borrowed<'_>) -> bool {
    // SAFETY: any live object may be checked.
    unsafe { ffi::pyawaitable_shim_is_marked_generator(object.as_ptr()) != 0 }
}

/// The slot for `await` of an object's type.
#[inline]
fn await_slot(object: Borrowed<'_>) -> Option<ffi::unaryfunc> {
    // SAFETY: a live object's type, whose async methods live as long as it does.
    unsafe {
        let methods = (*object.r#type()).tp_as_async;
        if methods.is_null() {
            None
        } else {
            (*methods).am_await
        }
    }
}

/// Whether `object` is legal after `await`. Only its type is checked, and an exception that is set stays.
#[inline]
pub fn is_awaitable(object: Borrowed<'_>) -> bool {
    is_coroutine(object) || await_slot(object).is_some() || is_marked_generator(object)
}

/// Fails with `TypeError` unless `object` is legal after `await`.
#[inline]
pub fn check_awaitable(object: Borrowed<'_>) -> Result<()> {
    if is_awaitable(object) {
        return Ok(());
    }
    Err(not_awaitable(NOT_AWAITABLE, object))
}

/// What `await` says of an object that cannot be awaited.
pub const NOT_AWAITABLE: &CStr = if cfg!(Py_3_14) {
    c"'%.100s' object can't be awaited"
} else {
    c"object %.100s can't be used in 'await' expression"
};

fn not_awaitable(format: &CStr, object: Borrowed<'_>) -> Raised {
    Raised::for_type_of(format, object)
}

/// The iterator that `await object` drives: the object itself if it is native, otherwise what its `__await__` returns.
/// `complaint` has one `%.100s` for the type of an object that cannot be awaited.
#[inline]
pub fn start(object: Owned, complaint: &CStr) -> Result<Owned> {
    if is_coroutine(object.borrow()) {
        return if !is_unbegun(object.borrow()) && has_cr_await(object.borrow()) {
            Err(awaited_already())
        } else {
            Ok(object)
        };
    }
    start_foreign(object, complaint)
}

/// The `RuntimeError` for awaiting what is already being awaited.
#[cold]
pub fn awaited_already() -> Raised {
    Raised::new(Kind::RuntimeError, c"coroutine is being awaited already")
}

#[inline(never)]
fn start_foreign(object: Owned, complaint: &CStr) -> Result<Owned> {
    let Some(slot) = await_slot(object.borrow()) else {
        return if is_marked_generator(object.borrow()) {
            Ok(object)
        } else {
            Err(not_awaitable(complaint, object.borrow()))
        };
    };
    // SAFETY: the slot of the object's own type, with no exception set; the result is a new reference or NULL.
    let iterator = unsafe { Owned::new(slot(object.as_ptr())) }?;
    // SAFETY: a live object.
    if unsafe { ffi::PyIter_Check(iterator.as_ptr()) } == 0
        || is_coroutine(iterator.borrow())
        || is_marked_generator(iterator.borrow())
    {
        return Err(no_iterator(&object, &iterator));
    }
    Ok(iterator)
}

/// The `TypeError` for what an `__await__` returned, as this version of CPython words it.
#[cold]
fn no_iterator(object: &Owned, returned: &Owned) -> Raised {
    let is_native = is_coroutine(returned.borrow()) || is_marked_generator(returned.borrow());
    if cfg!(Py_3_15) {
        let format = if is_native {
            c"%T.__await__() must return an iterator, not coroutine"
        } else {
            c"%T.__await__() must return an iterator, not %T"
        };
        // SAFETY: live objects, one for each place in the format, or one too many.
        unsafe {
            ffi::PyErr_Format(
                ffi::PyExc_TypeError,
                format.as_ptr(),
                object.as_ptr(),
                returned.as_ptr(),
            );
        }
        return Raised::set();
    }
    if is_native {
        return Raised::new(Kind::TypeError, c"__await__() returned a coroutine");
    }
    Raised::for_type_of(
        c"__await__() returned non-iterator of type '%.100s'",
        returned.borrow(),
    )
}

/// Whether this native coroutine is known not to have begun: most that are awaited have not, and nothing awaits such a one.
#[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
#[inline]
fn is_unbegun(coroutine: Borrowed<'_>) -> bool {
    const FRAME_CREATED: i8 = if cfg!(Py_3_13) { -3 } else { -2 };
    let offset = ffi::pyawaitable_shim_frame_state_offset;
    // SAFETY: the C compiler said that a coroutine, which this is, has the byte there; it changes with the GIL held alone.
    unsafe { coroutine.as_ptr().byte_add(offset).cast::<i8>().read() == FRAME_CREATED }
}

#[cfg(not(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED))))]
#[inline]
fn is_unbegun(_coroutine: Borrowed<'_>) -> bool {
    false
}

/// Whether this native coroutine is in the middle of an await, whatever code stepped it there: its `cr_await` is not None.
#[inline]
fn has_cr_await(coroutine: Borrowed<'_>) -> bool {
    let Some(getter) = cr_await() else {
        return false;
    };
    // SAFETY: the getter of the coroutine type on a coroutine; it returns a new reference or fails.
    match unsafe { Owned::new(getter(coroutine.as_ptr(), core::ptr::null_mut())) } {
        Ok(awaited) => !awaited.is_none(),
        Err(raised) => {
            exception::discard(raised);
            false
        }
    }
}

/// The function behind the attribute `cr_await` of native coroutines, which are built into the interpreter: the same
/// address in every interpreter of the process, looked up once.
#[inline]
fn cr_await() -> Option<ffi::getter> {
    static FOUND: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());
    let found = FOUND.load(Ordering::Relaxed);
    if found.is_null() {
        let found = find_cr_await();
        let address = found.map_or(core::ptr::null_mut(), |get| get as *mut c_void);
        FOUND.store(address, Ordering::Relaxed);
        return found;
    }
    // SAFETY: stored above, from a pointer of this type.
    Some(unsafe { core::mem::transmute::<*mut c_void, ffi::getter>(found) })
}

#[cold]
fn find_cr_await() -> Option<ffi::getter> {
    // SAFETY: the table of a static type, which ends with an entry without a name.
    unsafe {
        let mut entry = ffi::PyCoro_Type.tp_getset;
        while !entry.is_null() && !(*entry).name.is_null() {
            if CStr::from_ptr((*entry).name) == c"cr_await" {
                return (*entry).get;
            }
            entry = entry.add(1);
        }
    }
    None
}

/// Sends `value` into an iterator that [`start`] returned.
#[inline]
pub fn send(inner: Borrowed<'_>, value: Borrowed<'_>) -> Outcome {
    let mut result = core::ptr::null_mut();
    // SAFETY: live arguments, no exception set; a result is a new reference.
    unsafe {
        match ffi::send(inner.as_ptr(), value.as_ptr(), &mut result) {
            ffi::PYGEN_RETURN => ended(Owned::new(result)),
            ffi::PYGEN_NEXT => match Owned::new(result) {
                Ok(value) => Outcome::Yield(value),
                Err(raised) => Outcome::Raise(raised),
            },
            _ => Outcome::Raise(Raised::pending()),
        }
    }
}

/// The outcome of a step that ended the iterator.
#[inline]
fn ended(result: Result<Owned>) -> Outcome {
    match result {
        Ok(value) => Outcome::Return(value),
        Err(raised) => Outcome::Raise(raised),
    }
}

/// Throws into an iterator that [`start`] returned; if it has no `throw`, the exception is raised here.
pub fn throw(inner: Borrowed<'_>, thrown: Thrown<'_>) -> Attempt {
    // A native one would warn of more than one argument, but the thrower has already been warned.
    if cfg!(Py_3_12) && thrown.value.is_some() && is_native(inner) {
        if let Err(raised) = check_thrown(thrown) {
            return Ok(Outcome::Raise(raised));
        }
        let exception = exception::take(raise_here(thrown));
        return throw(
            inner,
            Thrown {
                exception: exception.borrow(),
                value: None,
                traceback: None,
            },
        );
    }
    let method = match optional_attribute(inner, c"throw") {
        Ok(Some(method)) => method,
        Ok(None) => {
            return match check_thrown(thrown) {
                Ok(()) => Ok(Outcome::Raise(raise_here(thrown))),
                Err(raised) => Err(Refused(raised)),
            };
        }
        Err(raised) => return Err(Refused(raised)),
    };
    // SAFETY: live arguments, NULL after the last that was given; no exception is set.
    let yielded = unsafe {
        ffi::PyObject_CallFunctionObjArgs(
            method.as_ptr(),
            thrown.exception.as_ptr(),
            or_null(thrown.value),
            or_null(thrown.traceback),
            core::ptr::null_mut::<PyObject>(),
        )
    };
    // SAFETY: a new reference, or NULL with what ended the iterator.
    Ok(match unsafe { Owned::optional(yielded) } {
        Some(value) => Outcome::Yield(value),
        None => ended(stop_value()),
    })
}

/// Whether `inner` is a native coroutine or generator.
pub fn is_native(inner: Borrowed<'_>) -> bool {
    is_coroutine(inner) || inner.r#type() == &raw mut ffi::PyGen_Type
}

/// The value of the `StopIteration` that is set; any other exception stays.
fn stop_value() -> Result<Owned> {
    let mut value = core::ptr::null_mut();
    // SAFETY: writes a new reference where it returns 0.
    unsafe {
        if ffi::_PyGen_FetchStopIterationValue(&mut value) == 0 {
            Owned::new(value)
        } else {
            Err(Raised::pending())
        }
    }
}

/// Closes an iterator that [`start`] returned; one without `close` is left alone.
pub fn close(inner: Borrowed<'_>) -> Result<()> {
    match optional_attribute(inner, c"close") {
        // SAFETY: a live callable, no exception set.
        Ok(Some(method)) => unsafe {
            Owned::new(ffi::PyObject_CallFunctionObjArgs(
                method.as_ptr(),
                core::ptr::null_mut::<PyObject>(),
            ))
            .map(drop)
        },
        Ok(None) => Ok(()),
        Err(raised) => {
            exception::unraisable_in_close(raised, inner);
            Ok(())
        }
    }
}

/// An attribute, or None if there is none; any exception but `AttributeError` stays.
fn optional_attribute(object: Borrowed<'_>, name: &CStr) -> Result<Option<Owned>> {
    // SAFETY: a live object; a new reference or NULL comes back.
    let found = unsafe { ffi::PyObject_GetAttrString(object.as_ptr(), name.as_ptr()) };
    // SAFETY: as above.
    if let Some(found) = unsafe { Owned::optional(found) } {
        return Ok(Some(found));
    }
    exception::if_no_attribute(Raised::pending(), None)
}
