from setuptools import Extension, setup

import pyawaitable

setup(
    ext_modules=[
        Extension(
            "in_c",
            ["in_c.c"],
            include_dirs=[pyawaitable.include()],
            extra_compile_args=["-Wall", "-Wextra", "-Werror"],
        )
    ],
    py_modules=[],
)
