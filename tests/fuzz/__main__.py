"""python -m fuzz: random programs on both sides, then random calls at the edge of the C API.

--programs N    how many programs; 0 for none
--calls N       how many calls
--seed N        for the programs
--first N       the first episode of calls: with --calls 1 that alone, as a failure has named it
--log FILE      has the seed of the episode that is under way, for one that crashes
"""

import argparse
import random
import sys
import time

from . import edge, search


def parse():
    parser = argparse.ArgumentParser(prog="fuzz", usage=__doc__)
    parser.add_argument("--programs", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--log", type=argparse.FileType("w"))
    return parser.parse_args()


def run_programs(count, seed):
    print(f"{count} programs, seed {seed}", flush=True)
    began, lines = time.perf_counter(), 0
    for number, first in enumerate(range(0, count, search.BATCH)):
        lines += search.search(min(search.BATCH, count - first), seed + number)
        print(f"{first} and {min(search.BATCH, count - first)} more", end="\r", flush=True)
    print(f"no difference; {lines} lines logged on each side, {time.perf_counter() - began:.0f} s", flush=True)


def run_calls(count, first, log):
    import _pyawaitable

    print(f"{count} calls of {_pyawaitable.__file__}", flush=True)
    began = time.perf_counter()
    made, stepped, episodes = edge.Edge().run(count, first, log)
    took = time.perf_counter() - began
    print(f"{made} calls and {stepped} steps in {episodes} episodes, nothing broken, {took:.0f} s", flush=True)


def main():
    options = parse()
    print(f"Python {sys.version.split()[0]}")
    if options.programs:
        run_programs(options.programs, options.seed)
    if options.calls:
        run_calls(options.calls, options.first, options.log)


main()
