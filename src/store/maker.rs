//! What made an awaitable: where its names come from until others are set.

use super::Store;
use crate::python::reference::{Borrowed, Owned};
use core::ffi::{CStr, c_char, c_void};
use core::mem;

/// The names of a maker that is known at compile time.
pub struct Definition {
    /// Its `__name__`.
    pub name: &'static CStr,
    /// Its `__qualname__`.
    pub qualified_name: &'static CStr,
}

/// What made an awaitable, in one word: nothing in particular, a definition, or a function. Keeping it takes no memory, and its
/// names are looked up on request. So a function, and its closure, lives as long as the object, while a coroutine has copied
/// the names.
#[repr(transparent)]
pub struct Maker {
    /// NULL; the address of a definition; that of a name in C, with bit 1 set; or that of a function, with bit 0 set, and with a
    /// reference to it.
    tagged: *mut c_void,
}

/// The same, decoded.
pub enum Which<'a> {
    Nobody,
    Definition(&'static Definition),
    /// A C string that lives forever.
    Text(*const c_char),
    Function(Borrowed<'a>),
}

const FUNCTION: usize = 1;
const TEXT: usize = 2;
const _: () = assert!(align_of::<Definition>() > FUNCTION | TEXT);

impl Maker {
    /// Nothing in particular.
    pub const NOBODY: Self = Self {
        tagged: core::ptr::null_mut(),
    };

    /// A definition.
    pub const fn definition(definition: &'static Definition) -> Self {
        Self {
            tagged: (&raw const *definition).cast_mut().cast(),
        }
    }

    /// The name that is at this place: a C string, or NULL.
    ///
    /// # Safety
    /// The place and the string live forever.
    pub unsafe fn text(place: *const *const c_char) -> Self {
        let tagged = place.map_addr(|address| address | TEXT);
        Self {
            tagged: tagged.cast_mut().cast(),
        }
    }

    /// A function, or whatever else has a `__name__` and a `__qualname__`.
    pub fn function(function: Owned) -> Self {
        let tagged = function.into_ptr().map_addr(|address| address | FUNCTION);
        Self {
            tagged: tagged.cast(),
        }
    }

    /// What it is.
    #[inline]
    pub fn which(&self) -> Which<'_> {
        if let Some(function) = self.as_function() {
            return Which::Function(function);
        }
        if self.is_text() {
            let place = self.tagged.map_addr(|address| address & !TEXT);
            // SAFETY: as `text` was promised.
            let text = unsafe { place.cast::<*const c_char>().read() };
            return if text.is_null() {
                Which::Nobody
            } else {
                Which::Text(text)
            };
        }
        // SAFETY: NULL, or a definition that lives forever.
        match unsafe { self.tagged.cast::<Definition>().as_ref() } {
            Some(definition) => Which::Definition(definition),
            None => Which::Nobody,
        }
    }

    /// 0 for nothing.
    #[inline]
    pub(super) fn word(&self) -> usize {
        self.tagged.addr()
    }

    /// The function, if it is one.
    #[inline]
    fn as_function(&self) -> Option<Borrowed<'_>> {
        if self.tagged.addr() & FUNCTION == 0 {
            return None;
        }
        let function = self.tagged.map_addr(|address| address & !FUNCTION);
        // SAFETY: we own the reference for as long as `self` is borrowed.
        Some(unsafe { Borrowed::new(function.cast()) })
    }

    /// Whether it is a name in C, which a function's name replaces.
    #[inline]
    pub fn is_text(&self) -> bool {
        self.tagged.addr() & TEXT != 0
    }
}

impl Clone for Maker {
    fn clone(&self) -> Self {
        match self.which() {
            Which::Function(function) => Self::function(function.to_owned()),
            _ => Self {
                tagged: self.tagged,
            },
        }
    }
}

impl Drop for Maker {
    #[inline]
    fn drop(&mut self) {
        if let Some(function) = self.as_function() {
            // SAFETY: we own the reference, and give it up here, once.
            drop(unsafe { Owned::optional(function.as_ptr()) });
        }
    }
}

impl Store<'_> {
    /// What made the object.
    pub fn maker(&self) -> &Maker {
        &self.contents.maker
    }

    /// Whether no function is noted, and no name is set.
    #[inline]
    pub fn is_nameless(&mut self) -> bool {
        (self.contents.maker.word() == 0 || self.contents.maker.is_text())
            && (!self.has_cold() || (self.name(false).is_none() && self.name(true).is_none()))
    }

    /// Notes what made the object, and returns what was noted before.
    pub fn set_maker(&mut self, maker: Maker) -> Maker {
        mem::replace(&mut self.contents.maker, maker)
    }

    /// Forgets what made the object if that cannot run code; returns false if it might. For a function that is also kept
    /// elsewhere, it only drops a reference, and no code runs.
    #[inline(always)]
    pub fn forget_maker(&mut self) -> bool {
        let maker = &mut self.contents.maker;
        if let Some(function) = maker.as_function() {
            if !function.is_shared() {
                return false;
            }
            *maker = Maker::NOBODY;
        }
        maker.tagged = core::ptr::null_mut();
        true
    }
}
