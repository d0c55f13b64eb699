//! The lists of the functions: in docs/abi.md, which is also the record of their order in the table, and for the tests.

use crate::{Function, Result};

/// The path of the record.
pub const DOCUMENT: &str = "docs/abi.md";
const BEGINNING: &str = "<!-- made by `make header` -->\n";
const END: &str = "<!-- until here -->\n";

/// The document in three parts: before the list, the list, and after it.
fn parts(document: &str) -> Result<(&str, &str, &str)> {
    let complaint = || format!("{DOCUMENT} has lost the marks around its list");
    let (before, rest) = document.split_once(BEGINNING).ok_or_else(complaint)?;
    let (list, after) = rest.split_once(END).ok_or_else(complaint)?;
    Ok((before, list, after))
}

/// The functions of the table: those that the document lists, in its order, followed by the new ones.
pub fn in_order(document: &str, functions: &[Function]) -> Result<Vec<Function>> {
    let (_, list, _) = parts(document)?;
    // | offset | `name` | `type` | since |
    let cell = |line: &str| Some(line.split('|').nth(2)?.trim().trim_matches('`').to_owned());
    let listed: Vec<String> = list.lines().filter_map(cell).collect();
    let mut entries = Vec::new();
    for name in listed
        .iter()
        .filter(|name| name.starts_with(char::is_uppercase))
    {
        let found = functions.iter().find(|function| function.entry() == name);
        entries.push(
            found.ok_or_else(|| format!("{name} is in the table, and in no file of src/capi"))?,
        );
    }
    let is_new = |function: &&Function| {
        !function.is_inline && !listed.iter().any(|name| name == function.entry())
    };
    let mut new: Vec<_> = functions.iter().filter(is_new).collect();
    new.sort_by_key(|function| function.since);
    entries.extend(new);
    if !entries.is_sorted_by_key(|function| function.since) {
        return Err(
            "a function that is new in an older version cannot be behind those of a newer one"
                .into(),
        );
    }
    Ok(entries.into_iter().cloned().collect())
}

/// The byte offset of the entry at an index, on a 64-bit platform.
const fn offset(index: usize) -> usize {
    8 * (index + 2)
}

/// The document with a new list.
pub fn document(document: &str, entries: &[Function]) -> Result<String> {
    let (before, _, after) = parts(document)?;
    let mut list = "\n| offset | entry | type | since |\n|---|---|---|---|\n".to_owned();
    list += "| 0 | `size` | `Py_ssize_t` | 3.0 |\n| 8 | `version` | `long` | 3.0 |\n";
    for (index, function) in entries.iter().enumerate() {
        list += &format!(
            "| {} | `{}` | `{}` | 3.{} |\n",
            offset(index),
            function.entry(),
            function.pointer_type(),
            function.since
        );
    }
    Ok(format!("{before}{BEGINNING}{list}\n{END}{after}"))
}

/// The functions as data, in the order of the header.
pub fn json(functions: &[Function], entries: &[Function]) -> String {
    let quoted = |text: &str| format!("\"{text}\"");
    let lines: Vec<_> = functions
        .iter()
        .map(|function| {
            let index = entries.iter().position(|entry| entry.name == function.name);
            let at = index.map_or("null".to_owned(), |index| offset(index).to_string());
            let failure = function.failure().map_or("null".to_owned(), quoted);
            format!(
                "  {{\"name\": \"{}\", \"since\": [3, {}], \"offset\": {at}, \"type\": \"{}\", \"failure\": {failure}}}",
                function.name,
                function.since,
                function.pointer_type()
            )
        })
        .collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}
