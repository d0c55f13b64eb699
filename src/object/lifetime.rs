//! How an awaitable is destroyed: what the collector and the last reference call.

use super::awaitable::Awaitable;
use super::generator;
use super::state::free_awaitable;
use super::trashcan;
use crate::base::likely::{likely, unlikely};
use crate::base::rules::Phase;
use crate::python::ffi::{self, PyObject};
use crate::store::Store;
use crate::store::maker::Maker;
use crate::store::queue::Activity;
use core::ffi::{c_int, c_void};

/// `tp_traverse`.
///
/// # Safety
/// Called by the collector, on one of our objects.
pub unsafe extern "C" fn traverse(
    object: *mut PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: nothing else runs while the collector does, so the store is reached without the lock.
    unsafe {
        let code = visit(ffi::Py_TYPE(object).cast(), argument);
        if code != 0 {
            return code;
        }
        let awaitable = &*object.cast::<Awaitable>();
        let mut store = Store {
            status: &mut *awaitable.status.get(),
            contents: &mut *awaitable.contents.get(),
            colds: &awaitable.state().colds,
        };
        store.visit(|held| visit(held, argument))
    }
}

/// `tp_clear`: finishes what the collector found in a cycle.
///
/// # Safety
/// Called by the collector, on one of our objects.
pub unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: the caller's promise.
    let awaitable = unsafe { &*object.cast::<Awaitable>() };
    if awaitable.phase() != Phase::Running {
        awaitable.set_phase(Phase::Finished);
        awaitable.release();
        awaitable.set_maker(Maker::NOBODY);
    }
    0
}

/// `tp_dealloc`.
///
/// # Safety
/// Called by CPython, on one of our objects, when its last reference is dropped.
pub unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: the object has no references left, and the collector must not see it from here on.
    unsafe {
        let awaitable = &*object.cast::<Awaitable>();
        if awaitable.with(|store| store.status.is_step()) && generator::keep_step(awaitable) {
            return;
        }
        ffi::PyObject_GC_UnTrack(object.cast());
        if unlikely(awaitable.has_weak_references()) {
            ffi::PyObject_ClearWeakRefs(object);
        }
        // An object that holds nothing starts no chain.
        let forget = |store: &mut Store<'_>| store.is_bare() && store.forget_maker();
        if likely(awaitable.phase() == Phase::Finished && awaitable.with(forget)) {
            free(object.cast());
        } else {
            dealloc_more(object.cast());
        }
    }
}

/// The same for an object that holds something. What a step of a generator holds is no chain: only a generator, which waits by
/// itself, if it must.
///
/// # Safety
/// As [`destroy`].
#[inline(never)]
unsafe fn dealloc_more(object: *mut Awaitable) {
    // SAFETY: the caller's promise.
    unsafe {
        let awaitable = &*object;
        let is_step = awaitable.with(|store| store.status.is_step());
        if is_step && awaitable.phase() == Phase::Finished {
            drop(awaitable.with(|store| store.end_step()));
            awaitable.set_maker(Maker::NOBODY);
            free(object);
        } else {
            trashcan::destroy(object);
        }
    }
}

/// Finalizes, if that is needed, and releases everything, and the memory.
///
/// # Safety
/// The last reference is gone, the collector does not know the object, and it has no weak references.
pub unsafe fn destroy(object: *mut Awaitable) {
    // SAFETY: the object has no references until the finalizer passes it on; while Python code may see it, the collector must
    // know it. A heap type's instance holds its type, and ours its state.
    unsafe {
        let awaitable = &*object;
        if awaitable.needs_finalizer() {
            ffi::PyObject_GC_Track(object.cast());
            if ffi::PyObject_CallFinalizerFromDealloc(object.cast()) < 0 {
                return;
            }
            // A finalizer is called once, and somebody may have revived the object then.
            if awaitable.with(|store| store.has_cleanups()) {
                revive_and_end(object.cast());
                return;
            }
            ffi::PyObject_GC_UnTrack(object.cast());
            if awaitable.has_weak_references() {
                ffi::PyObject_ClearWeakRefs(object.cast());
            }
        }
        awaitable.release();
        awaitable.set_maker(Maker::NOBODY);
        awaitable.with(|store| store.free_cold());
        free(object);
    }
}

/// Ends an object with clean-ups, for which it has a reference: they may hand it on. Destroys it after that, if nobody has.
///
/// # Safety
/// One of our objects, whose last reference is gone, and which the collector knows.
#[cold]
unsafe fn revive_and_end(object: *mut PyObject) {
    // SAFETY: the caller's promise; the reference made here is given up.
    unsafe {
        ffi::first_reference(object, size_of::<Awaitable>());
        let awaitable = &*object.cast::<Awaitable>();
        awaitable.set_phase(Phase::Finished);
        awaitable.release();
        ffi::Py_DECREF(object);
    }
}

/// Keeps the memory for the next object, with the frame of a body that has ended, or frees it.
///
/// # Safety
/// As [`destroy`], and the object holds nothing.
#[inline(always)]
unsafe fn free(object: *mut Awaitable) {
    // SAFETY: the object holds its state until its memory is freed.
    unsafe {
        let awaitable = &*object;
        let state = awaitable.state();
        state.stop.empty();
        let (size, activity, is_finalized) = awaitable.with(|store| {
            let status = &store.status;
            (status.frame_size, status.activity, status.is_finalized())
        });
        if activity == Activity::BodyEnded {
            if is_finalized || !state.frames.put_awaitable(object.cast(), size) {
                free_with_frame(awaitable);
            }
        } else if is_finalized || !state.awaitables.put(object.cast()) {
            free_awaitable(object.cast());
        }
    }
}

/// # Safety
/// As [`free`].
#[cold]
pub(super) unsafe fn free_with_frame(awaitable: &Awaitable) {
    if let Some(body) = awaitable.with(|store| store.take_ended_body()) {
        // SAFETY: taken out of the store, so this happens once.
        unsafe { (body.functions.free)(awaitable.as_ptr(), body.frame) };
    }
    // SAFETY: the caller's promise.
    unsafe { free_awaitable(awaitable.as_ptr()) };
}
