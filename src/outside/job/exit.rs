//! The end of an interpreter: its work is cancelled, and what is not abandoned is waited for.

use super::{ABANDONED, CANCELLED, Job, PHASE, QUEUED, RUNNING};
use crate::base::pool::{self, Entry};
use crate::base::system;
use crate::object::outside::Kept;
use crate::object::state::State;
use crate::outside::waker::Hold;
use crate::python::call::call_method;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::Result;
use crate::python::reference::Owned;
use crate::python::type_spec::{Shared, method};
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::Ordering;

static EXIT: Shared<ffi::PyMethodDef> = Shared::new(method(
    c"exit",
    ffi::PyMethodDefPointer { PyCFunction: exit },
    ffi::METH_NOARGS,
    c"Cancels the work for this interpreter, and waits for what is not abandoned.",
));

/// Has the end of the interpreter wait for its work.
pub fn wait_for_work(state: &State) -> Result<()> {
    state
        .outside
        .get(Kept::PoolExit, || {
            // SAFETY: a static definition; new references.
            unsafe {
                let exit = Owned::new(ffi::PyCFunction_NewEx(EXIT.get(), null_mut(), null_mut()))?;
                let module = Owned::new(ffi::PyImport_ImportModule(c"atexit".as_ptr()))?;
                let arguments = [Some(exit.borrow()), None, None];
                drop(call_method(module.borrow(), c"register", arguments)?);
                Ok(exit)
            }
        })
        .map(drop)
}

/// Whether it is to be cancelled. It is held for the caller then.
unsafe fn is_to_cancel(entry: *mut Entry) -> bool {
    // SAFETY: a job of the pool's, which holds it.
    let job = unsafe { &*entry.cast::<Job>() };
    let state = job.state.load(Ordering::Acquire);
    let found = state & PHASE == QUEUED || (state & PHASE == RUNNING && state & CANCELLED == 0);
    if found {
        // SAFETY: as above.
        core::mem::forget(unsafe { Hold::share(NonNull::from(&job.waker)) });
    }
    found
}

/// Whether it is to be waited for.
unsafe fn is_awaited(entry: *mut Entry) -> bool {
    // SAFETY: as above.
    let job = unsafe { &*entry.cast::<Job>() };
    let state = job.state.load(Ordering::Acquire);
    state & PHASE == RUNNING && state & ABANDONED == 0 && !job.order.abandons
}

unsafe extern "C" fn exit(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: an attached thread, before and after; jobs are held while they are used.
    unsafe {
        let owner = ffi::PyInterpreterState_Get().cast_const().cast();
        while let Some(entry) = NonNull::new(pool::find(owner, is_to_cancel)) {
            let job = entry.cast::<Job>().as_ref();
            if !job.withdraw() {
                job.cancel();
            }
            drop(Hold::from_ptr(NonNull::from(&job.waker)));
        }
        while !pool::find(owner, is_awaited).is_null() {
            let thread = ffi::PyEval_SaveThread();
            system::pause();
            ffi::attach(thread);
            if ffi::PyErr_CheckSignals() < 0 {
                return null_mut();
            }
        }
    }
    Owned::none().into_ptr()
}
