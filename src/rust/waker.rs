//! Waking bodies.

use crate::object::current::current;
use crate::outside::hub::Hub;
use crate::outside::loops;
use crate::outside::waiter::{ELSEWHERE, Waiter};
use crate::outside::waker::{Hold, Waker as Shared};
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use crate::types::awaitable_type::DEFINITIONS;
use core::ffi::CStr;
use core::ptr::NonNull;

/// Wakes a body that is parked. Any thread may have it, clone it, wake with it and drop it, attached to an interpreter or not, at
/// any time: while the body runs, when it has ended, when its event loop is closed or its interpreter has ended. None of that
/// allocates, blocks, or takes a lock.
///
/// One that is woken while nobody waits for it does not wait the next time. However often it is woken until then, that counts
/// once.
pub struct Waker(Hold);

// SAFETY: counted memory without a Python object in it, whose contents are atomic.
unsafe impl Send for Waker {}
// SAFETY: as above.
unsafe impl Sync for Waker {}

impl Waker {
    /// A new one; None without memory.
    pub fn new() -> Option<Self> {
        Shared::try_allocate().map(Self)
    }

    /// Wakes who waits, or who comes next.
    pub fn wake(&self) {
        self.0.wake();
    }

    /// Whether it was woken, and nobody has waited since.
    pub fn is_woken(&self) -> bool {
        self.0.signal().is_sent()
    }

    /// Whether there are clones of it.
    pub fn is_shared(&self) -> bool {
        self.0.is_shared()
    }

    /// An object for [`Action::Drive`](super::Action::Drive): its end, with None, is that the waker was woken. It asks for the
    /// event loop when it is first stepped: `RuntimeError` if that is none that it knows, or another one than the last time.
    ///
    /// # Safety
    /// The thread is attached to an interpreter.
    pub unsafe fn park(&self) -> Result<Owned> {
        let thread = Thread::current();
        let state = current(&thread, &DEFINITIONS)?;
        Waiter::create(state, self.clone().0)
    }

    /// Fails as a wait would that began now, for a body that has to tell that from what is thrown in later.
    ///
    /// # Safety
    /// The thread is attached to an interpreter.
    pub unsafe fn check(&self) -> Result<()> {
        let thread = Thread::current();
        let state = current(&thread, &DEFINITIONS)?;
        let (hub, _) = loops::hub(state)?;
        // SAFETY: a hub.
        let joins = unsafe { Hub::of(hub.borrow()) }
            .channel()
            .is_some_and(|channel| self.0.join(channel));
        if joins {
            return Ok(());
        }
        Err(Raised::new(Kind::RuntimeError, ELSEWHERE))
    }

    /// Its address, for [`Waker::from_raw`].
    pub fn into_raw(self) -> *const () {
        self.0.into_ptr().cast_const().cast()
    }

    /// Takes it back.
    ///
    /// # Safety
    /// [`Waker::into_raw`] has returned the address, and each is taken back once.
    pub unsafe fn from_raw(address: *const ()) -> Self {
        // SAFETY: the caller's promise: not NULL.
        Self(unsafe { Hold::from_ptr(NonNull::new_unchecked(address.cast_mut().cast())) })
    }
}

impl Clone for Waker {
    fn clone(&self) -> Self {
        // SAFETY: there is this one.
        Self(unsafe { Hold::share(NonNull::new_unchecked(self.0.as_ptr())) })
    }
}

/// The library whose event loop runs in this thread: `asyncio`, which is also that of uvloop, `trio`, or None.
///
/// # Safety
/// The thread is attached to an interpreter.
pub unsafe fn current_library() -> Result<Option<&'static CStr>> {
    let thread = Thread::current();
    let state = current(&thread, &DEFINITIONS)?;
    let found = loops::current(state)?;
    Ok(found.map(|(library, _)| library.name()))
}
