//! What one interpreter owns: the types and the names they need.
//!
//! It is reference-counted: every live object holds it, so that an object that outlives its interpreter's modules still finds
//! what it needs, through its type: see [`of`].

use super::current;
use super::frames::Frames;
use super::outside::Outside;
use crate::base::free_list::FreeList;
use crate::object::lifetime::free_with_frame;
use crate::python::ffi::{self, PyObject, PyTypeObject};
use crate::python::lazy::Lazy;
use crate::python::raised::{Raised, Result};
use crate::python::reference::Owned;
use crate::python::stop_iteration::Kept;
use crate::python::traceback::Lines;
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
    /// The type of what coroutine functions call.
    pub target_type: Lazy,
    /// The type of generators.
    pub generator_type: Lazy,
    /// The dictionary of the Python code that makes such functions.
    pub compiler: Lazy,
    /// For what comes from outside.
    pub outside: Outside,
    pub names: Names,
    /// Awaitables without references, empty, untracked and never finalized, each still holding the state and its type: as many
    /// as CPython keeps of its own small objects.
    pub awaitables: FreeList<PyObject, 255>,
    /// Cold parts of stores, empty.
    pub colds: FreeList<Cold, 64>,
    /// Memory for the frames of bodies.
    pub frames: Frames,
    /// The definition that was found to be valid last.
    pub valid: AtomicPtr<c_void>,
    /// What lines of C code look like in tracebacks.
    pub lines: Lines,
    pub stop: Kept,
    /// Awaits that have ended, in any object. Racing threads may lose some.
    ended: AtomicU32,
    /// For [`crate::python::thread::let_others_run`].
    pub last_turn: AtomicU64,
}

/// Interned strings.
pub struct Names {
    pub default_name: Owned,
    pub name: Owned,
    pub qualified_name: Owned,
    pub aenter: Owned,
    pub aexit: Owned,
}

impl Names {
    fn new() -> Result<Self> {
        Ok(Self {
            default_name: intern(c"PyAwaitable")?,
            name: intern(c"__name__")?,
            qualified_name: intern(c"__qualname__")?,
            aenter: intern(c"__aenter__")?,
            aexit: intern(c"__aexit__")?,
        })
    }
}

fn intern(text: &CStr) -> Result<Owned> {
    // SAFETY: a new reference or NULL.
    unsafe { Owned::new(ffi::PyUnicode_InternFromString(text.as_ptr())) }
}

/// The types' definitions, which the rooms after this one know.
pub struct Definitions {
    pub awaitable: fn() -> Result<Owned>,
    pub iterator: fn() -> Result<Owned>,
}

const CAPSULE: &CStr = c"pyawaitable.state";

/// # Safety
/// `capsule` is live.
pub(super) unsafe fn from_capsule(capsule: *mut PyObject) -> Result<NonNull<State>> {
    // SAFETY: the caller's promise; the name is checked by the call.
    let pointer = unsafe { ffi::PyCapsule_GetPointer(capsule, CAPSULE.as_ptr()) };
    NonNull::new(pointer.cast()).ok_or_else(Raised::pending)
}

/// A new state, in a capsule that releases it when destroyed.
pub(super) fn make(definitions: &Definitions) -> Result<Owned> {
    let state = State {
        holders: AtomicUsize::new(1),
        awaitable_type: Cell::new(None),
        iterator_type: Cell::new(None),
        target_type: Lazy::new(),
        generator_type: Lazy::new(),
        compiler: Lazy::new(),
        outside: Outside::new(),
        names: Names::new()?,
        awaitables: FreeList::new(),
        colds: FreeList::new(),
        frames: Frames::new(),
        valid: AtomicPtr::new(core::ptr::null_mut()),
        lines: Lines::new(),
        stop: Kept::new(),
        ended: AtomicU32::new(0),
        last_turn: AtomicU64::new(0),
    };
    // SAFETY: enough memory for a State, which is moved in before any code sees it.
    let place = unsafe { ffi::PyMem_Malloc(size_of::<State>()) }.cast::<State>();
    let Some(place) = NonNull::new(place) else {
        return Err(Raised::no_memory());
    };
    // SAFETY: as above; the capsule takes over the state; without a capsule it is released here.
    let capsule = unsafe {
        place.write(state);
        Owned::new(ffi::PyCapsule_New(
            place.as_ptr().cast(),
            CAPSULE.as_ptr(),
            Some(give_up),
        ))
    };
    if capsule.is_err() {
        // SAFETY: nothing else knows of it.
        unsafe { State::release(place) };
    }
    let capsule = capsule?;
    // From here on the capsule's destructor cleans up.
    let awaitable = (definitions.awaitable)()?;
    // SAFETY: the state lives as long as the capsule; the type is new, and not shared yet.
    let state = unsafe {
        mark(awaitable.as_ptr().cast(), place);
        place.as_ref()
    };
    state
        .awaitable_type
        .set(NonNull::new(awaitable.into_ptr().cast()));
    let iterator = (definitions.iterator)()?;
    state
        .iterator_type
        .set(NonNull::new(iterator.into_ptr().cast()));
    Ok(capsule)
}

/// The capsule's destructor: the interpreter is ending, or this state lost a race.
unsafe extern "C" fn give_up(capsule: *mut PyObject) {
    // SAFETY: CPython passes the capsule, and `make` put a State in it.
    let Ok(state) = (unsafe { from_capsule(capsule) }) else {
        return;
    };
    // SAFETY: the capsule held the state, and the types with it. What the pool frees still needs its type.
    unsafe {
        current::forget(state.as_ref());
        state
            .as_ref()
            .awaitables
            .close(|object| free_awaitable(object));
        state.as_ref().colds.close(|cold| cold::free_cold(cold));
        state
            .as_ref()
            .frames
            .close(|object| free_with_frame(&*object.cast()));
        state.as_ref().lines.close();
        state.as_ref().stop.close();
        #[cfg(feature = "c-api")]
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
        drop(state.as_ref().target_type.take());
        drop(state.as_ref().generator_type.take());
        state.as_ref().outside.release();
        if let Some(compiler) = state.as_ref().compiler.take() {
            // Its functions refer to it.
            ffi::PyDict_Clear(compiler.as_ptr());
        }
        State::release(state);
    }
}

/// The place in our type that points to its state, so that no object needs a word for that: the former slot `nb_long` of Python
/// 2. CPython does not use or name it, does not copy it from a base, and leaves it alone until the type's memory is freed.
///
/// # Safety
/// A heap type.
#[inline]
unsafe fn place_of(r#type: *mut PyTypeObject) -> *mut *mut c_void {
    // SAFETY: the caller's promise.
    unsafe {
        &raw mut (*r#type.cast::<ffi::PyHeapTypeObject>())
            .as_number
            .nb_reserved
    }
}

/// Makes a new type point to its state.
///
/// # Safety
/// A heap type that is not shared yet.
unsafe fn mark(r#type: *mut PyTypeObject, state: NonNull<State>) {
    // SAFETY: the caller's promise.
    unsafe {
        debug_assert!((*place_of(r#type)).is_null(), "CPython has a use for it");
        place_of(r#type).write(state.as_ptr().cast());
    }
}

/// The state of an awaitable.
///
/// # Safety
/// An awaitable of ours, which holds its state for as long as its memory exists.
#[inline]
pub unsafe fn of(object: *mut PyObject) -> NonNull<State> {
    // SAFETY: the caller's promise; its type was marked before the first object of it was created.
    unsafe { NonNull::new_unchecked((*place_of(ffi::Py_TYPE(object))).cast()) }
}

/// Frees the memory of an awaitable, and drops its holds on its type and its state.
///
/// # Safety
/// `object` is an awaitable that has been emptied, with no references left.
#[inline(never)]
pub unsafe fn free_awaitable(object: *mut PyObject) {
    // SAFETY: the caller's promise. A heap type's instance holds its type.
    unsafe {
        let (r#type, state) = (ffi::Py_TYPE(object), of(object));
        ffi::PyObject_GC_Del(object.cast());
        State::release(state);
        ffi::Py_DECREF(r#type.cast());
    }
}

/// After this many awaits, a step checks whether something else wants to run.
const AWAITS_AT_A_TIME: u32 = 256;

impl State {
    /// Makes a new type of objects that are laid out as awaitables point to this state.
    ///
    /// # Safety
    /// A heap type that is not shared yet.
    pub unsafe fn adopt(&self, r#type: &Owned) {
        // SAFETY: the caller's promise.
        unsafe { mark(r#type.as_ptr().cast(), NonNull::from(self)) };
    }

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

    /// Drops one hold, and the state with the last.
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
        // SAFETY: the last hold is gone.
        unsafe {
            // An object that outlived the interpreter's hold may have raised one since.
            state.as_ref().stop.close();
            core::ptr::drop_in_place(state.as_ptr());
            ffi::PyMem_Free(state.as_ptr().cast());
        }
    }
}

/// Adds to a counter and returns its old value. Races are possible only without a GIL.
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
