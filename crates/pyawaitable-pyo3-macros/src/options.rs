//! What is in the parentheses of an attribute.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, Meta, Result, Token};

/// How a coroutine or a generator is made.
#[derive(Default)]
pub(crate) struct Options {
    /// Polled while the thread is detached.
    pub(crate) detach: bool,
    /// Not `Send`.
    pub(crate) local: bool,
    /// Runs on when it is cancelled.
    pub(crate) shield: bool,
    /// Polled by tokio's runtime.
    pub(crate) spawn: bool,
    /// Polled with that entered.
    pub(crate) tokio: bool,
    /// The function returns a stream.
    pub(crate) stream: bool,
    /// A loop of Python's was named.
    pub(crate) backend: bool,
    /// What is PyO3's.
    pub(crate) rest: Vec<TokenStream>,
}

impl Options {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        let mut options = Self::default();
        for meta in Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens)? {
            let name = meta.path().get_ident().map(ToString::to_string);
            let own = match name.as_deref() {
                Some("detach" | "allow_threads") => &mut options.detach,
                Some("local") => &mut options.local,
                Some("shield") => &mut options.shield,
                Some("spawn") => &mut options.spawn,
                Some("stream") => &mut options.stream,
                Some("tokio") => &mut options.tokio,
                // Those of pyo3-async: all event loops will do.
                Some("asyncio" | "trio" | "sniffio") => &mut options.backend,
                _ => {
                    options.rest.push(meta.to_token_stream());
                    continue;
                }
            };
            if let Meta::Path(_) = meta {
                *own = true;
            } else {
                let name = name.unwrap_or_default();
                return Err(Error::new_spanned(meta, format!("`{name}` takes no value")));
            }
            if matches!(name.as_deref(), Some("tokio" | "spawn")) && !cfg!(feature = "tokio") {
                return Err(Error::new_spanned(
                    meta,
                    "this needs the feature `tokio` of pyawaitable-pyo3",
                ));
            }
        }
        options.check()?;
        Ok(options)
    }

    /// Fails if some do not go together.
    fn check(&self) -> Result<()> {
        let names = [
            (
                self.stream,
                "stream",
                [self.detach, self.shield, self.spawn, self.tokio, self.local],
            ),
            (
                self.local,
                "local",
                [self.detach, self.shield, self.spawn, false, false],
            ),
            (
                self.spawn,
                "spawn",
                [self.detach, self.tokio, false, false, false],
            ),
        ];
        let wrong = names
            .iter()
            .find(|(is_given, _, others)| *is_given && others.contains(&true));
        let Some((_, name, _)) = wrong else {
            return Ok(());
        };
        let others = match *name {
            "stream" => "`detach`, `local`, `shield`, `spawn` or `tokio`",
            "local" => "`detach`, `shield` or `spawn`",
            _ => "`detach` or `tokio`: the runtime does both by itself",
        };
        let text = format!("`{name}` does not go with {others}");
        Err(Error::new(proc_macro2::Span::call_site(), text))
    }

    /// Fails if an option is given that only means something for what is asynchronous.
    pub(crate) fn check_plain(&self) -> Result<()> {
        let given = [
            (self.detach, "detach"),
            (self.local, "local"),
            (self.shield, "shield"),
            (self.spawn, "spawn"),
            (self.tokio, "tokio"),
        ];
        match given.iter().find(|(is_given, _)| *is_given) {
            Some((_, name)) => {
                let text = format!("`{name}` is for an `async fn`");
                Err(Error::new(proc_macro2::Span::call_site(), text))
            }
            None => Ok(()),
        }
    }
}
