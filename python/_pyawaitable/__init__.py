"""The type and the capsules of PyAwaitable, for extensions; Python code uses ``pyawaitable``.

Extensions import capsules by the names ``_pyawaitable.abi_v3`` and ``_pyawaitable.abi_v1``.
"""

from ._pyawaitable import *  # noqa: F403
from ._pyawaitable import __version__  # noqa: F401


def __getattr__(name):
    # Only the package of the original PyAwaitable 1.x asks for this. It got here instead of into an
    # extension module of its own, because a folder is found before a file of the same name.
    if name == "_PyAwaitableType":
        raise ImportError(
            "the distribution 'pyawaitable' 1.x (the original PyAwaitable) was installed over "
            "'pyawaitable-rs', and they cannot share a folder; keep one of them: uninstall "
            "both, then `pip install pyawaitable-rs`"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
