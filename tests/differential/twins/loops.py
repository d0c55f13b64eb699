"""What only an event loop offers: task groups and nurseries, deadlines, shields."""

from ..blocks import Inner
from ..scenario import scenario
from .nested import around

ALL = ("asyncio", "trio", "anyio")
CHILDREN = {
    "": {"a": Inner(pauses=3)},
    "first fails": {"first child": Inner(raises=lambda: ValueError("from a child")), "a": Inner(pauses=3)},
    "both fail": {
        "first child": Inner(raises=lambda: ValueError("from a child")),
        "second child": Inner(raises=lambda: OSError("from a child")),
        "a": Inner(pauses=3),
    },
    "a fails": {"a": Inner(raises=lambda: ValueError("from a"))},
    "a lingers": {
        "first child": Inner(raises=lambda: ValueError("from a child")),
        "a": Inner(pauses=3, thrown="linger"),
    },
    "a swallows": {
        "first child": Inner(raises=lambda: ValueError("from a child")),
        "a": Inner(pauses=3, thrown="swallow"),
    },
}


@scenario(CHILDREN, loops=ALL)
def group_of_two(env):
    made, z = env.group("group"), env.inner("z")

    async def outer():
        try:
            async with made as group:
                env.start(group, "first child")
                env.start(group, "second child")
                try:
                    result = await env.inner("a")
                    env.log("callback", result)
                except BaseException as exception:
                    env.log("error callback", exception)
                    raise
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        env.log("callback", await z)
        return result

    return outer()


@scenario(CHILDREN, loops=ALL)
def group_of_two_handled(env):
    made, z = env.group("group"), env.inner("z")

    async def outer():
        result = None
        try:
            async with made as group:
                env.start(group, "first child")
                env.start(group, "second child")
                try:
                    result = await env.inner("a")
                    env.log("callback", result)
                except BaseException as exception:
                    env.log("error callback", exception)
                    raise
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)
        return result

    return outer()


@scenario(loops=ALL)
def group_body_fails(env):
    made, z = env.group("group"), env.inner("z")

    async def outer():
        try:
            async with made as group:
                env.start(group, "first child")
                raise ValueError("from the body")
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)

    return outer()


@scenario(CHILDREN, loops=ALL)
def group_of_awaitables(env):
    made, z = env.group("group"), env.inner("z")

    def log(value):
        env.log("callback", value)

    def reraise(exception):
        env.log("error callback", exception)
        raise exception

    async def outer():
        try:
            async with made as group:
                env.start_this(group, around(env, "outer", env.inner("first child"), log, reraise))
                try:
                    result = await env.inner("a")
                    env.log("callback", result)
                except BaseException as exception:
                    env.log("error callback", exception)
                    raise
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        env.log("callback", await z)
        return result

    return outer()


LATE = {
    "": {},
    "late": {"a": Inner(pauses=50)},
    "late, lingers": {"a": Inner(pauses=50, thrown="linger")},
    "late, answers": {"a": Inner(pauses=50, thrown="answer")},
    "late, translates": {"a": Inner(pauses=50, thrown="translate")},
    "late, swallows": {"a": Inner(pauses=50, thrown="swallow")},
}


def within(env, made):
    z = env.inner("z")

    async def outer():
        result = None
        try:
            async with made:
                try:
                    result = await env.inner("a")
                    env.log("callback", result)
                except BaseException as exception:
                    env.log("error callback", exception)
                    raise
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        env.log("callback", await z)
        return result

    return outer()


@scenario(LATE, loops=ALL)
def deadline(env):
    return within(env, env.deadline("deadline"))


@scenario(LATE, loops=ALL)
def deadline_handled(env):
    made, z = env.deadline("deadline"), env.inner("z")

    async def outer():
        result = None
        try:
            async with made:
                try:
                    result = await env.inner("a")
                    env.log("callback", result)
                except BaseException as exception:
                    env.log("error callback", exception)
                    raise
        except BaseException as exception:
            env.log("error callback", exception)
        env.log("callback", await z)
        return result

    return outer()


@scenario(LATE, loops=("trio", "anyio"))
def move_on(env):
    return within(env, env.move_on("move on"))


@scenario(loops=("trio", "anyio"))
def shielded(env):
    return within(env, env.shield("shield"))


@scenario({**LATE, "exit raises": {"a": Inner(pauses=50), "lock.exit": Inner(raises=lambda: OSError("from exit"))}}, loops=ALL)
def deadline_around_block(env):
    made, z = env.deadline("deadline"), env.inner("z")

    async def outer():
        result = None
        try:
            async with made:
                try:
                    async with env.context("lock"):
                        try:
                            result = await env.inner("a")
                            env.log("callback", result)
                        except BaseException as exception:
                            env.log("error callback", exception)
                            raise
                except BaseException as exception:
                    env.log("error callback", exception)
                    raise
        except BaseException as exception:
            env.log("error callback", exception)
            raise
        env.log("callback", await z)
        return result

    return outer()
