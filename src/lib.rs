//! PyAwaitable: `async` functions for Python, written in C.
//!
//! A C extension cannot `await`. It can make an awaitable, queue on it what is to be awaited, with a callback for each
//! value, and return it: Python then awaits that like what an `async def` returns. This crate is the object, and the C
//! API that makes and fills it: [`capi`], whose documentation becomes the header `pyawaitable.h`.
//!
//! The code stands on floors; a file knows only the floors below it.
//!
//! | floor | file | |
//! |---|---|---|
//! | 0 | `ffi` | CPython's C API, and what `pyo3-ffi` lacks of it |
//! | 1 | `raised`, `reference`, `exception`, `definition`, `lock`, `thread` | an exception is set; references; tables for CPython |
//! | 2 | `pool`, `stop`, `special`, `origin` | memory kept for the next object; results as `StopIteration`; special methods; where it was made |
//! | 1 | `buffer`, `machine` | storage that can fail; the state machine. Neither knows Python |
//! | 2 | `callback`, `inner` | a queued await; an inner awaitable: started, sent to, thrown into, closed |
//! | 3 | `store`, `state` | what an awaitable holds; what an interpreter owns |
//! | 4 | `awaitable`, `trashcan` | the object: layout, coming and going |
//! | 5 | `async_with` | entering and leaving a block |
//! | 6 | `coroutine` | the engine: advance, send, throw, close |
//! | 7 | `steps`, `iterator`, `attributes` | the slots, methods and attributes |
//! | 8 | `capi` | the `extern "C"` edge |
//! | 9 | `module` | `_pyawaitable` |

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

mod async_with;
mod attributes;
mod awaitable;
mod buffer;
mod callback;
pub mod capi;
mod coroutine;
mod definition;
mod exception;
mod ffi;
mod inner;
mod iterator;
mod lock;
mod machine;
mod module;
mod origin;
mod pool;
mod raised;
mod reference;
mod special;
mod state;
mod steps;
mod stop;
mod store;
mod thread;
mod trashcan;
