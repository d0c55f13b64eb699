//! What one interpreter owns: the types and the names they need; and how a thread finds it.
//!
//! The state stands in the interpreter's own dictionary, in a capsule under a key that is this copy's alone: several
//! copies of the library in one process have nothing to do with each other. It is counted: every live object holds it,
//! so that one which outlives the end of its interpreter's modules still finds what it needs.

use crate::base::free_list::FreeList;
use crate::python::exception;
use crate::python::ffi::{self, PyObject, PyTypeObject};
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::Owned;
use crate::python::stop_iteration::Kept;
use crate::python::thread::Thread;
use crate::store::cold::{self, Cold};
use core::cell::Cell;
use core::ffi::{CStr, c_void};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// One interpreter's share of the library.
pub struct State {
    /// Objects that hold this state, and one more while the interpreter does.
    holders: AtomicUsize,
    pub awaitable_type: Cell<Option<NonNull<PyTypeObject>>>,
    pub iterator_type: Cell<Option<NonNull<PyTypeObject>>>,
    pub names: Names,
    /// Awaitables without references, empty, untracked and never finalized, each with its hold on the state and its
    /// type: as many as CPython keeps of its own small objects.
    pub awaitables: FreeList<PyObject, 255>,
    /// Cold parts of stores, empty.
    pub colds: FreeList<Cold, 64>,
    pub stop: Kept,
    /// Awaits that have ended, in whatever object. Threads that race may lose some.
    ended: AtomicU32,
    /// For [`crate::python::thread::let_others_run`].
    pub last_turn: AtomicU64,
}

/// Interned strings.
pub struct Names {
    pub default_name: Owned,
    pub aenter: Owned,
    pub aexit: Owned,
}

impl Names {
    fn new() -> Result<Self> {
        Ok(Self {
            default_name: intern(c"PyAwaitable")?,
            aenter: intern(c"__aenter__")?,
            aexit: intern(c"__aexit__")?,
        })
    }
}

fn intern(text: &CStr) -> Result<Owned> {
    // SAFETY: a new reference or NULL.
    unsafe { Owned::new(ffi::PyUnicode_InternFromString(text.as_ptr())) }
}

/// The types' definitions, which floors above this one know.
pub struct Definitions {
    pub awaitable: fn() -> Result<Owned>,
    pub iterator: fn() -> Result<Owned>,
}

/// Counts the states that have been given up. A thread's cache from an earlier count is stale. Its address also tells
/// one copy of the library from another.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// The state of the main interpreter, where nearly everything runs: found without a look at the thread. [`forget_main`]
/// clears it at the latest.
static MAIN: AtomicPtr<State> = AtomicPtr::new(core::ptr::null_mut());

/// The main interpreter, once it has a state. Compared, never followed. The state alone would not do: threads of another
/// interpreter, with a GIL of its own, may look while the main one gives its state up.
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

const CAPSULE: &CStr = c"pyawaitable.state";

/// The state of the interpreter that runs this thread, made at the first call. The interpreter holds it for as long as it
/// runs the thread.
#[inline]
pub fn current<'a>(thread: &'a Thread, definitions: &Definitions) -> Result<&'a State> {
    let interpreter = thread.interpreter();
    if interpreter == MAIN_INTERPRETER.load(Ordering::Acquire) {
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
    // Interpreters' ids are never used again, while their addresses are.
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
            // What is made while the interpreter's dictionary is being cleared goes into another, which nobody clears.
            // There may be no room for one more function: then only that case is without.
            // SAFETY: a function that needs no interpreter.
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

/// Called at the very end of Python. A program may initialize it again, and its interpreters' ids begin anew.
extern "C" fn forget_main() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
    MAIN.store(core::ptr::null_mut(), Ordering::Release);
    MAIN_INTERPRETER.store(core::ptr::null_mut(), Ordering::Release);
}

/// The state in the interpreter's dictionary, put there if it is missing.
fn registered(definitions: &Definitions) -> Result<NonNull<State>> {
    // SAFETY: the dictionary is borrowed from the interpreter, which outlives this call; what it gives is owned before
    // anything else runs. Of two threads that race, `SetDefault` lets one win, and the other's capsule releases its state.
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
            return from_capsule(found);
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
        let capsule = make(definitions)?;
        let kept = ffi::PyDict_SetDefault(dictionary, key.as_ptr(), capsule.as_ptr());
        if kept.is_null() {
            return Err(Raised::pending());
        }
        from_capsule(kept)
    }
}

/// # Safety
/// `capsule` is live.
unsafe fn from_capsule(capsule: *mut PyObject) -> Result<NonNull<State>> {
    // SAFETY: the caller's promise; the name is checked by the call.
    let pointer = unsafe { ffi::PyCapsule_GetPointer(capsule, CAPSULE.as_ptr()) };
    NonNull::new(pointer.cast()).ok_or_else(Raised::pending)
}

/// A new state, in a capsule that gives it up when it goes.
fn make(definitions: &Definitions) -> Result<Owned> {
    let state = State {
        holders: AtomicUsize::new(1),
        awaitable_type: Cell::new(None),
        iterator_type: Cell::new(None),
        names: Names::new()?,
        awaitables: FreeList::new(),
        colds: FreeList::new(),
        stop: Kept::new(),
        ended: AtomicU32::new(0),
        last_turn: AtomicU64::new(0),
    };
    // SAFETY: enough memory for a State, which is moved in before anybody sees it.
    let place = unsafe { ffi::PyMem_Malloc(size_of::<State>()) }.cast::<State>();
    let Some(place) = NonNull::new(place) else {
        return Err(Raised::no_memory());
    };
    // SAFETY: as above; the capsule takes the state over, and if there is none it is released here.
    let capsule = unsafe {
        place.write(state);
        Owned::new(ffi::PyCapsule_New(
            place.as_ptr().cast(),
            CAPSULE.as_ptr(),
            Some(give_up),
        ))
    };
    if capsule.is_err() {
        // SAFETY: nobody else knows of it.
        unsafe { State::release(place) };
    }
    let capsule = capsule?;
    // From here on the capsule's destructor cleans up.
    let awaitable = (definitions.awaitable)()?;
    // SAFETY: the state lives as long as the capsule.
    let state = unsafe { place.as_ref() };
    state
        .awaitable_type
        .set(NonNull::new(awaitable.into_ptr().cast()));
    let iterator = (definitions.iterator)()?;
    state
        .iterator_type
        .set(NonNull::new(iterator.into_ptr().cast()));
    Ok(capsule)
}

/// The capsule's destructor: the interpreter is going, or lost a race.
unsafe extern "C" fn give_up(capsule: *mut PyObject) {
    // SAFETY: CPython passes the capsule, and `make` put a State in it.
    let Ok(state) = (unsafe { from_capsule(capsule) }) else {
        return;
    };
    GENERATION.fetch_add(1, Ordering::AcqRel);
    let _ = MAIN.compare_exchange(
        state.as_ptr(),
        core::ptr::null_mut(),
        Ordering::AcqRel,
        Ordering::Acquire,
    );
    // SAFETY: the capsule held the state, and the types with it. What the pool frees still needs its type.
    unsafe {
        state
            .as_ref()
            .awaitables
            .close(|object| free_awaitable(state, object));
        state.as_ref().colds.close(|cold| cold::free_cold(cold));
        state.as_ref().stop.close();
        if let Some(r#type) = state.as_ref().awaitable_type.get() {
            ffi::pyawaitable_shim_v1_forget(r#type.as_ptr());
        }
        for kept in [
            &state.as_ref().awaitable_type,
            &state.as_ref().iterator_type,
        ] {
            if let Some(r#type) = kept.take() {
                ffi::Py_DECREF(r#type.as_ptr().cast());
            }
        }
        State::release(state);
    }
}

/// Frees the memory of an awaitable, and gives up its holds on its type and its state.
///
/// # Safety
/// `object` is an awaitable of `state` that has been emptied; nobody has it any more.
#[inline]
pub unsafe fn free_awaitable(state: NonNull<State>, object: *mut PyObject) {
    // SAFETY: the caller's promise. A heap type's instance holds its type.
    unsafe {
        let r#type = ffi::Py_TYPE(object);
        ffi::PyObject_GC_Del(object.cast());
        State::release(state);
        ffi::Py_DECREF(r#type.cast());
    }
}

/// After so many awaits a step looks whether something else wants to run.
const AWAITS_AT_A_TIME: u32 = 256;

impl State {
    /// Counts one more await that has ended; true from time to time.
    #[inline]
    pub fn is_due(&self) -> bool {
        let ended = self.ended.load(Ordering::Relaxed).wrapping_add(1);
        self.ended.store(ended, Ordering::Relaxed);
        ended % AWAITS_AT_A_TIME == 0
    }

    /// Counts one more object that holds this state.
    #[inline]
    pub fn hold(&self) {
        add(&self.holders, 1);
    }

    /// Gives up one hold, and the state with the last.
    ///
    /// # Safety
    /// The caller has a hold, and does not use the state afterwards.
    #[inline]
    pub unsafe fn release(state: NonNull<State>) {
        // SAFETY: held until the count says otherwise.
        unsafe {
            if add(&state.as_ref().holders, usize::MAX) == 1 {
                Self::free(state);
            }
        }
    }

    #[cold]
    unsafe fn free(state: NonNull<State>) {
        // SAFETY: the last holder is gone.
        unsafe {
            // An object that outlived the interpreter's hold may have raised one since.
            state.as_ref().stop.close();
            core::ptr::drop_in_place(state.as_ptr());
            ffi::PyMem_Free(state.as_ptr().cast());
        }
    }
}

/// Adds to a counter and returns what it was. Only without a GIL is there anybody to race with.
#[inline]
fn add(counter: &AtomicUsize, number: usize) -> usize {
    if cfg!(Py_GIL_DISABLED) {
        counter.fetch_add(number, Ordering::AcqRel)
    } else {
        let old = counter.load(Ordering::Relaxed);
        counter.store(old.wrapping_add(number), Ordering::Relaxed);
        old
    }
}
