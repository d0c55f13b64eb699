//! What is generated from `src/capi`, where each function of the C API is written once, with its documentation: the parts of
//! the header, the table and its wrappers, the list in docs/abi.md, and the list that the tests iterate over.

mod functions;
mod header;
mod lists;
mod table;

pub use functions::Function;
use std::path::Path;

/// Errors are only reported to the user who runs this.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A generated file.
pub struct Output {
    /// Its path, relative to the root of the project.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The nouns of the API in the order of the header: a file in `src/capi`, and a part of the header.
const PARTS: [&str; 16] = [
    "version",
    "callbacks",
    "awaitable",
    "awaits",
    "objects",
    "pointers",
    "integers",
    "functions",
    "arguments",
    "bodies",
    "iteration",
    "wakers",
    "promises",
    "timers",
    "pool",
    "descriptors",
];

/// Everything that is generated, for the project in `root`.
pub fn outputs(root: &Path) -> Result<Vec<Output>> {
    let mut outputs = Vec::new();
    let mut functions = Vec::new();
    for part in PARTS {
        let source = root.join(format!("src/capi/{part}.rs"));
        let found = functions::documented(&source)?;
        let text = header::part(root, part, &source, &found)?;
        functions.extend(functions::with_prototypes(found, &text)?);
        outputs.push(Output {
            path: format!("include/pyawaitable/{part}.h"),
            text,
        });
    }
    let document = std::fs::read_to_string(root.join(lists::DOCUMENT))?;
    let entries = lists::in_order(&document, &functions)?;
    for (path, text) in [
        ("include/pyawaitable/table.h", table::structure(&entries)),
        ("include/pyawaitable/wrappers.h", table::wrappers(&entries)),
        ("src/capi/entries.rs", table::entries(&entries)),
        (lists::DOCUMENT, lists::document(&document, &entries)?),
        ("tests/api.json", lists::json(&functions, &entries)),
    ] {
        outputs.push(Output {
            path: path.to_owned(),
            text,
        });
    }
    Ok(outputs)
}
