from _pyawaitable import PyAwaitable as PyAwaitable
from _pyawaitable import __version__ as __version__

from . import abi as abi

__all__ = ("PyAwaitable", "__version__", "abi", "include", "library", "static_library")

def include(*, suppress_error: bool = False) -> str: ...
def library() -> str: ...
def static_library() -> str: ...
