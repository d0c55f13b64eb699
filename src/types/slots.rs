//! The steps as CPython and Python code see them: thin adapters over the engine, the same for an awaitable and for the iterator
//! that its method `__await__` returns.

use crate::base::likely::likely;
use crate::engine::step;
use crate::inner::{Outcome, Thrown};
use crate::object::awaitable::Awaitable;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::to_c;
use crate::python::reference::{Borrowed, Owned};
use crate::python::stop_iteration;
use crate::python::type_spec::method;
use core::ptr::null_mut;

/// The iterator that the method `__await__` of an awaitable returns; its type is in `iterator.rs`.
#[repr(C)]
pub struct Iterator {
    pub base: PyObject,
    /// Owned.
    pub awaitable: *mut PyObject,
}

/// What CPython calls with the awaitable itself or with its iterator.
///
/// # Safety
/// `object` is live, and an awaitable of ours or an [`Iterator`].
#[inline]
pub unsafe fn awaitable_of<'a>(object: *mut PyObject) -> &'a Awaitable {
    // SAFETY: the caller's promise; an iterator keeps its awaitable alive.
    unsafe {
        match Awaitable::from_object(Borrowed::new(object)) {
            Some(awaitable) => awaitable,
            None => &*(*object.cast::<Iterator>()).awaitable.cast::<Awaitable>(),
        }
    }
}

/// `am_await`: the awaitable is its own iterator.
pub unsafe extern "C" fn am_await(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this slot on our awaitables.
    let awaitable = unsafe { &*object.cast::<Awaitable>() };
    to_c(awaitable.check_unawaited().map(|()| {
        awaitable.with(|store| store.status.note_awaited());
        awaitable.borrow().to_owned().into_ptr()
    }))
}

/// `am_send` of an awaitable.
#[cfg(Py_3_10)]
pub unsafe extern "C" fn am_send(
    object: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> ffi::PySendResult {
    // SAFETY: CPython calls this slot on our awaitables, with a live value and a place for the result.
    unsafe {
        let awaitable = &*object.cast::<Awaitable>();
        let (kind, object) = match step::send_on(None, awaitable, Borrowed::new(value)) {
            Outcome::Yield(value) => (ffi::PYGEN_NEXT, value.into_ptr()),
            Outcome::Return(value) => (ffi::PYGEN_RETURN, value.into_ptr()),
            Outcome::Raise(_) => (ffi::PYGEN_ERROR, null_mut()),
        };
        *result = object;
        kind
    }
}

/// `am_send` of an awaitable's iterator.
///
/// # Safety
/// As a slot: an iterator of ours, a live value, a place for the result.
#[cfg(Py_3_10)]
pub unsafe extern "C" fn iterator_send(
    object: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> ffi::PySendResult {
    // SAFETY: the caller's promise; an iterator keeps its awaitable alive.
    unsafe { am_send((*object.cast::<Iterator>()).awaitable, value, result) }
}

/// `tp_iternext` of an awaitable. NULL without an exception is a result of None.
pub unsafe extern "C" fn iternext(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this slot on our awaitables.
    let awaitable = unsafe { &*object.cast::<Awaitable>() };
    match step::send_on(None, awaitable, Borrowed::none()) {
        Outcome::Yield(value) => value.into_ptr(),
        Outcome::Return(value) if value.is_none() => null_mut(),
        Outcome::Return(value) if likely(is_about_to_go(awaitable)) => {
            let _ = awaitable.state().stop.raise(value);
            null_mut()
        }
        outcome => yielded(outcome),
    }
}

/// Whether an `await` has the only reference, which it drops as soon as it has the result: `await f()`. Other callers of
/// `next`, which may only borrow the object, have not called `__await__`.
#[inline]
fn is_about_to_go(awaitable: &Awaitable) -> bool {
    // SAFETY: a live object.
    let is_alone = unsafe { ffi::Py_REFCNT(awaitable.as_ptr()) } == 1;
    is_alone && awaitable.with(|store| store.status.is_awaited())
}

/// `tp_iternext` of an awaitable's iterator. NULL without an exception is a result of None.
pub unsafe extern "C" fn iterator_next(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this slot on our objects.
    match step::send(unsafe { awaitable_of(object) }, Borrowed::none()) {
        Outcome::Return(value) if value.is_none() => null_mut(),
        outcome => yielded(outcome),
    }
}

/// What a step returns to a caller of Python's methods: what it yields, or NULL with an exception, which may be
/// `StopIteration`.
fn yielded(outcome: Outcome) -> *mut PyObject {
    match outcome {
        Outcome::Yield(value) => value.into_ptr(),
        Outcome::Return(value) => {
            let _ = stop_iteration::raise(value);
            null_mut()
        }
        Outcome::Raise(_) => null_mut(),
    }
}

/// The method `send`.
pub unsafe extern "C" fn send(object: *mut PyObject, value: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our objects, with a live argument.
    yielded(unsafe { step::send(awaitable_of(object), Borrowed::new(value)) })
}

/// The method `throw`.
pub unsafe extern "C" fn throw(
    object: *mut PyObject,
    arguments: *mut *mut PyObject,
    count: ffi::Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: CPython calls this method on our objects, with `count` live arguments.
    unsafe {
        if !(1..=3).contains(&count) {
            ffi::PyErr_Format(
                ffi::PyExc_TypeError,
                c"throw expected 1 to 3 arguments, got %zd".as_ptr(),
                count,
            );
            return null_mut();
        }
        let argument = |index| (index < count).then(|| Borrowed::new(*arguments.offset(index)));
        let thrown = Thrown {
            exception: Borrowed::new(*arguments),
            value: argument(1),
            traceback: argument(2),
        };
        if cfg!(Py_3_12) && count > 1 {
            let text = c"the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.";
            if ffi::PyErr_WarnEx(ffi::PyExc_DeprecationWarning, text.as_ptr(), 1) < 0 {
                return null_mut();
            }
        }
        yielded(step::throw(awaitable_of(object), thrown))
    }
}

/// The method `close`.
pub unsafe extern "C" fn close(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our objects.
    to_c(unsafe { step::close(awaitable_of(object)) }.map(Owned::into_ptr))
}

/// `send`, `throw` and `close`, the same for an awaitable and for its iterator.
pub const SEND: ffi::PyMethodDef = method(
    c"send",
    ffi::PyMethodDefPointer { PyCFunction: send },
    ffi::METH_O,
    c"send(arg) -> send 'arg' into the awaitable, return what it yields next, or raise StopIteration.",
);
pub const THROW: ffi::PyMethodDef = method(
    c"throw",
    ffi::PyMethodDefPointer {
        PyCFunctionFast: throw,
    },
    ffi::METH_FASTCALL,
    c"throw(value) -> raise an exception in the awaitable, return what it yields next, or raise StopIteration.",
);
pub const CLOSE: ffi::PyMethodDef = method(
    c"close",
    ffi::PyMethodDefPointer { PyCFunction: close },
    ffi::METH_NOARGS,
    c"close() -> raise GeneratorExit inside the awaitable.",
);
