"""async with."""

from ..blocks import Awaitable, Context, Inner
from ..model import Queue
from ..scenario import scenario


def answers(make):
    return {"lock.exit": Inner(returns=make)}


class Odd:
    """A result of `__aexit__` whose truth value raises."""

    def __bool__(self):
        raise ValueError("neither true nor false")


# How the manager behaves. Whether an exception is there to be suppressed is another matter.
MANAGERS = {
    "": {},
    "enters at once": {"lock.enter": Inner(pauses=0), "lock.exit": Inner(pauses=0, returns=lambda env: None)},
    "suppresses": answers(lambda env: True),
    "suppresses with a token": answers(lambda env: env.token("yes")),
    "does not suppress": answers(lambda env: 0),
    "odd truth": answers(lambda env: Odd()),
    "enter raises": {"lock.enter": Inner(raises=lambda: OSError("from enter"))},
    "enter raises at once": {"lock.enter": Inner(pauses=0, raises=lambda: OSError("from enter"))},
    "enter is an int": {"lock.enter": Inner(kind="__await__ of int")},
    "exit is an int": {"lock.exit": Inner(kind="__await__ of int")},
    "exit raises": {"lock.exit": Inner(raises=lambda: OSError("from exit"))},
    "exit raises at once": {"lock.exit": Inner(pauses=0, raises=lambda: OSError("from exit"))},
    "value is a tuple": {"lock.enter": Inner(returns=lambda env: (1, 2))},
    "value is a StopIteration": {"lock.enter": Inner(returns=lambda env: StopIteration(1))},
}
# How `a`, in the block, ends.
INSIDE = {
    "": {},
    "a raises": {"a": Inner(raises=lambda: ValueError("from a"))},
    "a raises, suppressed": {
        "a": Inner(raises=lambda: ValueError("from a")),
        "lock.exit": Inner(returns=lambda env: True),
    },
    "a raises, exit raises": {
        "a": Inner(raises=lambda: ValueError("from a")),
        "lock.exit": Inner(raises=lambda: OSError("from exit")),
    },
    "exit raises": {"lock.exit": Inner(raises=lambda: OSError("from exit"))},
    "a cannot be awaited": {"a": Inner(kind="__await__ of int")},
}


@scenario(MANAGERS)
def block_plain(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        async with lock as value:
            env.log("callback", value)
            result = value
        env.log("callback", await z)
        return result

    return outer()


@scenario(MANAGERS)
def block_empty(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        async with lock:
            pass
        env.log("callback", await z)

    return outer()


@scenario(MANAGERS)
def block_empty_handled(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        try:
            async with lock:
                pass
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(MANAGERS)
def block_fails(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        async with lock as value:
            env.log("callback", value)
            raise ValueError("from the callback")
        env.log("callback", await z)

    return outer()


@scenario(MANAGERS)
def block_fails_handled(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        try:
            async with lock as value:
                env.log("callback", value)
                raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(MANAGERS)
def block_fails_reraised(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        try:
            async with lock as value:
                env.log("callback", value)
                raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        env.log("callback", await z)

    return outer()


@scenario(MANAGERS)
def block_fails_replaced(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        try:
            async with lock as value:
                env.log("callback", value)
                raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
            raise LookupError("from the error callback")
        env.log("callback", await z)

    return outer()


def fails_past(env, fail):
    """`fail(value)` is the body. What it raises no error callback sees; what else may happen goes to
    one."""
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        mine = None
        try:
            async with lock as value:
                try:
                    fail(value)
                except BaseException as exception:
                    mine = exception
                    raise
        except BaseException as exception:
            if exception is mine:
                raise
            env.log("error callback", exception)
        finally:
            mine = None
        env.log("callback", await z)

    return outer()


@scenario(MANAGERS)
def block_fails_past(env):
    def fail(value):
        env.log("callback", value)
        raise ValueError("from the callback")

    return fails_past(env, fail)


@scenario(MANAGERS)
def block_silent(env):
    def fail(value):
        raise SystemError

    return fails_past(env, fail)


@scenario(MANAGERS)
def block_zero_but_set(env):
    def fail(value):
        try:
            raise ValueError("left set")
        except ValueError as left:
            raise SystemError from left

    return fails_past(env, fail)


@scenario(MANAGERS)
def block_stop_iteration(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        try:
            async with lock as value:
                raise stop_iteration(value)
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        env.log("callback", await z)

    return outer()


def stop_iteration(value):
    """What PyErr_SetObject makes of a value: that it unpacks a tuple and takes an instance as it is, is C's own matter."""
    if isinstance(value, tuple):
        return StopIteration(*value)
    if isinstance(value, StopIteration):
        return value
    return StopIteration(value)


def awaits_two(env, handle):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        result = None
        try:
            async with lock as value:
                env.log("callback", value)
                result = value
                a, b = map(env.inner, "ab")
                env.log("callback", await a)
                result = await b
                env.log("callback", result)
        except BaseException as exception:
            handle(exception)
        env.log("callback", await z)
        return result

    return outer()


@scenario(INSIDE)
def block_awaits(env):
    def handle(exception):
        raise exception

    return awaits_two(env, handle)


@scenario(INSIDE)
def block_awaits_handled(env):
    def handle(exception):
        env.log("error callback", exception)

    return awaits_two(env, handle)


@scenario(INSIDE)
def block_awaits_reraised(env):
    def handle(exception):
        env.log("error callback", exception)
        raise exception

    return awaits_two(env, handle)


@scenario(INSIDE)
def block_awaits_replaced(env):
    def handle(exception):
        env.log("error callback", exception)
        raise LookupError("from the error callback")

    return awaits_two(env, handle)


@scenario(INSIDE)
def block_awaits_guarded(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        try:
            async with lock as value:
                env.log("callback", value)
                a, b = map(env.inner, "ab")
                try:
                    env.log("callback", await a)
                    raise ValueError("from the callback")
                except BaseException as exception:
                    env.log("error callback", exception)
                try:
                    value = await b
                except BaseException as exception:
                    env.log("error callback", exception)
                else:
                    env.log("callback", value)
                    raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        env.log("callback", await z)

    return outer()


@scenario(INSIDE)
def block_own_queue(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        async with lock as value:
            env.log("callback", value)
            a = env.inner("a")
            env.log("deferred callback")
            value = await a
            env.log("callback", value)
            b = env.inner("b")
            env.log("deferred callback")
            env.log("callback", await b)
        env.log("callback", await z)

    return outer()


@scenario(MANAGERS)
def block_fails_after_queueing(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        try:
            async with lock as value:
                a = env.inner("a")
                env.log("callback", value)
                raise ValueError("from the callback")
                await a
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(INSIDE)
def block_in_block(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        result = None
        try:
            async with lock as value:
                env.log("callback", value)
                latch, b = env.context("latch"), env.inner("b")
                async with latch as value:
                    env.log("callback", value)
                    result = await env.inner("a")
                    env.log("callback", result)
                env.log("callback", await b)
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        env.log("callback", await z)
        return result

    return outer()


@scenario({**INSIDE, "latch exit raises": {"latch.exit": Inner(raises=lambda: OSError("from latch"))}})
def block_in_block_handled(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        result = None
        try:
            async with lock as value:
                env.log("callback", value)
                latch, b = env.context("latch"), env.inner("b")
                try:
                    async with latch as value:
                        env.log("callback", value)
                        result = await env.inner("a")
                        env.log("callback", result)
                except BaseException as exception:
                    env.log("error callback", exception)
                env.log("callback", await b)
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)
        return result

    return outer()


@scenario(INSIDE)
def block_three_deep(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        try:
            async with lock as value:
                env.log("callback", value)
                try:
                    async with env.context("latch") as value:
                        env.log("callback", value)
                        try:
                            async with env.context("bolt") as value:
                                env.log("callback", value)
                                try:
                                    env.log("callback", await env.inner("a"))
                                    raise ValueError("from the callback")
                                except BaseException as exception:
                                    env.log("error callback", exception)
                                    raise LookupError("from the error callback")
                        except BaseException as exception:
                            env.log("error callback", exception)
                            raise LookupError("from the error callback")
                except BaseException as exception:
                    env.log("error callback", exception)
                    raise
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(INSIDE)
def blocks_in_order(env):
    lock, latch, z = env.context("lock"), env.context("latch"), env.inner("z")

    async def outer():
        try:
            async with lock as value:
                env.log("callback", value)
                env.log("callback", await env.inner("a"))
        except BaseException as exception:
            env.log("error callback", exception)
        try:
            async with latch as value:
                env.log("callback", value)
                raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
        value = await z
        env.log("callback", value)
        return value

    return outer()


@scenario(MANAGERS)
def block_error_callback_queues(env):
    lock, z = env.context("lock"), env.inner("z")

    async def outer():
        c = None
        try:
            async with lock as value:
                env.log("callback", value)
                raise ValueError("from the callback")
        except BaseException as exception:
            env.log("error callback", exception)
            c = env.inner("c")
        env.log("callback", await z)
        if c is not None:
            env.log("callback", await c)

    return outer()


class AddingEnter(Context):
    """The call of `__aenter__`, and the code that it awaits, add to the enclosing queue of the awaitable."""

    def __aenter__(self):
        self.env.add("early")
        return Awaitable(self.env, "lock.enter", Inner(does=lambda env: env.add("late")))


class AddingExit(Context):
    def __aexit__(self, kind, value, traceback):
        self.env.add("early")
        return Awaitable(self.env, "lock.exit", Inner(does=lambda env: env.add("late")))


def enclosing_queue(env):
    queue = Queue(env)

    def body(value):
        queue.logs(value)
        queue.await_(env.inner("a"), queue.returns)

    queue.with_(env.context("lock"), body)
    queue.await_(env.inner("z"), queue.logs)
    return queue.outer()


@scenario(contexts={"lock": AddingExit}, outside=True)
def block_enclosing_queue(env):
    return enclosing_queue(env)


scenario({"enter": {}}, contexts={"lock": AddingEnter}, outside=True)(block_enclosing_queue)
