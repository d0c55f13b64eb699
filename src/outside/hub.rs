//! The event loop's end of a channel: who waits there, and how they are woken.

use super::channel::Held;
use super::job;
use super::loops::{Library, asyncio, trio};
use super::waiter::{Progress, Waiter};
use super::waker::{Hold, Waker};
use crate::base::mailbox::Batch;
use crate::object::outside::Kept;
use crate::object::state::{self, State};
use crate::python::call;
use crate::python::ffi::{self, PyObject};
use crate::python::lock::Lock;
use crate::python::raised::Result;
use crate::python::reference::{Borrowed, Owned};
use crate::python::type_spec::{self, Shared, offset, slot};
use core::cell::{Cell, UnsafeCell};
use core::ffi::{c_int, c_void};
use core::ptr::{NonNull, null_mut};

/// The object. The loop holds it, as what it calls when the descriptor is readable; nothing else does but who waits. So it goes
/// with the loop, or when that is closed.
#[repr(C)]
pub struct Hub {
    base: PyObject,
    weak_references: Cell<*mut PyObject>,
    channel: UnsafeCell<Option<Held>>,
    pub library: Library,
    /// A weak reference to the loop, or to trio's token; owned.
    source: Cell<*mut PyObject>,
    lock: Lock,
    /// Those who wait: a list in which each is owned.
    first: Cell<*mut Waiter>,
    /// With trio, once the run ends: the scope that shields whoever reads, and what was raised there; both owned, or NULL.
    pub last_scope: Cell<*mut PyObject>,
    pub last_exception: Cell<*mut PyObject>,
    /// A dictionary of what the loop watches for us, or NULL; owned. See [`super::loops::watch`].
    watched: Cell<*mut PyObject>,
    /// Taken out of the mailbox, and not woken yet.
    rest: UnsafeCell<Batch>,
}

impl Hub {
    /// A new one for a loop, or for trio's token.
    pub fn create(state: &State, library: Library, source: Borrowed<'_>) -> Result<Owned> {
        let r#type = state.outside.get(Kept::HubType, || definition(state))?;
        let channel = Held::new()?;
        // SAFETY: a live object; the new one is complete before the collector sees it.
        unsafe {
            let weak = Owned::new(ffi::PyWeakref_NewRef(source.as_ptr(), null_mut()))?;
            let object = Owned::new(ffi::_PyObject_GC_New(r#type.as_ptr().cast()))?;
            let hub = object.as_ptr().cast::<Hub>();
            (&raw mut (*hub).weak_references).write(Cell::new(null_mut()));
            (&raw mut (*hub).channel).write(UnsafeCell::new(Some(channel)));
            (&raw mut (*hub).library).write(library);
            (&raw mut (*hub).source).write(Cell::new(weak.into_ptr()));
            (&raw mut (*hub).lock).write(Lock::new());
            (&raw mut (*hub).first).write(Cell::new(null_mut()));
            (&raw mut (*hub).last_scope).write(Cell::new(null_mut()));
            (&raw mut (*hub).last_exception).write(Cell::new(null_mut()));
            (&raw mut (*hub).watched).write(Cell::new(null_mut()));
            (&raw mut (*hub).rest).write(UnsafeCell::new(Batch::NONE));
            state.hold();
            ffi::PyObject_GC_Track(object.as_ptr().cast());
            Ok(object)
        }
    }

    /// # Safety
    /// A live hub of ours.
    #[inline]
    pub unsafe fn of<'a>(object: Borrowed<'a>) -> &'a Hub {
        // SAFETY: the caller's promise.
        unsafe { &*object.as_ptr().cast() }
    }

    pub fn borrow(&self) -> Borrowed<'_> {
        // SAFETY: an object, which is live.
        unsafe { Borrowed::new((&raw const *self).cast_mut().cast()) }
    }

    pub fn state(&self) -> &State {
        // SAFETY: its type was made to point there, and it holds the state.
        unsafe { state::of(self.borrow().as_ptr()).as_ref() }
    }

    /// The channel, until the hub is destroyed.
    pub fn channel(&self) -> Option<&Held> {
        // SAFETY: only the destructor takes it out.
        unsafe { (*self.channel.get()).as_ref() }
    }

    /// The loop, or trio's token, unless it is gone.
    pub fn source(&self) -> Option<Owned> {
        // SAFETY: owned, until the hub is destroyed.
        call::referent(unsafe { Borrowed::optional(self.source.get())? })
    }

    /// What the loop watches for us: a dictionary, made when first needed.
    pub fn watched(&self) -> Result<Borrowed<'_>> {
        if self.watched.get().is_null() {
            // SAFETY: a new dictionary, or NULL.
            let made = unsafe { Owned::new(ffi::PyDict_New()) }?;
            self.watched.set(made.into_ptr());
        }
        // SAFETY: owned by the hub.
        Ok(unsafe { Borrowed::new(self.watched.get()) })
    }

    /// Makes somebody wait here: the list gets a reference of its own, and the waker leads to the waiter.
    pub fn link(&self, waiter: &Waiter, waker: &Waker) {
        let reference = waiter.borrow().to_owned().into_ptr().cast::<Waiter>();
        self.lock.with(|| {
            let first = self.first.replace(reference);
            waiter.link.previous.set(null_mut());
            waiter.link.next.set(first);
            // SAFETY: what is in the list is owned.
            if let Some(first) = unsafe { first.as_ref() } {
                first.link.previous.set(reference);
            }
            waiter.link.is_in.set(true);
            waker.waiter.set(reference);
        });
    }

    /// Takes a waiter out of the list; None if it is not there any more. The caller gets the list's reference.
    pub fn unlink(&self, waiter: &Waiter, waker: &Waker) -> Option<Owned> {
        let unlinked = self.lock.with(|| self.unlink_locked(waiter, waker));
        if !self.last_scope.get().is_null() {
            // Who reads waits for the last one.
            if let Some(channel) = self.channel() {
                channel.ends().tell();
            }
        }
        unlinked
    }

    /// Whether somebody waits.
    pub fn is_waited_in(&self) -> bool {
        self.lock.with(|| !self.first.get().is_null())
    }

    fn unlink_locked(&self, waiter: &Waiter, waker: &Waker) -> Option<Owned> {
        if !waiter.link.is_in.replace(false) {
            return None;
        }
        let (previous, next) = (waiter.link.previous.get(), waiter.link.next.get());
        // SAFETY: what is in the list is owned; the reference to the waiter is given up.
        unsafe {
            match previous.as_ref() {
                Some(previous) => previous.link.next.set(next),
                None => self.first.set(next),
            }
            if let Some(next) = next.as_ref() {
                next.link.previous.set(previous);
            }
            waker.waiter.set(null_mut());
            Owned::optional((&raw const *waiter).cast_mut().cast())
        }
    }

    /// Takes out who waits for a waker, if somebody does.
    fn take(&self, waker: &Waker) -> Option<Owned> {
        self.lock.with(|| {
            // SAFETY: it is in the list, which owns it.
            let waiter = unsafe { waker.waiter.get().as_ref() }?;
            self.unlink_locked(waiter, waker)
        })
    }

    /// Wakes those whose wakers have been left in the mailbox. Fails with what a task lets out: the rest are woken by the next
    /// call, which has been arranged.
    pub fn drain(&self) -> Result<()> {
        let Some(channel) = self.channel() else {
            return Ok(());
        };
        if !channel.is_of_this_process() {
            return Ok(());
        }
        // A task may run the loop, which calls this.
        let kept = self.borrow().to_owned();
        // SAFETY: only the loop's thread does this, and what it holds is not borrowed while others run.
        unsafe { (*self.rest.get()).append(channel.empty()) };
        let drained = match self.library {
            Library::Asyncio => asyncio::wake_all(self),
            Library::Trio => trio::wake_all(self),
        };
        // SAFETY: as above.
        if drained.is_err() && unsafe { !(*self.rest.get()).is_empty() } {
            channel.ends().tell();
        }
        job::buffer::sweep(self.state());
        drop(kept);
        drained
    }

    /// The next one to wake.
    #[inline]
    pub fn next(&self) -> Option<Owned> {
        loop {
            // SAFETY: as in `drain`; each came out of the mailbox, with a hold.
            let waker = unsafe {
                let signal = (*self.rest.get()).pop();
                if signal.is_null() {
                    return None;
                }
                Hold::from_ptr(Waker::of(signal))
            };
            match self.take(&waker) {
                Some(waiter) => {
                    waker.signal().arrive();
                    return Some(waiter);
                }
                None => waker.signal().keep(),
            }
        }
    }

    /// Has one that [`Hub::next`] has handed out wait again, and the mailbox tell of it anew: it could not be woken.
    #[cold]
    pub fn put_back(&self, waiter: &Waiter) {
        let Some(waker) = waiter.waker() else {
            return;
        };
        waiter.progress.set(Progress::Waiting);
        self.link(waiter, waker);
        // What was sent meanwhile is a part of what it is woken for.
        while !waker.signal().wait() {}
        waker.wake();
    }

    /// Lets go of those who wait. They are not woken any more.
    fn abandon(&self) {
        loop {
            let waiter = self.lock.with(|| {
                // SAFETY: what is in the list is owned.
                let waiter = unsafe { self.first.get().as_ref() }?;
                let waker = waiter.waker()?;
                self.unlink_locked(waiter, waker)
            });
            let Some(waiter) = waiter else {
                return;
            };
            // SAFETY: a waiter.
            unsafe { (*waiter.as_ptr().cast::<Waiter>()).forsake() };
        }
    }

    /// Refuses what comes later, and lets go of what has come.
    fn close(&self) {
        let Some(channel) = self.channel() else {
            return;
        };
        // SAFETY: as in `drain`.
        let mut batches = unsafe {
            let rest = core::mem::replace(&mut *self.rest.get(), Batch::NONE);
            [rest, channel.close()]
        };
        for batch in &mut batches {
            while let Some(signal) = NonNull::new(batch.pop()) {
                // SAFETY: each came out of the mailbox, with a hold.
                let waker = unsafe { Hold::from_ptr(Waker::of(signal.as_ptr())) };
                waker.signal().keep();
            }
        }
    }
}

/// `drain()`: what the loop calls.
pub unsafe extern "C" fn drain(hub: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython passes the object that the function was made for.
    match unsafe { Hub::of(Borrowed::new(hub)) }.drain() {
        Ok(()) => Owned::none().into_ptr(),
        Err(_) => null_mut(),
    }
}

unsafe extern "C" fn traverse(
    object: *mut PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the collector calls this slot on our hubs, while nothing else runs.
    unsafe {
        let code = visit(ffi::Py_TYPE(object).cast(), argument);
        if code != 0 {
            return code;
        }
        let hub = &*object.cast::<Hub>();
        let mut waiter = hub.first.get();
        while let Some(each) = waiter.as_ref() {
            let code = visit(waiter.cast(), argument);
            if code != 0 {
                return code;
            }
            waiter = each.link.next.get();
        }
        match hub.watched.get() {
            watched if watched.is_null() => 0,
            watched => visit(watched, argument),
        }
    }
}

unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: the collector calls this slot on our hubs.
    unsafe {
        let hub = &*object.cast::<Hub>();
        hub.abandon();
        drop(Owned::optional(hub.watched.replace(null_mut())));
    }
    0
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: the last reference is gone, so this happens once. An instance holds its type.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        let hub = &*object.cast::<Hub>();
        if !hub.weak_references.get().is_null() {
            ffi::PyObject_ClearWeakRefs(object);
        }
        hub.abandon();
        hub.close();
        drop((*hub.channel.get()).take());
        let objects = [
            &hub.source,
            &hub.last_scope,
            &hub.last_exception,
            &hub.watched,
        ];
        for kept in objects {
            drop(Owned::optional(kept.replace(null_mut())));
        }
        let (r#type, state) = (ffi::Py_TYPE(object), state::of(object));
        ffi::PyObject_GC_Del(object.cast());
        State::release(state);
        ffi::Py_DECREF(r#type.cast());
    }
}

static MEMBERS: Shared<[ffi::PyMemberDef; 2]> = Shared::new([
    offset(
        c"__weaklistoffset__",
        core::mem::offset_of!(Hub, weak_references),
    ),
    // SAFETY: a row of zeroes ends the table.
    unsafe { core::mem::zeroed() },
]);

#[cold]
fn definition(state: &State) -> Result<Owned> {
    let mut slots = [
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_clear, clear as *mut c_void),
        slot(ffi::Py_tp_members, MEMBERS.get().cast()),
        #[cfg(not(Py_3_10))]
        slot(ffi::Py_tp_new, type_spec::not_instantiable as *mut c_void),
        slot(0, null_mut()),
    ];
    let made = type_spec::new_type(
        c"pyawaitable.PyAwaitable_mailbox",
        size_of::<Hub>(),
        &mut slots,
    )?;
    // SAFETY: made above.
    unsafe { state.adopt(&made) };
    Ok(made)
}
