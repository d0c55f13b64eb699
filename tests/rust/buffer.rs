//! The storage, over memory that counts and can fail.

#![allow(
    dead_code,
    reason = "the module is the crate's own, and not all of it is used here"
)]

#[path = "../../src/base/buffer.rs"]
mod buffer;

use buffer::{Buffer, Memory, NoMemory, Queue};
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::cell::Cell;
use std::collections::VecDeque;

thread_local! {
    /// Blocks that live, calls for memory, and how many of those succeed from now on.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Each block begins with its size.
struct Counting;

const HEADER: usize = 16;

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes + HEADER, HEADER).expect("a valid layout")
}

impl Memory for Counting {
    unsafe fn reallocate(block: *mut u8, bytes: usize) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        if LEFT.get() == 0 {
            return std::ptr::null_mut();
        }
        LEFT.set(LEFT.get() - 1);
        // SAFETY: blocks are ours, behind a header that holds their size.
        unsafe {
            let start = if block.is_null() {
                LIVE.set(LIVE.get() + 1);
                alloc(layout(bytes))
            } else {
                let start = block.sub(HEADER);
                realloc(start, layout(start.cast::<usize>().read()), bytes + HEADER)
            };
            start.cast::<usize>().write(bytes);
            start.add(HEADER)
        }
    }

    unsafe fn free(block: *mut u8) {
        LIVE.set(LIVE.get() - 1);
        // SAFETY: as above.
        unsafe {
            let start = block.sub(HEADER);
            dealloc(start, layout(start.cast::<usize>().read()));
        }
    }
}

fn no_memory_after<R>(calls: usize, body: impl FnOnce() -> R) -> R {
    LEFT.set(calls);
    let result = body();
    LEFT.set(usize::MAX);
    result
}

#[test]
fn buffer_keeps_what_is_pushed() {
    {
        let mut buffer: Buffer<u64, Counting> = Buffer::new();
        assert!(buffer.as_slice().is_empty());
        for number in 0..1000 {
            assert_eq!(buffer.push(number), Ok(()));
        }
        assert_eq!(buffer.len(), 1000);
        assert!(buffer.as_slice().iter().copied().eq(0..1000));
        assert_eq!(buffer.get_mut(999).copied(), Some(999));
        assert_eq!(buffer.get_mut(1000), None);
    }
    assert_eq!(LIVE.get(), 0);
}

#[test]
fn buffer_reserves_exactly_what_is_asked_for_at_once() {
    let mut buffer: Buffer<u64, Counting> = Buffer::new();
    assert_eq!(buffer.reserve(18), Ok(()));
    assert_eq!(buffer.bytes(), 18 * 8);
}

#[test]
fn buffer_takes_all_of_a_slice_or_none() {
    let mut buffer: Buffer<u64, Counting> = Buffer::new();
    let seen = std::cell::RefCell::new(Vec::new());
    let note = |one: u64| {
        seen.borrow_mut().push(one);
        one * 10
    };
    assert_eq!(buffer.extend(&[], note), Ok(()));
    assert_eq!(buffer.bytes(), 0);
    let extended = no_memory_after(0, || buffer.extend(&[1], note));
    assert_eq!(extended, Err(NoMemory));
    assert!(buffer.as_slice().is_empty() && seen.borrow().is_empty());
    for slice in [&[1, 2][..], &[3], &[4, 5, 6, 7]] {
        assert_eq!(buffer.extend(slice, note), Ok(()));
    }
    assert_eq!(buffer.as_slice(), [10, 20, 30, 40, 50, 60, 70]);
    assert_eq!(*seen.borrow(), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn buffer_grows_by_at_most_a_factor_of_1_6() {
    let mut buffer: Buffer<u64, Counting> = Buffer::new();
    let mut before = 0;
    for number in 0..100_000 {
        assert_eq!(buffer.push(number), Ok(()));
        let bytes = buffer.bytes();
        if before > 8 * 8 {
            assert!(bytes as f64 <= before as f64 * 1.6, "{before} to {bytes}");
        }
        before = bytes;
    }
}

#[test]
fn buffer_without_memory_stays_as_it_was() {
    let mut buffer: Buffer<u64, Counting> = Buffer::new();
    assert_eq!(no_memory_after(0, || buffer.push(1)), Err(NoMemory));
    assert_eq!(buffer.len(), 0);
    assert_eq!(buffer.reserve(usize::MAX), Err(NoMemory));
    assert_eq!(buffer.reserve(u32::MAX as usize + 1), Err(NoMemory));
    for number in 0..3 {
        assert_eq!(buffer.push(number), Ok(()));
    }
    assert_eq!(no_memory_after(0, || buffer.reserve(100)), Err(NoMemory));
    assert_eq!(buffer.as_slice(), [0, 1, 2]);
}

#[test]
fn queue_is_first_in_first_out() {
    let mut queue: Queue<u64, Counting> = Queue::new();
    let mut model = VecDeque::new();
    // A walk that grows, shrinks, runs empty and grows again.
    let mut state: u64 = 1;
    for step in 0..200_000_u64 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        let growing = (step / 5_000) % 2 == 0;
        if (state >> 33) % 8 < if growing { 5 } else { 3 } {
            assert_eq!(queue.push(step), Ok(()));
            model.push_back(step);
        } else {
            assert_eq!(queue.pop(), model.pop_front());
        }
        assert_eq!(queue.is_empty(), model.is_empty());
        if step % 1_000 == 0 {
            assert!(queue.as_slice().iter().eq(model.iter()));
        }
    }
}

#[test]
fn queue_of_constant_length_keeps_its_size() {
    for length in [1, 2, 3, 5, 8, 100] {
        let mut queue: Queue<u64, Counting> = Queue::new();
        for number in 0..length {
            assert_eq!(queue.push(number), Ok(()));
        }
        let bytes_after = |queue: &mut Queue<u64, Counting>, rounds| {
            for _ in 0..rounds {
                let first = queue.pop().expect("not empty");
                assert_eq!(queue.push(first), Ok(()));
            }
            queue.bytes()
        };
        let settled = bytes_after(&mut queue, 1_000);
        let calls = CALLS.get();
        assert_eq!(bytes_after(&mut queue, 100_000), settled);
        assert_eq!(CALLS.get(), calls, "memory was asked for");
    }
}

#[test]
fn queue_that_runs_empty_gives_its_memory_back() {
    let mut queue: Queue<u64, Counting> = Queue::new();
    for number in 0..10_000 {
        assert_eq!(queue.push(number), Ok(()));
    }
    while queue.pop().is_some() {}
    assert_eq!(queue.bytes(), 0);
    drop(queue);
    assert_eq!(LIVE.get(), 0);
}

#[test]
fn queue_without_memory_stays_as_it_was() {
    let mut queue: Queue<u64, Counting> = Queue::new();
    assert_eq!(no_memory_after(0, || queue.push(0)), Err(NoMemory));
    let mut pushed = 0;
    no_memory_after(3, || {
        while queue.push(pushed).is_ok() {
            pushed += 1;
        }
    });
    assert!(queue.as_slice().iter().copied().eq(0..pushed));
    assert_eq!(queue.push(pushed), Ok(()));
}

#[test]
fn queue_moves_to_another_in_order() {
    for before in [0, 3] {
        let mut from: Queue<u64, Counting> = Queue::new();
        let mut to: Queue<u64, Counting> = Queue::new();
        for number in 0..before {
            assert_eq!(to.push(number), Ok(()));
        }
        for number in before..10 {
            assert_eq!(from.push(number), Ok(()));
        }
        from.move_to(&mut to);
        assert!(from.is_empty());
        assert!(to.as_slice().iter().copied().eq(0..10));
    }
}
