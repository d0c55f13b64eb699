//! The rooms of the house: each folder of `src` knows only those before it, and no file has grown too long.

use std::fs;
use std::path::{Path, PathBuf};

/// In the order of `src/lib.rs`.
const ROOMS: [&str; 10] = [
    "base", "python", "store", "inner", "object", "body", "engine", "types", "capi", "module",
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

#[test]
fn the_map_shows_each_room() {
    let map = fs::read_to_string(source().join("lib.rs")).expect("text");
    let shown: Vec<_> = map
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .collect();
    assert_eq!(shown, ROOMS);
}
