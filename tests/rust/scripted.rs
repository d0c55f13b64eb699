//! A body in the place of the queue, for tests/test_bodies.py: a Python generator, the script, says what is to be done.
//!
//! It yields `("await", object, handled)` or `("yield", value, handled)`, `handled` being the exception that it handles or
//! None, and is sent what came of it; what it returns or raises is what the awaitable returns or raises.

#![allow(
    clippy::missing_safety_doc,
    reason = "CPython and the library call these"
)]

use pyawaitable::rust::raw::{Body, Functions, new, set_maker};
use pyawaitable::rust::{Action, Borrowed, Definition, Event, Maker, Owned, Raised, Thread};
use pyo3_ffi::*;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

static RELEASED: AtomicUsize = AtomicUsize::new(0);

struct Frame {
    script: *mut PyObject,
    handled: *mut PyObject,
}

static SCRIPT: Functions = Functions {
    resume,
    handled,
    visit,
    bytes,
    release,
    free,
};

/// # Safety
/// As the library calls it.
unsafe fn resume(_: Thread, _: *mut PyObject, frame: *mut c_void, event: Event) -> Action {
    // SAFETY: the frame is the one that `scripted` has made; the thread is attached.
    unsafe {
        let frame = frame.cast::<Frame>();
        let before = std::mem::replace(&mut (*frame).handled, null_mut());
        Py_XDECREF(before);
        let command = match event {
            Event::Start => call((*frame).script, c"send", Py_None()),
            Event::Sent(value) | Event::Returned(value) => {
                call((*frame).script, c"send", value.as_ptr())
            }
            Event::Raised(_) => {
                let exception = take();
                let command = call((*frame).script, c"throw", exception);
                Py_DECREF(exception);
                command
            }
        };
        if command.is_null() {
            return end();
        }
        let action = obey(frame, command);
        Py_DECREF(command);
        action
    }
}

unsafe fn call(
    object: *mut PyObject,
    method: &std::ffi::CStr,
    argument: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the callers pass live objects.
    unsafe { PyObject_CallMethod(object, method.as_ptr(), c"(O)".as_ptr(), argument) }
}

/// The exception that is set, whole, and no longer set.
unsafe fn take() -> *mut PyObject {
    // SAFETY: the references that come back are given on or released.
    #[allow(deprecated)]
    unsafe {
        let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
        PyErr_Fetch(&mut kind, &mut value, &mut traceback);
        PyErr_NormalizeException(&mut kind, &mut value, &mut traceback);
        if !traceback.is_null() {
            PyException_SetTraceback(value, traceback);
        }
        Py_XDECREF(kind);
        Py_XDECREF(traceback);
        value
    }
}

/// The script has ended: with what it has returned, or with the exception that is set.
unsafe fn end() -> Action {
    // SAFETY: an exception is set.
    unsafe {
        if PyErr_ExceptionMatches(PyExc_StopIteration) == 0 {
            return Action::Raise(Raised::pending());
        }
        let stop = take();
        let value = PyObject_GetAttrString(stop, c"value".as_ptr());
        Py_DECREF(stop);
        match Owned::new(value) {
            Ok(value) => Action::Return(value),
            Err(raised) => Action::Raise(raised),
        }
    }
}

unsafe fn obey(frame: *mut Frame, command: *mut PyObject) -> Action {
    // SAFETY: a live object; what is taken from it is owned before it goes.
    unsafe {
        let (mut kind, mut object, mut handled) = (
            null_mut::<PyObject>(),
            null_mut::<PyObject>(),
            null_mut::<PyObject>(),
        );
        if PyArg_ParseTuple(
            command,
            c"UOO".as_ptr(),
            &raw mut kind,
            &raw mut object,
            &raw mut handled,
        ) == 0
        {
            return Action::Raise(Raised::pending());
        }
        if handled != Py_None() {
            Py_INCREF(handled);
            (*frame).handled = handled;
        }
        if PyUnicode_CompareWithASCIIString(kind, c"await".as_ptr()) == 0 {
            Action::Await(Owned::share(object))
        } else {
            Action::Yield(Owned::share(object))
        }
    }
}

unsafe fn handled(frame: *mut c_void) -> *mut PyObject {
    // SAFETY: the frame is ours.
    unsafe { (*frame.cast::<Frame>()).handled }
}

unsafe fn visit(frame: *mut c_void, visit: &mut dyn FnMut(*mut PyObject) -> c_int) -> c_int {
    // SAFETY: the frame is ours.
    let Frame { script, handled } = unsafe { &*frame.cast::<Frame>() };
    for object in [*script, *handled] {
        let code = if object.is_null() { 0 } else { visit(object) };
        if code != 0 {
            return code;
        }
    }
    0
}

unsafe fn release(_: *mut PyObject, frame: *mut c_void) {
    RELEASED.fetch_add(1, Ordering::Relaxed);
    // SAFETY: made by `scripted`, and released once.
    unsafe {
        let frame = Box::from_raw(frame.cast::<Frame>());
        Py_DECREF(frame.script);
        Py_XDECREF(frame.handled);
    }
}

unsafe fn bytes(_: *mut c_void) -> usize {
    size_of::<Frame>()
}

/// The frame is gone already.
unsafe fn free(_: *mut PyObject, _: *mut c_void) {}

static KETTLE: Definition = Definition {
    name: c"pour",
    qualified_name: c"Kettle.pour",
};

/// A maker as the tests give it: None for nobody, a str for the one definition, anything else is a function.
unsafe fn maker(given: *mut PyObject) -> Maker {
    // SAFETY: a live object.
    unsafe {
        if given == Py_None() {
            Maker::NOBODY
        } else if PyUnicode_Check(given) != 0 {
            Maker::definition(&KETTLE)
        } else {
            Maker::function(Owned::share(given))
        }
    }
}

/// `scripted(generator, maker=None)`.
unsafe extern "C" fn scripted(_: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    let mut script = null_mut::<PyObject>();
    // SAFETY: None lives as long as the interpreter.
    let mut given = unsafe { Py_None() };
    // SAFETY: a tuple, and as many places as the format has.
    let parsed =
        unsafe { PyArg_ParseTuple(arguments, c"O|O".as_ptr(), &raw mut script, &raw mut given) };
    if parsed == 0 {
        return null_mut();
    }
    // SAFETY: live objects.
    let maker = unsafe {
        Py_INCREF(script);
        maker(given)
    };
    let frame: *mut c_void = Box::into_raw(Box::new(Frame {
        script,
        handled: null_mut(),
    }))
    .cast();
    let body = Body {
        functions: &SCRIPT,
        frame,
    };
    // SAFETY: CPython has called this, and the functions are for such a frame.
    let made = unsafe { new(body, maker) };
    match made {
        Ok(awaitable) => awaitable.into_ptr(),
        Err(_) => {
            // SAFETY: nobody has it.
            unsafe { release(null_mut(), frame) };
            null_mut()
        }
    }
}

/// `queued()`: an awaitable with a queue, whose one callback fails without an exception.
unsafe extern "C" fn queued(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    unsafe extern "C" fn fails(_: *mut PyObject) -> c_int {
        -1
    }
    // SAFETY: a new reference, or NULL with an exception set.
    unsafe {
        let awaitable = pyawaitable::capi::PyAwaitable_New();
        if !awaitable.is_null()
            && pyawaitable::capi::PyAwaitable_DeferAwait(awaitable, Some(fails)) < 0
        {
            Py_DECREF(awaitable);
            return null_mut();
        }
        awaitable
    }
}

/// `name(awaitable, maker)`: whether it is an awaitable, which is named after its maker then.
unsafe extern "C" fn name(
    _: *mut PyObject,
    arguments: *mut *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    assert_eq!(count, 2);
    // SAFETY: two live objects.
    unsafe {
        let object = Borrowed::new(*arguments);
        let is_named = set_maker(object, maker(*arguments.add(1)));
        PyBool_FromLong(is_named.into())
    }
}

/// `released()`: how many frames have been.
unsafe extern "C" fn released(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: the thread is attached.
    unsafe { PyLong_FromSize_t(RELEASED.load(Ordering::Relaxed)) }
}

/// `refuses(awaitable, other)`: calls each function that is for a queue; the names of the exceptions.
unsafe extern "C" fn refuses(_: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    use pyawaitable::capi::*;
    unsafe extern "C" fn deferred(_: *mut PyObject) -> c_int {
        0
    }
    // SAFETY: live objects; each exception is taken before the next call.
    unsafe {
        let (mut awaitable, mut other) = (null_mut::<PyObject>(), null_mut::<PyObject>());
        if PyArg_ParseTuple(
            arguments,
            c"OO".as_ptr(),
            &raw mut awaitable,
            &raw mut other,
        ) == 0
        {
            return null_mut();
        }
        let names = PyList_New(0);
        let note = |status: c_int| {
            let exception = if status < 0 { take() } else { null_mut() };
            let name = if exception.is_null() {
                PyUnicode_FromString(c"none".as_ptr())
            } else {
                PyObject_GetAttrString(Py_TYPE(exception).cast(), c"__name__".as_ptr())
            };
            PyList_Append(names, name);
            Py_XDECREF(name);
            Py_XDECREF(exception);
        };
        note(PyAwaitable_AddAwait(awaitable, names, None, None));
        note(PyAwaitable_AddAwait(awaitable, other, None, None));
        note(PyAwaitable_DeferAwait(awaitable, Some(deferred)));
        note(PyAwaitable_SetResult(awaitable, other));
        names
    }
}

/// `cancel(awaitable)`.
unsafe extern "C" fn cancel(_: *mut PyObject, awaitable: *mut PyObject) -> *mut PyObject {
    // SAFETY: a live object.
    unsafe {
        pyawaitable::capi::PyAwaitable_Cancel(awaitable);
        if PyErr_Occurred().is_null() {
            Py_INCREF(Py_None());
            return Py_None();
        }
    }
    null_mut()
}

const fn method(name: &'static std::ffi::CStr, function: PyCFunction, flags: c_int) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer {
            PyCFunction: function,
        },
        ml_flags: flags,
        ml_doc: std::ptr::null(),
    }
}

// CPython's tables are written at load time and never again.
static mut METHODS: [PyMethodDef; 7] = [
    method(c"scripted", scripted, METH_VARARGS),
    method(c"queued", queued, METH_NOARGS),
    PyMethodDef {
        ml_name: c"name".as_ptr(),
        ml_meth: PyMethodDefPointer {
            PyCFunctionFast: name,
        },
        ml_flags: METH_FASTCALL,
        ml_doc: std::ptr::null(),
    },
    method(c"released", released, METH_NOARGS),
    method(c"refuses", refuses, METH_VARARGS),
    method(c"cancel", cancel, METH_O),
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
    m_name: c"scripted".as_ptr(),
    m_doc: std::ptr::null(),
    m_size: 0,
    m_methods: (&raw mut METHODS).cast(),
    m_slots: (&raw mut SLOTS).cast(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

/// What `import scripted` calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit_scripted() -> *mut PyObject {
    // SAFETY: CPython calls this, and knows the definition by its address.
    unsafe { PyModuleDef_Init(&raw mut MODULE) }
}
