"""Awaits that end well: order, results, saved values."""

from ..blocks import Inner
from ..scenario import scenario


@scenario()
def empty(env):
    async def outer():
        pass

    return outer()


@scenario()
def result_at_once(env):
    async def outer():
        return "at once"

    return outer()


@scenario()
def result_replaced(env):
    a = env.inner("a")

    async def outer():
        value = await a
        env.log("callback", value)
        return value

    return outer()


@scenario()
def result_dropped(env):
    a = env.inner("a")

    async def outer():
        await a

    return outer()


def gives(make):
    return {"a": Inner(returns=make)}


@scenario(
    {
        "None": gives(lambda env: None),
        "False": gives(lambda env: False),
        "pair": gives(lambda env: (env.token("left"), env.token("right"))),
        "empty tuple": gives(lambda env: ()),
        "tuple of None": gives(lambda env: (None,)),
        "exception": gives(lambda env: ValueError("a value")),
        "StopIteration": gives(lambda env: StopIteration("a value")),
        "StopIteration of a tuple": gives(lambda env: StopIteration((1, 2))),
        "StopAsyncIteration": gives(lambda env: StopAsyncIteration("a value")),
        "GeneratorExit": gives(lambda env: GeneratorExit("a value")),
        "class": gives(lambda env: int),
        "exception class": gives(lambda env: StopIteration),
        "at once": {"a": Inner(pauses=0)},
        "tuple at once": {"a": Inner(pauses=0, returns=lambda env: (1, 2))},
        "StopIteration at once": {"a": Inner(pauses=0, returns=lambda env: StopIteration(1))},
        "after three": {"a": Inner(pauses=3)},
    }
)
def result_passed_on(env):
    a = env.inner("a")

    async def outer():
        value = await a
        env.log("callback", value)
        return value

    return outer()


@scenario(
    {
        "": {},
        "at once": {name: Inner(pauses=0) for name in "abc"},
        "uneven": {"a": Inner(pauses=2), "b": Inner(pauses=0)},
    }
)
def three_in_order(env):
    a, b, c = map(env.inner, "abc")

    async def outer():
        env.log("callback", await a)
        env.log("callback", await b)
        result = "set in the middle"
        env.log("callback", await c)
        return result

    return outer()


@scenario()
def many_in_order(env):
    inners = list(map(env.inner, "abcdefgh"))

    async def outer():
        result = None
        for number, inner in enumerate(inners):
            value = await inner
            env.log("callback", value)
            if number == 3:
                result = value
        return result

    return outer()


@scenario({"": {}, "raises": {"a": Inner(raises=lambda: ValueError("from a"))}})
def function_awaited(env):
    a = env.inner("a")

    async def outer():
        try:
            value = await a
            env.log("callback", value)
            return value
        except BaseException as exception:
            env.log("error callback", exception)
            raise

    return outer()


@scenario()
def saved_values(env):
    x, y = env.token("x"), env.token("y")
    a, b = map(env.inner, "ab")

    async def outer():
        value = await a
        env.log("x", x)
        env.log("y", y)
        env.log("pointer", True)
        await b
        env.log("x", value)
        env.log("pointer", None)
        return 42

    return outer()


@scenario()
def not_awaitable(env):
    async def outer():
        return "refused"

    return outer()
