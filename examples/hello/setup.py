from setuptools import Extension, setup

import pyawaitable

setup(ext_modules=[Extension("hello", ["hello.c"], include_dirs=[pyawaitable.include()])])
