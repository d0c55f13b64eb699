//! Asynchronous generators: objects of a type of their own, laid out as awaitables are, so that the engine drives the one as the
//! other.

use super::awaitable::Awaitable;
use super::state::State;
use super::trashcan;
use crate::base::likely::likely;
use crate::base::rules::Phase;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::store::body::{Body, Functions};
use crate::store::maker::Maker;
use core::ffi::c_void;
use core::sync::atomic::Ordering;

/// A generator.
#[repr(transparent)]
pub struct Generator(Awaitable);

/// The marks of one: that it is one;
const GENERATOR: u8 = 1;
/// the hooks have been asked for;
const HOOKED: u8 = 2;
/// `aclose` has begun, or the end was reached in another way;
const CLOSED: u8 = 4;
/// a step of it is under way, or was abandoned.
const STEPPING: u8 = 8;

impl Awaitable {
    /// Whether it is a generator.
    #[inline]
    pub fn is_generator(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & GENERATOR != 0
    }

    /// Whether it is a generator with a finalizer to call.
    pub(super) fn has_finalizer(&self) -> bool {
        self.is_generator() && self.with(|store| store.finalizer().is_some())
    }
}

impl Generator {
    /// `object` as a generator, if it is one of this copy of the library.
    #[inline]
    pub fn from_object(object: Borrowed<'_>) -> Option<&Self> {
        // SAFETY: a live object's type is live. Only our type has our destructor: it cannot be subclassed.
        unsafe {
            let ours = (*object.r#type())
                .tp_dealloc
                .is_some_and(|found| core::ptr::fn_addr_eq(found, dealloc as ffi::destructor));
            ours.then(|| &*object.as_ptr().cast::<Self>())
        }
    }

    /// What the engine drives.
    #[inline]
    pub fn driven(&self) -> &Awaitable {
        &self.0
    }

    /// A new generator of the type for these, which the state keeps, with a body and its zeroed frame of `size` bytes. `begin`
    /// makes it a whole frame, before the collector can see it.
    pub fn create(
        state: &State,
        r#type: Borrowed<'_>,
        functions: &'static Functions,
        size: usize,
        maker: Maker,
        begin: impl FnOnce(*mut c_void),
    ) -> Result<(Owned, *mut c_void)> {
        let Some(frame) = state.frames.take(size) else {
            return Err(Raised::no_memory());
        };
        begin(frame);
        let object = match Awaitable::allocate_as(state, r#type) {
            Ok(object) => object,
            Err(raised) => {
                // SAFETY: made above, and nobody's.
                unsafe { state.frames.put(frame, size) };
                return Err(raised);
            }
        };
        // SAFETY: new, and complete before the collector or other code sees it.
        unsafe {
            let awaitable = &*object.cast::<Awaitable>();
            awaitable.marks.store(GENERATOR, Ordering::Relaxed);
            awaitable.with(|store| {
                store.set_body(Body { functions, frame });
                store.set_maker(maker);
                // Nobody has to iterate over it.
                store.status.note_quiet();
            });
            ffi::PyObject_GC_Track(object.cast());
            Ok((Owned::new(object)?, frame))
        }
    }

    fn has(&self, mark: u8) -> bool {
        self.0.marks.load(Ordering::Acquire) & mark != 0
    }

    /// Sets a mark; false if it was set.
    #[inline]
    fn mark(&self, mark: u8) -> bool {
        let marks = &self.0.marks;
        let before = if cfg!(Py_GIL_DISABLED) {
            marks.fetch_or(mark, Ordering::AcqRel)
        } else {
            let before = marks.load(Ordering::Relaxed);
            marks.store(before | mark, Ordering::Relaxed);
            before
        };
        before & mark == 0
    }

    /// Notes that the hooks are asked for; false if they have been.
    #[inline]
    pub fn note_hooked(&self) -> bool {
        self.mark(HOOKED)
    }

    /// Whether nothing can be thrown into it any more.
    pub fn is_closed(&self) -> bool {
        self.has(CLOSED)
    }

    pub fn note_closed(&self) {
        self.mark(CLOSED);
    }

    /// Whether a step of it is under way.
    pub fn is_stepping(&self) -> bool {
        self.has(STEPPING)
    }

    /// Begins a step; false if one is under way.
    #[inline]
    pub fn begin_step(&self) -> bool {
        self.mark(STEPPING)
    }

    /// A step that was kept to be the next one, unless somebody has found it since.
    #[inline(always)]
    pub fn take_spare_step(&self) -> Option<Owned> {
        if cfg!(Py_GIL_DISABLED) {
            return None;
        }
        let spare = self.0.with(|store| store.take_result())?;
        // SAFETY: a step, which is a live awaitable of ours: nothing else is ever put there.
        let is_alone = unsafe {
            let step = &*spare.as_ptr().cast::<Awaitable>();
            ffi::Py_REFCNT(spare.as_ptr()) == 1
                && !step.has_weak_references()
                && !step.with(|store| store.status.is_finalized() || store.has_cold())
        };
        likely(is_alone).then_some(spare)
    }

    /// Keeps a step that has returned, if all that is left to happen to it is that an `await` drops it. From here on it does not
    /// hold the generator. Not where the await gets the item in a `StopIteration` that is kept as well: the destructor of the
    /// step empties that, and [`keep_step`] keeps the step.
    #[inline(always)]
    pub fn keep_awaited_step(&self, step: &Awaitable) {
        let is_kept_at_once = !cfg!(any(Py_GIL_DISABLED, kept_stop_iteration));
        // SAFETY: a live object.
        let is_alone = is_kept_at_once && unsafe { ffi::Py_REFCNT(step.as_ptr()) } == 1;
        if is_alone && self.0.with(|store| !store.has_result()) {
            if let Some(generator) = step.with(|store| store.end_awaited_step()) {
                let step = step.borrow().to_owned();
                self.0.with(|store| store.set_first_result(step));
                drop(generator);
            }
        }
    }

    /// Ends the step that is under way.
    #[inline]
    pub fn end_step(&self) {
        let marks = &self.0.marks;
        if cfg!(Py_GIL_DISABLED) {
            marks.fetch_and(!STEPPING, Ordering::AcqRel);
        } else {
            marks.store(marks.load(Ordering::Relaxed) & !STEPPING, Ordering::Relaxed);
        }
    }
}

/// Keeps a step that has ended, and whose last reference is gone, to be the next one of its generator; false if it has to go. It
/// gives up what it holds, and the collector goes on knowing it.
///
/// # Safety
/// Called by the destructor, on a step of a generator.
#[inline]
pub(super) unsafe fn keep_step(step: &Awaitable) -> bool {
    if cfg!(Py_GIL_DISABLED) || step.phase() != Phase::Finished || step.has_weak_references() {
        return false;
    }
    let Some(generator) = step.with(|store| store.keeping_generator().map(Borrowed::as_ptr)) else {
        return false;
    };
    // SAFETY: a step holds its generator until here; the only reference that there is from now on is the generator's.
    unsafe {
        let keeper = &(*generator.cast::<Generator>()).0;
        // One that goes with its last step would keep it in vain.
        if ffi::Py_REFCNT(generator) == 1 || keeper.with(|store| store.has_result()) {
            return false;
        }
        let held = step.with(|store| store.end_step());
        ffi::first_reference(step.as_ptr(), size_of::<Awaitable>());
        if let Ok(step) = Owned::new(step.as_ptr()) {
            keeper.with(|store| store.set_first_result(step));
        }
        step.state().stop.empty();
        drop(held);
    }
    true
}

/// `tp_dealloc`.
///
/// # Safety
/// Called by CPython, on one of our generators, when its last reference is dropped.
pub unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: the object has no references left, and the collector must not see it from here on.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        if (*object.cast::<Awaitable>()).has_weak_references() {
            ffi::PyObject_ClearWeakRefs(object);
        }
        trashcan::destroy(object.cast());
    }
}
