//! Functions.

use crate::options::Options;
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use std::ffi::CString;
use syn::{Attribute, FnArg, Ident, ItemFn, Meta, Pat, PatIdent, PatType, Result, Signature};

pub(crate) fn expand(options: TokenStream, function: ItemFn) -> Result<TokenStream> {
    let options = Options::parse(options)?;
    let rest = &options.rest;
    if function.sig.asyncness.is_none() && !options.stream {
        options.check_plain()?;
        return Ok(quote! {
            #[::pyawaitable_pyo3::__private::pyo3::pyfunction(#(#rest),*)]
            #[pyo3(crate = "::pyawaitable_pyo3::__private::pyo3")]
            #function
        });
    }
    let (mut wrapped, visibility) = (function.clone(), &function.vis);
    let parameters = Parameters::take(&mut wrapped.sig)?;
    let (for_pyo3, kept) = divide(&function.attrs);
    wrapped.attrs = kept;
    let name = &function.sig.ident;
    let wrapper = format_ident!("__pyo3_{}", python_name(name).trim_matches('_'));
    let python = python_name(name);
    let given = named(&for_pyo3, rest)
        .is_none()
        .then(|| quote!(#[pyo3(name = #python)]));
    let arguments = &parameters.names;
    let inputs = &parameters.inputs;
    let call = quote!(#name(#(#arguments),*));
    let made = made(&options, &function.sig, &call, &python, &python);
    let returned = returned(&options);
    Ok(quote! {
        #wrapped

        #[doc(hidden)]
        #[::pyawaitable_pyo3::__private::pyo3::pyfunction(#(#rest),*)]
        #[pyo3(crate = "::pyawaitable_pyo3::__private::pyo3")]
        #given
        #(#for_pyo3)*
        #[allow(clippy::too_many_arguments)]
        #visibility fn #wrapper(
            __py: ::pyawaitable_pyo3::__private::pyo3::Python<'_>,
            #(#inputs),*
        ) -> #returned {
            #made
        }

        // What `wrap_pyfunction!` looks for: a module named after the function.
        #[doc(hidden)]
        #visibility mod #name {
            #[allow(unused_imports)]
            pub use super::#wrapper::*;
        }
    })
}

/// The parameters of a function, as the wrapper has them.
pub(crate) struct Parameters {
    /// Without the receiver.
    pub(crate) inputs: Vec<PatType>,
    pub(crate) names: Vec<Ident>,
}

impl Parameters {
    /// Copies them, and takes what is PyO3's away from the function's own.
    pub(crate) fn take(signature: &mut Signature) -> Result<Self> {
        let (mut inputs, mut names) = (Vec::new(), Vec::new());
        for (at, input) in signature.inputs.iter_mut().enumerate() {
            let FnArg::Typed(typed) = input else {
                continue;
            };
            let mut copy = typed.clone();
            typed
                .attrs
                .retain(|attribute| !attribute.path().is_ident("pyo3"));
            let name = match &*typed.pat {
                Pat::Ident(PatIdent { ident, .. }) => ident.clone(),
                Pat::Wild(_) => format_ident!("_{}", at),
                pattern => {
                    return Err(syn::Error::new_spanned(
                        pattern,
                        "a parameter that Python code can pass needs a name",
                    ));
                }
            };
            copy.pat = Box::new(syn::parse_quote!(#name));
            inputs.push(copy);
            names.push(name);
        }
        Ok(Self { inputs, names })
    }
}

/// What is documentation or PyO3's goes to the wrapper; documentation stays as well.
pub(crate) fn divide(attributes: &[Attribute]) -> (Vec<Attribute>, Vec<Attribute>) {
    const PYO3: [&str; 8] = [
        "pyo3",
        "getter",
        "setter",
        "deleter",
        "staticmethod",
        "classmethod",
        "classattr",
        "new",
    ];
    let is_pyo3 = |attribute: &Attribute| PYO3.iter().any(|name| attribute.path().is_ident(name));
    let for_pyo3 = attributes
        .iter()
        .filter(|each| is_pyo3(each) || each.path().is_ident("doc") || each.path().is_ident("cfg"))
        .cloned()
        .collect();
    let kept = attributes
        .iter()
        .filter(|each| !is_pyo3(each) && !each.path().is_ident("coroutine"))
        .cloned()
        .collect();
    (for_pyo3, kept)
}

/// The name that is given in `#[pyo3(name = "...")]`, or among the options, if there is one.
pub(crate) fn named(attributes: &[Attribute], options: &[TokenStream]) -> Option<String> {
    let is_name = |text: &str| {
        let (name, value) = text.split_once('=')?;
        (name.trim() == "name").then(|| value.trim().trim_matches('"').to_owned())
    };
    let from_options = options.iter().find_map(|each| is_name(&each.to_string()));
    from_options.or_else(|| {
        attributes
            .iter()
            .find_map(|attribute| match &attribute.meta {
                Meta::List(list) if attribute.path().is_ident("pyo3") => {
                    list.tokens.to_string().split(',').find_map(is_name)
                }
                _ => None,
            })
    })
}

/// The name without what marks an identifier that is a keyword.
pub(crate) fn python_name(name: &Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}

/// The type that the wrapper returns.
pub(crate) fn returned(options: &Options) -> TokenStream {
    let made = if options.stream {
        quote!(AsyncGenerator)
    } else {
        quote!(Coroutine)
    };
    quote!(::pyawaitable_pyo3::__private::pyo3::PyResult<::pyawaitable_pyo3::#made>)
}

/// The body of the wrapper: what makes the object of a call.
pub(crate) fn made(
    options: &Options,
    signature: &Signature,
    call: &TokenStream,
    name: &str,
    qualified: &str,
) -> TokenStream {
    let text = |text: &str| Literal::c_string(&CString::new(text).unwrap_or_default());
    let (name, qualified) = (text(name), text(qualified));
    let names = quote! {
        static __NAMES: ::pyawaitable_pyo3::__private::Definition =
            ::pyawaitable_pyo3::__private::Definition {
                name: #name,
                qualified_name: #qualified,
            };
    };
    if options.stream {
        let stream = if signature.asyncness.is_some() {
            quote!(::pyawaitable_pyo3::__private::later(#call))
        } else {
            call.clone()
        };
        return quote! {
            #names
            ::pyawaitable_pyo3::__private::generator(__py, &__NAMES, #stream)
        };
    }
    let make = match (options.local, options.shield) {
        (true, _) => quote!(local_coroutine),
        (false, true) => quote!(shielded_coroutine),
        (false, false) => quote!(coroutine),
    };
    let future = if options.detach {
        quote!(::pyawaitable_pyo3::DetachExt::detach(#call))
    } else {
        call.clone()
    };
    // A runtime may drop the future, which is an error of PyO3's.
    let error = options.spawn.then(|| {
        quote!(.map_err(::core::convert::Into::<::pyawaitable_pyo3::__private::pyo3::PyErr>::into))
    });
    let future = quote! {
        async move {
            #[allow(unused_imports)]
            use ::pyawaitable_pyo3::__private::Plain as _;
            ::pyawaitable_pyo3::__private::Output(#future.await).into_result() #error
        }
    };
    let runtime = quote!(&::pyawaitable_pyo3::tokio::handle()?);
    let future = if options.spawn {
        quote!(::pyawaitable_pyo3::RuntimeExt::spawn_on(#future, #runtime))
    } else if options.tokio {
        quote!(::pyawaitable_pyo3::RuntimeExt::enter(#future, #runtime))
    } else {
        future
    };
    quote! {
        #names
        ::pyawaitable_pyo3::__private::#make(__py, &__NAMES, #future)
    }
}
