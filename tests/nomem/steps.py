"""The scenarios of tests/differential, written in C by hand or as bodies made of the twins, with memory failing inside their
steps.

What is raised then is the scenario's to handle, as any exception: the log may be another than without a failure, but says
where the MemoryError went. No SystemError is new, nothing is left, nothing crashes.
"""

import functools
import inspect
import re
import sys

import failing
import scenarios
from differential import by_hand, twins  # noqa: F401  (the twins register themselves)
from differential.record import NO_EXCEPTION, RECORDER, collect
from differential.scenario import SCENARIOS

STEPS = ("throw ValueError", "throw GeneratorExit", "close", "drop")
OUTSIDE_STEPS = ("Cancel", "Cancel and add")


class Armed:
    """A handle whose steps run out of memory."""

    def __init__(self, awaitable):
        self.awaitable = awaitable

    def send(self, value):
        return failing.call(self.awaitable.send, value)

    def throw(self, *arguments):
        return failing.call(self.awaitable.throw, *arguments)

    def close(self):
        return failing.call(self.awaitable.close)


class Driver(by_hand.Driver):
    def act(self, step):
        if step != "drop":
            return super().act(step)
        self.log("drop")
        self.handle = None
        failing.call(self.__dict__.__setitem__, "awaitable", None)
        collect()


class Run(by_hand.Run):
    def drive(self, env, side):
        try:
            awaitable = failing.call(side.make, env)
        except Exception as exception:
            env.log("not made", exception)
            return
        env.made(awaitable)
        driver = Driver(env, awaitable, self.place)
        del awaitable
        for step in self.steps:
            driver.act(step)
        driver.finish()


by_hand.PLACES["out of memory"] = lambda env, awaitable: Armed(awaitable)


class Scenario:
    """One run of a scenario: a case."""

    def __init__(self, scenario, side, steps, **how):
        self.scenario, self.side = scenario, side
        self.run = Run(steps, place="out of memory", **how)

    def __str__(self):
        return f"{self.scenario}: {self.run}"

    def __call__(self):
        with RECORDER.installed():
            return self, self.run.on(self.scenario, self.side)

    def may_hide(self):
        """Whether a MemoryError may end where nobody writes it down: what is raised when the last reference goes is for
        sys.unraisablehook, and CPython needs memory to call that."""
        return "drop" in self.run.steps or self.scenario.name in DISCARDING


# Their error callback fails otherwise than by -2, so that its own MemoryError gives way to the first exception.
DISCARDING = {"error_reraised_another_set"}


def lines(log):
    """Without the warnings, which may be lost where there is no memory to warn."""
    return [line for line in log if not line.startswith(("never awaited", "warning"))]


@functools.cache
def fails_silently(twin):
    """Whether a callback of the scenario fails without an exception, which is a SystemError, or returns with one. Without
    memory it may be called where it otherwise is not."""
    return re.search(r"raise SystemError|system_error\(", inspect.getsource(twin)) is not None


def system_errors(text):
    """How many there are, and of how many it is said that they are the interpreter's. Of one that is only handled nothing is
    said: what a `finally` discards is not counted."""
    numbers = set(re.findall(r"SystemError#\d+(?=\()", text))
    return len(numbers), sum(f"{number}({NO_EXCEPTION})" in text for number in numbers)


def has_lost_a_text(text, expected):
    """Up to 3.10 PyErr_SetString() without memory sets the exception without its text, and no MemoryError: here that of the
    scenarios' own callbacks."""
    without = re.compile(r"#\d+\(\)")
    return sys.version_info < (3, 11) and len(without.findall(text)) > len(without.findall(expected))


def has_lost_a_clean_up(text, expected):
    """One that has run out of memory before it logged: what it raises is for sys.unraisablehook, too."""
    return text.count("clean-up ") < expected.count("clean-up ")


def complain(seen, expected):
    case, log = seen
    got, before = lines(log), lines(expected[1])
    if got == before:
        return None
    text = "\n".join(got)
    (errors, interpreters), (expected_errors, _) = system_errors(text), system_errors("\n".join(before))
    if errors - interpreters > expected_errors and not fails_silently(case.scenario.twin):
        return f"SystemError:\n{text}"
    if text.count("does not end") > "\n".join(before).count("does not end"):
        return f"does not end:\n{text}"
    if interpreters:
        return f"{NO_EXCEPTION}:\n{text}"
    lost = has_lost_a_text(text, "\n".join(before)) or has_lost_a_clean_up(text, "\n".join(before))
    if "MemoryError" not in text and not case.may_hide() and not lost:
        return f"another outcome without a MemoryError:\n{text}"
    return None


# Their object is a native coroutine around one of ours. Without memory, throwing GeneratorExit into such a one loses what the
# look-up of `close` raises: CPython's gen_close_iter() says so to a hook that nobody can call then.
NATIVE = {"function_as_coroutine"}
C = by_hand.Side("C", scenarios)


def cases(few):
    """All of them, or only two for each scenario."""
    chosen = (each for each in SCENARIOS if each.loops is None and each.name not in NATIVE)
    return [case for scenario in chosen if not (few and scenario.variant) for case in cases_of(scenario, C, few)]


def translated(few):
    """The same of bodies, with two for each variant."""
    from differential import test_translated

    chosen = (each for each in test_translated.ALL if not (few and each.variant))
    return [case for each in chosen for case in cases_of(each, test_translated.C, few or each.variant)]


def cases_of(scenario, side, few):
    yield Scenario(scenario, side, ())
    if few:
        yield Scenario(scenario, side, ("next", "close"))
        return
    steps = STEPS + OUTSIDE_STEPS if scenario.outside else STEPS
    with RECORDER.installed():
        suspensions = by_hand.suspensions(scenario, side)
    for before in range(1, suspensions + 1):
        for step in steps:
            yield Scenario(scenario, side, ("next",) * before + (step,))
    if not scenario.variant:
        for kind in ("generator", "awaitable", "iterator with all", "wrapped"):
            yield Scenario(scenario, side, ("next", "throw ValueError"), kind=kind)
