//! The engine: one for all bodies. A step enters it, an event loop or another awaitable gets what comes of it.

pub mod finalize;
mod resumed;
mod run;
pub mod step;
