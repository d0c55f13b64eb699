from collections.abc import Coroutine, Generator
from types import CodeType, FrameType, GenericAlias, TracebackType
from typing import Any, Generic, TypeVar, final, overload

_ReturnT_co = TypeVar("_ReturnT_co", covariant=True)

__version__: str

# The capsules (types.CapsuleType from Python 3.13 on).
abi_v1: Any
abi_v3: Any

@final
class PyAwaitable(Coroutine[Any, Any, _ReturnT_co], Generic[_ReturnT_co]):
    """What the C API makes. C makes them; calling this type raises TypeError."""

    __name__: str
    __qualname__: str
    @property
    def cr_await(self) -> Any | None: ...
    @property
    def cr_code(self) -> CodeType | None: ...
    @property
    def cr_frame(self) -> FrameType | None: ...
    @property
    def cr_origin(self) -> tuple[tuple[str, int, str], ...] | None: ...
    @property
    def cr_running(self) -> bool: ...
    @property
    def cr_state(self) -> str: ...
    @property
    def cr_suspended(self) -> bool: ...
    def __await__(self) -> Generator[Any, Any, _ReturnT_co]: ...
    def send(self, value: Any, /) -> Any: ...
    @overload
    def throw(
        self,
        typ: type[BaseException],
        val: BaseException | object = None,
        tb: TracebackType | None = None,
        /,
    ) -> Any: ...
    @overload
    def throw(self, typ: BaseException, val: None = None, tb: TracebackType | None = None, /) -> Any: ...
    def close(self) -> None: ...
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
