"""Builds the C extensions of the tests as their authors would: with plain setuptools.

A folder that holds C or C++ files becomes one extension module of its name, made of all of them.
"""

from pathlib import Path

from setuptools import Extension, setup

import pyawaitable

HERE = Path(__file__).parent
LIBRARY_HEADERS = sorted(Path(pyawaitable.include()).rglob("*.h"))
LANGUAGE_STANDARD = {".c": [], ".cpp": ["-std=c++11"]}


def extension(folder):
    sources = sorted(path for path in folder.iterdir() if path.suffix in LANGUAGE_STANDARD)
    headers = sorted(folder.glob("*.h")) + LIBRARY_HEADERS
    suffixes = {path.suffix for path in sources}
    if len(suffixes) != 1:
        raise SystemExit(f"{folder}: C and C++ files cannot share an extension")
    return Extension(
        folder.name,
        [str(path.relative_to(HERE)) for path in sources],
        include_dirs=[pyawaitable.include()],
        depends=[str(path) for path in headers],
        extra_compile_args=["-Wall", "-Wextra", "-Werror", *LANGUAGE_STANDARD[suffixes.pop()]],
        # An interpreter's own flags may define it, and the assertions of these files are tests.
        undef_macros=["NDEBUG"],
    )


def folders():
    return sorted(
        folder
        for folder in HERE.iterdir()
        if folder.is_dir() and any(path.suffix in LANGUAGE_STANDARD for path in folder.iterdir())
    )


setup(ext_modules=[extension(folder) for folder in folders()], py_modules=[])
