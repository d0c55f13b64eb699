//! Arguments that C code parses: kept on an awaitable for its callbacks, or put into a frame.

use super::checked;
use super::values::array;
use crate::functions::arguments::{Call, check, own};
use crate::python::ffi::{Py_ssize_t, PyObject};
use crate::python::raised::{Kind, Raised, Result, status, to_c};
use crate::store::parsed::Parsed;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;

/// Parses positional arguments as `PyArg_ParseTuple` does, and keeps what was parsed for the callbacks, after what was kept
/// before. `PyAwaitable_Unpack` gives it back.
///
/// `args` is a tuple, borrowed. The places after `format` are written now, too, as `PyArg_ParseTuple` writes them. The
/// author initializes them: the initial value of an argument that was not passed is kept like the others. The awaitable takes a
/// reference of its own to each object, and to each object that a text is in.
///
/// Formats are `O`, `O!`, `S`, `U`, `Y`, `s`, `z`, `y`, those of numbers, `p`, `c`, `C`, and `|`, `$`, `:`, `;`. Others cannot be
/// kept. There may be at most 32 places.
///
/// Returns 0, or -1 with an exception set and nothing kept: what `PyArg_ParseTuple` raises; `ValueError` for a format that cannot
/// be kept, or a NULL place; `RuntimeError` if the awaitable has finished; `MemoryError`.
///
/// New in 3.1.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_ParseTuple(
    awaitable: *mut PyObject,
    args: *mut PyObject,
    format: *const c_char,
    _: ...
) -> c_int {
}

/// Writes what `PyAwaitable_ParseTuple` has kept to as many places, in the same order and of the same types; NULL skips one. For
/// `O!` there is one place here, that of the object. Places beyond those stay as they are.
///
/// References and texts are borrowed, and valid until the awaitable finishes.
///
/// Returns 0, or -1 with an exception set and nothing written: `RuntimeError` if nothing was parsed, `ValueError` if there are
/// fewer places than were parsed. As with `PyAwaitable_UnpackValues`, a call is a macro.
///
/// New in 3.1.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Unpack(awaitable: *mut PyObject, _: ...) -> c_int {}

/// Parses arguments as `PyArg_ParseTupleAndKeywords` does, into the fields of a struct that owns its references.
///
/// `args` is a tuple; `kwargs` is a dict or NULL; `keywords` ends with NULL, or is NULL if `kwargs` is. On success each object has a
/// reference that the struct owns; on failure the fields of objects are NULL. Until then they are NULL, or borrowed defaults. The
/// awaitable keeps alive what a text (`s`, `z`, `y`) is in, until it finishes. Formats are those of `PyAwaitable_ParseTuple`.
///
/// Returns 0, or -1 with an exception set, as `PyAwaitable_ParseTuple`.
///
/// New in 3.1.
/// cbindgen:prefix=PYAWAITABLE_INLINE
#[cfg(cbindgen)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_ParseFrame(
    awaitable: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
    format: *const c_char,
    keywords: *const *mut c_char,
    _: ...
) -> c_int {
}

/// As `PyAwaitable_ParseTuple`, with an array of `count` places.
///
/// Returns 0, or -1 with an exception set, as that; `ValueError` also if the format needs another number of places.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_ParseTupleArray(
    awaitable: *mut PyObject,
    args: *mut PyObject,
    format: *const c_char,
    count: Py_ssize_t,
    places: *const *mut c_void,
) -> c_int {
    let call = Call {
        args,
        kwargs: null_mut(),
        format,
        keywords: core::ptr::null(),
    };
    // SAFETY: the caller passes live objects or NULL, a C string or NULL, and an array.
    status(unsafe { parse(awaitable, &call, count, places, false) })
}

/// As `PyAwaitable_ParseFrame`, with an array of `count` places.
///
/// Returns 0, or -1 with an exception set, as that; `ValueError` also if the format needs another number of places.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_ParseFrameArray(
    awaitable: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
    format: *const c_char,
    keywords: *const *mut c_char,
    count: Py_ssize_t,
    places: *const *mut c_void,
) -> c_int {
    let call = Call {
        args,
        kwargs,
        format,
        keywords,
    };
    // SAFETY: the caller passes live objects or NULL, C strings or NULL, and an array.
    status(unsafe { parse(awaitable, &call, count, places, true) })
}

/// As `PyAwaitable_Unpack`, with an array of `count` places. If that is fewer than were parsed, nothing is written.
///
/// Returns how many were parsed; or -1 with an exception set: `RuntimeError` if nothing was, `ValueError` if `count` is negative or
/// `places` is NULL with a `count` above 0.
///
/// New in 3.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_UnpackArray(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    places: *const *mut c_void,
) -> Py_ssize_t {
    // SAFETY: the caller passes a live object or NULL, and an array of places of the right types.
    to_c(unsafe { unpack(awaitable, count, places) })
}

unsafe fn parse(
    awaitable: *mut PyObject,
    call: &Call,
    count: Py_ssize_t,
    places: *const *mut c_void,
    is_frame: bool,
) -> Result<()> {
    // SAFETY: as the caller was called.
    let places = unsafe { array(count, places) }?;
    // SAFETY: NULL or a C string.
    let format = match unsafe { call.format.as_ref() } {
        // SAFETY: as above.
        Some(format) => unsafe { CStr::from_ptr(format) },
        None => return Err(Raised::new(Kind::ValueError, c"NULL passed as the format")),
    };
    check(format, places)?;
    // SAFETY: the caller's objects are live or NULL, and the places are what the format says.
    unsafe {
        let parsed = checked(awaitable)
            .and_then(|awaitable| call.parse_and_keep(awaitable, format, places, is_frame));
        if is_frame {
            own(format, places, parsed.is_ok());
        }
        parsed
    }
}

unsafe fn unpack(
    awaitable: *mut PyObject,
    count: Py_ssize_t,
    places: *const *mut c_void,
) -> Result<Py_ssize_t> {
    // SAFETY: as the caller was called.
    let (awaitable, places) = unsafe { (checked(awaitable)?, array(count, places)?) };
    let found = awaitable.with(|store| {
        let parsed = store.parsed();
        let found = values(parsed).count();
        if found <= places.len() {
            for (parsed, &place) in values(parsed).zip(places) {
                if !place.is_null() {
                    // SAFETY: a place of the type that was parsed.
                    unsafe { parsed.write(place.cast()) };
                }
            }
        }
        found
    });
    if found == 0 {
        return Err(Raised::new(
            Kind::RuntimeError,
            c"no arguments have been parsed for the awaitable",
        ));
    }
    Ok(found as Py_ssize_t)
}

/// What is given back of what is kept.
fn values(parsed: &[Parsed]) -> impl Iterator<Item = &Parsed> {
    parsed.iter().filter(|parsed| parsed.is_value())
}
