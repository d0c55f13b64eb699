from typing import Any

__all__ = ("v1",)

# The capsule `_pyawaitable.abi_v1` (types.CapsuleType from Python 3.13 on).
v1: Any
