"""A body in C does what the `async def` does that it spells out: the twins, translated, by hand and under every event loop."""

import gc
import itertools
from pathlib import Path

import pytest
from translated.build import Unit, rewritten

from . import by_hand, loops, model, record
from .by_hand import STEPS, Side
from .compare import comparable, compare
from .constructs import CONSTRUCTS, blocks, ends, exceptions  # noqa: F401  (they register themselves)
from .scenario import SCENARIOS
from .test_by_hand import ALL as TWINS_BY_HAND
from .test_by_hand import KINDS, WITHOUT_AWAIT, thrown_into
from .test_by_hand import steps as steps_of
from .test_loops import HOSTS, every_way, on, plain, varied, where  # noqa: F401
from .twins import functions

HERE = Path(__file__).parent
TWINS = HERE / "twins"
NATIVE = Side("async def")
# One that is dropped may be found in the garbage on one side alone: what a body evaluates has a frame, which may be in a cycle.
record.HIDDEN += (record.__file__,)
# What these twins are about, arguments and clean-ups, is not what a body consists of.
FUNCTIONS = functions.__name__


def has_body(scenario):
    return scenario.twin.__module__ != FUNCTIONS


ALL = [*filter(has_body, TWINS_BY_HAND), *CONSTRUCTS]
IN_LOOPS = [*filter(has_body, SCENARIOS), *CONSTRUCTS]
PLAIN = [scenario for scenario in ALL if not scenario.variant]


class Translation:
    """The files of the twins, and of the model of a queue, with bodies in C where they have `async def`."""

    def __init__(self):
        self.unit = Unit()
        self.modules, self.refused = [], []
        self.made = None
        twins = (file for file in TWINS.glob("[a-z]*.py") if file.stem != FUNCTIONS.rpartition(".")[2])
        for file in (HERE / "model.py", *twins, *(HERE / "constructs").glob("[a-z]*.py")):
            source = file.read_text(encoding="utf-8")
            code, names, refused = rewritten(self.unit, source, str(file), lambda node: node.name in ("outer", "run"))
            self.modules.append((file, code, names))
            self.refused += refused

    def functions(self):
        """{name: the function that makes its twin}."""
        if self.made is None:
            self.unit.load()
            self.made = {}
            registered, constructed = len(SCENARIOS), len(CONSTRUCTS)
            for file, code, names in self.modules:
                package = f"{__package__}.{file.parent.name}" if file.parent != HERE else __package__
                namespace = {"__name__": f"{package}.{file.stem}", "__package__": package, **names}
                exec(code, namespace)
                if file.stem == "model":
                    self.run = namespace["Queue"].run
                    # It knows the classes of what is queued.
                    namespace.update(vars(model))
                else:
                    self.made.update(namespace)
            # The decorators have registered them once more.
            del SCENARIOS[registered:], CONSTRUCTS[constructed:]
        return self.made


TRANSLATION = Translation()


class Translated(Side):
    def make(self, env):
        functions = TRANSLATION.functions()
        env.module = None
        before = model.Queue.run
        model.Queue.run = TRANSLATION.run
        try:
            made = functions[env.scenario.name](env)
        finally:
            model.Queue.run = before
        assert type(made).__name__ == "PyAwaitable"
        return made


C = Translated("a body")


@pytest.fixture(autouse=True, scope="module")
def often():
    """Counts tests."""
    return itertools.cycle(range(50))


@pytest.fixture(autouse=True)
def little_garbage(often):
    """The collector looks at what is young alone; a frame with functions that see it is garbage that grows old."""
    yield
    if next(often) == 0:
        # What is found may have something to say, which is nobody's.
        with record.RECORDER.installed():
            gc.collect()


def each(scenarios_):
    return pytest.mark.parametrize("scenario", scenarios_, ids=str)


class Comparable:
    """A run, as far as both are comparable: see compare.comparable."""

    def __init__(self, run):
        self.run = run

    def __str__(self):
        return str(self.run)

    def on(self, scenario, side):
        return comparable(self.run.on(scenario, side))


def same(scenario, runs):
    assert compare(scenario, map(Comparable, runs), NATIVE, C) > 0


def disturbances(scenario, steps=None):
    """A SUSPEND is the end of what is awaited. Its twin awaits a generator, which lets out no StopIteration, and which it
    leaves to find out that an int cannot be thrown."""
    if scenario.name.startswith("suspends"):
        return [step for step in steps or STEPS if step not in ("throw StopIteration", "throw int")]
    return steps or steps_of(scenario)


def test_nothing_is_left_out():
    assert [(function.name, str(reason)) for function, reason in TRANSLATION.refused] == []


@each(ALL)
def test_disturbed_at_every_step(scenario):
    same(scenario, by_hand.disturbed(scenario, NATIVE, disturbances(scenario)))


@each(PLAIN)
def test_every_sequence_of_three_steps(scenario):
    same(scenario, by_hand.exhausted(3))


@each(PLAIN)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_inner(scenario, kind):
    same(scenario, by_hand.disturbed(scenario, NATIVE, disturbances(scenario, thrown_into(scenario, kind)), kind=kind))


@each(PLAIN)
@pytest.mark.parametrize("thrown", ["linger", "swallow", "answer", "translate"])
def test_inner_that_catches(scenario, thrown):
    same(scenario, by_hand.disturbed(scenario, NATIVE, disturbances(scenario), thrown=thrown))


@each([scenario for scenario in PLAIN if str(scenario) not in WITHOUT_AWAIT])
def test_two_disturbances(scenario):
    same(scenario, by_hand.disturbed_twice(scenario, NATIVE))


@each(PLAIN)
@pytest.mark.parametrize("place", [place for place in by_hand.PLACES if place != "top"])
def test_every_place(scenario, place):
    # An exception leads to the frames of what a body evaluates, and from there to who steps it by slot, whose frame leads back:
    # dropped, it is garbage, and the collector finalizes what it holds in any order.
    steps = [step for step in disturbances(scenario) if (place, step) != ("by slot", "drop")]
    same(scenario, by_hand.disturbed(scenario, NATIVE, steps, place=place))


@each(PLAIN)
@pytest.mark.parametrize("mode", ["handling", "traced"])
def test_stepped_while(scenario, mode):
    for place in ("top", "awaited"):
        same(scenario, by_hand.disturbed(scenario, NATIVE, disturbances(scenario), place=place, mode=mode))


def same_in_loop(where, scenario, hows, **run):  # noqa: F811
    host, api = where
    assert compare(scenario, loops.disturbed(scenario, NATIVE, host, api, hows, **run), NATIVE, C) > 0


@on(HOSTS, plain, IN_LOOPS)
def test_every_way_to_run_it(where, scenario):  # noqa: F811
    same_in_loop(where, scenario, every_way(where, scenario))


@on(["asyncio", "trio"], lambda scenario: varied(scenario) and scenario.loops is None, IN_LOOPS)
def test_cancelled_at_every_iteration(where, scenario):  # noqa: F811
    same_in_loop(where, scenario, ["awaited"])


@on(HOSTS, lambda scenario: varied(scenario) and scenario.loops is not None)
def test_groups_and_deadlines(where, scenario):  # noqa: F811
    same_in_loop(where, scenario, ["awaited", "task"] if where[1] == "asyncio" else ["awaited", "started"])
