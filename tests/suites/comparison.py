"""What differs between runs of a suite, and whether that is explained.

A suite is run three times: plain, with the trampoline that is written in C, and with an `async def`
in its place, which tells what is due to an await more than there was.
"""

from typing import NamedTuple

from .known import INJECTION, KNOWN

# What the environment variable TRAMPOLINE is in each.
MODES = {"plain": "", "c": "c", "body": "body", "native": "native"}
# In C: by callbacks and as a body.
IN_C = ("c", "body")
# Some tests of others fail on machines that are not theirs; where many do, nothing can be compared.
FAIL_PLAIN = 0.01
# From best to worst.
ORDER = ["passed", "xfailed", "skipped", "failed"]


def failures(found):
    return {test for test, outcome in found["tests"].items() if outcome == "failed"}


def worse(plain, found):
    """Tests that came out worse than plain, those that were not run at all included."""
    ranks = {test: ORDER.index(outcome) for test, outcome in plain["tests"].items()}
    for test in ranks:
        outcome = found["tests"].get(test, "failed")
        if ORDER.index(outcome) > ranks[test]:
            yield test
    yield from failures(found) - set(ranks)


class Comparison(NamedTuple):
    name: str
    found: dict  # what came of it, by mode

    def worse(self, mode):
        return set(worse(self.found["plain"], self.found[mode]))

    def complaints(self):
        native = self.worse("native")
        known = [entry for entry in KNOWN if entry.suite == self.name and entry.here()]
        for mode in IN_C:
            alone = self.worse(mode)
            for test in sorted(alone):
                explained = [entry for entry in known if entry.explains(test)]
                if not explained:
                    message = self.found[mode]["messages"].get(test, "not failed, but not passed either")
                    also = " (with async def, too)" if test in native else ""
                    yield f"{mode}: not explained: {test}{also}: {message}"
                # Not the very test, since a warning of the collector counts where it happens to run.
                elif explained[0].cause == INJECTION and not any(map(explained[0].explains, native)):
                    yield f"{mode}: said to be the injection's, but passes with async def: {test}"
            for entry in known:
                if not any(map(entry.explains, alone)):
                    yield f"{mode}: explained, but does not fail: {entry.test}"
        plain = self.found["plain"]
        if len(failures(plain)) > FAIL_PLAIN * len(plain["tests"]):
            yield f"plain: {len(failures(plain))} of {len(plain['tests'])} tests fail without a trampoline, too"
        for mode in (*IN_C, "native"):
            if self.found[mode]["made"] == 0:
                yield f"{mode}: no trampoline was reached"
