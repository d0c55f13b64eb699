"""CPython's tests of coroutines and generators, with a trampoline in C under each.

The suites that are fast, and that most interpreters bring along.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from compiling import SUFFIX, compile_extension

from .comparison import MODES, Comparison
from .definitions import SUITES

HERE = Path(__file__).parent


@pytest.fixture
def trampoline(tmp_path):
    """A folder with the package, its extension compiled."""
    package = shutil.copytree(HERE / "trampoline" / "trampoline", tmp_path / "trampoline")
    source = HERE / "trampoline" / "trampoline.c"
    compile_extension(package, "_trampoline", [source], suffix=SUFFIX)
    return tmp_path


@pytest.mark.skipif(find_spec("test.test_coroutines") is None, reason="installed without its tests")
@pytest.mark.parametrize("name", ["coroutines", "generators"])
def test_coroutines_of_the_interpreter(trampoline, name):
    suite = SUITES[name]

    def outcomes(mode):
        path = trampoline / f"{mode}.json"
        environment = {
            **os.environ,
            "PYTHONPATH": str(trampoline),
            "PYTHONPYCACHEPREFIX": str(trampoline / mode),
            "TRAMPOLINE": MODES[mode],
            "TRAMPOLINE_PACKAGES": ",".join(suite.packages),
            "TRAMPOLINE_GENERATORS": "1" if suite.generators else "",
            "TRAMPOLINE_OUTCOMES": str(path),
        }
        command = [sys.executable, "-m", "trampoline.outcomes", *suite.arguments]
        finished = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert path.is_file(), finished.stderr
        return json.loads(path.read_text(encoding="utf-8"))

    comparison = Comparison(name, {mode: outcomes(mode) for mode in MODES})
    assert list(comparison.complaints()) == []
    assert len(comparison.found["plain"]["tests"]) > 50
