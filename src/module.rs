//! The extension module `_pyawaitable`.
//!
//! It is a package, made of the one file `_pyawaitable/__init__.cpython-*.so`: maturin does not put an extension module beside the
//! packages, and a package in Python around it would have to be found and loaded before it.

use crate::capi::awaitable_type;
use crate::capi::table::{CAPSULE, TABLE};
use crate::capi::v1;
use crate::python::ffi::{self, PyObject};
use crate::python::raised::{Raised, Result, status};
use crate::python::reference::Owned;
use crate::python::type_spec::Shared;
use core::ffi::{CStr, c_int, c_void};
use core::ptr::null_mut;

const DOC: &CStr = c"The runtime of PyAwaitable: what C extensions find the API through. For use from Python, see the package pyawaitable.";

/// The version, as Cargo knows it.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// `Py_mod_exec`: runs once for each module object.
unsafe extern "C" fn execute(module: *mut PyObject) -> c_int {
    // SAFETY: CPython passes the new module.
    status(unsafe { fill(module) })
}

unsafe fn fill(module: *mut PyObject) -> Result<()> {
    let r#type = awaitable_type()?;
    // SAFETY: live objects; each new reference is owned at once, and the capsule's table is static.
    unsafe {
        let r#type = Owned::share(r#type.cast());
        add(module, c"PyAwaitable", &r#type)?;
        let table = (&raw const TABLE).cast_mut().cast::<c_void>();
        let capsule = Owned::new(ffi::PyCapsule_New(table, CAPSULE.as_ptr(), None))?;
        add(module, c"abi_v3", &capsule)?;
        let table = v1::table(r#type.as_ptr().cast());
        let capsule = Owned::new(ffi::PyCapsule_New(table, v1::CAPSULE.as_ptr(), None))?;
        add(module, c"abi_v1", &capsule)?;
        let version = Owned::new(ffi::PyUnicode_FromString(VERSION.as_ptr().cast()))?;
        add(module, c"__version__", &version)
    }
}

/// # Safety
/// `module` is live.
unsafe fn add(module: *mut PyObject, name: &CStr, value: &Owned) -> Result<()> {
    // SAFETY: the caller's promise; the call takes its own reference.
    if unsafe { ffi::PyObject_SetAttrString(module, name.as_ptr(), value.as_ptr()) } < 0 {
        return Err(Raised::pending());
    }
    Ok(())
}

/// `__getattr__(name)` of the module, for what is not there. Only the package of the original PyAwaitable 1.x asks for
/// `_PyAwaitableType`. It got here instead of into an extension module of its own, because a folder is found before a file of the
/// same name.
unsafe extern "C" fn missing(_module: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython passes a live object, and an attached thread calls this.
    unsafe {
        if ffi::PyUnicode_Check(name) != 0
            && ffi::PyUnicode_CompareWithASCIIString(name, c"_PyAwaitableType".as_ptr()) == 0
        {
            ffi::PyErr_SetString(ffi::PyExc_ImportError, INSTALLED_OVER.as_ptr());
        } else {
            let message = c"module '_pyawaitable' has no attribute %R";
            ffi::PyErr_Format(ffi::PyExc_AttributeError, message.as_ptr(), name);
        }
    }
    null_mut()
}

const INSTALLED_OVER: &CStr = c"the distribution 'pyawaitable' 1.x (the original PyAwaitable) was installed over 'pyawaitable-rs', and they cannot share a folder; keep one of them: uninstall both, then `pip install pyawaitable-rs`";

static METHODS: Shared<[ffi::PyMethodDef; 2]> = Shared::new([
    ffi::PyMethodDef {
        ml_name: c"__getattr__".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunction: missing,
        },
        ml_flags: ffi::METH_O,
        ml_doc: core::ptr::null(),
    },
    ffi::PyMethodDef::zeroed(),
]);

const fn slot(slot: c_int, value: *mut c_void) -> ffi::PyModuleDef_Slot {
    ffi::PyModuleDef_Slot { slot, value }
}

static SLOTS: Shared<[ffi::PyModuleDef_Slot; 4]> = Shared::new([
    slot(ffi::Py_mod_exec, execute as *mut c_void),
    // Each interpreter has its own types, whether it shares the GIL or not.
    #[cfg(Py_3_12)]
    slot(
        ffi::Py_mod_multiple_interpreters,
        ffi::Py_MOD_PER_INTERPRETER_GIL_SUPPORTED,
    ),
    #[cfg(Py_3_13)]
    slot(ffi::Py_mod_gil, ffi::Py_MOD_GIL_NOT_USED),
    slot(0, null_mut()),
    #[cfg(not(Py_3_13))]
    slot(0, null_mut()),
    #[cfg(not(Py_3_12))]
    slot(0, null_mut()),
]);

static MODULE: Shared<ffi::PyModuleDef> = Shared::new(ffi::PyModuleDef {
    m_base: ffi::PyModuleDef_HEAD_INIT,
    m_name: c"_pyawaitable".as_ptr(),
    m_doc: DOC.as_ptr(),
    m_size: 0,
    m_methods: METHODS.get().cast(),
    m_slots: SLOTS.get().cast(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
});

/// What `import _pyawaitable` calls: a new reference to the module's definition.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit__pyawaitable() -> *mut PyObject {
    // SAFETY: CPython calls this, and knows the definition by its address.
    unsafe { ffi::PyModuleDef_Init(MODULE.get()) }
}

/// The same under the name of the file, which maturin looks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit___init__() -> *mut PyObject {
    // SAFETY: the same.
    unsafe { PyInit__pyawaitable() }
}
