"""What is called as an `async def` function: arguments that are kept, and clean-ups.

A clean-up is what a `finally` around everything does; but it also runs where a coroutine would run nothing any more.
"""

import weakref

from .. import model
from ..blocks import Inner, renamed
from ..scenario import scenario
from .blocks import INSIDE
from .errors import BAD


class CleanUps:
    """What is to be done at the end, the last first."""

    def __init__(self, env, *names):
        self.env, self.names = env, list(names)
        self.begun = False
        self.held = []
        env.log.ends.append(self.notice_end)

    def add(self, name, *more):
        self.names.append((name, *more) if more else name)

    def of(self, made, name):
        """The coroutine that they belong to, by the name of its function."""
        self.made, self.name = weakref.ref(made), name
        return renamed(made, name)

    def __enter__(self):
        self.begun = True
        return self

    def __exit__(self, *exception):
        self.run()

    def run(self):
        while self.names:
            name = self.names.pop()
            self.env.clean_up(*(name if type(name) is tuple else (name,)))

    def notice_end(self):
        """A coroutine that ends before it has begun runs nothing that could say so, nor does one that goes though it has
        ignored GeneratorExit."""
        made = self.made()
        has_ended = made is None or made.cr_frame is None
        if has_ended and (not self.begun or self.name in self.env.log.ignoring):
            self.run()
            self.held.clear()


def cleaned(env, name, act, handle):
    clean_ups = CleanUps(env, "first", "second", "third")
    a, b = map(env.inner, "ab")

    async def outer():
        with clean_ups:
            try:
                act(await a)
            except BaseException as exception:
                handle(exception)
            value = await b
            env.log("callback", value)
            return value

    return clean_ups.of(outer(), name)


def logs(env):
    return lambda value: env.log("callback", value)


def fails(env):
    def act(value):
        env.log("callback", value)
        raise ValueError("from the callback")

    return act


def passes(exception):
    raise exception


def handles(env):
    return lambda exception: env.log("error callback", exception)


def reraises(env):
    def handle(exception):
        env.log("error callback", exception)
        raise exception

    return handle


def replaces(env):
    def handle(exception):
        env.log("error callback", exception)
        raise LookupError("from the error callback")

    return handle


@scenario(BAD)
def function_cleaned(env):
    return cleaned(env, "function_cleaned", logs(env), passes)


@scenario(BAD)
def function_cleaned_handling(env):
    return cleaned(env, "function_cleaned_handling", fails(env), handles(env))


@scenario(BAD)
def function_cleaned_replacing(env):
    return cleaned(env, "function_cleaned_replacing", fails(env), replaces(env))


@scenario()
def function_only_cleaned(env):
    clean_ups = CleanUps(env, "only")

    async def outer():
        with clean_ups:
            return "at once"

    return clean_ups.of(outer(), "function_only_cleaned")


@scenario(BAD)
def function_cleaned_later(env):
    clean_ups = CleanUps(env)
    a, b = map(env.inner, "ab")

    async def outer():
        with clean_ups:
            try:
                env.log("callback", await a)
                clean_ups.add("from the callback")
            except BaseException as exception:
                env.log("error callback", exception)
                clean_ups.add("from the error callback")
            try:
                env.log("callback", await b)
                raise ValueError("from the callback")
            except BaseException as exception:
                env.log("error callback", exception)
                clean_ups.add("from the last error callback")
                raise

    return clean_ups.of(outer(), "function_cleaned_later")


@scenario(INSIDE)
def function_cleaned_after_block(env):
    clean_ups = CleanUps(env, "first")
    lock = env.context("lock")

    async def outer():
        with clean_ups:
            try:
                async with lock as value:
                    env.log("callback", value)
                    clean_ups.add("from the block")
                    a = env.inner("a")
                    env.log("callback", await a)
            except BaseException as exception:
                env.log("error callback", exception)
                raise

    return clean_ups.of(outer(), "function_cleaned_after_block")


class Queue(model.Queue):
    """With clean-ups: they run while nothing more can be added, and what is left is still there."""

    def __init__(self, env, *names):
        super().__init__(env)
        self.clean_ups = CleanUps(env, *names)

    def begin(self):
        self.clean_ups.begun = True

    def finish(self):
        self.clean_ups.run()

    def outer(self, name):
        return self.clean_ups.of(super().outer(), name)


@scenario(BAD, outside=True)
def function_cleaned_outside(env):
    queue = Queue(env, "first", "second")
    queue.await_(env.inner("a"), queue.logs, queue.handles)
    queue.await_(env.inner("b"), queue.returns)
    return queue.outer("function_cleaned_outside")


def object_and_text(env):
    return (env.token("object"), "".join(["a ", "text"])), {}


@scenario(BAD, arguments=object_and_text)
def function_looked_after(env, object, text):
    clean_ups = CleanUps(env)
    saved = env.token("saved")
    a = env.inner("a")

    async def outer():
        with clean_ups:
            try:
                value = await a
                env.log("callback", value)
                return value
            except BaseException as exception:
                env.log("error callback", exception)
                raise

    made = clean_ups.of(outer(), "function_looked_after")
    clean_ups.add("looks", "<function_looked_after>", saved, text, object)
    clean_ups.add("last")
    return made


@scenario()
def function_fails_at_call(env):
    env.clean_up("of what is dropped")
    raise LookupError("at the call")


def seven(env):
    return (env.token("object"), "ü" * 3, "".join(["a ", "text"]), -5, 0.25, True, env.token("more")), {}


def six(env):
    return seven(env)[0][:-1], {}


def five(env):
    return seven(env)[0][:-2], {}


def parsed(env, shown):
    a, b = map(env.inner, "ab")

    async def outer():
        try:
            env.log("callback", await a)
            env.log("parsed", shown)
        except BaseException as exception:
            env.log("error callback", exception)
        try:
            env.log("callback", await b)
            env.log("parsed", shown)
        except BaseException as exception:
            env.log("error callback", exception)
            raise

    return renamed(outer(), "function_parsed")


@scenario({**BAD, "tuple": {"a": Inner(returns=lambda env: ((), None))}}, arguments=seven)
def function_parsed(env, object, name, text, number, real, yes, more=None):
    return parsed(env, (object, name, text, number, real, int(yes), more))


def by_keyword(env):
    return (env.token("first"),), {"text": "".join(["a ", "text"]), "second": env.token("second"), "number": -7}


@scenario(BAD, arguments=by_keyword)
def function_framed(env, first, second=None, *, text="none", number=5):
    clean_ups = CleanUps(env, "frame")
    a, b = map(env.inner, "ab")

    async def outer():
        with clean_ups:
            try:
                env.log("callback", await a)
                env.log("frame", (first, second, text, number))
            except BaseException as exception:
                env.log("error callback", exception)
            try:
                env.log("callback", await b)
                env.log("frame", (first, second, text, number))
            except BaseException as exception:
                env.log("error callback", exception)
                raise

    return clean_ups.of(outer(), "function_framed")


def nested(env, name, inner, handle):
    clean_ups = CleanUps(env, "outside")
    # An awaitable lets go of what it awaits when it is done, and of what it would have awaited.
    held = clean_ups.held = [inner(env)]

    async def outer():
        with clean_ups:
            try:
                value = await held.pop()
                env.log("callback", value)
                return value
            except BaseException as exception:
                handle(exception)

    return clean_ups.of(outer(), name)


@scenario(BAD)
def function_nested(env):
    return nested(env, "function_nested", function_cleaned, reraises(env))


@scenario(BAD)
def function_nested_handling(env):
    return nested(env, "function_nested_handling", function_cleaned_replacing, handles(env))


@scenario(BAD)
def function_as_coroutine(env):
    # It is the coroutine that somebody forgets to await.
    env.log.quiet.add("inside")
    return renamed(model.wrap(cleaned(env, "inside", logs(env), reraises(env))), "outer")


def of_self(env, name, what, owner):
    clean_ups = CleanUps(env, "method")
    a, b = map(env.inner, "ab")

    async def outer():
        with clean_ups:
            try:
                env.log("callback", await a)
                env.log(what, owner)
            except BaseException as exception:
                env.log("error callback", exception)
            value = await b
            env.log("callback", value)
            return value

    return clean_ups.of(outer(), name)


class Owner:
    """What is logged is its name."""


@scenario(BAD)
def method_called(env):
    return of_self(env, "method_called", "of an instance", Owner)


@scenario(BAD)
def class_method_called(env):
    return of_self(env, "class_method_called", "of the class", Owner)


@scenario(BAD)
def static_method_called(env):
    return cleaned(env, "static_method_called", logs(env), passes)
