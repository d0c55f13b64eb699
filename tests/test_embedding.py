"""Programs that embed Python, and initialize it more than once in one process."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from compiling import WARNINGS, compile_extension, compiler, python_includes

TESTS = Path(__file__).parent
ROUNDS = 4


def libpython():
    """The linker's options, or None if this interpreter comes without a library."""
    folder = Path(sysconfig.get_config_var("LIBDIR"))
    name = f"python{sysconfig.get_config_var('LDVERSION')}"
    libraries = [*sysconfig.get_config_var("LIBS").split(), *sysconfig.get_config_var("SYSLIBS").split()]
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        found = any(folder.glob(f"lib{name}.*")) or any(folder.glob(f"*/lib{name}.*"))
        return [f"-L{folder}", f"-Wl,-rpath,{folder}", f"-l{name}", *libraries] if found else None
    archive = Path(sysconfig.get_config_var("LIBPL")) / f"lib{name}.a"
    # Extension modules find the interpreter in the program.
    return ["-Wl,--export-dynamic", str(archive), *libraries] if archive.exists() else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the program `rounds` and the extension `keeper` are."""
    library = libpython()
    if library is None:
        pytest.skip("this interpreter was installed without its library")
    folder = tmp_path_factory.mktemp("embedding")
    compile_extension(folder, "keeper", [TESTS / "stress" / "keeper" / "keeper.c"])
    source = TESTS / "embedding" / "rounds.c"
    command = [compiler(), *WARNINGS, "-O1", *python_includes(), str(source), "-o", str(folder / "rounds"), *library]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return folder


def run_rounds(folder, script):
    (folder / "script.py").write_text(script, encoding="utf-8")
    path = os.pathsep.join([str(folder), sysconfig.get_path("platlib")])
    finished = subprocess.run(
        # In a program of one's own 3.15 warns of a virtual environment.
        [str(folder / "rounds"), str(ROUNDS), sys._base_executable, str(folder / "script.py")],
        env={**os.environ, "PYTHONPATH": path, "PYTHONMALLOC": "debug", "PYTHONFAULTHANDLER": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "done\n", "")


USE = """
import keeper, types
@types.coroutine
def suspend():
    return (yield)
async def inner():
    return await suspend()
def use():
    awaitable = keeper.once(inner())
    awaitable.send(None)
    try:
        awaitable.send(7)
    except StopIteration as stop:
        assert stop.value == 7
for _ in range(100):
    use()
suspended = keeper.once(inner())
suspended.send(None)
"""

# Its destructor runs while what the library keeps for the interpreter is already gone, and so are the built-in names.
LATE = """
class Late:
    def __init__(self):
        self.kept = keeper.once, inner
    def __del__(self):
        once, inner = self.kept
        coroutine = inner()
        try:
            once(coroutine).close()
        except:  # 3.9 cannot, and says so
            coroutine.close()
keeper.keep_to_the_end(Late())
"""


def test_python_is_initialized_again(folder):
    run_rounds(folder, USE)


def test_one_made_at_the_very_end_is_of_no_later_round(folder):
    run_rounds(folder, USE + LATE)
