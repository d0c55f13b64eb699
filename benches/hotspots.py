"""Shows where the instructions that `make counts` has counted are spent: the functions of each operation.

    hotspots.py CASE/CONTENDER ...                for example: value/ours value/native

Reads what counts.py has left in build/<tag>/bench/counts. callgrind_annotate cannot: of one process's profiles, only the first
spells out a name.
"""

import argparse
import collections
import re
import sys

import counts

OPERATIONS = 2 * counts.N


def names():
    """{number: function}, of all profiles."""
    found = {}
    for path in counts.PROFILES.iterdir():
        found.update(re.findall(r"^c?fn=\((\d+)\) (.+)$", path.read_text(errors="replace"), re.M))
    return found


def cost(case, contender):
    """{number of a function: instructions in itself}, of the longer of the two runs."""
    path = counts.PROFILES / f"{case}.{contender}.{OPERATIONS}"
    if not path.exists():
        sys.exit(f"{path} is not there: `make counts COUNTS_ARGS={case}` makes it")
    found = collections.Counter()
    function, called = None, False
    for line in path.read_text(errors="replace").splitlines():
        if entered := re.match(r"fn=\((\d+)\)", line):
            function = entered[1]
        elif line.startswith("calls="):
            called = True  # the next line has what the call took
        elif spent := re.match(r"[-+*\d]\S* (\d+)$", line):
            if not called:
                found[function] += int(spent[1])
            called = False
    return found


def show(case, contender, least):
    each = {number: instructions / OPERATIONS for number, instructions in cost(case, contender).items()}
    known = names()
    print(f"{case}, {counts.bench.cases.CONTENDERS[contender]}: {sum(each.values()):,.0f} instructions")
    for number, instructions in sorted(each.items(), key=lambda item: -item[1]):
        if instructions >= least:
            print(f"{instructions:8.0f}  {known.get(number, number)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--least", type=float, default=10, help="leave out functions with fewer instructions")
    parser.add_argument("profiles", nargs="+", metavar="CASE/CONTENDER")
    options = parser.parse_args()
    for name in options.profiles:
        show(*name.split("/"), options.least)


if __name__ == "__main__":
    main()
