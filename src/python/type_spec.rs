//! Definitions that CPython reads: methods, slots, types.

use crate::python::exception;
use crate::python::ffi;
use crate::python::raised::{Raised, Result};
use crate::python::reference::Owned;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_int, c_void};

/// A static table that CPython takes as a pointer to mutable data.
#[repr(transparent)]
pub struct Shared<T>(UnsafeCell<T>);

// SAFETY: this crate never writes to it, and CPython guards what it writes itself (a module definition's header); the pointers
// in it are to statics and functions.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub const fn new(table: T) -> Self {
        Self(UnsafeCell::new(table))
    }

    pub const fn get(&self) -> *mut T {
        self.0.get()
    }
}

/// A method of the type definitions.
pub const fn method(
    name: &'static CStr,
    function: ffi::PyMethodDefPointer,
    flags: c_int,
    doc: &'static CStr,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: function,
        ml_flags: flags,
        ml_doc: doc.as_ptr(),
    }
}

/// A member that CPython reads as a number: where a special field of its objects is.
pub const fn offset(name: &'static CStr, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: core::ptr::null(),
    }
}

/// One slot of a type's definition.
pub const fn slot(slot: c_int, pfunc: *mut c_void) -> ffi::PyType_Slot {
    ffi::PyType_Slot { slot, pfunc }
}

/// A type that takes part in garbage collection, and that Python code can neither change, call nor inherit from.
pub fn new_type(name: &'static CStr, size: usize, slots: &mut [ffi::PyType_Slot]) -> Result<Owned> {
    new_flagged_type(name, size, 0, slots)
}

/// The same, with more flags.
pub fn new_flagged_type(
    name: &'static CStr,
    size: usize,
    flags: core::ffi::c_ulong,
    slots: &mut [ffi::PyType_Slot],
) -> Result<Owned> {
    #[cfg(Py_3_10)]
    let sealed = ffi::Py_TPFLAGS_IMMUTABLETYPE | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    #[cfg(not(Py_3_10))]
    let sealed = 0;
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr(),
        basicsize: size as c_int,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC | sealed | flags) as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: CPython copies what it keeps; names and tables are static.
    let r#type = unsafe { Owned::optional(ffi::PyType_FromSpec(&mut spec)) };
    r#type.ok_or_else(|| match exception::pending() {
        Some(raised) => raised,
        // 3.11 sets no exception here.
        None => Raised::no_memory(),
    })
}

/// `tp_new` for versions without the flag that forbids it.
#[cfg(not(Py_3_10))]
pub unsafe extern "C" fn not_instantiable(
    r#type: *mut ffi::PyTypeObject,
    _: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a live type has a name.
    unsafe {
        ffi::PyErr_Format(
            ffi::PyExc_TypeError,
            c"cannot create '%.100s' instances".as_ptr(),
            (*r#type).tp_name,
        );
    }
    core::ptr::null_mut()
}
