"""Compiles C extensions from within a test: with other headers or options than tests/ext has."""

import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import pyawaitable

TESTS_1X = Path(__file__).parent / "compat1x"
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


def compiler(cxx=False):
    names = ("g++", "c++", "clang++") if cxx else ("gcc", "cc", "clang")
    found = next((name for name in names if shutil.which(name)), None)
    assert found, "the tests need a compiler"
    return found


def python_includes():
    """As system folders, since warnings inside Python's own headers are not ours."""
    folders = {sysconfig.get_path("include"), sysconfig.get_path("platinclude")}
    # gcc follows links to system headers: on Debian, a debug build's to the release build's.
    option = "-I" if sysconfig.get_config_var("Py_DEBUG") else "-isystem"
    return [word for folder in sorted(folders) for word in (option, folder)]


def compile_extension(folder, name, sources, *options, include=None, suffix=SUFFIX):
    """Make an extension module `name` of some source files, in `folder`; its path."""
    target = Path(folder) / (name + suffix)
    sources = [str(source) for source in sources]
    command = [
        compiler(cxx=sources[0].endswith(".cpp")),
        *WARNINGS,
        "-shared",
        "-fPIC",
        "-O1",
        "-UNDEBUG",
        *(["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []),
        *python_includes(),
        f"-I{include or pyawaitable.include()}",
        *sources,
        *options,
        "-o",
        str(target),
    ]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return target


def load_extension(path, name=None):
    """Import an extension module from a file. The same file again is the same C code."""
    name = name or Path(path).name.split(".")[0]
    loader = importlib.machinery.ExtensionFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, str(path), loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


# What pip says when there is no network or no index. Anything else is an error of the test.
UNREACHABLE = ("Could not find a version", "Connection", "No matching distribution", "timed out", "HTTP error 5")


def download_original(version, folder):
    """The original PyAwaitable, unpacked into `folder`; skips the test if PyPI is not reachable.

    Only its header is used, which is the same in the wheels for all interpreters.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--platform", "manylinux2014_x86_64"]
    command += ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]
    command += ["--abi", "none", "--retries", "1", "--timeout", "20", "--dest", folder]
    try:
        finished = subprocess.run(
            [*command, f"pyawaitable=={version}"],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"PyPI has not sent pyawaitable {version} in time, whose header this needs")
    if finished.returncode != 0:
        if any(sign in finished.stderr for sign in UNREACHABLE):
            pytest.skip(f"PyPI is not reachable for pyawaitable {version}, whose header this needs")
        pytest.fail(finished.stderr)
    (wheel,) = Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return Path(folder)
