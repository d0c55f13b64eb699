//! trio: its own event loop, and the same as a guest of another.

use crate::inner::{self, Outcome, Thrown};
use crate::object::awaitable::Awaitable;
use crate::object::outside::Kept;
use crate::object::state::State;
use crate::outside::hub::Hub;
use crate::outside::native;
use crate::outside::waiter::{Progress, Waiter};
use crate::python::call::{self, attribute, call_method};
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::python::thread::Thread;
use crate::python::type_spec::{Shared, method};
use crate::store::body::{Action, Event, Functions};
use crate::store::maker::Definition;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

/// `trio.lowlevel`.
pub fn lowlevel(state: &State) -> Result<Borrowed<'_>> {
    state.outside.get(Kept::Trio, || {
        // SAFETY: a C string; a new reference or NULL.
        unsafe { Owned::new(ffi::PyImport_ImportModule(c"trio.lowlevel".as_ptr())) }
    })
}

/// What stands for the run that this is part of.
pub fn token(state: &State) -> Result<Owned> {
    call_method(lowlevel(state)?, c"current_trio_token", [None; 3])
}

/// The task that runs.
pub fn task(waiter: &Waiter) -> Result<Owned> {
    call_method(lowlevel(waiter.state())?, c"current_task", [None; 3])
}

static ABORT: Shared<ffi::PyMethodDef> = Shared::new(method(
    c"abort",
    ffi::PyMethodDefPointer { PyCFunction: abort },
    ffi::METH_O,
    c"Ends the wait, since its task is cancelled.",
));

unsafe extern "C" fn abort(waiter: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython passes the waiter that the function was made for.
    let waiter = unsafe { &*waiter.cast::<Waiter>() };
    let may_go = match (waiter.contents().may_go, waiter.waker()) {
        // SAFETY: it was made for this waker.
        (Some(may_go), Some(waker)) => unsafe { may_go(waker) },
        _ => true,
    };
    if may_go {
        waiter.give_up(Progress::Cancelled);
    }
    let name = if may_go { c"SUCCEEDED" } else { c"FAILED" };
    let answer = lowlevel(waiter.state())
        .and_then(|lowlevel| attribute(lowlevel, c"Abort"))
        .and_then(|abort| attribute(abort.borrow(), name));
    match answer {
        Ok(answer) => answer.into_ptr(),
        Err(_) => null_mut(),
    }
}

/// What the waiter drives while it waits.
pub fn begin(waiter: &Waiter) -> Result<Owned> {
    // SAFETY: a static definition, and a live object.
    let abort = unsafe {
        Owned::new(ffi::PyCFunction_NewEx(
            ABORT.get(),
            waiter.borrow().as_ptr(),
            null_mut(),
        ))
    }?;
    let coroutine = call_method(
        lowlevel(waiter.state())?,
        c"wait_task_rescheduled",
        [Some(abort.borrow()), None, None],
    )?;
    inner::start(coroutine, inner::NOT_AWAITABLE)
}

/// Takes what the waiter drives out, which has ended.
fn end(waiter: &Waiter) {
    waiter.give_up(Progress::Over);
    waiter.progress.set(Progress::Over);
    waiter.let_go();
}

fn ended(waiter: &Waiter, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Yield(value) => Outcome::Yield(value),
        Outcome::Return(value) => {
            end(waiter);
            drop(value);
            Outcome::Return(Owned::none())
        }
        Outcome::Raise(raised) => {
            let exception = exception::take(raised);
            end(waiter);
            Outcome::Raise(exception::raise(exception))
        }
    }
}

/// `send(value)`, of a waiter that has begun.
pub fn send(waiter: &Waiter, value: Borrowed<'_>) -> Outcome {
    let inner = waiter.contents().inner.as_ref();
    match inner.map(|inner| inner.borrow().to_owned()) {
        Some(inner) => ended(waiter, inner::send(inner.borrow(), value)),
        None => Outcome::Return(Owned::none()),
    }
}

/// `throw(...)`, of a waiter that has begun.
pub fn throw(waiter: &Waiter, thrown: Thrown<'_>) -> Outcome {
    let inner = waiter.contents().inner.as_ref();
    let outcome = match inner.map(|inner| inner.borrow().to_owned()) {
        Some(inner) => match inner::throw(inner.borrow(), thrown) {
            Ok(outcome) => outcome,
            Err(inner::Refused(raised)) => Outcome::Raise(raised),
        },
        None => Outcome::Raise(inner::raise_here(thrown)),
    };
    ended(waiter, outcome)
}

/// Wakes those whose wakers were left: trio steps their tasks in its next turn.
pub fn wake_all(hub: &Hub) -> Result<()> {
    let state = hub.state();
    while let Some(waiter) = hub.next() {
        // SAFETY: a waiter.
        let waiter = unsafe { &*waiter.as_ptr().cast::<Waiter>() };
        waiter.progress.set(Progress::Woken);
        let Some(task) = waiter.source().map(Borrowed::to_owned) else {
            continue;
        };
        let rescheduled = state
            .outside
            .get(Kept::Reschedule, || {
                attribute(lowlevel(state)?, c"reschedule")
            })
            .and_then(|reschedule| call::call(reschedule, [Some(task.borrow()), None, None]));
        if let Err(raised) = rescheduled {
            hub.put_back(waiter);
            return Err(raised);
        }
    }
    Ok(())
}

static READER: Shared<ffi::PyMethodDef> = Shared::new(method(
    c"PyAwaitable_mailbox",
    ffi::PyMethodDefPointer {
        PyCFunction: reader,
    },
    ffi::METH_NOARGS,
    c"Wakes what other threads have left for this event loop, for as long as that runs.",
));

/// Has a system task of trio's call the hub whenever its descriptor is readable.
pub fn attach(state: &State, hub: &Owned) -> Result<()> {
    // SAFETY: a static definition, and a live object.
    let reader = unsafe {
        Owned::new(ffi::PyCFunction_NewEx(
            READER.get(),
            hub.as_ptr(),
            null_mut(),
        ))
    }?;
    let spawn = attribute(lowlevel(state)?, c"spawn_system_task")?;
    let name = call::text(c"PyAwaitable mailbox")?;
    call::call_with_keyword(
        spawn.borrow(),
        [Some(reader.borrow()), None],
        c"name",
        name.borrow(),
    )
    .map(drop)
}

/// The body of the system task. Its frame is the hub, owned.
static READING: Functions = Functions {
    resume,
    handled: native::handles_nothing,
    visit,
    bytes,
    release,
    free,
};

static DEFINITION: Definition = Definition {
    name: c"PyAwaitable_mailbox",
    qualified_name: c"PyAwaitable_mailbox",
};

unsafe extern "C" fn reader(hub: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython passes the object that the function was made for.
    let hub = unsafe { Borrowed::new(hub) };
    // SAFETY: a hub.
    let state = unsafe { Hub::of(hub) }.state();
    let frame = hub.to_owned();
    // SAFETY: a hub, owned.
    let made = unsafe { native::new(state, &READING, frame.as_ptr().cast(), &DEFINITION) };
    match made {
        Ok(object) => {
            core::mem::forget(frame);
            object.into_ptr()
        }
        Err(_) => null_mut(),
    }
}

unsafe fn resume(_: Thread, awaitable: *mut PyObject, frame: *mut c_void, event: Event) -> Action {
    // SAFETY: an awaitable of ours, and the hub that it holds.
    let (awaitable, hub) = unsafe {
        (
            &*awaitable.cast::<Awaitable>(),
            Hub::of(Borrowed::new(frame.cast())),
        )
    };
    let drained = match event {
        Event::Start => Ok(()),
        Event::Returned(_) | Event::Sent(_) => hub.drain().or_else(try_again),
        Event::Raised(raised) => outlast(hub, raised),
    };
    let drained = drained.and_then(|()| leave_if_last(hub));
    let waiting = drained.and_then(|()| {
        let number = hub.channel().map_or(-1, |channel| channel.descriptor());
        // SAFETY: a new number.
        let number = unsafe { Owned::new(ffi::PyLong_FromSsize_t(number)) }?;
        call_method(
            lowlevel(awaitable.state())?,
            c"wait_readable",
            [Some(number.borrow()), None, None],
        )
    });
    match waiting {
        Ok(waiting) => Action::Await(waiting),
        Err(raised) => Action::Raise(raised),
    }
}

unsafe fn visit(frame: *mut c_void, visit: &mut dyn FnMut(*mut PyObject) -> c_int) -> c_int {
    visit(frame.cast())
}

/// Without memory those who have not been woken are told of anew. What is raised here would end the run.
fn try_again(raised: Raised) -> Result<()> {
    if !raised.is_no_memory() {
        return Err(raised);
    }
    exception::discard(raised);
    Ok(())
}

/// The run ends. Some may still wait, in system tasks that decline to be cancelled: then the reader goes on, shielded, until they
/// have been woken.
fn outlast(hub: &Hub, raised: Raised) -> Result<()> {
    if !hub.is_waited_in() || !hub.last_scope.get().is_null() {
        return Err(raised);
    }
    let exception = exception::take(raised);
    let scope = attribute(trio()?.borrow(), c"CancelScope")?;
    let scope = call::call(scope.borrow(), [None; 3])?;
    // SAFETY: live objects.
    unsafe {
        if ffi::PyObject_SetAttrString(scope.as_ptr(), c"shield".as_ptr(), ffi::Py_True()) < 0 {
            return Err(Raised::pending());
        }
    }
    drop(call_method(scope.borrow(), c"__enter__", [None; 3])?);
    hub.last_scope.set(scope.into_ptr());
    hub.last_exception.set(exception.into_ptr());
    Ok(())
}

/// `trio`.
pub fn trio() -> Result<Owned> {
    // SAFETY: a C string; a new reference or NULL.
    unsafe { Owned::new(ffi::PyImport_ImportModule(c"trio".as_ptr())) }
}

/// Fails with what was raised in the reader when the run ended, once nobody waits any more.
fn leave_if_last(hub: &Hub) -> Result<()> {
    if hub.last_scope.get().is_null() || hub.is_waited_in() {
        return Ok(());
    }
    // SAFETY: both are owned, and taken out once.
    let (scope, exception) = unsafe {
        (
            Owned::optional(hub.last_scope.replace(null_mut())),
            Owned::optional(hub.last_exception.replace(null_mut())),
        )
    };
    let (Some(scope), Some(exception)) = (scope, exception) else {
        return Ok(());
    };
    let none = Some(Borrowed::none());
    drop(call_method(scope.borrow(), c"__exit__", [none; 3])?);
    Err(exception::raise(exception))
}

unsafe fn bytes(_: *mut c_void) -> usize {
    0
}

unsafe fn release(_: *mut PyObject, frame: *mut c_void) {
    // SAFETY: owned by the body, which has ended, once.
    drop(unsafe { Owned::optional(frame.cast()) });
}

unsafe fn free(_: *mut PyObject, _: *mut c_void) {}
