"""Each scenario in C does what its `async def` does, driven by hand and disturbed at every step."""

import sys

import pytest
import scenarios

from . import by_hand, twins  # noqa: F401  (the twins register themselves)
from .by_hand import OUTSIDE_STEPS, STEPS, Side
from .compare import compare
from .scenario import SCENARIOS

NATIVE = Side("async def")
C = Side("C", scenarios)

ALL = [scenario for scenario in SCENARIOS if scenario.loops is None]
PLAIN = [scenario for scenario in ALL if not scenario.variant]
KINDS = (
    "generator",
    "awaitable",
    "iterator",
    "iterator with send",
    "iterator with throw",
    "iterator with close",
    "iterator with all",
    "iterator whose close fails",
    "iterator that breaks getattr",
    "asend",
    "wrapped",
)


def each(scenarios_):
    return pytest.mark.parametrize("scenario", scenarios_, ids=str)


def steps(scenario):
    return STEPS + OUTSIDE_STEPS if scenario.outside else STEPS


def thrown_into(scenario, kind):
    """What is thrown into inner awaitables of each kind."""
    if str(scenario) == "function_as_coroutine":
        # A native coroutine lets go of what refuses a throw: when one of ours is closed then depends on a traceback.
        refused = "throw" if kind == "iterator that breaks getattr" else "throw int"
        return [step for step in steps(scenario) if not step.startswith(refused)]
    if str(scenario) == "nested_through_native" and sys.version_info >= (3, 12):
        # A C object throws one exception into a coroutine, which would warn of more: so does that into what it awaits.
        return [step for step in steps(scenario) if step not in by_hand.DEPRECATED]
    return steps(scenario)


def same(scenario, runs):
    assert compare(scenario, runs, NATIVE, C) > 0


@each(ALL)
def test_disturbed_at_every_step(scenario):
    same(scenario, by_hand.disturbed(scenario, NATIVE, steps(scenario)))


@each(PLAIN)
def test_every_sequence_of_three_steps(scenario):
    same(scenario, by_hand.exhausted(3))


@each(PLAIN)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_inner(scenario, kind):
    same(scenario, by_hand.disturbed(scenario, NATIVE, thrown_into(scenario, kind), kind=kind))


@each(PLAIN)
@pytest.mark.parametrize("thrown", ["linger", "swallow", "answer", "translate"])
def test_inner_that_catches(scenario, thrown):
    same(scenario, by_hand.disturbed(scenario, NATIVE, STEPS, thrown=thrown))


# Nothing is awaited in these that could still handle the first disturbance when the second comes.
WITHOUT_AWAIT = {
    "empty",
    "result_at_once",
    "not_awaitable",
    "deferred_alone",
    "function_only_cleaned",
    "function_fails_at_call",
}


@each([scenario for scenario in PLAIN if str(scenario) not in WITHOUT_AWAIT])
def test_two_disturbances(scenario):
    """An inner awaitable that suspends while it handles the first one meets the second one there."""
    same(scenario, by_hand.disturbed_twice(scenario, NATIVE))


@each(PLAIN)
@pytest.mark.parametrize("place", [place for place in by_hand.PLACES if place != "top"])
def test_every_place(scenario, place):
    same(scenario, by_hand.disturbed(scenario, NATIVE, steps(scenario), place=place))


@each(PLAIN)
@pytest.mark.parametrize("mode", ["handling", "traced"])
def test_stepped_while(scenario, mode):
    """... the stepping code handles an exception, or is traced."""
    for place in ("top", "awaited"):
        same(scenario, by_hand.disturbed(scenario, NATIVE, STEPS, place=place, mode=mode))
