"""Makes libpyawaitable, shared and static, for extensions that link it.

`python library.py PREFIX` lays it out for use outside Python, in PREFIX/lib and PREFIX/include, beside whatever is there.
It is for the interpreter that runs this file, as an extension module would be, or for one of the same version on the
platform that CARGO_BUILD_TARGET names.

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
import sysconfig
import tempfile
from pathlib import Path

try:
    from . import tools
except ImportError:  # this file is run
    import tools

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = Path(__file__).with_name("templates")
SHARED_NAME = "libpyawaitable.so"


def static_name(target):
    is_msvc = tools.system(target) == "win32" and not (target or "").endswith("-gnu")
    return "pyawaitable.lib" if is_msvc else "libpyawaitable.a"


def make(lib, target=None, python=None):
    """Fill the new folder `lib`: the libraries, and how pkg-config and CMake find them.

    `target` is Rust's name of another platform; `python`, for that alone, the version of CPython there: 3.13, 3.14t.
    """
    lib.mkdir(parents=True)
    if not (tools.system(target) == "linux" and make_with_gnu_tools(lib, target, python)):
        for path in cargo(target, python, "cdylib", "staticlib"):
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
        text = text.replace("@VERSION@", version()).replace("@STATIC_NAME@", static_name(target))
        (lib / folder).mkdir(parents=True, exist_ok=True)
        (lib / folder / template).write_text(text, encoding="utf-8")


def version():
    text = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "(.+)"$', text, re.MULTILINE)[1]


def api():
    """The names of the functions that the library has, from the header."""
    text = (ROOT / "include" / "pyawaitable" / "wrappers.h").read_text(encoding="utf-8")
    return sorted(re.findall(r"^PYAWAITABLE_API\s[^;(]*?\b(PyAwaitable_\w+)\(", text, re.MULTILINE))


def host():
    """Rust's name of this platform."""
    answer = subprocess.run(["cargo", "-vV"], check=True, stdout=subprocess.PIPE, text=True)
    return re.search(r"^host: (.+)$", answer.stdout, re.MULTILINE)[1]


def other_platform(target):
    """The target, or None for that of this platform."""
    return None if target in (None, "", host()) else target


def cargo(target, python, *crate_types):
    """Compile the crate, and return the paths of what cargo made."""
    environment = {**os.environ, "PYO3_BUILD_EXTENSION_MODULE": "1"}
    if not any(re.match("PYO3_CROSS|PYO3_CONFIG_FILE", name) for name in environment):
        if target is None:
            environment["PYO3_PYTHON"] = sys.executable
        else:
            environment["PYO3_CROSS_PYTHON_VERSION"] = python
    # Apart from maturin's, so that neither compiles anew because of the other's settings.
    folder = Path(environment.get("CARGO_TARGET_DIR", ROOT / "target"), "libraries")
    command = ["cargo", "rustc", "--profile", "extension", "--lib", "--crate-type", ",".join(crate_types)]
    command += ["--manifest-path", ROOT / "Cargo.toml", "--target-dir", folder]
    command += ["--message-format", "json-render-diagnostics"]
    if target is not None:
        command += ["--target", target]
    command += ["--"]
    if tools.system(target) == "linux":
        # What is linked by a path, as CMake does, is asked for by this name and not by the path.
        command += [f"-Clink-arg=-Wl,-soname,{SHARED_NAME}"]
    if tools.system(target) == "darwin":
        # The interpreter has CPython's functions, and the library is found beside whoever links it.
        command += ["-Clink-arg=-undefined", "-Clink-arg=dynamic_lookup"]
        command += ["-Clink-arg=-Wl,-install_name,@rpath/libpyawaitable.dylib"]
    if target is not None and "musl" in target:
        # The interpreter has the C library, too.
        command += ["-Ctarget-feature=-crt-static"]
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


AS_CARGO_MAKES_IT = "libpyawaitable.a is as cargo makes it, many megabytes instead of a fifth of one: {}"


def make_with_gnu_tools(lib, target, python):
    """Make both libraries, and say whether that went well."""
    try:
        found = tools.find(target, host(), cargo_folders())
    except tools.Missing as error:
        warn(AS_CARGO_MAKES_IT.format(error))
        return False
    (archive,) = cargo(target, python, "staticlib")
    try:
        with tempfile.TemporaryDirectory() as work:
            link_with_gnu_tools(found, archive, Path(work), lib)
    except (OSError, subprocess.CalledProcessError) as error:
        # Other tools of these names, none at all, or none for the platform that is built for.
        warn(AS_CARGO_MAKES_IT.format(error))
        for name in (SHARED_NAME, "libpyawaitable.a"):
            (lib / name).unlink(missing_ok=True)
        return False
    return True


def warn(text):
    print(f"warning: {text}", file=sys.stderr)


def cargo_folders():
    """Where cargo looks for its configuration, the first before the others."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    return [*(folder / ".cargo" for folder in (ROOT, *ROOT.parents)), home]


def link_with_gnu_tools(found, archive, work, lib):
    def run(*command):
        subprocess.run(command, cwd=work, check=True)

    roots = [f"--require-defined={name}" for name in api()]

    (work / "api.txt").write_text("\n".join(api()) + "\n", encoding="ascii")
    # On 32-bit x86, GCC's code finds its own address by functions that many files have. A linker keeps one of each, by its
    # name; the names become local below, so that has to be done here.
    whole = ["-r", "--gc-sections", "--force-group-allocation"]
    run(*found.linker, *whole, *roots, "-o", "reached.o", archive.resolve())
    # The unneeded ones are names of the system's functions, left by sections that have gone: a
    # shared library would depend on their versions.
    strip = ["--strip-debug", "--strip-unneeded", "--keep-global-symbols=api.txt"]
    run(*found.objcopy, *strip, "reached.o", "api.o")

    (work / "exports.map").write_text(export_map(), encoding="ascii")
    shared = [f"-Wl,-soname,{SHARED_NAME}", "-Wl,--version-script=exports.map"]
    run(*found.compiler, "-shared", *shared, "-o", lib.resolve() / SHARED_NAME, "api.o")

    (work / "hidden.c").write_text(hidden_references(), encoding="ascii")
    run(*found.compiler, "-c", "-fPIC", "-o", "hidden.o", "hidden.c")
    run(*found.linker, "-r", "--gc-sections", *roots, "-o", "pyawaitable.o", "api.o", "hidden.o")
    run(*found.archiver, "rcsD", lib.resolve() / "libpyawaitable.a", "pyawaitable.o")


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


def this_python():
    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return f"{sys.version_info[0]}.{sys.version_info[1]}{free_threaded}"


def install(prefix):
    """Put the libraries and the header into folders that may have other files, too."""

    def replace(source, target):
        # As a new file, since the old one may be in use.
        Path(target).unlink(missing_ok=True)
        return shutil.copy2(source, target)

    with tempfile.TemporaryDirectory() as work:
        lib = Path(work, "lib")
        make(lib, other_platform(os.environ.get("CARGO_BUILD_TARGET")), this_python())
        for source, folder in ((lib, "lib"), (ROOT / "include", "include")):
            shutil.copytree(source, prefix / folder, copy_function=replace, dirs_exist_ok=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PREFIX")
    import needs  # which is beside this file, when it runs as a program

    if needs.missing():
        sys.exit(needs.say(needs.missing()))
    install(Path(sys.argv[1]))
