from _pyawaitable import PyAwaitable as PyAwaitable
from _pyawaitable import __version__ as __version__

__all__ = ("PyAwaitable", "__version__", "include")

def include(*, suppress_error: bool = False) -> str: ...
