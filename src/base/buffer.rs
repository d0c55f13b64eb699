//! Growable storage that can fail: a [`Buffer`], and a first-in first-out [`Queue`] over it.
//!
//! Elements are `Copy`: code that puts references in also takes them out and releases them. Nothing here panics or knows of
//! Python: the source of memory is a parameter.

use core::marker::PhantomData;
use core::mem::size_of;

/// Where memory comes from.
pub trait Memory {
    /// Like C's `realloc`: without memory it returns NULL, and the old block is unchanged. A NULL `block` means a new one.
    ///
    /// # Safety
    /// `block` is NULL, or came from this memory and belongs to the caller.
    unsafe fn reallocate(block: *mut u8, bytes: usize) -> *mut u8;
    /// Like C's `free`.
    ///
    /// # Safety
    /// As for `reallocate`.
    unsafe fn free(block: *mut u8);
}

/// There was no memory; nothing has changed.
#[derive(Debug, PartialEq, Eq)]
pub struct NoMemory;

/// A growable array.
pub struct Buffer<T: Copy, M: Memory> {
    block: *mut T,
    length: u32,
    capacity: u32,
    memory: PhantomData<M>,
}

impl<T: Copy, M: Memory> Buffer<T, M> {
    pub const fn new() -> Self {
        Self {
            block: core::ptr::null_mut(),
            length: 0,
            capacity: 0,
            memory: PhantomData,
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.length as usize
    }

    /// The bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.capacity as usize * size_of::<T>()
    }

    /// The elements, in order.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        if self.block.is_null() {
            return &[];
        }
        // SAFETY: the first `length` elements of the block are initialized, and `self` is borrowed for as long.
        unsafe { core::slice::from_raw_parts(self.block, self.len()) }
    }

    /// The element at `index`, to read or to replace.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index < self.len() {
            // SAFETY: within the initialized elements; `self` is borrowed for as long as the result.
            Some(unsafe { &mut *self.block.add(index) })
        } else {
            None
        }
    }

    /// Forgets the elements, and keeps the memory.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Makes room for `additional` more elements. Grows by half, or to the exact size if more is needed.
    pub fn reserve(&mut self, additional: usize) -> Result<(), NoMemory> {
        let wanted = self.len().checked_add(additional).ok_or(NoMemory)?;
        if wanted <= self.capacity as usize {
            return Ok(());
        }
        let half_more = self.capacity as usize + self.capacity as usize / 2;
        let capacity = u32::try_from(wanted.max(half_more)).map_err(|_| NoMemory)?;
        let bytes = (capacity as usize)
            .checked_mul(size_of::<T>())
            .filter(|&bytes| bytes <= isize::MAX as usize)
            .ok_or(NoMemory)?;
        // SAFETY: NULL, or a block of this memory that only `self` has.
        let block = unsafe { M::reallocate(self.block.cast(), bytes) }.cast::<T>();
        if block.is_null() {
            return Err(NoMemory);
        }
        self.block = block;
        self.capacity = capacity;
        Ok(())
    }

    /// Appends, growing if need be.
    #[inline]
    pub fn push(&mut self, element: T) -> Result<(), NoMemory> {
        if self.length == self.capacity {
            self.reserve(1)?;
        }
        // SAFETY: there is room for one more, and nothing else holds a reference into the block.
        unsafe { self.block.add(self.len()).write(element) };
        self.length += 1;
        Ok(())
    }

    /// Appends what `each` returns for every one of `elements`, or nothing.
    #[inline]
    pub fn extend<S: Copy>(
        &mut self,
        elements: &[S],
        each: impl Fn(S) -> T,
    ) -> Result<(), NoMemory> {
        self.reserve(elements.len())?;
        // SAFETY: within the block or one past its end; an empty one may be NULL, to which nothing is added.
        let mut place = unsafe { self.block.add(self.len()) };
        for &element in elements {
            // SAFETY: there is room for all, and nothing else holds a reference into the block.
            unsafe {
                place.write(each(element));
                place = place.add(1);
            }
        }
        // Not more than the capacity, which is of this type.
        self.length += elements.len() as u32;
        Ok(())
    }

    /// Takes out the last.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.length.checked_sub(1)?;
        self.length = last;
        // SAFETY: initialized, since it was within the length.
        Some(unsafe { self.block.add(last as usize).read() })
    }

    /// Moves the elements from `from` on to the front, forgetting those before.
    fn shift(&mut self, from: u32) {
        let kept = self.length.saturating_sub(from);
        if kept > 0 {
            // SAFETY: both ranges lie within the initialized elements; `copy` allows them to overlap.
            unsafe { core::ptr::copy(self.block.add(from as usize), self.block, kept as usize) };
        }
        self.length = kept;
    }
}

impl<T: Copy, M: Memory> Drop for Buffer<T, M> {
    fn drop(&mut self) {
        if !self.block.is_null() {
            // SAFETY: as above, and not used again.
            unsafe { M::free(self.block.cast()) };
        }
    }
}

impl<T: Copy, M: Memory> Default for Buffer<T, M> {
    fn default() -> Self {
        Self::new()
    }
}

/// First in, first out. Room that is freed at the front is reused before the queue grows, so that a queue of constant length
/// never grows; one that becomes empty frees its memory.
pub struct Queue<T: Copy, M: Memory> {
    buffer: Buffer<T, M>,
    /// How many elements at the front have been popped.
    head: u32,
}

/// An empty queue keeps a block of at most this many elements.
const KEPT: u32 = 64;
/// The capacity of the first block.
const FIRST: usize = 4;

impl<T: Copy, M: Memory> Queue<T, M> {
    pub const fn new() -> Self {
        Self {
            buffer: Buffer::new(),
            head: 0,
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head == self.buffer.length
    }

    /// The bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.buffer.bytes()
    }

    /// The elements, first to last.
    pub fn as_slice(&self) -> &[T] {
        self.buffer
            .as_slice()
            .get(self.head as usize..)
            .unwrap_or_default()
    }

    /// Appends at the end.
    #[inline]
    pub fn push(&mut self, element: T) -> Result<(), NoMemory> {
        if self.buffer.length == self.buffer.capacity {
            return self.push_to_full(element);
        }
        self.buffer.push(element)
    }

    /// Appends two at the end, or neither.
    pub fn push_both(&mut self, first: T, second: T) -> Result<(), NoMemory> {
        self.push(first)?;
        let pushed = self.push(second);
        if pushed.is_err() {
            self.buffer.pop();
        }
        pushed
    }

    #[cold]
    fn push_to_full(&mut self, element: T) -> Result<(), NoMemory> {
        self.make_room()?;
        self.buffer.push(element)
    }

    /// Reuses the room at the front if it is at least a quarter of the block, so that the pushes before each move pay for it;
    /// otherwise grows.
    fn make_room(&mut self) -> Result<(), NoMemory> {
        if self.head > 0 && self.head >= self.buffer.capacity / 4 {
            self.buffer.shift(self.head);
            self.head = 0;
            return Ok(());
        }
        self.buffer
            .reserve(if self.buffer.capacity == 0 { FIRST } else { 1 })
    }

    /// Moves all elements to the end of `other`, which is usually empty. Without memory, some stay.
    pub fn move_to(&mut self, other: &mut Self) {
        if other.is_empty() {
            core::mem::swap(self, other);
            return;
        }
        while let Some(&first) = self.as_slice().first() {
            if other.push(first).is_err() {
                return;
            }
            self.pop();
        }
    }

    /// Takes the first element.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let first = *self.buffer.get_mut(self.head as usize)?;
        self.head += 1;
        if self.is_empty() {
            self.head = 0;
            self.buffer.length = 0;
            if self.buffer.capacity > KEPT {
                self.buffer = Buffer::new();
            }
        }
        Some(first)
    }
}

impl<T: Copy, M: Memory> Default for Queue<T, M> {
    fn default() -> Self {
        Self::new()
    }
}
