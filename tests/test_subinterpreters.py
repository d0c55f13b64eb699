"""Subinterpreters: legacy ones, and from 3.12 on those with their own GIL.

Each test runs in a separate process, under the debug allocator: releasing anything twice, or by the wrong interpreter, ends the
process.
"""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from compiling import TESTS_1X, compile_extension

STRESS = Path(__file__).parent / "stress"
KINDS = ["legacy", "own"] if sys.version_info >= (3, 12) else ["legacy"]

kinds = pytest.mark.parametrize("kind", KINDS)
own_gil = pytest.mark.skipif(sys.version_info < (3, 12), reason="interpreters have a GIL of their own from 3.12 on")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where `keeper` is, and `compat1x`, which has no multi-phase initialization."""
    folder = tmp_path_factory.mktemp("keeper")
    compile_extension(folder, "keeper", [STRESS / "keeper" / "keeper.c"])
    compile_extension(folder, "compat1x", sorted(TESTS_1X.glob("*.c")))
    return folder


@pytest.fixture
def environment(folder):
    path = os.pathsep.join([str(folder), str(STRESS)])
    return {"PYTHONPATH": path, "PYTHONMALLOC": "debug"}


@pytest.fixture
def run(run_python, environment):
    def run(script, /, **values):
        """Run it with Interpreter, the text USE and these values; the words that it prints."""
        lines = ["from interpreters import Failed, Interpreter"]
        lines += [f"{name} = {value!r}" for name, value in {"USE": USE, **values}.items()]
        script = "\n".join([*lines, script])
        return run_python(script, "-W", "ignore", env=environment).stdout.split()

    return run


# An awaitable that is suspended, in any interpreter.
USE = """
import types, keeper

@types.coroutine
def suspend():
    return (yield "suspended")

async def inner():
    return await suspend()

def result(awaitable, value=None):
    try:
        awaitable.send(value)
    except StopIteration as stop:
        return stop.value

awaitable = keeper.once(inner())
assert awaitable.send(None) == "suspended"
"""
FINISH = "assert result(awaitable, 'sent') == 'sent'\n"


@kinds
def test_awaiting(run, kind):
    assert run(
        "with Interpreter(kind) as one: one.run(USE + FINISH)\nprint('done')",
        kind=kind,
        FINISH=FINISH,
    ) == ["done"]


@kinds
def test_asyncio(run, kind):
    if sys.version_info[:2] == (3, 12) and kind == "own":
        pytest.skip("asyncio.run() alone corrupts memory there, without any extension (3.12.1)")
    code = (
        "import asyncio, keeper\n"
        "async def main():\n"
        "    return await keeper.once(asyncio.sleep(0.01, 'value'))\n"
        "assert asyncio.run(main()) == 'value'\n"
    )
    assert run("with Interpreter(kind) as one: one.run(code)\nprint('done')", kind=kind, code=code)


@own_gil
def test_the_module_declares_that_it_bears_a_gil_of_its_own(run):
    """An isolated interpreter refuses those that do not, as it does an extension of 1.x."""
    assert run(
        "with Interpreter('own') as one:\n"
        "    one.run('import _pyawaitable, pyawaitable; pyawaitable.PyAwaitable')\n"
        "    try: one.run('import compat1x')\n"
        "    except Failed as error: print('ImportError' in str(error))\n"
    ) == ["True"]


@kinds
def test_each_interpreter_has_types_of_its_own(run, kind):
    code = (
        "import os, keeper, pyawaitable\n"
        "assert keeper.get_type() is pyawaitable.PyAwaitable\n"
        "os.write(1, b'%d\\n' % id(pyawaitable.PyAwaitable))\n"
    )
    types = run(
        "with Interpreter(kind) as one, Interpreter(kind) as two:\n"
        "    one.run(code); exec(code); two.run(code)\n"
        "    one.run(code); two.run(code); exec(code)\n",
        kind=kind,
        code=code,
    )
    one, main, two = types[:3]
    assert len({one, main, two}) == 3
    assert types[3:] == [one, two, main]


@kinds
def test_one_thread_in_several_interpreters_by_turns(run, kind):
    assert run(
        "exec(USE)\n"
        "with Interpreter(kind) as one:\n"
        "    one.run(USE)\n"
        "    with Interpreter(kind) as two:\n"
        "        two.run(USE)\n"
        "        one.run(FINISH)\n"
        "        one.run(USE)\n"
        "    one.run(FINISH)\n"
        "exec(FINISH)\n"
        "print('done')\n",
        kind=kind,
        FINISH=FINISH,
    ) == ["done"]


@kinds
def test_an_extension_imported_first_in_a_subinterpreter(run, kind):
    assert run(
        "import sys\n"
        "with Interpreter(kind) as one: one.run(USE + FINISH)\n"
        "assert '_pyawaitable' not in sys.modules\n"
        "exec(USE + FINISH)\n"
        "with Interpreter(kind) as two: two.run(USE + FINISH)\n"
        "exec(USE + FINISH)\n"
        "print('done')\n",
        kind=kind,
        FINISH=FINISH,
    ) == ["done"]


@kinds
def test_the_subinterpreter_goes_on_when_another_ends(run, kind):
    assert run(
        "one, two = Interpreter(kind), Interpreter(kind)\n"
        "one.run(USE); two.run(USE); exec(USE)\n"
        "one.destroy()\n"
        "two.run(FINISH); exec(FINISH)\n"
        "two.run(USE); two.destroy(); exec(USE + FINISH)\n"
        "print('done')\n",
        kind=kind,
        FINISH=FINISH,
    ) == ["done"]


@pytest.mark.parametrize(("kind", "count", "threads"), [("legacy", 40, 1), (KINDS[-1], 200, 4)], ids=["serial", "many"])
def test_many_interpreters(kind, count, threads, environment):
    program = STRESS / "many_interpreters.py"
    options = ["--kind", kind, "--count", str(count), "--threads", str(threads)]
    finished = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(program), *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith(f"{count} subinterpreters ({kind})")


# Objects that outlive what made them

WITHOUT_MODULES = """
import gc, sys
for name in ("pyawaitable", "_pyawaitable"):
    sys.modules.pop(name, None)
gc.collect()
"""


@pytest.mark.parametrize("kind", ["main", *KINDS])
def test_an_object_outlives_the_modules(run, kind):
    """The type's module may go from sys.modules, and every other user with it."""
    code = (
        "keeper.keep(awaitable); del awaitable\n"
        "once, take, get_type = keeper.once, keeper.take, keeper.get_type\n"
        "first = get_type()\n"
        "del sys.modules['keeper'], keeper\n"
        + WITHOUT_MODULES
        + "awaitable = take()\n"
        + FINISH
        + "assert get_type() is first\n"
        "import pyawaitable\n"
        "assert pyawaitable.PyAwaitable is first\n"
    )
    code = USE + "import sys\n" + code
    if kind == "main":
        assert run("exec(code)\nprint('done')", code=code) == ["done"]
    else:
        whole = "with Interpreter(kind) as one: one.run(code)\nprint('done')"
        assert run(whole, kind=kind, code=code) == ["done"]


LATE = {
    "suspended": "keeper.keep_to_the_end(awaitable)",
    "finished": "result(awaitable); keeper.keep_to_the_end(awaitable)",
    "iterator": "it = keeper.once(inner()).__await__(); next(it); keeper.keep_to_the_end(it)",
    "in a cycle": "cycle = [keeper.once(inner())]; cycle[0].send(None); cycle.append(cycle)\nkeeper.keep_to_the_end(cycle)",
    "leaked": "keeper.keep(awaitable)",
}
if sys.version_info >= (3, 10):
    # 3.9 crashes when something warns that late: a native coroutine does it, too.
    LATE["never awaited"] = "keeper.keep_to_the_end(keeper.once(inner()))"


@kinds
@pytest.mark.parametrize("state", LATE)
def test_an_object_outlives_all_modules(run, kind, state):
    """The interpreter's dictionary is cleared after the last module, and C variables never."""
    assert run(
        "with Interpreter(kind) as one: one.run(USE + late)\nexec(USE + FINISH)\nprint('done')\n",
        kind=kind,
        late=LATE[state],
        FINISH=FINISH,
    ) == ["done"]


@kinds
@pytest.mark.parametrize("act", ["awaitable.close()", "awaitable.__await__()", "once(inner())"])
def test_an_object_is_used_after_all_modules(run, kind, act):
    """By a destructor. It works or raises, and nothing crashes."""
    late = (
        "class Late:\n"
        "    def __init__(self): self.kept = awaitable, keeper.once, inner\n"
        "    def __del__(self):\n"
        "        awaitable, once, inner = self.kept\n"
        f"        try: {act}\n"
        "        except RuntimeError: pass\n"
        "keeper.keep_to_the_end(Late())\n"
        "result(awaitable)\n"
    )
    assert run(
        "for _ in range(3):\n    with Interpreter(kind) as one: one.run(USE + late)\nexec(USE + FINISH)\nprint('done')\n",
        kind=kind,
        late=late,
        FINISH=FINISH,
    ) == ["done"]


@kinds
def test_a_destructor_ends_another_interpreter(run, kind):
    """What that one releases is released there, however deep the chain of objects is."""
    chain = (
        "import keeper\n"
        "class Link:\n"
        "    def __init__(self, below): self.below = below\n"
        "    def __await__(self): yield\n"
        "chain = None\n"
        "for _ in range(200): chain = keeper.once(Link(chain))\n"
    )
    assert run(
        "import keeper\n"
        "one = Interpreter(kind)\n"
        "one.run(chain)\n"
        "class Destroys:\n"
        "    def __await__(self): yield\n"
        "    def __del__(self):\n"
        "        one.run('del chain')\n"
        "        one.destroy()\n"
        "awaitable = keeper.once(Destroys())\n"
        "del awaitable\n"
        "print('done')\n",
        kind=kind,
        chain=chain,
    ) == ["done"]


# Functions, some of which are left suspended, in a cycle with their module and type.
FUNCTIONS = """
class Owner: pass

keeper.install(keeper)
keeper.install(Owner)
functions = keeper.cleaned, Owner().cleaned, Owner.of_class
suspended = [function(inner(), "".join(["a ", "text"])) for function in functions]
for each in suspended:
    assert each.send(None) == "suspended"
left = [function(inner(), "left") for function in functions]
for each in left:
    each.send(None)
keeper.left, Owner.left = left, left[1:]
"""
FINISH_FUNCTIONS = "assert [result(each, 'sent') for each in suspended] == [('a text', 'sent')] * 3\n"


@kinds
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_functions_of_interpreters_that_end_in_any_order(run, kind, order):
    """Each has functions of its own, and its clean-ups run while it ends."""
    assert run(
        "import keeper\n"
        "ones = [Interpreter(kind) for _ in range(3)]\n"
        "for one in ones: one.run(USE + FUNCTIONS)\n"
        "exec(USE + FUNCTIONS)\n"
        "for number, which in enumerate(order):\n"
        "    if number != 1: ones[which].run(FINISH_FUNCTIONS)\n"
        "    ones[which].destroy()\n"
        "    for other in order[number + 1:]: ones[other].run('assert keeper.cleaned.__name__ == \"cleaned\"')\n"
        "exec(FINISH_FUNCTIONS)\n"
        "before = keeper.clean_ups()\n"
        "keeper.left = Owner.left = None\n"
        "del left, each\n"
        "print(*before, *keeper.clean_ups())\n",
        kind=kind,
        order=order,
        FUNCTIONS=FUNCTIONS,
        FINISH_FUNCTIONS=FINISH_FUNCTIONS,
    ) == ["24", "21", "24", "24"]


@kinds
def test_clean_ups_of_what_outlives_all_modules(run, kind):
    late = "keeper.keep_to_the_end(suspended)\nkeeper.keep_to_the_end(functions)\n"
    assert run(
        "import keeper\n"
        "for _ in range(3):\n"
        "    with Interpreter(kind) as one: one.run(USE + FUNCTIONS + late)\n"
        "print(*keeper.clean_ups())\n",
        kind=kind,
        FUNCTIONS=FUNCTIONS,
        late=late,
    ) == ["18", "18"]


def test_the_type_of_the_1x_table_survives_a_subinterpreter_that_came_first(run):
    """The table is one for the process; the main interpreter's extensions read its type."""
    assert run(
        "one = Interpreter('legacy')\n"
        "one.run('import _pyawaitable')\n"
        "from pyawaitable import PyAwaitable, bindings\n"
        "assert bindings.abi.PyAwaitableType is PyAwaitable\n"
        "one.destroy()\n"
        "assert bindings.abi.PyAwaitableType is PyAwaitable\n"
        "print('done')\n"
    ) == ["done"]


# A generator that has yielded, in any interpreter.
GENERATOR = """
import generators, keeper, types

@types.coroutine
def wait(text):
    return (yield text)

def make():
    generator = generators.cleans(lambda text, value: None, wait)
    assert result(generator.asend(None)) == 1
    return generator

def result(awaitable, value=None):
    try:
        awaitable.send(value)
    except StopIteration as stop:
        return stop.value

generator = make()
"""
LATE_GENERATORS = {
    "suspended": "keeper.keep_to_the_end(generator)",
    "in the middle of a step": "step = generator.aclose(); step.send(None); keeper.keep_to_the_end([generator, step])",
    "finished": "result(generators.counts().aclose()); keeper.keep_to_the_end(generator)",
    "in a cycle": "cycle = [generator]; cycle.append(cycle); keeper.keep_to_the_end(cycle)",
    "a step alone": "step = generator.aclose(); del generator; keeper.keep_to_the_end(step)",
    "leaked": "keeper.keep(generator)",
    "with a hook": (
        "import sys; sys.set_asyncgen_hooks(None, lambda generator: None)\n"
        "generator = make(); keeper.keep_to_the_end(generator)"
    ),
    "used by a destructor": (
        "class Late:\n"
        "    def __init__(self): self.kept = generator, generators.counts\n"
        "    def __del__(self):\n"
        "        generator, counts = self.kept\n"
        "        for make in generator.aclose, counts, lambda: counts().__anext__():\n"
        "            try: make()\n"
        "            except RuntimeError: pass\n"
        "keeper.keep_to_the_end(Late())\n"
    ),
}


@kinds
@pytest.mark.parametrize("state", LATE_GENERATORS)
def test_a_generator_outlives_all_modules(run, kind, state):
    assert run(
        "for _ in range(3):\n    with Interpreter(kind) as one: one.run(GENERATOR + late)\nexec(GENERATOR)\nprint('done')\n",
        kind=kind,
        late=LATE_GENERATORS[state],
        GENERATOR=GENERATOR,
    ) == ["done"]


@kinds
def test_generators_of_each_interpreter(run, kind):
    code = GENERATOR + "import os; os.write(1, b'%d\\n' % id(type(generator))); assert result(generator.aclose()) is None\n"
    types = run(
        "with Interpreter(kind) as one, Interpreter(kind) as two:\n"
        "    one.run(code); exec(code)\n"
        "    two.run(code); one.run(code)\n",
        kind=kind,
        code=code,
    )
    assert len(set(types)) == 3 and types[0] == types[3]


WAKERS = """
import asyncio, outside

class WithoutReaders(asyncio.SelectorEventLoop):
    def add_reader(self, *arguments):
        raise NotImplementedError

def woken(loop):
    given = []
    async def main():
        def note(what):
            if not isinstance(what, int):
                given.append(what)
        task = asyncio.ensure_future(wait(note))
        await asyncio.sleep(0.01)
        outside.wake(given)
        assert await task == 1
        # This one is being woken while the interpreter ends.
        task = asyncio.ensure_future(wait(note, 10 ** 9))
        await asyncio.sleep(0.01)
        outside.wake_later(given, 0, 10 ** 6)
    async def wait(note, times=1):
        return await outside.parks(note, times)
    loop.run_until_complete(main())

woken(LOOP())
"""


@kinds
@pytest.mark.parametrize("loop", ["asyncio.SelectorEventLoop", "WithoutReaders"])
def test_wakers_of_interpreters_that_end(run, kind, loop):
    if sys.version_info[:2] == (3, 12) and kind == "own":
        pytest.skip("asyncio alone corrupts memory there, without any extension (3.12.1)")
    assert run(
        "for _ in range(10):\n    with Interpreter(kind) as one: one.run(code)\nexec(code)\nprint('done')\n",
        kind=kind,
        code=WAKERS.replace("LOOP", loop),
    ) == ["done"]
