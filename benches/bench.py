"""Measures awaitables against those of `async def`. `make bench` builds what this needs, and runs it.

    bench.py [--quick] [CASE ...]

One process, the contenders in turn and in shuffled order, the minimum of many rounds: only the ratios are meaningful. Without
arguments it measures everything, and writes docs/benchmarks/. With --quick or names of cases, it writes to the build folder.
"""

import argparse
import gc
import json
import os
import platform
import random
import re
import shlex
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
BENCH = Path(sys.prefix).parent
if not (BENCH / ".built").is_file():
    # Beside another interpreter, files of this one's names are somebody else's.
    sys.exit(f"{sys.executable} is not the interpreter of `make bench` and `make counts`, which build what this needs")
DOCS = HERE.parent / "docs" / "benchmarks"
sys.path.insert(0, str(BENCH / "lib"))

import asgi  # noqa: E402
import cases  # noqa: E402
import report  # noqa: E402


class Plan:
    """How thoroughly to measure."""

    def __init__(self, quick):
        self.quick = quick
        self.seconds = 0.002 if quick else 0.022  # of one sample
        self.passes = 1 if quick else 5  # over all cases, so that a disturbance does not hit one alone
        self.rounds = 2 if quick else 5  # in each pass
        self.processes = 3 if quick else 15
        self.asgi_rounds = 1 if quick else 5
        self.asgi_seconds = 1 if quick else 3


def pin():
    """To one processor, if possible: the one that usually has the least other work."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


# ---- Timing --------------------------------------------------------------------------------------


def sample(case, contender, n):
    """Seconds."""
    gc.collect()
    start = cases.clock()
    seconds = case.run(contender, n)
    return cases.clock() - start if seconds is None else seconds


def calibrated(case, contender, seconds):
    """How many operations take at least this long."""
    n = case.unit
    took = sample(case, contender, n)
    while took < seconds:
        factor = 1.2 * seconds / max(took, seconds / 10)
        n = case.unit * int(n * factor / case.unit + 1)
        took = sample(case, contender, n)
    return n


class Contest:
    """One case, measured for all contenders that have it."""

    def __init__(self, case, contenders, plan):
        self.case = case
        self.contenders = {name: module for name, module in contenders.items() if name not in case.unable}
        self.plan = plan
        self.counts = {}
        self.best = dict.fromkeys(self.contenders, float("inf"))

    def measure(self, rounds):
        for name, module in self.contenders.items():
            if name not in self.counts:
                self.counts[name] = calibrated(self.case, module, self.plan.seconds)
        order = list(self.contenders)
        for _ in range(rounds):
            random.shuffle(order)
            for name in order:
                n = self.counts[name]
                self.best[name] = min(self.best[name], sample(self.case, self.contenders[name], n) / n)

    def result(self):
        nanoseconds = {name: round(seconds * 1e9, 1) for name, seconds in self.best.items()}
        return {"title": self.case.title, "ns": nanoseconds, "unable": self.case.unable}


def measure_cases(chosen, contenders, plan):
    contests = [Contest(case, contenders, plan) for case in chosen]
    gc.collect()
    gc.freeze()
    gc.disable()
    for number in range(plan.passes):
        print(f"pass {number + 1} of {plan.passes}:", end="", flush=True)
        for contest in contests:
            print(f" {contest.case.name}", end="", flush=True)
            contest.measure(plan.rounds)
        print(flush=True)
    gc.enable()
    return {contest.case.name: contest.result() for contest in contests}


# ---- What needs fresh processes ------------------------------------------------------------------

PENDING = """
import tracemalloc
import cases

N = 10_000

def traced(function):
    before = tracemalloc.get_traced_memory()[0]
    function()
    return (tracemalloc.get_traced_memory()[0] - before) / N

def made_by(function, arguments):
    made = [None] * N
    def make():
        for i in range(N):
            made[i] = function(arguments[i])
    return made, traced(make)

def step(made):
    outer = [cases.native.value(one) for one in made]
    def steps():
        for one in outer:
            one.send(None)
    return outer, traced(steps)

tracemalloc.start()
contender = cases.load({contender!r})
awaited = [cases.suspends(1) for _ in range(N)]
one, pending = made_by(contender.value, awaited)
alone, without = step([cases.suspends(1) for _ in range(N)])
outer, stepped = step(one)
twenty, with_20_values = made_by(contender.saved20, awaited)
fifty, with_50_awaits = made_by(contender.each, [awaited[:50] for _ in range(N)])
print(pending, stepped - without, with_20_values, with_50_awaits, flush=True)
os._exit(0)
"""

START_UP = """
import time
start = time.perf_counter()
import contender_{contender}
print(time.perf_counter() - start)
"""


def in_new_process(code):
    code = f"import os, sys; sys.path[:0] = {[str(HERE), str(BENCH / 'lib')]!r}\n{code}"
    # With cached bytecode, as what is installed has it.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(BENCH / "pycache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    output = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    return [float(number) for number in output.split()]


def measure_bytes(contenders):
    """The size of one pending object, and what its first step adds."""
    keys = ["one await", "first step", "20 saved values", "50 awaits"]
    return {name: dict(zip(keys, map(round, in_new_process(PENDING.format(contender=name))))) for name in contenders}


def measure_start_up(contenders, processes):
    """Microseconds for the import of an extension, with what it imports and initializes itself."""
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(processes):
        for name in contenders:
            (seconds,) = in_new_process(START_UP.format(contender=name))
            best[name] = min(best[name], seconds)
    return {name: round(seconds * 1e6) for name, seconds in best.items()}


# ---- Where it was measured -----------------------------------------------------------------------


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def first_line(*command):
    try:
        return subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).splitlines()[0]
    except (OSError, subprocess.CalledProcessError):
        return None


def versions():
    found = {"pyawaitable-rs": version("pyawaitable-rs"), "pyawaitable (original)": "2.0.1"}
    for name in ("cython", "uvloop", "trio", "uvicorn", "httptools"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["rustc"] = (first_line("rustc", "--version") or "").removeprefix("rustc ")
    found["cc"] = first_line(*sysconfig.get_config_var("CC").split(), "--version")
    found["wrk"] = asgi.wrk_version()
    return found


def build_options():
    """The options that say how it was built, and not where."""
    options = shlex.split(sysconfig.get_config_var("CONFIG_ARGS") or "")
    return " ".join(one for one in options if re.match(r"--(enable|disable|with|without)-[^/]*$", one))


def interpreter():
    free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return {
        "tag": "py{}{}{}".format(*sys.version_info[:2], free),
        "python": platform.python_version() + free,
        "compiler": platform.python_compiler(),
        "options": build_options(),
    }


def machine():
    system = " ".join([platform.system(), platform.machine(), *platform.libc_ver()])
    return {"processor": processor(), "processors": os.cpu_count(), "system": system}


# ---- All of it -----------------------------------------------------------------------------------


def chosen_cases(names):
    known = {case.name: case for case in cases.all_cases()}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise SystemExit(f"no such case: {' '.join(unknown)}. There are: {' '.join(known)}")
    return [known[name] for name in names] if names else list(known.values())


def loaded_contenders():
    found = {name: cases.load(name) for name in cases.CONTENDERS}
    for module in found.values():
        cases.check(module)
    return found


def measure_everything(plan, names):
    contenders = loaded_contenders()
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    pin()
    found = {**interpreter(), "profiled": bool(os.environ.get("PGO")), "machine": machine(), "versions": versions()}
    found["cases"] = measure_cases(chosen_cases(names), contenders, plan)
    if names:
        return found
    print("bytes, start-up", flush=True)
    found["bytes"] = measure_bytes(contenders)
    found["start-up"] = measure_start_up(contenders, plan.processes)
    if affinity is not None:
        os.sched_setaffinity(0, affinity)
    found["asgi"] = asgi.measure(plan.asgi_rounds, plan.asgi_seconds, BENCH / "lib")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: the figures mean little")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the table and the plot anew")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="measure these alone")
    options = parser.parse_args()
    partial = options.quick or options.cases
    folder = BENCH / "partial" if partial else DOCS
    if not options.report:
        found = measure_everything(Plan(options.quick), options.cases)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{found['tag']}.json"
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print("\n".join(report.tables(found)), flush=True)
    report.write(folder)


if __name__ == "__main__":
    main()
