"""Large numbers: of awaits in one object, of nested objects, of values.

Tests that could crash the interpreter run in a separate process, most of them on a small stack.
"""

import pytest

SETUP = """
import asyncio, gc, sys, threading, tracemalloc, warnings, weakref
import bodies, rawapi
warnings.simplefilter("ignore")

class Ready:
    def __await__(self): return NOTHING

class Nothing:
    def __iter__(self): return self
    def __next__(self): raise StopIteration

NOTHING = Nothing()
ready = Ready()

def run(aw):
    try:
        while True: aw.send(None)
    except StopIteration as stop:
        return stop.value

def on_small_stack(function, size=256 * 1024):
    outcome = []
    def target():
        try: outcome.append(function())
        except BaseException as error: outcome.append(error)
    threading.stack_size(size)
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException): raise outcome[0]
    return outcome[0]

"""


def outcome(run_python, code, timeout=250):
    return run_python(SETUP + code, timeout=timeout).stdout.split()


# Many awaits in one object


@pytest.mark.parametrize(
    "add",
    [
        "rawapi.add_await(aw, ready, callback)",
        "rawapi.add_await(aw, ready, callback, callback)",
        "rawapi.defer_await(aw, deferred)",
    ],
)
def test_a_million_awaits_in_one_object(add, run_python):
    assert outcome(
        run_python,
        "count = 0\n"
        "def counted(*_):\n"
        "    global count; count += 1\n"
        "callback = deferred = rawapi.Callback(counted)\n"
        "def main():\n"
        "    aw = rawapi.new()\n"
        f"    for _ in range(1_000_000): {add}\n"
        "    gc.collect()\n"
        "    return run(aw)\n"
        "print(on_small_stack(main), count)\n",
    ) == ["None", "1000000"]


def test_a_million_native_coroutines_in_one_object(run_python):
    assert outcome(
        run_python,
        "async def native(): pass\n"
        "def main():\n"
        "    aw = rawapi.new()\n"
        "    for _ in range(1_000_000): rawapi.add_expr(aw, native())\n"
        "    return run(aw)\n"
        "print(on_small_stack(main))\n",
    ) == ["None"]


def test_cancelling_and_dropping_a_million_awaits(run_python):
    assert outcome(
        run_python,
        "def main():\n"
        "    for how in (rawapi.cancel, lambda aw: aw.close(), lambda aw: None):\n"
        "        aw = rawapi.new()\n"
        "        for _ in range(1_000_000): rawapi.add_await(aw, ready)\n"
        "        how(aw)\n"
        "        del aw\n"
        "    return sys.getrefcount(ready)\n"
        "before = sys.getrefcount(ready)\n"
        "print(on_small_stack(main) - before)\n",
    ) == ["0"]


def test_many_suspended_steps_in_one_object(run_python):
    assert outcome(
        run_python,
        "class Suspending:\n"
        "    def __await__(self): yield 1\n"
        "suspending = Suspending()\n"
        "aw = rawapi.new()\n"
        "for _ in range(300_000): rawapi.add_await(aw, suspending)\n"
        "print(sum(aw.__await__()))\n",
    ) == ["300000"]


# A chain of awaits, each queued by the callback of the one before

CHAIN = """
LENGTH = 1_000_000
count = 0
base = None

def step(aw, *_):
    global count, base
    count += 1
    if count == 1000:
        # what the interpreter sets aside at first is there by now
        tracemalloc.start()
        base = tracemalloc.get_traced_memory()[0]
    if count < LENGTH:
        queue(aw)

def main():
    aw = rawapi.new()
    queue(aw)
    size = aw.__sizeof__()
    run(aw)
    peak = tracemalloc.get_traced_memory()[1] - base
    print(count, peak < 20_000, aw.__sizeof__() <= size)

"""

CHAINS = {
    "callback": "def queue(aw): rawapi.add_await(aw, ready, STEP)",
    "deferred callback": "def queue(aw): rawapi.defer_await(aw, STEP)",
    "error callback": "def queue(aw): rawapi.add_await(aw, failing, None, STEP)\n"
    "class Failing:\n"
    "    def __await__(self): raise KeyError\n"
    "failing = Failing()\n",
    "native coroutine": "async def native(): pass\ndef queue(aw): rawapi.add_expr(aw, native(), STEP)",
    "awaitable": "def queue(aw):\n"
    "    inner = rawapi.new()\n"
    "    rawapi.add_await(inner, ready)\n"
    "    rawapi.add_expr(aw, inner, STEP)",
}


@pytest.mark.parametrize("queue", CHAINS.values(), ids=CHAINS.keys())
def test_a_chain_of_a_million_awaits_stays_the_same_size(queue, run_python):
    code = CHAIN + queue + "\nSTEP = rawapi.Callback(step)\non_small_stack(main)\n"
    assert outcome(run_python, code) == ["1000000", "True", "True"]


def test_a_chain_of_blocks_one_after_the_other_stays_the_same_size(run_python):
    """Each `async with` is queued by a deferred callback after the last one."""
    code = (
        CHAIN.replace("1_000_000", "200_000")
        + "class Context:\n"
        + "    async def __aenter__(self): pass\n"
        + "    async def __aexit__(self, *details): pass\n"
        + "context = Context()\n"
        + "def queue(aw):\n"
        + "    rawapi.async_with(aw, context)\n"
        + "    rawapi.defer_await(aw, STEP)\n"
        + "STEP = rawapi.Callback(step)\n"
        + "on_small_stack(main)\n"
    )
    assert outcome(run_python, code) == ["200000", "True", "True"]


@pytest.mark.parametrize("count, context", [(1_000_000, ""), (200_000, ", Context()")], ids=["awaits", "blocks"])
def test_a_million_awaits_in_a_loop_of_a_body_take_no_memory(count, context, run_python):
    """Also where each is within blocks, with another in a FINALLY."""
    code = (
        "class Context:\n"
        "    async def __aenter__(self): pass\n"
        "    async def __aexit__(self, *details): pass\n"
        "awaited = 0\n"
        "def make():\n"
        "    global awaited; awaited += 1\n"
        "    if awaited == 1000: tracemalloc.start()\n"
        "    return ready\n"
        "def main():\n"
        f"    aw = bodies.repeats({count}, make{context})\n"
        "    size = aw.__sizeof__()\n"
        "    value = run(aw)\n"
        "    taken, peak = tracemalloc.get_traced_memory()\n"
        "    print(value, awaited, peak < 20_000, aw.__sizeof__() <= size + 200)\n"
        "on_small_stack(main)\n"
    )
    awaits = 2 * count if context else count
    assert outcome(run_python, code) == ["None", str(awaits), "True", "True"]


def test_a_chain_with_others_waiting_stays_the_same_size(run_python):
    """The queue is never empty: what is done must not pile up in front of what waits."""
    code = (
        CHAIN
        + "def queue(aw): rawapi.add_await(aw, ready, STEP)\n"
        + "STEP = rawapi.Callback(step)\n"
        + "def start(aw, *_):\n"
        + "    for _ in range(10): queue(aw)\n"
    ).replace("    queue(aw)\n    size", "    start(aw)\n    size")
    code += "on_small_stack(main)\n"
    printed = outcome(run_python, code)
    assert printed == ["1000009", "True", "True"]


# Objects nested in each other

NESTED = """
def keep_result(aw, value):
    rawapi.set_result(aw, value)

KEEP = rawapi.Callback(keep_result)

def nested(depth, error=None):
    aw = innermost = rawapi.new()
    rawapi.add_await(aw, ready)
    rawapi.set_result(aw, "result")
    for _ in range(depth):
        outer = rawapi.new()
        rawapi.add_expr(outer, aw, KEEP, error)
        aw = outer
    return aw, weakref.ref(innermost)

async def native(aw):
    return await aw

def alternating(depth, error=None):
    aw = innermost = rawapi.new()
    rawapi.set_result(aw, "result")
    for _ in range(depth):
        outer = rawapi.new()
        rawapi.add_expr(outer, native(aw), KEEP, error)
        aw = outer
    return aw, weakref.ref(innermost)

class Handed:
    def __init__(self, aw):
        self.aw = aw

    def __await__(self):
        return self.aw.__await__()

def through_iterators(depth, error=None):
    aw = innermost = rawapi.new()
    rawapi.set_result(aw, "result")
    for _ in range(depth):
        outer = rawapi.new()
        rawapi.add_expr(outer, Handed(aw), KEEP, error)
        aw = outer
    return aw, weakref.ref(innermost)

def attempt(aw):
    try:
        return run(aw)
    except RecursionError:
        return "RecursionError"

"""


@pytest.mark.parametrize("make", ["nested", "alternating", "through_iterators"])
def test_fifty_thousand_nested_objects_give_recursion_error_or_the_result(make, run_python):
    printed = outcome(
        run_python,
        NESTED + f"aw, innermost = {make}(50_000)\nprint(attempt(aw))\ndel aw\ngc.collect()\nprint(innermost())\n",
    )
    assert printed in (["RecursionError", "None"], ["result", "None"])


@pytest.mark.parametrize("make", ["nested", "alternating"])
def test_error_callbacks_see_the_recursion_error(make, run_python):
    """Each may pass it on or handle it; handled by the innermost, the rest goes on."""
    for code in ("-1", "0"):
        printed = outcome(
            run_python,
            NESTED + f"seen = []\n"
            f"def error(aw, exception):\n"
            f"    seen.append(type(exception))\n"
            f"    return {code}\n"
            f"ERROR = rawapi.Callback(error)\n"
            f"aw, innermost = {make}(50_000, ERROR)\n"
            f"print(attempt(aw), set(seen) <= {{RecursionError}})\n"
            f"del aw\n"
            f"gc.collect()\n"
            f"print(innermost())\n",
        )
        assert printed[0] in ("RecursionError", "result", "None")
        assert printed[1:] == ["True", "None"]


@pytest.mark.parametrize("depth", [100, 400, 900])
def test_nests_as_deep_as_native_coroutines_do(depth, run_python):
    printed = outcome(
        run_python,
        NESTED + "async def innermost(): return 'result'\n"
        "coroutine = innermost()\n"
        f"for _ in range({depth}): coroutine = native(coroutine)\n"
        f"print(attempt(coroutine), attempt(nested({depth})[0]))\n",
    )
    of_native, ours = printed
    assert ours == "result" or of_native == "RecursionError"


def test_a_deep_nest_can_be_suspended_thrown_into_and_closed(run_python):
    """Every level hears of it, the innermost first."""
    printed = outcome(
        run_python,
        NESTED + "class Suspending:\n"
        "    def __await__(self): yield\n"
        "seen = []\n"
        "def error(aw, exception):\n"
        "    seen.append(type(exception).__name__)\n"
        "    return -1\n"
        "ERROR = rawapi.Callback(error)\n"
        "def deep(depth=300):\n"
        "    aw = rawapi.new()\n"
        "    rawapi.add_await(aw, Suspending())\n"
        "    for _ in range(depth):\n"
        "        outer = rawapi.new()\n"
        "        rawapi.add_expr(outer, aw, KEEP, ERROR)\n"
        "        aw = outer\n"
        "    aw.send(None)\n"
        "    return aw\n"
        "try: deep().throw(KeyError('x'))\n"
        "except KeyError: print(len(seen), set(seen) == {'KeyError'}); seen.clear()\n"
        "deep().close()\n"
        "print(len(seen), set(seen) == {'GeneratorExit'}); seen.clear()\n"
        "deep()\n"
        "print(len(seen), set(seen) == {'GeneratorExit'})\n",
    )
    assert printed == ["300", "True"] * 3


# Releasing long chains

LINKS = {
    "queued": "rawapi.add_await(outer, aw)",
    "queued late": "for obj in (ready, ready, ready, aw): rawapi.add_await(outer, obj)",
    "saved": "rawapi.save_values(outer, aw)",
    "result": "rawapi.set_result(outer, aw)",
    "a body": "outer = bodies.gives(aw)",
    "a list in between": "rawapi.save_values(outer, [aw])",
    "a native coroutine in between": "rawapi.add_expr(outer, native(aw))",
    "a started coroutine in between": "rawapi.add_expr(outer, started(aw))",
    "a tuple and a coroutine in between": "rawapi.set_result(outer, (native(aw),))",
}
LONG_CHAIN = """
async def native(aw):
    await aw

class Suspending:
    def __await__(self): yield

async def hold(aw):
    await Suspending()

def started(aw):
    coroutine = hold(aw)
    coroutine.send(None)
    return coroutine

def chain(length):
    aw = rawapi.new()
    innermost = weakref.ref(aw)
    for _ in range(length):
        outer = rawapi.new()
        LINK
        aw = outer
    return aw, innermost

"""


@pytest.mark.parametrize("name", LINKS)
def test_dropping_a_chain_that_was_never_awaited(name, run_python):
    length = 300_000 if "in between" in name else 1_000_000
    code = LONG_CHAIN.replace("LINK", LINKS[name]) + (
        "def main():\n"
        f"    aw, innermost = chain({length})\n"
        "    del aw\n"
        "    return innermost()\n"
        "gc.disable()\n"
        "print(on_small_stack(main))\n"
    )
    assert outcome(run_python, code) == ["None"]


@pytest.mark.parametrize("name", ["queued", "saved", "result", "a body", "a native coroutine in between"])
def test_collecting_a_long_chain_that_is_a_cycle(name, run_python):
    code = LONG_CHAIN.replace("LINK", LINKS[name]) + (
        "def main():\n"
        "    aw, innermost = chain(200_000)\n"
        "    rawapi.save_values(innermost(), aw)\n"
        "    del aw\n"
        "    for _ in range(3): gc.collect()\n"
        "    return innermost()\n"
        "print(on_small_stack(main))\n"
    )
    assert outcome(run_python, code) == ["None"]


@pytest.mark.parametrize("end", ["aw.close()", "rawapi.cancel(aw)"])
def test_ending_the_outermost_of_a_long_chain(end, run_python):
    code = LONG_CHAIN.replace("LINK", LINKS["queued"]) + (
        f"def main():\n    aw, innermost = chain(300_000)\n    {end}\n    return innermost()\nprint(on_small_stack(main))\n"
    )
    assert outcome(run_python, code) == ["None"]


def test_dropping_a_long_chain_with_warnings_shown(run_python):
    """Each object that was never awaited is named once, and none is lost."""
    code = LONG_CHAIN.replace("LINK", LINKS["queued"]) + (
        "warnings.simplefilter('always', ResourceWarning)\n"
        "shown = []\n"
        "warnings.showwarning = lambda *arguments: shown.append(arguments[0])\n"
        "aw, innermost = chain(20_000)\n"
        "del aw\n"
        "print(len(shown), innermost())\n"
    )
    assert outcome(run_python, code) == ["20001", "None"]


# Blocks and values


def test_deeply_nested_blocks(run_python):
    """`async with` in `async with`: all are entered and left, or the depth is a RecursionError."""
    code = (
        "depth = entered = left = 0\n"
        "class Context:\n"
        "    async def __aenter__(self):\n"
        "        global entered; entered += 1\n"
        "    async def __aexit__(self, *details):\n"
        "        global left; left += 1\n"
        "context = Context()\n"
        "def body(aw, value):\n"
        "    if entered < 20_000: rawapi.async_with(aw, context, BODY)\n"
        "BODY = rawapi.Callback(body)\n"
        "aw = rawapi.new()\n"
        "rawapi.async_with(aw, context, BODY)\n"
        "try: run(aw); print('result')\n"
        "except RecursionError: print('RecursionError')\n"
        "print(entered == left, entered)\n"
    )
    printed = outcome(run_python, code)
    assert printed[1] == "True"
    assert printed[0] == "RecursionError" or printed[2] == "20000"


def test_a_million_saved_values(run_python):
    assert outcome(
        run_python,
        "aw, value = rawapi.new(), object()\n"
        "before = sys.getrefcount(value)\n"
        "for _ in range(4000):\n"
        "    rawapi.save_values(aw, *[value] * 250)\n"
        "    rawapi.save_int_values(aw, *range(250))\n"
        "print(sys.getrefcount(value) - before, rawapi.get_int_value(aw, 999_999))\n"
        "run(aw)\n"
        "print(sys.getrefcount(value) - before, rawapi.get_int_value(aw, 999_999))\n",
    ) == ["1000000", "249", "0", "249"]


def test_many_objects_at_once(run_python):
    assert outcome(
        run_python,
        "awaitables = [rawapi.new() for _ in range(300_000)]\n"
        "for number, aw in enumerate(awaitables):\n"
        "    rawapi.add_await(aw, ready)\n"
        "    rawapi.set_result(aw, number)\n"
        "gc.collect()\n"
        "print(sum(map(run, awaitables)))\n",
    ) == [str(sum(range(300_000)))]


# Waiting at once

WAITING = """
import time, outside, promises

def how(kind):
    wakers = []
    if kind == "bodies":
        return lambda: outside.parks(lambda what: isinstance(what, int) or wakers.append(what), 1), lambda: outside.wake(wakers)
    def promise():
        awaitable, handle = promises.promise()
        wakers.append(handle)
        return awaitable
    return promise, lambda: [handle.resolve(5) for handle in wakers]

def seconds(kind, number):
    # Of the processor's, for so many to begin to wait, to be woken and to end.
    make, wake = how(kind)
    ended = []
    async def main():
        loop = asyncio.get_running_loop()
        before = time.process_time()
        made = [make() for _ in range(number)]
        for each in made:
            waiter = each.send(None)
            waiter._asyncio_future_blocking = False
            waiter.add_done_callback(ended.append)
        wake()
        while len(ended) < number:
            await asyncio.sleep(0)
        for each in made:
            try:
                each.send(None)
            except StopIteration:
                pass
        return time.process_time() - before
    gc.collect()
    gc.disable()
    took = asyncio.run(main())
    gc.enable()
    return took
"""


@pytest.mark.parametrize("kind", ["bodies", "promises"])
def test_many_wait_at_once(kind, run_python):
    """Ten times as many take ten times as long. If each looked at all others, it would be a hundred times."""
    code = f"""
each = {{}}
for number, times in (100, 30), (1000, 10), (10_000, 3), (100_000, 1):
    each[number] = min(seconds({kind!r}, number) for _ in range(times)) / number
print(*each.values())
"""
    words = outcome(run_python, WAITING + code)
    assert len(words) == 4
    a_few, *more = map(float, words)
    # Caches make some difference.
    assert max(more) < 8 * a_few, words
