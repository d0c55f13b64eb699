//! How a thread finds the state of its interpreter.
//!
//! The state is in the interpreter's own dictionary, in a capsule under a key unique to this copy: several copies of the
//! library in one process are independent of each other. Its address is cached.

use super::state::{self, Definitions, State};
use crate::base::likely::likely;
use crate::python::exception;
use crate::python::ffi;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::Owned;
use crate::python::thread::Thread;
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Counts the states that have been given up. A thread's cache from an earlier count is stale. Its address also tells
/// one copy of the library from another.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// The state of the main interpreter, where nearly everything runs: found without looking at the thread. [`forget_main`] clears
/// it at the latest.
static MAIN: AtomicPtr<State> = AtomicPtr::new(core::ptr::null_mut());

/// The main interpreter, once it has a state. Compared, never dereferenced. The state alone is not enough: threads of another
/// interpreter, with its own GIL, may look while the main one gives its state up.
static MAIN_INTERPRETER: AtomicPtr<ffi::PyInterpreterState> = AtomicPtr::new(core::ptr::null_mut());

/// The state that this thread used last in another interpreter.
#[derive(Clone, Copy)]
struct Cached {
    interpreter: i64,
    generation: u64,
    state: Option<NonNull<State>>,
}

std::thread_local! {
    static CACHE: Cell<Cached> = const {
        Cell::new(Cached { interpreter: -1, generation: 0, state: None })
    };
}

/// The state of the interpreter that runs this thread, created at the first call. The interpreter holds it for as long as it
/// runs the thread.
#[inline]
pub fn current<'a>(thread: &'a Thread, definitions: &Definitions) -> Result<&'a State> {
    let interpreter = thread.interpreter();
    if likely(interpreter == MAIN_INTERPRETER.load(Ordering::Acquire)) {
        // SAFETY: NULL, or the state of the interpreter that runs this thread.
        if let Some(state) = unsafe { MAIN.load(Ordering::Acquire).as_ref() } {
            return Ok(state);
        }
    }
    let found = elsewhere(thread, definitions)?;
    // SAFETY: as above.
    Ok(unsafe { found.as_ref() })
}

fn elsewhere(thread: &Thread, definitions: &Definitions) -> Result<NonNull<State>> {
    // SAFETY: the interpreter that runs this thread.
    let interpreter = unsafe { ffi::PyInterpreterState_GetID(thread.interpreter()) };
    // Interpreters' ids are never reused, while their addresses are.
    if let Ok(cached) = CACHE.try_with(Cell::get) {
        if let Some(state) = cached.state {
            if cached.interpreter == interpreter
                && cached.generation == GENERATION.load(Ordering::Acquire)
            {
                return Ok(state);
            }
        }
    }
    find(interpreter, definitions)
}

#[cold]
fn find(interpreter: i64, definitions: &Definitions) -> Result<NonNull<State>> {
    let generation = GENERATION.load(Ordering::Acquire);
    let state = exception::preserving(|| registered(definitions))?;
    // The main interpreter's id is 0.
    if interpreter == 0 {
        // SAFETY: the thread is attached, so it has an interpreter: this one.
        MAIN_INTERPRETER.store(unsafe { ffi::PyInterpreterState_Get() }, Ordering::Release);
        if MAIN.swap(state.as_ptr(), Ordering::AcqRel).is_null() {
            // A state made while the interpreter's dictionary is being cleared goes into a new dictionary, which is never
            // cleared. There may be no room for one more function: then only that case is not covered. SAFETY: a function that
            // needs no interpreter.
            let _ = unsafe { ffi::Py_AtExit(Some(forget_main)) };
        }
        return Ok(state);
    }
    let _ = CACHE.try_with(|cache| {
        cache.set(Cached {
            interpreter,
            generation,
            state: Some(state),
        });
    });
    Ok(state)
}

/// Called at the very end of Python. A program may initialize it again, and its interpreters' ids start over.
extern "C" fn forget_main() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
    MAIN.store(core::ptr::null_mut(), Ordering::Release);
    MAIN_INTERPRETER.store(core::ptr::null_mut(), Ordering::Release);
}

/// The state in the interpreter's dictionary, put there if it is missing.
fn registered(definitions: &Definitions) -> Result<NonNull<State>> {
    // SAFETY: the dictionary is borrowed from the interpreter, which outlives this call; what it returns is owned before
    // anything else runs. If two threads race, `SetDefault` lets one win, and the other's capsule releases its state.
    unsafe {
        let dictionary = ffi::PyInterpreterState_GetDict(ffi::PyInterpreterState_Get());
        if dictionary.is_null() {
            return Err(Raised::new(
                Kind::RuntimeError,
                c"this interpreter keeps no state for extensions (is it shutting down?)",
            ));
        }
        if ffi::pyawaitable_shim_check_version() < 0 {
            return Err(Raised::pending());
        }
        let key = Owned::new(ffi::PyUnicode_FromFormat(
            c"pyawaitable.state.%p".as_ptr(),
            (&raw const GENERATION).cast::<c_void>(),
        ))?;
        let found = ffi::PyDict_GetItemWithError(dictionary, key.as_ptr());
        if !found.is_null() {
            return state::from_capsule(found);
        }
        if exception::pending().is_some() {
            return Err(Raised::pending());
        }
        if ffi::pyawaitable_shim_is_too_late() != 0 {
            return Err(Raised::new(
                Kind::RuntimeError,
                c"PyAwaitable cannot be used for the first time while Python is shutting down",
            ));
        }
        let capsule = state::make(definitions)?;
        let kept = ffi::PyDict_SetDefault(dictionary, key.as_ptr(), capsule.as_ptr());
        if kept.is_null() {
            return Err(Raised::pending());
        }
        state::from_capsule(kept)
    }
}

/// The interpreter of this state is ending: no thread finds the state from here on.
pub(super) fn forget(state: &State) {
    GENERATION.fetch_add(1, Ordering::AcqRel);
    let _ = MAIN.compare_exchange(
        (&raw const *state).cast_mut(),
        core::ptr::null_mut(),
        Ordering::AcqRel,
        Ordering::Acquire,
    );
}
