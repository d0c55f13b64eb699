//! The object: its layout, how its parts are reached, creation and destruction.

use crate::base::rules::{self, Admission, Phase, Step};
use crate::inner;
use crate::object::lifetime;
use crate::object::state::{self, State};
use crate::python::exception;
use crate::python::ffi::{self, PyObject};
use crate::python::lock::Lock;
use crate::python::name::Name;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::store::maker::{Maker, Which};
use crate::store::queue::Next;
use crate::store::status::Status;
use crate::store::{Contents, Store};
use core::cell::{Cell, UnsafeCell};
use core::ffi::CStr;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

/// An awaitable. 96 bytes, preceded by 16 for the garbage collector.
#[repr(C)]
pub struct Awaitable {
    base: PyObject,
    /// The list of weak references; once that is cleared for good, the next object in the trashcan.
    pub weak_references: Cell<*mut PyObject>,
    pub(super) phase: AtomicU8,
    pub(super) lock: Lock,
    pub(super) status: UnsafeCell<Status>,
    /// Those of a generator: see `generator.rs`.
    pub(super) marks: AtomicU8,
    pub(super) contents: UnsafeCell<Contents>,
}

#[cfg(all(not(Py_GIL_DISABLED), target_pointer_width = "64"))]
const _: () = assert!(size_of::<Awaitable>() == 96);

/// Where CPython finds the list of weak references.
pub const WEAK_REFERENCES: usize = core::mem::offset_of!(Awaitable, weak_references);

const HAS_BODY: &CStr =
    c"this awaitable has a body of its own, and no queue, result, callbacks or values to set";

impl Awaitable {
    /// `object` as an awaitable, if it is one of this copy of the library.
    #[inline]
    pub fn from_object(object: Borrowed<'_>) -> Option<&Self> {
        // SAFETY: a live object's type is live. Only our type has our destructor: it cannot be subclassed.
        unsafe {
            let ours = (*object.r#type()).tp_dealloc.is_some_and(|found| {
                core::ptr::fn_addr_eq(found, lifetime::dealloc as ffi::destructor)
            });
            if ours {
                Some(&*object.as_ptr().cast::<Self>())
            } else {
                None
            }
        }
    }

    /// The object as CPython knows it.
    #[inline]
    pub fn as_ptr(&self) -> *mut PyObject {
        (&raw const *self).cast_mut().cast()
    }

    /// The object as any other.
    #[inline]
    pub fn borrow(&self) -> Borrowed<'_> {
        // SAFETY: a borrow of the awaitable keeps the object alive.
        unsafe { Borrowed::new(self.as_ptr()) }
    }

    /// What its interpreter owns.
    #[inline]
    pub fn state(&self) -> &State {
        // SAFETY: an awaitable of ours, which holds its state.
        unsafe { state::of(self.as_ptr()).as_ref() }
    }

    /// `__name__` or, if `qualified`, `__qualname__`: the one that was set, or its maker's, or the type's. No exception may be
    /// set; one that the maker raises is returned to the caller.
    pub fn name(&self, qualified: bool) -> Result<Name> {
        if let Some(set) = self.with(|store| store.name(qualified).map(Borrowed::to_owned)) {
            return Ok(Name::Str(set));
        }
        let maker = self.with(|store| store.maker().clone());
        let names = &self.state().names;
        let found = match maker.which() {
            Which::Nobody => None,
            Which::Definition(definition) => Some(Name::Text(if qualified {
                definition.qualified_name
            } else {
                definition.name
            })),
            // SAFETY: a C string that lives forever.
            Which::Text(text) => Some(Name::Text(unsafe { CStr::from_ptr(text) })),
            Which::Function(function) => Name::of(
                function,
                if qualified {
                    &names.qualified_name
                } else {
                    &names.name
                },
            )?,
        };
        Ok(found.unwrap_or_else(|| self.default_name()))
    }

    /// Its `__qualname__`, for a text that is more important than what the maker raises.
    pub fn name_for_text(&self) -> Name {
        self.name(true).unwrap_or_else(|raised| {
            exception::discard(raised);
            self.default_name()
        })
    }

    fn default_name(&self) -> Name {
        Name::Str(self.state().names.default_name.borrow().to_owned())
    }

    /// Names it after what has made it, unless it has a name.
    #[inline]
    pub fn name_after(&self, maker: impl FnOnce() -> Maker) {
        if self.with(|store| store.is_nameless()) {
            self.set_maker(maker());
        }
    }

    /// Names it after what has made it, replacing what was noted before.
    pub fn set_maker(&self, maker: Maker) {
        drop(self.with(|store| store.set_maker(maker)));
    }

    /// Where it was created, if that was recorded.
    pub fn origin(&self) -> Option<Owned> {
        self.with(|store| store.origin().map(Borrowed::to_owned))
    }

    /// Runs `body` on what the object holds. `body` must not run Python code, not even by dropping a reference.
    #[inline]
    pub fn with<R>(&self, body: impl FnOnce(&mut Store<'_>) -> R) -> R {
        self.lock.with(|| {
            // SAFETY: the GIL or the lock keeps other threads out, and `body` does not re-enter this.
            let (status, contents) =
                unsafe { (&mut *self.status.get(), &mut *self.contents.get()) };
            body(&mut Store {
                status,
                contents,
                colds: &self.state().colds,
            })
        })
    }

    /// Like [`Self::with`], but None if the object has finished, or has a body that is not a queue. What another thread adds is
    /// either added before the object's end, or fails.
    #[inline]
    pub fn with_queue<R>(&self, body: impl FnOnce(&mut Store<'_>) -> R) -> Option<R> {
        self.with(|store| {
            let takes_more = self.phase() != Phase::Finished && !store.status.activity.is_body();
            takes_more.then(|| body(store))
        })
    }

    /// Calls the function with the store, or returns the `RuntimeError` for an object with a body of its own, which keeps what
    /// it needs in its frame.
    #[inline]
    pub fn with_values<R>(&self, body: impl FnOnce(&mut Store<'_>) -> R) -> Result<R> {
        self.with(|store| (!store.status.activity.is_body()).then(|| body(store)))
            .ok_or_else(|| self.no_queue(HAS_BODY))
    }

    /// The `RuntimeError` for what [`Self::with_queue`] refused. `finished` is its text for a finished object.
    #[cold]
    pub fn no_queue(&self, finished: &CStr) -> Raised {
        Raised::new(
            Kind::RuntimeError,
            if self.phase() == Phase::Finished {
                finished
            } else {
                HAS_BODY
            },
        )
    }

    /// What this step does next. [`Next::Finish`] ends the object at once.
    #[inline]
    pub fn next(&self) -> Next {
        self.with(|store| {
            let next = store.next();
            if matches!(next, Next::Finish) {
                self.set_phase(Phase::Finished);
            }
            next
        })
    }

    /// Ends the object at once if it has nothing to do.
    #[inline]
    pub fn finish_if_done(&self) -> bool {
        self.with(|store| {
            let is_done = store.is_done();
            if is_done {
                self.set_phase(Phase::Finished);
            }
            is_done
        })
    }

    #[inline]
    pub fn phase(&self) -> Phase {
        Phase::from_byte(self.phase.load(Ordering::Acquire))
    }

    /// Fails with `RuntimeError` if it is already being awaited. A step of a generator goes on for whoever awaits it.
    #[inline]
    pub fn check_unawaited(&self) -> Result<()> {
        if self.phase() == Phase::Suspended && !self.with(|store| store.status.is_step()) {
            return Err(inner::awaited_already());
        }
        Ok(())
    }

    /// Ends a step: only the thread that runs it may.
    #[inline]
    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Begins a step if the state machine admits it. Of several threads, one gets in.
    #[inline]
    pub fn admit(&self, step: Step) -> Admission {
        loop {
            let before = self.phase();
            let admission = rules::admit(before, step);
            let after = match admission {
                Admission::Enter => Phase::Running,
                Admission::End => Phase::Finished,
                Admission::Ignore | Admission::Refuse(_) => return admission,
            };
            if !cfg!(Py_GIL_DISABLED) {
                self.set_phase(after);
                return admission;
            }
            let swapped = self.phase.compare_exchange(
                before as u8,
                after as u8,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            if swapped.is_ok() {
                return admission;
            }
        }
    }

    /// Whether it has weak references. Without a GIL, another thread may be dropping the last of them.
    #[inline]
    pub(super) fn has_weak_references(&self) -> bool {
        if cfg!(Py_GIL_DISABLED) {
            // SAFETY: a field of a live object, which CPython changes atomically, too.
            let list = unsafe { AtomicPtr::from_ptr(self.weak_references.as_ptr()) };
            return !list.load(Ordering::Acquire).is_null();
        }
        !self.weak_references.get().is_null()
    }

    /// Whether something is left to do before the object may be destroyed: a warning, clean-ups, or closing what is suspended.
    pub fn needs_finalizer(&self) -> bool {
        match self.phase() {
            Phase::Created => {
                self.with(|store| !store.status.is_quiet() || store.has_cleanups())
                    || self.has_finalizer()
            }
            Phase::Suspended => true,
            Phase::Running | Phase::Finished => false,
        }
    }
}
