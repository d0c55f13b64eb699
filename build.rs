//! Tells the crate which CPython it is built for, and compiles the few lines that only C can hold.

use std::path::Path;
use std::process::Command;

fn main() {
    for path in ["src/python/shim.c", "src/capi/shim_v1.c", "include"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let config = pyo3_build_config::get();
    for cfg in config.build_script_outputs() {
        println!("{cfg}");
    }
    let cfgs = config.build_script_outputs().join("\n");
    let has = |cfg: &str| cfgs.lines().any(|line| line.ends_with(&format!("={cfg}")));
    if has("Py_3_12") && !has("Py_3_15") && !has("Py_GIL_DISABLED") {
        // src/python/stop_iteration.rs says why.
        println!("cargo::rustc-cfg=kept_stop_iteration");
    }
    let plain = !has("Py_GIL_DISABLED") && !cfgs.contains("Py_REF_DEBUG");
    if plain && !cfgs.contains("Py_TRACE_REFS") {
        // src/python/ffi.rs says why.
        println!("cargo::rustc-cfg=plain_first_reference");
    }
    let is_64_bit =
        std::env::var("CARGO_CFG_TARGET_POINTER_WIDTH").is_ok_and(|width| width == "64");
    if has("Py_3_12") && !has("Py_3_14") && plain && is_64_bit {
        // src/python/ffi.rs says why.
        println!("cargo::rustc-cfg=whole_reference_count");
    }
    cc::Build::new()
        .files(["src/python/shim.c", "src/capi/shim_v1.c"])
        .include(include_dir(config.executable()))
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(std::env::var_os("CI").is_some())
        .compile("pyawaitable_shim");
    if std::env::var("TARGET").is_ok_and(|target| target.contains("linux-gnu")) && has_gnu_linker()
    {
        // LLVM's linker keeps the functions that unwinding would need, and with them all that Rust has for a panic, though
        // nothing here can: five times the size. GNU's does not.
        println!("cargo::rustc-cdylib-link-arg=-fuse-ld=bfd");
    }
}

/// Whether GNU's linker is there, under the name that compilers know it by.
fn has_gnu_linker() -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| Path::new(&folder).join("ld.bfd").is_file())
    })
}

/// The folder of `Python.h`, asked of the interpreter that the build configuration found.
fn include_dir(executable: Option<&str>) -> String {
    if let Ok(dir) = std::env::var("PYAWAITABLE_PYTHON_INCLUDE") {
        return dir;
    }
    let python = executable.unwrap_or("python3");
    let script = "import sysconfig; print(sysconfig.get_path('include'), end='')";
    let output = Command::new(python)
        .args(["-c", script])
        .output()
        .unwrap_or_else(|error| panic!("{python} does not run: {error}"));
    assert!(
        output.status.success(),
        "{python} cannot name its include folder; set PYAWAITABLE_PYTHON_INCLUDE"
    );
    String::from_utf8(output.stdout).expect("the include folder's name is UTF-8")
}
