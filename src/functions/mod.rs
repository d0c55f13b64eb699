//! C functions that are `async def` functions: genuine functions of Python's, made from tables of methods.
//!
//! Tools that take a callable for an `async def` ask for a function object whose code says so. So each flagged entry of a table
//! becomes one: code of the entry's signature that calls a `Target`, which calls C. `compiler` makes the code, `install`
//! puts the functions where the table belongs, and `arguments` is for what they are called with.

pub mod arguments;
mod compiler;
pub mod coroutine;
mod fast_call;
pub mod install;
mod special;
