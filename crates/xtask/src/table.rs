//! The table: its type and the functions that call through it, in C, and its entries, in Rust.

use crate::Function;
use crate::functions::spaced;

const NOTICE: &str = "/* Made from src/capi by `make header`: do not edit. */\n";
/// The longest line.
const WIDTH: usize = 118;

/// The type of the table.
pub fn structure(entries: &[Function]) -> String {
    let mut text = format!(
        "#ifndef PYAWAITABLE_TABLE_H\n#define PYAWAITABLE_TABLE_H\n\n{NOTICE}
/* The functions of the API, as the capsule `_pyawaitable.abi_v3` holds them. An extension calls them through the functions
   of this header, never by itself.

   The table begins with its size in bytes and the runtime's version, 0x03MMmmR0. It only ever grows, at its end: what an
   older header knows of stays where it is. */
typedef struct {{
    Py_ssize_t size;
    long version;
"
    );
    for function in entries {
        let head = format!("    {}(*{})(", spaced(&function.result), function.entry());
        text += &wrapped(&head, &parameters(function), ");\n");
    }
    text += "} PyAwaitable_Table;\n\n";
    text += "/* The size of the table of the oldest runtime that this extension takes. */\n";
    text += &needed_size(entries);
    text + "\n#endif /* PYAWAITABLE_TABLE_H */\n"
}

/// The size is the offset of the first entry that such a runtime lacks.
fn needed_size(entries: &[Function]) -> String {
    let mut text = String::new();
    let mut demanded = 0;
    let mut word = "#if";
    for function in entries {
        if function.since > demanded {
            text += &format!(
                "{word} PYAWAITABLE__DEMANDED_MINOR < {}\n#define PYAWAITABLE__DEMANDED_SIZE offsetof(PyAwaitable_Table, {})\n",
                function.since,
                function.entry()
            );
            demanded = function.since;
            word = "#elif";
        }
    }
    let whole = "#define PYAWAITABLE__DEMANDED_SIZE sizeof(PyAwaitable_Table)\n";
    if text.is_empty() {
        whole.to_owned()
    } else {
        format!("{text}#else\n{whole}#endif\n")
    }
}

/// The functions that extensions call by name.
pub fn wrappers(entries: &[Function]) -> String {
    let mut text = format!(
        "#ifndef PYAWAITABLE_WRAPPERS_H\n#define PYAWAITABLE_WRAPPERS_H\n\n{NOTICE}
#ifndef PYAWAITABLE_LINK

"
    );
    for function in entries {
        let head = format!(
            "PYAWAITABLE_API {}{}(",
            spaced(&function.result),
            function.name
        );
        let wrapper = wrapped(&head, &parameters(function), ")\n") + &body(function) + "\n";
        text += &match function.since {
            0 => wrapper,
            minor => format!(
                "#if PYAWAITABLE__DECLARED_MINOR >= {minor}\n{}\n#endif\n\n",
                wrapper.trim_end()
            ),
        };
    }
    text + "#endif /* PYAWAITABLE_LINK */\n\n#endif /* PYAWAITABLE_WRAPPERS_H */\n"
}

/// Finds the table, and calls the function of that name in it. A reference that it would steal is released even without a
/// table.
fn body(function: &Function) -> String {
    let failure = match function.failure() {
        Some(failure) => format!("return {failure};"),
        None => "return;".to_owned(),
    };
    let mut text = "{\n".to_owned();
    let mut word = "const PyAwaitable_Table *runtime";
    if !function.steals.is_empty() {
        text += "    const PyAwaitable_Table *runtime;\n";
        word = "runtime";
    }
    for stolen in &function.steals {
        text += &format!("    if ({stolen} == NULL) {{\n        {failure}\n    }}\n");
    }
    let entry = function.entry();
    let table = match function.since {
        0 => "PyAwaitable__get()".to_owned(),
        minor => format!(
            "PyAwaitable__get_newer({minor}, offsetof(PyAwaitable_Table, {entry}), \"{}\")",
            function.name
        ),
    };
    text += &format!("    {word} = {table};\n    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {{\n");
    for stolen in &function.steals {
        text += &format!("        Py_DECREF({stolen});\n");
    }
    let names: Vec<_> = function
        .parameters
        .iter()
        .map(|(_, name)| &**name)
        .collect();
    let call = if function.failure().is_some() {
        "return runtime"
    } else {
        "runtime"
    };
    text + &format!(
        "        {failure}\n    }}\n    {call}->{entry}({});\n}}\n",
        names.join(", ")
    )
}

/// The entries in the library.
pub fn entries(entries: &[Function]) -> String {
    let mut text = format!(
        "//! The functions of the table, in their order.\n//!\n//! Made from src/capi by `make header`: do not edit.

use super::table::Function;
use super::*;

pub const FUNCTIONS: [Function; {}] = [\n",
        entries.len()
    );
    for function in entries {
        text += &format!("    Function({} as *const ()),\n", function.name);
    }
    text + "];\n"
}

fn parameters(function: &Function) -> Vec<String> {
    if function.parameters.is_empty() {
        return vec!["void".to_owned()];
    }
    let parameter = |(kind, name): &(String, String)| format!("{}{name}", spaced(kind));
    function.parameters.iter().map(parameter).collect()
}

/// A list after `head`, on as many lines as it takes.
fn wrapped(head: &str, items: &[String], tail: &str) -> String {
    let mut text = head.to_owned();
    let mut column = head.len();
    for (index, item) in items.iter().enumerate() {
        let item = if index + 1 < items.len() {
            format!("{item},")
        } else {
            format!("{item}{}", tail.trim_end())
        };
        if index > 0 && column + 1 + item.len() > WIDTH {
            column = head.len();
            text += &format!("\n{}", " ".repeat(column));
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        column += item.len();
        text += &item;
    }
    text + "\n"
}
