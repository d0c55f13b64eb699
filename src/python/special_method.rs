//! Special methods, looked up on the type as the interpreter does.

use crate::python::ffi;
use crate::python::raised::Result;
use crate::python::reference::{Borrowed, Owned};
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
            let r#type = object.borrow().r#type();
            let Some(found) = Owned::optional(ffi::type_lookup(r#type, name.as_ptr())) else {
                return Ok(None);
            };
            let kind = found.borrow().r#type();
            // Binding it would create an object that is called once.
            if ffi::PyType_HasFeature(kind, ffi::Py_TPFLAGS_METHOD_DESCRIPTOR) != 0 {
                return Ok(Some(Self {
                    function: found,
                    receiver: Some(object.borrow().to_owned()),
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

    /// Calls it without further arguments.
    pub fn call(&self) -> Result<Owned> {
        self.call_with([None])
    }

    /// Calls it with three arguments.
    pub fn call_with_three(&self, first: &Owned, second: &Owned, third: &Owned) -> Result<Owned> {
        self.call_with([
            None,
            Some(first.borrow()),
            Some(second.borrow()),
            Some(third.borrow()),
        ])
    }

    /// Calls it with the arguments after the first place, which is the receiver's.
    #[inline(always)]
    fn call_with<'a, const PLACES: usize>(
        &'a self,
        mut places: [Option<Borrowed<'a>>; PLACES],
    ) -> Result<Owned> {
        let count = match (&self.receiver, places.first_mut()) {
            (Some(receiver), Some(place)) => {
                *place = Some(receiver.borrow());
                PLACES
            }
            _ => PLACES.saturating_sub(1),
        };
        let arguments = places.as_ptr().wrapping_add(PLACES - count);
        // SAFETY: a live callable and `count` live arguments, each as large as a pointer; no exception is set.
        unsafe {
            Owned::new(ffi::PyObject_VectorcallDict(
                self.function.as_ptr(),
                arguments.cast(),
                count,
                null_mut(),
            ))
        }
    }
}
