//! The end of an awaitable that has no references left.

use super::generator;
use super::step::close;
use crate::base::rules::Phase;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::origin;
use crate::python::raised::Result;
use crate::python::reference::Owned;

/// `tp_finalize`: warns of an awaitable that was never awaited, and closes one that is suspended or has clean-ups, which may use
/// everything as it was: after this, the collector empties what it has found.
///
/// There is no warning while an exception is set. C code that cannot finish an awaitable drops it and returns NULL, and its
/// caller has to get that exception.
///
/// # Safety
/// Called by CPython, on one of our objects.
pub unsafe extern "C" fn finalize(object: *mut PyObject) {
    // SAFETY: the caller's promise.
    let awaitable = unsafe { &*object.cast::<Awaitable>() };
    awaitable.with(|store| store.status.note_finalized());
    if !awaitable.needs_finalizer() {
        return;
    }
    if generator::is_step(awaitable) {
        return generator::finalize_step(awaitable);
    }
    let is_new = awaitable.phase() == Phase::Created;
    let is_quiet =
        exception::pending().is_some() || awaitable.with(|store| store.status.is_quiet());
    let is_ended = !is_new || awaitable.with(|store| store.has_cleanups());
    if is_quiet && !is_ended {
        return;
    }
    let _ = exception::preserving(|| {
        if is_new && !is_quiet {
            report(awaitable, warn_unawaited(awaitable));
        }
        if is_ended {
            report(awaitable, close(awaitable).map(drop));
        }
        Ok(())
    });
}

/// Reports what was raised, since nobody is left to get it.
fn report(awaitable: &Awaitable, ended: Result<()>) {
    if let Err(raised) = ended {
        exception::unraisable_at_end(raised, awaitable.borrow());
    }
}

/// The warning for one that was never awaited. Its text is the same for all with the same name and origin, so that a warning
/// filter that shows it once per place does so.
fn warn_unawaited(awaitable: &Awaitable) -> Result<()> {
    let name = awaitable.name_for_text();
    let (name, text) = name.for_format();
    let origin = awaitable
        .origin()
        .and_then(|origin| match origin::describe(&origin) {
            Ok(described) => Some(described),
            // A warning without it is better than none.
            Err(raised) => {
                exception::discard(raised);
                None
            }
        });
    // SAFETY: no exception is set; each format has a name, and an origin if there is one.
    let text = unsafe {
        Owned::new(match &origin {
            Some(origin) => ffi::PyUnicode_FromFormat(
                c"awaitable '%V' was never awaited\nAwaitable created at (most recent call last)\n%U"
                    .as_ptr(),
                name,
                text,
                origin.as_ptr(),
            ),
            None => {
                ffi::PyUnicode_FromFormat(c"awaitable '%V' was never awaited".as_ptr(), name, text)
            }
        })
    }?;
    exception::warn_of_resource(awaitable.borrow(), &text)
}
