//! Arguments that C code has parsed and keeps for its callbacks.

use super::Store;
use crate::base::buffer::{Buffer, NoMemory};
use crate::python::ffi::PyObject;
use crate::python::memory::PythonMemory;

/// What was parsed for one place.
#[derive(Clone, Copy)]
pub struct Parsed {
    value: [u64; 2],
    /// How many bytes of that there are; 0 for what is only kept alive.
    size: u8,
    /// The reference that is held: an object itself, or what a text is in. NULL for a number.
    owner: *mut PyObject,
}

/// In order.
pub type Arguments = Buffer<Parsed, PythonMemory>;

impl Parsed {
    /// What is at a place; `owner` is a reference that it takes over, or NULL.
    ///
    /// # Safety
    /// `size` bytes can be read at `place`, and they are not more than a value has.
    pub unsafe fn read(place: *const u8, size: u8, owner: *mut PyObject) -> Self {
        let mut value = [0_u64; 2];
        // SAFETY: the caller's promise.
        unsafe {
            core::ptr::copy_nonoverlapping(place, (&raw mut value).cast::<u8>(), size as usize);
        }
        Self { value, size, owner }
    }

    /// Writes it to a place of its size.
    ///
    /// # Safety
    /// As many bytes can be written there as were read.
    pub unsafe fn write(&self, place: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            core::ptr::copy_nonoverlapping(
                (&raw const self.value).cast::<u8>(),
                place,
                self.size as usize,
            );
        }
    }

    /// Whether there is something to give back.
    pub fn is_value(&self) -> bool {
        self.size > 0
    }

    /// The reference that is held, or NULL.
    pub fn owner(&self) -> *mut PyObject {
        self.owner
    }
}

impl Store<'_> {
    /// What was parsed, in order.
    pub fn parsed(&mut self) -> &[Parsed] {
        self.contents
            .cold()
            .map_or(&[], |cold| cold.parsed.as_slice())
    }

    /// Keeps all of it or nothing.
    pub fn keep_parsed(&mut self, parsed: &[Parsed]) -> Result<(), NoMemory> {
        let cold = self.contents.make_cold(self.colds)?;
        cold.parsed.extend(parsed, |each| each)
    }

    /// Takes everything out.
    pub fn take_parsed(&mut self) -> Arguments {
        self.contents
            .cold()
            .map_or_else(Buffer::new, |cold| core::mem::take(&mut cold.parsed))
    }
}
