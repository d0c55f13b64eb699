"""Where libpyawaitable is, and what a compiler is told to link it."""

import os
import sys

PACKAGE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(PACKAGE, "lib")
SHARED, STATIC = {
    "win32": ("pyawaitable.dll", "pyawaitable.lib"),
    "darwin": ("libpyawaitable.dylib", "libpyawaitable.a"),
}.get(sys.platform, ("libpyawaitable.so", "libpyawaitable.a"))


def find(*names):
    """The path of a file or folder that comes with the libraries; RuntimeError without it."""
    path = os.path.join(FOLDER, *names)
    if not os.path.exists(path):
        raise RuntimeError(
            f"{names[-1]} is not in {os.path.dirname(path)}: the wheels of 'pyawaitable-rs' have "
            "it, an editable installation and one made by maturin alone have not; "
            "`pip install --force-reinstall pyawaitable-rs` brings it"
        )
    return path


def include_flags():
    return [f"-I{os.path.join(PACKAGE, 'include')}"]


def shared_cflags():
    find(SHARED)
    return [*include_flags(), "-DPYAWAITABLE_LINK"]


def static_cflags():
    find(STATIC)
    return [*include_flags(), "-DPYAWAITABLE_LINK", "-DPYAWAITABLE_STATIC"]


def shared_libs():
    path = find(SHARED)
    if sys.platform == "win32":
        return [f"{path}.lib"]
    return [f"-L{FOLDER}", "-lpyawaitable", f"-Wl,-rpath,{FOLDER}"]


def static_libs():
    return [find(STATIC)]
