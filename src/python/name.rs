//! Names, for texts and attributes.

use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use core::ffi::{CStr, c_char};
use core::ptr::null_mut;

/// A name that is a str, or a C string, which can be printed without creating a str.
pub enum Name {
    Str(Owned),
    Text(&'static CStr),
}

impl Name {
    /// The `attribute` of an object, if it exists and is a str.
    pub fn of(object: Borrowed<'_>, attribute: &Owned) -> Result<Option<Self>> {
        // SAFETY: live objects, no exception set; a new reference or NULL comes back.
        let found =
            unsafe { Owned::optional(ffi::PyObject_GetAttr(object.as_ptr(), attribute.as_ptr())) };
        let Some(found) = found else {
            return exception::if_no_attribute(Raised::pending(), None);
        };
        // SAFETY: a live object.
        let is_str = unsafe { ffi::PyUnicode_Check(found.as_ptr()) } != 0;
        Ok(is_str.then_some(Self::Str(found)))
    }

    /// What `%V` in a format takes: a str or NULL, and the text that is printed where it is NULL.
    pub fn for_format(&self) -> (*mut PyObject, *const c_char) {
        match self {
            Name::Str(name) => (name.as_ptr(), null_mut()),
            Name::Text(text) => (null_mut(), text.as_ptr()),
        }
    }

    /// The str.
    pub fn into_str(self) -> Result<Owned> {
        match self {
            Name::Str(name) => Ok(name),
            // SAFETY: a C string; a new reference or NULL comes back.
            Name::Text(text) => unsafe { Owned::new(ffi::PyUnicode_FromString(text.as_ptr())) },
        }
    }
}
