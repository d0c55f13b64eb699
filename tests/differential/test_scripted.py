"""The engine drives a body that is not a queue as the interpreter drives a coroutine: the twins, as scripts of such bodies."""

from pathlib import Path

import pytest
from scripted_bodies import NAMES, transform

from . import by_hand, loops, twins  # noqa: F401  (the twins register themselves)
from .by_hand import STEPS, Side
from .compare import compare
from .scenario import SCENARIOS
from .test_by_hand import KINDS, PLAIN, thrown_into
from .test_loops import HOSTS, every_way, on, where  # noqa: F401

TWINS = Path(twins.__file__).parent
NATIVE = Side("async def")


def scripts():
    """{name: the function that makes its twin as a script}."""
    found = {}
    for file in sorted(TWINS.glob("[a-z]*.py")):
        source = file.read_text(encoding="utf-8")
        # Blocks are the queue's: a body spells them out, or C's language does. Functions and clean-ups are C's.
        if file.stem in ("blocks", "cancel", "functions", "iteration", "loops"):
            continue
        namespace = {"__name__": f"{twins.__name__}.{file.stem}", "__package__": twins.__name__, **NAMES}
        registered = len(SCENARIOS)
        exec(transform(source, str(file), "outer"), namespace)
        # The decorators have registered them once more.
        del SCENARIOS[registered:]
        found.update(namespace)
    return found


SCRIPTS = scripts()


class Scripted(Side):
    def make(self, env):
        env.module = None
        made = SCRIPTS[env.scenario.name](env)
        if type(made).__name__ == "PyAwaitable":
            made.__qualname__ = "outer"
        return made


SCRIPTED = Scripted("a script")
# Dropped, it ignores its end. A coroutine's frame goes then; a script is a generator, which its own end reaches once more.
IGNORES_ITS_END = {"two_failures"}
# Where other code adds to a queue, or cancels it, it is the queue that is tested.
CHOSEN = [
    scenario for scenario in PLAIN if scenario.name in SCRIPTS and scenario.name not in IGNORES_ITS_END and not scenario.outside
]


class Reworded:
    """A run whose log names the script after what it represents, where CPython calls it a generator."""

    def __init__(self, run):
        self.run = run

    def __str__(self):
        return str(self.run)

    def on(self, scenario, side):
        said = "generator raised StopIteration", "coroutine raised StopIteration"
        return [line.replace(*said) for line in self.run.on(scenario, side)]


def each(scenarios_):
    return pytest.mark.parametrize("scenario", scenarios_, ids=str)


def same(scenario, runs):
    assert compare(scenario, map(Reworded, runs), NATIVE, SCRIPTED) > 0


def test_most_scenarios_are_there():
    assert len(CHOSEN) > 30


@each(CHOSEN)
def test_disturbed_at_every_step(scenario):
    same(scenario, by_hand.disturbed(scenario, NATIVE, STEPS))


@each(CHOSEN)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_inner(scenario, kind):
    same(scenario, by_hand.disturbed(scenario, NATIVE, thrown_into(scenario, kind), kind=kind))


@each(CHOSEN)
@pytest.mark.parametrize("place", [place for place in by_hand.PLACES if place not in ("top", "by slot")])
def test_every_place(scenario, place):
    same(scenario, by_hand.disturbed(scenario, NATIVE, STEPS, place=place))


@each(CHOSEN)
@pytest.mark.parametrize("thrown", ["linger", "swallow", "answer", "translate"])
def test_inner_that_catches(scenario, thrown):
    same(scenario, by_hand.disturbed(scenario, NATIVE, STEPS, thrown=thrown))


@on(HOSTS, lambda scenario: scenario in CHOSEN)
def test_every_loop(where, scenario):  # noqa: F811
    host, api = where
    same(scenario, loops.disturbed(scenario, NATIVE, host, api, every_way(where, scenario)))
