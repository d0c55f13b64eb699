//! A queued await: the object, its callback and its error callback.

use crate::python::ffi::{self, PyObject};
use crate::python::reference::Owned;
use crate::store::body::Functions;
use core::ffi::{c_int, c_void};

/// Called with what an await evaluated to.
pub type Callback = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> c_int;
/// Called with the exception that ended an await.
pub type ErrorCallback = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> c_int;
/// Called when its turn in the queue comes.
pub type DeferredCallback = unsafe extern "C" fn(*mut PyObject) -> c_int;

/// One entry of a queue, in three words. It owns its object; code that takes it out of the queue releases that.
///
/// The kind of entry is encoded in the object's word, whose lowest two bits an address leaves free: 0 is a deferred callback, an
/// address an await, [`WITH`] added to one an `async with`, and [`FOR`] an `async for`.
#[derive(Clone, Copy)]
pub struct Entry {
    tagged: *mut PyObject,
    callback: Option<Callback>,
    error: Option<ErrorCallback>,
}

/// Marks an `async with`.
const WITH: usize = 1;
/// Marks an `async for`, whose fourth word is in an entry of its own, the next.
const FOR: usize = 2;

/// What an entry asks for. Objects are owned by the entry.
pub enum Task {
    /// `callback(await object)`.
    Await(*mut PyObject),
    /// A block over the object, which [`Entry::block`] tells more of.
    Block(*mut PyObject),
    /// `callback()`.
    Deferred(DeferredCallback),
}

/// Which block an entry begins.
pub enum Block {
    /// `async with object as value: callback(value)`.
    With,
    /// `async for item in object: callback(item)`, and then the deferred callback that is the next entry.
    For,
}

impl Entry {
    /// No entry; as a task, a deferred callback that is never called.
    pub const EMPTY: Self = Self {
        tagged: core::ptr::null_mut(),
        callback: None,
        error: None,
    };

    /// An await of `object`.
    pub fn to_await(
        object: Owned,
        callback: Option<Callback>,
        error: Option<ErrorCallback>,
    ) -> Self {
        Self {
            tagged: object.into_ptr(),
            callback,
            error,
        }
    }

    /// An `async with` over `context`.
    pub fn to_enter(
        context: Owned,
        callback: Option<Callback>,
        error: Option<ErrorCallback>,
    ) -> Self {
        Self {
            tagged: context.into_ptr().map_addr(|address| address | WITH),
            callback,
            error,
        }
    }

    /// An `async for` over `iterable`; [`Entry::to_end`] is to follow it.
    pub fn to_iterate(
        iterable: Owned,
        callback: Option<Callback>,
        error: Option<ErrorCallback>,
    ) -> Self {
        Self {
            tagged: iterable.into_ptr().map_addr(|address| address | FOR),
            callback,
            error,
        }
    }

    /// What an `async for` calls at its end.
    pub fn to_end(callback: Option<DeferredCallback>) -> Self {
        callback.map_or(Self::EMPTY, Self::to_defer)
    }

    /// A deferred callback.
    pub fn to_defer(callback: DeferredCallback) -> Self {
        Self {
            tagged: core::ptr::null_mut(),
            // SAFETY: one function pointer is as large as another; `task` converts it back before it is called.
            callback: Some(unsafe { core::mem::transmute::<DeferredCallback, Callback>(callback) }),
            error: None,
        }
    }

    /// Not an entry, but what drives the object instead.
    pub fn to_body(functions: *const Functions, frame: *mut c_void) -> Self {
        Self {
            tagged: core::ptr::null_mut(),
            // SAFETY: a pointer to a function is as large as any other; `body` converts both back, and they are never called.
            callback: unsafe {
                core::mem::transmute::<*const Functions, Option<Callback>>(functions)
            },
            // SAFETY: as above.
            error: unsafe { core::mem::transmute::<*mut c_void, Option<ErrorCallback>>(frame) },
        }
    }

    /// What [`Entry::to_body`] was made of.
    #[inline]
    pub fn body(&self) -> (*const Functions, *mut c_void) {
        // SAFETY: as in `to_body`.
        unsafe {
            (
                core::mem::transmute::<Option<Callback>, *const Functions>(self.callback),
                core::mem::transmute::<Option<ErrorCallback>, *mut c_void>(self.error),
            )
        }
    }

    /// What the entry asks for; None for [`Entry::EMPTY`].
    #[inline]
    pub fn task(&self) -> Option<Task> {
        if !self.tagged.is_null() {
            let object = self.object();
            return Some(if self.tagged == object {
                Task::Await(object)
            } else {
                Task::Block(object)
            });
        }
        self.deferred().map(Task::Deferred)
    }

    /// A block whose object has been taken out: only that, and its callbacks.
    #[inline]
    pub fn begun(self) -> Self {
        Self {
            tagged: self.tagged.map_addr(|address| address & (WITH | FOR)),
            ..self
        }
    }

    /// Which block it is; None after [`Entry::without_callbacks`].
    pub fn block(&self) -> Option<Block> {
        match self.tagged.addr() & (WITH | FOR) {
            WITH => Some(Block::With),
            FOR => Some(Block::For),
            _ => None,
        }
    }

    /// The deferred callback of an entry without an object.
    #[inline]
    pub fn deferred(&self) -> Option<DeferredCallback> {
        self.callback.map(|callback| {
            // SAFETY: such an entry was made by `to_defer`, from a pointer of this type.
            unsafe { core::mem::transmute::<Callback, DeferredCallback>(callback) }
        })
    }

    /// The object, borrowed from the entry; NULL for a deferred callback.
    #[inline]
    pub fn object(&self) -> *mut PyObject {
        self.tagged.map_addr(|address| address & !(WITH | FOR))
    }

    #[inline]
    pub fn callback(&self) -> Option<Callback> {
        self.callback
    }

    #[inline]
    pub fn error(&self) -> Option<ErrorCallback> {
        self.error
    }

    /// The same callbacks for another object; the caller gets the old one's reference.
    #[inline]
    pub fn with_object(self, object: Option<Owned>) -> Self {
        Self {
            tagged: object.map_or(core::ptr::null_mut(), Owned::into_ptr),
            ..self
        }
    }

    /// The same object without callbacks, and no block.
    #[inline]
    pub fn without_callbacks(self) -> Self {
        Self {
            tagged: self.object(),
            callback: None,
            error: None,
        }
    }

    /// Releases the object. May run any Python code.
    ///
    /// # Safety
    /// The entry has been removed from its place, and this is its last use.
    pub unsafe fn release(self) {
        // SAFETY: the entry owned a reference, given up here.
        unsafe { ffi::Py_XDECREF(self.object()) }
    }
}
