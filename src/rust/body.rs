//! What a body is.

use crate::python::ffi;
use crate::python::raised::Raised;
use crate::python::reference::Borrowed;
use crate::store::body::{Action, Event};
use core::any::Any;
use core::ffi::c_int;
use core::pin::Pin;
use std::string::String;

/// A body: what drives an awaitable or a generator.
///
/// It lives in the object's frame. It never moves there, is resumed by one step at a time, which need not be in the same thread
/// each time, and is dropped once: when it has ended, or the object has been closed, or goes. That happens in the thread that
/// does it, which is attached.
///
/// Its methods take a shared reference because the garbage collector may [visit](Body::visit) it while it is resumed. What it
/// changes is in cells.
pub trait Body: Send + 'static {
    /// Goes on from where it left off. No exception is set, except that of [`Event::Raised`]. The awaitable, or the generator,
    /// is that which the body drives.
    ///
    /// Not called any more once it has returned [`Action::Return`] or [`Action::Raise`].
    fn resume(self: Pin<&Self>, awaitable: Borrowed<'_>, event: Event) -> Action;

    /// Calls the function for each Python object that the body has a reference to, until that returns something other than 0, and
    /// returns that. Runs no Python code, and takes no lock.
    ///
    /// A body that does not say which objects it holds may keep them, and itself, alive forever, if they lead back to it.
    fn visit(&self, visit: &mut dyn FnMut(Borrowed<'_>) -> c_int) -> c_int {
        let _ = visit;
        0
    }

    /// How many bytes of memory it has, besides itself, for `__sizeof__`.
    fn bytes(&self) -> usize {
        0
    }

    /// Sets the exception that a panic becomes: by default a `RuntimeError` with its message. One in `resume` ends the body, and
    /// is what the step raises; one in a destructor goes to `sys.unraisablehook`.
    fn panicked(payload: &(dyn Any + Send)) -> Raised {
        let message = match (
            payload.downcast_ref::<&str>(),
            payload.downcast_ref::<String>(),
        ) {
            (Some(text), _) => text,
            (_, Some(text)) => text.as_str(),
            _ => "a panic without a message",
        };
        let length = ffi::Py_ssize_t::try_from(message.len()).unwrap_or(0);
        // SAFETY: as many bytes of UTF-8; the thread is attached, and the text is given away.
        unsafe {
            let text = ffi::PyUnicode_FromStringAndSize(message.as_ptr().cast(), length);
            Raised::with_text(ffi::PyExc_RuntimeError, text)
        }
    }
}
