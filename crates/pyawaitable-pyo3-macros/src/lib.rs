//! The macros of `pyawaitable-pyo3`, which documents them.

mod function;
mod methods;
mod options;

use proc_macro::TokenStream;
use syn::{ItemFn, ItemImpl, parse_macro_input};

/// PyO3's `#[pyfunction]`, which also takes `async fn`, and functions that return streams.
#[proc_macro_attribute]
pub fn pyfunction(options: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    function::expand(options.into(), function)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// PyO3's `#[pymethods]`, whose methods may be `async fn`, or return streams.
#[proc_macro_attribute]
pub fn pymethods(options: TokenStream, item: TokenStream) -> TokenStream {
    let block = parse_macro_input!(item as ItemImpl);
    methods::expand(options.into(), block)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
