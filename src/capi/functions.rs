//! C functions that are `async def` functions.

use crate::functions::{coroutine, install};
use crate::object::current::current;
use crate::object::state::State;
use crate::python::exception;
use crate::python::ffi::{PyMethodDef, PyObject, PyTypeObject};
use crate::python::raised::{Kind, Raised, Result, status, to_c};
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;
use core::ffi::{CStr, c_int};

/// A flag for the `ml_flags` of a `PyMethodDef`, beside any of CPython's: the C function returns something to await, and its
/// callers see an `async def` function. `METH_ASYNC` where `PYAWAITABLE_KEYWORDS` is defined.
///
/// It has an effect in tables that are installed by `PyAwaitable_AddFunctions` or `PyAwaitable_AddMethods`. CPython ignores it
/// elsewhere: there the entry is the ordinary function that it always was.
pub const PyAwaitable_METH_ASYNC: c_int = 0x01000000;

/// As `PyAwaitable_METH_ASYNC`, for a function that returns an asynchronous iterator: `inspect.isasyncgenfunction` is true of it.
/// `METH_ASYNC_GENERATOR` where `PYAWAITABLE_KEYWORDS` is defined.
pub const PyAwaitable_METH_ASYNC_GENERATOR: c_int = 0x02000000;

// What is installed by these flags is decided elsewhere; cbindgen takes numbers alone.
const _: () = assert!(
    PyAwaitable_METH_ASYNC == install::METH_ASYNC
        && PyAwaitable_METH_ASYNC_GENERATOR == install::METH_ASYNC_GENERATOR
);

/// Adds the functions of a table to a module, as `PyModule_AddFunctions` does, and makes `async def` functions of those that are
/// flagged: genuine function objects, whose calls call the C function at once.
///
/// `module` is borrowed. `table` ends with an entry without a name, and stays in memory for as long as the process runs, as any
/// table of methods does.
///
/// A function has the signature that its docstring begins with, as in CPython: `name(a, *, b=1)`, and then a line of two dashes
/// between line ends. Python binds the arguments of a call to it, and passes them on: by position, except for keyword-only ones.
/// A default may be passed or left out, so C has to have the same. Without a signature, or with one that is not valid, the
/// parameters are `*args, **kwargs`; with METH_NOARGS or METH_O they are what these take.
///
/// An awaitable that the C function has just made takes the function's `__name__` and `__qualname__`, and so do its repr, warnings
/// and tasks. If what is returned cannot be awaited, or is not an asynchronous iterator where the flag says so, the call raises
/// `TypeError`.
///
/// Returns 0, or -1 with an exception set: `ValueError` for flags that exclude each other, `SystemError` if `module` is no module,
/// `MemoryError`. What was added before stays.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AddFunctions(
    module: *mut PyObject,
    table: *mut PyMethodDef,
) -> c_int {
    // SAFETY: the caller passes a live object or NULL.
    let module = unsafe { Borrowed::optional(module) };
    status(with_state(
        c"NULL passed to PyAwaitable_AddFunctions()",
        module,
        |state, module| {
            // SAFETY: the caller passes a table that ends, for good.
            unsafe { install::add_functions(state, module, table) }
        },
    ))
}

/// Adds the methods of a table to a type, and makes `async def` functions of those that are flagged, as
/// `PyAwaitable_AddFunctions` does for a module. `self` is checked as CPython's own methods check it.
///
/// `type` is borrowed: a heap type, or a static type before or after `PyType_Ready`. An attribute of the same name in the type's own
/// dictionary is replaced; what stands for a slot there stays, unless the entry is flagged METH_COEXIST. A method that the
/// interpreter calls through a slot, such as `__anext__` or `__call__`, sets the slot too.
///
/// Returns 0, or -1 with an exception set: `ValueError` for flags that exclude each other, or for a method that a slot calls if the
/// type is static or immutable; `RuntimeError` for flagged methods of a static type outside the main interpreter, since all
/// interpreters share it; `SystemError` if `type` is NULL; `MemoryError`. What was added before stays.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AddMethods(
    r#type: *mut PyTypeObject,
    table: *mut PyMethodDef,
) -> c_int {
    // SAFETY: the caller passes a live type or NULL.
    let found = unsafe { Borrowed::optional(r#type.cast()) };
    status(with_state(
        c"NULL passed to PyAwaitable_AddMethods()",
        found,
        |state, found| {
            // SAFETY: the caller passes a type, and a table that ends, for good.
            unsafe { install::add_methods(state, found.as_ptr().cast(), table) }
        },
    ))
}

/// A coroutine of Python's own type that awaits `awaitable`, for tools that accept no other type.
///
/// `awaitable` may be any object that can be awaited; the coroutine takes a reference of its own, and the object's name. If it is
/// never awaited, the warning is that of the coroutine.
///
/// Returns a new reference, or NULL with an exception set: `TypeError` if it cannot be awaited, `SystemError` if it is NULL,
/// `MemoryError`.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_AsCoroutine(awaitable: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes a live object or NULL.
    let awaitable = unsafe { Borrowed::optional(awaitable) };
    to_c(
        with_state(
            c"NULL passed to PyAwaitable_AsCoroutine()",
            awaitable,
            coroutine::around,
        )
        .map(Owned::into_ptr),
    )
}

/// Runs `body` with an object, or fails if there is none. An exception that is set stays, unless `body` fails.
fn with_state<T>(
    complaint: &CStr,
    object: Option<Borrowed<'_>>,
    body: impl FnOnce(&State, Borrowed<'_>) -> Result<T>,
) -> Result<T> {
    let thread = Thread::current();
    let state = current(&thread, &DEFINITIONS)?;
    match object {
        Some(object) => exception::preserving(|| body(state, object)),
        None => Err(Raised::new(Kind::SystemError, complaint)),
    }
}
