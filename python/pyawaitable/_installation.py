"""Looks, when an extension is built, whether what is installed here is whole and alone."""

import os
import warnings
from importlib.metadata import distributions


def check(package, folder):
    """Raise RuntimeError if the header is missing; warn of the original PyAwaitable."""
    if not os.path.isfile(os.path.join(folder, "pyawaitable.h")):
        raise RuntimeError(
            f"pyawaitable.h is not in {folder}: the installation of 'pyawaitable-rs' is not "
            "whole; `pip install --force-reinstall pyawaitable-rs` mends it"
        )
    version = original_in(os.path.dirname(package))
    if version is not None:
        warnings.warn(
            f"the distribution 'pyawaitable' {version} (the original PyAwaitable) is installed in "
            "the same folder as 'pyawaitable-rs', and each overwrites and uninstalls files of the "
            "other; keep one of them: uninstall both, then `pip install pyawaitable-rs`",
            RuntimeWarning,
            stacklevel=3,
        )


def original_in(site_folder):
    """The version of the distribution ``pyawaitable`` in this folder, or None.

    Only in this folder: one elsewhere on ``sys.path`` does not touch our files.
    """
    for distribution in distributions(name="pyawaitable", path=[site_folder]):
        return distribution.version
    return None
