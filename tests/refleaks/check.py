"""Runs each test several times, and tells which of them leave references: as CPython's own `-R 3:3`.

    PYTHON tests/refleaks/check.py [--share I/N] [PYTEST ARGUMENT ...]

What is counted are all references of the interpreter where that is a debug build, and memory blocks and the collector's
objects where it is not. A test leaks if each of its last runs leaves some; before that is said, it has to do so further times,
since what an interpreter or a test library sets aside comes to an end, and a leak does not.
"""

import collections
import gc
import itertools
import json
import linecache
import re
import sys
import warnings
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

TESTS = Path(__file__).parent.parent
WARM_UP, RUNS, FURTHER_RUNS = 3, 3, 12
DEBUG = hasattr(sys, "gettotalrefcount")


def clean_up():
    """Empties what keeps objects for good reasons: the caches of the interpreter and its libraries."""
    re.purge()
    linecache.clearcache()
    for module in list(sys.modules.values()):
        # Names of warnings that have been given once.
        names = getattr(module, "__dict__", None)
        # typing.io, up to Python 3.12, is a class.
        if isinstance(names, dict):
            names.pop("__warningregistry__", None)
    gc.collect()
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys._clear_type_cache()


def total():
    clean_up()
    return sys.gettotalrefcount() if DEBUG else sys.getallocatedblocks()


def census():
    """How many objects of each type the collector knows."""
    counts = collections.Counter()
    for kind in map(type, gc.get_objects()):
        counts[f"{kind.__module__}.{kind.__qualname__}"] += 1
    return counts


def forget_tracebacks(item):
    """Of exceptions that are a test's parameters: each time they are raised, they keep more."""
    values = list(item.callspec.params.values()) if hasattr(item, "callspec") else []
    for value in values:
        if isinstance(value, (tuple, list)):
            values += value
        elif isinstance(value, BaseException):
            value.__traceback__ = value.__context__ = None


def forget_requests(item):
    """What a module's fixture notes each time that one of the test's own uses it: that it ends later."""
    for definition in itertools.chain(*item._fixtureinfo.name2fixturedefs.values()):
        noted = []
        for finalizer in definition._finalizers:
            function = getattr(finalizer, "func", finalizer)
            if function not in [getattr(each, "func", each) for each in noted]:
                noted.append(finalizer)
        definition._finalizers[:] = noted


def is_told_apart(item):
    """Whether what a test leaves is its own."""
    # pytest keeps something for each folder that it makes. Such tests compile, and run, other programs.
    if "tmp_path" in item.fixturenames:
        return False
    # CPython 3.11 keeps the arguments of a call for whose frame it has no memory: `def outer(target): ...` is enough for that.
    if item.name == "test_making_them_without_memory":
        return False
    # Its wheel is a release build, which changes references without the interpreter's count of them all.
    return not (DEBUG and "uvloop" in item.nodeid)


class Leak:
    def __init__(self, item, growth, types):
        self.name, self.growth, self.types = item.nodeid, growth, types

    def __str__(self):
        counts = ", ".join(f"{number:+} {name}" for name, number in self.types)
        return f"{self.name} leaves {self.growth} each time ({counts})"


class RunsAgain:
    """A pytest plugin. Of the tests it takes each `processes`th, from number `process` on."""

    def __init__(self, process, processes):
        self.process, self.processes = process, processes
        self.tests, self.left_out, self.runs, self.leaks = 0, 0, 0, []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        mine = items[self.process :: self.processes]
        items[:] = filter(is_told_apart, mine)
        self.left_out += len(mine) - len(items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = self.run(item, nextitem, WARM_UP)
        if any(report.failed or report.skipped for report in reports):
            self.left_out += 1
        else:
            self.tests += 1
            self.look(item, nextitem)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def run(self, item, nextitem, times):
        """The reports of the last run, or of the first that is not passed."""
        for _ in range(times):
            self.runs += 1
            forget_tracebacks(item)
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
            forget_requests(item)
            if any(not report.passed for report in reports):
                break
        return reports

    def growths(self, item, nextitem, times):
        """What each run leaves; no further ones after one that leaves nothing."""
        before = total()
        for _ in range(times):
            self.run(item, nextitem, 1)
            after = total()
            yield after - before
            if after <= before:
                return
            before = after

    def look(self, item, nextitem):
        # A collection then looks at what the test itself makes, and takes no time.
        gc.freeze()
        if min(self.growths(item, nextitem, RUNS)) <= 0:
            return
        before = census()
        growth = list(self.growths(item, nextitem, FURTHER_RUNS))
        if min(growth) > 0:
            self.leaks.append(Leak(item, growth, (census() - before).most_common(5)))

    def pytest_terminal_summary(self, terminalreporter):
        for leak in self.leaks:
            terminalreporter.line(f"refleaks: {leak}")
        figures = {"tests": self.tests, "runs": self.runs, "leaks": len(self.leaks), "left_out": self.left_out}
        terminalreporter.line(f"refleaks: {json.dumps(figures)}")

    def pytest_sessionfinish(self, session):
        if self.leaks:
            session.exitstatus = 1


if __name__ == "__main__":
    # What finds a test's garbage must not depend on when it was last looked for.
    gc.disable()
    arguments = sys.argv[1:]
    share = (0, 1)
    if arguments[:1] == ["--share"]:
        share = map(int, arguments[1].split("/"))
        del arguments[:2]
    plugin = RunsAgain(*share)
    # Hypothesis looks for who holds an object, which a collector that is told to forget it cannot say.
    options = [f"--rootdir={TESTS.parent}", "-p", "no:hypothesispytest", "-q"]
    status = pytest.main([*options, *arguments], plugins=[plugin])
    sys.exit(status or bool(plugin.leaks))
