"""What ends a body, what suspends it, what is deep inside; and expressions that await."""

import types

from ..blocks import Items
from . import ENDS, construct, fails, gives


@types.coroutine
def suspend(value):
    """What the language calls SUSPEND."""
    return (yield value)


# ---- What ends it ----


@construct()
def stop_iteration_from_everywhere(env):
    async def outer():
        try:
            raise StopIteration(1)
        except StopIteration as exception:
            env.log("caught", exception)
            await env.inner("a")
        try:
            await env.inner("b")
            raise StopAsyncIteration(2)
        finally:
            await env.inner("c")
            raise StopIteration(3)

    return outer()


@construct()
def exit_ignored(env):
    async def outer():
        while True:
            try:
                await env.inner("a")
                return "returned"
            except GeneratorExit as exception:
                env.log("ignored", exception)

    return outer()


@construct()
def exit_answered(env):
    async def outer():
        try:
            await env.inner("a")
        except BaseException as exception:
            env.log("caught", exception)
            return "answer"
        finally:
            env.log("finally")

    return outer()


@construct()
def exit_awaited(env):
    async def outer():
        try:
            async with env.context("lock"):
                try:
                    await env.inner("a")
                except BaseException:
                    await env.inner("b")
                    raise LookupError("in its place")
        finally:
            await env.inner("c")

    return outer()


# ---- SUSPEND, by hand ----


@construct(loops=())
def suspends(env):
    async def outer():
        env.log("got", await suspend(env.token("first")))
        try:
            env.log("got", await suspend(env.token("second")))
        except Exception as exception:
            env.log("caught", exception)
            env.log("got", await suspend(env.token("third")))
        finally:
            env.log("got", await suspend(env.token("fourth")))

    return outer()


@construct(loops=())
def suspends_while_handling(env):
    async def outer():
        try:
            raise KeyError("handled")
        except KeyError:
            try:
                env.log("got", await suspend(env.token("first")))
            except BaseException as exception:
                env.log("caught", exception)
                env.log("got", await suspend(env.token("second")))
                raise
            finally:
                env.log("got", await suspend(env.token("third")))

    return outer()


@construct(loops=())
def suspends_in_loops(env):
    async def outer():
        async for item in Items(env, "x", 2):
            async with env.context("lock"):
                while True:
                    try:
                        env.log(item, await suspend(env.token("each")))
                    except ValueError:
                        continue
                    break

    return outer()


# ---- Deep ----


def deep(env, act):
    """`act(depth)` says what happens at the innermost place, and on the way out."""

    async def outer():
        try:
            async with env.context("lock"):
                try:
                    async for first in Items(env, "x", 2):
                        try:
                            async with env.context("latch"):
                                try:
                                    async for second in Items(env, "y", 2):
                                        try:
                                            async with env.context("bolt"):
                                                try:
                                                    env.log("innermost", first, second)
                                                    await env.inner("a")
                                                    what = act("innermost")
                                                    if what == "return":
                                                        return await env.inner("b")
                                                    if what == "break":
                                                        break
                                                    if what == "continue":
                                                        continue
                                                finally:
                                                    env.log("8", await env.inner("c"))
                                        except ValueError as exception:
                                            env.log("7", exception)
                                            await env.inner("b")
                                            if act("7") == "continue":
                                                continue
                                            raise LookupError("7") from exception
                                finally:
                                    env.log("6", await env.inner("c"))
                        except LookupError as exception:
                            env.log("5", exception)
                            if act("5") == "break":
                                break
                            raise
                        finally:
                            env.log("4", await env.inner("c"))
                finally:
                    act("3")
        except Exception as exception:
            env.log("1", exception)
            await env.inner("b")
            raise TypeError("1")
        finally:
            env.log("0", await env.inner("c"))

    return outer()


DEEP = {
    "": {},
    "a raises": fails("a"),
    "a raises a KeyError": fails("a", KeyError),
    "c raises": fails("c", OSError),
    "bolt raises": {**fails("a"), **fails("bolt.exit", OSError)},
    "bolt suppresses": {**fails("a"), **gives("bolt.exit", True)},
    "latch suppresses": {**fails("a"), **gives("latch.exit", True)},
    "lock suppresses": {**fails("a"), **gives("lock.exit", True)},
    "y ends badly": fails("y1", KeyError),
}


@construct(DEEP)
def deep_to_the_end(env):
    return deep(env, lambda place: "continue" if place == "7" else None)


@construct(DEEP)
def deep_returns(env):
    return deep(env, lambda place: "return")


@construct(DEEP)
def deep_breaks(env):
    return deep(env, lambda place: "break")


@construct(DEEP)
def deep_continues(env):
    return deep(env, lambda place: "continue")


@construct(DEEP)
def deep_raises(env):
    def act(place):
        raise ValueError(place)

    return deep(env, act)


# ---- Expressions that await ----


@construct(ENDS)
def expressions(env):
    def add(*arguments, **named):
        env.log("called", *arguments, *named)
        return len(arguments) + len(named)

    async def outer():
        values = [add(1), await env.inner("a"), add(2), await env.inner("b"), add(3)]
        env.log("list", values)
        found = {"first": await env.inner("c"), await env.inner("d"): add()}
        env.log("dict", list(found))
        total = 10
        total += add(await env.inner("e"), named=await env.inner("f")) + add()
        env.log("either", (await env.inner("g") and add(4)) or await env.inner("h"))
        if not await env.inner("i") or total:
            env.log("one", add(5) if await env.inner("j") else await env.inner("k"))
        while await env.inner("l") and total:
            total = 0
        (first, *others) = values[0], await env.inner("m")
        return first, others, (last := await env.inner("n")), last

    return outer()
