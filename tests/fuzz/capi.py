"""Runs a program through the C API, called by way of the extension `rawapi`."""

import copy
import types
import weakref

import rawapi

from . import program

MOST_VALUES = 40
# As many as an object may have parsed.
MOST_PARSED = 20


def function_named(name):
    """A function of an extension, by another name."""
    module = types.ModuleType("rawapi")
    rawapi.add_functions(module)
    module.made.__name__ = module.made.__qualname__ = name
    return module.made


FUNCTIONS = [function_named(f"object{number}") for number in range(program.MOST_OBJECTS)]


class Object:
    given = None

    def __init__(self, env, number):
        self.env, self.number, self.name = env, number, f"object{number}"

    def start(self, arguments):
        if arguments is None:
            made = rawapi.new()
            made.__name__ = made.__qualname__ = self.name
        else:
            made = FUNCTIONS[self.number](*arguments)
        self.awaitable = weakref.ref(made)
        return made

    def alive(self):
        return self.awaitable() is not None

    def unfinished(self):
        aw = self.awaitable()
        return aw is not None and aw.cr_state != "CORO_CLOSED"

    def in_callback(self, aw):
        """The same object by the reference that a callback is given: there is no weak one while it is deallocated."""
        called = copy.copy(self)
        called.given = aw
        return called

    def aw(self):
        return self.awaitable() if self.given is None else self.given

    def callback(self, what, body):
        """A function pointer. It holds neither the object nor what is awaited, as none in C would."""
        if body is None:
            return None
        env, number = self.env, self.number

        def call(aw, *arguments):
            called = env.objects[number].in_callback(aw)
            # The traceback of what the callback raises has this frame, and must not hold the object, as none in C would.
            del aw
            try:
                return env.called(called, what, body, *arguments)
            finally:
                called.given = None

        return call

    def notice_end(self):
        """The library does."""

    def forget(self):
        """Nothing is held here."""

    # What C code does.

    def add(self, entry):
        env, aw = self.env, self.aw()
        if isinstance(entry, program.Defer):
            rawapi.defer_await(aw, self.callback("deferred callback", entry.body))
            return
        if isinstance(entry, program.For):
            each, end = self.callback("each", entry.each), self.callback("end", entry.end)
            error = self.callback("error callback", entry.error)
            rawapi.async_for(aw, env.iterable(entry, self.number), each, end, error)
            return
        callback, error = self.callback("callback", entry.callback), self.callback("error callback", entry.error)
        if isinstance(entry, program.With):
            rawapi.async_with(aw, env.manager(entry, self.number), callback, error)
        else:
            rawapi.add_await(aw, env.awaited(entry.inner, self.number), callback, error)

    def cancel(self):
        rawapi.cancel(self.aw())

    def set_result(self, value):
        rawapi.set_result(self.aw(), value)

    def save(self, value):
        rawapi.save_values(self.aw(), value)

    def set_value(self, index, value):
        rawapi.set_value(self.aw(), index, value)

    def get_value(self, index):
        return rawapi.get_value(self.aw(), index)

    def clean_up(self, name, body):
        """As callbacks, it holds neither the object nor what is awaited."""
        env, number = self.env, self.number

        def call(aw):
            called = env.objects[number].in_callback(aw)
            del aw
            try:
                env.cleans_up(called, name, body)
            finally:
                called.given = None

        rawapi.add_cleanup(self.aw(), call)

    def parse(self, *arguments):
        rawapi.parse_tuple(self.aw(), "Osl", arguments)

    def arguments(self):
        return tuple(rawapi.unpack(self.aw(), "Osl" * MOST_PARSED))

    def unpack(self):
        values = rawapi.unpack_values(self.aw(), MOST_VALUES)
        return tuple(value for value in values if value is not rawapi.NULL)
