//! Tells the crate which CPython it is built for, and compiles the few lines that have to be C.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    for path in C_FILES.iter().chain(&[EXPORTED, DEFINE, "include"]) {
        println!("cargo::rerun-if-changed={path}");
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where"));
    let python = Interpreter::found_by_pyo3_ffi();
    for minor in 10..=python.minor {
        println!("cargo::rustc-cfg=Py_3_{minor}");
    }
    let free_threaded = python.has("Py_GIL_DISABLED");
    if free_threaded {
        println!("cargo::rustc-cfg=Py_GIL_DISABLED");
    }
    if (12..15).contains(&python.minor) && !free_threaded {
        // src/python/stop_iteration.rs says why.
        println!("cargo::rustc-cfg=kept_stop_iteration");
    }
    let plain = !free_threaded && !python.has("Py_REF_DEBUG");
    if plain && !python.has("Py_TRACE_REFS") {
        // src/python/ffi.rs says why.
        println!("cargo::rustc-cfg=plain_first_reference");
    }
    let is_64_bit =
        std::env::var("CARGO_CFG_TARGET_POINTER_WIDTH").is_ok_and(|width| width == "64");
    if (12..14).contains(&python.minor) && plain && is_64_bit {
        // src/python/ffi.rs says why.
        println!("cargo::rustc-cfg=whole_reference_count");
    }
    // GCC follows links to system headers: on Debian, a debug build's to the release build's.
    let as_system = !python.has("Py_DEBUG");
    compile_shim(&python.include_dir(), as_system);
    if std::env::var("TARGET").is_ok_and(|target| target.contains("linux-gnu")) && has_gnu_linker()
    {
        // LLVM's linker keeps the functions that unwinding would need, and with them all of Rust's panic machinery, though
        // nothing here can panic: five times the size. GNU's does not.
        println!("cargo::rustc-cdylib-link-arg=-fuse-ld=bfd");
        // cargo does not tell what the profile does about panics, but names its folder after it.
        if out.iter().any(|part| part == "extension") {
            do_without_unwinding(&out);
        }
    }
    let code = python.compiled(DEFINE).unwrap_or_default();
    // Where that is sure to fit, the source is not needed.
    let source = if code.is_empty() {
        std::fs::read(DEFINE).expect("a file beside this one")
    } else {
        Vec::new()
    };
    std::fs::write(out.join("define.marshal"), code).expect("a file in that folder");
    std::fs::write(out.join("define.source"), source).expect("a file in that folder");
}

/// What has to be C.
const C_FILES: [&str; 3] = ["src/base/pool.c", "src/base/system.c", "src/python/shim.c"];
/// The one that calls the exported functions.
const EXPORTED: &str = "src/capi/shim_v1.c";

/// The Python code that makes functions.
const DEFINE: &str = "src/functions/define.py";

/// Nothing unwinds or prints a backtrace, and what is left of that in the standard library goes when sections are collected. But
/// GNU's linker looks for the names before it collects, finds them in libgcc_s, and has that loaded with every
/// import. So it gets an empty script in the place of that library. If a name were needed after all, nothing could load
/// the result: what instruments the code needs some.
fn do_without_unwinding(out: &Path) {
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let instruments = ["profile-generate", "instrument-coverage", "sanitizer"];
    if instruments.iter().any(|option| flags.contains(option)) {
        return;
    }
    let folder = out.join("without_unwinding");
    std::fs::create_dir_all(&folder).expect("cargo's folder");
    std::fs::write(folder.join("libgcc_s.so"), "/* nothing */\n").expect("a file in that folder");
    println!("cargo::rustc-cdylib-link-arg=-L{}", folder.display());
}

/// Whether GNU's linker is installed, under the name that compilers use.
fn has_gnu_linker() -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| Path::new(&folder).join("ld.bfd").is_file())
    })
}

/// Compiles the C files. Warnings in CPython's own headers are not for us.
fn compile_shim(include: &str, as_system: bool) {
    let mut build = cc::Build::new();
    if std::env::var_os("CARGO_FEATURE_C_API").is_some() {
        build.file(EXPORTED);
    }
    build
        .files(C_FILES)
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

/// The CPython that is built for.
struct Interpreter {
    minor: u32,
    /// Build settings that its headers test: `Py_DEBUG`, `Py_GIL_DISABLED`, ...
    flags: Vec<String>,
    /// None if it does not run here.
    executable: Option<String>,
}

impl Interpreter {
    /// Reads what the build script of pyo3-ffi tells those of its dependents, through cargo: lines `key=value`, as hexadecimal
    /// digits. `pyo3-build-config` reads it, too, but cargo may choose a different version of that than of pyo3-ffi, and its
    /// methods differ between the versions that pyo3-ffi may have.
    fn found_by_pyo3_ffi() -> Self {
        let digits = std::env::var("DEP_PYTHON_PYO3_CONFIG").expect("pyo3-ffi tells it");
        let text = from_hexadecimal(&digits).expect("hexadecimal digits of a text");
        let value = |key| {
            text.lines().find_map(|line| {
                let (found, value) = line.split_once('=')?;
                (found == key).then(|| value.trim().to_owned())
            })
        };
        if let Some(other) = value("implementation").filter(|name| name != "CPython") {
            panic!("this library is for CPython, and what was found is {other}");
        }
        let version = value("version").expect("a version");
        let minor = version.strip_prefix("3.").map(str::parse);
        Self {
            minor: minor.and_then(Result::ok).expect("a version 3.x"),
            flags: value("build_flags").map_or_else(Vec::new, |flags| {
                flags.split(',').map(str::to_owned).collect()
            }),
            executable: value("executable"),
        }
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|each| each == flag)
    }

    /// The bytecode of a file of Python code, as `marshal` writes it, without docstrings, after the interpreter's magic
    /// number. All releases of a version of Python can load it: so None if the interpreter is no release, or does not run here.
    fn compiled(&self, file: &str) -> Option<Vec<u8>> {
        let script = "import importlib.util, marshal, sys\n\
            sys.version_info.releaselevel == 'final' or sys.exit(1)\n\
            source = open(sys.argv[1], encoding='utf-8').read()\n\
            code = compile(source, '<pyawaitable>', 'exec', 0, True, 2)\n\
            sys.stdout.buffer.write(importlib.util.MAGIC_NUMBER + marshal.dumps(code))";
        let python = self.executable.as_ref()?;
        let output = Command::new(python)
            .args(["-c", script, file])
            .output()
            .ok()?;
        output.status.success().then_some(output.stdout)
    }

    /// The folder of `Python.h`, according to the interpreter itself.
    fn include_dir(&self) -> String {
        println!("cargo::rerun-if-env-changed=PYAWAITABLE_PYTHON_INCLUDE");
        if let Ok(dir) = std::env::var("PYAWAITABLE_PYTHON_INCLUDE") {
            return dir;
        }
        let version = format!("3.{}", self.minor);
        let found = match &self.executable {
            Some(python) => ask_include_dir(python, &version),
            // An interpreter for another platform does not run here. One of the same version may have headers for both.
            None => [&format!("python{version}"), "python3", "python"]
                .into_iter()
                .find_map(|python| ask_include_dir(python, &version)),
        };
        found.unwrap_or_else(|| {
            panic!("no Python {version} tells where its headers are; set PYAWAITABLE_PYTHON_INCLUDE to their folder")
        })
    }
}

/// `None` if it is not text in hexadecimal digits.
fn from_hexadecimal(digits: &str) -> Option<String> {
    let bytes = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

/// `None` if `python` does not run, or is of another version.
fn ask_include_dir(python: &str, version: &str) -> Option<String> {
    let script = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_path('include'), end='')";
    let output = Command::new(python).args(["-c", script]).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    let (found, dir) = answer.split_once(' ')?;
    (output.status.success() && found == version).then(|| dir.to_owned())
}
