//! The type of asynchronous generators.

#[cfg(Py_3_15)]
use crate::base::rules::Phase;
use crate::body::function;
use crate::engine::generator::{self, Kind};
use crate::object::generator::{self as object, Generator};
use crate::object::lifetime;
use crate::object::state::State;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Result, to_c};
use crate::python::reference::{Borrowed, Owned};
use crate::python::type_spec::{self, Shared, method, slot};
use crate::types::awaitable_type::{self as awaitable, attribute, truth};
use core::ffi::{CStr, c_char, c_void};
use core::ptr::null_mut;

const DOC: &CStr = c"An asynchronous generator made in C.\n\
\n\
It behaves as one that an async def with a yield makes, and cannot be made from Python.";

/// # Safety
/// CPython calls these functions on our generators.
#[inline]
unsafe fn this<'a>(object: *mut PyObject) -> &'a Generator {
    // SAFETY: the caller's promise.
    unsafe { &*object.cast::<Generator>() }
}

unsafe extern "C" fn repr(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this slot on our generators; the format has a name and a pointer.
    unsafe {
        let name = this(object).driven().name_for_text();
        let (name, text) = name.for_format();
        ffi::PyUnicode_FromFormat(
            c"<PyAwaitable_async_generator object %V at %p>".as_ptr(),
            name,
            text,
            object,
        )
    }
}

/// `am_anext`.
unsafe extern "C" fn next(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this slot on our generators.
    let step = generator::new_step(unsafe { this(object) }, Kind::Send, None);
    to_c(step.map(Owned::into_ptr))
}

unsafe extern "C" fn send(object: *mut PyObject, value: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our generators, with a live argument.
    let step = unsafe { generator::new_step(this(object), Kind::Send, Some(Owned::share(value))) };
    to_c(step.map(Owned::into_ptr))
}

unsafe extern "C" fn throw(object: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our generators, with a tuple.
    unsafe {
        if cfg!(Py_3_12) && ffi::PyTuple_GET_SIZE(arguments) > 1 {
            let text = c"the (type, exc, tb) signature of athrow() is deprecated, use the single-arg signature instead.";
            if ffi::PyErr_WarnEx(ffi::PyExc_DeprecationWarning, text.as_ptr(), 1) < 0 {
                return null_mut();
            }
        }
        let arguments = Owned::share(arguments);
        if cfg!(Py_3_15) && generator::check_arguments(&arguments).is_err() {
            return null_mut();
        }
        let step = generator::new_step(this(object), Kind::Throw, Some(arguments));
        to_c(step.map(Owned::into_ptr))
    }
}

unsafe extern "C" fn close(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls this method on our generators.
    let step = generator::new_step(unsafe { this(object) }, Kind::Close, None);
    to_c(step.map(Owned::into_ptr))
}

unsafe extern "C" fn get_running(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: CPython calls this getter on our generators.
    truth(unsafe { this(object) }.is_stepping())
}

/// A code object with the name and the file of the C function, for who names a generator by these.
unsafe extern "C" fn get_code(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: CPython calls this getter on our generators.
    let definition = function::definition_of(unsafe { this(object) }.driven());
    let or = |text: *const c_char| {
        if text.is_null() { c"?".as_ptr() } else { text }
    };
    let (file, name) = definition.map_or((c"?".as_ptr(), c"?".as_ptr()), |definition| {
        (or(definition.file), or(definition.name))
    });
    // SAFETY: C strings.
    unsafe { ffi::PyCode_NewEmpty(file, name, 1).cast() }
}

#[cfg(Py_3_15)]
unsafe extern "C" fn get_state(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: CPython calls this getter on our generators.
    let state = match unsafe { this(object) }.driven().phase() {
        Phase::Created => c"AGEN_CREATED",
        Phase::Running => c"AGEN_RUNNING",
        Phase::Suspended => c"AGEN_SUSPENDED",
        Phase::Finished => c"AGEN_CLOSED",
    };
    // SAFETY: a C string.
    unsafe { ffi::PyUnicode_InternFromString(state.as_ptr()) }
}

static METHODS: Shared<[ffi::PyMethodDef; 8]> = Shared::new([
    method(
        c"asend",
        ffi::PyMethodDefPointer { PyCFunction: send },
        ffi::METH_O,
        c"asend(v) -> send 'v' in generator.",
    ),
    method(
        c"athrow",
        ffi::PyMethodDefPointer { PyCFunction: throw },
        ffi::METH_VARARGS,
        c"athrow(value) -> raise exception in generator.",
    ),
    method(
        c"aclose",
        ffi::PyMethodDefPointer { PyCFunction: close },
        ffi::METH_NOARGS,
        c"aclose() -> raise GeneratorExit inside generator.",
    ),
    method(
        c"__class_getitem__",
        ffi::PyMethodDefPointer {
            PyCFunction: awaitable::class_getitem,
        },
        ffi::METH_O | ffi::METH_CLASS,
        c"PyAwaitable_async_generator[T, S]: a generator of items T that takes an S.",
    ),
    method(
        c"__sizeof__",
        ffi::PyMethodDefPointer {
            PyCFunction: awaitable::sizeof,
        },
        ffi::METH_NOARGS,
        c"Size in memory, in bytes, with the frame.",
    ),
    method(
        c"__reduce__",
        ffi::PyMethodDefPointer {
            PyCFunction: awaitable::reduce,
        },
        ffi::METH_NOARGS,
        c"Raise TypeError: a generator cannot be copied or pickled.",
    ),
    method(
        c"__reduce_ex__",
        ffi::PyMethodDefPointer {
            PyCFunction: awaitable::reduce,
        },
        ffi::METH_O,
        c"Raise TypeError: a generator cannot be copied or pickled.",
    ),
    ffi::PyMethodDef::zeroed(),
]);

const END: ffi::PyGetSetDef = ffi::PyGetSetDef {
    name: core::ptr::null(),
    get: None,
    set: None,
    doc: core::ptr::null(),
    closure: null_mut(),
};

static ATTRIBUTES: Shared<[ffi::PyGetSetDef; 9]> = Shared::new([
    attribute(
        c"__name__",
        awaitable::get_name,
        Some(awaitable::set_name),
        awaitable::PLAIN,
        c"name of the async generator",
    ),
    attribute(
        c"__qualname__",
        awaitable::get_name,
        Some(awaitable::set_name),
        awaitable::QUALIFIED,
        c"qualified name of the async generator",
    ),
    attribute(
        c"ag_await",
        awaitable::get_await,
        None,
        null_mut(),
        c"object being awaited on, or None",
    ),
    attribute(
        c"ag_running",
        get_running,
        None,
        null_mut(),
        c"whether an item is being waited for",
    ),
    attribute(
        c"ag_frame",
        awaitable::get_none,
        None,
        null_mut(),
        c"None: there is no Python frame",
    ),
    attribute(
        c"ag_code",
        get_code,
        None,
        null_mut(),
        c"the name and the file of the C function",
    ),
    #[cfg(Py_3_12)]
    attribute(
        c"ag_suspended",
        awaitable::get_suspended,
        None,
        null_mut(),
        c"whether it is between two steps",
    ),
    #[cfg(Py_3_15)]
    attribute(
        c"ag_state",
        get_state,
        None,
        null_mut(),
        c"state of the async generator",
    ),
    END,
    #[cfg(not(Py_3_12))]
    END,
    #[cfg(not(Py_3_15))]
    END,
]);

/// The type of an interpreter's generators, made when it is first needed.
pub fn generator_type(state: &State) -> Result<Borrowed<'_>> {
    match state.generator_type.get() {
        Some(made) => Ok(made),
        None => Ok(state.generator_type.keep(definition(state)?)),
    }
}

#[cold]
fn definition(state: &State) -> Result<Owned> {
    let mut slots = [
        slot(ffi::Py_tp_doc, DOC.as_ptr().cast_mut().cast()),
        slot(ffi::Py_tp_dealloc, object::dealloc as *mut c_void),
        slot(ffi::Py_tp_traverse, lifetime::traverse as *mut c_void),
        slot(ffi::Py_tp_clear, lifetime::clear as *mut c_void),
        slot(ffi::Py_tp_finalize, generator::finalize as *mut c_void),
        slot(ffi::Py_tp_repr, repr as *mut c_void),
        slot(ffi::Py_am_aiter, ffi::PyObject_SelfIter as *mut c_void),
        slot(ffi::Py_am_anext, next as *mut c_void),
        slot(ffi::Py_tp_methods, METHODS.get().cast()),
        slot(ffi::Py_tp_getset, ATTRIBUTES.get().cast()),
        slot(ffi::Py_tp_members, awaitable::MEMBERS.get().cast()),
        #[cfg(not(Py_3_10))]
        slot(ffi::Py_tp_new, type_spec::not_instantiable as *mut c_void),
        slot(0, null_mut()),
    ];
    let made = type_spec::new_type(
        c"pyawaitable.PyAwaitable_async_generator",
        size_of::<Generator>(),
        &mut slots,
    )?;
    // SAFETY: made above.
    unsafe { state.adopt(&made) };
    Ok(made)
}
