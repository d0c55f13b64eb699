//! PyAwaitable: `async` functions for Python, written in C.
//!
//! A C extension cannot `await`. Instead it creates an awaitable, queues awaits on it, each with a callback for its value, and
//! returns it: Python then awaits it like the result of an `async def`. This crate implements the object, and the C API that
//! creates and fills it: `capi`, whose documentation becomes the header `pyawaitable.h`.
//!
//! Code in Rust has an edge of its own, [`rust`]. Without the feature `c-api`, which is on by default, that is all there is: the
//! crate then exports no C function and no module, so that any number of extension modules can have it linked in.
//!
//! The code is divided into rooms. Each is a folder, and knows only those before it; a test checks the imports.
//!
//! | room | what is in it |
//! |---|---|
//! | `base` | code that knows nothing of Python: storage that can fail, free lists, the rules of steps and callbacks |
//! | `python` | CPython's C API, and the library's layer over it: references, exceptions, threads, the eval breaker |
//! | `store` | what an awaitable holds: the queue, what is in progress, blocks, saved values |
//! | `inner` | an inner awaitable: started, sent to, thrown into, closed |
//! | `object` | the object: layout, what an interpreter owns, creation and destruction, the trashcan |
//! | `outside` | what waits in an event loop until a thread wakes it: wakers, mailboxes, promises |
//! | `body` | what drives an awaitable: the queue of callbacks, with `async with` |
//! | `engine` | the steps, the loop, the finalizer |
//! | `types` | the types as CPython sees them: slots, methods, attributes |
//! | `rust` | the edge for code in Rust: bodies that are values of a type |
//! | `functions` | C functions that are `async def` functions |
//! | `capi` | the `extern "C"` edge: checks and converts |
//! | `module` | `_pyawaitable` |

// No panic that a user can reach.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing
)]
#![allow(non_snake_case, non_upper_case_globals)]
#![cfg_attr(not(feature = "c-api"), allow(dead_code, unused_imports))]
#![allow(
    clippy::missing_safety_doc,
    reason = "C's rules stand in the functions' own documentation"
)]

mod base;
mod body;
#[cfg(feature = "c-api")]
pub mod capi;
mod engine;
#[cfg(feature = "c-api")]
mod functions;
mod inner;
#[cfg(feature = "c-api")]
mod module;
mod object;
mod outside;
mod python;
pub mod rust;
mod store;
mod types;
