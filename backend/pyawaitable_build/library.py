"""Makes libpyawaitable, shared and static, for extensions that link it.

`python library.py PREFIX` lays it out for use outside Python, in PREFIX/lib and PREFIX/include, beside whatever is there.
It is for the interpreter that runs this file, as an extension module would be.

cargo's own static library holds all of Rust's standard library, twenty megabytes of objects, and
shows whoever links it the names of all that. Where GNU's tools are, what a user gets is made of it
instead: one object with just what the API can reach, which nothing but the API is visible of.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = Path(__file__).with_name("templates")
STATIC_NAME = "pyawaitable.lib" if sys.platform == "win32" else "libpyawaitable.a"
SHARED_NAME = "libpyawaitable.so"


def make(lib):
    """Fill the new folder `lib`: the libraries, and how pkg-config and CMake find them."""
    lib.mkdir(parents=True)
    if not (sys.platform.startswith("linux") and make_with_gnu_tools(lib)):
        for path in cargo("cdylib", "staticlib"):
            # On Windows there are files for debuggers and linkers, too.
            if path.suffix in {".so", ".dylib", ".dll", ".a", ".lib"}:
                shutil.copy(path, lib)
    for template, folder in {
        "pyawaitable.pc": "pkgconfig",
        "pyawaitable-static.pc": "pkgconfig",
        "pyawaitable-headers.pc": "pkgconfig",
        "PyAwaitableConfig.cmake": "cmake/PyAwaitable",
        "PyAwaitableConfigVersion.cmake": "cmake/PyAwaitable",
    }.items():
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        text = text.replace("@VERSION@", version()).replace("@STATIC_NAME@", STATIC_NAME)
        (lib / folder).mkdir(parents=True, exist_ok=True)
        (lib / folder / template).write_text(text, encoding="utf-8")


def version():
    text = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "(.+)"$', text, re.MULTILINE)[1]


def api():
    """The names of the functions that the library has, from the header."""
    text = (ROOT / "include" / "pyawaitable.h").read_text(encoding="utf-8")
    return sorted(re.findall(r"^PYAWAITABLE_API\s[^;(]*?\b(PyAwaitable_\w+)\(", text, re.MULTILINE))


def cargo(*crate_types):
    """Compile the crate, and return the paths of what cargo made."""
    environment = {**os.environ, "PYO3_BUILD_EXTENSION_MODULE": "1"}
    if not any(re.match("PYO3_CROSS|PYO3_CONFIG_FILE", name) for name in environment):
        environment["PYO3_PYTHON"] = sys.executable
    # Apart from maturin's, so that neither compiles anew because of the other's settings.
    target = Path(environment.get("CARGO_TARGET_DIR", ROOT / "target"), "libraries")
    command = ["cargo", "rustc", "--release", "--lib", "--crate-type", ",".join(crate_types)]
    command += ["--manifest-path", ROOT / "Cargo.toml", "--target-dir", target]
    command += ["--message-format", "json-render-diagnostics"]
    if sys.platform.startswith("linux"):
        # What is linked by a path, as CMake does, is asked for by this name and not by the path.
        command += ["--", f"-Clink-arg=-Wl,-soname,{SHARED_NAME}"]
    if sys.platform == "darwin":
        # The interpreter has CPython's functions, and the library is found beside whoever links it.
        command += ["--", "-Clink-arg=-undefined", "-Clink-arg=dynamic_lookup"]
        command += ["-Clink-arg=-Wl,-install_name,@rpath/libpyawaitable.dylib"]
    if shutil.which("cargo") is None:
        # What maturin asks for where there is no Rust.
        from puccinialin import setup_rust

        environment.update(setup_rust())
        command[0] = shutil.which("cargo", path=environment["PATH"])
    lines = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ).stdout.splitlines()
    (made,) = (
        message
        for message in map(json.loads, lines)
        if message["reason"] == "compiler-artifact"
        and Path(message["manifest_path"]) == ROOT / "Cargo.toml"
        and message["target"]["name"] == "pyawaitable"
    )
    return [Path(path) for path in made["filenames"]]


def make_with_gnu_tools(lib):
    """Make both libraries, and say whether that went well."""
    (archive,) = cargo("staticlib")
    try:
        with tempfile.TemporaryDirectory() as work:
            link_with_gnu_tools(archive, Path(work), lib)
    except (OSError, subprocess.CalledProcessError) as error:
        # Other tools of these names, none at all, or none for the platform that is built for.
        print(f"libpyawaitable is as cargo makes it, and larger: {error}", file=sys.stderr)
        for name in (SHARED_NAME, STATIC_NAME):
            (lib / name).unlink(missing_ok=True)
        return False
    return True


def link_with_gnu_tools(archive, work, lib):
    def run(*command):
        subprocess.run(command, cwd=work, check=True)

    compiler = os.environ.get("CC", "cc").split()
    linker = os.environ.get("LD") or ("ld.bfd" if shutil.which("ld.bfd") else "ld")
    objcopy = os.environ.get("OBJCOPY", "objcopy")
    roots = [f"--require-defined={name}" for name in api()]

    (work / "api.txt").write_text("\n".join(api()) + "\n", encoding="ascii")
    run(linker, "-r", "--gc-sections", *roots, "-o", "reached.o", archive.resolve())
    # The unneeded ones are names of the system's functions, left by sections that have gone: a
    # shared library would depend on their versions.
    strip = ["--strip-debug", "--strip-unneeded", "--keep-global-symbols=api.txt"]
    run(objcopy, *strip, "reached.o", "api.o")

    (work / "exports.map").write_text(export_map(), encoding="ascii")
    shared = [f"-Wl,-soname,{SHARED_NAME}", "-Wl,--version-script=exports.map"]
    run(*compiler, "-shared", *shared, "-o", lib.resolve() / SHARED_NAME, "api.o")

    (work / "hidden.c").write_text(hidden_references(), encoding="ascii")
    run(*compiler, "-c", "-fPIC", "-o", "hidden.o", "hidden.c")
    run(linker, "-r", "--gc-sections", *roots, "-o", "pyawaitable.o", "api.o", "hidden.o")
    run(os.environ.get("AR", "ar"), "rcsD", lib.resolve() / STATIC_NAME, "pyawaitable.o")


def export_map():
    """For the linker: what the shared library exports, under a version that users ask for.

    A wheel has no symbolic links, so that the file's name cannot have the major version in it, as
    usual; without one, an extension would load a later, different library and not notice.
    """
    major = version().split(".")[0]
    return f"PYAWAITABLE_{major} {{ global: PyAwaitable_*; local: *; }};\n"


def hidden_references():
    """C that makes the functions of the static library hidden, wherever it is linked with them.

    Then each extension uses its own copy, whatever else its process has loaded. The references
    themselves are in a section that nothing needs, and go.
    """
    lines = ["#pragma GCC visibility push(hidden)"]
    lines += [f"extern const char {name}[];" for name in api()]
    lines += ["#pragma GCC visibility pop", "extern const char *const pyawaitable_references[];"]
    lines += ["const char *const pyawaitable_references[] = {", ", ".join(api()), "};", ""]
    return "\n".join(lines)


def install(prefix):
    """Put the libraries and the header into folders that may have other files, too."""

    def replace(source, target):
        # As a new file, since the old one may be in use.
        Path(target).unlink(missing_ok=True)
        return shutil.copy2(source, target)

    with tempfile.TemporaryDirectory() as work:
        lib = Path(work, "lib")
        make(lib)
        for source, folder in ((lib, "lib"), (ROOT / "include", "include")):
            shutil.copytree(source, prefix / folder, copy_function=replace, dirs_exist_ok=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PREFIX")
    install(Path(sys.argv[1]))
