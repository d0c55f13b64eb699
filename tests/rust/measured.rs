//! A body in Rust: `measured(awaitable)` awaits it, and returns how long the repr of its result is.

use pyawaitable::rust::{Action, Body, Borrowed, Definition, Event, Maker, Owned, new_awaitable};
use pyo3_ffi::*;
use std::cell::Cell;
use std::ffi::c_int;
use std::pin::Pin;
use std::ptr::null_mut;

/// What `measured(awaitable)` returns is driven by this.
struct Measured {
    /// What is to be awaited.
    awaited: Cell<*mut PyObject>,
}

// SAFETY: the reference is used and released in threads that are attached.
unsafe impl Send for Measured {}

impl Body for Measured {
    fn resume(self: Pin<&Self>, _: Borrowed<'_>, event: Event) -> Action {
        match event {
            // SAFETY: what was a reference of this body is one of the action, and dropped with that.
            Event::Start => match unsafe { Owned::new(self.awaited.replace(null_mut())) } {
                Ok(awaited) => Action::Await(awaited),
                Err(raised) => Action::Raise(raised),
            },
            // SAFETY: live objects; new references, or NULL with an exception set.
            Event::Returned(result) | Event::Sent(result) => unsafe {
                let made = Owned::new(PyObject_Repr(result.as_ptr())).and_then(|text| {
                    Owned::new(PyLong_FromSsize_t(PyUnicode_GetLength(text.as_ptr())))
                });
                match made {
                    Ok(length) => Action::Return(length),
                    Err(raised) => Action::Raise(raised),
                }
            },
            Event::Raised(raised) => Action::Raise(raised),
        }
    }

    fn visit(&self, visit: &mut dyn FnMut(Borrowed<'_>) -> c_int) -> c_int {
        // SAFETY: live, for as long as there is the reference.
        unsafe { Borrowed::optional(self.awaited.get()) }.map_or(0, visit)
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        // SAFETY: a reference that nobody has taken, or NULL.
        unsafe { Py_XDECREF(self.awaited.get()) }
    }
}

static NAMES: Definition = Definition {
    name: c"measured",
    qualified_name: c"measured",
};

/// # Safety
/// CPython calls this, with a live object.
unsafe extern "C" fn measured(_: *mut PyObject, awaitable: *mut PyObject) -> *mut PyObject {
    // SAFETY: attached; and a reference is made before it is kept.
    unsafe {
        Py_INCREF(awaitable);
        let body = Measured {
            awaited: Cell::new(awaitable),
        };
        match new_awaitable(body, Maker::definition(&NAMES)) {
            Ok(made) => made.into_ptr(),
            Err(_) => null_mut(),
        }
    }
}

static mut METHODS: [PyMethodDef; 2] = [
    PyMethodDef {
        ml_name: c"measured".as_ptr(),
        ml_meth: PyMethodDefPointer {
            PyCFunction: measured,
        },
        ml_flags: METH_O,
        ml_doc: std::ptr::null(),
    },
    PyMethodDef::zeroed(),
];

static mut SLOTS: [PyModuleDef_Slot; 2] = [
    #[cfg(Py_3_13)]
    PyModuleDef_Slot {
        slot: Py_mod_gil,
        value: Py_MOD_GIL_NOT_USED,
    },
    PyModuleDef_Slot {
        slot: 0,
        value: null_mut(),
    },
    #[cfg(not(Py_3_13))]
    PyModuleDef_Slot {
        slot: 0,
        value: null_mut(),
    },
];

static mut MODULE: PyModuleDef = PyModuleDef {
    m_base: PyModuleDef_HEAD_INIT,
    m_name: c"measured".as_ptr(),
    m_doc: std::ptr::null(),
    m_size: 0,
    m_methods: (&raw mut METHODS).cast(),
    m_slots: (&raw mut SLOTS).cast(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

/// What `import measured` calls.
///
/// # Safety
/// CPython calls this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit_measured() -> *mut PyObject {
    // SAFETY: CPython calls this, and knows the definition by its address.
    unsafe { PyModuleDef_Init(&raw mut MODULE) }
}
