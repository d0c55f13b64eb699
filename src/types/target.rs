//! What the code of a coroutine function calls: an object that calls C, looks at what comes back, and names it.

use crate::base::rules::Phase;
use crate::object::awaitable::Awaitable;
use crate::object::generator::Generator;
use crate::object::state::State;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Raised, Result, to_c};
use crate::python::reference::{Borrowed, Owned};
use crate::python::type_spec::{self, Shared, slot};
use crate::store::maker::Maker;
use core::ffi::{CStr, c_int, c_void};
use core::ptr::null_mut;

/// What a function returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// Something to await.
    Awaitable,
    /// An asynchronous iterator.
    AsyncIterator,
}

/// The object.
#[repr(C)]
pub struct Target {
    base: PyObject,
    vectorcall: ffi::vectorcallfunc,
    returns: Returns,
    /// What CPython makes of the entry in the table. It deals with calling conventions, and checks `self`.
    callable: *mut PyObject,
    /// The function that calls this. NULL until there is one, and once a cycle is broken up.
    pub function: *mut PyObject,
    /// The same function without the flag, which up to 3.10 makes the interpreter return a coroutine of its own.
    pub plain: *mut PyObject,
    /// The function's code and defaults, which Python code may replace.
    pub code: *mut PyObject,
    pub defaults: *mut PyObject,
    /// So many positional arguments and nothing else are handed on as they are.
    pub least: isize,
    pub most: isize,
}

const REFERENCES: usize = 5;

impl Target {
    /// A new one. `callable` is what it calls.
    pub fn create(state: &State, callable: Owned, returns: Returns) -> Result<Owned> {
        let r#type = match state.target_type.get() {
            Some(made) => made,
            None => state.target_type.keep(definition()?),
        };
        // SAFETY: a live type; the object is whole before the collector or anybody else sees it.
        unsafe {
            let object = Owned::new(ffi::_PyObject_GC_New(r#type.as_ptr().cast()))?;
            let target = object.as_ptr().cast::<Self>();
            (&raw mut (*target).vectorcall).write(vectorcall);
            (*target).returns = returns;
            (*target).callable = callable.into_ptr();
            (*target).function = null_mut();
            (*target).plain = null_mut();
            (*target).code = null_mut();
            (*target).defaults = null_mut();
            (*target).least = 0;
            (*target).most = -1;
            ffi::PyObject_GC_Track(target.cast());
            Ok(object)
        }
    }

    /// The target that `object` is, if it is one of this copy of the library.
    #[inline]
    pub fn from_object(object: Borrowed<'_>) -> Option<*mut Self> {
        // SAFETY: a live object's type is live. Only our type has our destructor.
        let is_ours = unsafe {
            (*object.r#type())
                .tp_dealloc
                .is_some_and(|found| core::ptr::fn_addr_eq(found, dealloc as ffi::destructor))
        };
        is_ours.then(|| object.as_ptr().cast())
    }

    /// Tells a target which function calls it, before anybody else has either.
    pub fn belongs_to(
        &mut self,
        function: Owned,
        plain: Owned,
        takes: core::ops::RangeInclusive<isize>,
    ) {
        // SAFETY: a function, which has code, and defaults or NULL.
        unsafe {
            self.code = ffi::PyFunction_GetCode(function.as_ptr());
            ffi::Py_INCREF(self.code);
            self.defaults = ffi::PyFunction_GetDefaults(function.as_ptr());
            ffi::Py_XINCREF(self.defaults);
        }
        self.function = function.into_ptr();
        self.plain = plain.into_ptr();
        (self.least, self.most) = takes.into_inner();
    }

    /// # Safety
    /// A live target.
    unsafe fn references(target: *mut Self) -> [*mut *mut PyObject; REFERENCES] {
        // SAFETY: the caller's promise.
        unsafe {
            [
                &raw mut (*target).callable,
                &raw mut (*target).function,
                &raw mut (*target).plain,
                &raw mut (*target).code,
                &raw mut (*target).defaults,
            ]
        }
    }
}

/// Calls C.
///
/// # Safety
/// As a vectorcall, of a target that somebody keeps until this returns.
pub unsafe extern "C" fn vectorcall(
    object: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    keywords: *mut PyObject,
) -> *mut PyObject {
    let target = object.cast::<Target>();
    // SAFETY: CPython calls targets with live arguments; what comes back is a new reference or NULL.
    unsafe {
        let returned = Owned::new(ffi::vectorcall(
            (*target).callable,
            arguments,
            count,
            keywords,
        ));
        to_c(
            returned
                .and_then(|returned| check(&*target, returned))
                .map(Owned::into_ptr),
        )
    }
}

/// Gives what C has returned the name of the function, or refuses it.
#[inline]
fn check(target: &Target, returned: Owned) -> Result<Owned> {
    if target.returns == Returns::Awaitable {
        if let Some(awaitable) = Awaitable::from_object(returned.borrow()) {
            name(target, awaitable);
            return Ok(returned);
        }
    } else if let Some(generator) = Generator::from_object(returned.borrow()) {
        name(target, generator.driven());
        return Ok(returned);
    }
    check_foreign(target, returned)
}

/// Gives what has just been made the name of the function.
#[inline(always)]
fn name(target: &Target, awaitable: &Awaitable) {
    // SAFETY: NULL, or a function that the target keeps.
    if let Some(function) = unsafe { Borrowed::optional(target.function) } {
        if awaitable.phase() == Phase::Created {
            awaitable.name_after(|| Maker::function(function.to_owned()));
        }
    }
}

/// As [`check`], of what is not of this library.
#[inline(never)]
fn check_foreign(target: &Target, returned: Owned) -> Result<Owned> {
    let (fits, complaint) = match target.returns {
        Returns::Awaitable => (
            crate::inner::is_awaitable(returned.borrow()),
            c"%S() is flagged METH_ASYNC, and returned '%.100s', which cannot be awaited",
        ),
        Returns::AsyncIterator => (
            is_async_iterator(returned.borrow()),
            c"%S() is flagged METH_ASYNC_GENERATOR, and returned '%.100s', which is no asynchronous iterator",
        ),
    };
    if fits {
        return Ok(returned);
    }
    let name = qualified_name(target);
    // SAFETY: a live object to print, and the name of a live type.
    unsafe {
        ffi::PyErr_Format(
            ffi::PyExc_TypeError,
            complaint.as_ptr(),
            name.as_ptr(),
            (*returned.borrow().r#type()).tp_name,
        );
    }
    drop(crate::python::exception::drop_preserving(
        returned,
        Raised::set(),
    ));
    Err(Raised::pending())
}

/// The `__qualname__` of the function, or whatever can be printed in its place.
fn qualified_name(target: &Target) -> Owned {
    // SAFETY: NULL or a live object.
    let found = unsafe {
        match Borrowed::optional(target.function) {
            Some(function) => Owned::optional(ffi::PyObject_GetAttrString(
                function.as_ptr(),
                c"__qualname__".as_ptr(),
            )),
            None => None,
        }
    };
    found.unwrap_or_else(|| {
        // SAFETY: an attached thread may clear its exception.
        unsafe { ffi::PyErr_Clear() };
        Owned::none()
    })
}

fn is_async_iterator(object: Borrowed<'_>) -> bool {
    // SAFETY: a live object's type and its tables live.
    unsafe {
        let methods = (*object.r#type()).tp_as_async;
        !methods.is_null() && (*methods).am_anext.is_some() && (*methods).am_aiter.is_some()
    }
}

unsafe extern "C" fn traverse(
    object: *mut PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the collector calls this slot on our objects, whose references are live or NULL.
    unsafe {
        let mut code = visit(ffi::Py_TYPE(object).cast(), argument);
        for reference in Target::references(object.cast()) {
            if code == 0 && !(*reference).is_null() {
                code = visit(*reference, argument);
            }
        }
        code
    }
}

/// Breaks the cycle of a function and its target. The callable stays, so that the target may still be called.
unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: the collector calls this slot on our objects.
    unsafe {
        for reference in Target::references(object.cast()).into_iter().skip(1) {
            drop(Owned::optional(core::mem::replace(
                &mut *reference,
                null_mut(),
            )));
        }
    }
    0
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this slot when the last reference goes; an instance holds its type.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        let r#type = ffi::Py_TYPE(object);
        for reference in Target::references(object.cast()) {
            drop(Owned::optional(core::mem::replace(
                &mut *reference,
                null_mut(),
            )));
        }
        ffi::PyObject_GC_Del(object.cast());
        ffi::Py_DECREF(r#type.cast());
    }
}

#[cfg(Py_3_12)]
const HAVE_VECTORCALL: core::ffi::c_ulong = ffi::Py_TPFLAGS_HAVE_VECTORCALL;
#[cfg(not(Py_3_12))]
const HAVE_VECTORCALL: core::ffi::c_ulong = 1 << 11;

const DOC: &CStr = c"What the code of a coroutine function written in C calls.";

static MEMBERS: Shared<[ffi::PyMemberDef; 2]> = Shared::new([
    type_spec::offset(
        c"__vectorcalloffset__",
        core::mem::offset_of!(Target, vectorcall),
    ),
    ffi::PyMemberDef {
        name: null_mut(),
        ..type_spec::offset(c"", 0)
    },
]);

/// The type, new.
fn definition() -> Result<Owned> {
    let mut slots = [
        slot(ffi::Py_tp_doc, DOC.as_ptr().cast_mut().cast()),
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_clear, clear as *mut c_void),
        slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
        slot(ffi::Py_tp_members, MEMBERS.get().cast()),
        #[cfg(not(Py_3_10))]
        slot(ffi::Py_tp_new, type_spec::not_instantiable as *mut c_void),
        slot(0, null_mut()),
    ];
    type_spec::new_flagged_type(
        c"pyawaitable.function_target",
        size_of::<Target>(),
        HAVE_VECTORCALL,
        &mut slots,
    )
}
