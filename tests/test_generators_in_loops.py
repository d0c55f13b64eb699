"""Asynchronous generators in C under each event loop, beside those of Python: one log each."""

import asyncio
import gc
import sys
import warnings

import anyio
import generator_twins
import generators
import pytest
import trio

try:
    import uvloop
except ImportError:
    uvloop = None

SCENARIOS = {}
MODULES = {"async def": generator_twins, "C": generators}


class Aclosing:
    """contextlib.aclosing(), which 3.9 does not have."""

    def __init__(self, generator):
        self.generator = generator

    async def __aenter__(self):
        return self.generator

    async def __aexit__(self, *exception):
        await self.generator.aclose()


class World:
    """What a scenario has: the generators of one kind, a log, and the words of the library that it runs under."""

    def __init__(self, module, sleep):
        self.module = module
        self.sleep = sleep
        self.log = []

    def note(self, text, value=None):
        value = value if value is None or isinstance(value, (int, str)) else getattr(value, "__name__", "an object")
        self.log.append(f"{text}: {value}")

    async def wait(self, text):
        self.note("waits", text)
        await self.sleep()
        return text

    def make(self, name, *given):
        return getattr(self.module, name)(*(() if name == "counts" else (self.note, self.wait, *given)))


def of(library):
    def register(scenario):
        SCENARIOS[f"{library}: {scenario.__name__}"] = library, scenario
        return scenario

    return register


# ---- Any library ---------------------------------------------------------------------------------


def everywhere(scenario):
    for library in "asyncio", "trio", "anyio":
        of(library)(scenario)


@everywhere
async def iterated_over_to_the_end(world):
    for name in "counts", "talks", "ignores", "waits", "cleans", "yields_at_last":
        async for item in world.make(name):
            world.note("item", item)
            await world.sleep()


@everywhere
async def left_early_and_collected(world):
    for name in "talks", "cleans", "yields_at_last":
        async for item in world.make(name):
            world.note("item", item)
            break
        gc.collect()
        for _ in range(5):
            await world.sleep()


@everywhere
async def left_early_and_closed(world):
    for name in "talks", "cleans", "yields_at_last", "waits":
        try:
            async with Aclosing(world.make(name)) as generator:
                async for item in generator:
                    world.note("item", item)
                    break
        except RuntimeError as error:
            world.note("raised", str(error))


@everywhere
async def an_exception_in_the_loop(world):
    try:
        async with Aclosing(world.make("cleans")) as generator:
            async for item in generator:
                raise KeyError(item)
    except KeyError as error:
        world.note("raised", str(error))


@everywhere
async def values_sent_and_thrown(world):
    generator = world.make("ignores")
    world.note("item", await generator.asend(None))
    world.note("item", await generator.asend("sent"))
    world.note("item", await generator.athrow(KeyError("thrown")))
    try:
        await generator.aclose()
    except RuntimeError as error:
        world.note("raised", str(error))


@everywhere
async def a_generator_over_a_generator(world):
    relay = world.make("relays", world.make("talks"))
    async for item in relay:
        world.note("item", item)
    relay = world.make("relays", world.make("cleans"))
    async for item in relay:
        world.note("item", item)
        break
    await relay.aclose()


@everywhere
async def inside_a_context_manager(world):
    class Manager:
        async def __aenter__(self):
            await world.wait("enter")
            return "managed"

        async def __aexit__(self, kind, value, traceback):
            world.note("exit", kind)
            await world.wait("exit")

    async for item in world.make("enters", Manager()):
        world.note("item", item)
    async with Aclosing(world.make("enters", Manager())) as generator:
        async for item in generator:
            world.note("item", item)
            break


def suspended(name):
    async def scenario(world):
        world.kept = world.make(name)
        world.note("item", await world.kept.__anext__())

    scenario.__name__ = f"{name}_is_suspended_when_the_loop_ends"
    everywhere(scenario)


for each in "talks", "cleans", "counts", "yields_at_last":
    suspended(each)


# ---- asyncio -------------------------------------------------------------------------------------


@of("asyncio")
async def steps_as_tasks(world):
    generator = world.make("talks")
    world.note("item", await asyncio.create_task(generator.__anext__()))
    world.note("item", await asyncio.ensure_future(generator.asend("sent")))
    try:
        await asyncio.create_task(generator.athrow(KeyError("k")))
    except KeyError:
        world.note("raised")
    world.note("closed", await asyncio.create_task(generator.aclose()))


@of("asyncio")
async def two_tasks_at_once(world):
    generator = world.make("waits")
    tasks = [asyncio.create_task(generator.__anext__()) for _ in range(3)]
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        world.note("outcome", outcome if isinstance(outcome, int) else repr(outcome))


@of("asyncio")
async def cancelled_at_each_tick(world):
    for name in "talks", "cleans", "ignores", "waits":
        for ticks in range(6):

            async def body(name=name):
                async with Aclosing(world.make(name)) as generator:
                    async for item in generator:
                        world.note("item", item)
                        await world.sleep()

            task = asyncio.create_task(body())
            for _ in range(ticks):
                await world.sleep()
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                world.note("cancelled after", ticks)
            except RuntimeError as error:
                world.note("raised", str(error))


@of("asyncio")
async def a_deadline(world):
    generator = world.make("cleans")
    await generator.__anext__()
    try:
        await asyncio.wait_for(generator.aclose(), 5)
    except asyncio.TimeoutError:
        world.note("late")
    world.note("closed")


# ---- trio ----------------------------------------------------------------------------------------


@of("trio")
async def cancelled_in_a_scope(world):
    for name in "talks", "cleans", "waits":
        for ticks in range(4):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:

                    async def body(name=name):
                        async with Aclosing(world.make(name)) as generator:
                            async for item in generator:
                                world.note("item", item)
                                await world.sleep()

                    nursery.start_soon(body)
                    with trio.CancelScope(shield=True):
                        for _ in range(ticks):
                            await world.sleep()
                    scope.cancel()
            world.note("cancelled", scope.cancelled_caught)


@of("anyio")
async def cancelled_in_a_group(world):
    for name in "talks", "cleans":
        async with anyio.create_task_group() as group:

            async def body(name=name):
                async with Aclosing(world.make(name)) as generator:
                    async for item in generator:
                        world.note("item", item)
                        await anyio.sleep(60)

            group.start_soon(body)
            await anyio.sleep(0.001)
            group.cancel_scope.cancel()
        world.note("done")


# ---- The loops -----------------------------------------------------------------------------------


def on_asyncio(scenario, module):
    world = World(module, lambda: asyncio.sleep(0))
    asyncio.run(scenario(world))
    return world


def on_uvloop(scenario, module):
    loop = uvloop.new_event_loop()
    world = World(module, lambda: asyncio.sleep(0))
    try:
        loop.run_until_complete(scenario(world))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
    return world


def on_trio(scenario, module):
    # It shuffles what is ready.
    trio._core._run._r.seed(1)
    world = World(module, lambda: trio.sleep(0))
    trio.run(scenario, world)
    return world


def on_anyio(backend):
    def run(scenario, module):
        trio._core._run._r.seed(1)
        world = World(module, lambda: anyio.sleep(0))
        anyio.run(scenario, world, backend=backend)
        return world

    return run


HOSTS = {
    "asyncio": ("asyncio", on_asyncio),
    "uvloop": ("asyncio", on_uvloop),
    "trio": ("trio", on_trio),
    "anyio on asyncio": ("anyio", on_anyio("asyncio")),
    "anyio on trio": ("anyio", on_anyio("trio")),
}
RUNS = [
    pytest.param(host, scenario, id=f"{host}-{name.partition(': ')[2]}")
    for host, (library, _) in HOSTS.items()
    for name, (needed, scenario) in SCENARIOS.items()
    if library == needed
]


@pytest.mark.parametrize("host, scenario", RUNS)
def test_does_as_python(host, scenario, monkeypatch):
    if host == "uvloop" and uvloop is None:
        pytest.skip("uvloop does not exist for this Python: see the requirements of the tests")
    logs = {}
    gc.collect()
    for kind, module in MODULES.items():
        unraisable = []
        monkeypatch.setattr(sys, "unraisablehook", lambda event, to=unraisable: to.append(repr(event.exc_value)))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            world = HOSTS[host][1](scenario, module)
            gc.collect()
        # trio's warning of a generator that was not exhausted has its name, and where it is from.
        warned = [each.category.__name__ for each in caught if "garbage collected" in str(each.message)]
        others = [str(each.message) for each in caught if "garbage collected" not in str(each.message)]
        world.log += ["warnings", *warned, *others, "unraisable", *unraisable]
        logs[kind] = world.log
    assert len(logs["C"]) > 1
    assert logs["C"] == logs["async def"]
    assert sys.get_asyncgen_hooks() == (None, None)
