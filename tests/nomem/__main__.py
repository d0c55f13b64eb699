"""Every allocation in turn fails, inside every call of the library.

    cd tests && python -m nomem [--fast] [--every N] [--jobs 2] [--kinds KIND ...]

Seven kinds of cases: `entries` (one call on one object), `steps` (the scenarios of tests/differential), `bodies` (each
construct of bodies in C), `generators`, `outside` (what waits for threads), `translated` (the twins of tests/differential as
bodies), `first use`. Each case is run once for each allocation that it makes inside the library's calls, that allocation alone
failing, then once more for each with all later ones of that call failing, too. Cases run in processes of their own, which say
where they are: a crash has a name, and the next process goes on behind it.

Some interpreters do badly out of memory: a function of CPython's crashes, or fails without an exception. Where the same
function alone, called without the library, does the same on the same interpreter, that is counted apart.
"""

import argparse
import collections
import functools
import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
sys.path.insert(0, str(TESTS))
SHOWN = 20

from differential.record import NO_EXCEPTION  # noqa: E402

# ---- In a process of its own ---------------------------------------------------------------------


def load_hook(name="failing"):
    from compiling import compile_extension, load_extension

    folder = tempfile.mkdtemp()
    try:
        hook = load_extension(compile_extension(folder, name, [HERE / f"{name}.c"]))
    finally:
        shutil.rmtree(folder)
    sys.modules[name] = hook
    return hook


def all_cases(kind, fast, every):
    if kind == "entries":
        from . import entries

        return entries.CASES[::every], entries.complain
    if kind == "first use":
        return [kind], None
    if kind == "bodies":
        load_hook("blocks")
        from . import bodies

        return bodies.cases(fast)[::every], bodies.complain
    if kind == "generators":
        from . import generators

        return generators.cases(fast)[::every], generators.complain
    if kind == "outside":
        from . import outside

        return outside.cases(fast)[::every], outside.complain
    from . import steps

    made = steps.translated(fast) if kind == "translated" else steps.cases(fast)
    return made[::every], steps.complain


def work(kind, first, last, begin, fast, every):
    """Cases first to last - 1, from the point `begin` of the first one on, as lines of JSON."""
    load_hook()

    def tell(**what):
        os.write(1, (json.dumps(what) + "\n").encode())

    if kind == "first use":
        from . import first_use

        for mode, number, complaint in first_use.sweep():
            tell(at=[0, mode, number])
            if complaint is not None:
                tell(case=0, name=kind, mode=mode, number=number, complaint=complaint)
        tell(done=0)
        return
    from .sweep import sweep

    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda arguments: None
    cases, complain = all_cases(kind, fast, every)
    for case in cases:
        str(case)
    gc.collect()
    gc.freeze()
    for index in range(first, min(last, len(cases))):
        case = cases[index]

        def at(mode, number, index=index):
            os.write(1, b'{"at": [%d, "%b", %d]}\n' % (index, mode.encode(), number))

        tell(begun=str(case))
        for mode, number, complaint in sweep(case, complain, at, begin if index == first else (None, 0)):
            if complaint is not None:
                tell(case=index, name=str(case), mode=mode, number=number, complaint=complaint)
        tell(done=index)


# ---- All of them ---------------------------------------------------------------------------------


class Wrong:
    """Something that went wrong at a point of failure."""

    def __init__(self, case, name, mode, number, complaint):
        self.case, self.name, self.mode, self.number, self.complaint = case, name, mode, number, complaint

    def __str__(self):
        return f"{self.name}: allocation {self.number} ({self.mode}): {self.complaint}"


class Work:
    """A stretch of cases, in as many processes as it takes."""

    def __init__(self, kind, first, last, options):
        self.kind, self.first, self.last, self.options = kind, first, last, options
        self.points, self.cases, self.wrong, self.name = 0, 0, [], kind

    def run(self):
        begin = None, 0
        first = self.first
        while first < self.last:
            process = self.process(first, begin)
            at = self.read(process.stdout)
            errors = process.stderr.read()
            process.stdout.close()
            process.stderr.close()
            if process.wait() == 0:
                break
            if at is None:
                raise SystemExit(f"{self.kind} {first}: exit status {process.returncode}\n{errors}")
            first, mode, number = at
            complaint = f"exit status {process.returncode}:\n{errors}"
            self.wrong.append(Wrong(first, self.name, mode, number, complaint))
            begin = mode, number + 1
        return self

    def process(self, first, begin):
        arguments = json.dumps([self.kind, first, self.last, begin, self.options.fast, self.options.every])
        return subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "nomem", "--work", arguments],
            cwd=TESTS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def read(self, lines):
        """Where it was when the lines ended."""
        at = None
        for line in lines:
            told = json.loads(line)
            if "at" in told:
                at = told["at"]
                self.points += 1
            elif "begun" in told:
                self.name = told["begun"]
            elif "done" in told:
                self.cases += 1
            else:
                self.wrong.append(Wrong(**told))
        return at


def count(kind, options):
    command = [sys.executable, "-m", "nomem", "--count", kind, "--every", str(options.every)] + ["--fast"] * options.fast
    return int(subprocess.run(command, cwd=TESTS, check=True, stdout=subprocess.PIPE).stdout)


# What CPython's functions do without memory, and the functions of alone.py that only call them.
CRASHING = {"PyErr_ResourceWarning": "warn"}
# Of a first use, which makes types.
CRASHED_IN_CHILD = f"exit status {-signal.SIGSEGV}"
FRAME = re.compile(r"/([^/\n]*)\((\w*)[+\w]*\)\[0x\w+\]$", re.M)


def function_that_crashed(errors):
    """The function that the library had called, by the frames that failing.c writes; None where it was the library itself."""
    called = None
    for library, function in FRAME.findall(errors):
        if library.startswith("_pyawaitable"):
            return called
        called = function
    return None


@functools.cache
def fails_alone(name):
    """Whether it goes wrong on this interpreter without the library."""
    command = [sys.executable, "-m", "nomem", "--alone", name]
    return subprocess.run(command, cwd=TESTS, stderr=subprocess.DEVNULL).returncode != 0


def cpythons(wrong):
    """What of CPython's went wrong here, if it does so alone as well."""
    function = function_that_crashed(wrong.complaint)
    if function in CRASHING and fails_alone(CRASHING[function]):
        return f"{function} crashes"
    if wrong.complaint == CRASHED_IN_CHILD and fails_alone("fill"):
        return "making a type crashes"
    if wrong.complaint.startswith(NO_EXCEPTION) and fails_alone("lose"):
        return NO_EXCEPTION
    return None


# The kinds, and how many cases of each a process gets.
STRETCH = {
    "first use": 1,
    "entries": 60,
    "steps": 20,
    "bodies": 20,
    "generators": 20,
    "outside": 20,
    "translated": 20,
}


def report(kind, options):
    started = time.monotonic()
    total = count(kind, options)
    step = STRETCH[kind]
    stretches = [Work(kind, first, min(first + step, total), options) for first in range(0, total, step)]
    with ThreadPoolExecutor(options.jobs) as pool:
        done = list(pool.map(Work.run, stretches))
    wrong = [each for work in done for each in work.wrong]
    ours = [each for each in wrong if cpythons(each) is None]
    own = collections.Counter(filter(None, map(cpythons, wrong)))
    for each in ours[:SHOWN]:
        print(f"nomem: {each}")
    if len(ours) > SHOWN:
        print(f"nomem: and {len(ours) - SHOWN} more, of", *sorted({each.name.partition(":")[0] for each in ours[SHOWN:]}))
    for name, number in own.items():
        print(f"nomem: {number} times {name}, as it does without the library")
    cases, points = sum(work.cases for work in done), sum(work.points for work in done)
    print(
        f"nomem: {kind}: {cases} cases, {points} points of failure, {len(ours)} wrong, "
        f"{len(wrong) - len(ours)} of CPython's own, {time.monotonic() - started:.0f} s"
    )
    return not ours and cases == total


def main():
    parser = argparse.ArgumentParser(prog="nomem", description=__doc__.partition("\n")[0])
    parser.add_argument("--fast", action="store_true", help="fewer scenarios")
    parser.add_argument("--every", type=int, default=1, help="one case of so many")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--kinds", nargs="*", default=["first use", "entries", "steps", "bodies", "generators", "outside", "translated"]
    )
    parser.add_argument("--work", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--count", help=argparse.SUPPRESS)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(*options.work)
    if options.alone:
        load_hook()
        from . import alone

        return sys.exit(alone.goes_wrong(options.alone))
    if options.count:
        load_hook()
        return print(len(all_cases(options.count, options.fast, options.every)[0]))
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        sys.exit("nomem: a free-threaded build cannot change its allocators while it runs")
    wrong = [kind for kind in options.kinds if not report(kind, options)]
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
