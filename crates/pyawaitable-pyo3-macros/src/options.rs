//! What is in the parentheses of an attribute.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Meta, Result, Token};

/// How a coroutine or a generator is made.
#[derive(Default)]
pub(crate) struct Options {
    /// Polled while the thread is detached.
    pub(crate) detach: bool,
    /// Not `Send`.
    pub(crate) local: bool,
    /// The function returns a stream.
    pub(crate) stream: bool,
    /// What is PyO3's.
    pub(crate) rest: Vec<TokenStream>,
}

impl Options {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        let mut options = Self::default();
        for meta in Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens)? {
            match meta.path().get_ident().map(ToString::to_string).as_deref() {
                Some("detach" | "allow_threads") => options.detach = true,
                Some("local") => options.local = true,
                Some("stream") => options.stream = true,
                // Those of pyo3-async: all event loops will do.
                Some("asyncio" | "trio" | "sniffio") => {}
                _ => options.rest.push(meta.to_token_stream()),
            }
        }
        if options.detach && (options.local || options.stream) {
            return Err(syn::Error::new(
                proc_macro2::Span::call_site(),
                "`detach` goes with neither `local` nor `stream`",
            ));
        }
        Ok(options)
    }
}
