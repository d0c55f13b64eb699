"""Runs programs of `written` that yield as asynchronous generators of Python's and as generators in C.

A generator is driven by hand, step object by step object; or iterated over by a consumer, which is an `async def` or a body,
by hand or in a task of asyncio's. All must see the same.
"""

import asyncio
import sys
import types
import warnings
import weakref

from differential import by_hand
from differential.compare import comparable
from differential.constructs.ends import suspend
from differential.record import RECORDER, Log, collect
from translated.build import Unit, rewritten

from . import bodies, written
from .bodies import FILE, WrittenEnv

# Of a step object another place says nothing that a body does not.
PLACES = ("top",) * 6 + ("awaited", "iterated", "delegated", "by slot")
MOST_STEPS = 40
MOST_TICKS = 60

CONSUMERS = """
async def goes_on(env, source):
    async for item in source:
        env.log("item", item)
    else:
        env.log("all")

async def leaves(env, source):
    async for item in source:
        env.log("item", item)
        if env.choose():
            break
        env.log("between", await env.inner("between"))
    del source
    env.let_go()
    env.log("after", await env.inner("after"))

async def closes(env, source):
    try:
        async for item in source:
            env.log("item", item)
            if env.choose():
                return item
            if env.choose():
                raise KeyError("of the consumer")
    finally:
        await source.aclose()
        env.log("closed")

async def talks(env, source):
    try:
        item = await source.__anext__()
        while True:
            env.log("item", item)
            if env.choose():
                item = await source.asend(env.token("sent"))
            elif env.choose():
                item = await source.athrow(ValueError("of the consumer"))
            else:
                item = await source.asend(None)
    except StopAsyncIteration:
        env.log("end")

async def relays(env, source):
    async for item in source:
        env.log("got", (yield item))

async def relays_and_closes(env, source):
    try:
        async for item in source:
            yield item
    finally:
        await source.aclose()
        yield 5
"""
NAMES = tuple(line.split()[2].partition("(")[0] for line in CONSUMERS.splitlines() if line.startswith("async def"))
RELAYS = tuple(name for name in NAMES if name.startswith("relays"))

THROWS = tuple(step for step in by_hand.THROWN if step not in bodies.NOT_HERE)
ACTS = (
    *("go",) * 30,
    *("asend value",) * 6,
    *("anext", "asend", "aclose", "value", "close", "drop the step", "another", "drop") * 2,
    *(f"a{step}" for step in THROWS),
    *THROWS,
)
# From 3.12 on a generator takes one for its own end where it never reaches any code: before the first step.
TAKES_STOP_FOR_ITS_OWN = sys.version_info >= (3, 12)
# Before 3.13 `athrow` reaches what a generator awaits, where a step of it was abandoned. With GeneratorExit CPython then throws
# into what is awaited inside of that as well; a call of `throw` closes it. As for `athrow int`, see bodies.Run.
REACHES_AWAITED = sys.version_info < (3, 13)
HOOKS = ("none", "says", "closes", "keeps", "raises")


class GeneratorEnv(WrittenEnv):
    """Holds what a consumer iterates over: the traceback of what it raises has the frame that holds it, in Python alone."""

    on_asyncio = False
    source = None

    def let_go(self):
        self.log("lets go")
        self.source = None
        collect()

    @types.coroutine
    def pause(self, tag):
        if not self.on_asyncio:
            return (yield self.token(tag))
        self.log("pauses", tag)
        return (yield)


class Driver:
    """Makes step objects, and steps them, in turns. One that has ended may be stepped once more."""

    def __init__(self, env, generator, place):
        self.env, self.log, self.place = env, env.log, place
        self.generator = generator
        self.current, self.others = None, []
        self.steps = self.failures = 0
        self.has_begun = False

    def call(self, what, method, *arguments):
        if self.current is None:
            # It could not be made.
            return
        self.steps += 1
        try:
            got = getattr(self.current[1], method)(*arguments)
        except StopIteration as stop:
            seen = "returns", stop.value
            self.failures, self.has_begun = 0, True
            self.ends()
        except BaseException as exception:
            seen = "raises", exception
            self.failures += 1
            self.ends()
        else:
            seen = "gives", got
            self.failures, self.has_begun = 0, self.has_begun or method != "close"
            if method == "close":
                self.ends()
        self.log(self.name, what, *seen)
        del seen

    def ends(self):
        self.others = [*self.others, self.current][-3:]
        self.current = None

    def make(self, what, method, *arguments):
        """A new step, beside one that is under way if there is one."""
        if self.current is not None:
            self.others = [*self.others, self.current][-3:]
            self.current = None
        self.name = f"{what} {self.steps}"
        try:
            made = getattr(self.generator, method)(*arguments)
        except Exception as exception:
            self.log(self.name, "not made", exception)
            self.failures += 1
            return
        self.current = self.name, by_hand.PLACES[self.place](self.env, made)
        del made

    def act(self, act):
        if self.generator is None or (TAKES_STOP_FOR_ITS_OWN and not self.has_begun and "StopAsyncIteration" in act):
            return
        if REACHES_AWAITED and act == "athrow GeneratorExit" and self.generator.ag_await is not None:
            return
        if act == "drop":
            self.log("drop")
            self.current, self.others, self.generator = None, [], None
            collect()
        elif act == "drop the step":
            self.log("drop the step")
            self.current = None
            collect()
        elif act == "another":
            if self.others:
                before, self.current = self.current, self.others.pop(0)
                if before is not None:
                    self.others.append(before)
                self.name = self.current[0]
                del before
                self.call("again", "send", None)
        elif act in ("anext", "aclose") or act.startswith(("asend", "athrow")):
            sent = {"asend": (None,), "asend value": (self.env.token("sent"),)}.get(act, ())
            if act.startswith("athrow"):
                sent = by_hand.THROWN[act[1:]]()
            self.make(act, {"anext": "__anext__"}.get(act, act.split()[0]), *sent)
            del sent
            if self.current is not None:
                self.call("next", "send", None)
        else:
            if self.current is None:
                self.make("anext", "__anext__")
            if act == "go":
                self.call("next", "send", None)
            elif act == "value":
                self.call(act, "send", self.env.token("sent to the step"))
            elif act == "close":
                self.call(act, "close")
            else:
                self.call(act, "throw", *by_hand.THROWN[act]())

    def finish(self):
        """Steps it until all that it does is raise."""
        self.failures = 0
        while self.generator is not None and self.failures < 2:
            if self.steps > MOST_STEPS:
                self.log("does not end")
                break
            self.act("go")
        for act in ("aclose", "go", "athrow ValueError", "drop"):
            self.act(act)


class Run:
    """What is done to a generator."""

    def __init__(self, rng, program):
        self.seed = rng.randrange(1 << 32)
        self.place = rng.choice(PLACES)
        self.mode = rng.choice(("plain",) * 5 + ("handling",))
        self.hooks = rng.choice(HOOKS)
        self.consumer = rng.choice((None, None, *NAMES))
        if self.consumer and self.place == "by slot":
            # What the source evaluates has a frame, which leads to who steps by slot.
            self.place = "top"
        self.on_asyncio = self.consumer not in (None, *RELAYS) and not program.has_suspend and rng.random() < 0.5
        self.tick = rng.choice((None, *range(8)))
        self.drops = rng.random() < 0.5
        self.acts = tuple(rng.choice(ACTS) for _ in range(rng.choice((0, 3, 6, 12))))
        self.acts = tuple("go" if self.is_odd(act, program) else act for act in self.acts)
        self.steps = tuple(rng.choice(("next",) * 6 + bodies.STEPS) for _ in range(rng.choice((0, 2, 5, 9))))
        self.steps = tuple("next" if self.is_odd(step, program) else step for step in self.steps)

    def is_odd(self, step, program):
        """See bodies.Run."""
        return (
            step == "second waiter"
            or (program.has_suspend and step == "throw int")
            or (program.has_suspend and REACHES_AWAITED and step in ("athrow int", "athrow GeneratorExit"))
            or (self.place == "by slot" and step.startswith("drop"))
        )

    def __str__(self):
        how = f"{self.consumer} on asyncio, cancelled at {self.tick}" if self.on_asyncio else f"{self.consumer}, {self.steps}"
        dropped = "dropped" if self.drops else "kept"
        return f"{self.place}, {self.mode}, hooks {self.hooks}, {dropped}, chosen by {self.seed}: {how}, {', '.join(self.acts)}"

    def sides(self):
        """Which of both, generator and consumer, are in C."""
        return ((True, False), (True, True), (False, True)) if self.consumer else ((True, False),)

    def on(self, program, batch, side, watched):
        log = Log()
        RECORDER.log = log
        hooks = sys.get_asyncgen_hooks()
        generator_in_c, consumer_in_c = side
        make = (batch.translated if generator_in_c else batch.native)[program.name]
        consumer = self.consumer and (batch.translated if consumer_in_c else batch.native)[self.consumer]
        try:
            env = GeneratorEnv(log, program, self)
            watched.append((self, weakref.ref(env)))
            env.revived = []
            if self.on_asyncio:
                env.on_asyncio = True
                self.in_loop(env, make, consumer)
            else:
                self.set_hooks(env)
                by_hand.MODES[self.mode](self.drive, env, (make, consumer))
                self.close_revived(env)
            env.close()
            collect()
        finally:
            sys.set_asyncgen_hooks(*hooks)
            RECORDER.log = None
        return comparable(log.finish())

    # By hand.

    def set_hooks(self, env):
        if self.hooks == "none":
            return

        def first(generator):
            env.log("first")
            if self.hooks == "raises":
                raise OSError("first")

        def finalizer(generator):
            env.log("finalizer")
            if self.hooks == "closes":
                close(env, generator)
            elif self.hooks == "keeps" and not generator.ag_running:
                # The frame of what a generator in C evaluates leads to who steps it, so that an exception it handles is part
                # of a cycle: the collector closes what is awaited as well, although the generator is kept.
                env.revived.append(generator)
            elif self.hooks == "raises":
                raise OSError("finalizer")

        sys.set_asyncgen_hooks(first, finalizer)

    def close_revived(self, env):
        while env.revived:
            env.log("revived")
            close(env, env.revived.pop())
            collect()

    def drive(self, env, functions):
        make, consume = functions
        if consume is None:
            self.step(env, [make(env)])
            return
        env.source = make(env)
        if self.consumer in RELAYS:
            self.step(env, [consume(env, env.source)])
        else:
            consumer = consume(env, env.source)
            env.made(consumer)
            driver = by_hand.Driver(env, consumer, self.place)
            del consumer
            for step in self.steps:
                driver.act(step)
            driver.finish()
            del driver
            if not self.drops and env.source is not None:
                self.step(env, [env.source])
        # What a relay raises as it is closed has the frame that holds the source, too.
        self.close_revived(env)
        env.let_go()

    def step(self, env, generators):
        """Takes the only one out of the list. Up to 3.10 who calls a function holds its arguments until it returns."""
        driver = Driver(env, generators.pop(), self.place)
        for act in self.acts:
            driver.act(act)
        driver.finish()

    # In a task.

    def in_loop(self, env, make, consume):
        async def main():
            generator = make(env)
            task = asyncio.ensure_future(consume(env, generator))
            env.source = generator
            del generator
            for tick in range(MOST_TICKS):
                await asyncio.sleep(0)
                if tick == self.tick:
                    env.log("cancel")
                    task.cancel()
                if task.done():
                    break
            else:
                env.log("does not end")
                task.cancel()
            try:
                env.log("returns", await task)
            except BaseException as exception:
                env.log("raises", exception)
            del task
            collect()
            for _ in range(6):
                await asyncio.sleep(0)
            if self.drops:
                env.let_go()
            for _ in range(self.seed % 6):
                await asyncio.sleep(0)
            env.log("main ends")

        def failed(loop, context):
            env.log("loop:", context["message"].partition(" <")[0].partition(":")[0], context.get("exception"))

        loop = asyncio.new_event_loop()
        loop.set_exception_handler(failed)
        try:
            loop.run_until_complete(main())
            env.log("shutdown")
            loop.run_until_complete(loop.shutdown_asyncgens())
            env.let_go()
        finally:
            loop.close()


def close(env, generator):
    step = generator.aclose()
    try:
        for _ in range(8):
            env.log("aclose gives", step.send(None))
    except StopIteration:
        env.log("closed")
    except BaseException as exception:
        env.log("aclose raises", exception)


class Batch:
    """Programs and the consumers, compiled by Python and by a C compiler."""

    def __init__(self, programs, keep=False, cc=None):
        source = "\n".join((*(program.source() for program in programs), CONSUMERS))
        unit, chosen = Unit(), {*NAMES, *(program.name for program in programs)}
        self.native = {"suspend": suspend, "CancelledError": written.EXCEPTIONS["CancelledError"]}
        self.translated = dict(self.native)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            exec(compile(source, FILE, "exec", dont_inherit=True), self.native)
            code, names, refused = rewritten(unit, source, FILE, lambda node: node.name in chosen)
        assert not refused, refused
        unit.load(keep=keep, cc=cc)
        self.translated.update(names)
        exec(code, self.translated)


def logs(program, batch, run, side, watched):
    return run.on(program, batch, (False, False), []), run.on(program, batch, side, watched)


def different(program, batch, run, watched):
    """Both logs of the first of the sides that differs."""
    expected = run.on(program, batch, (False, False), [])
    for side in run.sides():
        if expected != run.on(program, batch, side, watched):
            with bodies.thorough():
                first, got = logs(program, batch, run, side, [])
            if first != got:
                return (SIDES[False, False], SIDES[side]), first, got
    return None


SIDES = {
    (False, False): "all in Python",
    (True, False): "the generator in C",
    (True, True): "both in C",
    (False, True): "the consumer in C",
}


class Kind(bodies.Kind):
    @staticmethod
    def write(number, rng, name):
        return written.write(rng, name, is_generator=True)

    batch, run, different = Batch, Run, staticmethod(different)


if __name__ == "__main__":
    bodies.main("fuzz.generators", Kind)
