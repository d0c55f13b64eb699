//! Special methods, looked up on the type as the interpreter does.

use crate::ffi::{self, PyObject};
use crate::raised::Result;
use crate::reference::Owned;
use core::ptr::null_mut;

/// A method, and the object that it is called on.
pub struct Special {
    pub function: Owned,
    /// The first argument; None where the function is bound already.
    pub receiver: Option<Owned>,
}

impl Special {
    /// The special method of an object's type, if it has it.
    pub fn find(object: &Owned, name: &Owned) -> Result<Option<Self>> {
        // SAFETY: a live object and a str; a descriptor's `__get__` is called as CPython does.
        unsafe {
            let r#type = ffi::Py_TYPE(object.as_ptr());
            let Some(found) = Owned::optional(ffi::type_lookup(r#type, name.as_ptr())) else {
                return Ok(None);
            };
            let kind = ffi::Py_TYPE(found.as_ptr());
            // Binding such a one makes an object that is called once.
            if ffi::PyType_HasFeature(kind, ffi::Py_TPFLAGS_METHOD_DESCRIPTOR) != 0 {
                return Ok(Some(Self {
                    function: found,
                    receiver: Some(Owned::share(object.as_ptr())),
                }));
            }
            let function = match (*kind).tp_descr_get {
                Some(get) => Owned::new(get(found.as_ptr(), object.as_ptr(), r#type.cast()))?,
                None => found,
            };
            Ok(Some(Self {
                function,
                receiver: None,
            }))
        }
    }

    /// The receiver, or the NULL that ends a list of arguments.
    fn receiver(&self) -> *mut PyObject {
        self.receiver.as_ref().map_or(null_mut(), Owned::as_ptr)
    }

    /// Calls it without further arguments.
    pub fn call(&self) -> Result<Owned> {
        // SAFETY: live objects, NULL at the end; no exception is set.
        unsafe {
            Owned::new(ffi::PyObject_CallFunctionObjArgs(
                self.function.as_ptr(),
                self.receiver(),
                null_mut::<PyObject>(),
            ))
        }
    }

    /// Calls it with three arguments.
    pub fn call_with_three(&self, first: &Owned, second: &Owned, third: &Owned) -> Result<Owned> {
        let arguments = [first, second, third].map(Owned::as_ptr);
        let [first, second, third] = arguments;
        let end = null_mut::<PyObject>();
        let function = self.function.as_ptr();
        // SAFETY: live objects, NULL at the end; no exception is set.
        unsafe {
            Owned::new(match &self.receiver {
                Some(receiver) => ffi::PyObject_CallFunctionObjArgs(
                    function,
                    receiver.as_ptr(),
                    first,
                    second,
                    third,
                    end,
                ),
                None => ffi::PyObject_CallFunctionObjArgs(function, first, second, third, end),
            })
        }
    }
}
