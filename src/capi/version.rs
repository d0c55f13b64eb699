//! The version of the API.

use core::ffi::c_int;

/// The major version of the API. It changes when extensions have to be changed or recompiled.
pub const PyAwaitable_MAJOR_VERSION: c_int = 3;
/// The minor version of the API. It changes when something is added.
pub const PyAwaitable_MINOR_VERSION: c_int = 1;
/// The micro version of the API.
pub const PyAwaitable_MICRO_VERSION: c_int = 0;
/// The release level, as CPython counts it: 0xA is alpha, 0xB beta, 0xC a release candidate, 0xF a final release.
pub const PyAwaitable_RELEASE_LEVEL: c_int = 0xF;
