//! For loops that do not watch descriptors: a thread that does, and calls such a loop when there is something to do.
//!
//! It is the only thread of this library that attaches to an interpreter. It does so for one call at a time, however many wakers
//! have been left by then, and never once the interpreter ends.

use super::asyncio;
use crate::base::system;
use crate::outside::channel::Held;
use crate::outside::hub::Hub;
use crate::python::call::{self, attribute, call_method};
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::memory::new_raw_block;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::type_spec::{Shared, method};
use core::ffi::{CStr, c_void};
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};

/// It waits for the descriptor.
const OUTSIDE: u8 = 0;
/// It is attached to the interpreter, or about to be.
const INSIDE: u8 = 1;
/// The same, for the last time.
const LAST: u8 = 2;
/// It does nothing more.
const STOPPED: u8 = 3;

/// What the thread has. Counted: the thread, and the capsule of who stops it.
struct Helper {
    holders: AtomicUsize,
    channel: Held,
    interpreter: *mut ffi::PyInterpreterState,
    place: AtomicU8,
    /// A weak reference to the hub; owned, until the thread is stopped.
    hub: AtomicPtr<PyObject>,
}

const CAPSULE: &CStr = c"pyawaitable.helper";

static GONE: Shared<ffi::PyMethodDef> = Shared::new(method(
    c"gone",
    ffi::PyMethodDefPointer { PyCFunction: gone },
    ffi::METH_O,
    c"The mailbox is gone.",
));
static EXIT: Shared<ffi::PyMethodDef> = Shared::new(method(
    c"exit",
    ffi::PyMethodDefPointer { PyCFunction: exit },
    ffi::METH_NOARGS,
    c"The interpreter ends.",
));

/// Starts a thread for a hub, which the loop keeps.
pub fn start(hub: &Owned, r#loop: Borrowed<'_>) -> Result<()> {
    // SAFETY: a hub.
    let Some(channel) = unsafe { Hub::of(hub.borrow()) }.channel() else {
        return Ok(());
    };
    let helper = Helper {
        holders: AtomicUsize::new(2),
        channel: channel.again(),
        // SAFETY: an attached thread has one.
        interpreter: unsafe { ffi::PyInterpreterState_Get() },
        place: AtomicU8::new(OUTSIDE),
        hub: AtomicPtr::new(null_mut()),
    };
    let Ok(helper) = new_raw_block(helper) else {
        return Err(Raised::no_memory());
    };
    // SAFETY: made above; what each call returns is owned at once.
    unsafe {
        let capsule = match Owned::new(ffi::PyCapsule_New(
            helper.as_ptr().cast(),
            CAPSULE.as_ptr(),
            Some(give_up),
        )) {
            Ok(capsule) => capsule,
            Err(raised) => {
                release(helper);
                release(helper);
                return Err(raised);
            }
        };
        let prepared = prepare(helper, &capsule, hub, r#loop);
        let started = prepared.and_then(|()| {
            if system::start(run, helper.as_ptr().cast()) {
                return Ok(());
            }
            Err(Raised::new(Kind::RuntimeError, c"can't start new thread"))
        });
        if started.is_err() {
            // The thread's.
            release(helper);
        }
        started
    }
}

/// # Safety
/// A helper that nobody runs yet.
unsafe fn prepare(
    helper: NonNull<Helper>,
    capsule: &Owned,
    hub: &Owned,
    r#loop: Borrowed<'_>,
) -> Result<()> {
    // SAFETY: live objects and static definitions; what each call returns is owned at once.
    unsafe {
        let none = null_mut();
        let gone = Owned::new(ffi::PyCFunction_NewEx(GONE.get(), capsule.as_ptr(), none))?;
        let weak = Owned::new(ffi::PyWeakref_NewRef(hub.as_ptr(), gone.as_ptr()))?;
        let name = c"_pyawaitable_mailbox";
        if ffi::PyObject_SetAttrString(r#loop.as_ptr(), name.as_ptr(), hub.as_ptr()) < 0 {
            return Err(Raised::pending());
        }
        at_exit(capsule, c"register")?;
        helper
            .as_ref()
            .hub
            .store(weak.into_ptr(), Ordering::Release);
    }
    Ok(())
}

/// `atexit.register(exit)`, or the opposite.
fn at_exit(capsule: &Owned, what: &CStr) -> Result<()> {
    // SAFETY: as above.
    unsafe {
        let exit = Owned::new(ffi::PyCFunction_NewEx(
            EXIT.get(),
            capsule.as_ptr(),
            null_mut(),
        ))?;
        let module = Owned::new(ffi::PyImport_ImportModule(c"atexit".as_ptr()))?;
        call_method(module.borrow(), what, [Some(exit.borrow()), None, None]).map(drop)
    }
}

unsafe extern "C" fn give_up(capsule: *mut PyObject) {
    // SAFETY: CPython passes the capsule, which has a hold.
    unsafe {
        let helper = ffi::PyCapsule_GetPointer(capsule, CAPSULE.as_ptr());
        if let Some(helper) = NonNull::new(helper.cast()) {
            release(helper);
        }
    }
}

/// # Safety
/// The caller has a hold, which it gives up.
unsafe fn release(helper: NonNull<Helper>) {
    // SAFETY: the caller's promise.
    unsafe {
        if helper.as_ref().holders.fetch_sub(1, Ordering::AcqRel) == 1 {
            core::ptr::drop_in_place(helper.as_ptr());
            ffi::PyMem_RawFree(helper.as_ptr().cast());
        }
    }
}

unsafe extern "C" fn run(helper: *mut c_void) {
    let Some(helper) = NonNull::new(helper.cast::<Helper>()) else {
        return;
    };
    // SAFETY: the thread's hold.
    let this = unsafe { helper.as_ref() };
    let mut go_on = true;
    while go_on {
        this.channel.ends().wait();
        this.channel.ends().clear();
        let entered =
            this.place
                .compare_exchange(OUTSIDE, INSIDE, Ordering::AcqRel, Ordering::Acquire);
        if entered.is_err() {
            break;
        }
        let is_called;
        // SAFETY: the interpreter lives until it has stopped this thread, which waits for the thread to leave. Nothing of it is
        // used after that.
        unsafe {
            let thread = ffi::PyThreadState_New(this.interpreter);
            if thread.is_null() {
                this.place.store(OUTSIDE, Ordering::Release);
                this.channel.ends().tell();
                system::pause();
                continue;
            }
            ffi::attach(thread);
            is_called = this.call_loop();
            if this.place.load(Ordering::Acquire) == LAST {
                this.forget_hub();
            }
            ffi::PyThreadState_Clear(thread);
            ffi::PyThreadState_DeleteCurrent();
        }
        let left =
            this.place
                .compare_exchange(INSIDE, OUTSIDE, Ordering::AcqRel, Ordering::Acquire);
        if left.is_err() {
            this.place.store(STOPPED, Ordering::Release);
            go_on = false;
        } else if !is_called {
            this.channel.ends().tell();
            // Outside, so that others run meanwhile, and free memory.
            system::pause();
        }
    }
    // SAFETY: the thread's hold, given up.
    unsafe { release(helper) };
}

impl Helper {
    /// Has the loop empty the mailbox. False if there was no memory for that.
    fn call_loop(&self) -> bool {
        // SAFETY: owned, until the thread has left for the last time.
        let weak = unsafe { Borrowed::optional(self.hub.load(Ordering::Acquire)) };
        let Some(hub) = weak.and_then(call::referent) else {
            return true;
        };
        // SAFETY: a hub.
        let Some(r#loop) = unsafe { Hub::of(hub.borrow()) }.source() else {
            return true;
        };
        let called = asyncio::drain_of(&hub).and_then(|drain| {
            let call_soon = attribute(r#loop.borrow(), c"call_soon_threadsafe")?;
            call::call(call_soon.borrow(), [Some(drain.borrow()), None, None])
        });
        let Err(raised) = called else {
            return true;
        };
        // The loop is closed, or else it has to be called once there is memory.
        let is_to_try_again = raised.is_no_memory();
        exception::discard(raised);
        !is_to_try_again
    }

    fn forget_hub(&self) {
        // SAFETY: owned, and taken out once.
        drop(unsafe { Owned::optional(self.hub.swap(null_mut(), Ordering::AcqRel)) });
    }

    /// Tells the thread to do nothing more; true if it is still inside.
    fn stop(&self) -> bool {
        let mut place = self.place.load(Ordering::Acquire);
        loop {
            let next = match place {
                OUTSIDE => STOPPED,
                INSIDE => LAST,
                LAST => return true,
                _ => return false,
            };
            match self
                .place
                .compare_exchange(place, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(OUTSIDE) => {
                    self.forget_hub();
                    self.channel.ends().tell();
                    return false;
                }
                Ok(_) => return true,
                Err(found) => place = found,
            }
        }
    }
}

/// # Safety
/// `capsule` is that of a helper.
unsafe fn of<'a>(capsule: *mut PyObject) -> Option<&'a Helper> {
    // SAFETY: the caller's promise; the name is checked by the call.
    unsafe {
        ffi::PyCapsule_GetPointer(capsule, CAPSULE.as_ptr())
            .cast::<Helper>()
            .as_ref()
    }
}

/// The callback of the weak reference.
unsafe extern "C" fn gone(capsule: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython passes the capsule that the function was made for.
    unsafe {
        if let Some(helper) = of(capsule) {
            helper.stop();
            if let Err(raised) = at_exit(&Owned::share(capsule), c"unregister") {
                exception::discard(raised);
            }
        }
    }
    Owned::none().into_ptr()
}

/// What `atexit` calls: waits until the thread is out of the interpreter for good.
unsafe extern "C" fn exit(capsule: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: as above. The thread is attached before and after.
    unsafe {
        if let Some(helper) = of(capsule) {
            while helper.stop() {
                let thread = ffi::PyEval_SaveThread();
                system::pause();
                ffi::attach(thread);
            }
        }
    }
    Owned::none().into_ptr()
}
