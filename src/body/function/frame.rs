//! Frames, as the header has them, and what becomes of them.

use super::definition::Definition;
use crate::object::state::State;
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU16, Ordering};

/// What a body returns: `PyAwaitable_Outcome`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Outcome {
    pub action: c_int,
    /// Where the handler of an exception begins; 0 if there is none.
    pub handler: c_int,
}

/// `PyAwaitable_Body`.
pub type Function = unsafe extern "C" fn(awaitable: *mut PyObject, frame: *mut c_void) -> Outcome;

/// `PyAwaitable_Block`: a TRY, an ASYNC_WITH or an ASYNC_FOR.
#[repr(C)]
pub struct Block {
    /// The exception that is handled, or what will be returned.
    pub pending: Slot,
    /// `__aexit__`, or the iterator.
    pub manager: Slot,
    /// What `__aexit__` is called on, if it is not bound.
    pub receiver: Slot,
    pub state: Cell<c_int>,
    unused: c_int,
}

/// `PyAwaitable_Head`.
#[repr(C)]
pub struct Head {
    blocks: Cell<*mut Block>,
    /// How many blocks there is room for. Without a GIL, `__sizeof__` asks while the body runs.
    room: AtomicU16,
    /// How the label is reached.
    pub how: Cell<u8>,
    /// How many blocks the body is inside.
    open: Cell<u8>,
    /// Where the body goes on: eight for each line.
    pub label: Cell<c_int>,
    /// What the body hands over, and what it gets.
    pub value: Slot,
    pub definition: &'static Definition,
    /// What the body returned when it was suspended: where the handler is for what is raised there.
    pub left: Cell<Outcome>,
}

/// What comes first in a frame, the room for blocks, is kept with it for the next body: so much is not zeroed.
pub const KEPT: usize = core::mem::offset_of!(Head, value);

/// A reference that a frame owns, or NULL.
#[repr(transparent)]
pub struct Slot(Cell<*mut PyObject>);

impl Slot {
    /// Takes the reference out.
    #[inline]
    pub fn take(&self) -> Option<Owned> {
        // SAFETY: NULL, or a reference that the frame owned.
        unsafe { Owned::optional(self.0.replace(null_mut())) }
    }

    /// Releases what is in it.
    #[inline(always)]
    pub fn clear(&self) {
        let old = self.0.replace(null_mut());
        if !old.is_null() {
            // SAFETY: a reference that the frame owned.
            unsafe { ffi::Py_DECREF(old) };
        }
    }

    /// Puts a reference in, and releases what was there.
    #[inline]
    pub fn set(&self, object: Owned) {
        let old = self.0.replace(object.into_ptr());
        // SAFETY: NULL, or a reference that the frame owned.
        drop(unsafe { Owned::optional(old) });
    }

    /// Puts a reference in where none is.
    #[inline(always)]
    pub fn put(&self, object: Owned) {
        debug_assert!(self.get().is_none(), "the frame still has another");
        self.0.set(object.into_ptr());
    }

    /// What is in it.
    #[inline]
    pub fn get(&self) -> Option<Borrowed<'_>> {
        // SAFETY: NULL, or a reference that the frame owns.
        unsafe { Borrowed::optional(self.0.get()) }
    }
}

/// Their number is kept in a byte.
const MOST_BLOCKS: usize = 255;
const _: () = assert!(size_of::<Head>() == 3 * size_of::<Slot>() + 16);

/// Writes what leads from a new frame to its definition, and where the body begins.
///
/// # Safety
/// The frame is large enough for a head, and nobody else's.
#[inline(always)]
pub unsafe fn define(frame: *mut c_void, definition: &'static Definition) {
    // SAFETY: the caller's promise.
    unsafe {
        let head = frame.cast::<Head>();
        (&raw mut (*head).definition).write(definition);
        (*head).how.set(0);
        (*head).open.set(0);
        (*head).label.set(0);
    }
}

/// The head of a frame.
///
/// # Safety
/// The frame is one of a body in C, and it lives for as long as the result is used.
#[inline]
pub unsafe fn head<'a>(frame: *mut c_void) -> &'a Head {
    // SAFETY: the caller's promise; what C changes is in cells.
    unsafe { &*frame.cast::<Head>() }
}

impl Head {
    /// Calls the body.
    #[inline(always)]
    pub fn call(&self, awaitable: Borrowed<'_>) -> Outcome {
        let frame = (&raw const *self).cast_mut().cast();
        match self.definition.body {
            // SAFETY: the author's function for the author's frame, which lives for as long as the awaitable.
            Some(body) => unsafe { body(awaitable.as_ptr(), frame) },
            // As has been checked, there is one.
            None => Outcome {
                action: 0,
                handler: 0,
            },
        }
    }

    /// How many blocks the body is inside.
    #[inline(always)]
    pub fn depth(&self) -> usize {
        self.open.get().into()
    }

    /// The blocks that the body is inside.
    #[inline]
    pub fn blocks(&self) -> &[Block] {
        let count = self.open.get();
        if u16::from(count) > self.room() {
            return &[];
        }
        self.first(count.into())
    }

    /// The first so many blocks, which there is room for.
    #[inline]
    fn first(&self, count: usize) -> &[Block] {
        if count == 0 {
            return &[];
        }
        // SAFETY: `make_room` has made at least as many, as the callers have compared; only it replaces them, and nothing is
        // borrowed from them then.
        unsafe { core::slice::from_raw_parts(self.blocks.get(), count) }
    }

    /// Begins a block inside the others, which there is room for.
    pub fn open(&self, index: usize) -> Option<&Block> {
        let block = self.first(self.room().into()).get(index)?;
        self.open.set(index as u8 + 1);
        Some(block)
    }

    /// Ends a block, which is empty, and those inside it.
    #[inline]
    pub fn close(&self, index: usize) {
        self.open.set(self.open.get().min(index as u8));
    }

    /// Makes room for `count` blocks.
    #[cold]
    pub fn make_room(&self, state: &State, count: usize) -> Result<()> {
        let before = usize::from(self.room());
        if count <= before {
            return Ok(());
        }
        if count > MOST_BLOCKS {
            return Err(Raised::new(
                Kind::SystemError,
                c"more blocks inside one another than a body may have",
            ));
        }
        let after = count.next_multiple_of(4);
        let Some(blocks) = state.frames.take(after * size_of::<Block>()) else {
            return Err(Raised::no_memory());
        };
        let old = self.blocks.replace(blocks.cast());
        self.room.store(after as u16, Ordering::Relaxed);
        if before > 0 {
            // SAFETY: the new ones are as many and more; the old memory is given up once it has been moved out of.
            unsafe {
                old.copy_to_nonoverlapping(blocks.cast(), before);
                state.frames.put(old.cast(), before * size_of::<Block>());
            }
        }
        Ok(())
    }

    /// Ends the blocks from `first` on, the innermost first, whatever is pending in them.
    pub fn clear(&self, first: usize) {
        while let Some((block, outer)) = self.blocks().split_last() {
            if outer.len() < first {
                return;
            }
            block.state.set(0);
            let held = (
                block.pending.take(),
                block.manager.take(),
                block.receiver.take(),
            );
            self.close(outer.len());
            drop(held);
        }
    }

    /// Releases what the frame holds. The body will not be resumed.
    #[inline(always)]
    pub fn release(&self) {
        self.value.clear();
        if self.depth() != 0 {
            self.clear(0);
        }
        // SAFETY: every head is that of a whole frame: `create` makes no other.
        let mut references = unsafe { self.references() };
        // Four at a time, since the loop costs as much as a reference does.
        while let Some((four, rest)) = references.split_first_chunk::<4>() {
            for slot in four {
                slot.clear();
            }
            references = rest;
        }
        references.iter().for_each(Slot::clear);
        if self.definition.release.is_some() {
            self.release_rest();
        }
    }

    #[inline(always)]
    fn room(&self) -> u16 {
        self.room.load(Ordering::Relaxed)
    }

    /// How many bytes of memory the frame takes, with its blocks.
    pub fn bytes(&self) -> usize {
        self.definition.frame_size as usize + usize::from(self.room()) * size_of::<Block>()
    }

    /// Frees the room for blocks, of a body that has ended.
    pub fn free_blocks(&self, state: &State) {
        let bytes = usize::from(self.room()) * size_of::<Block>();
        self.room.store(0, Ordering::Relaxed);
        if bytes != 0 {
            let blocks = self.blocks.replace(null_mut());
            // SAFETY: `make_room` has made them, and nothing borrows from them now.
            unsafe { state.frames.put(blocks.cast(), bytes) };
        }
    }

    #[cold]
    fn release_rest(&self) {
        if let Some(release) = self.definition.release {
            exception::aside(|| {
                // SAFETY: the author's function for the author's frame, once.
                unsafe { release((&raw const *self).cast_mut().cast()) };
            });
        }
    }

    /// The references that the author's part of the frame begins with.
    ///
    /// # Safety
    /// This is the head of a whole frame.
    #[inline]
    unsafe fn references(&self) -> &[Slot] {
        let definition = self.definition;
        let first = (&raw const *self).wrapping_byte_add(definition.first_reference as usize);
        // SAFETY: within the frame, as has been checked; zeroed at first, and the author keeps references there.
        unsafe { core::slice::from_raw_parts(first.cast(), definition.references as usize) }
    }
}

/// Calls `visit` for each object that the frame holds.
///
/// # Safety
/// The frame is one of a body in C; nothing else runs.
pub unsafe fn visit(frame: *mut c_void, visit: &mut dyn FnMut(*mut PyObject) -> c_int) -> c_int {
    // SAFETY: the caller's promise.
    let (head, references) = unsafe { (head(frame), head(frame).references()) };
    let blocks = head
        .blocks()
        .iter()
        .flat_map(|block| [&block.pending, &block.manager, &block.receiver]);
    for slot in references.iter().chain([&head.value]).chain(blocks) {
        if let Some(object) = slot.get() {
            let code = visit(object.as_ptr());
            if code != 0 {
                return code;
            }
        }
    }
    match head.definition.traverse {
        Some(traverse) => {
            let mut visit = visit;
            // SAFETY: the author's function for the author's frame; `each` gets the address of the closure, which lives.
            unsafe { traverse(frame.cast(), each, (&raw mut visit).cast()) }
        }
        None => 0,
    }
}

/// A `visitproc` whose argument is the address of a closure.
unsafe extern "C" fn each(object: *mut PyObject, closure: *mut c_void) -> c_int {
    // SAFETY: `visit` passes it, and waits for the author's function to return.
    let visit = unsafe { &mut *closure.cast::<&mut dyn FnMut(*mut PyObject) -> c_int>() };
    if object.is_null() { 0 } else { visit(object) }
}
