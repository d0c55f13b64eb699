//! What the system is asked for: see system.c.

use core::ffi::{c_int, c_void};

/// What one side waits on, and the other tells.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Ends {
    /// What to wait on: a descriptor, but on Windows.
    pub r#in: isize,
    out: isize,
}

unsafe extern "C" {
    fn pyawaitable_system_open(ends: *mut Ends) -> c_int;
    fn pyawaitable_system_tell(ends: *const Ends);
    fn pyawaitable_system_clear(ends: *const Ends);
    fn pyawaitable_system_wait(ends: *const Ends);
    fn pyawaitable_system_close(ends: *const Ends);
    safe fn pyawaitable_system_process() -> u32;
    fn pyawaitable_system_start(
        function: unsafe extern "C" fn(*mut c_void),
        argument: *mut c_void,
    ) -> c_int;
    safe fn pyawaitable_system_pause();
    safe fn pyawaitable_system_look(descriptor: isize) -> c_int;
    safe fn pyawaitable_system_refuses(descriptor: isize) -> c_int;
}

impl Ends {
    /// None if the system has no more descriptors.
    pub fn open() -> Option<Self> {
        let mut ends = Self { r#in: -1, out: -1 };
        // SAFETY: a place for both.
        (unsafe { pyawaitable_system_open(&mut ends) } == 0).then_some(ends)
    }

    /// Ends the wait of the other side, or its next one.
    pub fn tell(&self) {
        // SAFETY: open for as long as this lives, which the owner sees to.
        unsafe { pyawaitable_system_tell(self) }
    }

    /// Takes note of what was told.
    pub fn clear(&self) {
        // SAFETY: as above.
        unsafe { pyawaitable_system_clear(self) }
    }

    /// Blocks the thread until told.
    pub fn wait(&self) {
        // SAFETY: as above.
        unsafe { pyawaitable_system_wait(self) }
    }

    /// # Safety
    /// Nobody uses them from here on.
    pub unsafe fn close(&self) {
        // SAFETY: the caller's promise.
        unsafe { pyawaitable_system_close(self) }
    }
}

/// Which process this is: a fork's child has another number than its parent.
#[inline]
pub fn process() -> u32 {
    pyawaitable_system_process()
}

/// Starts a thread, which gets no signals and which nobody waits for; false if there can be none.
///
/// # Safety
/// `function` may be called with `argument` in any thread.
pub unsafe fn start(function: unsafe extern "C" fn(*mut c_void), argument: *mut c_void) -> bool {
    // SAFETY: the caller's promise.
    unsafe { pyawaitable_system_start(function, argument) == 0 }
}

/// Lets a millisecond pass.
pub fn pause() {
    pyawaitable_system_pause();
}

/// What a descriptor is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Descriptor {
    /// It is not open.
    Closed,
    /// A file, or a folder: it is always ready.
    File,
    /// Something to wait for.
    Other,
}

/// What a descriptor is; on Windows, a socket.
pub fn look(descriptor: isize) -> Descriptor {
    match pyawaitable_system_look(descriptor) {
        0 => Descriptor::Other,
        1 => Descriptor::File,
        _ => Descriptor::Closed,
    }
}

/// Whether epoll refuses to watch it, since it is always ready. It is asked only when somebody seems to have been told so.
pub fn refuses(descriptor: isize) -> bool {
    pyawaitable_system_refuses(descriptor) != 0
}
