"""Runs other people's test suites, plain and with a trampoline under every coroutine.

    cd tests && python -m suites --build ../build/py311 [--record] [trio coroutines ...]

A test that comes out worse with the trampoline that is written in C than without is to be
explained in known.py.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import NamedTuple

from .comparison import MODES, Comparison, failures
from .definitions import PYTEST, SUITES

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PINS = ROOT / "requirements" / "suites.txt"
TABLE = ROOT / "docs" / "suites.md"

TIME_LIMIT = 1800  # seconds, for one run of a suite


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL, **options)


# ---- Where a suite is run ------------------------------------------------------------------------


class Place(NamedTuple):
    """The folder of a suite: its environment, its files, and what came out."""

    folder: Path

    @property
    def python(self):
        return self.folder / "venv" / "bin" / "python"

    @property
    def files(self):
        return self.folder / "files"

    def site_packages(self):
        (folder,) = self.folder.glob("venv/lib/python*/site-packages")
        return folder


def trampoline_wheel(build):
    """Built by setuptools, as anybody would, in a copy that takes the traces of it."""
    folder = build / "suites" / "trampoline"
    shutil.rmtree(folder, ignore_errors=True)
    source = shutil.copytree(HERE / "trampoline", folder / "source")
    options = ["--quiet", "--no-build-isolation", "--no-deps", "--wheel-dir", folder]
    run(sys.executable, "-m", "pip", "wheel", *options, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def pip(place, *arguments):
    run(place.python, "-m", "pip", "--quiet", *arguments)


def prepare(place, suite, wheels):
    """What comes from PyPI is fetched once for the same pins, what is built here each time."""
    stamp = place.folder / "stamp"
    wanted = repr((PINS.read_text(), suite.distribution, suite.requirements, suite.files))
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(place.folder, ignore_errors=True)
        run(sys.executable, "-m", "venv", place.folder / "venv")
        # What setup.py of a source distribution needs.
        pip(place, "install", "-c", PINS, "setuptools", "wheel")
        place.files.mkdir()
        if suite.distribution is not None:
            pip(place, "install", "-c", PINS, suite.distribution, *suite.requirements)
            unpack(place, suite)
        # pytest looks for its configuration upwards, and there is this project's.
        if "pyproject.toml" not in suite.files:
            place.files.joinpath("pytest.ini").write_text("[pytest]\n")
        stamp.write_text(wanted)
    pip(place, "install", "--no-index", "--no-deps", "--force-reinstall", *wheels)
    place.site_packages().joinpath("trampoline.pth").write_text("import trampoline.injection\n")


def unpack(place, suite):
    """Tests and their configuration alone: the library is the one that is installed."""
    if not suite.files:
        return
    download = place.folder / "download"
    options = ["--no-deps", "--no-binary", ":all:", "-c", PINS, "--dest", download]
    pip(place, "download", *options, suite.distribution)
    (archive,) = download.iterdir()
    with tarfile.open(archive) as source:
        for member in source.getmembers():
            member.name = member.name.partition("/")[2]
            if member.name.split("/")[0] in suite.files:
                source.extract(member, place.files)


# ---- Running it ----------------------------------------------------------------------------------


def run_suite(place, suite, mode):
    """What became of each test, as trampoline/outcomes.py has written it."""
    outcomes = place.folder / f"{mode}.json"
    outcomes.unlink(missing_ok=True)
    # Rewritten code must not be found by a run without, nor code of an older injection.
    bytecode = place.folder / "bytecode"
    shutil.rmtree(bytecode, ignore_errors=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "PATH": f"{place.python.parent}:{os.environ['PATH']}",
        "PYTHONPYCACHEPREFIX": str(bytecode),
        "TRAMPOLINE": MODES[mode],
        "TRAMPOLINE_PACKAGES": ",".join(suite.packages),
        "TRAMPOLINE_GENERATORS": "1" if suite.generators else "",
        "TRAMPOLINE_OUTCOMES": str(outcomes),
    }
    runner = ["trampoline.outcomes"] if suite.distribution is None else ["pytest", *PYTEST]
    log = place.folder / f"{mode}.log"
    command = [str(place.python), "-m", *runner, *suite.arguments]
    options = {"cwd": place.files, "env": environment, "timeout": TIME_LIMIT}
    with log.open("w") as output, contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            command,
            **options,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if not outcomes.is_file():
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
        raise SystemExit(f"{tail}\n{log}: it did not come to its end")
    return json.loads(outcomes.read_text())


def compare(name, build, wheels):
    suite = SUITES[name]
    place = Place(build / "suites" / name)
    prepare(place, suite, wheels)
    found = {mode: run_suite(place, suite, mode) for mode in MODES}
    return Comparison(name, found)


def restore_signals():
    """What started this, such as nohup or a shell's `&`, may ignore signals that suites test."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


# ---- The table -----------------------------------------------------------------------------------


HEAD = [
    "| suite | Python | tests run | fail plain | trampolines "
    "| only with callbacks | only with a body | only with `async def` |",
    "|---|---|---|---|---|---|---|---|",
]


def row(comparison):
    plain = comparison.found["plain"]
    ran = [test for test, outcome in plain["tests"].items() if outcome != "skipped"]
    cells = [
        title(comparison.name),
        platform.python_version(),
        f"{len(ran):,}",
        f"{len(failures(plain)):,}",
        f"{comparison.found['c']['made']:,}",
        f"{len(comparison.worse('c')):,}",
        f"{len(comparison.worse('body')):,}",
        f"{len(comparison.worse('native')):,}",
    ]
    return f"| {' | '.join(cells)} |"


def title(name):
    suite = SUITES[name]
    if suite.distribution is None:
        return ", ".join(f"`{module}`" for module in suite.arguments)
    (version,) = re.findall(rf"^{suite.distribution}==(\S+)", PINS.read_text(), re.MULTILINE)
    return f"{suite.distribution} {version}" + (", generators" if suite.generators else "")


def record(rows):
    """Rows of the same suite and interpreter are replaced, all others stay."""
    text = TABLE.read_text()
    start = text.index(HEAD[0])
    end = text.find("\n\n", start)
    old = text[start:end].splitlines()[2:]
    merged = {key(row): row for row in [*old, *rows]}
    table = "\n".join([*HEAD, *(merged[name] for name in sorted(merged))])
    TABLE.write_text(text[:start] + table + text[end:])


def key(row):
    suite, python = row.split(" | ")[:2]
    return suite, [int(part) for part in re.findall(r"\d+", python)[:2]][-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--record", action="store_true", help="write the table to docs/suites.md")
    parser.add_argument("suites", nargs="*", help=f"of {', '.join(SUITES)}; all by default")
    options = parser.parse_args()
    restore_signals()
    build = options.build.absolute()
    wheels = [*build.glob("wheels/*.whl"), trampoline_wheel(build)]
    rows, wrong = [], []
    possible = [name for name, suite in SUITES.items() if sys.version_info < suite.before]
    for name in options.suites or possible:
        started = time.monotonic()
        comparison = compare(name, build, wheels)
        complaints = [f"{name}: {complaint}" for complaint in comparison.complaints()]
        rows.append(row(comparison))
        wrong += complaints
        print(rows[-1], f"{time.monotonic() - started:.0f} s", *complaints, sep="\n", flush=True)
    print("\n", *HEAD, *rows, sep="\n")
    if options.record:
        record(rows)
    if wrong:
        raise SystemExit(f"{len(wrong)} complaints, see above")


if __name__ == "__main__":
    main()
