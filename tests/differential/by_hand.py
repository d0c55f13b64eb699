"""Drives an awaitable by hand: send, throw, close, drop it, await it twice, at every step."""

import itertools
import sys

from .blocks import Env
from .record import RECORDER, Log, collect

MOST_STEPS = 40


class DriverError(Exception):
    """The exception that the stepping code is handling."""


# What is thrown in: made anew each time, as the arguments of `throw`.
THROWN = {
    "throw ValueError": lambda: (ValueError("thrown"),),
    "throw KeyboardInterrupt": lambda: (KeyboardInterrupt("thrown"),),
    "throw GeneratorExit": lambda: (GeneratorExit("thrown"),),
    "throw StopIteration": lambda: (StopIteration("thrown"),),
    "throw StopAsyncIteration": lambda: (StopAsyncIteration("thrown"),),
    "throw class": lambda: (ValueError,),
    "throw class and text": lambda: (ValueError, "thrown"),
    "throw class and instance": lambda: (ValueError, ValueError("thrown")),
    "throw int": lambda: (5,),
}
# From 3.12 on.
DEPRECATED = ("throw class and text", "throw class and instance")
STEPS = ("next", "value", *THROWN, "close", "drop", "second waiter")
OUTSIDE_STEPS = ("Cancel", "Cancel and add", "add")
WITHOUT_THROW = ("iterator", "iterator with send", "iterator with close")
ALPHABET = ("next", "value", "throw ValueError", "throw GeneratorExit", "close")


# Where the awaitable stands: who calls its send, throw and close.


def top(env, awaitable):
    return awaitable


def awaited(env, awaitable):
    async def driver():
        return await awaitable

    return driver()


def iterated(env, awaitable):
    return awaitable.__await__()


def delegated(env, awaitable):
    def driver():
        return (yield from awaitable.__await__())

    return driver()


def wrapped(env, awaitable):
    return env.wrap(awaitable)


class Stepped:
    """Steps as the interpreter does it: by PyIter_Send, which prefers the slot to the method."""

    def __init__(self, module, awaitable):
        self.step, self.awaitable = module.step, awaitable

    def send(self, value):
        return self.step(self.awaitable, value)

    def throw(self, *arguments):
        return self.awaitable.throw(*arguments)

    def close(self):
        return self.awaitable.close()


def by_slot(env, awaitable):
    import scenarios

    return Stepped(scenarios, awaitable)


PLACES = {
    "top": top,
    "awaited": awaited,
    "iterated": iterated,
    "delegated": delegated,
    "wrapped": wrapped,
    "by slot": by_slot,
}


class Driver:
    """Holds the awaitable until told to drop it: what else may keep the twin alive, a
    traceback or a variable, has no counterpart in C."""

    def __init__(self, env, awaitable, place):
        self.env, self.log = env, env.log
        self.awaitable = awaitable
        self.handle = PLACES[place](env, awaitable)
        self.steps = 0
        self.failures = 0
        self.returned = False

    def call(self, what, on, method, *arguments):
        """`on` is the name of an attribute: a frame that a traceback keeps alive must not hold more."""
        self.steps += 1
        try:
            got = getattr(getattr(self, on), method)(*arguments)
        except StopIteration as stop:
            self.returned = True
            seen = "returns", stop.value, stop.args
        except BaseException as exception:
            self.failures += 1
            seen = "raises", exception
        else:
            self.failures = 0
            seen = "gives", got
        self.log(what, *seen)
        # No cycle: the traceback of an exception has this frame.
        del seen

    def act(self, step):
        if step == "drop":
            self.log("drop")
            self.handle = self.awaitable = None
            # The twin may be part of a cycle: it handles an exception whose traceback has its frame.
            collect()
        elif self.handle is None:
            pass
        elif step == "next":
            self.call(step, "handle", "send", None)
        elif step == "value":
            self.call(step, "handle", "send", self.env.token("sent"))
        elif step == "close":
            self.call(step, "handle", "close")
        elif step == "second waiter":
            self.second_waiter()
        elif step == "Cancel":
            self.env.cancel()
        elif step == "Cancel and add":
            self.env.cancel()
            self.env.add("extra")
        elif step == "add":
            self.env.add("extra")
        else:
            self.call(step, "handle", "throw", *THROWN[step]())

    def second_waiter(self):
        """Somebody else awaits it, once: refused when it is suspended or finished, a step like any other before."""

        async def second(held):
            return await held.pop()

        self.waiter = second([self.awaitable])
        self.call("second waiter", "waiter", "send", None)
        self.call("second waiter", "waiter", "close")
        self.waiter = None

    def finish(self):
        """Steps it until it returns, or until all that it does is raise."""
        while self.handle is not None and not self.returned and self.failures < 2:
            if self.steps > MOST_STEPS:
                self.log("does not end")
                break
            self.act("next")
        for step in ("throw ValueError", "close", "next", "drop"):
            self.act(step)
        self.log(f"{self.steps} steps")


class Side:
    """One of the two twins: the C function, or the `async def`."""

    def __init__(self, name, module=None):
        self.name = name
        self.module = module

    def make(self, env):
        env.module = self.module
        scenario = env.scenario
        arguments, keywords = ((), {}) if scenario.arguments is None else scenario.arguments(env)
        function = scenario.twin if self.module is None else getattr(self.module, scenario.name)
        return function(env, *arguments, **keywords)


class Run:
    """One way to run a scenario: what is awaited, where it is suspended, and what is done to it before it is left to finish."""

    def __init__(self, steps=(), *, kind="coroutine", thrown="raise", place="top", mode="plain"):
        self.steps, self.kind, self.thrown, self.place, self.mode = steps, kind, thrown, place, mode

    def __str__(self):
        return f"{self.kind} inners that {self.thrown} what is thrown, {self.place}, {self.mode}: " + ", ".join(self.steps)

    def on(self, scenario, side):
        """The log of it."""
        log = Log()
        env = Env(log, scenario, self.kind, self.thrown)
        RECORDER.log = log
        try:
            MODES[self.mode](self.drive, env, side)
            env.close()
            # The twin may leave cycles: a frame holds the exception whose traceback holds the frame.
            collect()
            log.notice_ends()
        finally:
            RECORDER.log = None
        return log.finish()

    def drive(self, env, side):
        try:
            awaitable = side.make(env)
        except Exception as exception:
            env.log("not made", exception)
            return
        env.made(awaitable)
        driver = Driver(env, awaitable, self.place)
        del awaitable
        for step in self.steps:
            driver.act(step)
        driver.finish()


def plain(drive, env, side):
    drive(env, side)


def handling(drive, env, side):
    """The stepping code is in an `except` block."""
    try:
        raise DriverError
    except DriverError:
        drive(env, side)


def traced(drive, env, side):
    """Under sys.settrace the interpreter resumes a C object in another way."""
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        drive(env, side)
    finally:
        sys.settrace(before)


MODES = {"plain": plain, "handling": handling, "traced": traced}


def suspensions(scenario, side, **how):
    """How many times it suspends when nothing disturbs it."""
    return sum(" gives " in line and line.startswith("next") for line in Run(**how).on(scenario, side))


def disturbed(scenario, side, steps, **how):
    """A run for each step at each suspension point, before the first and after the last."""
    count = suspensions(scenario, side, **how)
    for before in range(count + 2):
        for step in steps:
            if comparable(step, before, **how):
                yield Run(("next",) * before + (step,), **how)


def comparable(step, before, place="top", kind="coroutine", **_):
    """Whether both twins are meant to do the same. Where they are not, tests/contract has a test."""
    if step == "second waiter" and place == "delegated":
        # A coroutine hands out iterators for itself also while it is suspended.
        return False
    if step == "throw StopIteration" and sys.version_info >= (3, 12):
        # From 3.12 on a coroutine takes one for the value of what it awaits, or for its own, where it
        # never reaches any code: before the first step, and if there is no `throw` to give it to.
        return before > 0 and kind not in WITHOUT_THROW
    return True


def disturbed_twice(scenario, side):
    for before in range(1, suspensions(scenario, side) + 1):
        for first in ("throw ValueError", "close"):
            for second in ("throw ValueError", "close", "drop"):
                for thrown in ("linger", "swallow"):
                    yield Run(("next",) * before + (first, second), thrown=thrown)


def exhausted(length, **how):
    """All sequences of that length, of the steps that say most."""
    for steps in itertools.product(ALPHABET, repeat=length):
        yield Run(steps, **how)
