"""Looks, when an extension is built, whether what is installed here is whole and alone."""

import functools
import os
import warnings


def check(package, folder):
    """Raise RuntimeError if the header is missing; warn of the original PyAwaitable."""
    if not os.path.isfile(os.path.join(folder, "pyawaitable.h")):
        raise RuntimeError(
            f"pyawaitable.h is not in {folder}: the installation of 'pyawaitable-rs' is not "
            "whole; `pip install --force-reinstall pyawaitable-rs` mends it"
        )
    warn_of_original(package, stacklevel=4)


def let_include_warn(original):
    """Let the original's ``include()`` warn too, where its 2.x was installed last and is imported.

    Called at the start of Python, on the behalf of our .pth file: the original's own has imported
    the package, and our ``__init__.py`` is no more. Virtual environments read each .pth file twice.
    """
    include = original.include
    if hasattr(include, "__wrapped__"):
        return

    @functools.wraps(include)
    def include_with_warning(*, suppress_error=False):
        if not suppress_error:
            warn_of_original(os.path.dirname(original.__file__), stacklevel=3)
        return include(suppress_error=suppress_error)

    original.include = include_with_warning


def warn_of_original(package, stacklevel):
    version = original_in(os.path.dirname(package))
    if version is not None:
        warnings.warn(
            f"the distribution 'pyawaitable' {version} (the original PyAwaitable) is installed in "
            "the same folder as 'pyawaitable-rs', and each overwrites and uninstalls files of the "
            "other; keep one of them: uninstall both, then `pip install pyawaitable-rs`",
            RuntimeWarning,
            stacklevel=stacklevel,
        )


def original_in(site_folder):
    """The version of the distribution ``pyawaitable`` in this folder, or None.

    Only in this folder: one elsewhere on ``sys.path`` does not touch our files.
    """
    from importlib.metadata import distributions

    for distribution in distributions(name="pyawaitable", path=[site_folder]):
        return distribution.version
    return None
