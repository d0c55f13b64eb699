//! The committed header is what cbindgen makes of the sources, and says the crate's version.

use std::path::Path;

const HEADER: &str = "include/pyawaitable.h";

fn fresh_header() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let mut builder = cbindgen::Builder::new().with_config(config);
    // In the order in which a reader wants them.
    for part in [
        "types",
        "lifecycle",
        "awaits",
        "result",
        "values",
        "raw_values",
        "variadic",
        "table",
    ] {
        builder = builder.with_src(root.join(format!("src/capi/{part}.rs")));
    }
    let mut text = Vec::new();
    builder.generate().expect("bindings").write(&mut text);
    String::from_utf8(text).expect("the header is UTF-8")
}

#[test]
fn committed_header_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(HEADER);
    let fresh = fresh_header();
    if std::env::var_os("PYAWAITABLE_WRITE_HEADER").is_some() {
        std::fs::write(&path, &fresh).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the header can be read");
    assert!(
        committed == fresh,
        "{HEADER} is not what the sources say: run `make header`"
    );
}

#[test]
fn header_says_the_version_of_the_crate() {
    let header = fresh_header();
    for (name, value) in [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("MICRO", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        let define = format!("#define PyAwaitable_{name}_VERSION {value}\n");
        assert!(header.contains(&define), "no {define}");
    }
}
