//! What C code stores on an awaitable: the result, the saved values of three kinds, the names, where it was created.

use super::{INLINE, Store};
use crate::base::buffer::{Buffer, NoMemory};
use crate::python::ffi::PyObject;
use crate::python::memory::PythonMemory;
use crate::python::reference::{Borrowed, Owned};
use crate::store::cold::Cold;
use core::ffi::{c_long, c_void};

/// Saved objects, each a reference that is owned.
pub type Objects = Buffer<*mut PyObject, PythonMemory>;

/// The result and the saved objects.
impl Store<'_> {
    pub fn set_result(&mut self, result: Owned) -> Option<Owned> {
        self.contents.result.replace(result)
    }

    #[inline]
    pub fn has_result(&self) -> bool {
        self.contents.result.is_some()
    }

    /// Sets the result where there is none.
    #[inline]
    pub fn set_first_result(&mut self, result: Owned) {
        core::mem::forget(self.contents.result.replace(result));
    }

    #[inline]
    pub fn take_result(&mut self) -> Option<Owned> {
        self.contents.result.take()
    }

    /// How many objects are saved.
    pub fn object_count(&mut self) -> usize {
        let further = self.contents.cold().map_or(0, |cold| cold.objects.len());
        self.status.inline_objects as usize + further
    }

    /// The place of a saved object.
    pub fn object(&mut self, index: usize) -> Option<&mut *mut PyObject> {
        let saved = self.status.inline_objects as usize;
        if index < saved {
            self.contents.objects.get_mut(index)
        } else {
            self.contents.cold()?.objects.get_mut(index - saved)
        }
    }

    /// The saved objects, in order: those in the object itself, then the others.
    #[inline]
    pub fn objects(&mut self) -> (&[*mut PyObject], &[*mut PyObject]) {
        let saved = self.status.inline_objects as usize;
        // SAFETY: NULL or the block that `make_cold` made, borrowed as the rest of the store is.
        let cold = unsafe { self.contents.cold.as_ref() };
        (
            self.contents.objects.get(..saved).unwrap_or_default(),
            cold.map_or(&[], |cold| cold.objects.as_slice()),
        )
    }

    /// Saves all of `objects`, a new reference to each, or none.
    #[inline]
    pub fn save_objects(&mut self, objects: &[Borrowed<'_>]) -> Result<(), NoMemory> {
        let saved = self.status.inline_objects as usize;
        let room = INLINE - saved;
        let (inline, further) = objects.split_at_checked(room).unwrap_or((objects, &[]));
        if !further.is_empty() {
            let buffer = &mut self.contents.make_cold(self.colds)?.objects;
            buffer.extend(further, |object| object.to_owned().into_ptr())?;
        }
        for (place, &object) in self.contents.objects.iter_mut().skip(saved).zip(inline) {
            *place = object.to_owned().into_ptr();
        }
        self.status.inline_objects = (saved + inline.len()) as u8;
        Ok(())
    }
}

/// A saved value that is not an object.
pub trait Raw: Copy {
    /// The storage of this kind.
    fn buffer(cold: &mut Cold) -> &mut Buffer<Self, PythonMemory>;
}

impl Raw for *mut c_void {
    fn buffer(cold: &mut Cold) -> &mut Buffer<Self, PythonMemory> {
        &mut cold.arbitrary
    }
}

impl Raw for c_long {
    fn buffer(cold: &mut Cold) -> &mut Buffer<Self, PythonMemory> {
        &mut cold.integers
    }
}

/// The saved values of the other kinds, and the names.
impl Store<'_> {
    /// The saved values of this kind, in order.
    pub fn raw_values<T: Raw>(&mut self) -> &[T] {
        self.contents
            .cold()
            .map_or(&[], |cold| T::buffer(cold).as_slice())
    }

    /// The place of a saved value.
    pub fn raw<T: Raw>(&mut self, index: usize) -> Option<&mut T> {
        T::buffer(self.contents.cold()?).get_mut(index)
    }

    /// Saves all of `values` or none.
    pub fn save_raw<T: Raw>(&mut self, values: &[T]) -> Result<(), NoMemory> {
        T::buffer(self.contents.make_cold(self.colds)?).extend(values, |value| value)
    }

    /// `__name__` or, if `qualified`, `__qualname__`, where one has been set.
    pub fn name(&mut self, qualified: bool) -> Option<Borrowed<'_>> {
        let cold = self.contents.cold()?;
        let name = if qualified {
            &cold.qualified_name
        } else {
            &cold.name
        };
        name.as_ref().map(Owned::borrow)
    }

    /// Sets a name and returns what was there; without memory, the name itself.
    pub fn set_name(&mut self, qualified: bool, name: Owned) -> Result<Option<Owned>, Owned> {
        let Ok(cold) = self.contents.make_cold(self.colds) else {
            return Err(name);
        };
        Ok(if qualified {
            cold.qualified_name.replace(name)
        } else {
            cold.name.replace(name)
        })
    }
}

/// Where it was created.
impl Store<'_> {
    /// The origin, if it was recorded.
    pub fn origin(&mut self) -> Option<Borrowed<'_>> {
        self.contents.cold()?.origin.as_ref().map(Owned::borrow)
    }

    /// Records it; without memory, returns it.
    pub fn set_origin(&mut self, origin: Owned) -> Result<(), Owned> {
        match self.contents.make_cold(self.colds) {
            Ok(cold) => {
                cold.origin = Some(origin);
                Ok(())
            }
            Err(NoMemory) => Err(origin),
        }
    }
}
