"""async for."""

from ..blocks import EndsAtOnce, Inner
from ..model import Queue
from ..scenario import scenario
from .blocks import INSIDE


def fails(name, make=ValueError, pauses=1):
    return {name: Inner(pauses, raises=lambda: make(f"from {name}"))}


# How the iterator behaves.
ITERATORS = {
    "": {},
    "the first raises": fails("x0"),
    "the second raises": fails("x1", KeyError),
    "the second raises at once": fails("x1", KeyError, 0),
    "the second ends": fails("x1", StopAsyncIteration),
    "the second stops": fails("x1", StopIteration),
    "the second cannot be awaited": {"x1": Inner(kind="__await__ of int")},
    "the second raises where it is awaited": {"x1": Inner(kind="raising __await__")},
    "the third is finished": {"x2": Inner(kind="finished")},
    "busy": {"x1": Inner(kind="busy")},
    "ready": {f"x{number}": Inner(pauses=0) for number in range(3)},
    "the first is a tuple": {"x0": Inner(returns=lambda env: (1, 2))},
}
# How what is awaited in the loop ends.
AWAITS = {
    "": {},
    "a raises": fails("a"),
    "a ends": fails("a", StopAsyncIteration),
    "a cannot be awaited": {"a": Inner(kind="__await__ of int")},
    "ready": {name: Inner(pauses=0) for name in ("a", "x0", "x1", "x2")},
    "the second raises": fails("x1", KeyError),
}


@scenario(ITERATORS)
def for_plain(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        result = None
        async for item in x:
            env.log("callback", item)
            result = item
        env.log("end")
        env.log("callback", await z)
        return result

    return outer()


@scenario(ITERATORS)
def for_empty(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        async for _ in x:
            pass
        env.log("callback", await z)

    return outer()


def handled(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
            env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(ITERATORS)
def for_handled(env):
    return handled(env)


@scenario(ITERATORS)
def for_reraised(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
            env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        env.log("callback", await z)

    return outer()


@scenario(ITERATORS)
def for_replaced(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
            env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
            raise LookupError("from the error callback")
        env.log("callback", await z)

    return outer()


@scenario(contexts={"x": EndsAtOnce})
def for_ends_at_once(env):
    return handled(env)


class Wrong:
    def __init__(self, env, name):
        self.env = env

    def __aiter__(self):
        self.env.log("__aiter__")
        return 5


@scenario(contexts={"x": Wrong})
def for_wrong_iterator(env):
    return handled(env)


class Raising(Wrong):
    def __aiter__(self):
        raise KeyError("from __aiter__")


@scenario(contexts={"x": Raising})
def for_raising_iterator(env):
    return handled(env)


def generator(env, name):
    """Of Python's own type. It is kept: that it is closed when it goes, or by the event loop, is not what is compared."""

    async def items():
        for number in range(3):
            value = await env.inner(f"{name}{number}")
            env.log("yields", value)
            yield value

    made = items()
    env.kept.append(made)
    return made


@scenario(ITERATORS, contexts={"x": generator})
def for_generator(env):
    return handled(env)


@scenario(ITERATORS)
def for_fails(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        async for item in x:
            env.log("callback", item)
            raise ValueError("from the callback")
        env.log("end")
        env.log("callback", await z)

    return outer()


@scenario(ITERATORS)
def for_fails_handled(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
                raise ValueError("from the callback")
            env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(ITERATORS)
def for_fails_past(env):
    """What the callback raises no error callback sees; what else may happen goes to one."""
    x, z = env.items("x"), env.inner("z")

    async def outer():
        mine = None
        try:
            async for item in x:
                env.log("callback", item)
                mine = ValueError("from the callback")
                raise mine
            env.log("end")
        except BaseException as exception:
            if exception is mine:
                raise
            env.log("error callback", exception)
        finally:
            mine = None
        env.log("callback", await z)

    return outer()


@scenario(ITERATORS)
def for_end_fails(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
            env.log("end")
            raise ValueError("from the end")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(ITERATORS)
def for_end_fails_past(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        ended = False
        try:
            async for item in x:
                env.log("callback", item)
            env.log("end")
            ended = True
            raise ValueError("from the end")
        except BaseException as exception:
            if ended:
                raise
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(ITERATORS)
def for_end_adds(env):
    """What is added there runs after what was queued before."""
    x, z = env.items("x"), env.inner("z")

    async def outer():
        held = []
        try:
            async for item in x:
                env.log("callback", item)
            env.log("end")
            held.append(env.inner("b"))
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)
        if held:
            env.log("callback", await held.pop())

    return outer()


@scenario(AWAITS)
def for_awaits(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        async for item in x:
            env.log("callback", item)
            env.log("callback", await env.inner("a"))
        env.log("end")
        env.log("callback", await z)

    return outer()


@scenario(AWAITS)
def for_awaits_handled(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
                env.log("callback", await env.inner("a"))
            env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(AWAITS)
def for_awaits_replaced(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
                env.log("callback", await env.inner("a"))
            env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
            raise LookupError("from the error callback")
        env.log("callback", await z)

    return outer()


@scenario(ITERATORS)
def for_stops(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
                break
            else:
                env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(AWAITS)
def for_awaits_and_stops(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
                env.log("callback", await env.inner("a"))
                break
            else:
                env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario({**AWAITS, "the inner one raises": fails("y1", KeyError)})
def for_in_for(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
                try:
                    async for inner_item in env.items("y"):
                        env.log("callback", inner_item)
                        env.log("callback", await env.inner("a"))
                    env.log("end")
                except BaseException as exception:
                    env.log("error callback", exception)
                    raise
            env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario({**INSIDE, **AWAITS})
def block_in_for(env):
    x, z = env.items("x"), env.inner("z")

    async def outer():
        try:
            async for item in x:
                env.log("callback", item)
                try:
                    async with env.context("lock") as value:
                        env.log("callback", value)
                        env.log("callback", await env.inner("a"))
                except BaseException as exception:
                    env.log("error callback", exception)
                    raise
            env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario({**INSIDE, **AWAITS})
def for_in_block(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        try:
            async with lock as value:
                env.log("callback", value)
                x, held = env.items("x"), [env.inner("b")]
                try:
                    async for item in x:
                        env.log("callback", item)
                        env.log("callback", await env.inner("a"))
                    env.log("end")
                except BaseException as exception:
                    env.log("error callback", exception)
                    # What is queued in the block goes when it is left.
                    held.clear()
                    raise
                env.log("callback", await held.pop())
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


class Closing:
    """`contextlib.aclosing`, which Python 3.9 has not, around a generator."""

    def __init__(self, env, name):
        self.env, self.generator = env, generator(env, "x")

    async def __aenter__(self):
        return self.generator

    async def __aexit__(self, *_):
        self.env.log("closes")
        await self.generator.aclose()


@scenario(AWAITS, contexts={"closing": Closing})
def for_closing(env):
    closing, z = env.context("closing"), env.inner("z")

    async def outer():
        try:
            async with closing as items:
                async for item in items:
                    env.log("callback", item)
                    env.log("callback", await env.inner("a"))
                env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(AWAITS, contexts={"closing": Closing})
def for_closing_stops(env):
    closing, z = env.context("closing"), env.inner("z")

    async def outer():
        try:
            async with closing as items:
                async for item in items:
                    env.log("callback", item)
                    env.log("callback", await env.inner("a"))
                    break
                else:
                    env.log("end")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


class Looping(Queue):
    """With the callbacks of tests/ext/scenarios/iteration.c."""

    def x_then_z(self, each):
        self.for_(self.env.items("x"), each, lambda: self.env.log("end"), self.handles)
        self.await_(self.env.inner("z"), self.logs)
        return self.outer()

    def each_awaits(self, item):
        self.logs(item)
        self.await_(self.env.inner("a"), self.logs)

    def each_cancels(self, item):
        self.logs(item)
        self.cancel()
        self.await_(self.env.inner("a"), self.logs)


@scenario(AWAITS, outside=True)
def for_outside(env):
    queue = Looping(env)
    return queue.x_then_z(queue.each_awaits)


@scenario(AWAITS, outside=True)
def for_cancels(env):
    queue = Looping(env)
    return queue.x_then_z(queue.each_cancels)
