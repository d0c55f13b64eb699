//! What comes from outside of Python: threads that know nothing of it wake what waits in an event loop.
//!
//! | file | what it is | who holds it |
//! |---|---|---|
//! | `waker` | what threads wake: counted memory without any Python object | the C author, a waiter, a promise |
//! | `channel` | an event loop's mailbox, and the descriptor that tells of it: counted memory as well | wakers, a hub |
//! | `hub` | the event loop's end of a channel: an object that knows who waits, and wakes them | the loop |
//! | `waiter` | one wait: what an awaitable drives, and what a task gets from it | an awaitable; the hub, until it is woken |
//! | `promise` | a waker with a value: what a thread will give, and an awaitable for it | its handle, its awaitable |
//! | `job` | work for the pool of threads, with a waker | its awaitable; the pool |
//! | `timer` | time, by the loop's own clock | |
//! | `descriptor` | waiting until a descriptor is ready | |
//! | `loops` | which event loop runs, and what it is asked for | |
//!
//! Threads leave wakers in the mailbox. The loop finds its descriptor readable, and has the hub empty it.
//!
//! A waker leads to its waiter by an address without a reference. It is set and cleared together with the hub's reference to the
//! waiter, under the hub's lock, which only threads that are attached take.

pub mod channel;
pub mod descriptor;
pub mod hub;
pub mod job;
pub mod loops;
mod native;
pub mod park;
pub mod promise;
pub mod timer;
pub mod waiter;
mod waiter_type;
pub mod waker;
