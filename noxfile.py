"""What is done for every CPython that is found: `make test-all` and `make wheels`.

The work on one interpreter is make's, in a virtual environment and a target folder of its own.
"""

import functools
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import NamedTuple, Optional

import nox

HERE = Path(__file__).parent
DIST = HERE / "dist"
# The lines that are reported, and the whole output of each interpreter.
RECORDS = HERE / "build" / "matrix"

# The t is that of a free-threaded build.
VERSIONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.13t", "3.14t", "3.15t"]
# pyo3-ffi's oldest free-threaded target is 3.14: 3.13t is tested, and no wheel is made for it.
WITHOUT_WHEEL = ["3.13t"]
# The newest glibc that a wheel may need: manylinux_2_28.
NEWEST_GLIBC = (2, 28)

# `SUITE=reduced`: what takes long, and says little that is new on one interpreter more.
REDUCED = [
    "-m",
    "not builds",
    "--ignore=tests/test_scale.py",
    "--ignore=tests/test_header.py",
    "--ignore=tests/test_dialects.py",
    "--ignore=tests/test_body_dialects.py",
    "--ignore=tests/test_wrong_bodies.py",
    "--ignore=tests/test_variadic.py",
    "--ignore=tests/test_versions.py",
    "--deselect=tests/test_define.py::test_without_an_interpreter_to_compile_it_the_source_is_compiled_by_the_first_function",
    "--deselect=tests/test_how_to.py::test_what_c_cannot_express",
    "--deselect=tests/test_memory.py::test_nothing_is_left_after_many_rounds",
    "--ignore=tests/fuzz/test_fuzz.py",
    "--ignore=tests/fuzz/test_written.py",
    "--ignore=tests/test_paths.py",
    "--ignore=tests/test_builds.py",
    "--ignore=tests/test_examples.py",
    "--ignore=tests/sqlite_driver",
    "--ignore=tests/suites",
    "--deselect=tests/nomem/test_nomem.py::test_every_allocation_in_turn_fails[steps]",
    "--deselect=tests/nomem/test_nomem.py::test_every_allocation_in_turn_fails[translated]",
    "--differential-one-in=64",
]

# A free-threaded collection visits every object there is, and the differential tests collect after
# every step: hours.
FREE_THREADED = ["--ignore=tests/differential", "--ignore=tests/fuzz/test_fuzz.py", "--ignore=tests/fuzz/test_written.py"]

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["tests", "report"]
nox.options.envdir = "build/nox"


# ---- Finding interpreters ------------------------------------------------------------------------


class Interpreter(NamedTuple):
    """A CPython that extensions can be built for."""

    path: str
    version: str  # 3.13, 3.13t
    release: str  # 3.13.0, 3.13.0t

    @property
    def tag(self):
        """What the Makefile calls the folder of its builds."""
        profiled = "-pgo" if os.environ.get("PGO") else ""
        return f"py{self.version.replace('.', '')}{profiled}"


QUESTION = """
import os, sys, sysconfig
import ensurepip, venv
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
header = os.path.join(sysconfig.get_path("include"), "Python.h")
if sys.implementation.name == "cpython" and os.path.isfile(header):
    print("%d.%d" % sys.version_info[:2] + free, "%d.%d.%d" % sys.version_info[:3] + free)
"""


@functools.cache
def identify(path) -> Optional[Interpreter]:
    """None for what is no interpreter, no CPython, or has no headers or no venv."""
    try:
        finished = subprocess.run(
            [path, "-I", "-c", QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    answer = finished.stdout.split()
    return Interpreter(path, *answer) if len(answer) == 2 else None


def default_interpreter():
    """The one that make was given."""
    name = os.environ.get("PYTHON", "python3")
    found = identify(name)
    if found is None:
        sys.exit(f"{name} is no CPython with headers and venv: name another with `make PYTHON=...`")
    return found


def candidates(version):
    yield os.environ.get("PYTHON", "python3")
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    folders = root.glob(version.rstrip("t") + "*")
    yield from (
        str(folder / "bin" / "python")
        for folder in sorted(folders, key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)], reverse=True)
    )
    yield f"python{version}"


def find(version) -> Optional[Interpreter]:
    found = (identify(candidate) for candidate in candidates(version))
    return next((one for one in found if one is not None and one.version == version), None)


# ---- Tests ---------------------------------------------------------------------------------------


def make(*arguments, log=None):
    """Run make, its output shown and kept in a file: the exit status and the output."""
    command = [os.environ.get("MAKE", "make"), "--no-print-directory", *arguments]
    process = subprocess.Popen(
        command,
        cwd=HERE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = []
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    output = "".join(lines)
    if log is not None:
        log.write_text(output, encoding="utf-8")
    return process.wait(), output


def what_to_make(interpreter):
    """What is the same for all interpreters is done for the one that make was given."""
    left_out = REDUCED if reduced() else []
    if interpreter.version.endswith("t"):
        left_out = left_out + FREE_THREADED
    options = [f"PYTEST_ARGS={shlex.join(left_out)}"] if left_out else []
    if reduced():
        return ["pytest", *options]
    if interpreter == default_interpreter():
        return ["test", *options]
    return ["clippy", "pytest", *options]


def reduced():
    return os.environ.get("SUITE") == "reduced"


def summary(status, output, seconds):
    """`passed, 123 tests in 45 s`, of the last line of pytest that has one."""
    lines = re.findall(r"^=+ (.*\b(?:passed|failed|errors?)\b.*) in [\d.]+s.*=+$", output, re.M)
    counts = re.findall(r"(\d+) (\w+)", lines[-1]) if lines else []
    numbers = {name.rstrip("s"): int(number) for number, name in counts}
    passed = numbers.get("passed", 0)
    bad = numbers.get("failed", 0) + numbers.get("error", 0)
    notes = "".join(f", {numbers[name]} {name}" for name in ("skipped", "xfailed") if name in numbers)
    if reduced():
        notes += ", reduced"
    if status == 0 and passed:
        return f"passed, {passed} tests in {seconds:.0f} s{notes}"
    if bad:
        return f"failed, {bad} of {passed + bad} tests in {seconds:.0f} s{notes}"
    target = re.search(r"^make.*\*\*\* \[(?:.*: )?(.+?)\] Error", output, re.M)
    return f"failed, in {target.group(1) if target else 'make'} after {seconds:.0f} s"


# What this run has to report; the files are for whoever runs nox several times.
REPORTED = []


def record(version, line):
    RECORDS.mkdir(parents=True, exist_ok=True)
    (RECORDS / f"{version}.txt").write_text(line + "\n", encoding="utf-8")


@nox.session(venv_backend="none")
@nox.parametrize("version", VERSIONS, ids=VERSIONS)
def tests(session, version):
    """Run the tests on one interpreter."""
    interpreter = find(version)
    REPORTED.append(version)
    if interpreter is None:
        record(version, f"{version}: not found")
        session.skip("not found")
    record(version, f"{interpreter.release}: failed, not finished")
    started = time.monotonic()
    log = RECORDS / f"{version}.log"
    status, output = make(*what_to_make(interpreter), f"PYTHON={interpreter.path}", log=log)
    line = summary(status, output, time.monotonic() - started)
    record(version, f"{interpreter.release}: {line}")
    if not line.startswith("passed"):
        session.error(f"see {log.relative_to(HERE)}")


@nox.session(venv_backend="none")
def report(session):
    """Print a line for each interpreter that `tests` has looked for."""
    lines = [(RECORDS / f"{version}.txt").read_text(encoding="utf-8") for version in REPORTED]
    print("".join(lines), end="")
    if any(": failed" in line for line in lines):
        session.error("not every interpreter passed")
    if not any(": passed" in line for line in lines):
        session.error("no interpreter was found")


# ---- Wheels --------------------------------------------------------------------------------------


def made(folder, pattern):
    (path,) = (HERE / "build" / folder).glob(pattern)
    return path


@nox.session(venv_backend="none")
def wheels(session):
    """Make the source distribution, and a wheel for each interpreter, in dist/."""
    DIST.mkdir(exist_ok=True)
    default = default_interpreter()
    status, _ = make("sdist", f"PYTHON={default.path}")
    if status != 0:
        session.error("no source distribution")
    for old in DIST.glob("*.tar.gz"):
        old.unlink()
    shutil.copy(made(default.tag, "sdist/*.tar.gz"), DIST)
    wanted = os.environ.get("VERSIONS", "").split() or VERSIONS
    for version in wanted:
        interpreter = find(version)
        if version in WITHOUT_WHEEL or interpreter is None:
            continue
        status, _ = make("wheel", f"PYTHON={interpreter.path}")
        if status != 0:
            session.error(f"no wheel for {interpreter.release}")
        wheel = made(interpreter.tag, "wheels/*.whl")
        for old in DIST.glob(f"*-{'-'.join(python_tags(wheel))}-*.whl"):
            old.unlink()
        shutil.copy(wheel, DIST)


def python_tags(wheel):
    """`cp313` and `cp313`, of a wheel's file name."""
    return wheel.stem.split("-")[-3:-1]


def platform_tags(wheel):
    return wheel.stem.split("-")[-1].split(".")


def glibc(tag):
    """The oldest glibc that a platform tag promises to run with, or None."""
    legacy = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
    found = re.match(r"manylinux_(\d+)_(\d+)_", tag)
    if found:
        return int(found.group(1)), int(found.group(2))
    return legacy.get(tag.split("_")[0])


def tool(session, name, *arguments):
    """Run a program of the environment that nox is in."""
    folder = os.path.dirname(sys.executable)
    environment = {"PATH": os.pathsep.join([folder, os.environ["PATH"]])}
    path = shutil.which(name, path=folder)
    if path is None:
        session.error(f"{name} is not there: it needs Python 3.10 or later")
    return session.run(path, *map(str, arguments), silent=True, external=True, env=environment)


def repaired(session, wheel):
    """The wheel under the name that says what it needs."""
    if all(map(glibc, platform_tags(wheel))):
        return wheel
    plat = "_".join(["manylinux", *map(str, NEWEST_GLIBC), platform.machine()])
    before = set(DIST.glob("*.whl"))
    tool(session, "auditwheel", "repair", "--plat", plat, "--wheel-dir", DIST, wheel)
    (new,) = set(DIST.glob("*.whl")) - before
    wheel.unlink()
    return new


def audit_wheel(session, wheel):
    """What is wrong with a wheel, as sentences, and what it needs."""
    found = json.loads(tool(session, "auditwheel", "show", "--json", wheel))
    needs = glibc(found["overall_tag"])
    promises = [glibc(tag) for tag in platform_tags(wheel)]
    wrong = []
    if needs is None or needs > NEWEST_GLIBC:
        wrong.append(f"it needs {found['overall_tag']}")
    elif any(promise is None or promise < needs for promise in promises):
        wrong.append(f"its name promises more than {found['overall_tag']}")
    if found["external_libs"]:
        wrong.append(f"it needs {', '.join(found['external_libs'])}")
    symbols = [symbol for group in found["versioned_symbols"].values() for symbol in group]
    return wrong, f"{found['overall_tag']}, {', '.join(sorted(symbols))}"


def audit_contents(session, wheel):
    """Fails for a wheel whose files are not where they belong, or not what its list says."""
    tool(session, "check-wheel-contents", wheel)


def audit_abi3(session, path):
    """Fails for an extension module that calls what the stable ABI of Python 3.9 does not have."""
    tool(session, "abi3audit", "--strict", "--assume-minimum-abi3", "3.9", path)


def abi3_extension(session):
    """The tests' extension for all versions of Python, built as its authors would."""
    target = HERE / "build" / "abi3" / "audited.abi3.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    # Free-threaded builds have no limited API, up to 3.14.
    interpreter = next(filter(None, map(find, (one for one in VERSIONS if one[-1] != "t"))), None)
    if interpreter is None:
        session.error("no interpreter with a limited API was found")
    question = "import sysconfig; print(sysconfig.get_path('include'), end='')"
    include = subprocess.check_output([interpreter.path, "-c", question], text=True)
    sources = sorted((HERE / "tests" / "abi3").glob("*.c"))
    options = ["-shared", "-fPIC", "-DPy_LIMITED_API=0x03090000", f"-I{include}", "-Iinclude"]
    session.run("cc", *options, *map(str, sources), "-o", str(target), external=True)
    return target


@nox.session(venv_backend="none")
def audit(session):
    """Check the wheels in dist/: what they hold, what they need of the system, and of Python's ABI."""
    failed = False
    lines = []
    for wheel in sorted(DIST.glob("*.whl")):
        wheel = repaired(session, wheel)
        audit_contents(session, wheel)
        wrong, needs = audit_wheel(session, wheel)
        python, abi = python_tags(wheel)
        if abi == "abi3":
            audit_abi3(session, wheel)
        kind = "abi3" if abi == "abi3" else "version-specific: not for abi3audit"
        failed = failed or bool(wrong)
        lines.append(f"{python}-{abi}: {'; '.join(wrong) or 'good'} ({needs}; {kind})")
    audit_abi3(session, abi3_extension(session))
    lines.append("tests/abi3: good (abi3audit, 3.9)")
    print(*lines, sep="\n")
    if failed or len(lines) == 1:
        session.error("a wheel is not fit to be published" if failed else "no wheels in dist/")


@nox.session(venv_backend="none")
def from_sdist(session):
    """Build a wheel from the source distribution in dist/ as pip would, and use it."""
    default = default_interpreter()
    (sdist,) = DIST.glob("*.tar.gz")
    folder = HERE / "build" / "from_sdist"
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "venv" / "bin" / "python"

    def run(*command):
        # As on somebody else's machine: without what make tells its own builds.
        environment = dict.fromkeys(["CARGO_TARGET_DIR", "PYO3_PYTHON"])
        session.run(*map(str, command), external=True, env=environment)

    run(default.path, "-m", "venv", folder / "venv")
    run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, sdist)
    (wheel,) = folder.glob("*.whl")
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel)
    run(python, "-I", "-m", "pyawaitable", "--version")
    (published,) = DIST.glob(f"*-{'-'.join(python_tags(wheel))}-*.whl")
    if files_of(wheel) != files_of(published):
        session.error(f"other files: {sorted(files_of(wheel) ^ files_of(published))}")
    print(f"{sdist.name}: a wheel with the same {len(files_of(wheel))} files, and it imports")


def files_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())
