"""The capsules of PyAwaitable's C API, as PyAwaitable 1.x offered them: ``abi.v1``."""

from _pyawaitable import abi_v1 as v1

__all__ = ("v1",)
