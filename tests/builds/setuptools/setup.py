"""How the header is used, from the environment: an author would write one of the three."""

import os

from setuptools import Extension, setup

import pyawaitable


def ways():
    mode = os.environ.get("MODE", "headers")
    if mode == "shared":
        return {
            "define_macros": [("PYAWAITABLE_LINK", None)],
            "library_dirs": [os.path.dirname(pyawaitable.library())],
            "libraries": ["pyawaitable"],
            # Where the library is, seen from the folder that the extension is installed in.
            "runtime_library_dirs": ["$ORIGIN/pyawaitable/lib"],
        }
    if mode == "static":
        return {
            "define_macros": [("PYAWAITABLE_LINK", None), ("PYAWAITABLE_STATIC", None)],
            "extra_objects": [pyawaitable.static_library()],
        }
    return {}


extension = Extension("adder", ["adder.c"], include_dirs=[pyawaitable.include()], **ways())
setup(ext_modules=[extension])
