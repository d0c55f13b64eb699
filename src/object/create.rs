//! New awaitables: of memory that is kept, or of new memory.

use super::awaitable::Awaitable;
use super::frames::Frames;
use super::state::State;
use crate::base::likely::likely;
use crate::base::rules::Phase;
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::lock::Lock;
use crate::python::origin;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::store::Contents;
use crate::store::body::{Body, Functions};
use crate::store::generator::Held;
use crate::store::maker::Maker;
use crate::store::status::Status;
use core::cell::{Cell, UnsafeCell};
use core::ffi::{c_int, c_void};
use core::sync::atomic::AtomicU8;

/// Zeroes a frame, but for its first bytes.
///
/// # Safety
/// The frame is of `size` bytes, rounded up to a multiple of 32, and nobody else's; `kept` is a multiple of 16, and less.
#[inline(always)]
unsafe fn clear(frame: *mut c_void, kept: usize, size: usize) {
    // A call of `memset` costs more than clearing a small frame. The compiler would make this loop one if it might.
    const SMALL: usize = 160;
    // SAFETY: the caller's promise: no 16 bytes from a multiple of 16 on go beyond a multiple of 32.
    unsafe {
        let (mut at, end) = (frame.byte_add(kept), frame.byte_add(size));
        if size > SMALL {
            at.cast::<u8>().write_bytes(0, size - kept);
            return;
        }
        while at < end {
            at.cast::<u64>().write_volatile(0);
            at.cast::<u64>().add(1).write_volatile(0);
            at = at.byte_add(16);
        }
    }
}

impl Awaitable {
    /// A new, empty awaitable.
    #[inline(always)]
    pub fn create(thread: Thread, state: &State) -> Result<Owned> {
        // SAFETY: the object is complete before the collector or other code sees it.
        let created = unsafe {
            let object = match state.awaitables.take() {
                Some(object) => {
                    ffi::first_reference(object, size_of::<Self>());
                    let awaitable = &*object.cast::<Self>();
                    awaitable.set_phase(Phase::Created);
                    *awaitable.status.get() = Status::new();
                    object
                }
                None => Self::allocate(state)?,
            };
            ffi::PyObject_GC_Track(object.cast());
            Owned::new(object)?
        };
        match thread.origin_depth() {
            ..=0 => Ok(created),
            depth => Self::with_origin(created, depth),
        }
    }

    /// A new awaitable with a body, and its frame: `size` bytes, zeroed, but for the first `kept` ones, which may be as the last
    /// body of this kind has left them. `begin` makes it a whole frame, before the collector can see it.
    #[inline(always)]
    pub fn create_with_frame(
        thread: Thread,
        state: &State,
        functions: &'static Functions,
        size: usize,
        kept: usize,
        maker: Maker,
        begin: impl FnOnce(*mut c_void),
    ) -> Result<(Owned, *mut c_void)> {
        let Some((object, number)) = state.frames.take_awaitable(size) else {
            return Self::create_and_frame(thread, state, functions, size, maker, begin);
        };
        // SAFETY: the object is complete before the collector or other code sees it, and its frame is as large.
        let (created, frame) = unsafe {
            ffi::first_reference(object, size_of::<Self>());
            let awaitable = &*object.cast::<Self>();
            awaitable.set_phase(Phase::Created);
            *awaitable.status.get() = Status::of_body(number);
            let frame = (*awaitable.contents.get()).renew_body(functions, maker);
            clear(frame, kept, size);
            begin(frame);
            ffi::PyObject_GC_Track(object.cast());
            (Owned::new(object)?, frame)
        };
        match thread.origin_depth() {
            depth if likely(depth <= 0) => Ok((created, frame)),
            depth => Self::with_origin(created, depth).map(|created| (created, frame)),
        }
    }

    /// The same, without one to reuse.
    #[cold]
    fn create_and_frame(
        thread: Thread,
        state: &State,
        functions: &'static Functions,
        size: usize,
        maker: Maker,
        begin: impl FnOnce(*mut c_void),
    ) -> Result<(Owned, *mut c_void)> {
        let Some(frame) = state.frames.take(size) else {
            return Err(Raised::no_memory());
        };
        begin(frame);
        let created = match Self::create(thread, state) {
            Ok(created) => created,
            Err(raised) => {
                // SAFETY: made above, and nobody's.
                unsafe { state.frames.put(frame, size) };
                return Err(raised);
            }
        };
        // SAFETY: made above.
        let awaitable = unsafe { &*created.as_ptr().cast::<Self>() };
        awaitable.with(|store| {
            store.set_body(Body { functions, frame });
            store.status.frame_size = Frames::number(size);
        });
        awaitable.set_maker(maker);
        Ok((created, frame))
    }

    /// A new awaitable that is a step of a generator, or `spare`, a step that has ended, made new. It has no frame.
    #[inline(always)]
    pub fn create_step(
        state: &State,
        spare: Option<Owned>,
        body: Body,
        held: Held,
        maker: Maker,
        is_quiet: bool,
    ) -> Result<Owned> {
        if let Some(step) = spare {
            // SAFETY: a step is an awaitable of ours.
            let awaitable = unsafe { &*step.as_ptr().cast::<Self>() };
            awaitable.begin_as_step(body, held, maker, is_quiet);
            return Ok(step);
        }
        let object = match state.awaitables.take() {
            Some(object) => {
                // SAFETY: out of the pool, where all have this size.
                unsafe { ffi::first_reference(object, size_of::<Self>()) };
                object
            }
            None => Self::allocate(state)?,
        };
        // SAFETY: the object is complete before the collector or other code sees it.
        unsafe {
            (*object.cast::<Self>()).begin_as_step(body, held, maker, is_quiet);
            ffi::PyObject_GC_Track(object.cast());
            Owned::new(object)
        }
    }

    /// Makes an object that holds nothing, and that nobody else has, a new step of a generator.
    #[inline(always)]
    fn begin_as_step(&self, body: Body, held: Held, maker: Maker, is_quiet: bool) {
        self.set_phase(Phase::Created);
        // SAFETY: nobody else has the object.
        unsafe {
            let status = &mut *self.status.get();
            *status = Status::of_step(is_quiet);
            (*self.contents.get()).begin_step(status, body, held, maker);
        }
    }

    /// Records where a new awaitable was created.
    #[cold]
    fn with_origin(created: Owned, depth: c_int) -> Result<Owned> {
        // SAFETY: `create` has made it.
        let awaitable = unsafe { &*created.as_ptr().cast::<Self>() };
        // The caller of `PyAwaitable_New` may have an exception set.
        let recorded = exception::preserving(|| {
            let origin = origin::here(depth)?;
            awaitable
                .with(|store| store.set_origin(origin))
                .map_err(|origin| {
                    drop(origin);
                    Raised::no_memory()
                })
        });
        match recorded {
            Ok(()) => Ok(created),
            Err(raised) => {
                // No caller has had it, so none forgot to await it, nor has a frame to release.
                awaitable.with(|store| store.end_body());
                awaitable.set_phase(Phase::Finished);
                drop(created);
                Err(raised)
            }
        }
    }

    /// A new object that the collector does not know yet. It holds its state and, like an instance of any heap type, its type.
    #[cold]
    fn allocate(state: &State) -> Result<*mut PyObject> {
        let Some(r#type) = state.awaitable_type.get() else {
            return Err(Raised::new(
                Kind::RuntimeError,
                c"the interpreter is shutting down",
            ));
        };
        // SAFETY: the state keeps its type.
        Self::allocate_as(state, unsafe { Borrowed::new(r#type.as_ptr().cast()) })
    }

    /// The same, of another type that has objects of this layout.
    pub(super) fn allocate_as(state: &State, r#type: Borrowed<'_>) -> Result<*mut PyObject> {
        // SAFETY: the state keeps its types.
        unsafe {
            let object = ffi::_PyObject_GC_New(r#type.as_ptr().cast()).cast::<Self>();
            if object.is_null() {
                return Err(Raised::pending());
            }
            state.hold();
            (&raw mut (*object).weak_references).write(Cell::new(core::ptr::null_mut()));
            (&raw mut (*object).phase).write(AtomicU8::new(Phase::Created as u8));
            (&raw mut (*object).lock).write(Lock::new());
            (&raw mut (*object).status).write(UnsafeCell::new(Status::new()));
            (&raw mut (*object).marks).write(AtomicU8::new(0));
            (&raw mut (*object).contents).write(UnsafeCell::new(Contents::new()));
            Ok(object.cast())
        }
    }
}
