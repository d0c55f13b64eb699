//! Functions of Python's, compiled from signatures: by Python code, which runs once in each interpreter.

use crate::object::state::State;
use crate::python::ffi;
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use core::ffi::{CStr, c_char, c_int};

/// `define.py`, compiled by the interpreter that the library was built for, after its magic number; empty if that could not be
/// asked, or is no release.
const COMPILED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/define.marshal"));
/// Its source, if that is empty.
const SOURCE: &str = concat!(
    include_str!(concat!(env!("OUT_DIR"), "/define.source")),
    "\0"
);
const FILE: &CStr = c"<pyawaitable>";

/// What a function is to be.
pub struct Wanted<'a> {
    /// What it calls.
    pub target: Borrowed<'a>,
    /// Its name, and its docstring or NULL, as the table has them.
    pub name: *const c_char,
    pub doc: *const c_char,
    pub qualified_name: Borrowed<'a>,
    /// Whether the first argument is an object or a type.
    pub is_method: bool,
    /// Its parameters where the docstring says none.
    pub default: &'static CStr,
    /// `CO_COROUTINE` or `CO_ASYNC_GENERATOR`.
    pub flag: c_int,
    /// The module's dictionary and name.
    pub namespace: Borrowed<'a>,
    pub module: Borrowed<'a>,
}

/// A function that is made.
pub struct Made {
    pub function: Owned,
    /// The same without the flag, which up to 3.10 makes the interpreter return a coroutine of its own.
    pub plain: Owned,
    /// So many positional arguments and nothing else may be handed on as they are.
    pub least: isize,
    pub most: isize,
}

/// Makes a function. No exception is set.
pub fn define(state: &State, wanted: &Wanted<'_>) -> Result<Made> {
    let define = tool(state, c"define")?;
    let (mut function, mut plain) = (core::ptr::null_mut(), core::ptr::null_mut());
    let (mut least, mut most) = (0_isize, 0_isize);
    // SAFETY: live objects and C strings, one for each place in the formats; what is taken out of the tuple is owned before
    // that goes.
    unsafe {
        let made = Owned::new(ffi::PyObject_CallFunction(
            define.as_ptr(),
            c"OsOzisiOO".as_ptr(),
            wanted.target.as_ptr(),
            wanted.name,
            wanted.qualified_name.as_ptr(),
            wanted.doc,
            c_int::from(wanted.is_method),
            wanted.default.as_ptr(),
            wanted.flag,
            wanted.namespace.as_ptr(),
            wanted.module.as_ptr(),
        ))?;
        let parsed = ffi::PyArg_ParseTuple(
            made.as_ptr(),
            c"OOnn".as_ptr(),
            &raw mut function,
            &raw mut plain,
            &raw mut least,
            &raw mut most,
        );
        if parsed == 0 {
            return Err(Raised::pending());
        }
        Ok(Made {
            function: Borrowed::new(function).to_owned(),
            plain: Borrowed::new(plain).to_owned(),
            least,
            most,
        })
    }
}

/// A function of the Python code.
pub fn tool(state: &State, name: &CStr) -> Result<Owned> {
    let namespace = match state.compiler.get() {
        Some(namespace) => namespace,
        None => state.compiler.keep(run()?),
    };
    // SAFETY: a live dict; what is borrowed from it is owned at once.
    unsafe {
        let name = Owned::new(ffi::PyUnicode_FromString(name.as_ptr()))?;
        match Borrowed::optional(ffi::PyDict_GetItemWithError(
            namespace.as_ptr(),
            name.as_ptr(),
        )) {
            Some(found) => Ok(found.to_owned()),
            None => Err(Raised::pending()),
        }
    }
}

/// Runs the code, and returns what it defines.
fn run() -> Result<Owned> {
    // SAFETY: C strings and live objects; each new reference is owned at once.
    unsafe {
        let namespace = Owned::new(ffi::PyDict_New())?;
        let builtins = ffi::PyEval_GetBuiltins();
        if ffi::PyDict_SetItemString(namespace.as_ptr(), c"__builtins__".as_ptr(), builtins) < 0 {
            return Err(Raised::pending());
        }
        let code = code()?;
        Owned::new(ffi::PyEval_EvalCode(
            code.as_ptr(),
            namespace.as_ptr(),
            namespace.as_ptr(),
        ))?;
        Ok(namespace)
    }
}

/// The code: as it was compiled with the library, which saves most of the time that the first function takes, or compiled now.
fn code() -> Result<Owned> {
    if !COMPILED.is_empty() {
        // SAFETY: an attached thread may ask.
        let magic = unsafe { ffi::PyImport_GetMagicNumber() } as u32;
        let Some(code) = COMPILED.strip_prefix(&magic.to_le_bytes()) else {
            return Err(Raised::new(
                Kind::RuntimeError,
                c"this copy of PyAwaitable was built for the releases of this version of Python, and this interpreter is not one of them",
            ));
        };
        // SAFETY: as many bytes; a new reference or NULL comes back.
        return unsafe {
            Owned::new(ffi::PyMarshal_ReadObjectFromString(
                code.as_ptr().cast(),
                code.len() as isize,
            ))
        };
    }
    // SAFETY: C strings; a new reference or NULL comes back.
    unsafe {
        Owned::new(ffi::Py_CompileStringExFlags(
            SOURCE.as_ptr().cast(),
            FILE.as_ptr(),
            ffi::Py_file_input,
            core::ptr::null_mut(),
            -1,
        ))
    }
}
