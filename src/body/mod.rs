//! What drives an awaitable: its body, of which the queue of callbacks is the first kind. The engine tells a body what has
//! happened, and asks it what comes next.

pub mod queue;
