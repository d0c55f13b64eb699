//! Calls of what Python code defines.

use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned, or_null};
use core::ffi::CStr;
use core::ptr::null_mut;

/// An attribute.
pub fn attribute(object: Borrowed<'_>, name: &CStr) -> Result<Owned> {
    // SAFETY: a live object and a C string; a new reference or NULL comes back.
    unsafe { Owned::new(ffi::PyObject_GetAttrString(object.as_ptr(), name.as_ptr())) }
}

/// `callable(*arguments)`; None ends the arguments.
pub fn call(callable: Borrowed<'_>, arguments: [Option<Borrowed<'_>>; 3]) -> Result<Owned> {
    let [first, second, third] = arguments.map(or_null);
    // SAFETY: live objects, NULL after the last.
    unsafe {
        Owned::new(ffi::PyObject_CallFunctionObjArgs(
            callable.as_ptr(),
            first,
            second,
            third,
            null_mut::<PyObject>(),
        ))
    }
}

/// `object.name(*arguments)`.
pub fn call_method(
    object: Borrowed<'_>,
    name: &CStr,
    arguments: [Option<Borrowed<'_>>; 3],
) -> Result<Owned> {
    call(attribute(object, name)?.borrow(), arguments)
}

/// `callable(*arguments, keyword=value)`, of two arguments at most.
pub fn call_with_keyword(
    callable: Borrowed<'_>,
    arguments: [Option<Borrowed<'_>>; 2],
    keyword: &CStr,
    value: Borrowed<'_>,
) -> Result<Owned> {
    let [first, second] = arguments;
    let count = arguments.iter().flatten().count();
    // SAFETY: live objects; the arguments are followed by the value of the one keyword.
    unsafe {
        let name = Owned::new(ffi::PyUnicode_InternFromString(keyword.as_ptr()))?;
        let names = Owned::new(ffi::PyTuple_Pack(1, name.as_ptr()))?;
        let array = match (first, second) {
            (Some(first), Some(second)) => [first.as_ptr(), second.as_ptr(), value.as_ptr()],
            (Some(first), None) => [first.as_ptr(), value.as_ptr(), null_mut()],
            _ => [value.as_ptr(), null_mut(), null_mut()],
        };
        Owned::new(ffi::vectorcall(
            callable.as_ptr(),
            array.as_ptr(),
            count,
            names.as_ptr(),
        ))
    }
}

/// A module, if it has been imported.
pub fn loaded(name: &CStr) -> Result<Option<Owned>> {
    // SAFETY: `sys.modules` is borrowed from the interpreter; what is found there is owned before anything else runs.
    unsafe {
        let name = Owned::new(ffi::PyUnicode_FromString(name.as_ptr()))?;
        let found = Owned::optional(ffi::PyImport_GetModule(name.as_ptr()));
        match (found, crate::python::exception::pending()) {
            (None, Some(raised)) => Err(raised),
            (found, _) => Ok(found.filter(|found| !found.is_none())),
        }
    }
}

/// A text, for `str`.
pub fn text(text: &CStr) -> Result<Owned> {
    // SAFETY: a C string.
    unsafe { Owned::new(ffi::PyUnicode_FromString(text.as_ptr())) }
}

/// What a weak reference leads to, if that is still there.
pub fn referent(weak: Borrowed<'_>) -> Option<Owned> {
    #[cfg(Py_3_13)]
    // SAFETY: a weak reference; what is written is a new reference or NULL.
    unsafe {
        let mut found = null_mut();
        if ffi::PyWeakref_GetRef(weak.as_ptr(), &mut found) < 0 {
            ffi::PyErr_Clear();
        }
        Owned::optional(found)
    }
    #[cfg(not(Py_3_13))]
    // SAFETY: a weak reference; the object is borrowed, and owned before anything else runs.
    unsafe {
        let found = Borrowed::optional(ffi::PyWeakref_GetObject(weak.as_ptr()))?;
        (!found.is_none()).then(|| found.to_owned())
    }
}

/// Runs `action` in a context, which it may leave with an exception set. Fails where that cannot be entered.
pub fn within<T>(context: Borrowed<'_>, action: impl FnOnce() -> Result<T>) -> Result<Result<T>> {
    // SAFETY: a context.
    unsafe {
        if ffi::PyContext_Enter(context.as_ptr()) < 0 {
            return Err(Raised::pending());
        }
        let result = action();
        let before = match &result {
            Ok(_) => None,
            Err(_) => exception::pending().map(exception::take),
        };
        let status = ffi::PyContext_Exit(context.as_ptr());
        if let Some(before) = before {
            let _ = exception::raise(before);
        } else if status < 0 {
            return Ok(Err(Raised::pending()));
        }
        Ok(result)
    }
}
