"""The harness itself: two equal twins log the same, and each kind of mistake shows."""

import collections.abc

import pytest

from . import by_hand, loops, twins  # noqa: F401  (the twins register themselves)
from .by_hand import STEPS, Side
from .compare import Different, compare
from .scenario import SCENARIOS

NATIVE = Side("async def")
CHOSEN = ("result_passed_on", "error_reraised", "error_replaced", "block_fails", "nested")
# KeyboardInterrupt leaves an event loop.
FEW = [
    scenario
    for scenario in SCENARIOS
    if scenario.name in CHOSEN and scenario.variant not in ("busy", "raises KeyboardInterrupt")
]


class Faithful(collections.abc.Coroutine):
    """Around the twin; those below each get one thing wrong."""

    def __init__(self, coroutine):
        self.coroutine = coroutine

    def __await__(self):
        return self.coroutine.__await__()

    def send(self, value):
        return self.step(self.coroutine.send, value)

    def throw(self, *arguments):
        return self.step(self.coroutine.throw, *arguments)

    def close(self):
        return self.coroutine.close()

    def step(self, function, *arguments):
        return function(*arguments)


class DropsWhatIsSent(Faithful):
    def send(self, value):
        return self.coroutine.send(None)


class ThrowStaysOutside(Faithful):
    def throw(self, *arguments):
        raise arguments[0]


class CloseDoesNothing(Faithful):
    def close(self):
        pass


class OneMoreStep(Faithful):
    begun = False

    def send(self, value):
        if not self.begun:
            self.begun = True
            return None
        return super().send(value)


class UnpacksTuples(Faithful):
    def step(self, function, *arguments):
        try:
            return function(*arguments)
        except StopIteration as stop:
            if type(stop.value) is tuple:
                raise StopIteration(*stop.value[:1]) from None
            raise


class LosesTraceback(Faithful):
    def step(self, function, *arguments):
        try:
            return function(*arguments)
        except StopIteration:
            raise
        except BaseException as exception:
            exception.__traceback__ = None
            raise exception.with_traceback(None) from None


class LosesContext(Faithful):
    def step(self, function, *arguments):
        try:
            return function(*arguments)
        except BaseException as exception:
            exception.__context__ = None
            raise


class CopiesExceptions(Faithful):
    def throw(self, *arguments):
        if isinstance(arguments[0], ValueError):
            arguments = (ValueError(*arguments[0].args, "copied"),)
        return super().throw(*arguments)


class SwallowsErrors(Faithful):
    def step(self, function, *arguments):
        try:
            return function(*arguments)
        except ValueError:
            raise StopIteration from None


class NeverWarns(Faithful):
    def __del__(self):
        self.coroutine.close()


MISTAKES = Faithful.__subclasses__()


class Mistaken(Side):
    def __init__(self, mistake):
        super().__init__(mistake.__name__)
        self.mistake = mistake

    def make(self, env):
        return self.mistake(super().make(env))


def all_by_hand(other):
    for scenario in FEW:
        compare(scenario, by_hand.disturbed(scenario, NATIVE, STEPS), NATIVE, other)


def all_under_asyncio(other):
    host = loops.new_host("asyncio")
    hows = [how for how in ("task", "awaited") if how in loops.ASYNCIO]
    try:
        for scenario in FEW:
            compare(scenario, loops.disturbed(scenario, NATIVE, host, "asyncio", hows), NATIVE, other)
    finally:
        host.close()


def test_equal_twins_log_the_same():
    all_by_hand(Side("async def again"))
    all_under_asyncio(Side("async def again"))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_shows_by_hand(mistake):
    with pytest.raises(Different, match="runs differ"):
        all_by_hand(Mistaken(mistake))


@pytest.mark.parametrize("mistake", [ThrowStaysOutside, OneMoreStep, SwallowsErrors, UnpacksTuples])
def test_a_mistake_shows_under_asyncio(mistake):
    with pytest.raises(Different, match="runs differ"):
        all_under_asyncio(Mistaken(mistake))


def test_every_scenario_in_c_has_a_twin():
    import scenarios

    tools = {"add", "cancel", "step", "wrap"}
    in_c = {name for name in vars(scenarios) if not name.startswith("__")} - tools
    assert in_c == {scenario.name for scenario in SCENARIOS}
