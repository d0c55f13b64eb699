//! New awaitables with a body in C.

use crate::body::function::{self, definition::Definition as PyAwaitable_Definition};
use crate::object::current::current;
use crate::python::ffi::PyObject;
use crate::python::raised::{Kind, Raised, to_c};
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;
use core::ffi::c_void;

/// Creates an awaitable with a body of its own, which is defined by `PyAwaitable_BODY` and `PyAwaitable_DEFINITION`.
///
/// `definition` stays in memory for as long as the process runs. `frame` is the address of a pointer to the frame: that is set to a
/// new frame, which is zeroed, but for its head. The author fills in what the body begins with; references in it are the frame's
/// own. The frame is valid for as long as there is a reference to the awaitable.
///
/// Nothing of the body runs before the first step. The functions that add awaits and values to an awaitable, or set its result,
/// raise `RuntimeError` for it; those for clean-ups and arguments take it.
///
/// The references are visited by the garbage collector, and released, once, when the body has ended, in whatever way; then they are
/// NULL.
///
/// Returns a new reference, or NULL with an exception set, and `frame` set to NULL: `MemoryError`; `SystemError` for a definition that
/// is not valid, or is made for a newer version; or what initialization raised.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_NewBody(
    definition: *const PyAwaitable_Definition,
    frame: *mut c_void,
) -> *mut PyObject {
    // SAFETY: NULL, or what the caller has defined for good.
    let definition = unsafe { definition.as_ref() };
    let frame = frame.cast::<*mut c_void>();
    let created = if frame.is_null() {
        Err(Raised::new(
            Kind::SystemError,
            c"NULL passed to PyAwaitable_NewBody() where the address of a pointer to the frame is needed",
        ))
    } else {
        let thread = Thread::current();
        current(&thread, &DEFINITIONS).and_then(|state| function::create(thread, state, definition))
    };
    let (object, made) = match created {
        Ok((object, made)) => (Ok(object.into_ptr()), made),
        Err(raised) => (Err(raised), core::ptr::null_mut()),
    };
    if !frame.is_null() {
        // SAFETY: the caller's pointer.
        unsafe { frame.write(made) };
    }
    to_c(object)
}
