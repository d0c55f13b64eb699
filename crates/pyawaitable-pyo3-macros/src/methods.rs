//! Methods.

use crate::function::{Parameters, divide, made, named, python_name, returned};
use crate::options::Options;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, FnArg, ImplItem, ImplItemFn, ItemImpl, Meta, Result, Type};

pub(crate) fn expand(options: TokenStream, mut block: ItemImpl) -> Result<TokenStream> {
    let mut own = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else {
            continue;
        };
        let options = method_options(&method.attrs)?;
        if method.sig.asyncness.is_none() && !options.stream {
            options.check_plain()?;
            refuse_coroutine(method)?;
            continue;
        }
        own.push(taken(&block.self_ty, method, &options)?);
    }
    let (generics, r#type) = (&block.generics, &block.self_ty);
    let own = (!own.is_empty()).then(|| quote!(impl #generics #r#type { #(#own)* }));
    Ok(quote! {
        #own

        #[::pyawaitable_pyo3::__private::pyo3::pymethods(#options)]
        #[pyo3(crate = "::pyawaitable_pyo3::__private::pyo3")]
        #block
    })
}

/// What `#[coroutine(...)]` says.
fn method_options(attributes: &[Attribute]) -> Result<Options> {
    match attributes
        .iter()
        .find(|each| each.path().is_ident("coroutine"))
    {
        Some(attribute) => match &attribute.meta {
            Meta::List(list) => {
                let options = Options::parse(list.tokens.clone())?;
                match options.rest.first() {
                    Some(unknown) => Err(syn::Error::new_spanned(
                        unknown,
                        "expected `detach`, `local`, `shield`, `spawn`, `stream` or `tokio`",
                    )),
                    None => Ok(options),
                }
            }
            _ => Ok(Options::default()),
        },
        None => Ok(Options::default()),
    }
}

/// Fails if a method that is not asynchronous is said to be a coroutine.
fn refuse_coroutine(method: &ImplItemFn) -> Result<()> {
    let attributes = &method.attrs;
    match attributes
        .iter()
        .find(|each| each.path().is_ident("coroutine"))
    {
        Some(attribute) => Err(syn::Error::new_spanned(
            attribute,
            "`#[coroutine]` is for an `async fn`, or for what returns a stream: `#[coroutine(stream)]`",
        )),
        None => Ok(()),
    }
}

/// Takes a method out of PyO3's block, and leaves its wrapper there.
fn taken(r#type: &Type, method: &mut ImplItemFn, options: &Options) -> Result<ImplItemFn> {
    let mut own = method.clone();
    let parameters = Parameters::take(&mut own.sig)?;
    let (for_pyo3, kept) = divide(&method.attrs);
    own.attrs = kept;
    let name = &method.sig.ident;
    let wrapper = format_ident!("__pyo3_{}", python_name(name).trim_matches('_'));
    let accessed = for_pyo3.iter().find_map(accessed);
    let python = accessed
        .clone()
        .flatten()
        .or_else(|| named(&for_pyo3, &[]))
        .unwrap_or_else(|| {
            let name = python_name(name);
            match (&accessed, name.strip_prefix("get_")) {
                (Some(_), Some(rest)) => rest.to_owned(),
                _ => name,
            }
        });
    let has_name = accessed.clone().flatten().is_some() || named(&for_pyo3, &[]).is_some();
    let given = (!has_name).then(|| quote!(#[pyo3(name = #python)]));
    let qualified = match r#type {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|last| python_name(&last.ident)),
        _ => None,
    };
    let qualified = qualified.map_or_else(|| python.clone(), |class| format!("{class}.{python}"));
    let (inputs, arguments) = (&parameters.inputs, &parameters.names);
    let receiver = method.sig.inputs.first().and_then(|first| match first {
        FnArg::Receiver(receiver) => Some(receiver),
        FnArg::Typed(_) => None,
    });
    let call = quote!(Self::#name(#(#arguments),*));
    let (receiver, guard, call) = match receiver {
        None => (None, None, call),
        Some(receiver) if receiver.reference.is_none() => {
            return Err(syn::Error::new_spanned(
                receiver,
                "a method takes `&self` or `&mut self`",
            ));
        }
        Some(receiver) if receiver.mutability.is_some() => (
            Some(quote!(__slf: &::pyawaitable_pyo3::__private::pyo3::Bound<'_, Self>,)),
            Some(quote!(let mut __guard = ::pyawaitable_pyo3::__private::GuardMut::new(__slf)?;)),
            quote!(__guard.get().#name(#(#arguments),*)),
        ),
        Some(_) => (
            Some(quote!(__slf: &::pyawaitable_pyo3::__private::pyo3::Bound<'_, Self>,)),
            Some(quote!(let __guard = ::pyawaitable_pyo3::__private::Guard::new(__slf)?;)),
            quote!(__guard.get().#name(#(#arguments),*)),
        ),
    };
    let made = made(options, &method.sig, &call, &python, &qualified);
    let returned = returned(options);
    // A class method has the class before all others.
    let is_class_method = for_pyo3
        .iter()
        .any(|each| each.path().is_ident("classmethod"));
    let (class, others) = inputs.split_at(usize::from(is_class_method).min(inputs.len()));
    let class = class.first().map(|class| quote!(#class,));
    let body = quote!({ #guard #made });
    *method = syn::parse_quote! {
        #(#for_pyo3)*
        #given
        #[doc(hidden)]
        #[allow(clippy::too_many_arguments)]
        fn #wrapper(
            #receiver
            #class
            __py: ::pyawaitable_pyo3::__private::pyo3::Python<'_>,
            #(#others),*
        ) -> #returned #body
    };
    Ok(own)
}

/// For a getter, the name that it gives, if it gives one.
fn accessed(attribute: &Attribute) -> Option<Option<String>> {
    if !attribute.path().is_ident("getter") {
        return None;
    }
    Some(match &attribute.meta {
        Meta::List(list) => Some(list.tokens.to_string()),
        _ => None,
    })
}
