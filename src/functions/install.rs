//! Tables of methods, put where they belong: functions into a module, methods into a type.

use super::compiler::{self, Wanted};
use super::fast_call;
use super::special;
use crate::object::state::State;
use crate::python::ffi::{self, PyMethodDef, PyTypeObject};
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::types::target::{Returns, Target};
use core::ffi::{CStr, c_int};
use core::ptr::null_mut;

/// The flags. CPython ignores bits that it does not know.
pub const METH_ASYNC: c_int = 0x0100_0000;
pub const METH_ASYNC_GENERATOR: c_int = 0x0200_0000;

const CO_COROUTINE: c_int = 0x80;
const CO_ASYNC_GENERATOR: c_int = 0x200;

/// Where the functions of a table live: what they are called after, and see as globals.
struct Home {
    namespace: Owned,
    module: Owned,
    /// The type's `__qualname__`.
    owner: Option<Owned>,
}

impl Home {
    /// The `__qualname__` of what has this name.
    fn qualified(&self, name: &CStr) -> Result<Owned> {
        // SAFETY: live objects and a C string, one for each place in the format.
        unsafe {
            match &self.owner {
                Some(owner) => Owned::new(ffi::PyUnicode_FromFormat(
                    c"%U.%s".as_ptr(),
                    owner.as_ptr(),
                    name.as_ptr(),
                )),
                None => Owned::new(ffi::PyUnicode_FromString(name.as_ptr())),
            }
        }
    }
}

/// The entries of a table, which ends with one without a name.
///
/// # Safety
/// `table` is NULL or such a table, and lives as long as the process.
unsafe fn entries(mut table: *mut PyMethodDef) -> impl Iterator<Item = &'static mut PyMethodDef> {
    core::iter::from_fn(move || {
        // SAFETY: the caller's promise: the one behind an entry with a name is there.
        unsafe {
            let entry = table.as_mut()?;
            if entry.ml_name.is_null() {
                return None;
            }
            table = table.add(1);
            Some(entry)
        }
    })
}

/// What an entry returns, if it is flagged.
fn returns(entry: &PyMethodDef) -> Result<Option<Returns>> {
    match (
        entry.ml_flags & METH_ASYNC != 0,
        entry.ml_flags & METH_ASYNC_GENERATOR != 0,
    ) {
        (false, false) => Ok(None),
        (true, false) => Ok(Some(Returns::Awaitable)),
        (false, true) => Ok(Some(Returns::AsyncIterator)),
        (true, true) => Err(about(
            entry,
            c"%s() cannot be METH_ASYNC and METH_ASYNC_GENERATOR at once",
        )),
    }
}

/// A `ValueError` about an entry.
fn about(entry: &PyMethodDef, format: &CStr) -> Raised {
    // SAFETY: a C string, for the one place in each format.
    unsafe {
        ffi::PyErr_Format(ffi::PyExc_ValueError, format.as_ptr(), entry.ml_name);
    }
    Raised::set()
}

/// Adds the functions of a table to a module. No exception is set.
///
/// # Safety
/// As [`entries`].
pub unsafe fn add_functions(
    state: &State,
    module: Borrowed<'_>,
    table: *mut PyMethodDef,
) -> Result<()> {
    // SAFETY: a live object; what is borrowed is owned at once.
    let home = unsafe {
        let Some(namespace) = Borrowed::optional(ffi::PyModule_GetDict(module.as_ptr())) else {
            return Err(Raised::pending());
        };
        Home {
            namespace: namespace.to_owned(),
            module: Owned::new(ffi::PyModule_GetNameObject(module.as_ptr()))?,
            owner: None,
        }
    };
    // SAFETY: the caller's promise.
    for entry in unsafe { entries(table) } {
        if entry.ml_flags & (ffi::METH_CLASS | ffi::METH_STATIC) != 0 {
            return Err(about(
                entry,
                c"%s(): a module's function cannot be METH_CLASS or METH_STATIC",
            ));
        }
        // SAFETY: a table's entry lives as long as the process; a new reference or NULL comes back.
        let builtin = unsafe {
            Owned::new(ffi::PyCMethod_New(
                entry,
                module.as_ptr(),
                home.module.as_ptr(),
                null_mut(),
            ))
        }?;
        let function = match returns(entry)? {
            Some(returns) => function(state, &home, entry, builtin, returns, false)?,
            None => builtin,
        };
        // SAFETY: live objects and a C string.
        if unsafe { ffi::PyObject_SetAttrString(module.as_ptr(), entry.ml_name, function.as_ptr()) }
            < 0
        {
            return Err(Raised::pending());
        }
    }
    Ok(())
}

/// A function of Python's that calls what CPython has made of an entry.
fn function(
    state: &State,
    home: &Home,
    entry: &PyMethodDef,
    callable: Owned,
    returns: Returns,
    is_method: bool,
) -> Result<Owned> {
    let target = Target::create(state, callable, returns)?;
    // SAFETY: the name of an entry.
    let qualified_name = home.qualified(unsafe { CStr::from_ptr(entry.ml_name) })?;
    let made = compiler::define(
        state,
        &Wanted {
            target: target.borrow(),
            name: entry.ml_name,
            doc: entry.ml_doc,
            qualified_name: qualified_name.borrow(),
            is_method,
            default: default(entry, is_method),
            flag: match returns {
                Returns::Awaitable => CO_COROUTINE,
                Returns::AsyncIterator => CO_ASYNC_GENERATOR,
            },
            namespace: home.namespace.borrow(),
            module: home.module.borrow(),
        },
    )?;
    fast_call::install(&made.function);
    let function = made.function.borrow().to_owned();
    // SAFETY: made above, and nobody else's yet.
    unsafe { &mut *target.as_ptr().cast::<Target>() }.belongs_to(
        made.function,
        made.plain,
        made.least..=made.most,
    );
    Ok(function)
}

/// The parameters of an entry whose docstring says none.
fn default(entry: &PyMethodDef, is_method: bool) -> &'static CStr {
    match (entry.ml_flags & (ffi::METH_NOARGS | ffi::METH_O), is_method) {
        (ffi::METH_NOARGS, false) => c"",
        (ffi::METH_NOARGS, true) => c"self, /",
        (ffi::METH_O, false) => c"object, /",
        (ffi::METH_O, true) => c"self, object, /",
        (_, false) => c"*args, **kwargs",
        (_, true) => c"self, /, *args, **kwargs",
    }
}

/// Adds the methods of a table to a type. No exception is set.
///
/// # Safety
/// As [`entries`]; `type` is a type that is ready, or a static one that is yet to be.
pub unsafe fn add_methods(
    state: &State,
    r#type: *mut PyTypeObject,
    table: *mut PyMethodDef,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let (is_static, is_ready) = unsafe {
        (
            ffi::PyType_HasFeature(r#type, ffi::Py_TPFLAGS_HEAPTYPE) == 0,
            ffi::PyType_HasFeature(r#type, ffi::Py_TPFLAGS_READY) != 0,
        )
    };
    if !is_ready {
        // SAFETY: as above.
        unsafe { give_type(r#type) };
    }
    // SAFETY: an attached thread has an interpreter.
    let is_main = unsafe { ffi::PyInterpreterState_Get() == ffi::PyInterpreterState_Main() };
    // SAFETY: the caller's promise.
    let home = unsafe { home_of(r#type, is_ready) }?;
    // SAFETY: as above.
    for entry in unsafe { entries(table) } {
        let returns = returns(entry)?;
        if returns.is_some() && is_static && !is_main {
            return Err(Raised::new(
                Kind::RuntimeError,
                c"a static type is shared by interpreters, and its asynchronous methods belong to one: in another than the main interpreter, use a heap type",
            ));
        }
        // SAFETY: as above.
        unsafe { add_method(state, r#type, &home, entry, returns) }?;
    }
    Ok(())
}

/// Gives a static type that is not ready its own type, which the collector looks at: the one that `PyType_Ready` would.
///
/// # Safety
/// A static type.
unsafe fn give_type(r#type: *mut PyTypeObject) {
    // SAFETY: the caller's promise; a base is NULL or another type.
    unsafe {
        if ffi::Py_TYPE(r#type.cast()).is_null() {
            let base = (*r#type).tp_base;
            let of_base = if base.is_null() {
                null_mut()
            } else {
                ffi::Py_TYPE(base.cast())
            };
            let found = if of_base.is_null() {
                &raw mut ffi::PyType_Type
            } else {
                of_base
            };
            (*r#type.cast::<ffi::PyObject>()).ob_type = found;
        }
    }
}

/// # Safety
/// As [`add_methods`].
unsafe fn add_method(
    state: &State,
    r#type: *mut PyTypeObject,
    home: &Home,
    entry: &mut PyMethodDef,
    returns: Option<Returns>,
) -> Result<()> {
    let binding = entry.ml_flags & (ffi::METH_CLASS | ffi::METH_STATIC);
    // SAFETY: a live type, and an entry that lives as long as the process; new references or NULL come back.
    let callable = unsafe {
        Owned::new(match binding {
            0 => ffi::PyDescr_NewMethod(r#type, entry),
            ffi::METH_CLASS => ffi::PyDescr_NewClassMethod(r#type, entry),
            ffi::METH_STATIC => ffi::PyCMethod_New(entry, r#type.cast(), null_mut(), null_mut()),
            _ => {
                return Err(about(
                    entry,
                    c"%s() cannot be both METH_CLASS and METH_STATIC",
                ));
            }
        })
    }?;
    let is_method = binding != ffi::METH_STATIC;
    let method = match returns {
        Some(returns) => function(state, home, entry, callable, returns, is_method)?,
        None => callable,
    };
    // SAFETY: live objects; new references or NULL come back.
    let method = unsafe {
        match binding {
            ffi::METH_STATIC => Owned::new(ffi::PyStaticMethod_New(method.as_ptr()))?,
            ffi::METH_CLASS if returns.is_some() => {
                Owned::new(ffi::PyClassMethod_New(method.as_ptr()))?
            }
            _ => method,
        }
    };
    // SAFETY: the caller's promise.
    unsafe { special::put(r#type, entry, &method) }
}

/// Where the methods of a type live.
///
/// # Safety
/// As [`add_methods`].
unsafe fn home_of(r#type: *mut PyTypeObject, is_ready: bool) -> Result<Home> {
    // SAFETY: the caller's promise; a type's name is a C string, and what is borrowed is owned at once.
    unsafe {
        let (module, owner) = if is_ready {
            (
                Owned::new(ffi::PyObject_GetAttrString(
                    r#type.cast(),
                    c"__module__".as_ptr(),
                ))?,
                Owned::new(ffi::PyObject_GetAttrString(
                    r#type.cast(),
                    c"__qualname__".as_ptr(),
                ))?,
            )
        } else {
            // `module.Type`, as a static type's name has it.
            let name = CStr::from_ptr((*r#type).tp_name).to_bytes();
            let dot = name.iter().rposition(|&byte| byte == b'.');
            let start = dot.map_or(0, |dot| dot + 1);
            let text = |first: usize, count: usize| {
                Owned::new(ffi::PyUnicode_FromStringAndSize(
                    (*r#type).tp_name.add(first),
                    count as ffi::Py_ssize_t,
                ))
            };
            (
                text(0, start.saturating_sub(1))?,
                text(start, name.len() - start)?,
            )
        };
        let found = Borrowed::optional(ffi::PyDict_GetItemWithError(
            ffi::PyImport_GetModuleDict(),
            module.as_ptr(),
        ));
        let namespace = match found {
            Some(found) if ffi::PyModule_Check(found.as_ptr()) != 0 => {
                match Borrowed::optional(ffi::PyModule_GetDict(found.as_ptr())) {
                    Some(dictionary) => dictionary.to_owned(),
                    None => return Err(Raised::pending()),
                }
            }
            None if !ffi::PyErr_Occurred().is_null() => return Err(Raised::pending()),
            _ => Owned::new(ffi::PyDict_New())?,
        };
        Ok(Home {
            namespace,
            module,
            owner: Some(owner),
        })
    }
}
