"""The build backend: maturin's, whose wheels get libpyawaitable added.

maturin makes one library of a crate, the extension module. Adding to the finished wheel, instead of
laying more files where maturin picks them up, keeps the source tree as it is, so that builds for
several interpreters cannot take each other's libraries.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import maturin
from maturin import get_requires_for_build_sdist  # noqa: F401

from . import library, needs, tools, wheel


def look_around(with_compiler=True):
    """End with sentences, in place of a traceback from somewhere within, where a build would fail for what is missing."""
    # maturin calls its program by name, which is not found where the environment is used without being activated.
    scripts = sysconfig.get_path("scripts")
    if shutil.which("maturin") is None and shutil.which("maturin", path=scripts) is not None:
        os.environ["PATH"] = os.pathsep.join([*filter(None, [os.environ.get("PATH")]), scripts])
    # The rest first, since a Rust that is fetched is large.
    sentences = needs.missing(with_rust=not may_fetch_rust(), with_compiler=with_compiler)
    if not sentences and may_fetch_rust():
        sentences = fetch_rust()
    if sentences:
        sys.exit(needs.say(sentences))


def may_fetch_rust():
    return shutil.which("cargo") is None and not os.environ.get("MATURIN_NO_INSTALL_RUST")


def fetch_rust():
    """Have Rust as maturin has it where there is none: from a distribution that it asks for, which downloads it."""
    try:
        from puccinialin import setup_rust
    except ModuleNotFoundError:
        # As where a build is not isolated: nothing was installed for it.
        return [needs.rust()]
    try:
        os.environ.update(setup_rust())
    except Exception as error:
        return [needs.rust(), f"It could not be fetched for this build, either: {type(error).__name__}: {error}."]
    return needs.missing(with_compiler=False)


# ---- The hooks, as PEP 517 and PEP 660 name them -----------------------------------------------------------------


def get_requires_for_build_wheel(config_settings=None):
    sentences = needs.missing(with_rust=not may_fetch_rust())
    if sentences:
        sys.exit(needs.say(sentences))
    return maturin.get_requires_for_build_wheel(config_settings)


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    look_around()
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """An editable installation has no libraries: its package is the source tree."""
    look_around()
    return maturin.build_editable(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    look_around(with_compiler=False)
    return maturin.build_sdist(sdist_directory, config_settings)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    look_around()
    with tempfile.TemporaryDirectory() as folder:
        name = maturin.build_wheel(folder, config_settings, metadata_directory)
        libraries = Path(folder, "lib")
        why_not = make_libraries(Path(folder, name), libraries, target_of(config_settings))
        if why_not:
            library.warn(f"{name} gets no libpyawaitable: {why_not}")
            shutil.rmtree(libraries, ignore_errors=True)
        files = {
            f"pyawaitable/lib/{path.relative_to(libraries).as_posix()}": path
            for path in sorted(libraries.rglob("*"))
            if path.is_file()
        }
        wheel.add(Path(folder, name), files, Path(wheel_directory, name))
    return name


def make_libraries(made, folder, target):
    """Fill the new folder with what fits the wheel that maturin has made, or return why there is nothing."""
    python = python_of(made.name)
    target = library.other_platform(target)
    if target is None:
        if python != library.this_python():
            return f"it is for Python {python}, and {sys.executable} is {library.this_python()}"
        library.make(folder)
    else:
        try:
            library.make(folder, target, python)
        except subprocess.CalledProcessError as error:
            return f"cargo does not build it for {target}, unlike the extension module: {error}"
    # As where a tool has chosen another platform for one of them.
    shared = next(path for path in folder.iterdir() if path.suffix in {".so", ".dylib", ".dll"})
    if tools.machine(shared.read_bytes()) != tools.machine(wheel.extension_module(made)):
        return f"{shared.name}, as it was built, is for another platform than the extension module"
    return None


def target_of(config_settings):
    """Rust's name of the platform that maturin and cargo are told to build for, or None."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--target", default=os.environ.get("CARGO_BUILD_TARGET"))
    return parser.parse_known_args(maturin.get_maturin_pep517_args(config_settings))[0].target


def python_of(name):
    """3.13, 3.14t: what a wheel of this name is for."""
    found = re.fullmatch(r"cp3(\d+)(t?)", name.split("-")[-2])
    return f"3.{found[1]}{found[2]}" if found else None
