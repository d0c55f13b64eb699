//! Work on the bytes of a Python object.
//!
//! The object is held for as long as the work may read it, also if nobody waits for that any more. Only a thread that is attached
//! may let go of it. Where the work ends in another, the input is put among those that are done with: the next thread that is
//! attached and comes by, when a task is woken or work is created, lets go of them.

use super::{Convert, Drop, Order};
use crate::object::outside::Kept;
use crate::object::state::State;
use crate::python::exception;
use crate::python::ffi::{self, Py_ssize_t, PyObject};
use crate::python::memory::new_raw_block;
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use core::ffi::{CStr, c_void};
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// `PyAwaitable_BufferWork`.
pub type Work = unsafe extern "C" fn(bytes: *const c_void, length: Py_ssize_t, result: *mut c_void);

/// What is to be done.
pub struct Task {
    pub work: Work,
    pub convert: Convert,
    pub drop: Drop,
}

/// What the work is given. The result comes after it, in the same block.
#[repr(C, align(16))]
struct Input {
    /// Another one that is done with.
    next: *mut Input,
    /// Where those are: held.
    done: NonNull<Done>,
    task: Task,
    view: ffi::Py_buffer,
}

/// Inputs that are done with. Counted: each input has a hold, and so does the interpreter, until it ends.
struct Done {
    holders: AtomicUsize,
    first: AtomicPtr<Input>,
}

const CAPSULE: &CStr = c"pyawaitable.inputs";

/// The first one, once the interpreter has ended. No input has this address.
fn closed() -> *mut Input {
    core::ptr::without_provenance_mut(16)
}

/// A new awaitable for work on the bytes of an object.
pub fn create(
    state: &State,
    object: Borrowed<'_>,
    task: Task,
    size: usize,
    abandons: bool,
) -> Result<Owned> {
    let order = order(state, object, task, size, abandons)?;
    let data = order.data;
    let made = super::create(state, order);
    if made.is_err() {
        // SAFETY: made above, for nobody; the thread is attached.
        unsafe { release(data.cast()) };
    }
    made
}

/// The order for work on the bytes of an object, with so many bytes for the result, which are zeroed. Fails with `TypeError` or
/// `BufferError` if the object has none.
fn order(
    state: &State,
    object: Borrowed<'_>,
    task: Task,
    size: usize,
    abandons: bool,
) -> Result<Order> {
    let capsule = state.outside.get(Kept::Inputs, made)?;
    let Some(bytes) = size.checked_add(size_of::<Input>()) else {
        return Err(Raised::no_memory());
    };
    // SAFETY: the capsule that was made below; the new block is large enough, and aligned as `PyMem_*` aligns everything.
    unsafe {
        let done = ffi::PyCapsule_GetPointer(capsule.as_ptr(), CAPSULE.as_ptr()).cast::<Done>();
        let Some(done) = NonNull::new(done) else {
            return Err(Raised::pending());
        };
        let Some(input) = NonNull::new(ffi::PyMem_RawCalloc(1, bytes).cast::<Input>()) else {
            return Err(Raised::no_memory());
        };
        let view = &raw mut (*input.as_ptr()).view;
        if ffi::PyObject_GetBuffer(object.as_ptr(), view, ffi::PyBUF_SIMPLE) < 0 {
            ffi::PyMem_RawFree(input.as_ptr().cast());
            return Err(Raised::pending());
        }
        done.as_ref().holders.fetch_add(1, Ordering::Relaxed);
        (&raw mut (*input.as_ptr()).done).write(done);
        let convert = task
            .convert
            .map(|_| convert as unsafe extern "C" fn(_) -> _);
        (&raw mut (*input.as_ptr()).task).write(task);
        Ok(Order {
            work,
            convert,
            drop: Some(put_aside),
            cancel: None,
            data: input.as_ptr().cast(),
            abandons,
        })
    }
}

/// Lets go of the inputs that are done with, in a thread that is attached. No exception is set, nor is one afterwards.
#[inline]
pub fn sweep(state: &State) {
    if let Some(capsule) = state.outside.made(Kept::Inputs) {
        // SAFETY: the capsule that was made below, or none, which gives NULL and an exception.
        unsafe {
            let done = ffi::PyCapsule_GetPointer(capsule.as_ptr(), CAPSULE.as_ptr()).cast::<Done>();
            match done.as_ref() {
                Some(done) => done.sweep(null_mut()),
                None => exception::discard(Raised::pending()),
            }
        }
    }
}

#[cold]
fn made() -> Result<Owned> {
    let done = Done {
        holders: AtomicUsize::new(1),
        first: AtomicPtr::new(null_mut()),
    };
    let Ok(done) = new_raw_block(done) else {
        return Err(Raised::no_memory());
    };
    // SAFETY: a new capsule, with the one hold.
    unsafe {
        let (pointer, name) = (done.as_ptr().cast(), CAPSULE.as_ptr());
        let capsule = Owned::new(ffi::PyCapsule_New(pointer, name, Some(close)));
        if capsule.is_err() {
            Done::give_up(done);
        }
        capsule
    }
}

/// The interpreter ends.
unsafe extern "C" fn close(capsule: *mut PyObject) {
    // SAFETY: CPython passes the capsule, which has a hold.
    unsafe {
        let done = ffi::PyCapsule_GetPointer(capsule, CAPSULE.as_ptr()).cast::<Done>();
        if let Some(done) = NonNull::new(done) {
            done.as_ref().sweep(closed());
            Done::give_up(done);
        }
    }
}

impl Done {
    /// Lets go of all of them; then the first one is another.
    ///
    /// # Safety
    /// `next` is NULL or [`closed`], and the thread is attached.
    unsafe fn sweep(&self, next: *mut Input) {
        let taken = self
            .first
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |first| {
                (first != closed() && first != next).then_some(next)
            });
        let Ok(mut input) = taken else {
            return;
        };
        while !input.is_null() {
            // SAFETY: each is owned by the list, out of which it was taken.
            unsafe {
                let following = (*input).next;
                release(input);
                input = following;
            }
        }
    }

    /// # Safety
    /// The caller has a hold, which it gives up.
    unsafe fn give_up(done: NonNull<Done>) {
        // SAFETY: the caller's promise.
        unsafe {
            if done.as_ref().holders.fetch_sub(1, Ordering::AcqRel) == 1 {
                ffi::PyMem_RawFree(done.as_ptr().cast());
            }
        }
    }
}

/// # Safety
/// Nobody uses it from here on; the thread is attached.
unsafe fn release(input: *mut Input) {
    // SAFETY: the caller's promise.
    unsafe {
        exception::aside(|| ffi::PyBuffer_Release(&raw mut (*input).view));
        free(input);
    }
}

/// # Safety
/// As above, in any thread: what it has of Python's is let go, or the interpreter has ended.
unsafe fn free(input: *mut Input) {
    // SAFETY: the caller's promise.
    unsafe {
        let done = (*input).done;
        ffi::PyMem_RawFree(input.cast());
        Done::give_up(done);
    }
}

/// # Safety
/// An input.
unsafe fn result(input: *mut Input) -> *mut c_void {
    // SAFETY: in the same block.
    unsafe { input.add(1).cast() }
}

unsafe extern "C" fn work(data: *mut c_void) {
    // SAFETY: made by `order`; the author's function, once. The bytes stay where they are while the view is held.
    unsafe {
        let input = data.cast::<Input>();
        let view = &raw const (*input).view;
        ((*input).task.work)((*view).buf, (*view).len, result(input));
    }
}

unsafe extern "C" fn convert(data: *mut c_void) -> *mut PyObject {
    // SAFETY: as above, in an attached thread.
    unsafe {
        let input = data.cast::<Input>();
        let made = match (*input).task.convert {
            Some(convert) => convert(result(input)),
            None => null_mut(),
        };
        release(input);
        made
    }
}

/// Drops the result, in any thread, attached or not.
unsafe extern "C" fn put_aside(data: *mut c_void) {
    let input = data.cast::<Input>();
    // SAFETY: as above; the input holds where it is put, and belongs to whoever empties that as soon as it is there.
    unsafe {
        if let Some(drop) = (*input).task.drop {
            drop(result(input));
        }
        let done = (*input).done.as_ref();
        let put = done
            .first
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |first| {
                (*input).next = first;
                (first != closed()).then_some(input)
            });
        if put.is_err() {
            free(input);
        }
    }
}
