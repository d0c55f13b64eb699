"""The tests, where every wrong access to memory is seen; a table at the end.

    make sanitize [SANITIZE_ARGS="address leaks"]      or: PYTHON=... python tests/sanitize/run.py BUILD [NAME ...]

    address    the tests with the library and the C extensions under AddressSanitizer, the C code also under
               UndefinedBehaviorSanitizer, where the interpreter takes every object from malloc
    leaks      LeakSanitizer, at the end of a process that has run each scenario of raw_leaks.py
    debug      the tests with the interpreter's own checks: PYTHONMALLOC=debug and -X dev
    valgrind   examples/hello, and the bodies and generators of tests/ext, an interpreter with malloc
    miri       the state machine and the storage, which need no interpreter; where the toolchain has it

The interpreter itself is not instrumented. What is reported of it alone is not counted: valgrind does not understand all
that it does. The instrumented build, with its own virtual environment, lands beside the other: build/<tag>-asan.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
ROOT = TESTS.parent
sys.path.insert(0, str(TESTS))

# Tests of what is at run time; not of how it is built, nor of how much memory or time it takes.
TESTED = [
    *("contract/test_names", "contract/test_callbacks", "contract/test_steps", "contract/test_python", "contract/test_failure"),
    *("test_values", "test_regressions", "test_units", "test_table", "test_compat_1x", "differential/test_loops"),
    *("test_functions", "test_arguments", "test_language", "test_frames"),
    *("contract/test_iteration", "test_generators", "test_generator_objects", "test_generators_in_loops"),
]
# Of the differential tests, those that disturb each scenario; the rest is more of the same.
DIFFERENTIAL = [
    ["differential/test_by_hand.py", "-k", "disturbed_at_every_step or two_disturbances"],
    ["differential/test_translated.py", "-k", "disturbed_at_every_step"],
]

RUST = {
    "RUSTC_BOOTSTRAP": "1",  # sanitizers are unstable in Rust, which a stable compiler has when it is asked like this
    "RUSTFLAGS": "-Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer -Cforce-frame-pointers=yes",
    "CARGO_PROFILE_EXTENSION_DEBUG": "1",
    "CARGO_PROFILE_EXTENSION_LTO": "off",
}
C = "-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def runtimes():
    """gcc's, for both languages: the instrumented code calls the same functions, whichever compiler it is from."""
    found = [Path(output_of("gcc", f"-print-file-name=lib{name}.so")) for name in ("asan", "ubsan")]
    missing = [path.name for path in found if not path.is_absolute()]
    if missing:
        raise SystemExit(f"sanitize: gcc has no {', '.join(missing)} here")
    return " ".join(str(path.resolve()) for path in found)


class Build:
    """What make has built, and beside it an instrumented build of the same."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.python = self.folder / "venv" / "bin" / "python"
        self.tag = self.folder.name + "-asan"
        self.instrumented = self.folder.with_name(self.tag)

    def make(self, target, **environment):
        command = [os.environ.get("MAKE", "make"), "--no-print-directory", target, f"TAG={self.tag}"]
        if "PYTHON" in os.environ:
            command.append(f"PYTHON={os.environ['PYTHON']}")
        names = "VIRTUAL_ENV", "CARGO_TARGET_DIR", "PYO3_PYTHON"
        kept = {name: value for name, value in os.environ.items() if name not in names}
        subprocess.run(command, cwd=ROOT, env={**kept, **environment}, check=True)

    def instrument(self):
        """The Python of an environment with the instrumented library and extensions."""
        host = re.search(r"^host: (.*)$", output_of("rustc", "-vV"), re.M).group(1)
        # With a target, the flags are for the library alone, and not for what the compiler itself loads.
        self.make("install", CARGO_BUILD_TARGET=host, CFLAGS=C, **RUST)
        python = self.instrumented / "venv" / "bin" / "python"
        self.build_extensions(python)
        return python

    def build_extensions(self, python):
        """As make does it. But setup.py imports the package, to ask for its headers, and make would also start rustc, which
        does not bear the runtimes."""
        library = output_of(str(python), "-c", "import sysconfig; print(sysconfig.get_path('platlib'))")
        command = [python, "setup.py", "--quiet", "build_ext", "--force", "--parallel", "2"]
        command += ["--build-temp", self.instrumented / "extensions", "--build-lib", library]
        environment = {**os.environ, "CFLAGS": C, **sanitized("detect_leaks=0")}
        subprocess.run(command, cwd=TESTS / "ext", env=environment, check=True)


def sanitized(options):
    return {
        "LD_PRELOAD": runtimes(),
        "ASAN_OPTIONS": options + ":detect_stack_use_after_return=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
    }


def run(command, **environment):
    """(exit status, output), which is shown as well where it went wrong."""
    finished = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if finished.returncode != 0:
        print(finished.stdout[-20_000:], flush=True)
    return finished.returncode, finished.stdout


def tests(python, *flags, **environment):
    """Whether they passed, and the figures; `flags` are Python's."""
    files = [TESTS / f"{name}.py" for name in TESTED]
    passed, failed = 0, 0
    for selected in files, *([TESTS / file, *options] for file, *options in DIFFERENTIAL):
        status, output = run([python, *flags, "-m", "pytest", "-q", *selected], **environment)
        count = re.search(r"(\d+) passed", output)
        passed += int(count.group(1)) if count else 0
        failed += status != 0
    return failed == 0, f"{passed} tests passed" + (f", {failed} runs failed" if failed else "")


# ---- The rows of the table -----------------------------------------------------------------------


def address(build):
    python = build.instrument()
    good, figures = tests(python, TRANSLATED_CFLAGS=C, **sanitized("detect_leaks=0"))
    return good, f"{figures}, any report ends the run"


LEAK = re.compile(r"^(?:Direct|Indirect) leak of \d+ byte\(s\) in (\d+) object\(s\).*?\n\n", re.M | re.S)
# Memory that the library took for the saved values of an object, which is made to forget it: its last word but one.
PLANTED = """
import ctypes, rawapi
for _ in range(100):
    aw = rawapi.new()
    rawapi.cancel(aw)
    rawapi.save_arb_values(aw, 1)
    ctypes.memset(id(aw) + type(aw).__basicsize__ - 16, 0, 8)
"""


def leaks_of(*arguments):
    """The leaks of the library's, and all that the process has printed."""
    # The unwinder that needs no frame pointers, since an interpreter has none; and each frame with its library, since
    # where there is debug information the report names the source alone.
    options = "detect_leaks=1:fast_unwind_on_malloc=0:malloc_context_size=30"
    options += ":stack_trace_format='    #%n %p %F %S (%m)'"
    # What leaks in the interpreter makes the exit status what it is.
    finished = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=ROOT,
        env={**os.environ, **sanitized(options)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    found = [leak.group(0) for leak in LEAK.finditer(finished.stdout + "\n\n")]
    return [leak for leak in found if "_pyawaitable" in leak], finished.stdout


def leaks(build):
    python = build.instrument()
    if not leaks_of(python, "-c", PLANTED)[0]:
        return False, "a planted leak is not seen"
    ours, output = leaks_of(python, HERE / "leaks.py")
    print(*ours, sep="\n")
    scenarios = re.search(r"^(\d+) scenarios$", output, re.M)
    if scenarios is None:
        print(output[-20_000:])
        return False, "it did not come to its end"
    return not ours, f"{scenarios.group(1)} scenarios, {len(ours)} leaks (a planted one is seen)"


def debug(build):
    return tests(build.python, "-X", "dev", PYTHONMALLOC="debug")


def valgrind(build):
    if shutil.which("valgrind") is None:
        return None, "no valgrind here"
    from compiling import compile_extension

    with tempfile.TemporaryDirectory() as folder:
        compile_extension(folder, "hello", [ROOT / "examples" / "hello" / "hello.c"], "-g")
        report = Path(folder) / "report.xml"
        command = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite", "--num-callers=50"]
        command += ["--xml=yes", f"--xml-file={report}", build.python, HERE / "drive_hello.py"]
        status, _ = run(command, PYTHONPATH=folder, PYTHONMALLOC="malloc")
        found = xml.etree.ElementTree.parse(report).getroot().findall("error")
        ours = [error for error in found if is_ours(error)]
    for error in ours:
        print(xml.etree.ElementTree.tostring(error, encoding="unicode"))
    return status == 0 and not ours, f"{len(ours)} errors, {len(found) - len(ours)} kinds in the interpreter alone"


def is_ours(error):
    objects = [frame.findtext("obj") or "" for frame in error.iterfind("stack/frame")]
    return any("_pyawaitable" in path or Path(path).name.startswith(("hello.", "bodies.", "generators.")) for path in objects)


MIRI = ["cargo", "+nightly", "miri"]


def miri(build):
    command = [*MIRI, "test", "--test", "machine", "--test", "buffer"]
    if subprocess.run([*MIRI, "--version"], capture_output=True).returncode != 0:
        return None, f"not in this toolchain; with it: {' '.join(command)}"
    status, output = run(command, CARGO_TARGET_DIR=str(build.folder / "miri"))
    passed = sum(map(int, re.findall(r"(\d+) passed", output)))
    return status == 0, f"{passed} tests passed"


ROWS = {"address": address, "leaks": leaks, "debug": debug, "valgrind": valgrind, "miri": miri}
SAID = {True: "good", False: "WRONG", None: "not run"}


def main():
    build = Build(sys.argv[1])
    names = sys.argv[2:] or list(ROWS)
    lines = []
    for name in names:
        started = time.monotonic()
        good, figures = ROWS[name](build)
        lines.append((good, f"{name:10}{SAID[good]:9}{time.monotonic() - started:5.0f} s  {figures}"))
    print(output_of(str(build.python), "-VV"))
    print(*(line for _, line in lines), sep="\n")
    return 1 if any(good is False for good, _ in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
