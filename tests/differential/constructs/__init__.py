"""Each construct of the language of bodies, as `async def` alone: its C is made of that, see tests/translated."""

from ..blocks import Inner
from ..scenario import SCENARIOS, scenario

CONSTRUCTS = []


def construct(variants=None, **options):
    """As scenario.scenario; but no C code has it by hand."""

    def register(twin):
        registered = len(SCENARIOS)
        scenario(variants, **options)(twin)
        CONSTRUCTS.extend(SCENARIOS[registered:])
        del SCENARIOS[registered:]
        return twin

    return register


def fails(name, kind=ValueError, **more):
    return {name: Inner(raises=lambda: kind(f"from {name}"), **more)}


def gives(name, value, **more):
    return {name: Inner(returns=lambda env: value, **more)}


ENDS = {
    "": {},
    "a raises": fails("a"),
    "a raises at once": fails("a", pauses=0),
    "a raises a KeyError": fails("a", KeyError),
    "a raises StopAsyncIteration": fails("a", StopAsyncIteration),
    "b raises": fails("b", OSError),
    "b's __await__ raises": {**fails("a"), "b": Inner(kind="raising __await__")},
    "busy": {**fails("a"), "b": Inner(kind="busy")},
    "both raise": {**fails("a"), **fails("b", OSError)},
    "both raise at once": {**fails("a", pauses=0), **fails("b", OSError, pauses=0)},
    "a cannot be awaited": {"a": Inner(kind="__await__ of int")},
}
EXITS = {
    "": {},
    "exit raises": fails("lock.exit", OSError),
    "exit raises at once": fails("lock.exit", OSError, pauses=0),
    "exit suppresses": gives("lock.exit", True),
    "enter raises": fails("lock.enter", KeyError),
    "enter stops": fails("lock.enter", StopAsyncIteration),
    "a raises": fails("a"),
    "a raises, exit raises": {**fails("a"), **fails("lock.exit", OSError)},
    "a raises, exit suppresses": {**fails("a"), **gives("lock.exit", 1)},
    "a raises, exit does not suppress": {**fails("a"), **gives("lock.exit", "")},
    "exit cannot be awaited": {"lock.exit": Inner(kind="__await__ of int")},
    "a raises, exit cannot be awaited": {**fails("a"), "lock.exit": Inner(kind="__await__ of int")},
    "latch exit raises": {**fails("a"), **fails("latch.exit", OSError)},
    "latch exit suppresses": {**fails("a"), **gives("latch.exit", True)},
}


ITEMS = {
    "": {},
    "the first raises": fails("x0"),
    "the second raises": fails("x1", KeyError),
    "the second ends": fails("x1", StopAsyncIteration),
    "the second ends at once": fails("x1", StopAsyncIteration, pauses=0),
    "the second cannot be awaited": {"x1": Inner(kind="__await__ of int")},
    "the third is finished": {"x2": Inner(kind="finished")},
    "busy": {"x1": Inner(kind="busy")},
    "a raises": fails("a"),
    "a raises StopAsyncIteration": fails("a", StopAsyncIteration),
    "b raises": fails("b", OSError),
}
