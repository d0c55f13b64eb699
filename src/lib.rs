//! PyAwaitable: `async` functions for Python, written in C.
//!
//! A C extension cannot `await`. It can make an awaitable, queue on it what is to be awaited, with a callback for each
//! value, and return it: Python then awaits that like what an `async def` returns. This crate is the object, and the C
//! API that makes and fills it: [`capi`], whose documentation becomes the header `pyawaitable.h`.
//!
//! The code is laid out in rooms. Each is a folder, and knows only those before it; a test reads the imports, and holds them
//! to it.
//!
//! | room | what is in it |
//! |---|---|
//! | `base` | what knows no Python: storage that can fail, free lists, the rules of steps and callbacks |
//! | `python` | CPython's C API, and what the library makes of it: references, exceptions, threads, the eval breaker |
//! | `store` | what an awaitable holds: the queue, what is in progress, blocks, saved values |
//! | `inner` | an inner awaitable: started, sent to, thrown into, closed |
//! | `object` | the object: layout, what an interpreter owns, how it comes and goes, the trashcan |
//! | `body` | what drives an awaitable: the queue of callbacks, with `async with` |
//! | `engine` | the steps, the loop, the finalizer |
//! | `types` | the types as CPython sees them: slots, methods, attributes |
//! | `capi` | the `extern "C"` edge: checks and converts |
//! | `module` | `_pyawaitable` |

// No panic on the way of a user.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing
)]
#![allow(non_snake_case, non_upper_case_globals)]
#![allow(
    clippy::missing_safety_doc,
    reason = "C's rules stand in the functions' own documentation"
)]

mod base;
mod body;
pub mod capi;
mod engine;
mod inner;
mod module;
mod object;
mod python;
mod store;
mod types;
