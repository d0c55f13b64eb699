//! What made an awaitable: where its names come from for as long as nobody has set others.

use super::Store;
use crate::python::reference::{Borrowed, Owned};
use core::ffi::{CStr, c_void};
use core::mem;

/// What a maker is called that is known when it is compiled.
pub struct Definition {
    /// Its `__name__`.
    pub name: &'static CStr,
    /// Its `__qualname__`.
    pub qualified_name: &'static CStr,
}

/// What made an awaitable, in one word: nobody in particular, a definition, or a function. To keep it takes no memory, and
/// what it is called is looked up when somebody asks. So a function lives as long as the object, and its closure with it,
/// where a coroutine has copied the names.
#[repr(transparent)]
pub struct Maker {
    /// NULL; the address of a definition; or that of a function, with its lowest bit set, and a reference to it.
    tagged: *mut c_void,
}

/// The same, to look at.
pub enum Which<'a> {
    Nobody,
    Definition(&'static Definition),
    Function(Borrowed<'a>),
}

const FUNCTION: usize = 1;
const _: () = assert!(align_of::<Definition>() > FUNCTION);

impl Maker {
    /// Nobody in particular.
    pub const NOBODY: Self = Self {
        tagged: core::ptr::null_mut(),
    };

    /// A definition.
    pub const fn definition(definition: &'static Definition) -> Self {
        Self {
            tagged: (&raw const *definition).cast_mut().cast(),
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
        if self.is_function() {
            let function = self.tagged.map_addr(|address| address & !FUNCTION);
            // SAFETY: the reference is ours, and stays so while `self` is borrowed.
            return Which::Function(unsafe { Borrowed::new(function.cast()) });
        }
        // SAFETY: NULL, or a definition that lives for ever.
        match unsafe { self.tagged.cast::<Definition>().as_ref() } {
            Some(definition) => Which::Definition(definition),
            None => Which::Nobody,
        }
    }

    /// 0 for nobody.
    #[inline]
    pub(super) fn word(&self) -> usize {
        self.tagged.addr()
    }

    #[inline]
    fn is_function(&self) -> bool {
        self.tagged.addr() & FUNCTION != 0
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
        if let Which::Function(function) = self.which() {
            // SAFETY: the reference is ours, and given up here, once.
            drop(unsafe { Owned::optional(function.as_ptr()) });
        }
    }
}

impl Store<'_> {
    /// What made the object.
    pub fn maker(&self) -> &Maker {
        &self.contents.maker
    }

    /// Notes what made the object, and hands back what was noted before.
    pub fn set_maker(&mut self, maker: Maker) -> Maker {
        mem::replace(&mut self.contents.maker, maker)
    }

    /// Forgets what made the object where nothing can come of that; false where it might. A function that somebody else keeps
    /// as well is only one reference less, and no code runs.
    pub fn forget_maker(&mut self) -> bool {
        let is_kept = match self.contents.maker.which() {
            Which::Function(function) => function.is_shared(),
            _ => true,
        };
        if is_kept {
            self.contents.maker = Maker::NOBODY;
        }
        is_kept
    }
}
