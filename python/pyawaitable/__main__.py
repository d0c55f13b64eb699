"""The command ``pyawaitable``: tells builds where the header is."""

import argparse
import sys
import warnings

import pyawaitable

ABOUT = """\
PyAwaitable {version}: async functions for Python, written in C.

pyawaitable --include    prints the folder of pyawaitable.h, for the compiler:
                         cc -I"$(pyawaitable --include)" ...
pyawaitable --version    prints the version
pyawaitable --help       prints this in more detail"""


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="pyawaitable",
        description="Where PyAwaitable is, for builds of C extensions that use it.",
        epilog="CMake builds may read the environment variable PYAWAITABLE_INCLUDE, the same "
        "folder; every Python that has PyAwaitable sets it for itself and its child processes.",
    )
    parser.add_argument(
        "--include", action="store_true", help="print the folder of pyawaitable.h and exit"
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    options = parser.parse_args(argv)

    # Uninstalling the original PyAwaitable takes away our __init__.py too, and leaves a folder
    # without one: a namespace package.
    if not hasattr(pyawaitable, "include"):
        return complain(
            "error: the installation of 'pyawaitable-rs' is not whole; "
            "`pip install --force-reinstall pyawaitable-rs` mends it"
        )

    if options.include:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                folder = pyawaitable.include()
            except RuntimeError as error:
                return complain(f"error: {error}")
        for warning in caught:
            complain(f"warning: {warning.message}")
        print(folder)
    if options.version:
        print(pyawaitable.__version__)
    if not options.include and not options.version:
        print(ABOUT.format(version=pyawaitable.__version__))
    return 0


def complain(text):
    print(f"pyawaitable: {text}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
