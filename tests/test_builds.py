"""The projects in builds/, each built by a build system from a wheel of this project, and awaited.

Where the build system is a Python package, pip builds in an environment of its own, which has what
`pyproject.toml` lists and nothing else. What is built runs in a new virtual environment.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

import pyawaitable

pytestmark = pytest.mark.builds

ROOT = Path(__file__).parent.parent
PROJECTS = Path(__file__).parent / "builds"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
MODES = ("headers", "shared", "static")
PACKAGES = dict(zip(MODES, ("pyawaitable-headers", "pyawaitable", "pyawaitable-static")))
each_mode = pytest.mark.parametrize("mode", MODES)

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="these builds are written for Linux")


def needs(tool):
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


needs_cmake = needs("cmake")
# What the test run itself is told must not reach a build that has to find things out.
HIDDEN = {
    "CARGO_TARGET_DIR",
    "MAKEFLAGS",
    "PKG_CONFIG_PATH",
    "PYAWAITABLE_INCLUDE",
    "PYO3_PYTHON",
    "VIRTUAL_ENV",
}
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def run(*command, cwd=None, **environment):
    """What the command prints; all of its output where it fails."""
    inherited = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    finished = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=280,
    )
    if finished.returncode != 0:
        pytest.fail(f"{command}: {finished.returncode}\n{finished.stdout}{finished.stderr}")
    return finished.stdout


@pytest.fixture(scope="module")
def wheel():
    """The wheel that the library of this environment was installed from."""
    found = sorted(Path(sys.prefix).parent.glob("wheels/pyawaitable_rs-*.whl"))
    if len(found) != 1:
        pytest.fail(f"no wheel beside {sys.prefix}, or several ({found}): run `make wheel`")
    return found[0]


@pytest.fixture
def project(tmp_path):
    """Makes a copy of a project, the C source with it."""

    def copy(name):
        folder = tmp_path / name
        shutil.copytree(PROJECTS / name, folder)
        if not (folder / "src").is_dir():
            shutil.copy(PROJECTS / "adder.c", folder)
        return folder

    return copy


@pytest.fixture
def run_adder(tmp_path, wheel):
    """Runs `adder` in a new environment, and returns how it was built.

    It is a wheel or a file; the runtime is installed beside it where it needs one.
    """

    def install_and_run(adder, mode):
        environment = tmp_path / "environment"
        run(sys.executable, "-m", "venv", "--without-pip", environment)
        python = environment / "bin" / "python"
        script = "import sysconfig; print(sysconfig.get_path('platlib'))"
        site = Path(run(python, "-c", script).strip())
        wheels = [wheel] if mode in ("headers", "shared") else []
        if adder.suffix == ".whl":
            wheels.append(adder)
        else:
            shutil.copy(adder, site)
        if wheels:
            run(*PIP, "--python", python, "install", "--no-index", "--no-deps", *wheels)
        assert (site / "_pyawaitable").is_dir() == (mode in ("headers", "shared"))
        return run(python, "-W", "error", PROJECTS / "await_adder.py", cwd=site).strip()

    return install_and_run


def pip_wheel(folder, wheel, *options, **environment):
    """Build a project in isolation; what it requires is this wheel, and for the rest on PyPI."""
    command = [*PIP, "wheel", "--no-deps", f"--find-links={wheel.parent}", *options, "."]
    run(*command, f"--wheel-dir={folder / 'dist'}", cwd=folder, **environment)
    (made,) = (folder / "dist").iterdir()
    return made


@linux
@each_mode
def test_setuptools(project, wheel, run_adder, mode):
    adder = pip_wheel(project("setuptools"), wheel, MODE=mode)
    assert run_adder(adder, mode) == mode


def test_setuptools_needs_nothing_else():
    text = (PROJECTS / "setuptools" / "pyproject.toml").read_text(encoding="utf-8")
    assert 'requires = ["setuptools", "pyawaitable-rs"]\n' in text


@linux
@each_mode
def test_meson_python(project, wheel, run_adder, mode):
    if mode == "shared" and sys.version_info < (3, 10):
        pytest.skip("the first meson-python that heeds install_rpath, 0.22, needs Python 3.10")
    option = f"--config-settings=setup-args=-Dpackage={PACKAGES[mode]}"
    adder = pip_wheel(project("meson"), wheel, option)
    assert run_adder(adder, mode) == mode


@linux
@each_mode
def test_scikit_build_core(project, wheel, run_adder, mode):
    option = f"--config-settings=cmake.define.MODE={mode}"
    adder = pip_wheel(project("scikit-build-core"), wheel, option)
    assert run_adder(adder, mode) == mode


@pytest.fixture
def cmake_build(project, tmp_path):
    """Builds the project by plain CMake."""

    def build(mode, *options):
        made = tmp_path / "installed"
        folder = project("cmake")
        options += (f"-DPython_EXECUTABLE={sys.executable}", f"-DMODE={mode}")
        run("cmake", "-S", folder, "-B", folder / "build", "-DCMAKE_BUILD_TYPE=Release", *options)
        run("cmake", "--build", folder / "build")
        run("cmake", "--install", folder / "build", "--prefix", made)
        (adder,) = made.iterdir()
        return adder

    return build


def command_output(*options):
    return run(sys.executable, "-m", "pyawaitable", *options).strip()


@linux
@needs_cmake
@each_mode
def test_cmake(cmake_build, run_adder, mode):
    adder = cmake_build(mode, f"-DPyAwaitable_DIR={command_output('--cmakedir')}")
    assert run_adder(adder, mode) == mode


@linux
@needs_cmake
@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("", True),
        ("3", True),
        (f"{pyawaitable.__version__} EXACT", True),
        ("2...<4", True),
        ("2.0", False),
        ("3.99", False),
        ("4.0", False),
        ("3.99...4", False),
        ("2...<3", False),
    ],
)
def test_cmake_version(tmp_path, version, found):
    text = (
        "cmake_minimum_required(VERSION 3.19)\nproject(version NONE)\n"
        f"find_package(PyAwaitable {version})\n"
        'message(STATUS "found: ${PyAwaitable_FOUND}, ${PyAwaitable_CONSIDERED_VERSIONS}")\n'
    )
    (tmp_path / "CMakeLists.txt").write_text(text, encoding="utf-8")
    folder = f"-DPyAwaitable_DIR={command_output('--cmakedir')}"
    out = run("cmake", "-S", tmp_path, "-B", tmp_path / "build", folder)
    assert f"found: {found:d}, {pyawaitable.__version__}\n" in out


@linux
@needs_cmake
def test_cmake_says_what_is_missing(tmp_path):
    text = (
        "cmake_minimum_required(VERSION 3.18)\nproject(component NONE)\n"
        "find_package(PyAwaitable COMPONENTS static OPTIONAL_COMPONENTS shared none)\n"
        'message(STATUS "first: ${PyAwaitable_FOUND}")\n'
        "find_package(PyAwaitable COMPONENTS none)\n"
        'message(STATUS "second: ${PyAwaitable_FOUND}")\n'
    )
    (tmp_path / "CMakeLists.txt").write_text(text, encoding="utf-8")
    folder = f"-DPyAwaitable_DIR={command_output('--cmakedir')}"
    out = run("cmake", "-S", tmp_path, "-B", tmp_path / "build", folder)
    assert "first: 1" in out
    assert "second: 0" in out


@linux
@needs("pkg-config")
@each_mode
def test_cc_with_pkg_config(project, run_adder, mode):
    folder = project("cc")
    search = {"PKG_CONFIG_PATH": command_output("--pkgconfigdir")}
    run("./build.sh", PACKAGES[mode], sys.executable, cwd=folder, **search)
    assert run_adder(folder / f"adder{SUFFIX}", mode) == mode


@linux
@each_mode
def test_cc_with_the_command(project, run_adder, mode):
    folder = project("cc")
    compiler, linker = {
        "headers": (["-I" + pyawaitable.include()], []),
        "shared": (["--cflags"], ["--libs"]),
        "static": (["--static-cflags"], ["--static-libs"]),
    }[mode]
    if mode != "headers":
        compiler, linker = (command_output(*words).split() for words in (compiler, linker))
    build_with_cc(folder, compiler, linker)
    assert run_adder(folder / f"adder{SUFFIX}", mode) == mode


def build_with_cc(folder, compiler, linker):
    """The options of the linker come last, since it looks for what it misses by then."""
    out = folder / f"adder{SUFFIX}"
    python = f"-I{sysconfig.get_path('include')}"
    command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", python, *compiler]
    run(*command, "adder.c", "-o", out, *linker, cwd=folder)
    return out


def environment_for_cargo():
    """As docs/linking.md says, with just the sources and this interpreter."""
    return {"PYO3_PYTHON": sys.executable, "PYO3_BUILD_EXTENSION_MODULE": "1"}


@linux
@pytest.mark.parametrize("mode", ["shared", "static"])
def test_cargo_build(project, run_adder, mode):
    """The library as cargo alone makes it."""
    target = TARGET / "plain"
    command = ["cargo", "build", "--quiet", "--release", "--lib", "--target-dir", target]
    run(*command, cwd=ROOT, **environment_for_cargo())
    library = target / "release"
    define = f"-I{ROOT / 'include'}", "-DPYAWAITABLE_LINK"
    if mode == "shared":
        linker = [f"-L{library}", "-lpyawaitable", f"-Wl,-rpath,{library}"]
    else:
        define += ("-DPYAWAITABLE_STATIC",)
        linker = [library / "libpyawaitable.a"]
    assert run_adder(build_with_cc(project("cc"), define, linker), mode) == mode


@linux
@pytest.mark.parametrize("mode", ["shared", "static"])
def test_library_without_gnu_tools(project, run_adder, mode, tmp_path):
    """Then it is what cargo makes, and works all the same."""
    prefix = tmp_path / "prefix"
    script = ROOT / "backend" / "pyawaitable_build" / "library.py"
    target = {"CARGO_TARGET_DIR": str(TARGET / "plain")}
    run(sys.executable, script, prefix, OBJCOPY="false", **target)
    search = {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    folder = project("cc")
    run("./build.sh", PACKAGES[mode], sys.executable, cwd=folder, **search)
    assert run_adder(folder / f"adder{SUFFIX}", mode) == mode
    library = prefix / "lib" / "libpyawaitable.so"
    dynamic = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True)
    assert "soname: [libpyawaitable.so]" in dynamic.stdout


@linux
@needs_cmake
@needs("pkg-config")
def test_library_outside_python(cmake_build, project, run_adder, tmp_path):
    """Laid out as in /usr/local, which has other files too, and then moved elsewhere."""
    script = ROOT / "backend" / "pyawaitable_build" / "library.py"
    foreign = [tmp_path / "first" / name for name in ("lib/libother.so", "include/other.h", "lib/pkgconfig/other.pc")]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for _ in range(2):
        run(sys.executable, script, tmp_path / "first", CARGO_TARGET_DIR=str(TARGET))
        assert [path for path in foreign if not path.exists()] == []
    prefix = (tmp_path / "first").rename(tmp_path / "second")
    adder = cmake_build("static", f"-DCMAKE_PREFIX_PATH={prefix}")
    assert run_adder(adder, "static") == "static"
    search = {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    run("./build.sh", "pyawaitable", sys.executable, cwd=project("cc"), **search)


def check_crate(**environment):
    """Check the crate, which compiles its C files: the exit status, and what cargo says."""
    inherited = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    command = ["cargo", "check", "--quiet", "--lib", "--target-dir", str(TARGET / "checked")]
    finished = subprocess.run(command, cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True, timeout=280)
    return finished.returncode, finished.stderr


@linux
@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_DEBUG")), reason="the folder of a debug build's headers is not a system folder"
)
def test_warnings_in_headers_of_cpython_are_not_ours(tmp_path):
    real = Path(sysconfig.get_path("include"), "Python.h")
    odd = "static inline int odd(int unused) { return 0; }"
    for other in real.parent.iterdir():
        (tmp_path / other.name).symlink_to(other)
    (tmp_path / "Python.h").unlink()
    (tmp_path / "Python.h").write_text(f'#pragma once\n#include "{real}"\n{odd}\n', encoding="utf-8")
    environment = {"CI": "1", "PYAWAITABLE_PYTHON_INCLUDE": str(tmp_path), **environment_for_cargo()}
    assert check_crate(**environment) == (0, "")


@linux
def test_headers_of_another_python_are_not_taken(tmp_path):
    """As in a build for another platform, for which the interpreters that run here may be of other versions."""
    config = tmp_path / "config"
    config.write_text("implementation=CPython\nversion=3.9\nshared=true\n", encoding="utf-8")
    for program in ("python3", "python", "python3.9"):
        script = tmp_path / program
        script.write_text("#!/bin/sh\necho 3.99 /include\n", encoding="utf-8")
        script.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    status, said = check_crate(PYO3_CONFIG_FILE=str(config), PATH=path)
    assert status != 0
    assert "no Python 3.9 tells where its headers are; set PYAWAITABLE_PYTHON_INCLUDE" in said


def test_rust_crate(project, run_adder, tmp_path, wheel):
    """An extension written in Rust, with the crate from the source distribution."""
    folder = project("rust_crate")
    run(sys.executable, "-m", "maturin", "sdist", "--out", tmp_path / "sdist", cwd=ROOT)
    (archive,) = (tmp_path / "sdist").iterdir()
    with tarfile.open(archive) as opened:
        options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        opened.extractall(tmp_path, **options)
    manifest = folder / "Cargo.toml"
    text = manifest.read_text(encoding="utf-8")
    crate = tmp_path / archive.name[: -len(".tar.gz")]
    text, count = re.subn(r'path = "[./]+"', f'path = "{crate}"', text)
    assert count == 1
    manifest.write_text(text, encoding="utf-8")
    assert run_adder(pip_wheel(folder, wheel), "rust") == "rust"
