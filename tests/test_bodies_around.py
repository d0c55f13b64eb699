"""Bodies and what is around them: threads, interpreters, the end of either, and depth.

Each runs in a separate process, where an end that is none shows.
"""

import sys
from pathlib import Path

import every_word
import pytest
from compiling import compile_extension

STRESS = Path(__file__).parent / "stress"
KINDS = ["legacy", "own"] if sys.version_info >= (3, 12) else ["legacy"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where `every_word` is, which is in no installation."""
    folder = tmp_path_factory.mktemp("every_word")
    source = folder / "every_word.c"
    source.write_text(every_word.text())
    compile_extension(folder, "every_word", [source])
    return folder


@pytest.fixture
def printed(folder, run_python):
    """The lines that a program prints, which begins with the things to await."""

    def printed(code, *options, **values):
        assigned = "".join(f"{name} = {value!r}\n" for name, value in values.items())
        environment = {"PYTHONPATH": f"{folder}:{STRESS}", "PYTHONMALLOC": "debug"}
        return run_python(assigned + USE + code, *options, env=environment).stdout.splitlines()

    return printed


USE = """
import gc, sys, threading, types
import every_word

class Suspends:
    def __await__(self):
        return (yield "suspended")
    def __call__(self):
        return self
    async def __aenter__(self):
        await self
    async def __aexit__(self, *exception):
        await self
    def __aiter__(self):
        return self
    async def __anext__(self):
        await self

class Ready:
    def __init__(self, value=None):
        self.value = value
    def __await__(self):
        return self.value
        yield
    def __call__(self):
        return self

each = Suspends()
# What is suspended where: in an await, a TRY, a FINALLY, before, in and after a block, in a loop, by itself.
MAKE = [(every_word.gives, (each,), 1), (every_word.cleans, (each, each), 1), (every_word.cleans, (each, each), 2),
        (every_word.enters, (each, each), 1), (every_word.enters, (each, each), 2), (every_word.enters, (each, each), 3),
        (every_word.iterates, (each,), 2), (every_word.loops, (each, each), 3), (every_word.suspends, (each,), 1)]

def make():
    pending = []
    for function, arguments, steps in MAKE:
        aw = function(*arguments)
        for _ in range(steps):
            aw.send(None)
        assert aw.cr_suspended
        pending.append(aw)
    return pending
"""

# ---- Interpreters --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_subinterpreters(kind, printed):
    """In turns with the main one, and ended while bodies are pending."""
    code = (
        "from interpreters import Interpreter\n"
        "mine = make()\n"
        "with Interpreter(kind) as one:\n"
        "    one.run(USE + 'pending = make()\\n')\n"
        "    with Interpreter(kind) as two:\n"
        "        two.run(USE + 'pending = make()\\n')\n"
        "        one.run('for aw in pending: aw.throw(KeyError) if aw is None else None\\n')\n"
        "        one.run('every_word.gives(Ready(3)).close(); pending[0].close()\\n')\n"
        "more = make()\n"
        "for aw in mine + more:\n"
        "    try:\n"
        "        while True: aw.throw(KeyError())\n"
        "    except (KeyError, RuntimeError): pass\n"
        "print('done')\n"
    )
    assert printed(code, "-W", "ignore", kind=kind, USE=USE) == ["done"]


def test_the_interpreter_ends_with_pending_bodies(printed):
    assert printed("pending = make()\nprint(len(pending))\n", "-W", "ignore") == ["9"]
    assert printed("sys.pending = make()\nsys.pending.append(sys.pending)\nprint('cycle')\n", "-W", "ignore") == ["cycle"]


def test_a_module_goes_while_bodies_of_it_are_pending(printed):
    """Its code stays, as that of every extension does."""
    code = (
        "pending = make()\n"
        "del sys.modules['every_word'], every_word, MAKE\n"
        "gc.collect()\n"
        "try: pending[0].send(5)\n"
        "except StopIteration as stop: print(stop.value)\n"
        "for aw in pending[1:]:\n"
        "    try:\n"
        "        while True: aw.throw(KeyError('thrown in'))\n"
        "    except (KeyError, RuntimeError) as error: print(type(error).__name__)\n"
    )
    assert printed(code, "-W", "ignore") == ["5", *["KeyError"] * 8]


# ---- Depth ---------------------------------------------------------------------------------------

DEEP = """
def nested(depth, innermost):
    aw = innermost
    for _ in range(depth):
        aw = every_word.cleans(aw_of(aw), Ready())
    return aw

def aw_of(aw):
    return lambda: aw
"""


@pytest.mark.parametrize("depth", [300, 50_000])
def test_fifty_thousand_nested_bodies_give_recursion_error_or_the_result(depth, printed):
    code = DEEP + (
        "aw = nested(depth, Ready('result'))\n"
        "try: aw.send(None)\n"
        "except StopIteration as stop: print(stop.value)\n"
        "except RecursionError: print('RecursionError')\n"
        "del aw; gc.collect()\n"
        "print('released')\n"
    )
    outcome = printed(code, "-W", "ignore", depth=depth)
    assert outcome in [["result", "released"], ["RecursionError", "released"]][: 1 if depth == 300 else 2]


def test_a_deep_nest_is_suspended_thrown_into_and_closed(printed):
    code = DEEP + (
        "for end in ('send', 'throw', 'close', 'drop'):\n"
        "    aw = nested(200, Suspends())\n"
        "    assert aw.send(None) == 'suspended'\n"
        "    try:\n"
        "        if end == 'send': aw.send(5)\n"
        "        elif end == 'throw': aw.throw(KeyError())\n"
        "        elif end == 'close': aw.close()\n"
        "    except StopIteration as stop: print(stop.value)\n"
        "    except KeyError: print('KeyError')\n"
        "    del aw; gc.collect()\n"
        "print('done')\n"
    )
    assert printed(code) == ["5", "KeyError", "done"]


def test_a_chain_of_a_hundred_thousand_is_dropped(printed):
    """Each is in the frame of the next, and none was begun."""
    code = "aw = Ready()\nfor _ in range(100_000): aw = every_word.gives(aw)\ndel aw; gc.collect(); print('dropped')\n"
    assert printed(code, "-W", "ignore") == ["dropped"]


# ---- Threads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(9))
def test_threads_step_throw_into_and_close_one_body(number, printed):
    """One of them at a time; the others are told so. Every body ends, and what it held goes, once.

    One that suspends while it is closed raises GeneratorExit when it is sent something, as a coroutine does.
    """
    code = (
        "import random, weakref\n"
        "function, arguments, steps = MAKE[number]\n"
        "wrong = []\n"
        "def act(aw, seed, barrier):\n"
        "    chance = random.Random(seed)\n"
        "    barrier.wait(60)\n"
        "    for _ in range(20):\n"
        "        try:\n"
        "            what = chance.randrange(6)\n"
        "            if what < 3: aw.send(None)\n"
        "            elif what == 3: aw.throw(KeyError())\n"
        "            elif what == 4: aw.close()\n"
        "            else: aw.cr_suspended, aw.cr_await, aw.__sizeof__(), gc.collect(0)\n"
        "        except (StopIteration, KeyError, ValueError, RuntimeError, TypeError, GeneratorExit): pass\n"
        "        except BaseException as error: wrong.append(repr(error))\n"
        "sys.setswitchinterval(1e-5)\n"
        "for round in range(60):\n"
        "    each = Suspends()\n"
        "    alive = weakref.ref(each)\n"
        "    aw, barrier = function(*[each] * len(arguments)), threading.Barrier(4)\n"
        "    del each\n"
        "    threads = [threading.Thread(target=act, args=(aw, round * 4 + n, barrier)) for n in range(4)]\n"
        "    for thread in threads: thread.start()\n"
        "    for thread in threads: thread.join()\n"
        "    try:\n"
        "        while True: aw.throw(KeyError())\n"
        "    except (KeyError, RuntimeError): pass\n"
        "    del aw, threads\n"
        "    gc.collect()\n"
        "    if alive() is not None: wrong.append('leaked')\n"
        "print(*wrong, 'done')\n"
    )
    assert printed(code, "-W", "ignore", number=number) == ["done"]
