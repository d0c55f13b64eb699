"""Runs both twins, and shows what is different."""

import difflib
import re

from .record import RECORDER

SHOWN = 3

# A coroutine or generator that does not die when it is dropped: its frame may live on in the traceback of an exception that it
# handles, so that what it awaited is closed now or later. What follows in the log is not compared.
IGNORED = re.compile(r"unraisable RuntimeError#\d+\('(coroutine|async generator) ignored GeneratorExit'\)")


class Different(AssertionError):
    pass


def comparable(lines):
    for number, line in enumerate(lines):
        if IGNORED.match(line):
            return lines[: number + 1]
    return lines


def difference(run, native, other, names):
    lines = difflib.unified_diff(native, other, *names, n=100, lineterm="")
    return f"--- {run}\n" + "\n".join(lines)


def compare(scenario, runs, native, other):
    """Fails with the first few differences, and the names of all runs that differ. Returns the number of runs."""
    count, different = 0, []
    with RECORDER.installed():
        for run in runs:
            count += 1
            expected, got = run.on(scenario, native), run.on(scenario, other)
            if expected != got:
                different.append((run, expected, got))
    if different:
        names = native.name, other.name
        shown = "\n\n".join(difference(*each, names) for each in different[:SHOWN])
        rest = "\n".join(f"    {run}" for run, _, _ in different[SHOWN : SHOWN + 40])
        raise Different(
            f"{scenario}: {len(different)} of {count} runs differ\n\n{shown}\n\n"
            + (f"and {len(different) - SHOWN} more:\n{rest}" if rest else "")
        )
    return count
