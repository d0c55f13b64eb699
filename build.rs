//! Tells the crate which CPython it is built for, and compiles the few lines that only C can hold.

use std::path::Path;
use std::process::Command;

use pyo3_build_config::InterpreterConfig;

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
    // GCC follows links to system headers: on Debian, a debug build's to the release build's.
    let as_system = !cfgs.contains("Py_DEBUG");
    compile_shim(&include_dir(config), as_system);
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

/// Compiles the C files. What the compiler has to say of CPython's own headers is for others.
fn compile_shim(include: &str, as_system: bool) {
    let mut build = cc::Build::new();
    build
        .files(["src/python/shim.c", "src/capi/shim_v1.c"])
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(std::env::var_os("CI").is_some());
    if as_system && !build.get_compiler().is_like_msvc() {
        build.flag("-isystem").flag(include);
    } else {
        build.include(include);
    }
    build.compile("pyawaitable_shim");
}

/// The folder of `Python.h`, asked of the interpreter that the build configuration found.
fn include_dir(config: &InterpreterConfig) -> String {
    println!("cargo::rerun-if-env-changed=PYAWAITABLE_PYTHON_INCLUDE");
    if let Ok(dir) = std::env::var("PYAWAITABLE_PYTHON_INCLUDE") {
        return dir;
    }
    let version = config.version().to_string();
    let found = match config.executable() {
        Some(python) => ask_include_dir(python, &version),
        // The interpreter of another platform does not run here. One of the same version may have headers for both.
        None => [&format!("python{version}"), "python3", "python"]
            .into_iter()
            .find_map(|python| ask_include_dir(python, &version)),
    };
    found.unwrap_or_else(|| {
        panic!("no Python {version} tells where its headers are; set PYAWAITABLE_PYTHON_INCLUDE to their folder")
    })
}

/// `None` if `python` does not run, or is of another version.
fn ask_include_dir(python: &str, version: &str) -> Option<String> {
    let script = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_path('include'), end='')";
    let output = Command::new(python).args(["-c", script]).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    let (found, dir) = answer.split_once(' ')?;
    (output.status.success() && found == version).then(|| dir.to_owned())
}
