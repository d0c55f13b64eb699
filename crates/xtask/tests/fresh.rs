//! What is committed is what the sources make, and a new function goes everywhere it has to.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn made(root: &Path) -> HashMap<String, String> {
    let outputs = xtask::outputs(root).expect("the sources can be read");
    outputs
        .into_iter()
        .map(|output| (output.path, output.text))
        .collect()
}

#[test]
fn what_is_committed_is_fresh() {
    for (path, text) in made(&root()) {
        let committed = fs::read_to_string(root().join(&path)).unwrap_or_default();
        assert!(
            committed == text,
            "{path} is not what the sources say: run `make header`"
        );
    }
}

#[test]
fn the_header_says_the_version_of_the_crate() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let header = &made(&root())["include/pyawaitable/version.h"];
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .expect("a version");
    for (name, number) in ["MAJOR", "MINOR", "MICRO"].iter().zip(version.split('.')) {
        let define = format!("#define PyAwaitable_{name}_VERSION {number}\n");
        assert!(header.contains(&define), "no {define}");
    }
}

/// A copy of what is read, with some texts replaced.
fn copy(name: &str, changes: &[(&str, &str, &str)]) -> PathBuf {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    for folder in ["src/capi", "docs"] {
        fs::create_dir_all(copy.join(folder)).expect("a folder");
    }
    let mut files = vec![PathBuf::from("cbindgen.toml"), PathBuf::from("docs/abi.md")];
    for entry in fs::read_dir(root().join("src/capi")).expect("src/capi") {
        files.push(Path::new("src/capi").join(entry.expect("a file").file_name()));
    }
    for file in files {
        fs::copy(root().join(&file), copy.join(&file)).expect("a copy");
    }
    for (file, old, new) in changes {
        let text = fs::read_to_string(copy.join(file)).expect("a file");
        assert!(text.contains(old), "{file} has no {old}");
        fs::write(copy.join(file), text.replacen(old, new, 1)).expect("a file");
    }
    copy
}

const MORE: &str = r#"
/// Does more.
///
/// New in 3.9.
/// cbindgen:steals=value
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_More(awaitable: *mut PyObject, value: *mut PyObject) -> *mut PyObject {}

/// How many objects are saved."#;

#[test]
fn a_new_function_goes_everywhere() {
    let before = made(&root());
    let change = (
        "src/capi/objects.rs",
        "\n/// How many objects are saved.",
        MORE,
    );
    let made = made(&copy("more", &[change]));
    let added = |path: &str| {
        let old: Vec<_> = before[path].lines().collect();
        let new: Vec<_> = made[path]
            .lines()
            .filter(|line| !old.contains(line))
            .collect();
        new.join("\n")
    };
    let header = &made["include/pyawaitable/objects.h"];
    let declared = "#if PYAWAITABLE__DECLARED_MINOR >= 9\n/*\n Does more.\n\n New in 3.9.\n */\n\
                    PYAWAITABLE_API PyObject *PyAwaitable_More(PyObject *awaitable, PyObject *value);\n#endif\n";
    assert!(header.contains(declared), "{header}");
    let table = &made["include/pyawaitable/table.h"];
    assert!(table.contains(
        "    PyObject *(*More)(PyObject *awaitable, PyObject *value);\n} PyAwaitable_Table;\n"
    ));
    assert!(table.contains(
        "if PYAWAITABLE__DEMANDED_MINOR < 9\n#define PYAWAITABLE__DEMANDED_SIZE offsetof(PyAwaitable_Table, More)\n#else\n"
    ));
    let wrapper = "#if PYAWAITABLE__DECLARED_MINOR >= 9
PYAWAITABLE_API PyObject *PyAwaitable_More(PyObject *awaitable, PyObject *value)
{
    const PyAwaitable_Table *runtime;
    if (value == NULL) {
        return NULL;
    }
    runtime = PyAwaitable__get_newer(9, offsetof(PyAwaitable_Table, More), \"PyAwaitable_More\");
    if (PYAWAITABLE__UNLIKELY(runtime == NULL)) {
        Py_DECREF(value);
        return NULL;
    }
    return runtime->More(awaitable, value);
}
#endif
";
    assert!(made["include/pyawaitable/wrappers.h"].contains(wrapper));
    assert!(
        made["src/capi/entries.rs"]
            .ends_with("\n    Function(PyAwaitable_More as *const ()),\n];\n")
    );
    let entries = before["src/capi/entries.rs"].matches("Function(").count();
    let offset = 8 * (entries + 2);
    assert_eq!(
        added("docs/abi.md"),
        format!("| {offset} | `More` | `PyObject *(*)(PyObject *, PyObject *)` | 3.9 |")
    );
    let row = format!("\"PyAwaitable_More\", \"since\": [3, 9], \"offset\": {offset}");
    assert!(added("tests/api.json").contains(&row));
}

#[test]
fn an_entry_stays_where_it_is_when_its_function_moves() {
    let functions = ["objects", "integers"].map(|part| {
        fs::read_to_string(root().join(format!("src/capi/{part}.rs"))).expect("a part")
    });
    let start = functions[0]
        .find("/// The saved object at `index`.")
        .expect("GetValue");
    let moved =
        &functions[0][start..start + functions[0][start..].find("\n}\n").expect("its end") + 3];
    let end = "/// The saved integer at `index`.";
    let copy = copy(
        "moved",
        &[
            ("src/capi/objects.rs", moved, ""),
            ("src/capi/integers.rs", end, &format!("{moved}\n{end}")),
        ],
    );
    let before = made(&root());
    let after = made(&copy);
    for path in [
        "include/pyawaitable/table.h",
        "src/capi/entries.rs",
        "docs/abi.md",
    ] {
        assert_eq!(before[path], after[path], "{path}");
    }
}

#[test]
fn a_function_that_is_gone_is_an_error() {
    let change = (
        "src/capi/objects.rs",
        "fn PyAwaitable_GetValue",
        "fn PyAwaitable_Look",
    );
    let error = xtask::outputs(&copy("gone", &[change]))
        .err()
        .expect("an error");
    assert_eq!(
        error.to_string(),
        "GetValue is in the table, and in no file of src/capi"
    );
}
