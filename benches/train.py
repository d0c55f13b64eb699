"""What the library is profiled with: the cases of the benchmark, by callbacks and by bodies, and the rest of the C API.

    train.py FOLDER [SECONDS]

`make PGO=1` runs it with an instrumented library. The extensions are built into the folder. Each case runs at least once, and
for 0.3 seconds by default, all for the same time.
"""

import functools
import importlib
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pyawaitable

HERE = Path(__file__).resolve().parent
OPTIONS = ["-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]


def build(folder, name, source):
    includes = [f"-I{path}" for path in (sysconfig.get_path("include"), pyawaitable.include())]
    command = [*shlex.split(sysconfig.get_config_var("CC")), *OPTIONS, f"-DMODULE={name}", *includes]
    target = folder / (name + sysconfig.get_config_var("EXT_SUFFIX"))
    subprocess.run([*command, str(HERE / source), "-o", str(target)], check=True)


def train(run, unit, clock, seconds):
    n = unit
    started = clock()
    while True:
        run(n)
        if clock() - started >= seconds:
            return
        n = min(2 * n, unit * max(1, 20_000 // unit))


def main():
    folder = Path(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.3
    folder.mkdir(parents=True, exist_ok=True)
    build(folder, "contender_ours", "awaitables.c")
    build(folder, "contender_bodies", "bodies.c")
    build(folder, "training", "training.c")
    sys.path.insert(0, str(folder))
    training = importlib.import_module("training")
    import cases

    for name in ("ours", "bodies"):
        contender = cases.load(name)
        cases.check(contender)
        for case in cases.all_cases():
            if name not in case.unable:
                train(functools.partial(case.run, contender), case.unit, cases.clock, seconds)

    async def everything(n):
        for _ in range(n):
            assert await training.everything(cases.ready) == 7

    train(lambda n: cases.finish(everything(n)), 1, cases.clock, seconds)


if __name__ == "__main__":
    main()
