//! What generators and their steps hold: in the object itself, where a queue has saved objects.

use super::{Contents, INLINE, Store};
use crate::python::reference::{Borrowed, Owned};
use crate::store::body::Body;
use crate::store::entry::Entry;
use crate::store::maker::Maker;
use crate::store::queue::Activity;
use crate::store::status::Status;
use core::mem;

/// A generator, and what is sent or thrown into it.
pub struct Held {
    pub generator: Owned,
    pub value: Option<Owned>,
}

impl Contents {
    /// Makes a new object, which holds nothing, a step of a generator.
    #[inline(always)]
    pub fn begin_step(&mut self, status: &mut Status, body: Body, held: Held, maker: Maker) {
        self.current = Entry::to_body(body.functions, body.frame);
        // An object that is new or was kept has none.
        mem::forget(mem::replace(&mut self.maker, maker));
        status.inline_objects = 1 + u8::from(held.value.is_some());
        self.objects = [
            held.generator.into_ptr(),
            held.value.map_or(core::ptr::null_mut(), Owned::into_ptr),
        ];
    }
}

impl Store<'_> {
    /// The first of the objects in the object itself.
    #[inline]
    fn first(&self) -> Option<Borrowed<'_>> {
        let [first, _] = self.contents.objects;
        // SAFETY: a reference that the store owns, if there are any.
        (self.status.inline_objects > 0).then(|| unsafe { Borrowed::new(first) })
    }

    /// A generator's finalizer, if it has one.
    pub fn finalizer(&self) -> Option<Borrowed<'_>> {
        self.first()
    }

    /// Keeps the finalizer of a generator, which has none.
    pub fn set_finalizer(&mut self, finalizer: Owned) {
        let [first, _] = &mut self.contents.objects;
        *first = finalizer.into_ptr();
        self.status.inline_objects = 1;
    }

    /// The generator of a step that has not ended.
    #[inline]
    pub fn generator(&self) -> Option<Borrowed<'_>> {
        self.first()
    }

    /// What a step that has not ended was made with.
    #[inline]
    pub fn step_value(&self) -> Option<Borrowed<'_>> {
        let [_, second] = self.contents.objects;
        // SAFETY: as in `first`.
        (usize::from(self.status.inline_objects) == INLINE)
            .then(|| unsafe { Borrowed::new(second) })
    }

    /// Ends a step, which still holds what it held.
    #[inline]
    pub fn rest_step(&mut self) {
        self.contents.current = Entry::EMPTY;
        self.status.activity = Activity::Idle;
    }

    /// Takes the generator out of a step at rest that an `await` holds, unless it has a value, too: that goes with the object.
    #[inline(always)]
    pub fn end_awaited_step(&mut self) -> Option<Owned> {
        if self.status.inline_objects != 1 || !self.status.is_awaited() {
            return None;
        }
        self.status.inline_objects = 0;
        let [generator, _] = self.contents.objects;
        // SAFETY: a reference that the store owned, taken out of it.
        unsafe { Owned::optional(generator) }
    }

    /// The generator of a step that has ended and could be used again: it holds nothing but what it was made with, and its
    /// finalizer, which is called once for an object, has not been.
    #[inline]
    pub fn keeping_generator(&self) -> Option<Borrowed<'_>> {
        if self.status.is_finalized() || self.has_cold() || self.has_result() {
            return None;
        }
        self.first()
    }

    /// Ends a step, and takes out what it holds.
    #[inline]
    pub fn end_step(&mut self) -> Option<Held> {
        self.rest_step();
        let held = mem::take(&mut self.status.inline_objects);
        let [generator, value] = self.contents.objects;
        if held == 0 {
            return None;
        }
        // SAFETY: references that the store owned, taken out of it; the second is NULL if there is only one.
        unsafe {
            Some(Held {
                generator: Owned::optional(generator)?,
                value: Owned::optional(value),
            })
        }
    }
}
