//! The trashcan: destructors that would nest too deeply wait their turn, so that a chain of objects of any length, each holding
//! the next, is released without overflowing the stack.
//!
//! CPython has its own, which counts levels: what is dropped by a `__del__` at the end of fifty nested containers waits, though
//! there is plenty of stack. A coroutine does not wait there, so neither does an awaitable. What matters here is how much is
//! left of the stack and of the recursion limit.
//!
//! A destructor may switch greenlets, and so end after others that began later. Nothing here is restored to an earlier value:
//! the thread has a count and a list, and each destructor that ends takes from the list.

use crate::object::awaitable::Awaitable;
use crate::object::lifetime;
use crate::object::state::State;
use crate::python::ffi;
use core::cell::Cell;
use core::ptr::null_mut;

/// The destructors of one interpreter's objects that are running on a thread.
#[derive(Clone, Copy)]
struct Trashcan {
    /// The interpreter that owns the objects. A destructor may end another interpreter, whose objects must be gone by then.
    state: *const State,
    /// How many are running, including those in greenlets that are switched out.
    active: u32,
    /// The objects that wait, linked through what was their list of weak references.
    waiting: *mut Awaitable,
}

impl Trashcan {
    const EMPTY: Self = Self {
        state: core::ptr::null(),
        active: 0,
        waiting: null_mut(),
    };
}

std::thread_local! {
    static TRASHCAN: Cell<Trashcan> = const { Cell::new(Trashcan::EMPTY) };
    /// Addresses on this thread's stack below which it is more than half used up, down to its end.
    static LOWER_HALF: Cell<Option<ffi::StackPart>> = const { Cell::new(None) };
}

/// Destroys an object: now or, if little is left of the stack or of the recursion limit, when a destructor further up the stack
/// gets to it.
///
/// # Safety
/// As [`lifetime::destroy`].
#[inline(never)]
pub unsafe fn destroy(object: *mut Awaitable) {
    TRASHCAN.with(|trashcan| {
        let outer = trashcan.get();
        // SAFETY: only we have the object, so its list of weak references is free for the link; the same goes for what waits.
        // The thread is attached.
        unsafe {
            let state: *const State = (*object).state();
            let is_nested = outer.active > 0 && outer.state == state;
            if is_nested && is_deep() {
                (*object).weak_references.set(outer.waiting.cast());
                trashcan.set(Trashcan {
                    waiting: object,
                    ..outer
                });
                return;
            }
            let before = if is_nested {
                outer
            } else {
                Trashcan {
                    state,
                    ..Trashcan::EMPTY
                }
            };
            trashcan.set(Trashcan {
                active: before.active + 1,
                ..before
            });
            lifetime::destroy(object);
            while let Some(waiting) = next(trashcan) {
                lifetime::destroy(waiting);
            }
            let inner = trashcan.get();
            trashcan.set(if is_nested || outer.active == 0 {
                Trashcan {
                    active: inner.active - 1,
                    ..inner
                }
            } else {
                outer
            });
        }
    });
}

/// Takes out an object that waits, unless it is better left to a destructor further up the stack.
fn next(trashcan: &Cell<Trashcan>) -> Option<*mut Awaitable> {
    let now = trashcan.get();
    if now.waiting.is_null() || (now.active > 1 && is_deep()) {
        return None;
    }
    // SAFETY: only the trashcan has what waits.
    let following = unsafe { (*now.waiting).weak_references.replace(null_mut()) };
    trashcan.set(Trashcan {
        waiting: following.cast(),
        ..now
    });
    Some(now.waiting)
}

/// Whether less than half of the thread's stack is left, or less than a quarter of the recursion limit.
#[cold]
fn is_deep() -> bool {
    LOWER_HALF.with(|lower_half| {
        // SAFETY: the thread is attached.
        unsafe {
            let part = lower_half.get().unwrap_or_else(|| {
                let part = ffi::pyawaitable_shim_lower_half_of_stack();
                lower_half.set(Some(part));
                part
            });
            ffi::pyawaitable_shim_is_deep(part) != 0
        }
    })
}
