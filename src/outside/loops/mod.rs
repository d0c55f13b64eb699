//! Which event loop runs, asked when something first waits, and its hub.

pub mod asyncio;
mod helper;
pub mod trio;
pub mod watch;

use super::hub::Hub;
use crate::object::outside::Kept;
use crate::object::state::State;
use crate::python::call;
use crate::python::exception;
use crate::python::ffi;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use core::ffi::CStr;

/// Whose event loop it is. uvloop's is asyncio's, and anyio has none of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Library {
    Asyncio,
    Trio,
}

impl Library {
    pub fn name(self) -> &'static CStr {
        match self {
            Self::Asyncio => c"asyncio",
            Self::Trio => c"trio",
        }
    }
}

/// The library whose event loop runs this, with the loop, or trio's token; None without one.
pub fn current(state: &State) -> Result<Option<(Library, Owned)>> {
    // First of all, since in guest mode a loop of asyncio's runs, too.
    if let Some(name) = sniffed(state)? {
        let is = |library: &CStr| {
            // SAFETY: a str and a C string.
            unsafe {
                ffi::PyUnicode_Check(name.as_ptr()) != 0
                    && ffi::PyUnicode_CompareWithASCIIString(name.as_ptr(), library.as_ptr()) == 0
            }
        };
        if is(c"trio") {
            return Ok(Some((Library::Trio, trio::token(state)?)));
        }
        if !is(c"asyncio") && !name.is_none() {
            return Ok(None);
        }
    }
    if let Some(running) = asyncio::running(state)? {
        return Ok(Some((Library::Asyncio, running)));
    }
    Ok(None)
}

/// What sniffio has been told of this thread; None if it is not in use.
fn sniffed(state: &State) -> Result<Option<Owned>> {
    let local = match state.outside.made(Kept::Sniffio) {
        Some(local) => local,
        None => match call::loaded(c"sniffio")? {
            Some(module) => {
                // One that is being imported has none yet.
                let local = match call::attribute(module.borrow(), c"thread_local") {
                    Ok(local) => local,
                    Err(raised) => return exception::if_no_attribute(raised, None),
                };
                state.outside.get(Kept::Sniffio, || Ok(local))?
            }
            None => return Ok(None),
        },
    };
    call::attribute(local, c"name").map(Some)
}

/// The `RuntimeError` for what has to wait, and nobody would wake it.
#[cold]
pub fn none_runs() -> Raised {
    Raised::new(
        Kind::RuntimeError,
        c"waiting here needs an event loop of asyncio (or uvloop), of trio, or of anyio on one of these, and none of them runs in this thread",
    )
}

/// The hub of the loop that runs, and the loop itself, or trio's token. Fails with `RuntimeError` outside of any.
pub fn hub(state: &State) -> Result<(Owned, Owned)> {
    let Some((library, source)) = current(state)? else {
        return Err(none_runs());
    };
    let (hubs, key, found) = find(state, source.borrow())?;
    if let Some(hub) = found {
        return Ok((hub, source));
    }
    let hub = Hub::create(state, library, source.borrow())?;
    forget_the_gone(hubs)?;
    // SAFETY: live objects.
    unsafe {
        let weak = Owned::new(ffi::PyWeakref_NewRef(hub.as_ptr(), core::ptr::null_mut()))?;
        if ffi::PyDict_SetItem(hubs.as_ptr(), key.as_ptr(), weak.as_ptr()) < 0 {
            return Err(Raised::pending());
        }
    }
    // Last, since the loop keeps it: one that is not found would stay there for nobody.
    match library {
        Library::Asyncio => asyncio::attach(&hub, source.borrow())?,
        Library::Trio => trio::attach(state, &hub)?,
    }
    Ok((hub, source))
}

/// The dictionary of hubs, the key of a loop there, and its hub if it has one.
pub fn find<'a>(
    state: &'a State,
    source: Borrowed<'_>,
) -> Result<(Borrowed<'a>, Owned, Option<Owned>)> {
    let hubs = state.outside.get(Kept::Hubs, || {
        // SAFETY: a new dictionary, or NULL.
        unsafe { Owned::new(ffi::PyDict_New()) }
    })?;
    // SAFETY: live objects; what the dictionary has is borrowed, and owned before anything else runs.
    let (key, found) = unsafe {
        let key = Owned::new(ffi::PyLong_FromVoidPtr(source.as_ptr().cast()))?;
        let found = ffi::PyDict_GetItemWithError(hubs.as_ptr(), key.as_ptr());
        let found = Borrowed::optional(found).map(Borrowed::to_owned);
        if let (None, Some(raised)) = (&found, exception::pending()) {
            return Err(raised);
        }
        (key, found)
    };
    // Another loop may have been where this one is; and a fork's child has a hub of its own.
    let is_its = |hub: &Owned| {
        // SAFETY: the dictionary has weak references to hubs.
        let hub = unsafe { Hub::of(hub.borrow()) };
        let is_of_this_process = hub
            .channel()
            .is_some_and(|channel| channel.is_of_this_process());
        let its = hub.source();
        is_of_this_process && its.is_some_and(|its| its.borrow().is(source))
    };
    let found = found.and_then(|weak| call::referent(weak.borrow()));
    Ok((hubs, key, found.filter(is_its)))
}

/// Removes hubs that are gone from the dictionary, so that it does not grow with each loop.
fn forget_the_gone(hubs: Borrowed<'_>) -> Result<()> {
    // SAFETY: a dictionary; its items are a list of pairs, which nobody else has.
    unsafe {
        let items = Owned::new(ffi::PyDict_Items(hubs.as_ptr()))?;
        for index in 0..ffi::PyList_Size(items.as_ptr()) {
            let pair = ffi::PyList_GetItem(items.as_ptr(), index);
            let (key, weak) = (ffi::PyTuple_GetItem(pair, 0), ffi::PyTuple_GetItem(pair, 1));
            if call::referent(Borrowed::new(weak)).is_none()
                && ffi::PyDict_DelItem(hubs.as_ptr(), key) < 0
            {
                // Another thread has been faster.
                exception::discard(Raised::pending());
            }
        }
    }
    Ok(())
}
