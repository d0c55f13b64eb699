"""Runs a program as `async def`: what is queued, by model.Queue; how it runs, by the rules for callbacks."""

import ctypes
import sys
import textwrap
import weakref
from typing import NamedTuple

from differential import model

from . import program

# An `async def` that awaits what is queued. All in one frame, since GeneratorExit closes what a frame awaits and is raised
# anew there: hence blocks inside blocks are written out, as deep as programs have them.
RUN = """
async def run(self):
    self.started = True
    try:
{levels}
        return self.result
    finally:
        self.finish()
"""
LEVEL = """
while self.queues[-1]:
    entry{level} = self.pop()
    if isinstance(entry{level}, Deferred):
        entry{level}.call()
        continue
    try:
{awaiting}
    except BaseException as exception:
        entry{level}.fail(exception)
"""
AWAIT = "entry{level}.call(await entry{level}.take())"
BLOCK = """
if type(entry{level}) is Block:
    async with entry{level}.take() as value:
        try:
            entry{level}.call(value)
            del value
{inside}
        finally:
            entry{level}.close()
elif isinstance(entry{level}, For):
    async for value in entry{level}.take():
        if entry{level}.is_over():
            break
        try:
            entry{level}.call(value)
            del value
{inside_loop}
        finally:
            entry{level}.close()
        if entry{level}.is_over():
            break
    else:
        entry{level}.call_end()
else:
    {plain}
"""


def indented(text, by):
    return textwrap.indent(text.strip("\n"), " " * by)


def written_out(level):
    awaiting = plain = AWAIT.format(level=level)
    if level < program.MOST_BLOCKS:
        inside = indented(written_out(level + 1), 12)
        awaiting = BLOCK.format(level=level, plain=plain, inside=inside, inside_loop=inside)
    return LEVEL.format(level=level, awaiting=indented(awaiting, 8))


def outcome(code, exception):
    """Raises what follows from a return code of a callback that is not 0; a SystemError where the two contradict."""
    if code >= 0 and exception is None:
        return
    if exception is None:
        raise SystemError
    if code < 0:
        raise exception
    try:
        raise exception
    except BaseException as left:
        raise SystemError from left


def unhandled(function):
    """Calls it as where an exception is unwinding, and not yet handled, which no Python code can be."""
    handled = [ctypes.c_void_p() for _ in range(3)]
    ctypes.pythonapi.PyErr_GetExcInfo(*map(ctypes.byref, handled))
    ctypes.pythonapi.PyErr_SetExcInfo(None, None, None)
    try:
        function()
    finally:
        ctypes.pythonapi.PyErr_SetExcInfo(*handled)


class Unraisable(NamedTuple):
    """What sys.unraisablehook is called with."""

    exc_value: BaseException
    object: object


class Await(model.Await):
    """`callback` and `error_callback` are program.Body or None."""

    past = None

    def take(self):
        """What to await, which is released with its await."""
        awaitable, self.awaitable = self.awaitable, None
        return awaitable

    def call(self, value):
        if self.queue.cancels != self.cancels or self.callback is None:
            return
        self.in_callback = True
        self.queue.called(self, "callback", self.callback, value)

    def fail(self, exception):
        dropped = self.queue.cancels != self.cancels and not self.in_callback
        if self.error_callback is None or dropped or exception is self.past:
            raise exception
        cancels = self.queue.cancels
        try:
            code, replacement = self.queue.env.called(self.queue, "error callback", self.error_callback, exception)
        except BaseException:
            code, replacement = -1, None
        if code == -1:
            raise exception
        if code == -2 and replacement is None and self.queue.cancels != cancels:
            return
        outcome(code, replacement)


class Block(Await):
    def call(self, value):
        self.queue.queues.append(model.deque())
        super().call(value)
        self.in_callback = False

    def close(self):
        """A callback that has failed leaves its error callback in place, but for what is cancelled from here on."""
        left = self.queue.queues.pop()
        if left:
            unhandled(left.clear)
        if self.in_callback:
            self.cancels, self.in_callback = self.queue.cancels, False


class For(Block):
    def __init__(self, queue, iterable, entry):
        super().__init__(queue, iterable, entry.each, entry.error)
        self.end, self.is_left = entry.end, False

    def call(self, item):
        self.queue.queues.append(model.deque())
        if not self.is_over() and self.callback is not None:
            self.in_callback = True
            self.is_left = self.queue.called(self, "each", self.callback, item) > 0
        self.in_callback = False

    def is_over(self):
        """Whether it has been left, or cancelled."""
        return self.is_left or self.queue.cancels != self.cancels

    def call_end(self):
        if not self.is_over() and self.end is not None:
            self.in_callback = True
            self.queue.called(self, "end", self.end)


class Deferred(model.Deferred):
    def __init__(self, queue, callback):
        super().__init__(callback)
        self.queue = queue

    def call(self):
        outcome(*self.queue.env.called(self.queue, "deferred callback", self.callback))


class Queue(model.Queue):
    def __init__(self, env, number):
        super().__init__(env)
        self.number, self.name = number, f"object{number}"
        self.saved, self.parsed, self.clean_ups = [], [], []
        self.started = False

    exec(compile(RUN.format(levels=indented(written_out(0), 8)), __file__, "exec"))

    def start(self, arguments):
        if arguments is not None:
            self.parse(*arguments)
        made = self.run()
        made.__name__ = made.__qualname__ = self.name
        self.awaitable = weakref.ref(made, self.dropped)
        return made

    def dropped(self, _):
        """What never began runs nothing itself."""
        if not self.started and not self.finished:
            self.finish()

    def alive(self):
        return self.awaitable() is not None

    def unfinished(self):
        return self.alive() and not self.finished

    def finish(self):
        """What is left goes as local variables go with a frame: not while its own exception is being handled, so that it
        is put aside, but while that of who steps is."""
        self.finished = True
        if not any(self.queues) and not self.saved and not self.clean_ups:
            self.parsed.clear()
            return
        if not self.started or sys.exc_info()[0] is None:
            self.end()
        else:
            unhandled(self.end_as_who_steps)

    def end_as_who_steps(self):
        if self.env.handled is None:
            self.end()
            return
        try:
            raise self.env.handled
        except BaseException:
            self.end()

    def end(self):
        while self.clean_ups:
            name, body = self.clean_ups.pop()
            try:
                self.env.cleans_up(self, name, body)
            except BaseException as exception:
                self.env.log.unraisable(Unraisable(exception, None))
        self.forget()

    def notice_end(self):
        """A coroutine that is closed before it has started runs nothing that could say so."""
        made = self.awaitable()
        if not self.started and not self.finished and (made is None or made.cr_frame is None):
            self.finish()

    def called(self, entry, what, body, *arguments):
        """Calls a callback: what -2 raises, and a SystemError, goes past the error callback."""
        code, exception = self.env.called(self, what, body, *arguments)
        try:
            outcome(code, exception)
        except BaseException as raised:
            if code == -2 or isinstance(raised, SystemError):
                entry.past = raised
            raise
        return code

    def forget(self):
        self.parsed.clear()
        self.clear()
        self.saved.clear()

    # What C code does.

    def add(self, entry):
        env = self.env
        if isinstance(entry, program.Defer):
            self.push(Deferred(self, entry.body))
        elif isinstance(entry, program.For):
            self.push(For(self, env.iterable(entry, self.number), entry))
        elif isinstance(entry, program.With):
            self.push(Block(self, env.manager(entry, self.number), entry.callback, entry.error))
        else:
            self.push(Await(self, env.awaited(entry.inner, self.number), entry.callback, entry.error))

    def cancel(self):
        self.cancels += 1
        self.clear()

    def set_result(self, value):
        if self.finished:
            raise RuntimeError
        self.result = value

    def save(self, value):
        self.saved.append(value)

    def set_value(self, index, value):
        self.saved[index] = value

    def get_value(self, index):
        return self.saved[index]

    def clean_up(self, name, body):
        if self.finished:
            raise RuntimeError
        self.clean_ups.append((name, body))

    def parse(self, *arguments):
        if self.finished:
            raise RuntimeError
        self.parsed += arguments

    def arguments(self):
        if not self.parsed:
            raise RuntimeError
        return tuple(self.parsed)

    def unpack(self):
        if not self.saved:
            raise RuntimeError
        return tuple(self.saved)
