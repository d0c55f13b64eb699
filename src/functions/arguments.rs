//! Arguments that are parsed by CPython, and kept.

use crate::base::format::{Unit, Units};
use crate::base::rules::Phase;
use crate::object::awaitable::Awaitable;
use crate::python::exception;
use crate::python::ffi::{self, Py_ssize_t, PyObject};
use crate::python::raised::{Kind, Raised, Result};
use crate::python::reference::{Borrowed, Owned};
use crate::store::parsed::Parsed;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;

/// What is parsed, and how.
pub struct Call {
    pub args: *mut PyObject,
    pub kwargs: *mut PyObject,
    pub format: *const c_char,
    pub keywords: *const *mut c_char,
}

/// The most places.
const MOST: usize = 32;

/// Checks that a format can be kept, and has as many places.
pub fn check(format: &CStr, places: &[*mut c_void]) -> Result<()> {
    let mut needed = 0;
    for unit in Units::new(format.to_bytes()) {
        match unit {
            Ok(unit) => needed += unit.places(),
            Err(letter) => {
                // SAFETY: one int for the one place in the format.
                unsafe {
                    ffi::PyErr_Format(
                        ffi::PyExc_ValueError,
                        c"the format '%c' cannot be kept on an awaitable".as_ptr(),
                        c_int::from(letter),
                    );
                }
                return Err(Raised::set());
            }
        }
    }
    if needed > MOST {
        return Err(Raised::new(
            Kind::ValueError,
            c"a format for an awaitable has at most 32 places",
        ));
    }
    if needed != places.len() {
        return Err(Raised::new(
            Kind::ValueError,
            c"the format needs another number of places",
        ));
    }
    if places.iter().any(|place| place.is_null()) {
        return Err(Raised::new(
            Kind::ValueError,
            c"NULL passed as a place for a parsed argument",
        ));
    }
    Ok(())
}

#[cold]
fn finished() -> Raised {
    Raised::new(
        Kind::RuntimeError,
        c"cannot keep arguments on an awaitable that has finished",
    )
}

impl Call {
    /// Parses, and keeps what has to be kept.
    ///
    /// # Safety
    /// Live objects or NULL, C strings or NULL, and the places of a format that was checked.
    pub unsafe fn parse_and_keep(
        &self,
        awaitable: &Awaitable,
        format: &CStr,
        places: &[*mut c_void],
        is_frame: bool,
    ) -> Result<()> {
        if self.args.is_null() {
            return Err(Raised::new(
                Kind::SystemError,
                c"NULL passed as the arguments to parse",
            ));
        }
        if awaitable.phase() == Phase::Finished {
            return Err(finished());
        }
        // SAFETY: as for `parse`.
        exception::preserving(|| unsafe {
            self.parse(places)?;
            let mut kept = [const { None }; MOST];
            let done = self
                .collect(format, places, is_frame, &mut kept)
                .and_then(|()| keep(awaitable, &kept));
            if done.is_err() {
                release(&kept);
            }
            done
        })
    }

    /// Has CPython parse. It takes as many places as the format says, and does not look at more.
    unsafe fn parse(&self, places: &[*mut c_void]) -> Result<()> {
        let mut p = [null_mut::<c_void>(); MOST];
        for (to, from) in p.iter_mut().zip(places) {
            *to = *from;
        }
        macro_rules! with_places {
            ($function:expr, $($argument:expr),+) => {{
                let [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, c6,
                    c7, c8, c9, d0, d1] = p;
                $function($($argument),+, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0,
                    c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1)
            }};
        }
        // SAFETY: live objects, C strings, and the places that the format says.
        let parsed = unsafe {
            if self.keywords.is_null() && self.kwargs.is_null() {
                with_places!(ffi::PyArg_ParseTuple, self.args, self.format)
            } else {
                with_places!(
                    ffi::PyArg_ParseTupleAndKeywords,
                    self.args,
                    self.kwargs,
                    self.format,
                    self.keywords.cast_mut().cast()
                )
            }
        };
        if parsed == 0 {
            return Err(Raised::pending());
        }
        Ok(())
    }

    /// Collects what is to be kept of what was parsed.
    unsafe fn collect(
        &self,
        format: &CStr,
        places: &[*mut c_void],
        is_frame: bool,
        kept: &mut [Option<Parsed>; MOST],
    ) -> Result<()> {
        let mut places = places.iter().copied();
        let mut free = kept.iter_mut();
        for (index, unit) in Units::new(format.to_bytes()).flatten().enumerate() {
            if unit == Unit::Checked {
                places.next();
            }
            let (Some(place), Some(free)) = (places.next(), free.next()) else {
                break;
            };
            // SAFETY: a place of the unit's type; what is at that of an object is one, or NULL.
            unsafe {
                *free = match unit {
                    Unit::Object | Unit::Checked if is_frame => None,
                    Unit::Object | Unit::Checked => {
                        let object = Borrowed::optional(*place.cast::<*mut PyObject>());
                        let owner =
                            object.map_or(null_mut(), |object| object.to_owned().into_ptr());
                        Some(Parsed::read(place.cast(), POINTER, owner))
                    }
                    Unit::Text => {
                        let owner = self.argument(index)?.map_or(null_mut(), Owned::into_ptr);
                        let size = if is_frame { 0 } else { POINTER };
                        Some(Parsed::read(place.cast(), size, owner))
                    }
                    Unit::Number(_) if is_frame => None,
                    Unit::Number(size) => Some(Parsed::read(place.cast(), size, null_mut())),
                };
            }
        }
        Ok(())
    }

    /// The argument for the unit at an index, if it was passed.
    unsafe fn argument(&self, index: usize) -> Result<Option<Owned>> {
        // SAFETY: a tuple, a dict or NULL, and an array of C strings that ends with NULL or is NULL.
        unsafe {
            let index = index as Py_ssize_t;
            let found = if index < ffi::PyTuple_GET_SIZE(self.args) {
                ffi::PyTuple_GET_ITEM(self.args, index)
            } else if self.kwargs.is_null() || self.keywords.is_null() {
                null_mut()
            } else {
                let name = Owned::new(ffi::PyUnicode_FromString(*self.keywords.offset(index)))?;
                let found = ffi::PyDict_GetItemWithError(self.kwargs, name.as_ptr());
                if found.is_null() && exception::pending().is_some() {
                    return Err(Raised::pending());
                }
                found
            };
            Ok(Borrowed::optional(found).map(Borrowed::to_owned))
        }
    }
}

const POINTER: u8 = size_of::<*mut c_void>() as u8;

/// Releases what was collected, and that nobody has taken.
fn release(kept: &[Option<Parsed>; MOST]) {
    for parsed in kept.iter().flatten() {
        // SAFETY: NULL, or a reference of the collection's own.
        drop(unsafe { Owned::optional(parsed.owner()) });
    }
}

/// Keeps what was collected, all or nothing.
fn keep(awaitable: &Awaitable, kept: &[Option<Parsed>; MOST]) -> Result<()> {
    // SAFETY: for what is not used.
    let empty = unsafe { Parsed::read(core::ptr::null(), 0, null_mut()) };
    let mut all = [empty; MOST];
    let mut count = 0;
    for (to, from) in all.iter_mut().zip(kept.iter().flatten()) {
        *to = *from;
        count += 1;
    }
    let all = all.get(..count).unwrap_or(&[]);
    if all.is_empty() {
        return Ok(());
    }
    let result = awaitable
        .with(|store| (awaitable.phase() != Phase::Finished).then(|| store.keep_parsed(all)));
    match result {
        Some(result) => result.map_err(Raised::from),
        None => Err(finished()),
    }
}

/// Gives the objects of a frame references of its own, or takes them out where parsing has failed.
///
/// # Safety
/// The places of a format that was checked.
pub unsafe fn own(format: &CStr, places: &[*mut c_void], is_parsed: bool) {
    let mut places = places.iter().copied();
    for unit in Units::new(format.to_bytes()).flatten() {
        if unit == Unit::Checked {
            places.next();
        }
        let Some(place) = places.next() else { return };
        if matches!(unit, Unit::Object | Unit::Checked) {
            let place = place.cast::<*mut PyObject>();
            // SAFETY: the place of an object, which has one or NULL.
            unsafe {
                if is_parsed {
                    ffi::Py_XINCREF(*place);
                } else {
                    *place = null_mut();
                }
            }
        }
    }
}
