"""The C API of PyAwaitable 1.x for ctypes: the table behind ``pyawaitable.abi.v1``.

A callback has to be kept alive for as long as C may call it; ``awaitcallback(0)`` is none at all.
"""

from ctypes import (
    PYFUNCTYPE,
    Structure,
    c_char_p,
    c_int,
    c_long,
    c_ssize_t,
    c_void_p,
    cast,
    py_object,
    pythonapi,
)

from .abi import v1

__all__ = ("abi", "add_await", "awaitcallback", "awaitcallback_err", "defer_await", "defer_callback")

awaitcallback = PYFUNCTYPE(c_int, py_object, py_object)
awaitcallback_err = awaitcallback
defer_callback = PYFUNCTYPE(c_int, py_object)

# Prototypes of this module's own: attributes set on pythonapi's functions would be everybody's.
get_name = PYFUNCTYPE(c_char_p, py_object)(("PyCapsule_GetName", pythonapi))
get_pointer = PYFUNCTYPE(c_void_p, py_object, c_char_p)(("PyCapsule_GetPointer", pythonapi))


class PyABI(Structure):
    """A table of functions that begins with its size and has grown at its end."""

    _fields_ = [("size", c_ssize_t)]

    @classmethod
    def from_capsule(cls, capsule):
        """The table that a capsule points to."""
        return cls.from_address(get_pointer(capsule, get_name(capsule)))

    def __getattribute__(self, name):
        field = getattr(type(self), name, None)
        if isinstance(field, _Field) and name != "size" and field.offset + field.size > self.size:
            raise ValueError(f"this version of the table ends before {name!r}")
        return super().__getattribute__(name)


_Field = type(PyABI.size)
_Object = py_object
_Borrowed = c_void_p


class AwaitableABI(PyABI):
    """The table of 1.x. Of the variadic functions only the fixed arguments have types."""

    _fields_ = [
        ("new", PYFUNCTYPE(_Object)),
        ("await", PYFUNCTYPE(c_int, _Object, _Object, awaitcallback, awaitcallback_err)),
        ("cancel", PYFUNCTYPE(None, _Object)),
        ("set_result", PYFUNCTYPE(c_int, _Object, _Object)),
        ("save", PYFUNCTYPE(c_int, _Object, c_ssize_t)),
        ("save_arb", PYFUNCTYPE(c_int, _Object, c_ssize_t)),
        ("unpack", PYFUNCTYPE(c_int, _Object)),
        ("unpack_arb", PYFUNCTYPE(c_int, _Object)),
        ("PyAwaitableType", _Object),
        (
            "await_function",
            PYFUNCTYPE(c_int, _Object, _Object, c_char_p, awaitcallback, awaitcallback_err),
        ),
        ("save_int", PYFUNCTYPE(c_int, _Object, c_ssize_t)),
        ("unpack_int", PYFUNCTYPE(c_int, _Object)),
        ("set", PYFUNCTYPE(c_int, _Object, c_ssize_t, _Object)),
        ("set_arb", PYFUNCTYPE(c_int, _Object, c_ssize_t, c_void_p)),
        ("set_int", PYFUNCTYPE(c_int, _Object, c_ssize_t, c_long)),
        ("get", PYFUNCTYPE(_Borrowed, _Object, c_ssize_t)),
        ("get_arb", PYFUNCTYPE(c_void_p, _Object, c_ssize_t)),
        ("get_int", PYFUNCTYPE(c_long, _Object, c_ssize_t)),
        ("async_with", PYFUNCTYPE(c_int, _Object, _Object, awaitcallback, awaitcallback_err)),
        ("defer_await", PYFUNCTYPE(c_int, _Object, defer_callback)),
    ]

    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        if name != "get":
            return value

        # A result of type py_object would take over a reference that is only lent.
        def get(awaitable, index):
            return cast(value(awaitable, index), py_object).value

        return get


abi = AwaitableABI.from_capsule(v1)
add_await = getattr(abi, "await")
defer_await = abi.defer_await
