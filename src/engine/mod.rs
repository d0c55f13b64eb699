//! The engine: one for all bodies. A step enters it; an event loop or another awaitable gets the outcome.

pub mod finalize;
pub mod generator;
mod resumed;
mod run;
pub mod step;
mod straight;
