//! The object: its layout, what an interpreter owns of it, creation and destruction.

pub mod awaitable;
mod create;
pub mod current;
pub mod frames;
pub mod generator;
pub mod lifetime;
pub mod outside;
mod release;
pub mod state;
pub mod trashcan;
