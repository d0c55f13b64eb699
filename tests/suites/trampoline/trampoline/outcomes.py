"""Writes what became of each test, for pytest (`-p trampoline.outcomes`) and for unittest:

    python -m trampoline.outcomes test.test_coroutines test.test_asyncgen

The file, JSON, is named by the environment variable TRAMPOLINE_OUTCOMES.
"""

import json
import os
import sys
import unittest

from trampoline import injection

# From best to worst: what one test has come to is the worst of its parts.
PASSED, XFAILED, SKIPPED, FAILED = ORDER = ["passed", "xfailed", "skipped", "failed"]


class Outcomes:
    def __init__(self, path):
        self.path = path
        self.tests = {}
        self.messages = {}

    def add(self, name, outcome, message=""):
        self.tests[name] = max(self.tests.get(name, PASSED), outcome, key=ORDER.index)
        if outcome == FAILED:
            self.messages.setdefault(name, message)

    def write(self):
        found = {"tests": self.tests, "messages": self.messages, "made": injection.made}
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


def last_line(text):
    return text.strip().splitlines()[-1][:300] if text.strip() else ""


# ---- pytest --------------------------------------------------------------------------------------


class Plugin(Outcomes):
    def pytest_runtest_logreport(self, report):
        outcome = XFAILED if hasattr(report, "wasxfail") and report.skipped else report.outcome
        self.add(report.nodeid, outcome, message_of(report))

    def pytest_collectreport(self, report):
        if report.failed:
            self.add(report.nodeid, FAILED, message_of(report))

    def pytest_sessionfinish(self):
        self.write()


def message_of(report):
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message[:300] if crash is not None else last_line(str(report.longrepr or ""))


def pytest_configure(config):
    path = os.environ.pop("TRAMPOLINE_OUTCOMES", None)
    # Taken away, because the tests of pytest plugins run pytest themselves.
    if path is not None:
        config.pluginmanager.register(Plugin(path))


# ---- unittest ------------------------------------------------------------------------------------


class Result(unittest.TextTestResult):
    outcomes = None

    def startTest(self, test):
        super().startTest(test)
        self.outcomes.add(test.id(), PASSED)

    def addError(self, test, err):
        super().addError(test, err)
        self.outcomes.add(test.id(), FAILED, last_line(self.errors[-1][1]))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.outcomes.add(test.id(), FAILED, last_line(self.failures[-1][1]))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.outcomes.add(test.id(), FAILED, f"{subtest}: {err[1]!r}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.outcomes.add(test.id(), SKIPPED)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.outcomes.add(test.id(), XFAILED)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.outcomes.add(test.id(), FAILED, "unexpected success")


def main(names):
    Result.outcomes = Outcomes(os.environ.pop("TRAMPOLINE_OUTCOMES"))
    tests = unittest.defaultTestLoader.loadTestsFromNames(names)
    unittest.TextTestRunner(resultclass=Result, verbosity=2, warnings="default").run(tests)
    Result.outcomes.write()


if __name__ == "__main__":
    main(sys.argv[1:])
