//! Code that knows nothing of Python: storage, memory that is kept, the rules of steps and callbacks.

pub mod buffer;
pub mod format;
pub mod free_list;
pub mod likely;
pub mod mailbox;
pub mod pool;
pub mod rules;
pub mod system;
