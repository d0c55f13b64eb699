"""What callbacks, error callbacks, deferred callbacks and inner code add to the queue, and when it runs."""

from ..blocks import Inner
from ..model import Queue
from ..scenario import scenario
from .errors import BAD


@scenario()
def callback_queues(env):
    a, b = map(env.inner, "ab")

    async def outer():
        env.log("callback", await a)
        c = env.inner("c")
        env.log("callback", await b)
        value = await c
        env.log("callback", value)
        return value

    return outer()


@scenario()
def callback_chain(env):
    link = env.inner("link")

    async def outer():
        value = await link
        env.log("callback", value)
        for _ in range(3):
            value = await env.inner("link")
            env.log("callback", value)
        return value

    return outer()


@scenario(BAD)
def error_callback_queues(env):
    a, b = map(env.inner, "ab")

    async def outer():
        result = c = None
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
            c = env.inner("c")
            result = "recovered"
        env.log("callback", await b)
        if c is not None:
            env.log("callback", await c)
        return result

    return outer()


@scenario()
def failing_callback_queues(env):
    a, b = map(env.inner, "ab")

    async def outer():
        c = None
        try:
            env.log("callback", await a)
            c = env.inner("c")
            raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await b)
        if c is not None:
            env.log("callback", await c)

    return outer()


@scenario()
def deferred_alone(env):
    async def outer():
        env.log("deferred callback")
        return "deferred"

    return outer()


@scenario()
def deferred_in_order(env):
    a, b = map(env.inner, "ab")

    async def outer():
        env.log("deferred callback")
        env.log("callback", await a)
        env.log("deferred callback")
        env.log("callback", await b)
        env.log("deferred callback")
        return "deferred"

    return outer()


@scenario()
def deferred_queues(env):
    a = env.inner("a")

    async def outer():
        env.log("deferred callback")
        b = env.inner("b")
        env.log("callback", await a)
        value = await b
        env.log("callback", value)
        env.log("deferred callback")
        return value

    return outer()


@scenario()
def deferred_raises(env):
    a = env.inner("a")
    b = env.inner("b")

    async def outer():
        try:
            env.log("callback", await a)
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("deferred callback")
        raise ValueError("from the deferred callback")
        await b

    return outer()


@scenario()
def deferred_raises_stop_iteration(env):
    a = env.inner("a")

    async def outer():
        env.log("callback", await a)
        raise StopIteration

    return outer()


@scenario()
def deferred_fails_silently(env):
    a = env.inner("a")

    async def outer():
        env.log("callback", await a)
        raise SystemError

    return outer()


@scenario({"": {"a": Inner(does=lambda env: env.add("extra"))}}, outside=True)
def inner_code_queues(env):
    queue = Queue(env)
    queue.await_(env.inner("a"), queue.logs)
    queue.await_(env.inner("b"), queue.returns)
    return queue.outer()
