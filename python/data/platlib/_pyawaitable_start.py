"""What pyawaitable_variable.pth calls where PyAwaitable is not installed as usual."""

import os
import sys

VARIABLE = "PYAWAITABLE_INCLUDE"


def look(site):
    """Look at this folder of packages, which has the .pth file, at the start of Python."""
    folder = os.path.join(site, "pyawaitable", "include")
    if os.environ.get(VARIABLE) == folder and not os.path.isdir(folder):
        name_editable()
    original = sys.modules.get("pyawaitable")
    if getattr(original, "__file__", None) == os.path.join(site, "pyawaitable", "__init__.py"):
        if not hasattr(original, "library"):
            # The file is still there, since the original has none of that name.
            from pyawaitable import _installation

            _installation.let_include_warn(original)


def name_editable():
    """In an editable installation the package is somewhere else on the path."""
    for path in sys.path:
        folder = os.path.join(path, "pyawaitable", "include")
        if os.path.isfile(os.path.join(folder, "pyawaitable.h")):
            os.environ[VARIABLE] = folder
            return
    del os.environ[VARIABLE]
