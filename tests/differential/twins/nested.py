"""Awaitables that await awaitables."""

from ..blocks import Inner, renamed
from ..scenario import scenario
from .blocks import INSIDE
from .errors import BAD


def around(env, name, inner, act, handle):
    """`act` is a callback, its value the result; `handle` an error callback, its value the result,
    that may raise. What is awaited is in no variable: an awaitable lets go of it when it is done."""
    held = [inner]
    del inner

    async def outer():
        try:
            return act(await held.pop())
        except BaseException as exception:
            return handle(exception)

    return renamed(outer(), name)


def outermost(env, middle, act, handle):
    b = env.inner("b")
    held = [middle]
    del middle

    async def outer():
        try:
            result = act(await held.pop())
        except BaseException as exception:
            result = handle(exception)
        env.log("callback", await b)
        return result

    return outer()


class Callbacks:
    """Those of tests/ext/scenarios/support.c, with the result as value."""

    def __init__(self, env):
        self.env = env

    def logs(self, value):
        self.env.log("callback", value)

    def returns(self, value):
        self.env.log("callback", value)
        return value

    def fails(self, value):
        self.env.log("callback", value)
        raise ValueError("from the callback")

    def handles(self, exception):
        self.env.log("error callback", exception)

    def reraises(self, exception):
        self.env.log("error callback", exception)
        raise exception

    def replaces(self, exception):
        self.env.log("error callback", exception)
        raise LookupError("from the error callback")

    def passes(self, exception):
        raise exception


@scenario({**BAD, "tuple": {"a": Inner(returns=lambda env: ((), None))}})
def nested(env):
    does = Callbacks(env)
    innermost = around(env, "innermost", env.inner("a"), does.returns, does.passes)
    middle = around(env, "middle", innermost, does.returns, does.passes)
    return outermost(env, middle, does.returns, does.passes)


@scenario(BAD)
def nested_handled_outermost(env):
    does = Callbacks(env)
    innermost = around(env, "innermost", env.inner("a"), does.fails, does.reraises)
    middle = around(env, "middle", innermost, does.logs, does.reraises)
    return outermost(env, middle, does.logs, does.handles)


@scenario(BAD)
def nested_handled_innermost(env):
    does = Callbacks(env)
    innermost = around(env, "innermost", env.inner("a"), does.fails, does.handles)
    middle = around(env, "middle", innermost, does.returns, does.reraises)
    return outermost(env, middle, does.returns, does.reraises)


@scenario(BAD)
def nested_replaced(env):
    does = Callbacks(env)
    innermost = around(env, "innermost", env.inner("a"), does.logs, does.replaces)
    middle = around(env, "middle", innermost, does.logs, does.replaces)
    return outermost(env, middle, does.logs, does.reraises)


@scenario(BAD)
def nested_through_native(env):
    does = Callbacks(env)
    innermost = around(env, "innermost", env.inner("a"), does.returns, does.reraises)
    return outermost(env, env.through(innermost), does.returns, does.reraises)


@scenario(BAD)
def nested_twice(env):
    does = Callbacks(env)
    innermost = around(env, "innermost", env.inner("a"), does.returns, does.reraises)
    b = env.inner("b")

    async def outer():
        try:
            result = does.returns(await innermost)
        except BaseException as exception:
            result = does.handles(exception)
        env.log("callback", await b)
        try:
            result = does.returns(await innermost)
        except BaseException as exception:
            does.handles(exception)
        return result

    return outer()


@scenario(INSIDE)
def nested_in_block(env):
    does = Callbacks(env)
    innermost = around(env, "innermost", env.inner("a"), does.returns, does.reraises)
    lock = env.context("lock")

    async def outer():
        result = None
        try:
            async with lock as value:
                env.log("callback", value)
                try:
                    result = does.returns(await innermost)
                except BaseException as exception:
                    does.handles(exception)
        except BaseException as exception:
            does.handles(exception)
        return result

    return outer()


@scenario(BAD)
def nested_from_callback(env):
    does = Callbacks(env)
    b = env.inner("b")

    async def outer():
        env.log("callback", await b)
        return does.returns(await around(env, "innermost", env.inner("a"), does.returns, does.handles))

    return outer()
