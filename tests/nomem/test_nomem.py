"""Every allocation in turn fails: `make nomem`, with two runs of each scenario in place of all."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="a free-threaded build cannot change its allocators while it runs",
)
@pytest.mark.parametrize("kind", ["first use", "entries", "steps", "bodies", "generators", "outside", "translated"])
def test_every_allocation_in_turn_fails(kind):
    finished = subprocess.run(
        [sys.executable, "-m", "nomem", "--fast", "--kinds", kind], cwd=TESTS, capture_output=True, text=True, timeout=280
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
