//! Work in a pool of threads.

#![allow(non_camel_case_types, reason = "the names are those of the C API")]

use super::{PyAwaitable_Convert, PyAwaitable_Drop};
use crate::base::pool;
use crate::object::current::current;
use crate::outside::job::{self, Order, buffer};
use crate::python::ffi::{Py_ssize_t, PyObject};
use crate::python::raised::{Kind, Raised, Result, status, to_c};
use crate::python::reference::Borrowed;
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;
use core::ffi::{c_int, c_void};

/// Does the work, in a thread that is not attached to an interpreter: no Python in it.
pub type PyAwaitable_Work = Option<unsafe extern "C" fn(data: *mut c_void)>;

/// Does the work on the bytes of an object, in a thread that is not attached to an interpreter: no Python in it. `result` is for
/// what comes of it.
pub type PyAwaitable_BufferWork =
    Option<unsafe extern "C" fn(bytes: *const c_void, length: Py_ssize_t, result: *mut c_void)>;

/// Creates an awaitable that has `work(data)` done in a thread of the library's pool, and then returns what `convert(data)` makes
/// of it. The work is handed to the pool at the first step.
///
/// `data` goes one way: to `convert`, in the thread and the context of the task that awaits; or to `drop`, exactly once, if the
/// work never ran, or nobody takes what came of it, or `convert` is NULL, and the value None. `drop` may be called in any thread,
/// attached or not, so it must not use Python; it may be NULL. `work` must not touch the frame of a body: that may go while the
/// work runs.
///
/// `cancel(data)` is called at most once, while the work runs in another thread, when nobody waits for it any more, or in order to
/// hurry it. It may be NULL. `on_cancel` says what happens to a task that is cancelled meanwhile:
///
/// - `PyAwaitable_WAIT`: the task waits until the work has ended. In asyncio `CancelledError` is raised then, and `data` dropped; in
///   trio the value arrives, as from `trio.to_thread`. Work that has not begun is withdrawn.
/// - `PyAwaitable_ABANDON`: the exception is raised at once, and the work left alone.
///
/// `GeneratorExit`, the loss of the last reference and a closed event loop always leave it alone.
///
/// Returns a new reference, or NULL with an exception set, and `data` stays the caller's: `SystemError` if `work` is NULL;
/// `ValueError` for another `on_cancel`; `MemoryError`.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Run(
    work: PyAwaitable_Work,
    convert: PyAwaitable_Convert,
    drop: PyAwaitable_Drop,
    cancel: PyAwaitable_Drop,
    data: *mut c_void,
    on_cancel: c_int,
) -> *mut PyObject {
    let order = |work| Order {
        work,
        convert,
        drop,
        cancel,
        data,
        abandons: on_cancel == 1,
    };
    to_c(created(work.map(order), on_cancel))
}

fn created(order: Option<Order>, on_cancel: c_int) -> Result<*mut PyObject> {
    let Some(order) = order else {
        return Err(Raised::new(
            Kind::SystemError,
            c"NULL passed to PyAwaitable_Run() where a function is needed",
        ));
    };
    check(on_cancel)?;
    let thread = Thread::current();
    let state = current(&thread, &DEFINITIONS)?;
    Ok(job::create(state, order)?.into_ptr())
}

fn check(on_cancel: c_int) -> Result<()> {
    match on_cancel {
        0 | 1 => Ok(()),
        _ => Err(Raised::new(
            Kind::ValueError,
            c"on_cancel is PyAwaitable_WAIT or PyAwaitable_ABANDON",
        )),
    }
}

/// Creates an awaitable that has `work(bytes, length, result)` done in a thread of the library's pool, as `PyAwaitable_Run` does, and
/// then returns what `convert(result)` makes of it. So C hashes, parses or compresses what Python has, and there is nothing to
/// allocate or free.
///
/// `bytes` are those of `object`, a `bytes`, `bytearray`, `memoryview` or anything else with a contiguous buffer, which is held until
/// the work has ended, whatever becomes of the awaitable; nothing is copied. `result` are `result_size` zeroed bytes, aligned for
/// any type, which live until `convert` or `drop` has returned.
///
/// `convert` and `drop` are called as by `PyAwaitable_Run`: one of them, with what the result holds, which is all zeroes if the work
/// never ran. Either may be NULL.
///
/// `on_cancel` says what happens to a task that is cancelled meanwhile: see `PyAwaitable_Run`.
///
/// Returns a new reference, or NULL with an exception set: `TypeError` or `BufferError` if `object` has no such buffer; `SystemError`
/// if `object` or `work` is NULL; `ValueError` if `result_size` is negative, or for another `on_cancel`; `MemoryError`.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_RunOnBuffer(
    object: *mut PyObject,
    work: PyAwaitable_BufferWork,
    result_size: Py_ssize_t,
    convert: PyAwaitable_Convert,
    drop: PyAwaitable_Drop,
    on_cancel: c_int,
) -> *mut PyObject {
    // SAFETY: NULL, or a live object.
    let object = unsafe { Borrowed::optional(object) };
    let task = |work| buffer::Task {
        work,
        convert,
        drop,
    };
    let given = object.zip(work.map(task));
    to_c(created_on_buffer(given, result_size, on_cancel))
}

fn created_on_buffer(
    given: Option<(Borrowed<'_>, buffer::Task)>,
    result_size: Py_ssize_t,
    on_cancel: c_int,
) -> Result<*mut PyObject> {
    let Some((object, task)) = given else {
        return Err(Raised::new(
            Kind::SystemError,
            c"NULL passed to PyAwaitable_RunOnBuffer() where an object or a function is needed",
        ));
    };
    check(on_cancel)?;
    let Ok(size) = usize::try_from(result_size) else {
        return Err(Raised::new(
            Kind::ValueError,
            c"the size of a result cannot be negative",
        ));
    };
    let thread = Thread::current();
    let state = current(&thread, &DEFINITIONS)?;
    buffer::sweep(state);
    Ok(job::buffer::create(state, object, task, size, on_cancel == 1)?.into_ptr())
}

/// Sets how many threads the pool may have: 0 for as many as there are processors, and four more, but at most 32, as it is at first.
/// There is one pool for the process.
///
/// Returns 0, or -1 with an exception set: `ValueError` if `size` is negative.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_SetPoolSize(size: Py_ssize_t) -> c_int {
    status(match usize::try_from(size) {
        Ok(size) => {
            pool::set_size(size);
            Ok(())
        }
        Err(_) => Err(Raised::new(
            Kind::ValueError,
            c"the size of the pool cannot be negative",
        )),
    })
}
