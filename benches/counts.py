"""Counts instructions per operation, which do not depend on the machine's other work.

    counts.py [--write | --caches] [CASE ...]

Runs the cases of the benchmark, this library, by callbacks and by bodies, and `async def`, once under `valgrind
--tool=callgrind`, and compares with what was recorded for this version of Python in benches/counts-<tag>.json: an increase of
more than 3 % in any case fails, unless `async def` takes as much more. If the interpreter or a compiler differs from that
recording, the counts cannot be the same; the ratios to `async def` are compared instead, and may differ by more. The profiles
stay in build/<tag>/bench/counts, for hotspots.py.
"""

import argparse
import functools
import gc
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import bench  # which makes the contenders importable
import cases
import counting

HERE = Path(__file__).resolve().parent
PROFILES = bench.BENCH / "counts"
# By callbacks and by bodies.
OURS = ("ours", "bodies")
COUNTED = (*OURS, "native")
# Operations: a case is counted with so many and with twice as many, and the difference is what is looked at. A multiple
# of what the cases put into one object.
N = 500
ALLOWED = 1.03
# Other builds of an interpreter have changed the ratio to its own coroutines by up to 7 %.
ALLOWED_ELSEWHERE = 1.15


# ---- Inside valgrind -----------------------------------------------------------------------------


def able(case):
    return [name for name in COUNTED if name not in case.unable]


def count_case(case):
    for name in able(case):
        run = functools.partial(case.run, cases.load(name))
        run(N)
        run(2 * N)
        for n in (N, 2 * N):
            gc.collect()
            counting.counted(f"{case.name}/{name}/{n}", run, n)


def count_all(chosen):
    gc.collect()
    gc.freeze()
    gc.disable()
    counting.start()
    for case in chosen:
        print(f" {case.name}", end="", flush=True)
        count_case(case)
    counting.stop()
    print()
    sys.stdout.flush()
    os._exit(0)


# ---- Outside -------------------------------------------------------------------------------------


def run_valgrind(names, *options):
    shutil.rmtree(PROFILES, ignore_errors=True)
    PROFILES.mkdir(parents=True)
    command = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", *options]
    command += [f"--callgrind-out-file={PROFILES / 'profile'}", sys.executable, __file__, "--inside", *names]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    print("counting:", end="", flush=True)
    subprocess.run(command, env=environment, check=True)


def read_profiles():
    """{(case, contender, n): instructions}; each file is renamed after its contents."""
    found = {}
    for path in PROFILES.glob("profile.*"):
        text = path.read_text(encoding="utf-8", errors="replace")
        told = re.search(r"^desc: Trigger: Client Request: (\S+)$", text, re.M)
        if told is None:
            continue
        case, contender, n = told[1].split("/")
        found[case, contender, int(n)] = int(re.search(r"^(?:totals|summary): (\d+)", text, re.M)[1])
        path.rename(PROFILES / f"{case}.{contender}.{n}")
    return found


def per_operation(instructions, case, contender):
    return (instructions[case, contender, 2 * N] - instructions[case, contender, N]) / N


def count(names):
    """{case: {contender: instructions per operation}}"""
    run_valgrind(names)
    instructions = read_profiles()
    return {
        case.name: {name: round(per_operation(instructions, case.name, name), 1) for name in able(case)}
        for case in bench.chosen_cases(names)
    }


def show_misses(names):
    """How many cache lines of code each operation fetches again, with a simulated instruction cache."""
    run_valgrind(names, "--cache-sim=yes", "--I1=32768,8,64")
    read_profiles()
    for case, chosen in zip(names, bench.chosen_cases(names)):
        for name in able(chosen):
            misses = {}
            for n in (N, 2 * N):
                text = (PROFILES / f"{case}.{name}.{n}").read_text(encoding="utf-8", errors="replace")
                events = re.search(r"^events: (.+)", text, re.M)[1].split()
                totals = re.search(r"^(?:totals|summary): (.+)", text, re.M)[1].split()
                misses[case, name, n] = int(totals[events.index("I1mr")])
            print(f"{case}, {cases.CONTENDERS[name]}: {per_operation(misses, case, name):.1f} misses for each operation")


def surroundings():
    """What must be the same for counts to be the same."""
    told = bench.versions()
    interpreter = bench.interpreter()
    found = {key: interpreter[key] for key in ("python", "compiler", "options")}
    found["libc"] = " ".join(platform.libc_ver())
    return {**found, **{key: told.get(key) for key in ("rustc", "cc", "uvloop", "trio")}}


# ---- Comparing -----------------------------------------------------------------------------------


def compare(recorded, counts, allowed, by_ratio):
    """The lines for all cases, and those for the cases that fail."""
    lines, failed = [], []
    for case, now in counts.items():
        then = recorded.get(case, {})
        for side in OURS:
            if side not in now:
                continue
            named = case if side == "ours" else f"{case} ({side})"
            if side not in then:
                lines.append(f"{named}: {now[side]:,.0f} instructions, none written down")
                continue
            ratios = [both[side] / both["native"] for both in (now, then)]
            line = f"{named}: {now[side]:,.0f} instructions, {then[side]:,.0f} written down"
            line += f"; {ratios[0]:.3f} times async def's, {ratios[1]:.3f} written down"
            # What an event loop does beside varies, for async def as well.
            by_ratio_grown = ratios[0] / ratios[1]
            grown = by_ratio_grown if by_ratio else min(by_ratio_grown, now[side] / then[side])
            line += f": {grown - 1:+.1%}"
            lines.append(line)
            if grown > allowed:
                failed.append(line)
    return lines, failed


def check(path, counts, everything):
    if not path.exists():
        raise SystemExit(f"{path.name} is not there: make counts-write makes it")
    recorded = json.loads(path.read_text(encoding="utf-8"))
    here = surroundings()
    other = [f"{key}: {value}, not {recorded.get(key)}" for key, value in here.items() if recorded.get(key) != value]
    if other:
        print("counted elsewhere, so that only ratios to async def can be compared:", *other, sep="\n  ")
    allowed = ALLOWED_ELSEWHERE if other else ALLOWED
    lines, failed = compare(recorded["counts"], counts, allowed, by_ratio=bool(other))
    print(*lines, sep="\n")
    left_out = sorted(set(recorded["counts"]) - set(counts))
    if left_out:
        print("not counted:", *left_out)
    if failed:
        print(f"\nmore than {allowed - 1:.0%} up:", *failed, sep="\n  ")
    vanished = left_out if everything else []
    if vanished:
        print("\nwritten down, and counted no more:", *vanished)
    if failed or vanished:
        raise SystemExit(1)
    print(f"{len(lines)} counts, none is more than {allowed - 1:.0%} up")


def write(path, counts, everything):
    recorded = {**surroundings(), "counts": counts}
    if not everything:
        before = json.loads(path.read_text(encoding="utf-8"))
        other = [key for key, value in surroundings().items() if before.get(key) != value]
        if other:
            raise SystemExit(f"the others were counted elsewhere ({', '.join(other)}): write all down, or none")
        recorded["counts"] = {**before["counts"], **counts}
    path.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
    print(f"written down in {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the counts down: of these cases, or of all")
    parser.add_argument("--caches", action="store_true", help="count what misses a cache of 32 KiB for instructions instead")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="count these alone")
    options = parser.parse_args()
    chosen = [case for case in bench.chosen_cases(options.cases) if case.counted]
    if options.inside:
        count_all(chosen)
    if shutil.which("valgrind") is None or not counting.AVAILABLE:
        print("nothing was counted: valgrind, or its header callgrind.h, is not there")
        return None
    if options.caches:
        return show_misses([case.name for case in chosen])
    counts = count([case.name for case in chosen])
    path = HERE / f"counts-{bench.interpreter()['tag']}.json"
    if options.write:
        write(path, counts, everything=not options.cases)
    else:
        check(path, counts, everything=not options.cases)


if __name__ == "__main__":
    main()
