from setuptools import Extension, setup

import pyawaitable

webapp = Extension(
    "webapp",
    sources=[
        "app.c",
        "lifespan.c",
        "request.c",
        "response.c",
        "routes.c",
        "slow.c",
        "stream.c",
        "upload.c",
    ],
    depends=["webapp.h"],
    include_dirs=[pyawaitable.include()],
)

setup(ext_modules=[webapp], py_modules=[])
