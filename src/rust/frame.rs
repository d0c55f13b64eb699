//! The frame of a body in Rust, and the functions that the engine calls.

use super::body::Body;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::ffi::PyObject;
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::store::body::{Action, Event, Functions};
use core::any::Any;
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::pin::Pin;
use std::boxed::Box;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is in a frame's memory.
#[repr(C)]
struct Frame<B> {
    /// Whether the body is there. It is in no other frame, so nothing else is needed for all kinds.
    is_full: Cell<bool>,
    body: MaybeUninit<B>,
}

/// What the memory of a frame is aligned to.
const ALIGNMENT: usize = 2 * align_of::<usize>();

/// A body for which a frame is not aligned enough.
struct Boxed<B>(Pin<Box<B>>);

impl<B: Body> Body for Boxed<B> {
    fn resume(self: Pin<&Self>, awaitable: Borrowed<'_>, event: Event) -> Action {
        self.get_ref().0.as_ref().resume(awaitable, event)
    }

    fn visit(&self, visit: &mut dyn FnMut(Borrowed<'_>) -> c_int) -> c_int {
        self.0.visit(visit)
    }

    fn bytes(&self) -> usize {
        size_of::<B>() + self.0.bytes()
    }

    fn panicked(payload: &(dyn Any + Send)) -> Raised {
        B::panicked(payload)
    }
}

/// How many bytes at the beginning of a frame of this size need not be zeroed.
pub fn kept(size: usize) -> usize {
    (size - 1) & !15
}

/// Makes a frame one without a body.
///
/// # Safety
/// A frame of the size that [`fill`] asks for, which nobody else has.
pub unsafe fn begin(frame: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { frame.cast::<Cell<bool>>().write(Cell::new(false)) }
}

/// Has an object made, and puts the body into its frame. Inline, as what leads here: a body is large, and is not to be moved
/// several times.
#[inline(always)]
pub fn fill<B: Body>(
    body: B,
    create: impl FnOnce(&'static Functions, usize) -> Result<(Owned, *mut c_void)>,
) -> Result<Owned> {
    if align_of::<Frame<B>>() > ALIGNMENT {
        fill_aligned(Boxed(Box::pin(body)), create)
    } else {
        fill_aligned(body, create)
    }
}

#[inline(always)]
fn fill_aligned<B: Body>(
    body: B,
    create: impl FnOnce(&'static Functions, usize) -> Result<(Owned, *mut c_void)>,
) -> Result<Owned> {
    let (object, frame) = create(functions::<B>(), size_of::<Frame<B>>())?;
    // SAFETY: a frame of that size, aligned enough, which only the collector may look at before the object is handed out.
    unsafe {
        let frame = frame.cast::<Frame<B>>();
        (&raw mut (*frame).body).write(MaybeUninit::new(body));
        (*frame).is_full.set(true);
    }
    Ok(object)
}

/// What this kind of body does.
fn functions<B: Body>() -> &'static Functions {
    const {
        &Functions {
            resume: resume::<B>,
            handled,
            visit: visit::<B>,
            bytes: bytes::<B>,
            release: release::<B>,
            free: free::<B>,
        }
    }
}

/// The body in a frame, if it is there.
///
/// # Safety
/// A frame of this kind of body, which stays as it is for as long as the result is used.
unsafe fn body<'a, B: Body>(frame: *mut c_void) -> Option<Pin<&'a B>> {
    // SAFETY: the caller's promise. It does not move until it is dropped.
    unsafe {
        let frame = &*frame.cast::<Frame<B>>();
        frame
            .is_full
            .get()
            .then(|| Pin::new_unchecked(frame.body.assume_init_ref()))
    }
}

unsafe fn resume<B: Body>(
    _: Thread,
    awaitable: *mut PyObject,
    frame: *mut c_void,
    event: Event,
) -> Action {
    // SAFETY: a frame of this kind of body, and a live awaitable.
    let (body, awaitable) = unsafe { (body::<B>(frame), Borrowed::new(awaitable)) };
    let Some(body) = body else {
        return Action::Raise(Raised::pending());
    };
    match catch_unwind(AssertUnwindSafe(|| body.resume(awaitable, event))) {
        Ok(action) => action,
        Err(payload) => Action::Raise(raise::<B>(payload)),
    }
}

/// Makes an exception of a panic.
#[cold]
fn raise<B: Body>(payload: Box<dyn Any + Send>) -> Raised {
    let raised = catch_unwind(AssertUnwindSafe(|| B::panicked(&*payload)));
    // What panics while a panic is taken care of is not worth a third one.
    if let Err(more) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        core::mem::forget(more);
    }
    match raised {
        Ok(raised) => raised,
        Err(more) => {
            core::mem::forget(more);
            Raised::pending()
        }
    }
}

unsafe fn handled(_: *mut c_void) -> *mut PyObject {
    core::ptr::null_mut()
}

unsafe fn visit<B: Body>(
    frame: *mut c_void,
    visit: &mut dyn FnMut(*mut PyObject) -> c_int,
) -> c_int {
    // SAFETY: a frame of this kind of body, and nothing else runs while the collector does.
    match unsafe { body::<B>(frame) } {
        Some(body) => body.visit(&mut |object| visit(object.as_ptr())),
        None => 0,
    }
}

unsafe fn bytes<B: Body>(frame: *mut c_void) -> usize {
    // SAFETY: a frame of this kind of body.
    let more = unsafe { body::<B>(frame) }.map_or(0, |body| body.bytes());
    size_of::<Frame<B>>() + more
}

unsafe fn release<B: Body>(awaitable: *mut PyObject, frame: *mut c_void) {
    // SAFETY: a frame of this kind of body; nothing resumes or visits it from here on.
    unsafe {
        let frame = frame.cast::<Frame<B>>();
        if !(*frame).is_full.replace(false) {
            return;
        }
        let body = (&raw mut (*frame).body).cast::<B>();
        if !core::mem::needs_drop::<B>() {
            return;
        }
        exception::aside(|| {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| body.drop_in_place())) {
                report(&*awaitable.cast::<Awaitable>(), raise::<B>(payload));
            }
        });
    }
}

/// Reports a panic in a destructor. The object may be about to go, so it is its name that is told.
#[cold]
fn report(awaitable: &Awaitable, raised: Raised) {
    let exception = exception::take(raised);
    let name = awaitable.name_for_text().into_str();
    exception::report(exception::raise(exception), name.ok());
}

unsafe fn free<B: Body>(awaitable: *mut PyObject, frame: *mut c_void) {
    // SAFETY: an awaitable of ours, with a frame of that size, which nothing uses from here on.
    unsafe {
        let state = (*awaitable.cast::<Awaitable>()).state();
        state.frames.put(frame, size_of::<Frame<B>>());
    }
}
