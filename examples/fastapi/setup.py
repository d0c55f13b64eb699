from setuptools import Extension, setup

import pyawaitable

# main.py stays beside this: `uvicorn main:app` runs it there.
setup(ext_modules=[Extension("shop", ["shop.c"], include_dirs=[pyawaitable.include()])], py_modules=[])
