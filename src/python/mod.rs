//! CPython: its C API, and the library's layer over it. No other room names `pyo3_ffi`.

pub mod call;
pub mod eval_breaker;
pub mod exception;
pub mod ffi;
pub mod lazy;
pub mod lock;
pub mod memory;
pub mod name;
pub mod origin;
pub mod raised;
pub mod reference;
pub mod special_method;
pub mod stop_iteration;
pub mod thread;
pub mod traceback;
pub mod type_spec;
