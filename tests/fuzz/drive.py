"""Runs a program on both sides, and compares what both have seen."""

import atexit
import contextlib
import gc
import os
import sys

import rawapi
from differential import by_hand, loops, record
from differential.blocks import Env
from differential.compare import Different, comparable, difference
from differential.record import RECORDER, collect

from . import capi, native
from .actions import Actor, FuzzLog
from .program import Act, ByHand

# What runs on either side, those who drive it, and who finds it in the garbage, are no part of what is compared.
record.HIDDEN += (os.path.dirname(__file__) + os.sep, record.__file__)


class Scenario:
    """What the drivers of the differential tests ask a scenario for."""

    value = None
    inners = contexts = {}


# Callbacks take no steps in these. A coroutine that handles an exception stands in a cycle: dropped, it is finalized by the
# collector, which before that forgets the weak references by which callbacks find it; one in C by its last reference, in
# which they still find what stands inside it. And a coroutine that is thrown what is no exception lets go of what it awaits
# without being under way, so that a step finds it between two instructions.
NOT_STEPPED_IN = ("drop", "throw int")


class Driver(by_hand.Driver):
    """Between two steps other code may act."""

    def act(self, step):
        if not isinstance(step, Act):
            stepping = self.env.stepping
            if step in NOT_STEPPED_IN:
                self.env.stepping = False
            self.env.dropping = step == "drop"
            super().act(step)
            self.env.dropping = False
            self.env.stepping = stepping and step != "drop"
        elif self.handle is not None:
            self.env.log("outside")
            self.env.perform((step,), 0)


# What a native coroutine that is under way does not survive. One that is handing on a throw loses what it awaits when it
# refuses another. And before 3.13 close() looks for what it awaits on its stack, which by then may hold something freed.
UNSAFE_WHILE_RUNNING = ("throw",) if sys.version_info >= (3, 13) else ("throw", "close")


class HandEnv(Actor, Env):
    """Callbacks and inner awaitables take steps, too."""

    # What the one who steps is handling.
    handled = None

    def step(self, awaitable, step):
        if awaitable is None:
            return
        if step.startswith(UNSAFE_WHILE_RUNNING) and awaitable.cr_running:
            step = "next"
        by_hand.Driver(self, awaitable, "top").act(step)

    def waiter(self, awaitable):
        if awaitable is None:
            return
        if awaitable.cr_running:
            # Refused, with one exception or another: before 3.13 a coroutine says that it is being awaited.
            refused = by_hand.awaited(self, awaitable)
            with contextlib.suppress(RuntimeError, ValueError):
                refused.send(None)
            self.log("refused" if refused.cr_frame is None else "not refused")
        else:
            by_hand.Driver(self, awaitable, "top").second_waiter()


class AsyncioEnv(Actor, loops.AsyncioEnv):
    stepping = False
    handled = None


class Host(loops.AsyncioHost):
    """An asyncio loop; at each iteration other code may act."""

    def run(self, session, acts):
        self.acts = acts
        super().run(session)

    def move_on(self, env):
        super().move_on(env)
        for tick, act in self.acts:
            if tick == env.tick and env.outer() is not None:
                env.log("outside")
                env.perform((act,), 0)


# One for the process: thousands of programs cannot each wait for a loop to be made.
HOST = Host(loops.SteppedLoop())
atexit.register(HOST.close)


class Side:
    def __init__(self, name, make_object, module):
        self.name, self.make_object, self.module = name, make_object, module

    def make(self, env):
        env.module = self.module
        env.begin(self.make_object)
        return env.object(env.program.root)


def by_hand_on(program, side, log):
    run = program.run
    env = HandEnv(log, Scenario)
    # A coroutine hands out iterators for itself also while it is suspended.
    env.stepping = run.place != "delegated"
    env.program = program

    def drive(env, side):
        env.handled = sys.exc_info()[1]
        awaitable = side.make(env)
        env.made(awaitable)
        driver = Driver(env, awaitable, run.place)
        del awaitable
        for step in run.steps:
            driver.act(step)
        driver.finish()

    by_hand.MODES[run.mode](drive, env, side)
    return env


def asyncio_on(program, side, log):
    run = program.run
    loop_run = loops.LoopRun(HOST, "asyncio", run.how, run.tick, pauses=run.pauses)
    env = AsyncioEnv(log, Scenario, loop_run, HOST)
    env.program = program
    HOST.run(lambda: loops.asyncio_session(loop_run, env, side), run.acts)
    return env


def on(program, side):
    """The log of it."""
    log = FuzzLog()
    RECORDER.log = log
    try:
        env = (by_hand_on if isinstance(program.run, ByHand) else asyncio_on)(program, side, log)
        env.close()
        collect()
    finally:
        RECORDER.log = None
        rawapi.reset()
    return comparable(log.finish())


NATIVE = Side("async def", native.Queue, None)


def c_side():
    import scenarios

    return Side("C", capi.Object, scenarios)


C = c_side()


def thoroughly(program):
    """Both logs, where also old garbage is collected each time, which is too slow to begin with: what has lived through a
    collection on one side alone dies later there."""
    record.GENERATIONS.append(2)
    # What the runs before this one have left is not this one's to log.
    gc.collect()
    try:
        return on(program, NATIVE), on(program, C)
    finally:
        record.GENERATIONS.pop()


def check(program):
    """Fails if the two have not seen the same. The recorder must be installed."""
    expected, got = on(program, NATIVE), on(program, C)
    if expected != got:
        expected, got = thoroughly(program)
    if expected != got:
        raise Different(f"{program!r}\n{difference(program.run, expected, got, (NATIVE.name, C.name))}")
    return expected
