"""PyAwaitable: ``async`` functions written in C, awaited like any other.

Extensions compile with ``include_dirs=[pyawaitable.include()]`` and ``#include <pyawaitable.h>``.
"""

import os

import _pyawaitable

if getattr(_pyawaitable, "__file__", None) is None and hasattr(_pyawaitable, "__path__"):
    raise ImportError(
        f"{list(_pyawaitable.__path__)} has no extension module of 'pyawaitable-rs' for this Python: it was installed by "
        "another one, or is not whole; `pip install --force-reinstall pyawaitable-rs`",
        name="_pyawaitable",
    )
if not hasattr(_pyawaitable, "abi_v3"):
    raise ImportError(
        f"{getattr(_pyawaitable, '__file__', '_pyawaitable')} is not the extension module of "
        "'pyawaitable-rs' but, most likely, of 'pyawaitable' 1.x (the original PyAwaitable), and "
        "they cannot be used together; keep one of them: uninstall both, then "
        "`pip install pyawaitable-rs`",
        name="_pyawaitable",
    )

from _pyawaitable import PyAwaitable, __version__

__all__ = ("PyAwaitable", "__version__", "abi", "include", "library", "static_library")


def include(*, suppress_error=False):
    """Return the folder of ``pyawaitable.h``, for a compiler's include path.

    Without that file, RuntimeError; a warning if the original PyAwaitable is installed in the
    same place. ``suppress_error=True`` returns the folder without looking.
    """
    package = os.path.dirname(os.path.abspath(__file__))
    folder = os.path.join(package, "include")
    if not suppress_error:
        from . import _installation

        _installation.check(package, folder)
    return folder


def library():
    """Return the path of the shared library, for extensions that define PYAWAITABLE_LINK.

    Without that file, RuntimeError.
    """
    from . import _linking

    return _linking.find(_linking.SHARED)


def static_library():
    """Return the path of the static library, which an extension takes into itself.

    Such an extension defines PYAWAITABLE_LINK and PYAWAITABLE_STATIC, and needs nothing of this
    package when it runs. Without that file, RuntimeError.
    """
    from . import _linking

    return _linking.find(_linking.STATIC)


def __getattr__(name):
    # As in 1.x, where the package imported it; here, only who asks for it does.
    if name == "abi":
        import importlib

        return importlib.import_module(".abi", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
