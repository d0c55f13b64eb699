//! A call of a coroutine function that goes straight to C.
//!
//! The interpreter may call a function by its vectorcall, or run its code, whichever it likes: both have to do the same. So this
//! way is for calls alone whose arguments the code would hand on as they are. Up to 3.10 it is also what keeps the interpreter
//! from making a coroutine of its own, which the flag tells it to: there the code runs in a function without the flag.

use crate::python::ffi::{self, PyFunctionObject, PyObject};
use crate::python::raised::{Raised, to_c};
use crate::python::reference::{Borrowed, Owned};
use crate::types::target::{self, Target};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// How CPython calls functions: the same for all of them.
static NATIVE: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// Has a function called this way.
///
/// Without a GIL, what this looks at may change meanwhile; there the interpreter runs the code.
pub fn install(function: &Owned) {
    if cfg!(Py_GIL_DISABLED) {
        return;
    }
    let function = function.as_ptr().cast::<PyFunctionObject>();
    // SAFETY: a function, which nobody else has yet.
    unsafe {
        if let Some(native) = (*function).vectorcall {
            NATIVE.store(native as *mut (), Ordering::Release);
        }
        #[cfg(Py_3_12)]
        ffi::PyFunction_SetVectorcall(function, vectorcall);
        #[cfg(not(Py_3_12))]
        {
            (*function).vectorcall = Some(vectorcall);
        }
    }
}

unsafe extern "C" fn vectorcall(
    function: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: CPython calls a live function with live arguments. What is called instead is kept until the call has returned: C
    // code may replace what the function has.
    unsafe {
        if let Some(target) = target_of(function) {
            if takes(target, function, count, keywords) {
                let kept = Borrowed::new(target.cast()).to_owned();
                return target::vectorcall(kept.as_ptr(), arguments, count, keywords);
            }
            if cfg!(not(Py_3_11)) && (*target).code == code_of(function) {
                let plain = Borrowed::new((*target).plain).to_owned();
                return native(plain.as_ptr(), arguments, count, keywords);
            }
        }
        native(function, arguments, count, keywords)
    }
}

/// Runs the code of a function.
unsafe fn native(
    function: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    keywords: *mut PyObject,
) -> *mut PyObject {
    let native = NATIVE.load(Ordering::Acquire);
    // SAFETY: NULL, or what `install` has found; the arguments are those of a call.
    unsafe {
        match core::mem::transmute::<*mut (), Option<ffi::vectorcallfunc>>(native) {
            Some(native) => native(function, arguments, count, keywords),
            None => to_c(Err(Raised::pending())),
        }
    }
}

/// Whether the target takes these arguments as they are.
unsafe fn takes(
    target: *mut Target,
    function: *mut PyObject,
    count: usize,
    keywords: *mut PyObject,
) -> bool {
    // SAFETY: the caller has a live target and a live function.
    unsafe {
        let count = ffi::PyVectorcall_NARGS(count);
        (*target).least <= count
            && count <= (*target).most
            && (keywords.is_null() || ffi::PyTuple_GET_SIZE(keywords) == 0)
            && (*target).code == code_of(function)
            && (*target).defaults == (*function.cast::<PyFunctionObject>()).func_defaults
    }
}

unsafe fn code_of(function: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller has a live function.
    unsafe { (*function.cast::<PyFunctionObject>()).func_code }
}

/// The target that a function calls: what its one free variable holds, unless Python code has put something else there.
unsafe fn target_of(function: *mut PyObject) -> Option<*mut Target> {
    // SAFETY: the caller has a live function. Its closure is a tuple of cells or NULL.
    unsafe {
        let closure = (*function.cast::<PyFunctionObject>()).func_closure;
        if closure.is_null() || ffi::PyTuple_GET_SIZE(closure) != 1 {
            return None;
        }
        let cell = ffi::PyTuple_GET_ITEM(closure, 0).cast::<ffi::PyCellObject>();
        Borrowed::optional((*cell).ob_ref).and_then(Target::from_object)
    }
}
