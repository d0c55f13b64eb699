//! The type as Python sees it: methods and attributes that are not steps.

use crate::base::rules::Phase;
use crate::engine::finalize;
use crate::object::awaitable::{self, Awaitable};
use crate::object::lifetime;
use crate::object::state::Definitions;
use crate::python::ffi::{self, PyObject};
use crate::python::name::Name;
use crate::python::raised::{Kind, Raised, Result, status, to_c};
use crate::python::reference::{Borrowed, Owned};
use crate::python::type_spec::{self, Shared, method, slot};
use crate::types::iterator;
use crate::types::slots;
use core::ffi::{CStr, c_int, c_void};
use core::ptr::null_mut;

/// What a new interpreter's state is made from.
pub const DEFINITIONS: Definitions = Definitions {
    awaitable: definition,
    iterator: iterator::definition,
};

const DOC: &CStr = c"An awaitable made in C: what an async function of an extension module returns.\n\
\n\
Awaits one after another what C code has queued, calls back with each value, and returns the result that C code has set.\n\
It behaves as a coroutine, and cannot be made from Python.";

/// # Safety
/// CPython calls these functions on our objects.
#[inline]
unsafe fn this<'a>(object: *mut PyObject) -> &'a Awaitable {
    // SAFETY: the caller's promise.
    unsafe { &*object.cast::<Awaitable>() }
}

unsafe extern "C" fn repr(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this slot on our objects; the format has a name and a pointer.
    unsafe {
        let name = this(object).name_for_text();
        let (name, text) = name.for_format();
        ffi::PyUnicode_FromFormat(
            c"<PyAwaitable object %V at %p>".as_ptr(),
            name,
            text,
            object,
        )
    }
}

/// Which of the two names a getter or setter is for.
pub(super) const PLAIN: *mut c_void = null_mut();
pub(super) const QUALIFIED: *mut c_void = (&raw const QUALIFIED_MARK).cast_mut().cast();
static QUALIFIED_MARK: u8 = 0;

pub(super) unsafe extern "C" fn get_name(
    object: *mut PyObject,
    which: *mut c_void,
) -> *mut PyObject {
    // SAFETY: CPython calls this getter on our objects.
    let name = unsafe { this(object) }.name(!which.is_null());
    to_c(name.and_then(Name::into_str).map(Owned::into_ptr))
}

pub(super) unsafe extern "C" fn set_name(
    object: *mut PyObject,
    value: *mut PyObject,
    which: *mut c_void,
) -> c_int {
    // SAFETY: CPython calls this setter on our objects, with a live value or NULL to delete.
    let (awaitable, valid) = unsafe {
        (
            this(object),
            !value.is_null() && ffi::PyUnicode_Check(value) != 0,
        )
    };
    let qualified = !which.is_null();
    if !valid {
        return status(Err(Raised::new(
            Kind::TypeError,
            if qualified {
                c"__qualname__ must be set to a string object"
            } else {
                c"__name__ must be set to a string object"
            },
        )));
    }
    // SAFETY: live, as above.
    let value = unsafe { Owned::share(value) };
    match awaitable.with(|store| store.set_name(qualified, value)) {
        Ok(replaced) => {
            drop(replaced);
            0
        }
        Err(name) => {
            drop(name);
            status(Err(Raised::no_memory()))
        }
    }
}

pub(super) unsafe extern "C" fn get_await(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: CPython calls this getter on our objects.
    let awaitable = unsafe { this(object) };
    if awaitable.phase() != Phase::Suspended {
        return Owned::none().into_ptr();
    }
    awaitable
        .with(|store| store.driven().map(Borrowed::to_owned))
        .unwrap_or_else(Owned::none)
        .into_ptr()
}

pub(super) fn truth(value: bool) -> *mut PyObject {
    // SAFETY: creates a reference to True or False.
    unsafe { ffi::PyBool_FromLong(value.into()) }
}

unsafe extern "C" fn get_running(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: CPython calls this getter on our objects.
    truth(unsafe { this(object) }.phase() == Phase::Running)
}

pub(super) unsafe extern "C" fn get_suspended(
    object: *mut PyObject,
    _: *mut c_void,
) -> *mut PyObject {
    // SAFETY: CPython calls this getter on our objects.
    truth(unsafe { this(object) }.phase() == Phase::Suspended)
}

unsafe extern "C" fn get_state(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: CPython calls this getter on our objects.
    let state = match unsafe { this(object) }.phase() {
        Phase::Created => c"CORO_CREATED",
        Phase::Running => c"CORO_RUNNING",
        Phase::Suspended => c"CORO_SUSPENDED",
        Phase::Finished => c"CORO_CLOSED",
    };
    // SAFETY: a C string.
    unsafe { ffi::PyUnicode_InternFromString(state.as_ptr()) }
}

unsafe extern "C" fn get_origin(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: CPython calls this getter on our objects.
    unsafe { this(object) }
        .origin()
        .unwrap_or_else(Owned::none)
        .into_ptr()
}

pub(super) unsafe extern "C" fn get_none(_: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    Owned::none().into_ptr()
}

/// On the type, not the instance: `PyAwaitable[int]`.
pub(super) unsafe extern "C" fn class_getitem(
    r#type: *mut PyObject,
    item: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls this class method with two live objects.
    unsafe { ffi::Py_GenericAlias(r#type, item) }
}

pub(super) unsafe extern "C" fn sizeof(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our objects.
    unsafe {
        let held = this(object).with(|store| store.bytes());
        ffi::PyLong_FromSize_t(size_of::<Awaitable>() + held)
    }
}

/// Copying and pickling end up here.
pub(super) unsafe extern "C" fn reduce(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our objects.
    let object = unsafe { Borrowed::new(object) };
    let refused: Result<*mut PyObject> = Err(Raised::for_type_of(
        c"cannot pickle '%.100s' object",
        object,
    ));
    to_c(refused)
}

static METHODS: Shared<[ffi::PyMethodDef; 9]> = Shared::new([
    slots::SEND,
    slots::THROW,
    slots::CLOSE,
    method(
        c"__await__",
        ffi::PyMethodDefPointer {
            PyCFunction: iterator::method_await,
        },
        // Instead of the slot's own wrapper, which would return the awaitable itself.
        ffi::METH_NOARGS | ffi::METH_COEXIST,
        c"Return an iterator to be used in await expression.",
    ),
    method(
        c"__class_getitem__",
        ffi::PyMethodDefPointer {
            PyCFunction: class_getitem,
        },
        ffi::METH_O | ffi::METH_CLASS,
        c"PyAwaitable[T]: an awaitable whose result is a T.",
    ),
    method(
        c"__sizeof__",
        ffi::PyMethodDefPointer {
            PyCFunction: sizeof,
        },
        ffi::METH_NOARGS,
        c"Size in memory, in bytes, with the queue and the saved values.",
    ),
    method(
        c"__reduce__",
        ffi::PyMethodDefPointer {
            PyCFunction: reduce,
        },
        ffi::METH_NOARGS,
        c"Raise TypeError: an awaitable cannot be copied or pickled.",
    ),
    method(
        c"__reduce_ex__",
        ffi::PyMethodDefPointer {
            PyCFunction: reduce,
        },
        ffi::METH_O,
        c"Raise TypeError: an awaitable cannot be copied or pickled.",
    ),
    ffi::PyMethodDef::zeroed(),
]);

pub(super) const fn attribute(
    name: &'static CStr,
    get: ffi::getter,
    set: Option<ffi::setter>,
    closure: *mut c_void,
    doc: &'static CStr,
) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set,
        doc: doc.as_ptr(),
        closure,
    }
}

static ATTRIBUTES: Shared<[ffi::PyGetSetDef; 10]> = Shared::new([
    attribute(
        c"__name__",
        get_name,
        Some(set_name),
        PLAIN,
        c"name of the awaitable",
    ),
    attribute(
        c"__qualname__",
        get_name,
        Some(set_name),
        QUALIFIED,
        c"qualified name of the awaitable",
    ),
    attribute(
        c"cr_await",
        get_await,
        None,
        null_mut(),
        c"object being awaited on, or None",
    ),
    attribute(
        c"cr_running",
        get_running,
        None,
        null_mut(),
        c"whether a step is under way",
    ),
    attribute(
        c"cr_suspended",
        get_suspended,
        None,
        null_mut(),
        c"whether it is between two steps",
    ),
    attribute(
        c"cr_state",
        get_state,
        None,
        null_mut(),
        c"state of the awaitable",
    ),
    attribute(
        c"cr_origin",
        get_origin,
        None,
        null_mut(),
        c"where it was created, or None: sys.set_coroutine_origin_tracking_depth()",
    ),
    attribute(
        c"cr_frame",
        get_none,
        None,
        null_mut(),
        c"None: there is no Python frame",
    ),
    attribute(
        c"cr_code",
        get_none,
        None,
        null_mut(),
        c"None: there is no Python code",
    ),
    ffi::PyGetSetDef {
        name: core::ptr::null(),
        get: None,
        set: None,
        doc: core::ptr::null(),
        closure: null_mut(),
    },
]);

pub(super) static MEMBERS: Shared<[ffi::PyMemberDef; 2]> = Shared::new([
    ffi::PyMemberDef {
        name: c"__weaklistoffset__".as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: awaitable::WEAK_REFERENCES as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: core::ptr::null(),
    },
    ffi::PyMemberDef {
        name: core::ptr::null(),
        type_code: 0,
        offset: 0,
        flags: 0,
        doc: core::ptr::null(),
    },
]);

/// A new awaitable type.
fn definition() -> Result<Owned> {
    let mut slots = [
        slot(ffi::Py_tp_doc, DOC.as_ptr().cast_mut().cast()),
        slot(ffi::Py_tp_dealloc, lifetime::dealloc as *mut c_void),
        slot(ffi::Py_tp_traverse, lifetime::traverse as *mut c_void),
        slot(ffi::Py_tp_clear, lifetime::clear as *mut c_void),
        slot(ffi::Py_tp_finalize, finalize::finalize as *mut c_void),
        slot(ffi::Py_tp_repr, repr as *mut c_void),
        slot(ffi::Py_tp_iternext, slots::iternext as *mut c_void),
        slot(ffi::Py_am_await, slots::am_await as *mut c_void),
        #[cfg(Py_3_10)]
        slot(ffi::Py_am_send, slots::am_send as *mut c_void),
        slot(ffi::Py_tp_methods, METHODS.get().cast()),
        slot(ffi::Py_tp_getset, ATTRIBUTES.get().cast()),
        slot(ffi::Py_tp_members, MEMBERS.get().cast()),
        #[cfg(not(Py_3_10))]
        slot(ffi::Py_tp_new, type_spec::not_instantiable as *mut c_void),
        slot(0, null_mut()),
    ];
    type_spec::new_type(
        c"pyawaitable.PyAwaitable",
        size_of::<Awaitable>(),
        &mut slots,
    )
}
