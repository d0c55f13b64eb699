"""What a scenario is made of.

`env.inner(name)` is something to await. The scenario determines what it does when it is awaited (`Inner`); the run determines
what kind of awaitable it is: the same scenario runs with coroutines, generators, objects with some of `send`, `throw` and
`close`, and so on. All of them log what they see.
"""

import sys
import types
import weakref

from . import model
from .record import Token


class Inner:
    """What an inner awaitable does.

    pauses     how often it suspends
    returns    what it evaluates to: a function of env, or None for a token
    raises     a function that makes the exception it ends with
    thrown     what it does with an exception that arrives at a pause:
               "raise"      lets it out
               "linger"     suspends once more before it lets it out
               "swallow"    forgets it and suspends again
               "answer"     returns at once
               "translate"  raises LookupError instead
    does       a function of env, called before the first pause
    kind       the kind of awaitable, for one that is special whatever the run asks for
    """

    def __init__(self, pauses=1, returns=None, raises=None, thrown=None, does=None, kind=None):
        self.pauses = pauses
        self.returns = returns
        self.raises = raises
        self.thrown = thrown
        self.does = does
        self.kind = kind


DEFAULT = Inner()


@types.coroutine
def body(env, name, spec):
    """What runs inside every inner awaitable."""
    env.log(name, "enters")
    thrown = spec.thrown or env.thrown
    try:
        if spec.does is not None:
            spec.does(env)
        for number in range(spec.pauses):
            try:
                got = yield from env.pause(f"{name}.{number}")
            except BaseException as exception:
                env.log(name, "sees", exception)
                if thrown == "answer":
                    return env.token(f"{name}.answer")
                if thrown == "translate":
                    raise LookupError(name)
                if thrown != "raise":
                    got = yield from env.pause(f"{name}.{number}.again")
                if thrown != "swallow":
                    raise
            env.log(name, "gets", got)
        if spec.raises is not None:
            raise spec.raises()
        return env.token(f"{name}.result") if spec.returns is None else spec.returns(env)
    finally:
        env.log(name, "leaves")


def renamed(made, name):
    """A distinct name, for the warning that it was never awaited."""
    made.__name__ = made.__qualname__ = name
    return made


async def coroutine(env, name, spec):
    return await body(env, name, spec)


class Awaitable:
    """`__await__` is a generator function, as one writes it in Python."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __await__(self):
        return (yield from body(*self.arguments))


class Iterator:
    """`__await__` returns an iterator, which has nothing but `__next__`."""

    def __init__(self, env, name, spec):
        self.env, self.name = env, name
        self.generator = body(env, name, spec)
        # Without `close` it would end when it is released, and a twin may hold it in a variable for longer.
        env.kept.append(self.generator)

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.generator.send(None)


class Send:
    def send(self, value):
        self.env.log(self.name, "send", value)
        return self.generator.send(value)


class Throw:
    def throw(self, *arguments):
        self.env.log(self.name, "throw", arguments)
        return self.generator.throw(*arguments)


class Close:
    def close(self):
        self.env.log(self.name, "close")
        return self.generator.close()


def mixed(*parts):
    return type("Iterator", (*parts, Iterator), {})


class CloseFails(Close):
    def close(self):
        super().close()
        raise OSError("close failed")


class NoAttributes:
    """Looking up `throw` and `close` fails with something other than AttributeError."""

    @property
    def throw(self):
        raise OSError("no throw for you")

    @property
    def close(self):
        raise OSError("no close for you")


class RaisingAwait:
    def __init__(self, env, name, spec):
        self.env, self.name = env, name

    def __await__(self):
        self.env.log(self.name, "__await__")
        raise ValueError("from __await__")


class StoppingAwait(RaisingAwait):
    def __await__(self):
        self.env.log(self.name, "__await__")
        raise StopIteration("from __await__")


class IntAwait(RaisingAwait):
    def __await__(self):
        return 5


class NoneAwait(RaisingAwait):
    def __await__(self):
        return None


class CoroutineAwait(RaisingAwait):
    """Forbidden: `__await__` may not return a coroutine."""

    def __await__(self):
        return renamed(coroutine(self.env, self.name, DEFAULT), self.name)


class SendOnlyAwait(RaisingAwait):
    """What `__await__` returns can be sent to, but is no iterator."""

    def __await__(self):
        return self

    def send(self, value):
        raise StopIteration(value)


def asend(env, name, spec):
    """One step of an asynchronous generator, which is kept: only the step is awaited. No event loop
    hears of the generator, since it may live longer than the loop."""

    async def generator():
        yield await body(env, name, spec)

    made = generator()
    env.kept.append(made)
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return made.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)


def busy(env, name, spec):
    """A coroutine that is already being awaited."""
    made = renamed(coroutine(env, name, spec), name)

    async def other():
        await made

    waiter = other()
    waiter.send(None)
    env.kept.append(waiter)
    return made


def finished(env, name, spec):
    async def done():
        pass

    made = done()
    try:
        made.send(None)
    except StopIteration:
        pass
    return made


KINDS = {
    "coroutine": lambda *arguments: renamed(coroutine(*arguments), arguments[1]),
    "generator": lambda *arguments: renamed(body(*arguments), arguments[1]),
    "awaitable": Awaitable,
    "iterator": Iterator,
    "iterator with send": mixed(Send),
    "iterator with throw": mixed(Throw),
    "iterator with close": mixed(Close),
    "iterator with all": mixed(Send, Throw, Close),
    "iterator whose close fails": mixed(Send, Throw, CloseFails),
    "iterator that breaks getattr": mixed(Send, NoAttributes),
    "asend": asend,
    "wrapped": lambda env, name, spec: env.wrap(renamed(coroutine(env, name, spec), name)),
    # These end badly before anything runs.
    "raising __await__": RaisingAwait,
    "stopping __await__": StoppingAwait,
    "__await__ of int": IntAwait,
    "__await__ of None": NoneAwait,
    "__await__ of a coroutine": CoroutineAwait,
    "__await__ that only sends": SendOnlyAwait,
    "busy": busy,
    "finished": finished,
}


class Context:
    """An async context manager. Its two halves are inner awaitables too, named `<name>.enter` and `<name>.exit`."""

    def __init__(self, env, name):
        self.env, self.name = env, name

    def __aenter__(self):
        self.env.log(self.name, "__aenter__")
        return self.env.inner(f"{self.name}.enter")

    def __aexit__(self, kind, value, traceback):
        self.env.log(self.name, "__aexit__", kind, value, traceback)
        return self.env.inner(f"{self.name}.exit")


class Items:
    """An asynchronous iterator: inner awaitables called <name>0, <name>1 ..."""

    def __init__(self, env, name, count=3):
        self.env, self.name, self.count, self.next = env, name, count, 0

    def __aiter__(self):
        self.env.log(self.name, "__aiter__")
        return self

    def __anext__(self):
        self.env.log(self.name, "__anext__")
        if self.next == self.count:
            return self.end()
        self.next += 1
        return self.env.inner(f"{self.name}{self.next - 1}")

    async def end(self):
        raise StopAsyncIteration


class EndsAtOnce(Items):
    """Its end is raised by the call of `__anext__`."""

    def end(self):
        raise StopAsyncIteration


def nothing(env):
    return None


class Env:
    """What a scenario is given: a log, and building blocks."""

    def __init__(self, log, scenario, kind="coroutine", thrown="raise"):
        self.log = log
        self.scenario = scenario
        self.kind = kind
        self.thrown = thrown
        self.value = scenario.value
        self.kept = []
        self.tokens = {}
        self.outer = lambda: None
        self.module = None
        self.model = None

    def token(self, name):
        """A value with a name; the same name is the same value."""
        return self.tokens.setdefault(name, Token(name))

    def inner(self, name):
        spec = self.scenario.inners.get(name)
        if spec is None:
            spec = Inner(returns=nothing) if name.endswith(".exit") else DEFAULT
        return KINDS[spec.kind or self.kind](self, name, spec)

    def context(self, name):
        made = self.scenario.contexts.get(name, Context)
        return made(self, name)

    def items(self, name):
        made = self.scenario.contexts.get(name, Items)
        return made(self, name)

    @types.coroutine
    def pause(self, tag):
        """Suspends. By hand, a token goes out, and what is sent comes in."""
        return (yield self.token(tag))

    def through(self, awaitable):
        return renamed(model.wrap(awaitable), "through")

    def wrap(self, awaitable):
        """An awaitable around another, of the side at hand."""
        return model.wrap(awaitable) if self.module is None else self.module.wrap(self, awaitable)

    def stumble(self, name):
        try:
            raise KeyError(name)
        except KeyError as exception:
            self.log("stumbles", exception)

    def explode(self, name):
        raise OSError(name)

    def clean_up(self, *items):
        self.log.cleans_up(*items)

    # What other code does to the awaitable: the C API for the C side, its model for the twin.

    def made(self, awaitable):
        self.outer = weakref.ref(awaitable)

    def gone(self):
        """Whether it is being deallocated: then nothing can still hold it."""
        if self.outer() is None:
            self.log("gone")
        return self.outer() is None

    def cancel(self):
        self.log("Cancel")
        if self.gone():
            return
        self.log.cancelled = True
        if self.module is not None:
            self.module.cancel(self.outer())
        else:
            self.model.cancel()

    def add(self, name):
        self.log("add", name)
        if self.gone():
            return
        inner = self.inner(name)
        try:
            if self.module is not None:
                self.module.add(self.outer(), inner)
            else:
                self.model.add(inner)
        except RuntimeError as exception:
            # Refused: it has finished. The text is the library's own.
            self.log("refused", type(exception))

    def close(self):
        """Ends what is still open, so that a run says the same whether or not something lingers in it."""
        self.kept.clear()
        if self.model is not None:
            self.model.clear()
