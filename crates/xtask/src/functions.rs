//! The functions: their names and notes from the Rust sources, their prototypes from cbindgen's output.

use crate::Result;
use std::path::Path;

/// A function of the C API.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// Its full name.
    pub name: String,
    /// The minor version of 3.x that added it.
    pub since: u32,
    /// Whether the header defines it in every mode, so that it is not in the table.
    pub is_inline: bool,
    /// The parameters whose references it steals. NULL for one of them is a failure whose exception is already set.
    pub steals: Vec<String>,
    /// What it returns, in C.
    pub result: String,
    /// The types and names of its parameters, in C.
    pub parameters: Vec<(String, String)>,
}

impl Function {
    /// Its name in the table.
    pub fn entry(&self) -> &str {
        self.name.strip_prefix("PyAwaitable_").unwrap_or(&self.name)
    }

    /// What it returns when it fails; nothing if it returns nothing.
    pub fn failure(&self) -> Option<&'static str> {
        match &*self.result {
            "void" => None,
            result if result.ends_with('*') => Some("NULL"),
            _ => Some("-1"),
        }
    }

    /// Its type, as in a pointer to it.
    pub fn pointer_type(&self) -> String {
        let types: Vec<_> = self.parameters.iter().map(|(kind, _)| &**kind).collect();
        let types = if types.is_empty() {
            "void".to_owned()
        } else {
            types.join(", ")
        };
        format!("{}(*)({types})", spaced(&self.result))
    }
}

/// A type with the space that separates it from a name.
pub fn spaced(kind: &str) -> String {
    if kind.ends_with('*') {
        kind.to_owned()
    } else {
        format!("{kind} ")
    }
}

/// The functions of a source file, without their prototypes.
pub fn documented(source: &Path) -> Result<Vec<Function>> {
    let file = syn::parse_file(&std::fs::read_to_string(source)?)?;
    let mut found = Vec::new();
    for item in file.items {
        let syn::Item::Fn(item) = item else { continue };
        let name = item.sig.ident.to_string();
        if item.sig.abi.is_none() || !name.starts_with("PyAwaitable_") {
            continue;
        }
        let mut function = Function {
            name,
            ..Function::default()
        };
        for line in item.attrs.iter().filter_map(documentation) {
            let line = line.trim();
            if let Some(version) = line.strip_prefix("New in 3.") {
                function.since = version.trim_end_matches('.').parse()?;
            } else if let Some(parameter) = line.strip_prefix("cbindgen:steals=") {
                function.steals.push(parameter.to_owned());
            } else if line == "cbindgen:prefix=PYAWAITABLE_INLINE" {
                function.is_inline = true;
            }
        }
        found.push(function);
    }
    Ok(found)
}

/// The line in a documentation attribute.
fn documentation(attribute: &syn::Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match &pair.value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(line),
            ..
        }) if pair.path.is_ident("doc") => Some(line.value()),
        _ => None,
    }
}

/// The functions with the prototypes from a part of the header.
pub fn with_prototypes(functions: Vec<Function>, header: &str) -> Result<Vec<Function>> {
    let code = without_comments(header);
    functions
        .into_iter()
        .map(|function| with_prototype(function, &code))
        .collect()
}

fn with_prototype(mut function: Function, code: &str) -> Result<Function> {
    let complaint = || format!("the header has no prototype of {}", function.name);
    let name = format!("{}(", function.name);
    let (before, after) = code.split_once(&name).ok_or_else(complaint)?;
    let (parameters, _) = after.split_once(");").ok_or_else(complaint)?;
    let start = before.rfind("PYAWAITABLE_").ok_or_else(complaint)?;
    let result = before[start..]
        .split_once(char::is_whitespace)
        .ok_or_else(complaint)?;
    function.result = words(result.1);
    function.parameters = parameters
        .split(',')
        .map(words)
        .filter(|parameter| parameter != "void")
        .map(|parameter| match parameter.rfind([' ', '*']) {
            Some(end) if parameter != "..." => (
                parameter[..=end].trim_end().to_owned(),
                parameter[end + 1..].to_owned(),
            ),
            _ => (parameter, String::new()),
        })
        .collect();
    Ok(function)
}

fn without_comments(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    code + rest
}

/// The text with single spaces between its words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
