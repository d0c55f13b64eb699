//! The type of waiters, as CPython and asyncio see it: an iterator, and what a task takes for a Future.

use super::loops::asyncio;
use super::waiter::{self, Progress, Waiter};
use crate::inner::{Outcome, Thrown};
use crate::object::state::State;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Kind, Raised, Result, status, to_c};
use crate::python::reference::{Borrowed, Owned};
use crate::python::stop_iteration;
use crate::python::type_spec::{self, Shared, method, slot};
use core::ffi::{CStr, c_int, c_void};
use core::ptr::null_mut;

/// # Safety
/// CPython calls these functions on our waiters.
#[inline]
unsafe fn this<'a>(object: *mut PyObject) -> &'a Waiter {
    // SAFETY: the caller's promise.
    unsafe { &*object.cast() }
}

fn stepped(outcome: Outcome) -> *mut PyObject {
    match outcome {
        Outcome::Yield(value) => value.into_ptr(),
        Outcome::Return(value) => {
            let _ = stop_iteration::raise(value);
            null_mut()
        }
        Outcome::Raise(_) => null_mut(),
    }
}

#[cfg(Py_3_10)]
unsafe extern "C" fn am_send(
    object: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> ffi::PySendResult {
    // SAFETY: CPython calls this slot on our waiters, with a live value and a place for the result.
    unsafe {
        let (kind, object) = match this(object).send(Borrowed::new(value)) {
            Outcome::Yield(value) => (ffi::PYGEN_NEXT, value.into_ptr()),
            Outcome::Return(value) => (ffi::PYGEN_RETURN, value.into_ptr()),
            Outcome::Raise(_) => (ffi::PYGEN_ERROR, null_mut()),
        };
        *result = object;
        kind
    }
}

unsafe extern "C" fn next(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this slot on our waiters.
    stepped(unsafe { this(object) }.send(Borrowed::none()))
}

unsafe extern "C" fn send(object: *mut PyObject, value: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our waiters, with a live argument.
    unsafe { stepped(this(object).send(Borrowed::new(value))) }
}

unsafe extern "C" fn throw(
    object: *mut PyObject,
    arguments: *mut *mut PyObject,
    count: ffi::Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: CPython calls this method on our waiters, with `count` live arguments.
    unsafe {
        if !(1..=3).contains(&count) {
            return to_c(Err(Raised::new(
                Kind::TypeError,
                c"throw expected 1 to 3 arguments",
            )));
        }
        let argument = |index| (index < count).then(|| Borrowed::new(*arguments.offset(index)));
        stepped(this(object).throw(Thrown {
            exception: Borrowed::new(*arguments),
            value: argument(1),
            traceback: argument(2),
        }))
    }
}

unsafe extern "C" fn close(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our waiters.
    let closed = unsafe { this(object) }.close();
    to_c(closed.map(|()| Owned::none().into_ptr()))
}

unsafe extern "C" fn get_loop(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our waiters.
    let source = unsafe { this(object) }.source();
    source.unwrap_or_else(Borrowed::none).to_owned().into_ptr()
}

unsafe extern "C" fn add_done_callback(
    object: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    let names = [c"".as_ptr(), c"context".as_ptr(), core::ptr::null()];
    let (mut callback, mut context) = (null_mut::<PyObject>(), null_mut::<PyObject>());
    // SAFETY: CPython passes a tuple and NULL or a dictionary; two places for the format, filled with borrowed objects.
    unsafe {
        let parsed = ffi::PyArg_ParseTupleAndKeywords(
            arguments,
            keywords,
            c"O|$O:add_done_callback".as_ptr(),
            names.as_ptr().cast_mut().cast(),
            &raw mut callback,
            &raw mut context,
        );
        if parsed == 0 {
            return null_mut();
        }
        let callback = Borrowed::new(callback);
        let context = Borrowed::optional(context).filter(|context| !context.is_none());
        let added = asyncio::add_callback(this(object), callback, context);
        to_c(added.map(|()| Owned::none().into_ptr()))
    }
}

unsafe extern "C" fn remove_done_callback(
    object: *mut PyObject,
    callback: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls this method on our waiters, with a live argument; a new reference comes back.
    unsafe {
        let removed = asyncio::remove_callback(this(object), Borrowed::new(callback));
        to_c(removed.map(|count| ffi::PyLong_FromSize_t(count)))
    }
}

unsafe extern "C" fn cancel(
    object: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    let names = [c"msg".as_ptr(), core::ptr::null()];
    let mut message = null_mut::<PyObject>();
    // SAFETY: as `add_done_callback`.
    unsafe {
        let parsed = ffi::PyArg_ParseTupleAndKeywords(
            arguments,
            keywords,
            c"|O:cancel".as_ptr(),
            names.as_ptr().cast_mut().cast(),
            &raw mut message,
        );
        if parsed == 0 {
            return null_mut();
        }
        let message = Borrowed::optional(message).filter(|message| !message.is_none());
        to_c(asyncio::cancel(this(object), message).map(truth))
    }
}

fn truth(is: bool) -> *mut PyObject {
    // SAFETY: the two objects live as long as the interpreter.
    unsafe { ffi::PyBool_FromLong(is.into()) }
}

unsafe extern "C" fn done(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our waiters.
    truth(unsafe { this(object) }.is_done())
}

unsafe extern "C" fn cancelled(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our waiters.
    truth(unsafe { this(object) }.progress.get() == Progress::Cancelled)
}

/// `result()` and `exception()`: None, or what is raised.
unsafe extern "C" fn result(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our waiters.
    to_c(asyncio::result(unsafe { this(object) }).map(|()| Owned::none().into_ptr()))
}

unsafe extern "C" fn get_blocking(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: CPython calls this getter on our waiters.
    truth(unsafe { this(object) }.is_blocking.get())
}

unsafe extern "C" fn set_blocking(
    object: *mut PyObject,
    value: *mut PyObject,
    _: *mut c_void,
) -> c_int {
    // SAFETY: CPython calls this setter on our waiters, with a live value or NULL.
    unsafe {
        let is = if value.is_null() {
            return status(Err(Raised::new(
                Kind::TypeError,
                c"cannot delete attribute",
            )));
        } else {
            ffi::PyObject_IsTrue(value)
        };
        if is < 0 {
            return -1;
        }
        this(object).is_blocking.set(is > 0);
        0
    }
}

unsafe extern "C" fn repr(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this slot on our waiters.
    let state = match unsafe { this(object) }.progress.get() {
        Progress::New | Progress::Waiting => c"pending",
        Progress::Cancelled => c"cancelled",
        Progress::Woken | Progress::Over => c"finished",
    };
    // SAFETY: a C string and a pointer.
    unsafe {
        ffi::PyUnicode_FromFormat(
            c"<PyAwaitable_waiter %s at %p>".as_ptr(),
            state.as_ptr(),
            object,
        )
    }
}

unsafe extern "C" fn traverse(
    object: *mut PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the collector calls this slot on our waiters.
    unsafe {
        match visit(ffi::Py_TYPE(object).cast(), argument) {
            0 => this(object).visit(|object| visit(object, argument)),
            code => code,
        }
    }
}

unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: the collector calls this slot on our waiters.
    let waiter = unsafe { this(object) };
    waiter.give_up(Progress::Over);
    waiter.empty();
    0
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this slot when the last reference is dropped.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        waiter::free(object);
    }
}

const fn plain(
    name: &'static CStr,
    function: ffi::PyCFunction,
    flags: c_int,
    doc: &'static CStr,
) -> ffi::PyMethodDef {
    method(
        name,
        ffi::PyMethodDefPointer {
            PyCFunction: function,
        },
        flags,
        doc,
    )
}

const fn with_keywords(
    name: &'static CStr,
    function: ffi::PyCFunctionWithKeywords,
    doc: &'static CStr,
) -> ffi::PyMethodDef {
    method(
        name,
        ffi::PyMethodDefPointer {
            PyCFunctionWithKeywords: function,
        },
        ffi::METH_VARARGS | ffi::METH_KEYWORDS,
        doc,
    )
}

static METHODS: Shared<[ffi::PyMethodDef; 12]> = Shared::new([
    plain(c"send", send, ffi::METH_O, c"As a generator's."),
    method(
        c"throw",
        ffi::PyMethodDefPointer {
            PyCFunctionFast: throw,
        },
        ffi::METH_FASTCALL,
        c"As a generator's.",
    ),
    plain(c"close", close, ffi::METH_NOARGS, c"As a generator's."),
    plain(c"get_loop", get_loop, ffi::METH_NOARGS, c"As a Future's."),
    plain(c"done", done, ffi::METH_NOARGS, c"As a Future's."),
    plain(c"cancelled", cancelled, ffi::METH_NOARGS, c"As a Future's."),
    plain(c"result", result, ffi::METH_NOARGS, c"As a Future's."),
    plain(c"exception", result, ffi::METH_NOARGS, c"As a Future's."),
    plain(
        c"remove_done_callback",
        remove_done_callback,
        ffi::METH_O,
        c"As a Future's.",
    ),
    with_keywords(c"add_done_callback", add_done_callback, c"As a Future's."),
    with_keywords(c"cancel", cancel, c"As a Future's."),
    ffi::PyMethodDef::zeroed(),
]);

const fn attribute(
    name: &'static CStr,
    get: Option<ffi::getter>,
    set: Option<ffi::setter>,
) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        name: name.as_ptr(),
        get,
        set,
        doc: core::ptr::null(),
        closure: null_mut(),
    }
}

static ATTRIBUTES: Shared<[ffi::PyGetSetDef; 2]> = Shared::new([
    attribute(
        c"_asyncio_future_blocking",
        Some(get_blocking),
        Some(set_blocking),
    ),
    ffi::PyGetSetDef {
        name: core::ptr::null(),
        ..attribute(c"", None, None)
    },
]);

#[cold]
pub fn definition(state: &State) -> Result<Owned> {
    let mut slots = [
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_clear, clear as *mut c_void),
        slot(ffi::Py_tp_repr, repr as *mut c_void),
        slot(ffi::Py_tp_iter, ffi::PyObject_SelfIter as *mut c_void),
        slot(ffi::Py_tp_iternext, next as *mut c_void),
        slot(ffi::Py_tp_methods, METHODS.get().cast()),
        slot(ffi::Py_tp_getset, ATTRIBUTES.get().cast()),
        #[cfg(Py_3_10)]
        slot(ffi::Py_am_send, am_send as *mut c_void),
        #[cfg(not(Py_3_10))]
        slot(ffi::Py_tp_new, type_spec::not_instantiable as *mut c_void),
        slot(0, null_mut()),
    ];
    let made = type_spec::new_type(
        c"pyawaitable.PyAwaitable_waiter",
        size_of::<Waiter>(),
        &mut slots,
    )?;
    // SAFETY: made above.
    unsafe { state.adopt(&made) };
    Ok(made)
}
