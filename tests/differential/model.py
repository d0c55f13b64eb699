"""The queue of an awaitable as an `async def`, for the scenarios in which other code adds to it or
cancels it.

An `async def` has no counterpart to Cancel. This says what Cancel does:

* What is queued is dropped, in the queues of open blocks as well.
* An await in progress is left to finish. Its value is dropped, its callbacks are not called, its
  exception propagates.
* An await whose own callback calls Cancel still has its error callback.
* A block that was entered still awaits its `__aexit__`; its body and its error callback are not
  called any more.
* A loop that has begun ends after the item that it waits for, or after what was added for the last one.
* What is added afterwards runs.
"""

from collections import deque


def wrap(awaitable):
    """An awaitable around another. It does not keep the other one in a variable."""
    held = [awaitable]
    del awaitable

    async def wrapper():
        return await held.pop()

    return wrapper()


class Deferred:
    def __init__(self, callback):
        self.callback = callback


class Await:
    """`awaitable` is a context manager for a block."""

    def __init__(self, queue, awaitable, callback, error_callback):
        self.queue, self.awaitable = queue, awaitable
        self.callback, self.error_callback = callback, error_callback
        self.cancels = queue.cancels
        self.in_callback = False

    def call(self, value):
        if self.queue.cancels == self.cancels:
            self.in_callback = True
            self.callback(value)

    def fail(self, exception):
        if self.queue.cancels != self.cancels and not self.in_callback:
            raise exception
        self.error_callback(exception)


class Block(Await):
    def call(self, value):
        self.queue.queues.append(deque())
        super().call(value)
        self.in_callback = False

    def close(self):
        self.queue.queues.pop()


class For(Await):
    """`awaitable` is an asynchronous iterable, `callback` gets each item, `end` is called at the end."""

    def __init__(self, queue, awaitable, callback, end, error_callback):
        super().__init__(queue, awaitable, callback, error_callback)
        self.end = end

    def call(self, item):
        self.queue.queues.append(deque())
        super().call(item)

    def is_over(self):
        """Whether it has been cancelled."""
        return self.queue.cancels != self.cancels

    def call_end(self):
        if not self.is_over():
            self.in_callback = True
            self.end()


class Queue:
    def __init__(self, env):
        self.env = env
        self.queues = [deque()]
        self.cancels = 0
        self.result = None
        self.finished = False
        env.model = self

    # What C code does.

    def await_(self, inner, callback, error_callback=None):
        self.push(Await(self, inner, callback, error_callback or self.passes))

    def with_(self, context, callback, error_callback=None):
        self.push(Block(self, context, callback, error_callback or self.passes))

    def for_(self, iterable, each, end, error_callback=None):
        self.push(For(self, iterable, each, end, error_callback or self.passes))

    def defer(self, callback):
        self.push(Deferred(callback))

    def cancel(self):
        self.cancels += 1
        self.clear()
        self.env.log.cancelled = True

    def add(self, inner):
        self.await_(inner, self.logs, self.reraises)

    # Callbacks that many scenarios use: see tests/ext/scenarios/support.c. An error callback that
    # returns has handled it.

    def logs(self, value):
        self.env.log("callback", value)

    def returns(self, value):
        self.env.log("callback", value)
        self.result = value

    def fails(self, value):
        self.env.log("callback", value)
        raise ValueError("from the callback")

    def handles(self, exception):
        self.env.log("error callback", exception)

    def reraises(self, exception):
        self.env.log("error callback", exception)
        raise exception

    def passes(self, exception):
        raise exception

    # How it runs.

    def begin(self):
        """It takes its first step."""

    def finish(self):
        """It has just ended."""

    def push(self, entry):
        if self.finished:
            raise RuntimeError("it has finished")
        self.queues[-1].append(entry)

    def pop(self):
        entry = self.queues[-1].popleft()
        if not isinstance(entry, Deferred):
            entry.cancels = self.cancels
        return entry

    def clear(self):
        for queue in self.queues:
            queue.clear()

    def outer(self):
        made = self.run()
        made.__qualname__ = "outer"
        return made

    async def run(self):
        """All in one frame, since GeneratorExit closes what a frame awaits and is raised anew there.
        Hence blocks inside blocks are written out, as deep as the scenarios need."""
        self.begin()
        try:
            while self.queues[-1]:
                entry = self.pop()
                if isinstance(entry, Deferred):
                    entry.callback()
                    continue
                try:
                    if isinstance(entry, Block):
                        async with entry.awaitable as value:
                            try:
                                entry.call(value)
                                while self.queues[-1]:
                                    inside = self.pop()
                                    try:
                                        if isinstance(inside, Block):
                                            async with inside.awaitable as value:
                                                try:
                                                    inside.call(value)
                                                    while self.queues[-1]:
                                                        innermost = self.pop()
                                                        try:
                                                            innermost.call(await innermost.awaitable)
                                                        except BaseException as exception:
                                                            innermost.fail(exception)
                                                finally:
                                                    inside.close()
                                        else:
                                            inside.call(await inside.awaitable)
                                    except BaseException as exception:
                                        inside.fail(exception)
                            finally:
                                entry.close()
                    elif isinstance(entry, For):
                        async for item in entry.awaitable:
                            if entry.is_over():
                                break
                            try:
                                entry.call(item)
                                entry.in_callback = False
                                while self.queues[-1]:
                                    inside = self.pop()
                                    try:
                                        inside.call(await inside.awaitable)
                                    except BaseException as exception:
                                        inside.fail(exception)
                            finally:
                                self.queues.pop()
                            if entry.is_over():
                                break
                        else:
                            entry.call_end()
                    else:
                        entry.call(await entry.awaitable)
                except BaseException as exception:
                    entry.fail(exception)
            return self.result
        finally:
            self.finished = True
            self.finish()
            self.clear()
