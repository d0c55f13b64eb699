//! What an awaitable gives up when it ends.

use crate::base::rules::Phase;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::ffi;
use crate::python::reference::Owned;
use crate::store::saved::Objects;

impl Awaitable {
    /// Releases what a finished object gives up: everything but the other kinds of saved values, and its names.
    #[inline(always)]
    pub fn release(&self) {
        if !self.with(|store| store.is_bare()) {
            self.release_all();
        }
    }

    fn release_all(&self) {
        if self.with(|store| store.has_cleanups()) {
            self.clean_up();
        }
        if let Some((body, awaited)) = self.with(|store| store.end_body()) {
            drop(awaited);
            // SAFETY: a body ends once.
            unsafe { (body.functions.release)(self.as_ptr(), body.frame) };
            if self.with(|store| store.is_bare()) {
                return;
            }
        }
        // All saved objects at once, or a destructor would find the others at different indexes.
        let (inline, objects) = self.with(|store| (store.take_inline(), store.take_objects()));
        for object in inline {
            // SAFETY: the store owned a reference to each that is not NULL, given up here.
            unsafe { ffi::Py_XDECREF(object) };
        }
        for &object in objects.as_slice() {
            // SAFETY: the store owned a reference to each, given up here.
            unsafe { ffi::Py_DECREF(object) };
        }
        if self.with(|store| store.has_cold()) {
            self.release_cold(objects);
        }
    }

    /// Runs the C author's clean-up functions, which may find everything else as it was, and releases what was parsed.
    #[cold]
    fn clean_up(&self) {
        // One that was never begun is just being destroyed.
        self.set_phase(Phase::Finished);
        while let Some(cleanup) = self.with(|store| store.take_cleanup()) {
            // SAFETY: taken out of the store, so this happens once, with what the C author passed for it.
            exception::aside(|| unsafe { (cleanup.function)(cleanup.data) });
        }
        for parsed in self.with(|store| store.take_parsed()).as_slice() {
            // SAFETY: NULL, or a reference that the store owned.
            drop(unsafe { Owned::optional(parsed.owner()) });
        }
    }

    /// What is left of the cold part; `objects` is just memory, whose references have been released.
    fn release_cold(&self, objects: Objects) {
        drop(self.with(|store| store.reuse(objects)));
        if self.with(|store| store.has_work()) {
            self.release_work();
        }
        self.with(|store| store.free_unneeded_cold());
    }

    #[cold]
    fn release_work(&self) {
        drop(self.with(|store| store.take_queue()));
        while let Some(block) = self.with(|store| store.pop_block()) {
            drop(block);
        }
    }
}
