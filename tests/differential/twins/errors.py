"""Awaits that fail: what reaches the error callback, and what its return codes do."""

from ..blocks import Inner
from ..scenario import scenario


def raised_from():
    try:
        raise KeyError("first")
    except KeyError as exception:
        error = ValueError("second")
        error.__cause__ = exception
        return error


def ends(make, **more):
    return {"a": Inner(raises=make, **more)}


def special(kind):
    return {"a": Inner(kind=kind)}


# The ways in which `a` ends; the empty name is the good one.
BAD = {
    "": {},
    "raises": ends(lambda: ValueError("from a")),
    "raises at once": ends(lambda: ValueError("from a"), pauses=0),
}
WORSE = {
    **BAD,
    "raises with a cause": ends(raised_from),
    "raises KeyboardInterrupt": ends(lambda: KeyboardInterrupt("from a")),
    "raises GeneratorExit": ends(lambda: GeneratorExit("from a")),
    "raises StopIteration": ends(lambda: StopIteration("from a")),
    "raises StopAsyncIteration": ends(lambda: StopAsyncIteration("from a")),
    **{
        kind: special(kind)
        for kind in (
            "raising __await__",
            "stopping __await__",
            "__await__ of int",
            "__await__ of None",
            "__await__ of a coroutine",
            "__await__ that only sends",
            "busy",
            "finished",
        )
    },
}


@scenario(WORSE)
def error_unseen(env):
    a, b = map(env.inner, "ab")

    async def outer():
        env.log("callback", await a)
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(WORSE)
def error_handled(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(WORSE)
def error_reraised(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(WORSE)
def error_replaced(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            await a
        except BaseException as exception:
            env.log("error callback", exception)
            raise LookupError("from the error callback")
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(BAD)
def error_replaced_by_itself(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
            raise exception
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(BAD)
def error_replaced_by_nothing(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
            raise SystemError
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(BAD)
def error_reraised_another_set(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(BAD)
def error_replaced_by_stop_iteration(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
            raise StopIteration("from the error callback")
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(BAD)
def error_callback_stumbles(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
            env.stumble("stumbled")
            env.log("after", exception)
            raise
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario({**BAD, "raises KeyError": ends(lambda: KeyError("from a"))})
def error_filtered(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
        except ValueError:
            env.log("matches", True)
        except BaseException:
            env.log("matches", False)
            raise
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(BAD)
def two_failures(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
        try:
            env.log("callback", await b)
            raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
            raise

    return outer()


@scenario()
def callback_fails(env):
    a, b = map(env.inner, "ab")

    async def outer():
        env.log("callback", await a)
        raise ValueError("from the callback")
        await b

    return outer()


@scenario(BAD)
def callback_fails_handled(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
            raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(BAD)
def callback_fails_reraised(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
            raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        await b

    return outer()


@scenario(BAD)
def callback_fails_replaced(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
            raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
            raise LookupError("from the error callback")
        await b

    return outer()


@scenario(BAD)
def callback_fails_past(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            value = await a
        except BaseException as exception:
            env.log("error callback", exception)
        else:
            env.log("callback", value)
            raise ValueError("from the callback")
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario()
def callback_calls_python(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
            env.explode("exploded")
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        await b

    return outer()


def system_error(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            await a
        except BaseException as exception:
            env.log("error callback", exception)
        else:
            raise SystemError
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario()
def callback_silent_minus_1(env):
    return system_error(env)


@scenario()
def callback_silent_minus_2(env):
    return system_error(env)


@scenario()
def callback_zero_but_set(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            await a
        except BaseException as exception:
            env.log("error callback", exception)
        else:
            try:
                raise ValueError("left set")
            except ValueError as left:
                raise SystemError from left
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario()
def callback_stop_iteration(env):
    a, b = map(env.inner, "ab")

    async def outer():
        raise StopIteration(await a)
        await b

    return outer()


@scenario(BAD)
def callback_stop_iteration_handled(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            raise StopIteration(await a)
        except BaseException as exception:
            env.log("error callback", exception)
        value = await b
        env.log("callback", value)
        return value

    return outer()


@scenario(BAD)
def callback_stop_iteration_reraised(env):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            raise StopIteration(await a)
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        await b

    return outer()


@scenario(BAD)
def error_becomes_result(env):
    a = env.inner("a")

    async def outer():
        result = c = None
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
            c = env.inner("c")
            result = exception
        if c is not None:
            await c
        return result

    return outer()


@scenario(BAD)
def error_after_result(env):
    a = env.inner("a")

    async def outer():
        try:
            env.log("callback", await a)
            raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
            raise

    return outer()
