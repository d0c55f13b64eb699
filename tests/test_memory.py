"""How much memory an awaitable takes, and that none of it is leaked."""

import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import raw_leaks
import rawapi
from raw_support import Ready, ready, run

pytest_plugins = ["raw_fixtures"]

HERE = Path(__file__).parent
ROUNDS = 100_000
LONG = struct.calcsize("l")
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

NEEDS_ALLOCATOR_HOOKS = pytest.mark.skipif(
    FREE_THREADED, reason="a free-threaded build cannot change its allocators while it runs"
)


# Nothing leaks


@pytest.mark.parametrize("name", raw_leaks.SCENARIOS)
def test_nothing_is_left_after_many_rounds(name):
    """A leak leaves a block for each round; a hundred now and then are the interpreter's own."""
    rounds = ROUNDS // raw_leaks.FEWER_ROUNDS.get(name, 1)
    finished = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(HERE / "raw_leaks.py"), name, str(rounds)],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    blocks, objects = map(int, finished.stdout.split())
    assert blocks < 300
    assert objects < 100


def test_a_leak_would_be_seen():
    kept = []
    blocks, objects = raw_leaks.growth(lambda: kept.append([]), 2_000)
    assert blocks >= 1_000
    assert objects >= 1_000


# Size

MEASURE = """
import sys, tracemalloc, warnings
import rawapi
warnings.simplefilter("ignore")

async def ready(): pass

NUMBER = 10_000
callback = rawapi.Callback(lambda aw, value: 0)
error = rawapi.Callback(lambda aw, error: -1)
coroutines = [ready() for _ in range(NUMBER)]
free_list_is_empty = [rawapi.new() for _ in range(1000)]
made = [None] * NUMBER

def make():
    for index, coroutine in enumerate(coroutines):
        made[index] = aw = rawapi.new()
        rawapi.add_await(aw, coroutine, callback, error)

"""


def test_a_pending_object_with_one_await_and_a_callback_takes_112_bytes(run_python):
    finished = run_python(
        MEASURE + "tracemalloc.start()\n"
        "before = tracemalloc.get_traced_memory()[0]\n"
        "make()\n"
        "print((tracemalloc.get_traced_memory()[0] - before) / NUMBER)\n"
    )
    # an object's header is 16 bytes larger without the GIL, but has none for the collector
    assert float(finished.stdout) <= 113


def test_a_pending_object_with_one_await_is_one_block(run_python):
    finished = run_python(
        MEASURE + "before = sys.getallocatedblocks()\nmake()\nprint((sys.getallocatedblocks() - before) / NUMBER)\n"
    )
    assert float(finished.stdout) <= 1.02


@pytest.mark.parametrize("awaits", [2, 5, 20, 1000])
def test_further_awaits_share_blocks(awaits, run_python):
    finished = run_python(
        "import sys, warnings, rawapi\n"
        "warnings.simplefilter('ignore')\n"
        "class Ready:\n"
        "    def __await__(self): return iter(())\n"
        "ready, callback = Ready(), rawapi.Callback(print)\n"
        "free_list_is_empty = [rawapi.new() for _ in range(1000)]\n"
        "made = [None] * 100\n"
        "before = sys.getallocatedblocks()\n"
        "for index in range(100):\n"
        "    made[index] = aw = rawapi.new()\n"
        f"    for _ in range({awaits}):\n"
        "        rawapi.add_await(aw, ready, callback, callback)\n"
        "print((sys.getallocatedblocks() - before) / 100)\n"
    )
    # the object, what it needs only now and then, and one block that grows
    assert float(finished.stdout) <= 3.1


@NEEDS_ALLOCATOR_HOOKS
def test_adding_allocates_a_growing_block_and_nothing_for_each_await(new):
    aw, obj = new(), Ready()
    callback = rawapi.Callback(lambda aw, value: 0)
    counts = [rawapi.count_allocations(rawapi.add_await, aw, obj, callback, callback) for _ in range(10_000)]
    assert max(counts) <= 2
    assert sum(counts) <= 30
    rawapi.cancel(aw)


@NEEDS_ALLOCATOR_HOOKS
@pytest.mark.parametrize("kind", ["values", "arb_values", "int_values"])
def test_saving_allocates_a_growing_block_and_nothing_for_each_value(kind, new):
    aw, save = new(), getattr(rawapi, f"save_{kind}")
    counts = [rawapi.count_allocations(save, aw, number) for number in range(10_000)]
    assert max(counts) <= 2
    assert sum(counts) <= 30


@NEEDS_ALLOCATOR_HOOKS
def test_stepping_allocates_nothing_for_each_await(new):
    """Native coroutines that return None: their own memory is there before the first step."""

    def allocations(number):
        aw = new()
        for coroutine in [ready() for _ in range(number)]:
            rawapi.add_await(aw, coroutine)
        return rawapi.count_allocations(rawapi.iter_next, aw.__await__())

    allocations(10)
    assert allocations(1000) - allocations(10) <= 10


def test_a_done_await_is_released_at_once(new):
    """While the rest of the queue is still waiting."""
    aw, counts = new(), []
    obj = Ready()
    before = sys.getrefcount(obj)
    for _ in range(100):
        rawapi.add_await(aw, obj, lambda aw, value: counts.append(sys.getrefcount(obj) - before))
    run(aw)
    # the one whose callback runs may still be held
    assert [count - (99 - index) for index, count in enumerate(counts)] in ([0] * 100, [1] * 100)


def test_a_finished_object_keeps_no_storage(new):
    aw = new()
    empty = aw.__sizeof__()
    for _ in range(1000):
        rawapi.add_await(aw, Ready())
        rawapi.save_values(aw, None)
    assert aw.__sizeof__() > empty + 1000
    run(aw)
    assert aw.__sizeof__() < empty + 1000


# Whose memory it is


HOLDING = {
    "an awaitable": ("kept.append(rawapi.new())", 96),
    "awaits": ("rawapi.add_await(aw, ready, None, None)", 24),
    "objects": ("rawapi.save_values(aw, None)", 8),
    "pointers": ("rawapi.save_arb_values(aw, 0)", 8),
    "integers": ("rawapi.save_int_values(aw, 0)", LONG),
}


@pytest.mark.parametrize("what", HOLDING)
def test_tracemalloc_sees_what_an_awaitable_holds(what, run_python):
    act, least = HOLDING[what]
    finished = run_python(
        "import tracemalloc, warnings, rawapi\n"
        "warnings.simplefilter('ignore')\n"
        "class Ready:\n"
        "    def __await__(self): return iter(())\n"
        "aw, ready, kept = rawapi.new(), Ready(), []\n"
        "tracemalloc.start()\n"
        f"for _ in range(10_000): {act}\n"
        "print(tracemalloc.get_traced_memory()[0])\n"
    )
    assert int(finished.stdout) >= 10_000 * least


@NEEDS_ALLOCATOR_HOOKS
@pytest.mark.parametrize("call", ["add_await", "save_values", "save_arb_values", "save_int_values"])
def test_an_allocator_that_fails_is_felt(call, new):
    """By whatever must grow in the end."""
    aw, act = new(), getattr(rawapi, call)
    argument = Ready() if call == "add_await" else 1
    # What the test's own extension allocates comes first.
    own = min(rawapi.count_allocations(act, aw, argument) for _ in range(100))
    with pytest.raises(MemoryError):
        for _ in range(1000):
            rawapi.with_failing_allocation(own, act, aw, argument)
    rawapi.cancel(aw)
