//! What a body is defined by, as the header has it, and whether that is valid.

use super::frame::{Function, Head, Slot};
use crate::base::likely::likely;
use crate::object::state::State;
use crate::python::ffi::{self, Py_ssize_t};
use crate::python::raised::{Kind, Raised, Result};
use core::ffi::{CStr, c_char, c_void};
use core::sync::atomic::Ordering;

/// `PyAwaitable_Definition`.
#[repr(C)]
pub struct Definition {
    size: Py_ssize_t,
    pub name: *const c_char,
    pub body: Option<Function>,
    pub file: *const c_char,
    pub frame_size: Py_ssize_t,
    head_size: Py_ssize_t,
    pub(super) first_reference: Py_ssize_t,
    pub(super) references: Py_ssize_t,
    pub(super) traverse: Option<ffi::traverseproc>,
    pub(super) release: Option<unsafe extern "C" fn(*mut c_void)>,
}

impl Definition {
    /// Fails with `SystemError` unless a frame can be made of it. The one that was last found to be valid is not looked at again.
    #[inline(always)]
    pub fn check(&'static self, state: &State) -> Result<()> {
        let address = (&raw const *self).cast_mut().cast();
        if likely(state.valid.load(Ordering::Relaxed) == address) {
            return Ok(());
        }
        self.check_anew()?;
        state.valid.store(address, Ordering::Relaxed);
        Ok(())
    }

    #[inline(never)]
    fn check_anew(&self) -> Result<()> {
        match self.fault() {
            None => Ok(()),
            Some(text) => Err(Raised::new(Kind::SystemError, text)),
        }
    }

    /// What is wrong with it.
    fn fault(&self) -> Option<&'static CStr> {
        let slot = size_of::<Slot>() as Py_ssize_t;
        if !self.has_known_size() {
            return Some(
                c"a PyAwaitable_Definition of another size: written by hand, or made for a newer PyAwaitable",
            );
        }
        if self.body.is_none() {
            return Some(c"a PyAwaitable_Definition without a body");
        }
        if self.frame_size < self.head_size {
            return Some(c"a PyAwaitable_Definition whose frame is smaller than its head");
        }
        if self.head_size != size_of::<Head>() as Py_ssize_t {
            return Some(
                c"a PyAwaitable_Definition with a head of another size: written by hand, or made for a newer PyAwaitable",
            );
        }
        if self.frame_size > LARGEST {
            return Some(c"a PyAwaitable_Definition whose frame is too large");
        }
        let first = self.first_reference;
        if first < self.head_size || first > self.frame_size || first % slot != 0 {
            return Some(
                c"a PyAwaitable_Definition whose references begin in the head, beyond the frame, or askew",
            );
        }
        if self.references < 0 || self.references > (self.frame_size - first) / slot {
            return Some(c"a PyAwaitable_Definition with more references than fit into its frame");
        }
        None
    }

    /// Whether it is at least as large as the first that was published. What a newer one has behind that has to be zero: then it
    /// asks for nothing that is not known here.
    fn has_known_size(&self) -> bool {
        let known = size_of::<Self>() as Py_ssize_t;
        if !(known..=LARGEST_DEFINITION).contains(&self.size) {
            return false;
        }
        let rest = (&raw const *self).wrapping_add(1).cast::<u8>();
        // SAFETY: the author's object is as large as it says.
        let rest = unsafe { core::slice::from_raw_parts(rest, (self.size - known) as usize) };
        rest.iter().all(|byte| *byte == 0)
    }
}

/// More than a definition will ever need: beyond it, the size is not one.
const LARGEST_DEFINITION: Py_ssize_t = 1 << 10;
/// Far more than a frame needs.
const LARGEST: Py_ssize_t = 1 << 30;
