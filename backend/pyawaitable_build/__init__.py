"""The build backend: maturin's, whose wheels get libpyawaitable added.

maturin makes one library of a crate, the extension module. Adding to the finished wheel, instead of
laying more files where maturin picks them up, keeps the source tree as it is, so that builds for
several interpreters cannot take each other's libraries.
"""

import sys
import sysconfig
import tempfile
from pathlib import Path

import maturin

# An editable installation has no libraries: its package is the source tree.
from maturin import (  # noqa: F401
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

from . import library, wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with tempfile.TemporaryDirectory() as folder:
        name = maturin.build_wheel(folder, config_settings, metadata_directory)
        libraries = Path(folder, "lib")
        if is_for_this_interpreter(name):
            library.make(libraries)
        else:
            # As when options for maturin name another one: the library would not be for that.
            print(f"{name} is not for {sys.executable}: it gets no libpyawaitable", file=sys.stderr)
        files = {
            f"pyawaitable/lib/{path.relative_to(libraries).as_posix()}": path
            for path in sorted(libraries.rglob("*"))
            if path.is_file()
        }
        wheel.add(Path(folder, name), files, Path(wheel_directory, name))
    return name


def is_for_this_interpreter(name):
    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return name.split("-")[-2] == f"cp{sys.version_info[0]}{sys.version_info[1]}{free_threaded}"
