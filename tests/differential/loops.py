"""Drives an awaitable under asyncio, uvloop, trio, and anyio on all of them, and disturbs it at every iteration.

A session makes the awaitable, hands it to the event loop in one of several ways ("how"), and then counts iterations until
it is done. At one iteration it does the one thing that this way is about: cancels, lets a sibling fail, lets a deadline
pass. Every line of the log begins with the iteration, so that a step more or less shows.

Time stands still but for the session, which moves it on by a millisecond at each iteration; except under uvloop, whose clock
cannot be replaced: there nothing is timed.
"""

import asyncio
import random
import sys

import anyio
import anyio.lowlevel
import trio
import trio.testing

from . import model
from .blocks import Env
from .record import RECORDER, Log, collect

try:
    import uvloop
except ImportError:
    uvloop = None

MOST_TICKS = 300
TICK = 0.001
DEADLINE = 5.5 * TICK


class Sibling(Exception):
    pass


def numbered_task(loop, coroutine, **options):
    return NumberedTask(coroutine, loop=loop, **options)


class SteppedLoop(asyncio.SelectorEventLoop):
    now = 0.0

    def time(self):
        return self.now


class NumberedTask(asyncio.Task):
    """Tasks that are kept in sets, to be cancelled one after the other, are in the same order then."""

    count = 0

    def __init__(self, *arguments, **options):
        NumberedTask.count += 1
        self.number = NumberedTask.count
        super().__init__(*arguments, **options)

    def __hash__(self):
        return self.number


class Entered:
    """A context manager as an asynchronous one: what C can enter."""

    def __init__(self, manager):
        self.manager = manager

    async def __aenter__(self):
        return self.manager.__enter__()

    async def __aexit__(self, kind, exception, traceback):
        try:
            return self.manager.__exit__(kind, exception, traceback)
        finally:
            # As contextlib does from 3.11 on: its own frames are none of our business.
            if exception is not None:
                exception.__traceback__ = traceback


def function_of(awaitable):
    """What `start_soon` takes: a function that returns the awaitable."""
    if sys.version_info < (3, 10):
        # The last anyio for 3.9 wants a native coroutine.
        return lambda: model.wrap(awaitable)
    return lambda: awaitable


class LoopEnv(Env):
    def __init__(self, log, scenario, run, host):
        super().__init__(log, scenario, run.kind, run.thrown)
        self.pauses = run.pauses
        self.host = host
        self.tick = 0
        log.clock = lambda: self.tick

    def start(self, group, name):
        group.start_soon(self.inner, name)

    def start_this(self, group, awaitable):
        group.start_soon(function_of(awaitable))


class AsyncioEnv(LoopEnv):
    def pause(self, tag):
        if self.pauses == "future":
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            loop.call_soon(lambda: future.done() or future.set_result(self.token(tag)))
            return future
        if self.pauses == "timer":
            return asyncio.sleep(1.5 * TICK, self.token(tag))
        return asyncio.sleep(0, self.token(tag))

    def group(self, name):
        return asyncio.TaskGroup()

    def start(self, group, name):
        group.create_task(self.inner(name))

    def start_this(self, group, awaitable):
        group.create_task(awaitable)

    def deadline(self, name):
        return asyncio.timeout(DEADLINE)


class TrioEnv(LoopEnv):
    def pause(self, tag):
        return trio.sleep(1.5 * TICK) if self.pauses == "timer" else trio.lowlevel.checkpoint()

    def group(self, name):
        return trio.open_nursery()

    def deadline(self, name):
        return Entered(trio.fail_after(DEADLINE))

    def move_on(self, name):
        return Entered(trio.move_on_after(DEADLINE))

    def shield(self, name):
        return Entered(trio.CancelScope(shield=True))


class AnyioEnv(LoopEnv):
    def pause(self, tag):
        return anyio.sleep(1.5 * TICK) if self.pauses == "timer" else anyio.lowlevel.checkpoint()

    def group(self, name):
        return anyio.create_task_group()

    def deadline(self, name):
        return Entered(anyio.fail_after(DEADLINE))

    def move_on(self, name):
        return Entered(anyio.move_on_after(DEADLINE))

    def shield(self, name):
        return Entered(anyio.CancelScope(shield=True))


# The ways of asyncio. Each takes env and the awaitable, and returns a future to wait for and what to do at the iteration.


async def finish(env, awaitable):
    """Awaits it, and logs how it ends."""
    try:
        value = await awaitable
    except BaseException as exception:
        env.log("raises", exception)
        raise
    env.log("returns", value)
    return value


def task(env, awaitable, deadline):
    made = asyncio.get_running_loop().create_task(awaitable)
    return made, made.cancel


def task_cancelled_twice(env, awaitable, deadline):
    made = asyncio.get_running_loop().create_task(awaitable)

    def twice():
        made.cancel("first")
        asyncio.get_running_loop().call_soon(made.cancel, "second")

    return made, twice


def awaited(env, awaitable, deadline):
    made = asyncio.get_running_loop().create_task(finish(env, awaitable))
    return made, made.cancel


def wait_for(env, awaitable, deadline):
    return asyncio.ensure_future(asyncio.wait_for(awaitable, deadline)), None


def wait_for_cancelled(env, awaitable, deadline):
    made = asyncio.ensure_future(asyncio.wait_for(awaitable, 1000))
    return made, made.cancel


def timeout(env, awaitable, deadline):
    async def within():
        async with asyncio.timeout(deadline):
            return await finish(env, awaitable)

    return asyncio.ensure_future(within()), None


def shield(env, awaitable, deadline):
    inner = asyncio.ensure_future(awaitable)

    async def outside():
        try:
            return await asyncio.shield(inner)
        except asyncio.CancelledError as exception:
            env.log("cancelled outside", exception)
            return await inner

    made = asyncio.ensure_future(outside())
    return made, made.cancel


def fails_when_told():
    told = asyncio.get_running_loop().create_future()

    async def sibling():
        await told
        raise Sibling

    return sibling(), lambda: told.done() or told.set_result(None)


def gather(env, awaitable, deadline):
    sibling, tell = fails_when_told()
    inner = asyncio.ensure_future(awaitable)

    async def together():
        try:
            return await asyncio.gather(inner, sibling)
        finally:
            inner.cancel()
            await asyncio.wait([inner])

    made = asyncio.ensure_future(together())
    inner.add_done_callback(lambda _: tell())
    return made, tell


def gather_cancelled(env, awaitable, deadline):
    async def together():
        return await asyncio.gather(finish(env, awaitable), asyncio.sleep(0), return_exceptions=True)

    made = asyncio.ensure_future(together())
    return made, made.cancel


def task_group(env, awaitable, deadline):
    sibling, tell = fails_when_told()

    async def together():
        async with asyncio.TaskGroup() as group:
            group.create_task(awaitable).add_done_callback(lambda _: tell())
            group.create_task(sibling)

    return asyncio.ensure_future(together()), tell


def eager(env, awaitable, deadline):
    made = NumberedTask(awaitable, loop=asyncio.get_running_loop(), eager_start=True)
    return made, made.cancel


def outside(act):
    """Another task calls the C API."""

    def how(env, awaitable, deadline):
        return asyncio.get_running_loop().create_task(awaitable), lambda: act(env)

    return how


def second_waiter(env, awaitable, deadline):
    first = asyncio.ensure_future(awaitable)

    async def second():
        inner = env.outer()
        if inner is not None:
            await finish(env, inner)

    def start():
        asyncio.ensure_future(second()).add_done_callback(lambda done: done.cancelled() or done.exception())

    return first, start


ASYNCIO = {
    "task": task,
    "task cancelled twice": task_cancelled_twice,
    "awaited": awaited,
    "wait_for": wait_for,
    "wait_for cancelled": wait_for_cancelled,
    "shield": shield,
    "gather": gather,
    "gather cancelled": gather_cancelled,
    "second waiter": second_waiter,
}
TIMED = ["wait_for", "timeout", "timer"]
if sys.version_info >= (3, 11):
    ASYNCIO.update({"timeout": timeout, "TaskGroup": task_group})
if sys.version_info >= (3, 12):
    ASYNCIO["eager task"] = eager
ASYNCIO_OUTSIDE = {
    "Cancel": outside(Env.cancel),
    "add": outside(lambda env: env.add("extra")),
}


async def asyncio_session(run, env, side):
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complain(env, context))
    try:
        awaitable = side.make(env)
    except Exception as exception:
        env.log("not made", exception)
        return
    env.made(awaitable)
    deadline = 1000 if run.tick is None else (run.tick + 0.5) * TICK
    how = ASYNCIO.get(run.how) or ASYNCIO_OUTSIDE[run.how]
    future, act = how(env, awaitable, deadline)
    del awaitable
    while not future.done():
        env.tick += 1
        env.host.move_on(env)
        if env.tick == run.tick and act is not None:
            env.log("disturbed")
            act()
        if env.tick > MOST_TICKS:
            env.log("does not end")
            break
        await asyncio.sleep(0)
    if future.cancelled():
        env.log("ends cancelled")
    elif future.exception() is not None:
        env.log("ends with", future.exception())
    else:
        env.log("ends with", future.result())
    del future, act
    others = [other for other in asyncio.all_tasks() if other is not asyncio.current_task()]
    if others:
        env.log("left behind:", str(len(others)))
        for other in others:
            other.cancel()
        await asyncio.wait(others)


def complain(env, context):
    env.log("loop complains:", context["message"], context.get("exception"))


# The ways of trio and anyio. Each awaits the awaitable, given a scope that is cancelled at the iteration.


def structured(library, env_type):
    """The two have the same words for the same things."""

    async def awaited(env, awaitable, scope, told, deadline):
        with scope:
            await finish(env, awaitable)

    async def started(env, awaitable, scope, told, deadline):
        with scope:
            async with open_group() as group:
                group.start_soon(function_of(awaitable))

    async def sibling_fails(env, awaitable, scope, told, deadline):
        async def sibling():
            await told.wait()
            raise Sibling

        async with open_group() as group:
            group.start_soon(finish_and_tell, env, awaitable, told)
            group.start_soon(sibling)

    async def moves_on(env, awaitable, scope, told, deadline):
        with library.move_on_after(deadline):
            await finish(env, awaitable)

    async def fails_after(env, awaitable, scope, told, deadline):
        with library.fail_after(deadline):
            await finish(env, awaitable)

    async def shielded(env, awaitable, scope, told, deadline):
        with scope:
            with library.CancelScope(shield=True):
                await finish(env, awaitable)
            await library.sleep(0)

    async def half_shielded(env, awaitable, scope, told, deadline):
        """The shield falls when the scope outside is cancelled already."""
        with scope:
            with library.CancelScope(shield=True) as shield:
                async with open_group() as group:
                    group.start_soon(finish_and_tell, env, awaitable, told)
                    await told.wait()
                    for _ in range(2):
                        await next_iteration()
                    shield.shield = False

    async def finish_and_tell(env, awaitable, told):
        try:
            await finish(env, awaitable)
        finally:
            told.set()

    open_group = trio.open_nursery if library is trio else anyio.create_task_group
    next_iteration = trio.lowlevel.checkpoint if library is trio else anyio.lowlevel.cancel_shielded_checkpoint
    hows = {
        "awaited": awaited,
        "started": started,
        "sibling fails": sibling_fails,
        "move_on_after": moves_on,
        "fail_after": fails_after,
        "shielded": shielded,
        "half shielded": half_shielded,
    }
    outside = {
        "Cancel": (awaited, Env.cancel),
        "add": (awaited, lambda env: env.add("extra")),
    }

    async def session(run, env, side):
        try:
            awaitable = side.make(env)
        except Exception as exception:
            env.log("not made", exception)
            return
        env.made(awaitable)
        scope, told = library.CancelScope(), library.Event()
        deadline = 1000 if run.tick is None else (run.tick + 0.5) * TICK

        def act():
            if run.how in outside:
                outside[run.how][1](env)
            else:
                scope.cancel()
                told.set()

        how = hows.get(run.how) or outside[run.how][0]
        done = False

        async def main():
            nonlocal done, awaitable
            mine, awaitable = awaitable, None
            try:
                await how(env, mine, scope, told, deadline)
                env.log("ends")
            except Exception as exception:
                env.log("ends with", exception)
            finally:
                done = True

        async with open_group() as group:
            group.start_soon(main)
            while not done:
                env.tick += 1
                env.host.move_on(env)
                if env.tick == run.tick:
                    env.log("disturbed")
                    act()
                if env.tick > MOST_TICKS:
                    env.log("does not end")
                    group.cancel_scope.cancel()
                await env.host.next_iteration()

    return session, env_type, (tuple(hows), tuple(outside))


TRIO = structured(trio, TrioEnv)
ANYIO = structured(anyio, AnyioEnv)
# The ways to run a scenario, and those for one that other code may add to and cancel.
WAYS = {"asyncio": (ASYNCIO, ASYNCIO_OUTSIDE), "trio": TRIO[2], "anyio": ANYIO[2]}


class AsyncioHost:
    """An asyncio loop for many sessions."""

    timed = True

    def __init__(self, loop):
        self.loop = loop
        loop.set_task_factory(numbered_task)

    def run(self, session):
        NumberedTask.count = 0
        self.loop.now = 0.0
        self.loop.run_until_complete(session())

    def move_on(self, env):
        self.loop.now = env.tick * TICK

    async def next_iteration(self):
        await asyncio.sleep(0)

    def close(self):
        self.loop.close()


class UvloopHost(AsyncioHost):
    timed = False

    def run(self, session):
        NumberedTask.count = 0
        self.loop.run_until_complete(session())

    def move_on(self, env):
        pass


class TrioHost:
    timed = True

    def run(self, session):
        # trio puts tasks that are ready at the same time in a random order.
        trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING = True
        trio._core._run._r = random.Random(1)
        self.clock = trio.testing.MockClock()
        trio.run(session, clock=self.clock)

    def move_on(self, env):
        self.clock.jump(TICK)

    async def next_iteration(self):
        await trio.lowlevel.checkpoint()

    def close(self):
        pass


def new_host(name):
    if name == "trio":
        return TrioHost()
    if name == "uvloop":
        return UvloopHost(uvloop.new_event_loop())
    return AsyncioHost(SteppedLoop())


class LoopRun:
    def __init__(self, host, api, how, tick=None, *, pauses="yield", kind="coroutine", thrown="raise"):
        self.host, self.api, self.how, self.tick = host, api, how, tick
        self.pauses, self.kind, self.thrown = pauses, kind, thrown

    def __str__(self):
        return f"{self.how}, at {self.tick}, {self.kind} inners that {self.pauses} and {self.thrown} what is thrown"

    def on(self, scenario, side):
        log = Log()
        session, env_type = SESSIONS[self.api]
        env = env_type(log, scenario, self, self.host)
        RECORDER.log = log
        try:
            self.host.run(lambda: session(self, env, side))
            env.close()
            collect()
            log.notice_ends()
        finally:
            RECORDER.log = None
        self.ticks = env.tick
        return log.finish()


SESSIONS = {"asyncio": (asyncio_session, AsyncioEnv), "trio": TRIO[:2], "anyio": ANYIO[:2]}


def disturbed(scenario, side, host, api, hows, most=12, **run):
    """For each way a run that nothing disturbs, and one for each iteration that it has."""
    for how in hows:
        calm = LoopRun(host, api, how, **run)
        calm.on(scenario, side)
        yield calm
        for tick in range(1, min(calm.ticks, most) + 1):
            yield LoopRun(host, api, how, tick, **run)
