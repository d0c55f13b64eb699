from collections.abc import Callable
from ctypes import Structure
from typing import Any

from typing_extensions import Self

__all__ = ("abi", "add_await", "awaitcallback", "awaitcallback_err", "defer_await", "defer_callback")

# Classes of function pointers, which calling ctypes.PYFUNCTYPE made.
awaitcallback: Any
awaitcallback_err: Any
defer_callback: Any

get_name: Callable[[Any], bytes | None]
get_pointer: Callable[[Any, bytes | None], int | None]

class PyABI(Structure):
    size: int
    @classmethod
    def from_capsule(cls, capsule: Any) -> Self: ...

class AwaitableABI(PyABI):
    # `await` is a field too, which only getattr() can name.
    new: Callable[[], Any]
    cancel: Callable[[Any], None]
    set_result: Callable[[Any, Any], int]
    save: Callable[..., int]
    save_arb: Callable[..., int]
    unpack: Callable[..., int]
    unpack_arb: Callable[..., int]
    PyAwaitableType: type
    await_function: Callable[..., int]
    save_int: Callable[..., int]
    unpack_int: Callable[..., int]
    set: Callable[[Any, int, Any], int]
    set_arb: Callable[[Any, int, int | None], int]
    set_int: Callable[[Any, int, int], int]
    get: Callable[[Any, int], Any]
    get_arb: Callable[[Any, int], int | None]
    get_int: Callable[[Any, int], int]
    async_with: Callable[[Any, Any, Any, Any], int]
    defer_await: Callable[[Any, Any], int]

abi: AwaitableABI
add_await: Callable[[Any, Any, Any, Any], int]
defer_await: Callable[[Any, Any], int]
