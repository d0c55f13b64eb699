//! The iterator that the method `__await__` returns.
//!
//! `await` in Python and C needs no such iterator: there an awaitable drives itself. But Python code that delegates with
//! `yield from x.__await__()` needs `__iter__`, which an awaitable must not have.

use crate::object::awaitable::Awaitable;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Kind, Raised, Result, to_c};
use crate::python::reference::Owned;
use crate::python::type_spec::{self, Shared, slot};
use crate::types::slots::{self, Iterator};
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// The method `__await__` of an awaitable.
pub unsafe extern "C" fn method_await(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our objects.
    to_c(iterator(unsafe { slots::awaitable_of(object) }))
}

fn iterator(awaitable: &Awaitable) -> Result<*mut PyObject> {
    awaitable.check_unawaited()?;
    let Some(r#type) = awaitable.state().iterator_type.get() else {
        return Err(Raised::new(
            Kind::RuntimeError,
            c"the interpreter is shutting down",
        ));
    };
    // SAFETY: a live type; the object is complete before the collector sees it.
    unsafe {
        let iterator = Owned::new(ffi::_PyObject_GC_New(r#type.as_ptr()))?;
        (*iterator.as_ptr().cast::<Iterator>()).awaitable =
            awaitable.borrow().to_owned().into_ptr();
        ffi::PyObject_GC_Track(iterator.as_ptr().cast());
        Ok(iterator.into_ptr())
    }
}

unsafe extern "C" fn traverse(
    object: *mut PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the collector calls this slot on our objects.
    unsafe {
        match visit(ffi::Py_TYPE(object).cast(), argument) {
            0 => visit((*object.cast::<Iterator>()).awaitable, argument),
            code => code,
        }
    }
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this slot when the last reference is dropped; an instance holds its type.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        let r#type = ffi::Py_TYPE(object);
        ffi::Py_DECREF((*object.cast::<Iterator>()).awaitable);
        ffi::PyObject_GC_Del(object.cast());
        ffi::Py_DECREF(r#type.cast());
    }
}

static METHODS: Shared<[ffi::PyMethodDef; 4]> = Shared::new([
    slots::SEND,
    slots::THROW,
    slots::CLOSE,
    ffi::PyMethodDef::zeroed(),
]);

/// A new iterator type.
pub fn definition() -> Result<Owned> {
    let mut slots = [
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_iter, ffi::PyObject_SelfIter as *mut c_void),
        slot(ffi::Py_tp_iternext, slots::iterator_next as *mut c_void),
        slot(ffi::Py_tp_methods, METHODS.get().cast()),
        #[cfg(Py_3_10)]
        slot(ffi::Py_am_send, slots::iterator_send as *mut c_void),
        #[cfg(not(Py_3_10))]
        slot(ffi::Py_tp_new, type_spec::not_instantiable as *mut c_void),
        slot(0, null_mut()),
    ];
    type_spec::new_type(
        c"pyawaitable.PyAwaitable_iterator",
        size_of::<Iterator>(),
        &mut slots,
    )
}
