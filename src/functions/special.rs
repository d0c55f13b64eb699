//! How a method gets into a type, and what that takes where the interpreter calls it by a slot.

use crate::python::ffi::{self, PyMethodDef, PyTypeObject};
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use core::ffi::CStr;

/// Puts a method into a type.
///
/// # Safety
/// `type` is a live type, and `entry` the one that `method` was made of.
pub unsafe fn put(r#type: *mut PyTypeObject, entry: &PyMethodDef, method: &Owned) -> Result<()> {
    // SAFETY: the caller's promise; a name is a C string.
    unsafe {
        let is_heap = ffi::PyType_HasFeature(r#type, ffi::Py_TPFLAGS_HEAPTYPE) != 0;
        #[cfg(Py_3_10)]
        let is_open = is_heap && ffi::PyType_HasFeature(r#type, ffi::Py_TPFLAGS_IMMUTABLETYPE) == 0;
        #[cfg(not(Py_3_10))]
        let is_open = is_heap;
        let name = Owned::new(ffi::PyUnicode_InternFromString(entry.ml_name))?;
        let dictionary = dictionary(r#type)?;
        if entry.ml_flags & ffi::METH_COEXIST == 0 && has_wrapper(&dictionary, &name)? {
            // What the type's own slot does stays, as it does for CPython's tables.
            return Ok(());
        }
        if is_open {
            // The slots follow.
            if ffi::PyObject_SetAttr(r#type.cast(), name.as_ptr(), method.as_ptr()) < 0 {
                return Err(Raised::pending());
            }
            return Ok(());
        }
        if is_slot(CStr::from_ptr(entry.ml_name)) {
            ffi::PyErr_Format(
                ffi::PyExc_ValueError,
                c"%s() is called by a slot of the type '%.100s', which cannot be changed: fill the slot".as_ptr(),
                entry.ml_name,
                (*r#type).tp_name,
            );
            return Err(Raised::set());
        }
        if ffi::PyDict_SetItem(dictionary.as_ptr(), name.as_ptr(), method.as_ptr()) < 0 {
            return Err(Raised::pending());
        }
        ffi::PyType_Modified(r#type);
    }
    Ok(())
}

/// The dictionary of a type, made for a static one that is yet to be ready.
///
/// # Safety
/// A live type.
unsafe fn dictionary(r#type: *mut PyTypeObject) -> Result<Owned> {
    // SAFETY: the caller's promise; a type owns its dictionary.
    unsafe {
        #[cfg(Py_3_12)]
        if ffi::PyType_HasFeature(r#type, ffi::Py_TPFLAGS_READY) != 0 {
            return Owned::new(ffi::PyType_GetDict(r#type));
        }
        if (*r#type).tp_dict.is_null() {
            (*r#type).tp_dict = Owned::new(ffi::PyDict_New())?.into_ptr();
        }
        Ok(Borrowed::new((*r#type).tp_dict).to_owned())
    }
}

/// Whether a dictionary has, under this name, what stands for a slot.
fn has_wrapper(dictionary: &Owned, name: &Owned) -> Result<bool> {
    // SAFETY: live objects; what is borrowed is only looked at.
    unsafe {
        let found = ffi::PyDict_GetItemWithError(dictionary.as_ptr(), name.as_ptr());
        match Borrowed::optional(found) {
            Some(found) => Ok(found.r#type() == &raw mut ffi::PyWrapperDescr_Type),
            None if ffi::PyErr_Occurred().is_null() => Ok(false),
            None => Err(Raised::pending()),
        }
    }
}

/// Whether the interpreter calls a method of this name by a slot, and so does not look at the dictionary.
fn is_slot(name: &CStr) -> bool {
    let Some(name) = name
        .to_bytes()
        .strip_prefix(b"__")
        .and_then(|name| name.strip_suffix(b"__"))
    else {
        return false;
    };
    let reflected = name.strip_prefix(b"r").or(name.strip_prefix(b"i"));
    SLOTS.contains(&name)
        || OPERATORS.contains(&name)
        || reflected.is_some_and(|name| OPERATORS.contains(&name))
}

/// The methods that slots call, but for those of binary operators.
#[rustfmt::skip]
const SLOTS: [&[u8]; 40] = [
    b"await", b"aiter", b"anext", b"call", b"iter", b"next", b"new", b"init", b"del", b"repr", b"str",
    b"hash", b"bool", b"len", b"getitem", b"setitem", b"delitem", b"contains", b"getattr",
    b"getattribute", b"setattr", b"delattr", b"get", b"set", b"delete", b"lt", b"le", b"eq", b"ne", b"gt",
    b"ge", b"neg", b"pos", b"abs", b"invert", b"int", b"float", b"index", b"buffer", b"release_buffer",
];

/// Binary operators, which may be reflected or in place.
#[rustfmt::skip]
const OPERATORS: [&[u8]; 14] = [
    b"add", b"sub", b"mul", b"mod", b"pow", b"lshift", b"rshift", b"and", b"xor", b"or", b"floordiv",
    b"truediv", b"matmul", b"divmod",
];
