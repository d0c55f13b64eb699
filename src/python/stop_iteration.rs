//! `StopIteration`, as the carrier of a result.

#[cfg(kept_stop_iteration)]
use crate::base::likely::{likely, unlikely};
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Raised, Result};
use crate::python::reference::Owned;
#[cfg(kept_stop_iteration)]
use core::ptr::NonNull;
use core::ptr::null_mut;

/// Sets the `StopIteration` that carries `value`. A tuple or an exception would be taken for the exception's arguments
/// or for the exception itself, so those go into an instance made beforehand.
pub fn raise(value: Owned) -> Raised {
    // SAFETY: live objects; no exception is set.
    unsafe {
        let stop = ffi::PyExc_StopIteration;
        let taken_apart = ffi::PyTuple_Check(value.as_ptr()) != 0
            || ffi::PyExceptionInstance_Check(value.as_ptr()) != 0;
        if value.is_none() {
            ffi::PyErr_SetNone(stop);
        } else if taken_apart {
            match instance(&value) {
                Ok(instance) => ffi::PyErr_SetObject(stop, instance.as_ptr()),
                Err(raised) => return raised,
            }
        } else {
            ffi::PyErr_SetObject(stop, value.as_ptr());
        }
    }
    Raised::pending()
}

fn instance(value: &Owned) -> Result<Owned> {
    // SAFETY: live objects, NULL at the end; no exception is set.
    unsafe {
        Owned::new(ffi::PyObject_CallFunctionObjArgs(
            ffi::PyExc_StopIteration,
            value.as_ptr(),
            null_mut::<PyObject>(),
        ))
    }
}

/// An instance that is reused while nothing else holds it.
///
/// From 3.12 to 3.14 `await` gets the result of a C object from `tp_iternext`, and CPython creates an instance at once for each
/// `StopIteration` that is set: half the cost of an await. On other versions nothing is kept.
pub struct Kept {
    #[cfg(kept_stop_iteration)]
    exception: core::cell::Cell<Option<NonNull<ffi::PyStopIterationObject>>>,
}

impl Kept {
    pub const fn new() -> Self {
        Self {
            #[cfg(kept_stop_iteration)]
            exception: core::cell::Cell::new(None),
        }
    }
}

#[cfg(not(kept_stop_iteration))]
impl Kept {
    /// As [`raise`].
    #[inline]
    pub fn raise(&self, value: Owned) -> Raised {
        raise(value)
    }

    /// Nothing is kept.
    #[inline]
    pub fn empty(&self) {}

    /// Nothing is kept.
    pub fn close(&self) {}
}

#[cfg(kept_stop_iteration)]
impl Kept {
    /// Like [`raise`], with the kept instance. That holds `value` until [`Kept::empty`], so this is for a caller that knows
    /// that it will soon be called: its object is released as soon as its result is taken.
    #[inline]
    pub fn raise(&self, value: Owned) -> Raised {
        if let Some(kept) = self.exception.get() {
            // SAFETY: owned by `self`. If it is empty, it was clean then, and nothing could reach it since: the collector does
            // not know it.
            unsafe {
                if likely((*kept.as_ptr()).value.is_null()) {
                    return Self::lend(kept, value);
                }
            }
        }
        self.renew(value)
    }

    /// Sets an instance with `value` in it.
    ///
    /// # Safety
    /// `kept` is live and clean, and holds nothing.
    #[inline]
    unsafe fn lend(kept: NonNull<ffi::PyStopIterationObject>, value: Owned) -> Raised {
        // SAFETY: nothing else holds it or its arguments, so no code sees them change, and they hold None. The value has a
        // reference for each of its two places; the keeper's reference to the instance stays, and the interpreter gets its own.
        unsafe {
            let exception = kept.as_ptr();
            ffi::incref(value.as_ptr());
            set_argument((*exception).args, value.as_ptr());
            (*exception).value = value.into_ptr();
            ffi::incref(exception.cast());
            ffi::PyErr_SetRaisedException(exception.cast());
        }
        Raised::set()
    }

    /// Keeps a new instance, and sets it.
    #[cold]
    fn renew(&self, value: Owned) -> Raised {
        self.discard();
        let exception = match instance(&Owned::none()) {
            Ok(exception) => exception,
            Err(raised) => return raised,
        };
        // SAFETY: an instance of StopIteration, which has this layout; a live object is not at NULL.
        let (new, usable) = unsafe {
            let new = exception.as_ptr().cast::<ffi::PyStopIterationObject>();
            let usable = (*new).value == ffi::Py_None() && is_own_argument((*new).args);
            (NonNull::new_unchecked(new), usable)
        };
        // Discarding may have run code that raised, and so kept an instance.
        if !usable || self.exception.get().is_some() {
            return raise(value);
        }
        // SAFETY: nothing else has it; from 3.12 on None is immortal.
        unsafe {
            (*new.as_ptr()).value = null_mut();
            ffi::PyObject_GC_UnTrack(new.as_ptr().cast());
        }
        // The keeper owns the reference from here on.
        core::mem::forget(exception);
        self.exception.set(Some(new));
        // SAFETY: owned by `self`, clean as made, and emptied above.
        unsafe { Self::lend(new, value) }
    }

    /// Releases what the kept instance holds, or the instance itself if something else holds it, too, or has left something in
    /// it.
    #[inline]
    pub fn empty(&self) {
        if let Some(kept) = self.exception.get() {
            // SAFETY: owned by `self`.
            unsafe {
                if !(*kept.as_ptr()).value.is_null() {
                    self.give_back(kept);
                }
            }
        }
    }

    /// # Safety
    /// `kept` is what `self` owns.
    #[inline]
    unsafe fn give_back(&self, kept: NonNull<ffi::PyStopIterationObject>) {
        // SAFETY: the caller's promise; if that is the only reference, no code sees it change. What it held is released last,
        // since that may run any Python code.
        unsafe {
            let exception = kept.as_ptr();
            if unlikely(!is_clean(exception)) {
                self.discard();
                return;
            }
            let value = core::mem::replace(&mut (*exception).value, null_mut());
            let argument = ffi::PyTuple_GET_ITEM((*exception).args, 0);
            set_argument((*exception).args, ffi::Py_None());
            ffi::Py_DECREF(argument);
            ffi::Py_XDECREF(value);
        }
    }

    /// Keeps nothing from now on, until the next is raised.
    #[cold]
    fn discard(&self) {
        let Some(kept) = self.exception.take() else {
            return;
        };
        // SAFETY: owned by `self` until it was taken. Whoever else has it may make a cycle of it, and its destructor expects
        // that the collector knows it.
        unsafe {
            ffi::PyObject_GC_Track(kept.as_ptr().cast());
            let arguments = (*kept.as_ptr()).args;
            // The collector untracks a tuple that holds nothing of interest; this one may hold something now. One of another
            // size came from elsewhere, and the empty one is shared.
            if is_single(arguments) && ffi::PyObject_GC_IsTracked(arguments) == 0 {
                ffi::PyObject_GC_Track(arguments.cast());
            }
            drop(Owned::optional(kept.as_ptr().cast()));
        }
    }

    /// Releases the instance.
    pub fn close(&self) {
        self.discard();
    }
}

/// Whether nothing else holds the instance or its arguments, and nothing but a value was put into it.
///
/// # Safety
/// `exception` is live.
#[cfg(kept_stop_iteration)]
#[inline]
unsafe fn is_clean(exception: *mut ffi::PyStopIterationObject) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        // One test for all that is to be NULL.
        let put_into = (*exception).dict.addr()
            | (*exception).notes.addr()
            | (*exception).traceback.addr()
            | (*exception).context.addr()
            | (*exception).cause.addr();
        let suppress_context = (&raw const (*exception).suppress_context).cast::<u8>();
        ffi::Py_REFCNT(exception.cast()) == 1
            && put_into == 0
            && suppress_context.read() == 0
            && is_own_argument((*exception).args)
    }
}

/// Whether an exception's arguments are a tuple of one that nothing else holds.
///
/// # Safety
/// `arguments` is live.
#[cfg(kept_stop_iteration)]
#[inline]
unsafe fn is_own_argument(arguments: *mut PyObject) -> bool {
    // SAFETY: the caller's promise.
    unsafe { ffi::Py_REFCNT(arguments) == 1 && is_single(arguments) }
}

/// Whether an exception's arguments are a tuple of one.
///
/// # Safety
/// `arguments` is live.
#[cfg(kept_stop_iteration)]
#[inline]
unsafe fn is_single(arguments: *mut PyObject) -> bool {
    // SAFETY: the caller's promise.
    unsafe { ffi::PyTuple_CheckExact(arguments) != 0 && ffi::PyTuple_GET_SIZE(arguments) == 1 }
}

/// Replaces what a tuple of one holds. The caller then owns the reference to what it held.
///
/// # Safety
/// As [`is_own_argument`] says; `argument` is a reference that is given away. From 3.12 on None needs none.
#[cfg(kept_stop_iteration)]
#[inline]
unsafe fn set_argument(arguments: *mut PyObject, argument: *mut PyObject) {
    // SAFETY: the caller's promise.
    unsafe {
        ffi::PyTuple_SET_ITEM(arguments, 0, argument);
        #[cfg(Py_3_14)]
        {
            // A cached hash would be that of what it held before.
            (*arguments.cast::<ffi::PyTupleObject>()).ob_hash = -1;
        }
    }
}
