//! The rooms of the house: each folder of `src` knows only those before it, no file has grown too long, and no safe function
//! takes an address whose owner has to be believed.

use std::fs;
use std::path::{Path, PathBuf};

/// In the order of `src/lib.rs`.
const ROOMS: [&str; 13] = [
    "base",
    "python",
    "store",
    "inner",
    "object",
    "outside",
    "body",
    "engine",
    "types",
    "rust",
    "functions",
    "capi",
    "module",
];
const LONGEST: usize = 400;

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let (folders, others): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut all: Vec<_> = others
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect();
    all.extend(folders.iter().flat_map(|folder| files(folder)));
    all
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room that a file is in; None for `lib.rs`, which knows all.
fn room(path: &Path) -> Option<usize> {
    let inside = path.strip_prefix(source()).expect("a file of src");
    let first = inside
        .components()
        .next()
        .expect("a name")
        .as_os_str()
        .to_string_lossy();
    ROOMS
        .iter()
        .position(|room| *room == first.trim_end_matches(".rs"))
}

/// The rooms that a file names, by `crate::`.
fn named(text: &str) -> Vec<usize> {
    let names = text.split("crate::").skip(1).map(|rest| {
        let end = rest
            .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .unwrap_or(rest.len());
        &rest[..end]
    });
    names
        .map(|name| {
            ROOMS
                .iter()
                .position(|room| *room == name)
                .unwrap_or_else(|| panic!("no room {name}"))
        })
        .collect()
}

#[test]
fn each_room_knows_only_those_before_it() {
    for path in files(&source()) {
        let text = fs::read_to_string(&path).expect("text");
        let Some(room) = room(&path) else {
            assert!(path.ends_with("lib.rs"), "{path:?} is in no room");
            continue;
        };
        for name in named(&text) {
            assert!(name <= room, "{path:?} knows {}", ROOMS[name]);
        }
    }
}

#[test]
fn no_file_is_too_long() {
    for path in files(&source()) {
        let lines = fs::read_to_string(&path).expect("text").lines().count();
        assert!(lines <= LONGEST, "{path:?} has {lines} lines");
    }
}

/// Functions that take an address and are safe all the same, since they do not follow it.
const NOT_FOLLOWED: [(&str, &str, &str); 15] = [
    (
        "base/pool.rs",
        "",
        "the functions in C are unsafe as a block",
    ),
    (
        "base/system.rs",
        "",
        "the functions in C are unsafe as a block",
    ),
    ("base/free_list.rs", "put", "kept for who takes it out"),
    ("body/queue/callbacks.rs", "new", "printed"),
    (
        "capi/awaitable.rs",
        "add_cleanup",
        "kept for the C author's function",
    ),
    ("capi/values.rs", "room", "compared with NULL"),
    ("functions/arguments.rs", "check", "compared with NULL"),
    ("module.rs", "slot", "a row of CPython's tables"),
    ("python/type_spec.rs", "slot", "a row of CPython's tables"),
    (
        "types/awaitable_type.rs",
        "attribute",
        "a row of CPython's tables",
    ),
    (
        "outside/promise.rs",
        "on_cancel",
        "kept for the C author's function",
    ),
    (
        "outside/promise.rs",
        "settle",
        "kept for the C author's function",
    ),
    ("store/cleanup.rs", "cleanup_data", "compared with others"),
    ("store/entry.rs", "to_body", "kept for the engine"),
    (
        "python/ffi.rs",
        "",
        "CPython's own functions are unsafe as a block",
    ),
];

/// The functions of a file that are not `unsafe`, each with its parameters.
fn safe_functions(text: &str) -> Vec<(&str, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("fn ") {
        let line = &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..at];
        let rest = &text[at + 3..];
        let name = &rest[..rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(0)];
        if name.is_empty() || line.contains("unsafe") || line.contains("//") {
            continue;
        }
        found.push((name, parameters(&rest[name.len()..])));
    }
    found
}

/// The parameters after a function's name, and its generic parameters if it has them.
fn parameters(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut current = String::new();
    let mut open: Vec<char> = Vec::new();
    for letter in text.chars() {
        match letter {
            '(' | '<' | '[' => open.push(letter),
            ')' | ']' => drop(open.pop()),
            // The end of an arrow closes nothing.
            '>' if open.last() == Some(&'<') => drop(open.pop()),
            _ => {}
        }
        match (open.as_slice(), letter) {
            (['('], ',') => all.push(std::mem::take(&mut current)),
            (['(', ..], _) => current.push(letter),
            ([], ')') => break,
            _ => {}
        }
    }
    all.push(current);
    all
}

#[test]
fn no_safe_function_takes_an_address_and_follows_it() {
    let mut used = vec![("python/ffi.rs", "")];
    for path in files(&source()) {
        let text = fs::read_to_string(&path).expect("text");
        for (name, parameters) in safe_functions(&text) {
            let takes_address = parameters.iter().any(|parameter| {
                // What a callback takes, it is given.
                let is_callback = ["Fn(", "FnMut(", "FnOnce("]
                    .iter()
                    .any(|each| parameter.contains(each));
                let addresses = ["*mut ", "*const ", "NonNull<"];
                !is_callback && addresses.iter().any(|each| parameter.contains(each))
            });
            let exception = NOT_FOLLOWED.iter().find(|(file, function, _)| {
                path.ends_with(file) && (function.is_empty() || *function == name)
            });
            match exception {
                Some(&(file, function, _)) if takes_address => used.push((file, function)),
                _ => assert!(
                    !takes_address,
                    "{path:?}: {name} takes an address: a Borrowed, or `unsafe fn`?"
                ),
            }
        }
    }
    for (file, function, _) in NOT_FOLLOWED {
        assert!(
            used.contains(&(file, function)),
            "{file}: {function} is not needed here"
        );
    }
}

#[test]
fn the_map_shows_each_room() {
    let map = fs::read_to_string(source().join("lib.rs")).expect("text");
    let shown: Vec<_> = map
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .collect();
    assert_eq!(shown, ROOMS);
}
