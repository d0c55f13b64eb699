"""What a profile of the library is taken of: the cases of the benchmark, and the rest of the C API, for equal times.

    train.py FOLDER

`make PGO=1` runs it with a library that counts. The extensions are built into the folder.
"""

import importlib
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pyawaitable

HERE = Path(__file__).resolve().parent
# Of each case.
SECONDS = 0.3
OPTIONS = ["-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]


def build(folder, name, source):
    includes = [f"-I{path}" for path in (sysconfig.get_path("include"), pyawaitable.include())]
    command = [*shlex.split(sysconfig.get_config_var("CC")), *OPTIONS, f"-DMODULE={name}", *includes]
    target = folder / (name + sysconfig.get_config_var("EXT_SUFFIX"))
    subprocess.run([*command, str(HERE / source), "-o", str(target)], check=True)


def train(run, unit, clock):
    n = unit
    started = clock()
    while clock() - started < SECONDS:
        run(n)
        n = min(2 * n, unit * max(1, 20_000 // unit))


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    build(folder, "contender_ours", "awaitables.c")
    build(folder, "training", "training.c")
    sys.path.insert(0, str(folder))
    training = importlib.import_module("training")
    import cases

    ours = cases.load("ours")
    cases.check(ours)
    for case in cases.all_cases():
        train(lambda n, run=case.run: run(ours, n), case.unit, cases.clock)

    async def everything(n):
        for _ in range(n):
            assert await training.everything(cases.ready) == 7

    train(lambda n: cases.finish(everything(n)), 1, cases.clock)


if __name__ == "__main__":
    main()
