"""The command ``pyawaitable``: tells builds where things are, and what a compiler is told."""

import argparse
import shlex
import sys
import warnings

import pyawaitable

ABOUT = """\
PyAwaitable {version}: async functions for Python, written in C.

pyawaitable --include    prints the folder of pyawaitable.h, for the compiler:
                         cc -I"$(pyawaitable --include)" ...
pyawaitable --version    prints the version
pyawaitable --help       prints this in more detail, and how to link the library"""

OPTIONS = {
    "include": "print the folder of pyawaitable.h",
    "cflags": "print the compiler's options for an extension that links the library",
    "libs": "print the linker's options for the shared library, to be found where it is now",
    "static-cflags": "as --cflags, for the static library",
    "static-libs": "print the linker's options for the static library",
    "pkgconfigdir": "print the folder of pyawaitable.pc, for PKG_CONFIG_PATH",
    "cmakedir": "print the folder of PyAwaitableConfig.cmake, for PyAwaitable_DIR",
    "version": "print the version",
}

EPILOG = """\
An extension that only includes the header needs --include and links nothing. One that links:
cc -shared $(pyawaitable --cflags) ... $(pyawaitable --libs). Options for the compiler and the
linker that are asked for together are printed in one line. CMake builds may read the environment
variable PYAWAITABLE_INCLUDE, the same folder as --include; every Python that has PyAwaitable sets
it for itself and its child processes."""


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="pyawaitable",
        description="Where PyAwaitable is, for builds of C extensions that use it.",
        epilog=EPILOG,
    )
    for name, text in OPTIONS.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    options = parser.parse_args(argv)
    asked = [name for name in OPTIONS if getattr(options, name.replace("-", "_"))]

    # Uninstalling the original PyAwaitable takes away our __init__.py too, and leaves a folder
    # without one: a namespace package.
    if not hasattr(pyawaitable, "include"):
        return complain(
            "error: the installation of 'pyawaitable-rs' is not whole; `pip install --force-reinstall pyawaitable-rs` mends it"
        )

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            lines = answers(asked)
        except RuntimeError as error:
            return complain(f"error: {error}")
    for warning in caught:
        complain(f"warning: {warning.message}")
    print(*lines, sep="\n")
    return 0


def answers(asked):
    """The lines to print for these options."""
    from . import _linking

    if not asked or asked == ["version"]:
        # Always to be had. What is wrong with the installation is said beside it.
        try:
            pyawaitable.include()
        except RuntimeError as error:
            warnings.warn(str(error), stacklevel=1)
        return [pyawaitable.__version__ if asked else ABOUT.format(version=pyawaitable.__version__)]
    lines = []
    include = pyawaitable.include()  # also for what it warns of
    if "include" in asked:
        lines.append(include)
    flags = []
    for name, function in {
        "cflags": _linking.shared_cflags,
        "static-cflags": _linking.static_cflags,
        "libs": _linking.shared_libs,
        "static-libs": _linking.static_libs,
    }.items():
        if name in asked:
            flags += function()
    if flags:
        lines.append(shlex.join(flags))
    if "pkgconfigdir" in asked:
        lines.append(_linking.find("pkgconfig"))
    if "cmakedir" in asked:
        lines.append(_linking.find("cmake", "PyAwaitable"))
    if "version" in asked:
        lines.append(pyawaitable.__version__)
    return lines


def complain(text):
    print(f"pyawaitable: {text}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
