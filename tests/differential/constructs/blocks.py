"""async with, async for, and loops that are left from inside them."""

from ..blocks import EndsAtOnce, Items
from . import ENDS, EXITS, ITEMS, construct

# ---- loops ----


@construct(ENDS)
def loop_with_all(env):
    async def outer():
        for number in range(4):
            try:
                try:
                    if number == 1:
                        continue
                    env.log("try", number, await env.inner("a"))
                    if number == 3:
                        break
                except ValueError as exception:
                    env.log("except", exception, await env.inner("b"))
                    if number == 2:
                        break
                    continue
                finally:
                    env.log("finally", number, await env.inner("c"))
                env.log("between", number)
            finally:
                env.log("outer finally", number)
        else:
            env.log("exhausted")
        return number

    return outer()


@construct(ENDS)
def loop_in_finally(env):
    async def outer():
        while True:
            try:
                await env.inner("a")
            finally:
                for number in range(3):
                    if number == 1:
                        continue
                    await env.inner("b")
                    env.log("cleaned", number)
                break  # noqa: B012
        else:
            env.log("never")
        env.log("after")

    return outer()


@construct(ENDS)
def loop_left_by_finally(env):
    async def outer():
        count = 0
        while count < 3:
            count += 1
            try:
                await env.inner("a")
                raise LookupError(count)
            finally:
                await env.inner("b")
                if count == 2:
                    break  # noqa: B012
                continue  # noqa: B012
        else:
            env.log("never")
        return count

    return outer()


@construct(EXITS)
def loop_left_from_a_block(env):
    async def outer():
        for number in range(3):
            async with env.context("lock") as value:
                async with env.context("latch"):
                    env.log("inside", number, value)
                    if number == 1:
                        continue
                    if number == 2:
                        break
                    await env.inner("a")
            env.log("after", number)
        env.log("end", await env.inner("b"))

    return outer()


# ---- async with ----


@construct(EXITS)
def with_two(env):
    async def outer():
        async with env.context("lock") as first, env.context("latch") as second:
            env.log("inside", first, second)
            await env.inner("a")
        env.log("after", await env.inner("b"))

    return outer()


@construct(EXITS)
def with_return(env):
    async def outer():
        try:
            async with env.context("lock"):
                async with env.context("latch"):
                    return await env.inner("a")
        finally:
            env.log("finally", await env.inner("b"))

    return outer()


@construct(EXITS)
def with_raises(env):
    async def outer():
        try:
            async with env.context("lock"):
                try:
                    async with env.context("latch"):
                        await env.inner("a")
                        raise LookupError("inside")
                except LookupError as exception:
                    env.log("caught", exception)
                    raise TypeError("after")
        except Exception as exception:
            env.log("outside", exception)
            await env.inner("b")

    return outer()


@construct(EXITS)
def with_in_handlers(env):
    async def outer():
        try:
            raise KeyError("first")
        except KeyError:
            async with env.context("lock"):
                env.log("inside")
                await env.inner("a")
                env.log("goes on")
            env.log("after")
            try:
                await env.inner("b")
            finally:
                async with env.context("latch"):
                    env.log("inside the second")
            raise

    return outer()


@construct(EXITS)
def with_target_that_fails(env):
    async def outer():
        try:
            async with env.context("lock") as (first, second):
                env.log("never", first, second)
        except TypeError as exception:
            env.log("caught", exception)

    return outer()


@construct()
def with_what_is_none(env):
    class Half:
        async def __aenter__(self):
            env.log("entered")

    class Other:
        async def __aexit__(self, *exception):
            env.log("left")

    class Plain:
        def __enter__(self):
            env.log("entered")

        def __exit__(self, *exception):
            env.log("left")

    async def outer():
        for make in (object, Half, Other, Plain):
            try:
                async with make():
                    env.log("never")
            except (TypeError, AttributeError) as exception:
                env.log("refused", exception)
        await env.inner("a")

    return outer()


# ---- async for ----


@construct(ITEMS)
def for_each(env):
    async def outer():
        item = None
        async for item in Items(env, "x"):
            env.log("item", item, await env.inner("a"))
        else:
            env.log("exhausted", await env.inner("b"))
        return item

    return outer()


@construct(ITEMS)
def for_each_that_ends_at_once(env):
    async def outer():
        item = None
        async for item in EndsAtOnce(env, "x"):
            try:
                env.log("item", item, await env.inner("a"))
                continue
            finally:
                await env.inner("b")
        env.log("after", item)

    return outer()


@construct(ITEMS)
def for_left_in_every_way(env):
    async def outer():
        async for item in Items(env, "x", 5):
            try:
                if item is env.token("x0.result"):
                    continue
                await env.inner("a")
                async with env.context("lock"):
                    async for other in Items(env, "y", 2):
                        if other is env.token("y1.result"):
                            break
                        env.log(item, other)
                    else:
                        env.log("never")
                    if item is env.token("x1.result"):
                        continue
                    if item is env.token("x3.result"):
                        break
            except KeyError:
                return "KeyError"
            finally:
                env.log("finally", await env.inner("b"))
        else:
            env.log("exhausted")
        return "end"

    return outer()


@construct(ITEMS)
def for_in_handlers(env):
    async def outer():
        try:
            raise LookupError("first")
        except LookupError:
            async for item in Items(env, "x", 2):
                env.log(item)
                await env.inner("a")
            env.log("after")
        finally:
            async for item in EndsAtOnce(env, "x", 2):
                env.log(item)
                await env.inner("b")

    return outer()


@construct(ITEMS)
def for_returns(env):
    async def outer():
        try:
            async for _ in Items(env, "x"):
                async for item in Items(env, "y"):
                    await env.inner("a")
                    return item
        finally:
            env.log("finally", await env.inner("b"))

    return outer()


@construct(ITEMS)
def for_end_is_no_exception_of_the_body(env):
    async def outer():
        try:
            async for item in Items(env, "x"):
                await env.inner("a")
                if item is env.token("x1.result"):
                    raise StopAsyncIteration("from the body")
        except StopAsyncIteration as exception:
            env.log("caught", exception)
            await env.inner("b")

    return outer()


@construct()
def for_what_is_none(env):
    class Wrong:
        def __aiter__(self):
            return 5

    class Raises:
        def __aiter__(self):
            raise KeyError("from __aiter__")

    class Invalid:
        def __aiter__(self):
            return self

        def __anext__(self):
            return 5

    class Fails(Invalid):
        def __anext__(self):
            raise OSError("from __anext__")

    async def outer():
        for make in (object, Wrong, Raises, Invalid, Fails):
            try:
                async for _ in make():
                    env.log("never")
                else:
                    env.log("never")
            except Exception as exception:
                env.log("refused", exception)
        await env.inner("a")

    return outer()
