"""Finds a debug build of CPython, builds everything for it, and runs check.py there, in several processes.

    python tests/refleaks/run.py [PYTEST ARGUMENT ...]

DEBUG_PYTHON names the interpreter; else one is looked for on PATH (python3.14-dbg, python3.14d) and among pyenv's. Without
any, a release build's memory blocks are counted in place of references.
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
ROOT = TESTS.parent
# What runs in this process, and again and again; what only starts others leaves nothing here.
TESTED = [
    *("contract/test_names", "contract/test_callbacks", "contract/test_steps", "contract/test_python", "contract/test_failure"),
    *("test_values", "test_regressions", "test_units", "test_table", "test_compat_1x", "differential/test_loops"),
    *("test_functions", "test_arguments", "test_language", "test_bodies", "test_frames"),
    *("test_generators", "test_generator_objects", "test_generators_in_loops"),
]
# Tests of event loops wait for much of their time.
PROCESSES = 2 * (os.cpu_count() or 1)
QUESTION = 'import sys, venv; sys.gettotalrefcount(); print("py%d%dd" % sys.version_info[:2])'


def candidates():
    if os.environ.get("DEBUG_PYTHON"):
        yield os.environ["DEBUG_PYTHON"]
        return
    for minor in range(20, 8, -1):
        yield from filter(None, (shutil.which(f"python3.{minor}{suffix}") for suffix in ("-dbg", "d")))
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(map(str, root.glob("*/bin/python")), reverse=True)


def tag(python):
    """The folder of its builds, or None for what is no debug build."""
    try:
        finished = subprocess.run([python, "-I", "-c", QUESTION], capture_output=True, text=True, timeout=60)
    except OSError:
        return None
    return finished.stdout.strip() or None


def built(python, name):
    """The Python of an environment with the library and the extensions."""
    dropped = "VIRTUAL_ENV", "CARGO_TARGET_DIR", "PYO3_PYTHON"
    environment = {key: value for key, value in os.environ.items() if key not in dropped}
    make = [os.environ.get("MAKE", "make"), "--no-print-directory", "extensions", f"PYTHON={python}", f"TAG={name}"]
    subprocess.run(make, cwd=ROOT, env=environment, check=True)
    return ROOT / "build" / name / "venv" / "bin" / "python"


def main():
    found = next(((python, tag(python)) for python in candidates() if tag(python)), None)
    if found is None:
        if os.environ.get("DEBUG_PYTHON"):
            sys.exit(f"refleaks: {os.environ['DEBUG_PYTHON']} is no debug build of CPython")
        print("refleaks: no debug build of CPython is found (DEBUG_PYTHON=...): memory blocks of a release build count")
        python = sys.executable
    else:
        python = built(*found)
    selected = sys.argv[1:] or [str(TESTS / f"{name}.py") for name in TESTED]
    processes = [start(python, number, selected) for number in range(PROCESSES)]
    return report(processes, "references" if found else "memory blocks", python)


def start(python, number, selected):
    output = tempfile.TemporaryFile("w+", encoding="utf-8")
    command = [str(python), str(HERE / "check.py"), "--share", f"{number}/{PROCESSES}", *selected]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT), output


def report(processes, what, python):
    """What the processes say, with one line for all at the end; the exit status."""
    sums = collections.Counter()
    status = 0
    for process, output in processes:
        code = process.wait()
        if code != 5:  # that not one test was this process' to run
            status = status or code
        output.seek(0)
        for line in output:
            told = re.fullmatch(r"refleaks: (\{.*\})\n", line)
            if told:
                sums.update(json.loads(told[1]))
            else:
                print(line, end="")
    version = subprocess.run([str(python), "-VV"], capture_output=True, text=True, check=True).stdout.strip()
    print(
        f"refleaks: {sums['tests']} tests, {sums['runs']} runs, {sums['leaks']} leave {what}; {sums['left_out']} others "
        f"skipped, failed, or such that nothing can be told of them; {version}"
    )
    return bool(status or not sums["tests"])


if __name__ == "__main__":
    sys.exit(main())
