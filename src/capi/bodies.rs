//! New awaitables and generators with a body in C.

use crate::body::function::{self, definition::Definition as PyAwaitable_Definition};
use crate::object::current::current;
use crate::object::state::State;
use crate::python::ffi::PyObject;
use crate::python::raised::{Kind, Raised, Result, to_c};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;
use crate::types::generator_type::generator_type;
use core::ffi::{CStr, c_void};

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
    // SAFETY: the caller's promise.
    let created = unsafe {
        create(
            definition,
            frame,
            c"NULL passed to PyAwaitable_NewBody() where the address of a pointer to the frame is needed",
            function::create,
        )
    };
    to_c(created)
}

/// Creates an asynchronous generator: what calling an `async def` with a `yield` returns. Its body, which is defined as that of an
/// awaitable is, yields items by `PyAwaitable_YIELD`.
///
/// `definition`, `frame` and the references in the frame are as those of `PyAwaitable_NewBody`. The functions for clean-ups and
/// arguments take a generator, too.
///
/// The generator has the methods of `collections.abc.AsyncGenerator`, and is no awaitable: what its methods return are. Those step
/// the body, one at a time: while one is under way, another raises `RuntimeError`. A body that returns something other than None raises
/// `SystemError`.
///
/// A generator that is neither exhausted nor closed when its last reference goes is given to the event loop, which closes it, if it
/// was iterated over in one. Without one it is closed at once, as far as that goes without awaiting anything.
///
/// Any thread may call this, and use the generator, if it is attached to the interpreter.
///
/// Returns a new reference, or NULL with an exception set, and `frame` set to NULL: `MemoryError`; `SystemError` for a definition that
/// is not valid, or is made for a newer version; or what initialization raised.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_NewGenerator(
    definition: *const PyAwaitable_Definition,
    frame: *mut c_void,
) -> *mut PyObject {
    // SAFETY: the caller's promise.
    let created = unsafe {
        create(
            definition,
            frame,
            c"NULL passed to PyAwaitable_NewGenerator() where the address of a pointer to the frame is needed",
            |_, state, definition| {
                function::create_generator(state, generator_type(state)?, definition)
            },
        )
    };
    to_c(created)
}

/// What both do.
///
/// # Safety
/// `definition` is NULL, or lives forever; `frame` is NULL, or the address of a pointer.
#[inline(always)]
unsafe fn create(
    definition: *const PyAwaitable_Definition,
    frame: *mut c_void,
    no_frame: &CStr,
    create: impl FnOnce(
        Thread,
        &State,
        Option<&'static PyAwaitable_Definition>,
    ) -> Result<(Owned, *mut c_void)>,
) -> Result<*mut PyObject> {
    let frame = frame.cast::<*mut c_void>();
    if frame.is_null() {
        return Err(Raised::new(Kind::SystemError, no_frame));
    }
    let thread = Thread::current();
    // SAFETY: the caller's promise.
    unsafe {
        let definition = definition.as_ref();
        match current(&thread, &DEFINITIONS).and_then(|state| create(thread, state, definition)) {
            Ok((object, made)) => {
                frame.write(made);
                Ok(object.into_ptr())
            }
            Err(raised) => {
                frame.write(core::ptr::null_mut());
                Err(raised)
            }
        }
    }
}
