//! Bodies that park: each has a waker, made when it is first asked for.

use super::waiter::Waiter;
use super::waker::{Hold, Waker};
use crate::object::awaitable::Awaitable;
use crate::python::raised::{Kind, Raised, Result};
use crate::store::body::Action;
use crate::store::cleanup::Cleanup;
use core::ffi::c_void;
use core::ptr::NonNull;

/// The clean-up that gives up the waker of a body. It is also what that is found by.
unsafe extern "C" fn give_up(waker: *mut c_void) {
    if let Some(waker) = NonNull::new(waker.cast()) {
        // SAFETY: `of` has put it there, with a hold.
        drop(unsafe { Hold::from_ptr(waker) });
    }
}

/// A waker for a body: `RuntimeError` for an awaitable without one, or with one that has ended.
pub fn of(awaitable: &Awaitable) -> Result<Hold> {
    if awaitable.with(|store| store.body().is_none()) {
        return Err(Raised::new(
            Kind::RuntimeError,
            c"only an awaitable with a body of its own, which has not ended, has a waker",
        ));
    }
    let found = awaitable.with(|store| store.cleanup_data(give_up));
    if let Some(waker) = found.and_then(|waker| NonNull::new(waker.cast::<Waker>())) {
        // SAFETY: its clean-up has not run: the body has not ended.
        return Ok(unsafe { Hold::share(waker) });
    }
    let made = Waker::allocate()?;
    // SAFETY: made above.
    let kept = unsafe { Hold::share(NonNull::new_unchecked(made.as_ptr())) };
    let cleanup = Cleanup {
        function: give_up,
        data: kept.as_ptr().cast(),
    };
    awaitable
        .with(|store| store.add_cleanup(cleanup))
        .map_err(|_| Raised::no_memory())?;
    core::mem::forget(kept);
    Ok(made)
}

/// What an awaitable does while its body is parked: it drives a waiter.
#[cold]
pub fn park(awaitable: &Awaitable) -> Result<Action> {
    Waiter::create(awaitable.state(), of(awaitable)?).map(Action::Drive)
}
