//! What an interpreter keeps for what comes from outside.

use crate::python::lazy::Lazy;
use crate::python::raised::Result;
use crate::python::reference::{Borrowed, Owned};

/// One of the things that are kept.
#[derive(Clone, Copy)]
pub enum Kept {
    /// The type of hubs.
    HubType,
    /// The type of waiters.
    WaiterType,
    /// A dictionary: weak references to hubs, by the addresses of their loops.
    Hubs,
    /// `asyncio.events._get_running_loop`.
    RunningLoop,
    /// `sniffio.thread_local`.
    Sniffio,
    /// `trio.lowlevel`.
    Trio,
    /// `trio.lowlevel.reschedule`.
    Reschedule,
    /// What `atexit` calls to wait for the pool.
    PoolExit,
    /// A capsule: inputs of work that are done with.
    Inputs,
}

const COUNT: usize = Kept::Inputs as usize + 1;

/// All of them, made when they are first needed.
pub struct Outside([Lazy; COUNT]);

impl Outside {
    pub const fn new() -> Self {
        Self([const { Lazy::new() }; COUNT])
    }

    /// One of them; made now, if it has not been.
    #[inline]
    pub fn get(&self, kept: Kept, make: impl FnOnce() -> Result<Owned>) -> Result<Borrowed<'_>> {
        let found = self.find(kept);
        match found.and_then(Lazy::get) {
            Some(object) => Ok(object),
            None => Ok(match found {
                Some(place) => place.keep(make()?),
                None => Borrowed::none(),
            }),
        }
    }

    /// One of them, if it has been made.
    #[inline]
    pub fn made(&self, kept: Kept) -> Option<Borrowed<'_>> {
        self.find(kept)?.get()
    }

    fn find(&self, kept: Kept) -> Option<&Lazy> {
        self.0.get(kept as usize)
    }

    /// Releases all of them.
    ///
    /// # Safety
    /// As [`Lazy::take`].
    pub unsafe fn release(&self) {
        for kept in &self.0 {
            // SAFETY: the caller's promise.
            drop(unsafe { kept.take() });
        }
    }
}
