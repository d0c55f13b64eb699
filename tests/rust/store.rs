//! What an awaitable holds, without an interpreter: references are counted, and memory can fail.

#![allow(
    dead_code,
    reason = "the modules are the crate's own, and not all of them is used here"
)]

#[path = "../../src/base/mod.rs"]
mod base;

/// In the place of the crate's room of this name.
mod python {
    pub mod ffi {
        use std::cell::Cell;

        /// An object is a count of references.
        pub struct PyObject(pub Cell<isize>);

        pub unsafe fn incref(object: *mut PyObject) {
            // SAFETY: the tests' objects live until they end.
            let count = unsafe { &(*object).0 };
            count.set(count.get() + 1);
        }

        #[allow(non_snake_case)]
        pub unsafe fn Py_XDECREF(object: *mut PyObject) {
            // SAFETY: as above, or NULL.
            if let Some(object) = unsafe { object.as_ref() } {
                assert!(object.0.get() > 0, "released once too often");
                object.0.set(object.0.get() - 1);
            }
        }

        #[allow(non_snake_case)]
        pub unsafe fn PyMem_Free(block: *mut core::ffi::c_void) {
            use crate::base::buffer::Memory;
            // SAFETY: the caller's promise.
            unsafe { super::memory::PythonMemory::free(block.cast()) };
        }
    }

    pub mod thread {
        /// A thread has nothing here.
        #[derive(Clone, Copy)]
        pub struct Thread;
    }

    pub mod memory {
        use crate::base::buffer::{Memory, NoMemory};
        use std::cell::Cell;

        thread_local! {
            pub static LIVE: Cell<isize> = const { Cell::new(0) };
            /// How many calls for memory succeed from now on.
            pub static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
        }

        unsafe extern "C" {
            fn realloc(block: *mut u8, bytes: usize) -> *mut u8;
            fn free(block: *mut u8);
        }

        pub struct PythonMemory;

        impl Memory for PythonMemory {
            unsafe fn reallocate(block: *mut u8, bytes: usize) -> *mut u8 {
                if LEFT.get() == 0 {
                    return core::ptr::null_mut();
                }
                LEFT.set(LEFT.get() - 1);
                LIVE.set(LIVE.get() + isize::from(block.is_null()));
                // SAFETY: NULL or a block of this allocator.
                unsafe { realloc(block, bytes) }
            }

            unsafe fn free(block: *mut u8) {
                LIVE.set(LIVE.get() - isize::from(!block.is_null()));
                // SAFETY: as above.
                unsafe { free(block) }
            }
        }

        pub fn new_block<T>(value: T) -> Result<*mut T, NoMemory> {
            // SAFETY: NULL is a new block.
            let place = unsafe { PythonMemory::reallocate(core::ptr::null_mut(), size_of::<T>()) };
            let place = place.cast::<T>();
            if place.is_null() {
                return Err(NoMemory);
            }
            // SAFETY: large enough, and nobody else's.
            unsafe { place.write(value) };
            Ok(place)
        }
    }

    pub mod reference {
        use super::ffi::{self, PyObject};
        use core::marker::PhantomData;
        use core::ptr::NonNull;

        pub struct Owned(NonNull<PyObject>);

        impl Owned {
            pub unsafe fn optional(object: *mut PyObject) -> Option<Self> {
                NonNull::new(object).map(Self)
            }

            pub fn borrow(&self) -> Borrowed<'_> {
                Borrowed(self.0, PhantomData)
            }

            pub fn as_ptr(&self) -> *mut PyObject {
                self.0.as_ptr()
            }

            pub fn into_ptr(self) -> *mut PyObject {
                let object = self.as_ptr();
                core::mem::forget(self);
                object
            }
        }

        impl Drop for Owned {
            fn drop(&mut self) {
                // SAFETY: the reference is ours.
                unsafe { ffi::Py_XDECREF(self.as_ptr()) }
            }
        }

        #[derive(Clone, Copy)]
        pub struct Borrowed<'a>(NonNull<PyObject>, PhantomData<&'a Owned>);

        impl Borrowed<'_> {
            pub unsafe fn new(object: *mut PyObject) -> Self {
                // SAFETY: the caller's promise.
                unsafe { Self::optional(object) }.expect("an object")
            }

            pub unsafe fn optional(object: *mut PyObject) -> Option<Self> {
                NonNull::new(object).map(|object| Self(object, PhantomData))
            }

            pub fn as_ptr(self) -> *mut PyObject {
                self.0.as_ptr()
            }

            pub fn to_owned(self) -> Owned {
                // SAFETY: live.
                unsafe { ffi::incref(self.as_ptr()) };
                Owned(self.0)
            }

            pub fn is_shared(self) -> bool {
                // SAFETY: live.
                unsafe { self.0.as_ref() }.0.get() > 1
            }
        }
    }

    pub mod raised {
        pub struct Raised(());
    }

    pub mod special_method {
        use super::reference::Owned;

        pub struct Special {
            pub function: Owned,
            pub receiver: Option<Owned>,
        }
    }
}

#[path = "../../src/store/mod.rs"]
mod store;

use base::free_list::FreeList;
use python::ffi::{self, PyObject};
use python::memory::{LEFT, LIVE};
use python::reference::{Borrowed, Owned};
use std::cell::Cell;
use std::ffi::c_int;
use store::block::Turn;
use store::entry::{Block, Entry};
use store::maker::{Definition, Maker, Which};
use store::queue::{Activity, Next};
use store::status::Status;
use store::{Contents, Store};

/// What an awaitable is made of, and some objects.
struct World {
    status: Status,
    contents: Contents,
    colds: FreeList<store::cold::Cold, 64>,
    objects: Vec<PyObject>,
}

impl World {
    fn new() -> Self {
        LEFT.set(usize::MAX);
        Self {
            status: Status::new(),
            contents: Contents::new(),
            colds: FreeList::new(),
            objects: (0..100).map(|_| PyObject(Cell::new(0))).collect(),
        }
    }

    fn store(&mut self) -> Store<'_> {
        Store {
            status: &mut self.status,
            contents: &mut self.contents,
            colds: &self.colds,
        }
    }

    /// A borrowed object.
    fn object(&mut self, index: usize) -> *mut PyObject {
        &raw mut self.objects[index]
    }

    /// A new reference to it.
    fn reference(&mut self, index: usize) -> Owned {
        let object = self.object(index);
        // SAFETY: it lives as long as the world.
        let reference = unsafe {
            ffi::incref(object);
            Owned::optional(object)
        };
        reference.expect("an object")
    }

    fn index(&self, object: *mut PyObject) -> usize {
        let same = |each: &PyObject| core::ptr::eq(each, object);
        self.objects
            .iter()
            .position(same)
            .expect("an object of ours")
    }

    fn add(&mut self, index: usize) {
        let entry = Entry::to_await(self.reference(index), None, None);
        self.store().push(entry).expect("memory");
    }

    /// Begins what is next: the object that is to be awaited.
    fn begin(&mut self) -> usize {
        match self.store().next() {
            Next::Await(object) => {
                let index = self.index(object.as_ptr());
                self.store().drive(object);
                index
            }
            _ => panic!("an await was to come next"),
        }
    }

    fn end(&mut self) {
        drop(self.store().take_driven());
        self.store().end();
    }

    /// Gives everything up, and checks that nothing is left of it.
    fn finish(mut self) {
        for object in self.store().take_inline() {
            // SAFETY: the store owned it.
            unsafe { ffi::Py_XDECREF(object) };
        }
        for &object in self.store().take_objects().as_slice() {
            // SAFETY: the store owned it.
            unsafe { ffi::Py_XDECREF(object) };
        }
        drop(self.store().take_queue());
        while let Some(left) = self.store().pop_block() {
            drop(left);
        }
        self.store().free_cold();
        // SAFETY: they are nobody's any more.
        self.colds
            .close(|cold| unsafe { store::cold::free_cold(cold) });
        assert!(
            self.objects.iter().all(|object| object.0.get() == 0),
            "a reference is left"
        );
        assert_eq!(LIVE.get(), 0, "memory is left");
    }
}

unsafe extern "C" fn callback(_: *mut PyObject) -> c_int {
    0
}

#[test]
fn first_in_first_out() {
    let mut world = World::new();
    (0..20).for_each(|index| world.add(index));
    for index in 0..20 {
        assert_eq!(world.begin(), index);
        assert!(matches!(world.store().next(), Next::Resume(_)));
        world.add(20 + index);
        world.end();
    }
    assert_eq!(world.begin(), 20);
    world.finish();
}

#[test]
fn a_deferred_callback_has_its_turn() {
    let mut world = World::new();
    world.add(0);
    world
        .store()
        .push(Entry::to_defer(callback))
        .expect("memory");
    world.add(1);
    assert_eq!(world.begin(), 0);
    world.end();
    assert!(matches!(world.store().next(), Next::Call(_)));
    assert_eq!(world.begin(), 1);
    world.end();
    assert!(matches!(world.store().next(), Next::Finish));
    world.finish();
}

/// Enters a block over the object.
fn enter(world: &mut World, index: usize) {
    match world.store().next() {
        Next::Enter(context) => assert_eq!(world.index(context.as_ptr()), index),
        _ => panic!("a block was to come next"),
    }
    assert!(matches!(world.store().push_block(), Ok(Some(Block::With))));
}

#[test]
fn what_is_added_inside_a_block_runs_before_it_is_left() {
    let mut world = World::new();
    let entry = Entry::to_enter(world.reference(50), None, None);
    world.store().push(entry).expect("memory");
    world.add(0);
    enter(&mut world, 50);
    world.add(1); // while it is entered: the object's own
    world.store().end();
    world.store().open_block();
    world.add(2);
    let entry = Entry::to_enter(world.reference(51), None, None);
    world.store().push(entry).expect("memory");
    assert_eq!(world.begin(), 2);
    world.end();
    enter(&mut world, 51);
    world.store().end();
    world.store().open_block();
    world.add(3);
    assert_eq!(world.begin(), 3);
    world.end();
    for _ in 0..2 {
        assert!(matches!(world.store().next(), Next::Leave));
        drop(world.store().close_block(None));
        assert!(world.status.activity == Activity::Exiting);
        world.store().end();
        drop(world.store().pop_block());
    }
    assert_eq!(world.begin(), 0);
    world.end();
    assert_eq!(world.begin(), 1);
    world.finish();
}

/// Queues a loop over the object.
fn add_loop(world: &mut World, index: usize) -> Result<(), base::buffer::NoMemory> {
    let entry = Entry::to_iterate(world.reference(index), None, None);
    let pushed = world
        .store()
        .push_both(entry, Entry::to_end(Some(callback)));
    if pushed.is_err() {
        // SAFETY: it is in no queue.
        unsafe { entry.release() };
    }
    pushed
}

/// Begins a loop over the object, which is its own iterator.
fn iterate(world: &mut World, index: usize) {
    let Next::Enter(iterable) = world.store().next() else {
        panic!("a loop was to come next");
    };
    assert_eq!(world.index(iterable.as_ptr()), index);
    assert!(matches!(world.store().push_block(), Ok(Some(Block::For))));
    world.store().set_iterator(iterable);
}

/// Asks for the next item, which is the object.
fn advance(world: &mut World, item: usize) {
    assert!(world.store().advance().is_some());
    let item = world.reference(item);
    world.store().drive(item);
}

#[test]
fn what_is_added_inside_a_loop_runs_before_the_next_item() {
    let mut world = World::new();
    add_loop(&mut world, 50).expect("memory");
    world.add(0);
    iterate(&mut world, 50);
    for item in 1..5 {
        advance(&mut world, item);
        assert!(matches!(world.store().next(), Next::Resume(_)));
        world.add(10 + item); // while the item is awaited: the object's own
        drop(world.store().take_driven());
        assert!(matches!(world.store().open_loop(), Turn::Skip));
        world.add(20 + item);
        assert_eq!(world.begin(), 20 + item);
        world.end();
        assert!(matches!(world.store().next(), Next::Leave));
    }
    let left = world.store().pop_block().expect("the loop");
    assert!(left.end().is_some());
    drop(left);
    for index in [0, 11, 12, 13, 14] {
        assert_eq!(world.begin(), index);
        world.end();
    }
    assert!(matches!(world.store().next(), Next::Finish));
    world.finish();
}

#[test]
fn a_loop_that_is_stopped_asks_for_no_item() {
    for cancels in [false, true] {
        let mut world = World::new();
        add_loop(&mut world, 50).expect("memory");
        iterate(&mut world, 50);
        advance(&mut world, 1);
        if cancels {
            drop(world.store().cancel());
        }
        drop(world.store().take_driven());
        assert!(matches!(world.store().open_loop(), Turn::Skip));
        if !cancels {
            world.store().stop_loop();
        }
        assert!(matches!(world.store().next(), Next::Leave));
        assert!(world.store().advance().is_none());
        let left = world.store().pop_block().expect("the loop");
        assert_eq!(left.end().is_none(), cancels);
        drop(left);
        world.finish();
    }
}

#[test]
fn a_block_that_is_cancelled_where_it_begins_is_none() {
    let mut world = World::new();
    for index in [50, 51] {
        add_loop(&mut world, index).expect("memory");
        assert!(matches!(world.store().next(), Next::Enter(_)));
        assert_eq!(world.objects[index].0.get(), 0);
        drop(world.store().cancel());
        // What was added meanwhile is left alone.
        world.add(index - 50);
        assert!(matches!(world.store().push_block(), Ok(None)));
        assert_eq!(world.begin(), index - 50);
        world.end();
    }
    world.finish();
}

#[test]
fn a_loop_without_memory_is_not_queued_or_has_failed() {
    for left in 0..6 {
        let mut world = World::new();
        LEFT.set(left);
        let queued = add_loop(&mut world, 50).is_ok();
        if queued {
            assert!(matches!(world.store().next(), Next::Enter(_)));
            if world.store().push_block().is_err() {
                assert!(world.status.activity == Activity::Awaiting);
                world.end();
            }
        } else {
            assert!(matches!(world.store().next(), Next::Finish));
        }
        LEFT.set(usize::MAX);
        world.finish();
    }
}

#[test]
fn cancel_takes_everything_but_what_is_in_progress() {
    let mut world = World::new();
    (0..10).for_each(|index| world.add(index));
    assert_eq!(world.begin(), 0);
    let cancelled = world.store().cancel();
    assert_eq!(world.objects[5].0.get(), 1, "released outside the lock");
    drop(cancelled);
    assert_eq!(world.objects[5].0.get(), 0);
    assert_eq!(world.objects[0].0.get(), 1);
    world.add(11);
    world.end();
    assert_eq!(world.begin(), 11);
    world.finish();
}

/// The objects as the store is given them.
fn borrowed(objects: &[*mut PyObject]) -> Vec<Borrowed<'_>> {
    // SAFETY: the tests' objects live until they end.
    let borrow = |&object| unsafe { Borrowed::new(object) };
    objects.iter().map(borrow).collect()
}

#[test]
fn saved_values_keep_their_indexes() {
    let mut world = World::new();
    for group in [vec![0], vec![1, 2, 3], vec![], vec![4]] {
        let objects: Vec<_> = group.iter().map(|&index| world.object(index)).collect();
        world
            .store()
            .save_objects(&borrowed(&objects))
            .expect("memory");
    }
    assert_eq!(world.store().object_count(), 5);
    for index in 0..5 {
        let found = *world.store().object(index).expect("saved");
        assert_eq!(world.index(found), index);
    }
    assert!(world.store().object(5).is_none());
    world
        .store()
        .save_raw(&[7_i64 as core::ffi::c_long, 8])
        .expect("memory");
    assert_eq!(world.store().raw_values::<core::ffi::c_long>(), [7, 8]);
    world.finish();
}

/// Runs `act` with each allocation in turn failing, until none does. Nothing must have changed where one has.
fn each_allocation_fails(act: impl Fn(&mut World) -> bool) {
    for allowed in 0.. {
        let mut world = World::new();
        let before = world.store().object_count();
        LEFT.set(allowed);
        let done = act(&mut world);
        LEFT.set(usize::MAX);
        if !done {
            assert_eq!(world.store().object_count(), before);
        }
        world.finish();
        if done {
            return;
        }
    }
}

#[test]
fn without_memory_nothing_is_saved() {
    each_allocation_fails(|world| {
        let objects: Vec<_> = (0..40).map(|index| world.object(index)).collect();
        world.store().save_objects(&borrowed(&objects)).is_ok()
    });
}

#[test]
fn without_memory_an_entry_stays_the_callers() {
    each_allocation_fails(|world| {
        (0..40).all(|index| {
            let entry = Entry::to_await(world.reference(index), None, None);
            let pushed = world.store().push(entry).is_ok();
            if !pushed {
                // SAFETY: it is in no queue.
                unsafe { entry.release() };
            }
            pushed
        })
    });
}

#[test]
fn the_result_is_replaced_and_taken() {
    let mut world = World::new();
    for index in 0..3 {
        let reference = world.reference(index);
        drop(world.store().set_result(reference));
    }
    let result = world.store().take_result().expect("set");
    assert_eq!(world.index(result.as_ptr()), 2);
    drop(result);
    assert!(world.store().take_result().is_none());
    world.finish();
}

/// Whether it holds nothing, not even a maker.
fn is_nobodys(world: &mut World) -> bool {
    let is_bare = world.store().is_bare();
    is_bare && matches!(world.store().maker().which(), Which::Nobody)
}

#[test]
fn what_made_it_is_one_word() {
    static DEFINITION: Definition = Definition {
        name: c"pour",
        qualified_name: c"Kettle.pour",
    };
    assert_eq!(size_of::<Maker>(), size_of::<usize>());
    let mut world = World::new();
    assert!(is_nobodys(&mut world));
    drop(world.store().set_maker(Maker::definition(&DEFINITION)));
    match world.store().maker().which() {
        Which::Definition(found) => assert_eq!(found.name, c"pour"),
        _ => panic!("a definition was set"),
    }
    assert!(world.store().is_bare() && !is_nobodys(&mut world));
    assert!(world.store().forget_maker() && is_nobodys(&mut world));
    world.finish();
}

#[test]
fn a_function_that_made_it_is_held_once() {
    let mut world = World::new();
    let function = Maker::function(world.reference(0));
    drop(world.store().set_maker(function));
    let another = world.store().maker().clone();
    assert_eq!(world.objects[0].0.get(), 2);
    match another.which() {
        Which::Function(found) => assert_eq!(world.index(found.as_ptr()), 0),
        _ => panic!("a function was set"),
    }
    let mut seen = Vec::new();
    world.store().visit(|object| {
        seen.push(object);
        0
    });
    assert_eq!(seen.len(), 1);
    drop(another);
    // The last reference is not given up while the store is borrowed.
    assert!(!world.store().forget_maker());
    let kept = world.store().maker().clone();
    assert!(world.store().forget_maker() && is_nobodys(&mut world));
    assert_eq!(world.objects[0].0.get(), 1);
    drop(kept);
    world.finish();
}

#[test]
fn a_closed_pool_has_nothing_and_takes_nothing() {
    let mut pieces = [1, 2, 3];
    let [first, second, third] = pieces.each_mut().map(|piece| &raw mut *piece);
    let pool: FreeList<i32, 2> = FreeList::new();
    assert!(pool.put(first) && pool.put(second) && !pool.put(third));
    assert_eq!(pool.take(), Some(second));
    let freed = Cell::new(0);
    pool.close(|_| freed.set(freed.get() + 1));
    assert_eq!(freed.get(), 1);
    assert_eq!(pool.take(), None);
    assert!(!pool.put(first));
    assert_eq!(pool.take(), None);
}
