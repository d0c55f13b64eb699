//! What an awaitable holds: the queue, the await in progress, the open `async with` blocks, saved values, the result.
//!
//! Everything here is done while the object's lock is held, so nothing here runs Python code: references that are no
//! longer needed are handed out, and released by the caller afterwards.

use crate::buffer::{Buffer, Memory, NoMemory, Queue};
use crate::callback::{Callback, DeferredCallback, Entry, ErrorCallback, Task};
use crate::ffi::{self, PyObject};
use crate::pool::Pool;
use crate::reference::Owned;
use crate::special::Special;
use core::ffi::{c_int, c_long, c_void};
use core::mem;

/// Memory from `PyMem_*`, which `tracemalloc` sees.
pub struct PythonMemory;

impl Memory for PythonMemory {
    fn reallocate(block: *mut u8, bytes: usize) -> *mut u8 {
        // SAFETY: NULL or a block of this allocator; the thread is attached.
        unsafe { ffi::PyMem_Realloc(block.cast(), bytes).cast() }
    }

    fn free(block: *mut u8) {
        // SAFETY: as above.
        unsafe { ffi::PyMem_Free(block.cast()) }
    }
}

type Entries = Queue<Entry, PythonMemory>;
/// Saved objects, each a reference that is owned.
pub type Objects = Buffer<*mut PyObject, PythonMemory>;

/// What `Data::current` stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Nothing: the entry is empty.
    Idle,
    /// The head of the object's queue, not begun.
    Queued,
    /// An await, its object being what is driven.
    Awaiting,
    /// The innermost block's `__aenter__`.
    Entering,
    /// The innermost block's `__aexit__`.
    Exiting,
}

/// The small part of a store, which shares a word with the object's phase.
///
/// What is looked at together does not stand together: two bytes written one by one, and then read as one, make a processor
/// wait.
#[repr(C)]
pub struct Marks {
    pub activity: Activity,
    /// `QUIET`, `CANCELLED`, `FINALIZED`, `AWAITED`.
    flags: u8,
    /// How many of the inline objects are saved.
    inline_objects: u8,
}

const QUIET: u8 = 1;
const CANCELLED: u8 = 2;
const FINALIZED: u8 = 4;
const AWAITED: u8 = 8;
/// So many saved objects stand in the object itself.
pub const INLINE: usize = 2;

/// The rest of it.
pub struct Data {
    result: Option<Owned>,
    current: Entry,
    objects: [*mut PyObject; INLINE],
    cold: *mut Cold,
}

/// What most awaitables do without: a block of its own, made when first needed and kept until the object goes.
pub struct Cold {
    queue: Entries,
    objects: Objects,
    arbitrary: Buffer<*mut c_void, PythonMemory>,
    integers: Buffer<c_long, PythonMemory>,
    name: Option<Owned>,
    qualified_name: Option<Owned>,
    origin: Option<Owned>,
    block: *mut Block,
}

impl Cold {
    /// Whether a finished object still needs it. Objects saved by then are in it, too.
    fn is_needed(&self) -> bool {
        self.objects.len() > 0
            || self.arbitrary.len() > 0
            || self.integers.len() > 0
            || !self.queue.is_empty()
            || !self.block.is_null()
            || self.name.is_some()
            || self.qualified_name.is_some()
            || self.origin.is_some()
    }

    /// Empties it for the next object; false if it holds too much memory to be kept.
    fn clear(&mut self) -> bool {
        self.objects.clear();
        self.arbitrary.clear();
        self.integers.clear();
        self.queue.is_empty()
            && self.name.is_none()
            && self.qualified_name.is_none()
            && self.origin.is_none()
            && self.bytes() <= KEPT_BYTES
    }

    /// The bytes of memory held, blocks aside.
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.queue.bytes()
            + self.objects.bytes()
            + self.arbitrary.bytes()
            + self.integers.bytes()
    }
}

/// A cold part with more memory is not kept.
const KEPT_BYTES: usize = 2048;

/// One `async with`, from its turn in the queue until its `__aexit__` has ended.
pub struct Block {
    outer: *mut Block,
    /// Its `__aexit__`.
    exit: Option<Special>,
    /// What ended the block, while `__aexit__` runs.
    exception: Option<Owned>,
    callback: Option<Callback>,
    error: Option<ErrorCallback>,
    queue: Entries,
    /// What `Cancel` took out of `queue` and has yet to release.
    condemned: Entries,
    /// From the call of the callback until the call of `__aexit__`.
    open: bool,
    /// The exception goes past the error callback.
    past_error: bool,
}

/// The two parts of a store, while the object's lock is held.
pub struct Store<'a> {
    pub marks: &'a mut Marks,
    pub data: &'a mut Data,
    /// Cold parts for the next who needs one.
    pub colds: &'a Pool<Cold, 64>,
}

/// What to do next.
pub enum Next {
    /// Go on with what is in progress; borrowed from the store, where only the step itself replaces it.
    Resume(*mut PyObject),
    /// Begin an await.
    Await(Owned),
    /// Begin an `async with`, whose callbacks [`Store::push_block`] finds.
    Enter(Owned),
    /// Call a deferred callback.
    Call(DeferredCallback),
    /// The innermost block's queue is empty.
    Leave,
    /// Everything is done.
    Finish,
}

/// What follows an await that has ended.
pub struct Ended {
    pub callback: Option<Callback>,
    pub error: Option<ErrorCallback>,
}

/// The end of a block.
pub struct Left {
    pub error: Option<ErrorCallback>,
    pub past_error: bool,
    pub exception: Option<Owned>,
    _exit: Option<Special>,
    _queue: Released,
    _condemned: Released,
}

/// References taken out of a store, released when this is dropped: outside the lock.
pub struct Released(Entries);

impl Drop for Released {
    fn drop(&mut self) {
        while let Some(entry) = self.0.pop() {
            // SAFETY: taken out of its queue, and not used again.
            unsafe { entry.release() };
        }
    }
}

/// What `cancel` took out of the object's own queue, released when this is dropped.
pub struct Cancelled {
    _current: Option<Owned>,
    _queue: Released,
}

/// Takes the first block off a chain.
fn take_block(chain: &mut *mut Block) -> Option<Left> {
    let first = *chain;
    if first.is_null() {
        return None;
    }
    // SAFETY: blocks on a chain are live, made by `push_block` in this allocator; this one is moved out and freed once.
    let block = unsafe {
        let block = first.read();
        ffi::PyMem_Free(first.cast());
        block
    };
    *chain = block.outer;
    Some(Left {
        error: block.error,
        past_error: block.past_error,
        exception: block.exception,
        _exit: block.exit,
        _queue: Released(block.queue),
        _condemned: Released(block.condemned),
    })
}

impl Marks {
    pub const fn new() -> Self {
        Self {
            activity: Activity::Idle,
            inline_objects: 0,
            flags: 0,
        }
    }

    /// Whether the object goes without the warning that it was never awaited.
    pub fn is_quiet(&self) -> bool {
        self.flags & QUIET != 0
    }

    /// Whether `Cancel` has been called since [`Marks::forget_cancelled`].
    pub fn is_cancelled(&self) -> bool {
        self.flags & CANCELLED != 0
    }

    pub fn forget_cancelled(&mut self) {
        self.flags &= !CANCELLED;
    }

    /// Whether the finalizer has been called, as CPython's collector notes for good in the memory of the object.
    pub fn is_finalized(&self) -> bool {
        self.flags & FINALIZED != 0
    }

    pub fn note_finalized(&mut self) {
        self.flags |= FINALIZED;
    }

    /// Whether an `await` has asked for what to drive.
    #[inline]
    pub fn is_awaited(&self) -> bool {
        self.flags & AWAITED != 0
    }

    #[inline]
    pub fn note_awaited(&mut self) {
        self.flags |= AWAITED;
    }
}

impl Data {
    pub const fn new() -> Self {
        Self {
            result: None,
            current: Entry::EMPTY,
            objects: [core::ptr::null_mut(); INLINE],
            cold: core::ptr::null_mut(),
        }
    }

    #[inline]
    fn cold(&mut self) -> Option<&mut Cold> {
        // SAFETY: NULL or the block that `make_cold` made, this object's alone.
        unsafe { self.cold.as_mut() }
    }

    /// The cold part, made if it is not there yet.
    #[inline]
    fn make_cold(&mut self, colds: &Pool<Cold, 64>) -> Result<&mut Cold, NoMemory> {
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
    fn block(&mut self) -> Option<&mut Block> {
        // SAFETY: NULL or a block of this object's chain.
        self.cold().and_then(|cold| unsafe { cold.block.as_mut() })
    }
}

fn new_cold() -> Result<*mut Cold, NoMemory> {
    new_block(Cold {
        queue: Queue::new(),
        objects: Buffer::new(),
        arbitrary: Buffer::new(),
        integers: Buffer::new(),
        name: None,
        qualified_name: None,
        origin: None,
        block: core::ptr::null_mut(),
    })
}

/// Frees a cold part that is no object's.
///
/// # Safety
/// `cold` was made by `new_cold`, and nobody has it any more.
pub unsafe fn free_cold(cold: *mut Cold) {
    // SAFETY: the caller's promise.
    unsafe {
        core::ptr::drop_in_place(cold);
        ffi::PyMem_Free(cold.cast());
    }
}

/// Moves a value into memory of its own.
fn new_block<T>(value: T) -> Result<*mut T, NoMemory> {
    let place = PythonMemory::reallocate(core::ptr::null_mut(), size_of::<T>()).cast::<T>();
    if place.is_null() {
        return Err(NoMemory);
    }
    // SAFETY: large enough, aligned as `PyMem_*` aligns everything, and nobody else's.
    unsafe { place.write(value) };
    Ok(place)
}

/// The queue.
impl Store<'_> {
    /// Appends to the queue of the innermost open block, or to the object's own. On failure the entry is still the
    /// caller's.
    #[inline]
    pub fn push(&mut self, entry: Entry) -> Result<(), NoMemory> {
        let Some(cold) = self.data.cold() else {
            if self.marks.activity == Activity::Idle {
                self.data.current = entry;
                self.marks.activity = Activity::Queued;
                return Ok(());
            }
            return self.data.make_cold(self.colds)?.queue.push(entry);
        };
        // SAFETY: NULL or a block of this object's chain.
        let mut block = unsafe { cold.block.as_mut() };
        if block.is_none() && cold.queue.is_empty() && self.marks.activity == Activity::Idle {
            self.data.current = entry;
            self.marks.activity = Activity::Queued;
            return Ok(());
        }
        // Only the innermost block can be one that is not open.
        if let Some(innermost) = block.take_if(|innermost| !innermost.open) {
            // SAFETY: as above.
            block = unsafe { innermost.outer.as_mut() };
        }
        match block {
            Some(block) => block.queue.push(entry),
            None => cold.queue.push(entry),
        }
    }

    /// What to do next; what begins is then in progress.
    #[inline]
    pub fn next(&mut self) -> Next {
        let entry = match self.marks.activity {
            Activity::Awaiting | Activity::Entering | Activity::Exiting => {
                return Next::Resume(self.data.current.object());
            }
            Activity::Queued => self.data.current,
            Activity::Idle => {
                let Some(cold) = self.data.cold() else {
                    return Next::Finish;
                };
                // SAFETY: NULL or a block of this object's chain.
                if let Some(block) = unsafe { cold.block.as_mut() } {
                    match block.queue.pop() {
                        Some(entry) => entry,
                        None => {
                            // What another thread adds from here on is not the block's.
                            block.open = false;
                            return Next::Leave;
                        }
                    }
                } else {
                    match cold.queue.pop() {
                        Some(entry) => entry,
                        None => return Next::Finish,
                    }
                }
            }
        };
        self.begin(entry)
    }

    #[inline]
    fn begin(&mut self, entry: Entry) -> Next {
        self.marks.activity = Activity::Idle;
        self.data.current = Entry::EMPTY;
        match entry.task() {
            Some(Task::Await(object)) => {
                self.marks.activity = Activity::Awaiting;
                self.data.current = entry.with_object(core::ptr::null_mut());
                // SAFETY: the entry is taken out of the queue, and its reference with it.
                match unsafe { Owned::optional(object) } {
                    Some(object) => Next::Await(object),
                    None => Next::Finish,
                }
            }
            Some(Task::With(context)) => {
                // As above, so that a `Cancel` of another thread finds the callbacks.
                self.marks.activity = Activity::Entering;
                self.data.current = entry.with_object(core::ptr::null_mut());
                // SAFETY: as above.
                match unsafe { Owned::optional(context) } {
                    Some(context) => Next::Enter(context),
                    None => Next::Finish,
                }
            }
            Some(Task::Deferred(callback)) => Next::Call(callback),
            None => Next::Finish,
        }
    }

    /// Keeps the iterator that is driven from now on.
    #[inline]
    pub fn drive(&mut self, iterator: Owned) {
        self.data.current = self.data.current.with_object(iterator.into_ptr());
    }

    /// What is being driven, if anything; borrowed.
    #[inline]
    pub fn driven(&self) -> Option<*mut PyObject> {
        match self.marks.activity {
            Activity::Awaiting | Activity::Entering | Activity::Exiting => {
                let object = self.data.current.object();
                (!object.is_null()).then_some(object)
            }
            Activity::Idle | Activity::Queued => None,
        }
    }

    /// Takes out what was driven, which has ended. Its callbacks are [`Store::end`]'s, once it has been released: what runs
    /// then may yet cancel them.
    #[inline]
    pub fn take_driven(&mut self) -> Option<Owned> {
        let object = self.data.current.object();
        self.data.current = self.data.current.with_object(core::ptr::null_mut());
        // SAFETY: taken out of the entry, and its reference with it.
        unsafe { Owned::optional(object) }
    }

    /// Takes out the callbacks of what was in progress. Nothing is, from here on.
    #[inline]
    pub fn end(&mut self) -> Ended {
        let entry = mem::replace(&mut self.data.current, Entry::EMPTY);
        self.marks.activity = Activity::Idle;
        Ended {
            callback: entry.callback(),
            error: entry.error(),
        }
    }

    /// Takes out what is queued and the callbacks of what is in progress. Where there is no memory to collect what blocks
    /// had queued, that comes from [`Store::condemned`], to be called until there is no more.
    pub fn cancel(&mut self) -> Cancelled {
        self.marks.flags |= QUIET | CANCELLED;
        let mut cancelled = Cancelled {
            _current: None,
            _queue: Released(Queue::new()),
        };
        if self.marks.activity == Activity::Queued {
            cancelled._current = self.take_driven();
            self.end();
        } else {
            self.data.current = self.data.current.without_callbacks();
        }
        if let Some(cold) = self.data.cold() {
            cancelled._queue = Released(mem::take(&mut cold.queue));
            let mut block = cold.block;
            // SAFETY: blocks on the chain are live.
            while let Some(each) = unsafe { block.as_mut() } {
                each.callback = None;
                each.error = None;
                each.queue.move_to(&mut cancelled._queue.0);
                each.queue.move_to(&mut each.condemned);
                block = each.outer;
            }
        }
        cancelled
    }

    /// What `cancel` took out of a block's queue, innermost block first.
    pub fn condemned(&mut self) -> Option<Released> {
        let mut block = self.data.cold()?.block;
        // SAFETY: blocks on the chain are live.
        while let Some(each) = unsafe { block.as_mut() } {
            if !each.condemned.is_empty() {
                return Some(Released(mem::take(&mut each.condemned)));
            }
            block = each.outer;
        }
        None
    }
}

/// Blocks.
impl Store<'_> {
    /// Starts the block that [`Store::next`] has begun, not open yet. Its `__aenter__` is in progress from now on. Where
    /// there is no memory for it, its error callback.
    pub fn push_block(&mut self) -> Result<(), Option<ErrorCallback>> {
        let Ended { callback, error } = self.end();
        let pushed = self.data.make_cold(self.colds).and_then(|cold| {
            cold.block = new_block(Block {
                outer: cold.block,
                exit: None,
                exception: None,
                callback,
                error,
                queue: Queue::new(),
                condemned: Queue::new(),
                open: false,
                past_error: false,
            })?;
            Ok(())
        });
        if let Err(NoMemory) = pushed {
            return Err(error);
        }
        self.marks.activity = Activity::Entering;
        Ok(())
    }

    /// Keeps the innermost block's `__aexit__`, and hands back one that was there.
    pub fn set_exit(&mut self, exit: Special) -> Option<Special> {
        match self.data.block() {
            Some(block) => block.exit.replace(exit),
            None => Some(exit),
        }
    }

    /// Opens the innermost block: its callback, and the error callback that its failure goes to, even if it cancels.
    pub fn open_block(&mut self) -> (Option<Callback>, Option<ErrorCallback>) {
        match self.data.block() {
            Some(block) => {
                block.open = true;
                (block.callback, block.error)
            }
            None => (None, None),
        }
    }

    /// What the failure of the innermost block's callback goes to.
    pub fn fail_block(&mut self, error: Option<ErrorCallback>, past_error: bool) {
        if let Some(block) = self.data.block() {
            block.error = error;
            block.past_error = past_error;
        }
    }

    /// Whether an exception would leave the innermost block first.
    pub fn in_block(&mut self) -> bool {
        self.data.block().is_some()
    }

    /// Closes the innermost block: its `__aexit__`, for the call, and what was left in its queue. `__aexit__` is in
    /// progress from now on.
    pub fn close_block(&mut self, exception: Option<Owned>) -> (Option<Special>, Released) {
        let mut left = Queue::new();
        let mut exit = None;
        if let Some(block) = self.data.block() {
            block.open = false;
            block.exception = exception;
            left = mem::take(&mut block.queue);
            exit = block.exit.take();
        }
        self.marks.activity = Activity::Exiting;
        (exit, Released(left))
    }

    /// What the innermost block's `__aexit__` is called with; borrowed from the block, which the step alone takes away.
    pub fn block_exception(&mut self) -> Option<*mut PyObject> {
        self.data.block()?.exception.as_ref().map(Owned::as_ptr)
    }

    /// Takes the innermost block away.
    pub fn pop_block(&mut self) -> Option<Left> {
        take_block(&mut self.data.cold()?.block)
    }
}

/// The result and the saved objects.
impl Store<'_> {
    pub fn set_result(&mut self, result: Owned) -> Option<Owned> {
        self.data.result.replace(result)
    }

    #[inline]
    pub fn take_result(&mut self) -> Option<Owned> {
        self.data.result.take()
    }

    /// How many objects are saved.
    pub fn object_count(&mut self) -> usize {
        let further = self.data.cold().map_or(0, |cold| cold.objects.len());
        self.marks.inline_objects as usize + further
    }

    /// The place of a saved object.
    pub fn object(&mut self, index: usize) -> Option<&mut *mut PyObject> {
        let saved = self.marks.inline_objects as usize;
        if index < saved {
            self.data.objects.get_mut(index)
        } else {
            self.data.cold()?.objects.get_mut(index - saved)
        }
    }

    /// The saved objects, in order: those in the object itself, then the others.
    #[inline]
    pub fn objects(&mut self) -> (&[*mut PyObject], &[*mut PyObject]) {
        let saved = self.marks.inline_objects as usize;
        // SAFETY: NULL or the block that `make_cold` made, borrowed as the rest of the store is.
        let cold = unsafe { self.data.cold.as_ref() };
        (
            self.data.objects.get(..saved).unwrap_or_default(),
            cold.map_or(&[], |cold| cold.objects.as_slice()),
        )
    }

    /// Saves all of `objects`, a new reference to each, or none.
    #[inline]
    pub fn save_objects(&mut self, objects: &[*mut PyObject]) -> Result<(), NoMemory> {
        let saved = self.marks.inline_objects as usize;
        let room = INLINE - saved;
        let (inline, further) = objects.split_at_checked(room).unwrap_or((objects, &[]));
        if !further.is_empty() {
            let buffer = &mut self.data.make_cold(self.colds)?.objects;
            // SAFETY: the caller's objects are live; no Python code runs.
            buffer.extend(further, |object| unsafe { ffi::incref(object) })?;
        }
        for (place, &object) in self.data.objects.iter_mut().skip(saved).zip(inline) {
            *place = object;
            // SAFETY: as above.
            unsafe { ffi::incref(object) };
        }
        self.marks.inline_objects = (saved + inline.len()) as u8;
        Ok(())
    }
}

/// A saved value that is no object.
pub trait Plain: Copy {
    /// The storage of this kind.
    fn buffer(cold: &mut Cold) -> &mut Buffer<Self, PythonMemory>;
}

impl Plain for *mut c_void {
    fn buffer(cold: &mut Cold) -> &mut Buffer<Self, PythonMemory> {
        &mut cold.arbitrary
    }
}

impl Plain for c_long {
    fn buffer(cold: &mut Cold) -> &mut Buffer<Self, PythonMemory> {
        &mut cold.integers
    }
}

/// The saved values of the other kinds, and the names.
impl Store<'_> {
    /// The saved values of this kind, in order.
    pub fn plain_values<T: Plain>(&mut self) -> &[T] {
        self.data
            .cold()
            .map_or(&[], |cold| T::buffer(cold).as_slice())
    }

    /// The place of a saved value.
    pub fn plain<T: Plain>(&mut self, index: usize) -> Option<&mut T> {
        T::buffer(self.data.cold()?).get_mut(index)
    }

    /// Saves all of `values` or none.
    pub fn save_plain<T: Plain>(&mut self, values: &[T]) -> Result<(), NoMemory> {
        T::buffer(self.data.make_cold(self.colds)?).extend(values, |_| {})
    }

    /// `__name__` or, if `qualified`, `__qualname__`, where one has been set; borrowed.
    pub fn name(&mut self, qualified: bool) -> Option<*mut PyObject> {
        let cold = self.data.cold()?;
        let name = if qualified {
            &cold.qualified_name
        } else {
            &cold.name
        };
        name.as_ref().map(Owned::as_ptr)
    }

    /// Sets a name and hands back what was there; the name itself where there is no memory.
    pub fn set_name(&mut self, qualified: bool, name: Owned) -> Result<Option<Owned>, Owned> {
        let Ok(cold) = self.data.make_cold(self.colds) else {
            return Err(name);
        };
        Ok(if qualified {
            cold.qualified_name.replace(name)
        } else {
            cold.name.replace(name)
        })
    }
}

/// Where it was made.
impl Store<'_> {
    /// The origin, if it was recorded; borrowed.
    pub fn origin(&mut self) -> Option<*mut PyObject> {
        self.data.cold()?.origin.as_ref().map(Owned::as_ptr)
    }

    /// Records it; where there is no memory, hands it back.
    pub fn set_origin(&mut self, origin: Owned) -> Result<(), Owned> {
        match self.data.make_cold(self.colds) {
            Ok(cold) => {
                cold.origin = Some(origin);
                Ok(())
            }
            Err(NoMemory) => Err(origin),
        }
    }
}

/// The whole.
impl Store<'_> {
    /// The bytes of memory held beside the object itself.
    pub fn bytes(&mut self) -> usize {
        let Some(cold) = self.data.cold() else {
            return 0;
        };
        let mut bytes = cold.bytes();
        let mut block = cold.block;
        // SAFETY: blocks on the chain are live.
        while let Some(each) = unsafe { block.as_mut() } {
            bytes += size_of::<Block>() + each.queue.bytes();
            block = each.outer;
        }
        bytes
    }

    /// Whether there is nothing to give up, as in most objects that have returned.
    #[inline]
    pub fn is_bare(&self) -> bool {
        self.marks.activity == Activity::Idle
            && self.marks.inline_objects == 0
            && self.data.result.is_none()
            && self.data.cold.is_null()
    }

    /// Whether nothing is queued or in progress.
    #[inline]
    pub fn is_done(&self) -> bool {
        self.marks.activity == Activity::Idle && self.data.cold.is_null()
    }

    /// Whether there is more than what stands in the object itself.
    #[inline]
    pub fn has_cold(&self) -> bool {
        !self.data.cold.is_null()
    }

    /// Takes out the references that stand in the object itself: the result, what is queued or in progress, and what is
    /// saved. NULL where there is none.
    #[inline]
    pub fn take_inline(&mut self) -> [*mut PyObject; 2 + INLINE] {
        let current = mem::replace(&mut self.data.current, Entry::EMPTY);
        self.marks.activity = Activity::Idle;
        let saved = mem::take(&mut self.marks.inline_objects);
        let [first, second] = self.data.objects;
        let result = self.data.result.take();
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

    /// Takes out the saved objects that do not stand in the object itself.
    #[inline]
    pub fn take_objects(&mut self) -> Objects {
        self.data
            .cold()
            .map_or_else(Buffer::new, |cold| mem::take(&mut cold.objects))
    }

    /// Whether something is queued, or a block has not been left.
    #[inline]
    pub fn has_work(&mut self) -> bool {
        self.data
            .cold()
            .is_some_and(|cold| !cold.queue.is_empty() || !cold.block.is_null())
    }

    /// Takes out the object's own queue.
    #[inline]
    pub fn take_queue(&mut self) -> Option<Released> {
        let cold = self.data.cold()?;
        if cold.queue.is_empty() {
            return None;
        }
        Some(Released(mem::take(&mut cold.queue)))
    }

    /// Takes back the memory of saved objects that are released, and hands out what is there already.
    #[inline]
    pub fn reuse(&mut self, mut objects: Objects) -> Option<Objects> {
        objects.clear();
        match self.data.cold() {
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
        if self.data.cold().is_some_and(|cold| !cold.is_needed()) {
            let cold = mem::replace(&mut self.data.cold, core::ptr::null_mut());
            // SAFETY: made by `make_cold`, and nobody has it any more. What is not needed is empty.
            unsafe {
                if (*cold).bytes() > KEPT_BYTES || !self.colds.put(cold) {
                    free_cold(cold);
                }
            }
        }
    }

    /// Gives up the cold part of an object that goes: to the pool, or for good.
    #[inline]
    pub fn free_cold(&mut self) {
        let cold = mem::replace(&mut self.data.cold, core::ptr::null_mut());
        if !cold.is_null() {
            // SAFETY: made by `make_cold`, and nobody has it any more.
            unsafe {
                if !(*cold).clear() || !self.colds.put(cold) {
                    free_cold(cold);
                }
            }
        }
    }

    /// Calls `visit` for each object held until it returns something else than 0.
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
        all!([owned(&self.data.result), self.data.current.object()]);
        let saved = self.marks.inline_objects as usize;
        all!(self.data.objects.iter().copied().take(saved));
        let Some(cold) = self.data.cold() else {
            return 0;
        };
        all!([
            owned(&cold.name),
            owned(&cold.qualified_name),
            owned(&cold.origin)
        ]);
        all!(cold.queue.as_slice().iter().map(Entry::object));
        all!(cold.objects.as_slice().iter().copied());
        let mut block = cold.block;
        // SAFETY: blocks on the chain are live.
        while let Some(inner) = unsafe { block.as_mut() } {
            if let Some(exit) = &inner.exit {
                all!([exit.function.as_ptr(), owned(&exit.receiver)]);
            }
            all!([owned(&inner.exception)]);
            all!(inner.queue.as_slice().iter().map(Entry::object));
            all!(inner.condemned.as_slice().iter().map(Entry::object));
            block = inner.outer;
        }
        0
    }
}
