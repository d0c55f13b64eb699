//! asyncio, and loops that do as its do: uvloop.

use super::helper;
use crate::object::outside::Kept;
use crate::object::state::State;
use crate::outside::hub::{self, Hub};
use crate::outside::waiter::{Call, Progress, Waiter};
use crate::python::call::{self, attribute, call_method, call_with_keyword};
use crate::python::exception;
use crate::python::ffi;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::type_spec::{Shared, method};

static DRAIN: Shared<ffi::PyMethodDef> = Shared::new(method(
    c"drain",
    ffi::PyMethodDefPointer {
        PyCFunction: hub::drain,
    },
    ffi::METH_NOARGS,
    c"Wakes what other threads have left for this event loop.",
));

/// The loop that runs in this thread.
pub fn running(state: &State) -> Result<Option<Owned>> {
    let get = match state.outside.made(Kept::RunningLoop) {
        Some(get) => get,
        None => match call::loaded(c"asyncio.events")? {
            Some(module) => match attribute(module.borrow(), c"_get_running_loop") {
                Ok(get) => state.outside.get(Kept::RunningLoop, || Ok(get))?,
                Err(raised) => return exception::if_no_attribute(raised, None),
            },
            None => return Ok(None),
        },
    };
    let found = call::call(get, [None; 3])?;
    Ok((!found.is_none()).then_some(found))
}

/// `hub.drain`, for the loop to call.
pub fn drain_of(hub: &Owned) -> Result<Owned> {
    // SAFETY: a static definition, and a live object.
    unsafe {
        Owned::new(ffi::PyCFunction_NewEx(
            DRAIN.get(),
            hub.as_ptr(),
            core::ptr::null_mut(),
        ))
    }
}

/// Has the loop call the hub when its descriptor is readable; or a thread, where the loop does not watch descriptors.
pub fn attach(hub: &Owned, r#loop: Borrowed<'_>) -> Result<()> {
    if cfg!(windows) {
        return helper::start(hub, r#loop);
    }
    // SAFETY: a hub.
    let Some(channel) = unsafe { Hub::of(hub.borrow()) }.channel() else {
        return Ok(());
    };
    let drain = drain_of(hub)?;
    // The loop keeps the context for as long as it calls the hub: an empty one. SAFETY: new references, live objects.
    let added = unsafe {
        let number = Owned::new(ffi::PyLong_FromSsize_t(channel.descriptor()))?;
        let context = Owned::new(ffi::PyContext_New())?;
        call::within(context.borrow(), || {
            call_method(
                r#loop,
                c"add_reader",
                [Some(number.borrow()), Some(drain.borrow()), None],
            )
        })?
    };
    match added {
        Ok(_) => Ok(()),
        Err(raised) => {
            // SAFETY: an exception is set, as `raised` proves.
            if unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_NotImplementedError) } == 0 {
                return Err(raised);
            }
            exception::discard(raised);
            helper::start(hub, r#loop)
        }
    }
}

/// Wakes those whose wakers were left: each goes on at once, in its task's context.
pub fn wake_all(hub: &Hub) -> Result<()> {
    let Some(r#loop) = hub.source() else {
        return Ok(());
    };
    let is_debugged = is_debugged(r#loop.borrow())?;
    drop(r#loop);
    while let Some(waiter) = hub.next() {
        // SAFETY: a waiter.
        let waiter = unsafe { &*waiter.as_ptr().cast::<Waiter>() };
        waiter.progress.set(Progress::Woken);
        if let Err(raised) = wake(waiter, is_debugged) {
            if waiter.has_callers() {
                // Where the loop could not be asked, as it cannot without memory, the next turn tries again.
                hub.put_back(waiter);
            }
            return Err(raised);
        }
    }
    Ok(())
}

/// In debug mode the loop calls each that is woken, so that its reports of slow callbacks name them.
pub fn is_debugged(r#loop: Borrowed<'_>) -> Result<bool> {
    let debug = call_method(r#loop, c"get_debug", [None; 3])?;
    // SAFETY: a live object.
    match unsafe { ffi::PyObject_IsTrue(debug.as_ptr()) } {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Raised::pending()),
    }
}

/// Has who waits go on: called by the loop, in no task.
pub fn wake(waiter: &Waiter, is_debugged: bool) -> Result<()> {
    if is_debugged || waiter.contents().more.is_some() {
        return schedule(waiter);
    }
    let Some(Call { callback, context }) = waiter.contents().call.take() else {
        return Ok(());
    };
    let action = || call::call(callback.borrow(), [Some(waiter.borrow()), None, None]);
    let called = match &context {
        Some(context) => match call::within(context.borrow(), action) {
            Ok(called) => called,
            // It is in use: the task runs the loop, from within.
            Err(raised) => {
                exception::discard(raised);
                waiter.contents().call = Some(Call {
                    callback,
                    context: Some(context.borrow().to_owned()),
                });
                return schedule(waiter);
            }
        },
        None => action(),
    };
    match called {
        Ok(_) => Ok(()),
        Err(raised) => report(waiter, raised),
    }
}

/// As the loop deals with what a callback raises: what ends the program is passed on.
#[cold]
fn report(waiter: &Waiter, raised: Raised) -> Result<()> {
    // SAFETY: an exception is set, as `raised` proves.
    let ends = |kind| unsafe { ffi::PyErr_ExceptionMatches(kind) != 0 };
    // SAFETY: the interpreter's own classes.
    let (exit, interrupt) = unsafe { (ffi::PyExc_SystemExit, ffi::PyExc_KeyboardInterrupt) };
    if ends(exit) || ends(interrupt) {
        return Err(raised);
    }
    let raised = exception::take(raised);
    let Some(r#loop) = waiter.source() else {
        return Ok(());
    };
    // SAFETY: a new dictionary with live objects.
    let what = unsafe {
        Owned::new(ffi::Py_BuildValue(
            c"{s:s,s:O,s:O}".as_ptr(),
            c"message".as_ptr(),
            c"Exception in what waited for a waker of PyAwaitable".as_ptr(),
            c"exception".as_ptr(),
            raised.as_ptr(),
            c"future".as_ptr(),
            waiter.borrow().as_ptr(),
        ))
    }?;
    call_method(
        r#loop.to_owned().borrow(),
        c"call_exception_handler",
        [Some(what.borrow()), None, None],
    )
    .map(drop)
}

/// Has the loop call whoever wants to know that the wait is over. On failure the waiter keeps those that are not to be called yet.
pub fn schedule(waiter: &Waiter) -> Result<()> {
    let Some(r#loop) = waiter.source().map(Borrowed::to_owned) else {
        return Ok(());
    };
    if let Some(call) = waiter.contents().call.take() {
        let called = call_soon(&r#loop, waiter, &call);
        if called.is_err() {
            waiter.contents().call = Some(call);
            return called;
        }
    }
    let Some(more) = waiter.contents().more.take() else {
        return Ok(());
    };
    // SAFETY: a list of pairs, which nobody else has.
    for index in 0..unsafe { ffi::PyList_Size(more.as_ptr()) } {
        // SAFETY: as above; what is borrowed is owned at once. An item's place always takes another.
        let called = unsafe {
            let pair = Owned::share(ffi::PyList_GetItem(more.as_ptr(), index));
            if pair.is_none() {
                continue;
            }
            let context = Owned::share(ffi::PyTuple_GetItem(pair.as_ptr(), 1));
            let call = Call {
                callback: Owned::share(ffi::PyTuple_GetItem(pair.as_ptr(), 0)),
                context: (!context.is_none()).then_some(context),
            };
            call_soon(&r#loop, waiter, &call)
        };
        if called.is_err() {
            waiter.contents().more = Some(more);
            return called;
        }
        // SAFETY: as above.
        unsafe { ffi::PyList_SetItem(more.as_ptr(), index, Owned::none().into_ptr()) };
    }
    Ok(())
}

fn call_soon(r#loop: &Owned, waiter: &Waiter, call: &Call) -> Result<()> {
    let function = attribute(r#loop.borrow(), c"call_soon")?;
    let arguments = [Some(call.callback.borrow()), Some(waiter.borrow())];
    let called = match &call.context {
        Some(context) => {
            call_with_keyword(function.borrow(), arguments, c"context", context.borrow())
        }
        None => {
            let [first, second] = arguments;
            call::call(function.borrow(), [first, second, None])
        }
    };
    called.map(drop)
}

/// `add_done_callback(callback, *, context=None)`.
pub fn add_callback(
    waiter: &Waiter,
    callback: Borrowed<'_>,
    context: Option<Borrowed<'_>>,
) -> Result<()> {
    let new = Call {
        callback: callback.to_owned(),
        context: context.map(Borrowed::to_owned),
    };
    let contents = waiter.contents();
    if contents.call.is_none() && contents.more.is_none() && !waiter.is_done() {
        contents.call = Some(new);
        return Ok(());
    }
    // SAFETY: a new list, a new pair.
    unsafe {
        if contents.more.is_none() {
            contents.more = Some(Owned::new(ffi::PyList_New(0))?);
        }
        let none = Owned::none();
        let context = new.context.as_ref().unwrap_or(&none);
        let pair = Owned::new(ffi::PyTuple_Pack(
            2,
            new.callback.as_ptr(),
            context.as_ptr(),
        ))?;
        if let Some(more) = &contents.more {
            if ffi::PyList_Append(more.as_ptr(), pair.as_ptr()) < 0 {
                return Err(Raised::pending());
            }
        }
    }
    if waiter.is_done() {
        return schedule(waiter);
    }
    Ok(())
}

/// `remove_done_callback(callback)`: how many were removed.
pub fn remove_callback(waiter: &Waiter, callback: Borrowed<'_>) -> Result<usize> {
    let equals = |other: Borrowed<'_>| {
        // SAFETY: live objects.
        match unsafe {
            ffi::PyObject_RichCompareBool(other.as_ptr(), callback.as_ptr(), ffi::Py_EQ)
        } {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Raised::pending()),
        }
    };
    let mut removed = 0;
    let first = waiter.contents().call.as_ref();
    let first = first.map(|call| call.callback.borrow().to_owned());
    if let Some(first) = first {
        if equals(first.borrow())? {
            drop(waiter.contents().call.take());
            removed += 1;
        }
    }
    let Some(more) = waiter.contents().more.as_ref() else {
        return Ok(removed);
    };
    let more = more.borrow().to_owned();
    // SAFETY: a list of pairs; what is borrowed from it is owned while others run.
    unsafe {
        let mut index = ffi::PyList_Size(more.as_ptr());
        while index > 0 {
            index -= 1;
            let Some(pair) = Borrowed::optional(ffi::PyList_GetItem(more.as_ptr(), index)) else {
                exception::discard(Raised::pending());
                break;
            };
            let pair = pair.to_owned();
            if pair.is_none() {
                continue;
            }
            if equals(Borrowed::new(ffi::PyTuple_GetItem(pair.as_ptr(), 0)))? {
                ffi::PyList_SetSlice(more.as_ptr(), index, index + 1, core::ptr::null_mut());
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// `cancel(msg=None)`: whether it waited.
pub fn cancel(waiter: &Waiter, message: Option<Borrowed<'_>>) -> Result<bool> {
    if !waiter.link.is_in.get() {
        return Ok(false);
    }
    // First what may fail: it goes on waiting then.
    schedule(waiter)?;
    if !waiter.give_up(Progress::Cancelled) {
        return Ok(false);
    }
    let before = core::mem::replace(
        &mut waiter.contents().message,
        message.map(Borrowed::to_owned),
    );
    drop(before);
    Ok(true)
}

/// Sets `CancelledError`, with the message that `cancel` was called with.
pub fn cancelled(waiter: &Waiter) -> Raised {
    let error = call::loaded(c"asyncio.exceptions").and_then(|module| match module {
        Some(module) => attribute(module.borrow(), c"CancelledError"),
        None => Err(Raised::new(Kind::RuntimeError, c"asyncio is gone")),
    });
    let error = match error {
        Ok(error) => error,
        Err(raised) => return raised,
    };
    let message = waiter.contents().message.as_ref();
    let message = message.map(|message| message.borrow().to_owned());
    let message = message.as_ref().map(Owned::borrow);
    match call::call(error.borrow(), [message, None, None]) {
        // SAFETY: a class and an instance of it.
        Ok(made) => unsafe {
            ffi::PyErr_SetObject(error.as_ptr(), made.as_ptr());
            Raised::set()
        },
        Err(raised) => raised,
    }
}

/// `result()`: None; fails with `CancelledError`, or `InvalidStateError` while it waits.
pub fn result(waiter: &Waiter) -> Result<()> {
    match waiter.progress.get() {
        Progress::Cancelled => Err(cancelled(waiter)),
        Progress::Woken | Progress::Over => Ok(()),
        Progress::New | Progress::Waiting => {
            let module = call::loaded(c"asyncio.exceptions")?;
            if let Some(module) = module {
                let error = attribute(module.borrow(), c"InvalidStateError")?;
                // SAFETY: an exception class.
                unsafe { ffi::PyErr_SetString(error.as_ptr(), c"Result is not set.".as_ptr()) };
                return Err(Raised::set());
            }
            Err(Raised::new(Kind::RuntimeError, c"Result is not set."))
        }
    }
}
