"""Under greenlets, a call may continue after others on its thread that began later: callbacks, blocks, destructors.

src/python/thread.rs lists what the library keeps across calls that may run Python code, and why it stays valid. Here whole
programs run as `async def` and in C, and must do the same.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GREENLETS = Path(__file__).parent / "greenlets"
TWINS = "native", "c"
SEEDS = range(12)

pytest.importorskip("greenlet", reason="greenlet has no wheel for this interpreter (requirements/compiled.txt)")


def output(program, *arguments):
    """What the program prints; its options are text."""
    finished = subprocess.run(
        [sys.executable, "-X", "faulthandler", GREENLETS / program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PYTHONPATH": str(GREENLETS)},
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


@pytest.mark.parametrize(
    "name",
    [
        "delayed",
        "stale",
        "lost",
        "many_waiting",
        "in_a_callback_of_the_collector",
        "within_a_step",
        "while_an_exception_is_handled",
    ],
)
def test_a_switch_within_a_destructor_or_a_step(name):
    native, c = (output("situations.py", name, twin) for twin in TWINS)
    assert native
    assert c == native


def test_a_switch_at_the_end_of_a_long_chain():
    """How much of the chain is released before its end depends on the stack; all of it is, once that continues."""
    lines = output("situations.py", "long_chain", "c").splitlines()
    assert lines[1] == "the end of the second"
    assert lines[-1] == "200000 released"


@pytest.mark.parametrize("seed", SEEDS)
def test_random_programs_do_the_same(seed):
    native, c = (output("programs.py", seed, twin) for twin in TWINS)
    assert '"left": 0' in native
    assert c == native


def test_a_finally_that_waits_under_gevent():
    pytest.importorskip("gevent", reason="gevent has no wheel for this interpreter (requirements/compiled.txt)")
    native, c = (output("with_gevent.py", twin) for twin in TWINS)
    assert native.count("late") == 5
    assert c == native
