from setuptools import Extension, setup

import pyawaitable

setup(
    packages=["trampoline"],
    ext_modules=[
        Extension(
            "trampoline._trampoline",
            ["trampoline.c"],
            include_dirs=[pyawaitable.include()],
            extra_compile_args=["-Wall", "-Wextra", "-Werror"],
        )
    ],
)
