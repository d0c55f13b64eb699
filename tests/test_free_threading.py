"""Without a GIL: importing leaves it off, and threads may share awaitables.

tests/stress/threads.py is the long form of these tests; here it runs for a few seconds. On a build with a GIL, what applies to
threads there is tested as well.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from compiling import compile_extension

STRESS = Path(__file__).parent / "stress"
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

free_threaded = pytest.mark.skipif(not FREE_THREADED, reason="this interpreter was built with a GIL")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("racer")
    compile_extension(folder, "racer", (STRESS / "racer").glob("*.c"), "-pthread")
    return folder


@pytest.fixture
def environment(folder):
    environment = {"PYTHONPATH": os.pathsep.join([str(folder), str(STRESS)])}
    if FREE_THREADED:
        # Another package must not turn it on. A build with a GIL refuses to start with this.
        environment["PYTHON_GIL"] = "0"
    return environment


@free_threaded
@pytest.mark.parametrize("module", ["_pyawaitable", "pyawaitable", "racer"])
def test_importing_leaves_the_gil_off(module, run_python, environment):
    """With a warning otherwise, which names the module that turned it on."""
    finished = run_python(
        f"import sys; assert not sys._is_gil_enabled()\nimport {module}\nprint(sys._is_gil_enabled())\n",
        env={**environment, "PYTHON_GIL": None},
    )
    assert (finished.stdout, finished.stderr) == ("False\n", "")


@free_threaded
def test_an_extension_of_1x_leaves_the_gil_off(run_python, environment, tmp_path):
    from compiling import TESTS_1X

    compile_extension(tmp_path, "compat1x", sorted(TESTS_1X.glob("*.c")))
    finished = run_python(
        "import sys, compat1x, pyawaitable.abi; print(sys._is_gil_enabled())",
        env={"PYTHONPATH": str(tmp_path), "PYTHON_GIL": None},
    )
    assert (finished.stdout, finished.stderr) == ("False\n", "")


# One thread is inside a step until the others have had their turn.
ONE_IS_INSIDE = """
import threading, warnings
import racer
warnings.simplefilter("ignore")
inside, leave = threading.Event(), threading.Event()

class Slow:
    def __await__(self):
        inside.set()
        assert leave.wait(60)
        return "slow"
        yield

aw = racer.new()
racer.add(aw, Slow())
outcomes = []

def win():
    try: aw.send(None)
    except StopIteration: outcomes.append("won")

winner = threading.Thread(target=win)
winner.start()
assert inside.wait(60)
"""


@pytest.mark.parametrize("number", [2, 8])
@pytest.mark.parametrize("act", ["aw.send(None)", "aw.throw(OSError())", "aw.close()", "next(it)"])
def test_who_comes_during_a_step_gets_a_value_error(act, number, run_python, environment):
    assert run_python(
        ONE_IS_INSIDE.replace("winner =", "it = aw.__await__()\nwinner =") + "def lose():\n"
        f"    try: {act}\n"
        "    except ValueError as error: outcomes.append(str(error))\n"
        f"losers = [threading.Thread(target=lose) for _ in range({number})]\n"
        "for loser in losers: loser.start()\n"
        "for loser in losers: loser.join()\n"
        "assert aw.cr_running\n"
        "leave.set(); winner.join()\n"
        "print(*outcomes, sep='\\n')\n",
        env=environment,
    ).stdout.splitlines() == ["coroutine already executing"] * number + ["won"]


def test_who_comes_after_a_step_gets_a_runtime_error(run_python, environment):
    assert run_python(
        ONE_IS_INSIDE + "leave.set(); winner.join()\ntry: aw.send(None)\nexcept RuntimeError as error: print(error)\n",
        env=environment,
    ).stdout.splitlines() == ["cannot reuse already awaited coroutine"]


def test_calls_during_a_step_of_another_thread(run_python, environment):
    """They are not refused: only a step is."""
    assert run_python(
        ONE_IS_INSIDE + "class Ready:\n"
        "    def __await__(self): return 'ready'; yield\n"
        "assert racer.add(aw, Ready()) == 1\n"
        "assert racer.defer(aw, None) == 1\n"
        "racer.save(aw, aw.__class__); racer.replace(aw, None); racer.unpack(aw, None)\n"
        "assert racer.set_result(aw, 'result') == 1\n"
        "leave.set(); winner.join()\n"
        "print(*racer.counters())\n",
        env=environment,
    ).stdout.split() == ["2", "2", "0", "1"]


def test_a_cancellation_by_another_thread_drops_what_is_queued(run_python, environment):
    assert run_python(
        ONE_IS_INSIDE + "racer.add(aw, Slow()); racer.defer(aw, None)\n"
        "racer.cancel(aw, None)\n"
        "leave.set(); winner.join()\n"
        "print(*outcomes, *racer.counters())\n",
        env=environment,
        # queued twice, and no callback of any kind
    ).stdout.split() == ["won", "2", "0", "0", "0"]


# One thread steps an awaitable to its end while another adds to it and is told at last that it has finished.
RACE_TO_THE_END = """
import threading, racer
ROUNDS = 20000
class Ready:
    def __await__(self): return self; yield
class Block(Ready):
    def __aenter__(self): return Ready()
    def __aexit__(self, *exception): return Ready()
def make():
    aw = racer.new()
    {first}
    return aw
awaitables = [make() for _ in range(ROUNDS)]
racer.set_barrier(2)
def step():
    for aw in awaitables:
        racer.meet()
        try: aw.send(None)
        except StopIteration: pass
added = 0
def add():
    global added
    for aw in awaitables:
        racer.meet()
        added += racer.defer_often(aw, None)
stepping = threading.Thread(target=step)
stepping.start()
add()
stepping.join()
print(added, racer.counters()[3])
"""


@pytest.mark.parametrize("first", ["racer.add(aw, Ready())", "racer.enter(aw, Block())"], ids=["queue", "block"])
def test_what_was_added_before_the_end_is_called(first, run_python, environment):
    added, called = run_python(RACE_TO_THE_END.format(first=first), env=environment).stdout.split()
    assert added == called


# One thread begins an `async with` while another cancels; __aenter__ waits until that has returned.
CANCELLED_AT_THE_BEGIN = """
import threading, racer
ROUNDS = 20000
class Ready:
    def __await__(self): return self; yield
class Block:
    def __aenter__(self):
        while not cancelled: pass
        return Ready()
    def __aexit__(self, *exception): return Ready()
awaitables = [racer.new() for _ in range(ROUNDS)]
for aw in awaitables: racer.enter(aw, Block())
racer.set_barrier(2)
cancelled = False
def cancel():
    global cancelled
    for number, aw in enumerate(awaitables):
        cancelled = False
        racer.meet()
        for _ in range(number % 16): pass
        racer.cancel(aw, None)
        cancelled = True
        racer.meet()
cancelling = threading.Thread(target=cancel)
cancelling.start()
for aw in awaitables:
    racer.meet()
    try: aw.send(None)
    except StopIteration: pass
    racer.meet()
cancelling.join()
print(racer.counters()[1])
"""


@free_threaded
def test_a_block_that_begins_while_it_is_cancelled_is_not_entered(run_python, environment):
    assert run_python(CANCELLED_AT_THE_BEGIN, env=environment).stdout == "0\n"


@free_threaded
def test_racing_first_uses_make_one_type(run_python, environment):
    """In each of several processes all threads import and use the library for the first time."""
    code = (
        "import threading, warnings, racer\n"
        "warnings.simplefilter('ignore')\n"
        "racer.set_barrier(8)\n"
        "types = []\n"
        "def use():\n"
        "    racer.meet()\n"
        "    types.append(type(racer.new()))\n"
        "threads = [threading.Thread(target=use) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "print(len(types), len(set(types)))\n"
    )
    for _ in range(10):
        # The ten of them stay below the limit of one test.
        assert run_python(code, env=environment, timeout=25).stdout.split() == ["8", "1"]


@pytest.mark.parametrize("program", ["threads.py", "outside_races.py"])
@pytest.mark.parametrize("seed", [1, 2])
def test_stress(seed, program, environment):
    command = [sys.executable, "-X", "faulthandler", str(STRESS / program)]
    options = ["--seconds", "4" if FREE_THREADED else "1", "--seed", str(seed)]
    finished = subprocess.run(
        [*command, *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert ("GIL off" in finished.stdout) == FREE_THREADED
