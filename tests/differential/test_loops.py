"""Each scenario in C does what its `async def` does under every event loop, disturbed at every iteration."""

import sys

import pytest
import scenarios

from . import loops, twins  # noqa: F401  (the twins register themselves)
from .by_hand import Side
from .compare import compare
from .record import CHAINING_CUTS
from .scenario import SCENARIOS

NATIVE = Side("async def")
C = Side("C", scenarios)

HOSTS = ["asyncio", "uvloop", "trio", "anyio on asyncio", "anyio on trio"]
# A coroutine that is driven by hand while a loop runs, and exceptions that a loop does not catch.
NOT_HERE = ("busy", "raises KeyboardInterrupt", "raises GeneratorExit")


def library(host):
    """Whose words the sessions on a host use."""
    return {"uvloop": "asyncio"}.get(host, host.partition(" on ")[0])


def belongs(scenario, host):
    """Groups and deadlines are each library's own; asyncio has them from 3.11 on."""
    if scenario.loops is None:
        return scenario.variant not in NOT_HERE
    if host == "uvloop" or (host == "asyncio" and sys.version_info < (3, 11)):
        return False
    return library(host) in scenario.loops


def on(hosts, chosen, scenarios_=SCENARIOS):
    """For each host, each of its scenarios that is chosen."""
    pairs = [
        pytest.param(host, scenario, id=f"{host}-{scenario}")
        for host in hosts
        for scenario in scenarios_
        if chosen(scenario) and belongs(scenario, host)
    ]
    return pytest.mark.parametrize("where, scenario", pairs, indirect=["where"])


def plain(scenario):
    return not scenario.variant


def varied(scenario):
    return bool(scenario.variant)


@pytest.fixture(scope="module")
def where(request):
    """What runs sessions, and the library whose terms they use."""
    if request.param == "uvloop" and loops.uvloop is None:
        pytest.skip("uvloop does not exist for this Python: see the requirements of the tests")
    host = loops.new_host(request.param.rpartition(" on ")[2])
    yield host, library(request.param)
    host.close()


def same(where, scenario, hows, **run):
    host, api = where
    assert compare(scenario, loops.disturbed(scenario, NATIVE, host, api, hows, **run), NATIVE, C) > 0


def every_way(where, scenario):
    host, api = where
    ways, outside = loops.WAYS[api]
    hows = [*ways, *(outside if scenario.outside else ())]
    if CHAINING_CUTS and api == "asyncio" and str(scenario).startswith("group_of"):
        # Its __aexit__ raises the exception of the block again: what native loses of that traceback shows.
        hows.remove("task cancelled twice")
    return [how for how in hows if host.timed or how not in loops.TIMED]


@on(HOSTS, plain)
def test_every_way_to_run_it(where, scenario):
    same(where, scenario, every_way(where, scenario))


@on(["asyncio", "trio"], lambda scenario: varied(scenario) and scenario.loops is None)
def test_cancelled_at_every_iteration(where, scenario):
    same(where, scenario, ["awaited"])


@on(HOSTS, lambda scenario: varied(scenario) and scenario.loops is not None)
def test_groups_and_deadlines(where, scenario):
    same(where, scenario, ["awaited", "task"] if where[1] == "asyncio" else ["awaited", "started"])


@pytest.mark.parametrize("thrown", ["linger", "swallow", "answer", "translate"])
@on(["asyncio", "trio"], plain)
def test_inner_that_catches(where, scenario, thrown):
    same(where, scenario, ["awaited"], thrown=thrown)


@pytest.mark.parametrize("pauses", ["future", "timer"])
@on(["asyncio", "trio"], plain)
def test_other_suspensions(where, scenario, pauses):
    same(where, scenario, ["awaited"], pauses=pauses)


@pytest.mark.parametrize("kind", ["generator", "awaitable", "iterator with all", "asend", "wrapped"])
@on(["asyncio", "trio"], plain)
def test_every_kind_of_inner(where, scenario, kind):
    same(where, scenario, ["awaited"], kind=kind)
