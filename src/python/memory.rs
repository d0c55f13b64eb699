//! CPython's memory, for storage that may grow.

use crate::base::buffer::{Memory, NoMemory};
use crate::python::ffi;

/// Memory from `PyMem_*`, which `tracemalloc` sees.
pub struct PythonMemory;

impl Memory for PythonMemory {
    unsafe fn reallocate(block: *mut u8, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise; the thread is attached.
        unsafe { ffi::PyMem_Realloc(block.cast(), bytes).cast() }
    }

    unsafe fn free(block: *mut u8) {
        // SAFETY: as above.
        unsafe { ffi::PyMem_Free(block.cast()) }
    }
}

/// Moves a value into newly allocated memory.
pub fn new_block<T>(value: T) -> Result<*mut T, NoMemory> {
    // SAFETY: NULL is a new block.
    let place = unsafe { PythonMemory::reallocate(core::ptr::null_mut(), size_of::<T>()) };
    let place = place.cast::<T>();
    if place.is_null() {
        return Err(NoMemory);
    }
    // SAFETY: large enough, aligned as `PyMem_*` aligns everything, and not shared.
    unsafe { place.write(value) };
    Ok(place)
}

/// Moves a value into memory that any thread may free, attached or not, by `PyMem_RawFree`; gives it back if there is none.
pub fn new_raw_block<T>(value: T) -> Result<core::ptr::NonNull<T>, T> {
    // SAFETY: any thread may ask for it.
    let place = unsafe { ffi::PyMem_RawMalloc(size_of::<T>()) }.cast::<T>();
    match core::ptr::NonNull::new(place) {
        Some(place) => {
            // SAFETY: large enough, aligned as `PyMem_*` aligns everything, and not shared.
            unsafe { place.write(value) };
            Ok(place)
        }
        None => Err(value),
    }
}
