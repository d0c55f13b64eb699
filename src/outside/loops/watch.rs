//! Descriptors that asyncio's loops watch for us, by `add_reader` and `add_writer`.
//!
//! These silently replace what was there before, so each hub has a table of ours. It has an entry for each: a tuple, which the
//! loop has as well, bound to what it calls, and so has whoever waits. What is in the table is what the loop watches: both go
//! together.

use super::asyncio;
use crate::outside::hub::Hub;
use crate::outside::waiter::{Progress, Waiter};
use crate::outside::waker::Waker;
use crate::python::call::{self, call_method};
use crate::python::exception;
use crate::python::ffi::{self, Py_ssize_t, PyObject};
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::type_spec::{Shared, method};
use core::ffi::CStr;
use core::ptr::null_mut;

/// What to wait for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Reading,
    Writing,
}

use Direction::{Reading, Writing};

/// What a tuple has in which place.
const HUB: Py_ssize_t = 0;
const LOOP: Py_ssize_t = 1;
const WAITER: Py_ssize_t = 2;
const KEY: Py_ssize_t = 3;
const NUMBER: Py_ssize_t = 4;
const REMOVE: Py_ssize_t = 5;

/// An entry.
pub struct Entry(Owned);

static READY: Shared<ffi::PyMethodDef> = Shared::new(method(
    c"ready",
    ffi::PyMethodDefPointer { PyCFunction: ready },
    ffi::METH_NOARGS,
    c"The descriptor is ready.",
));
static STOP: Shared<ffi::PyMethodDef> = Shared::new(method(
    c"stop",
    ffi::PyMethodDefPointer { PyCFunction: stop },
    ffi::METH_NOARGS,
    c"Nobody waits for the descriptor any more.",
));

/// The number, as Python has it.
pub fn number(descriptor: isize) -> Result<Owned> {
    // SAFETY: a new number.
    unsafe { Owned::new(ffi::PyLong_FromSsize_t(descriptor)) }
}

fn key(descriptor: isize, direction: Direction) -> Result<Owned> {
    let place = isize::from(direction == Writing);
    number(descriptor.wrapping_mul(2).wrapping_add(place))
}

/// Has the loop watch a descriptor; None if that is one that is always ready.
pub fn begin(
    hub: &Owned,
    r#loop: Borrowed<'_>,
    descriptor: isize,
    direction: Direction,
) -> Result<Option<Entry>> {
    let (add, remove) = match direction {
        Reading => (c"add_reader", c"remove_reader"),
        Writing => (c"add_writer", c"remove_writer"),
    };
    // SAFETY: a hub.
    let the = unsafe { Hub::of(hub.borrow()) };
    let (key, number, remove) = (
        key(descriptor, direction)?,
        number(descriptor)?,
        call::text(remove)?,
    );
    if found(the, &key)?.is_some() {
        return Err(busy(|text| Raised::new(Kind::RuntimeError, text)));
    }
    let waiter = Waiter::create(the.state(), Waker::allocate()?)?;
    // SAFETY: live objects; a static definition.
    let (entry, ready, context) = unsafe {
        let entry = Entry(Owned::new(ffi::PyTuple_Pack(
            6,
            hub.as_ptr(),
            r#loop.as_ptr(),
            waiter.as_ptr(),
            key.as_ptr(),
            number.as_ptr(),
            remove.as_ptr(),
        ))?);
        let ready = entry.function(&READY)?;
        // As the hub's own: the loop keeps none of the task's.
        (entry, ready, Owned::new(ffi::PyContext_New())?)
    };
    let add = || {
        call_method(
            r#loop,
            add,
            [Some(number.borrow()), Some(ready.borrow()), None],
        )
    };
    if let Err(raised) = call::within(context.borrow(), add)? {
        // SAFETY: an exception is set, as `raised` proves.
        if unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_PermissionError) } == 0 {
            return Err(raised);
        }
        // What epoll says of what there is no waiting for, such as a file.
        exception::discard(raised);
        return Ok(None);
    }
    // SAFETY: live objects.
    let kept = the.watched().and_then(|table| unsafe {
        match ffi::PyDict_SetItem(table.as_ptr(), key.as_ptr(), entry.0.as_ptr()) {
            0 => Ok(()),
            _ => Err(Raised::pending()),
        }
    });
    if let Err(raised) = kept {
        let raised = exception::take(raised);
        entry.unwatch();
        return Err(exception::raise(raised));
    }
    Ok(Some(entry))
}

/// The sentence for a second one who waits for the same.
pub fn busy(set: impl FnOnce(&CStr) -> Raised) -> Raised {
    set(c"another task waits for this descriptor already")
}

fn found(hub: &Hub, key: &Owned) -> Result<Option<Entry>> {
    let table = hub.watched()?;
    // SAFETY: a dictionary; what it has is owned at once.
    let found = unsafe {
        let found = ffi::PyDict_GetItemWithError(table.as_ptr(), key.as_ptr());
        Borrowed::optional(found).map(Borrowed::to_owned)
    };
    match (found, exception::pending()) {
        (None, Some(raised)) => Err(raised),
        (found, _) => Ok(found.map(Entry)),
    }
}

/// Ends the waits for a descriptor that will be closed.
pub fn notify_closing(hub: &Owned, descriptor: isize) -> Result<()> {
    // SAFETY: a hub.
    let the = unsafe { Hub::of(hub.borrow()) };
    for direction in [Reading, Writing] {
        let Some(entry) = found(the, &key(descriptor, direction)?)? else {
            continue;
        };
        entry.remove();
        let waiter = entry.waiter();
        if waiter.give_up(Progress::Woken) {
            waiter.is_closing.set(true);
            // Not at once: this may be in another task.
            entry.or_put_back(asyncio::schedule(waiter))?;
        }
    }
    Ok(())
}

impl Entry {
    /// # Safety
    /// A live entry.
    pub unsafe fn from_ptr(entry: *mut PyObject) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { Owned::share(entry) })
    }

    pub fn into_ptr(self) -> *mut PyObject {
        self.0.into_ptr()
    }

    fn get(&self, place: Py_ssize_t) -> Borrowed<'_> {
        // SAFETY: a tuple with that many.
        unsafe { Borrowed::new(ffi::PyTuple_GetItem(self.0.as_ptr(), place)) }
    }

    pub fn waiter(&self) -> &Waiter {
        // SAFETY: a waiter.
        unsafe { &*self.get(WAITER).as_ptr().cast() }
    }

    fn hub(&self) -> &Hub {
        // SAFETY: a hub.
        unsafe { Hub::of(self.get(HUB)) }
    }

    fn function(&self, definition: &'static Shared<ffi::PyMethodDef>) -> Result<Owned> {
        // SAFETY: a static definition, and a live object.
        unsafe {
            Owned::new(ffi::PyCFunction_NewEx(
                definition.get(),
                self.0.as_ptr(),
                null_mut(),
            ))
        }
    }

    /// Whether the loop watches for this.
    fn is_watched(&self) -> bool {
        // SAFETY: live objects.
        let key = unsafe { Owned::share(self.get(KEY).as_ptr()) };
        match found(self.hub(), &key) {
            Ok(found) => found.is_some_and(|found| found.0.borrow().is(self.0.borrow())),
            Err(raised) => {
                exception::discard(raised);
                false
            }
        }
    }

    /// Has the loop watch no more, in its thread. No exception is set, nor is one afterwards.
    fn remove(&self) {
        if !self.is_watched() {
            return;
        }
        let removed = self.hub().watched().and_then(|table| {
            // SAFETY: live objects.
            match unsafe { ffi::PyDict_DelItem(table.as_ptr(), self.get(KEY).as_ptr()) } {
                0 => Ok(()),
                _ => Err(Raised::pending()),
            }
        });
        if let Err(raised) = removed {
            exception::discard(raised);
        }
        self.unwatch();
    }

    /// The same, when the loop says that it is ready. Without memory the loop may have gone on watching what nobody waits for.
    fn remove_or_unwatch(&self) {
        // SAFETY: live objects.
        let key = unsafe { Owned::share(self.get(KEY).as_ptr()) };
        match found(self.hub(), &key) {
            Ok(None) => self.unwatch(),
            Ok(Some(_)) => self.remove(),
            Err(raised) => exception::discard(raised),
        }
    }

    /// Where the loop could not be asked to call who waits, as it cannot without memory, the mailbox has it woken.
    fn or_put_back(&self, called: Result<()>) -> Result<()> {
        if called.is_err() && self.waiter().has_callers() {
            self.hub().put_back(self.waiter());
        }
        called
    }

    fn unwatch(&self) {
        // A fork's child shares what its parent's loop watches with: that would lose it.
        let is_of_this_process =
            |channel: &crate::outside::channel::Held| channel.is_of_this_process();
        if !self.hub().channel().is_some_and(is_of_this_process) {
            return;
        }
        // SAFETY: live objects, and NULL, which ends the list.
        let removed = unsafe {
            Owned::new(ffi::PyObject_CallMethodObjArgs(
                self.get(LOOP).as_ptr(),
                self.get(REMOVE).as_ptr(),
                self.get(NUMBER).as_ptr(),
                null_mut::<PyObject>(),
            ))
        };
        if let Err(raised) = removed {
            // It is closed, or has given the descriptor to a transport.
            exception::discard(raised);
        }
    }

    /// Nobody waits any more: at once in the thread that began, else when the loop runs. No exception is set, nor is one
    /// afterwards.
    pub fn stop(&self, is_its_thread: bool) {
        if !self.is_watched() {
            return;
        }
        if is_its_thread {
            return self.remove();
        }
        let told = self.function(&STOP).and_then(|stop| {
            call_method(
                self.get(LOOP),
                c"call_soon_threadsafe",
                [Some(stop.borrow()), None, None],
            )
        });
        if let Err(raised) = told {
            // It is closed.
            exception::discard(raised);
        }
    }
}

unsafe extern "C" fn ready(entry: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython passes the object that the function was made for.
    let entry = unsafe { Entry::from_ptr(entry) };
    // First what may fail while the loop goes on watching: it calls this again.
    let woken = asyncio::is_debugged(entry.get(LOOP)).and_then(|is_debugged| {
        entry.remove_or_unwatch();
        let waiter = entry.waiter();
        match waiter.give_up(Progress::Woken) {
            true => entry.or_put_back(asyncio::wake(waiter, is_debugged)),
            false => Ok(()),
        }
    });
    match woken {
        Ok(()) => Owned::none().into_ptr(),
        Err(_) => null_mut(),
    }
}

unsafe extern "C" fn stop(entry: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython passes the object that the function was made for.
    unsafe { Entry::from_ptr(entry) }.remove();
    Owned::none().into_ptr()
}
