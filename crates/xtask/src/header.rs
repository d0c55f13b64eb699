//! The parts of the header that cbindgen generates.

use crate::{Function, Result};
use std::path::Path;

/// The part of the header that is generated from a source file.
pub fn part(root: &Path, part: &str, source: &Path, functions: &[Function]) -> Result<String> {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    // Including those that no function of the same file takes.
    config.export.include = types(source)?;
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_include_guard(format!("PYAWAITABLE_{}_H", part.to_uppercase()))
        .with_src(source)
        .generate()?
        .write(&mut text);
    Ok(guarded(&String::from_utf8(text)?, functions))
}

/// The text with guards that leave out what was added after 3.0 if an older version is targeted.
fn guarded(text: &str, functions: &[Function]) -> String {
    let mut result = String::new();
    // A comment and the declaration after it.
    let mut item = String::new();
    let mut is_comment = false;
    for line in text.lines() {
        if line.starts_with("/*") {
            is_comment = true;
        }
        item.push_str(line);
        item.push('\n');
        if is_comment {
            is_comment = !line.ends_with("*/");
        } else if line.is_empty() || line.ends_with(';') || line.starts_with('#') {
            let newer = functions.iter().find(|function| {
                function.since > 0 && item.contains(&format!("{}(", function.name))
            });
            match newer {
                Some(function) if line.ends_with(';') => {
                    let minor = function.since;
                    result +=
                        &format!("#if PYAWAITABLE__DECLARED_MINOR >= {minor}\n{item}#endif\n");
                }
                _ => result += &item,
            }
            item.clear();
        }
    }
    result + &item
}

/// The names of the types that a file defines.
fn types(source: &Path) -> Result<Vec<String>> {
    let items = syn::parse_file(&std::fs::read_to_string(source)?)?.items;
    let name = |item| match item {
        syn::Item::Type(item) => Some(item.ident.to_string()),
        _ => None,
    };
    Ok(items.into_iter().filter_map(name).collect())
}
