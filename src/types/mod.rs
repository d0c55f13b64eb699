//! The types, as CPython sees them: slots, methods, attributes.

pub mod awaitable_type;
pub mod generator_type;
pub mod iterator;
pub mod slots;
pub mod target;
