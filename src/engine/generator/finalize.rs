//! The end of a generator, and of a step, that has no references left.

use super::step::ignored;
use super::{IS_STRICT, Kind, advance, call, kind};
use crate::base::rules::Phase;
use crate::engine::run::Input;
use crate::object::awaitable::Awaitable;
use crate::object::generator::Generator;
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Raised, Result};
use crate::python::reference::Borrowed;
use crate::python::thread::Thread;

/// `tp_finalize` of a generator: calls its finalizer, or closes it.
///
/// # Safety
/// Called by CPython, on one of our generators.
pub unsafe extern "C" fn finalize(object: *mut PyObject) {
    // SAFETY: the caller's promise.
    let generator = unsafe { &*object.cast::<Generator>() };
    let awaitable = generator.driven();
    awaitable.with(|store| store.status.note_finalized());
    if !awaitable.needs_finalizer() {
        return;
    }
    let _ = exception::preserving(|| {
        let hook = awaitable.with(|store| store.finalizer().map(Borrowed::to_owned));
        match hook {
            Some(hook) if !generator.is_closed() => {
                if let Err(raised) = call(&hook, generator) {
                    exception::unraisable_in_finalizer(raised, awaitable.borrow());
                }
            }
            _ => {
                if let Err(raised) = close(generator) {
                    exception::unraisable_in_close(raised, awaitable.borrow());
                }
            }
        }
        Ok(())
    });
}

/// Closes a generator that nobody iterates over any more, without an event loop.
fn close(generator: &Generator) -> Result<()> {
    if generator.driven().phase() == Phase::Created {
        generator.driven().set_phase(Phase::Finished);
        generator.driven().release();
        return Ok(());
    }
    let thread = Thread::current();
    if !thread.enter() {
        return Err(Raised::pending());
    }
    let advanced = advance::advance(thread, generator, Input::Exit(None));
    thread.leave();
    match advanced {
        advance::Advanced::Raised(raised) if is_end(&raised) => {
            exception::discard(raised);
            Ok(())
        }
        advance::Advanced::Raised(raised) => Err(raised),
        advance::Advanced::Item(value) | advance::Advanced::Suspended(value) => {
            drop(value);
            Err(ignored())
        }
    }
}

/// Whether the exception is that of a generator that has been closed. Before 3.15, CPython does not expect one that ends by itself.
fn is_end(raised: &Raised) -> bool {
    if cfg!(Py_3_15) {
        exception::is_end_of_generator(raised)
    } else {
        exception::is_generator_exit(raised)
    }
}

/// Warns of a step that was never begun. One that is suspended leaves the generator as it is.
#[cold]
pub fn finalize_step(step: &Awaitable) {
    if !IS_STRICT || step.phase() != Phase::Created {
        return;
    }
    let Some(generator) = step.with(|store| store.generator().map(Borrowed::to_owned)) else {
        return;
    };
    let _ = exception::preserving(|| {
        // SAFETY: the step holds its generator.
        let awaitable = unsafe { &*generator.as_ptr().cast::<Awaitable>() };
        let method = match kind(step) {
            Kind::Throw => c"athrow",
            Kind::Close => c"aclose",
            Kind::Send => c"asend",
        };
        let name = awaitable.name_for_text();
        let (name, text) = name.for_format();
        // SAFETY: C strings and a name, one for each place in the format.
        let code = unsafe {
            ffi::PyErr_WarnFormat(
                ffi::PyExc_RuntimeWarning,
                1,
                c"coroutine method '%s' of '%V' was never awaited".as_ptr(),
                method.as_ptr(),
                name,
                text,
            )
        };
        if code < 0 {
            exception::unraisable_in_step(Raised::pending(), generator.borrow());
        }
        Ok(())
    });
}
