"""Builds the contenders with plain setuptools, as their authors would.

The environment variable BENCH names the folder for what is built. It contains the original, unpacked, since this library is
installed and the two have the same name.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

import pyawaitable

HERE = Path(__file__).parent
BENCH = Path(os.environ["BENCH"])
WEBAPP = HERE.parent / "examples" / "asgi"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
# Code that is not ours to mend.
FOREIGN = ["-w"]


class BuildEachApart(build_ext):
    """One source makes two extensions, and its object files must not be taken for each other's."""

    def build_extension(self, extension):
        together = self.build_temp
        self.build_temp = os.path.join(together, extension.name)
        super().build_extension(extension)
        self.build_temp = together


def library(name, include, options):
    return Extension(
        name,
        [str(HERE / "awaitables.c")],
        define_macros=[("MODULE", name)],
        include_dirs=[include],
        extra_compile_args=options,
    )


def bodies():
    source = str(HERE / "bodies.c")
    include = [pyawaitable.include()]
    return Extension("contender_bodies", [source], include_dirs=include, extra_compile_args=WARNINGS)


def by_hand():
    source = str(HERE / "contender_floor.c")
    return Extension("contender_floor", [source], extra_compile_args=WARNINGS)


def cython():
    """What the native contender is, compiled."""
    extension = Extension("contender_cython", [str(HERE / "contender_native.py")], extra_compile_args=FOREIGN)
    directives = {"language_level": 3}
    return cythonize([extension], build_dir=str(BENCH / "temp"), compiler_directives=directives, quiet=True, force=True)


def webapp():
    sources = sorted(map(str, WEBAPP.glob("*.c")))
    return Extension("webapp", sources, include_dirs=[pyawaitable.include()])


def threads():
    source = str(HERE / "threads.c")
    options = [*WARNINGS, "-pthread"]
    return Extension("threads", [source], include_dirs=[pyawaitable.include()], extra_compile_args=options)


setup(
    name="contenders",
    cmdclass={"build_ext": BuildEachApart},
    ext_modules=[
        library("contender_ours", pyawaitable.include(), WARNINGS),
        library("contender_original", str(BENCH / "original" / "pyawaitable"), FOREIGN),
        bodies(),
        by_hand(),
        *cython(),
        threads(),
        webapp(),
        Extension("counting", [str(HERE / "counting.c")], extra_compile_args=WARNINGS),
    ],
    py_modules=[],
    options={"build_ext": {"build_temp": str(BENCH / "temp"), "build_lib": str(BENCH / "lib")}},
)
