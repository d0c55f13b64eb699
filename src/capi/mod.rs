//! The edge: the functions that C calls. They only check and convert. Each noun has a file, from which `make header` makes a
//! part of the header, the entries in the table, and the wrappers that call them.

mod arguments;
mod awaitable;
mod awaits;
mod bodies;
mod callbacks;
mod descriptors;
mod entries;
mod functions;
mod integers;
mod iteration;
mod objects;
mod pointers;
mod pool;
mod promises;
pub mod table;
mod timers;
pub mod v1;
mod values;
mod version;
mod wakers;

pub use arguments::*;
pub use awaitable::*;
pub use awaits::*;
pub use bodies::*;
pub use callbacks::*;
pub use descriptors::*;
pub use functions::*;
pub use integers::*;
pub use iteration::*;
pub use objects::*;
pub use pointers::*;
pub use pool::*;
pub use promises::*;
pub use timers::*;
pub use version::*;
pub use wakers::*;

use crate::base::buffer::NoMemory;
use crate::object::awaitable::Awaitable;
use crate::object::generator::Generator;
use crate::python::ffi::PyObject;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::Borrowed;

impl From<NoMemory> for Raised {
    fn from(_: NoMemory) -> Self {
        Raised::no_memory()
    }
}

/// The awaitable, or the generator, passed to a function: `SystemError` for NULL, `TypeError` for an object of another type.
///
/// # Safety
/// `object` is NULL, or live for as long as the result is used.
#[inline]
unsafe fn checked<'a>(object: *mut PyObject) -> Result<&'a Awaitable> {
    // SAFETY: the caller's promise.
    let Some(object) = (unsafe { Borrowed::optional(object) }) else {
        return Err(null_awaitable());
    };
    Awaitable::from_object(object)
        .or_else(|| Generator::from_object(object).map(Generator::driven))
        .ok_or_else(|| foreign(object))
}

#[cold]
fn null_awaitable() -> Raised {
    Raised::new(
        Kind::SystemError,
        c"NULL passed to PyAwaitable where an awaitable is needed",
    )
}

#[cold]
fn foreign(object: Borrowed<'_>) -> Raised {
    // SAFETY: a live object's type has a name.
    let name = unsafe { core::ffi::CStr::from_ptr((*object.r#type()).tp_name) };
    let same_name = name == c"pyawaitable.PyAwaitable";
    Raised::for_type_of(
        if same_name {
            c"a '%.100s' of another copy of the library cannot be used with this one, only awaited"
        } else {
            c"expected an awaitable made by PyAwaitable_New(), not '%.100s'"
        },
        object,
    )
}
