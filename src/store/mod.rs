//! What an awaitable holds: the queue, the await in progress, the open `async with` blocks, saved values, the result.
//!
//! Everything here is done while the object's lock is held, so nothing here runs Python code: references that are no longer
//! needed are handed out, and released by the caller afterwards.

pub mod block;
pub mod body;
pub mod cleanup;
pub mod cold;
pub mod entry;
pub mod generator;
pub mod maker;
pub mod parsed;
pub mod queue;
pub mod saved;
pub mod status;

use crate::base::buffer::{Buffer, NoMemory};
use crate::base::free_list::FreeList;
use crate::python::ffi::PyObject;
use crate::python::reference::Owned;
use block::{Block, Kind};
use cold::{Cold, KEPT_BYTES, free_cold, new_cold};
use core::ffi::c_int;
use core::mem;
use entry::Entry;
use maker::{Maker, Which};
use parsed::Parsed;
use queue::{Activity, Released};
use saved::Objects;
use status::Status;

/// How many saved objects fit in the object itself.
pub const INLINE: usize = 2;

/// The rest of it.
pub struct Contents {
    result: Option<Owned>,
    current: Entry,
    objects: [*mut PyObject; INLINE],
    cold: *mut Cold,
    maker: Maker,
}

/// The two parts of a store, while the object's lock is held.
pub struct Store<'a> {
    pub status: &'a mut Status,
    pub contents: &'a mut Contents,
    /// Cold parts for reuse.
    pub colds: &'a FreeList<Cold, 64>,
}

impl Contents {
    pub const fn new() -> Self {
        Self {
            result: None,
            current: Entry::EMPTY,
            objects: [core::ptr::null_mut(); INLINE],
            cold: core::ptr::null_mut(),
            maker: Maker::NOBODY,
        }
    }

    #[inline]
    pub(super) fn cold(&mut self) -> Option<&mut Cold> {
        // SAFETY: NULL or the block that `make_cold` made, which only this object has.
        unsafe { self.cold.as_mut() }
    }

    /// The cold part, made if it is not there yet.
    #[inline]
    pub(super) fn make_cold(&mut self, colds: &FreeList<Cold, 64>) -> Result<&mut Cold, NoMemory> {
        if self.cold.is_null() {
            self.cold = match colds.take() {
                Some(cold) => cold,
                None => new_cold()?,
            };
        }
        // SAFETY: made above, now or earlier.
        unsafe { self.cold.as_mut() }.ok_or(NoMemory)
    }
    /// The innermost block.
    #[inline]
    pub(super) fn block(&mut self) -> Option<&mut Block> {
        // SAFETY: NULL or a block of this object's chain.
        self.cold().and_then(|cold| unsafe { cold.block.as_mut() })
    }
}

/// The whole.
impl Store<'_> {
    /// The bytes of memory held in addition to the object itself.
    pub fn bytes(&mut self) -> usize {
        let body = self.body().or_else(|| self.ended_body());
        // SAFETY: a body's own function for its frame, which lives until the body is taken out.
        let frame = body.map_or(0, |body| unsafe { (body.functions.bytes)(body.frame) });
        let Some(cold) = self.contents.cold() else {
            return frame;
        };
        let mut bytes = frame + cold.bytes();
        let mut block = cold.block;
        // SAFETY: blocks on the chain are live.
        while let Some(each) = unsafe { block.as_mut() } {
            bytes += size_of::<Block>() + each.queue.bytes();
            block = each.outer;
        }
        bytes
    }

    /// Whether there is nothing to give up, as in most objects that have returned; but there may be a maker.
    #[inline(always)]
    pub fn is_bare(&self) -> bool {
        let result = &self.contents.result;
        let result = result.as_ref().map_or(0, |object| object.as_ptr().addr());
        result | self.contents.cold.addr() == 0
            && self.status.activity.is_at_rest()
            && self.status.inline_objects == 0
    }

    /// Whether nothing is queued or in progress.
    #[inline]
    pub fn is_done(&self) -> bool {
        self.status.activity == Activity::Idle && self.contents.cold.is_null()
    }

    /// Whether there is more than what is in the object itself.
    #[inline]
    pub fn has_cold(&self) -> bool {
        !self.contents.cold.is_null()
    }

    /// Takes out the references that are in the object itself: the result, what is queued or in progress, and what is saved.
    /// NULL where there is none.
    #[inline]
    pub fn take_inline(&mut self) -> [*mut PyObject; 2 + INLINE] {
        let mut current = Entry::EMPTY;
        if self.status.activity != Activity::BodyEnded {
            mem::swap(&mut self.contents.current, &mut current);
            self.status.activity = Activity::Idle;
        }
        let saved = mem::take(&mut self.status.inline_objects);
        let [first, second] = self.contents.objects;
        let result = self.contents.result.take();
        [
            result.map_or(core::ptr::null_mut(), Owned::into_ptr),
            current.object(),
            if saved > 0 {
                first
            } else {
                core::ptr::null_mut()
            },
            if saved > 1 {
                second
            } else {
                core::ptr::null_mut()
            },
        ]
    }

    /// Takes out the saved objects that are not in the object itself.
    #[inline]
    pub fn take_objects(&mut self) -> Objects {
        self.contents
            .cold()
            .map_or_else(Buffer::new, |cold| mem::take(&mut cold.objects))
    }

    /// Whether something is queued, or a block has not been exited.
    #[inline]
    pub fn has_work(&mut self) -> bool {
        self.contents
            .cold()
            .is_some_and(|cold| !cold.queue.is_empty() || !cold.block.is_null())
    }

    /// Takes out the object's own queue.
    #[inline]
    pub fn take_queue(&mut self) -> Option<Released> {
        let cold = self.contents.cold()?;
        if cold.queue.is_empty() {
            return None;
        }
        Some(Released(mem::take(&mut cold.queue)))
    }

    /// Takes back the memory of saved objects that have been released, and returns what is already there.
    #[inline]
    pub fn reuse(&mut self, mut objects: Objects) -> Option<Objects> {
        objects.clear();
        match self.contents.cold() {
            Some(cold) if cold.objects.bytes() == 0 && objects.bytes() <= KEPT_BYTES / 4 => {
                cold.objects = objects;
                None
            }
            _ => Some(objects),
        }
    }

    /// Gives up the cold part of an object that has finished, unless it holds what stays readable.
    #[inline]
    pub fn free_unneeded_cold(&mut self) {
        if self.contents.cold().is_some_and(|cold| !cold.is_needed()) {
            let cold = mem::replace(&mut self.contents.cold, core::ptr::null_mut());
            // SAFETY: made by `make_cold`, and unreachable from here on. What is not needed is empty.
            unsafe {
                if (*cold).bytes() > KEPT_BYTES || !self.colds.put(cold) {
                    free_cold(cold);
                }
            }
        }
    }

    /// Gives up the cold part of an object that is being destroyed: to the pool, or for good.
    #[inline]
    pub fn free_cold(&mut self) {
        let cold = mem::replace(&mut self.contents.cold, core::ptr::null_mut());
        if !cold.is_null() {
            // SAFETY: made by `make_cold`, and unreachable from here on.
            unsafe {
                if !(*cold).clear() || !self.colds.put(cold) {
                    free_cold(cold);
                }
            }
        }
    }

    /// Calls `visit` for each object held until it returns something other than 0.
    pub fn visit(&mut self, mut visit: impl FnMut(*mut PyObject) -> c_int) -> c_int {
        let mut each = |object: *mut PyObject| {
            if object.is_null() { 0 } else { visit(object) }
        };
        let owned =
            |object: &Option<Owned>| object.as_ref().map_or(core::ptr::null_mut(), Owned::as_ptr);
        macro_rules! all {
            ($objects:expr) => {
                for object in $objects {
                    let code = each(object);
                    if code != 0 {
                        return code;
                    }
                }
            };
        }
        all!([owned(&self.contents.result), self.contents.current.object()]);
        if let Which::Function(function) = self.contents.maker.which() {
            all!([function.as_ptr()]);
        }
        if let Some(body) = self.body() {
            // SAFETY: the body's own function, for its own frame.
            let code = unsafe { (body.functions.visit)(body.frame, &mut each) };
            if code != 0 {
                return code;
            }
        }
        let saved = self.status.inline_objects as usize;
        all!(self.contents.objects.iter().copied().take(saved));
        let Some(cold) = self.contents.cold() else {
            return 0;
        };
        all!([
            owned(&cold.name),
            owned(&cold.qualified_name),
            owned(&cold.origin)
        ]);
        all!(cold.queue.as_slice().iter().map(Entry::object));
        all!(cold.objects.as_slice().iter().copied());
        all!(cold.parsed.as_slice().iter().map(Parsed::owner));
        let mut block = cold.block;
        // SAFETY: blocks on the chain are live.
        while let Some(inner) = unsafe { block.as_mut() } {
            match &inner.kind {
                Kind::With(Some(exit)) => all!([exit.function.as_ptr(), owned(&exit.receiver)]),
                Kind::With(None) => {}
                Kind::For(iterator, _) => all!([owned(iterator)]),
            }
            all!([owned(&inner.exception)]);
            all!(inner.queue.as_slice().iter().map(Entry::object));
            all!(inner.dropped.as_slice().iter().map(Entry::object));
            block = inner.outer;
        }
        0
    }
}
