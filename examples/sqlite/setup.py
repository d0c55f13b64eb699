from setuptools import Extension, setup

import pyawaitable

SOURCES = [
    "module.c",
    "connection.c",
    "cursor.c",
    "opening.c",
    "row.c",
    "transaction.c",
    "values.c",
    "packed.c",
    "worker.c",
    "database.c",
]

setup(
    ext_modules=[
        Extension(
            "sqlite_async",
            SOURCES,
            depends=["driver.h", "worker.h", "database.h"],
            include_dirs=[pyawaitable.include()],
            libraries=["sqlite3"],
        )
    ],
    py_modules=[],
)
