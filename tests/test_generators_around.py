"""Asynchronous generators and what is around them: the end of an interpreter, subinterpreters, fork.

Each program runs in a process of its own, with the generators in C and with those of Python, and must print the same.
"""

import collections
import os
import re
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
KINDS = ["legacy", "own"] if sys.version_info >= (3, 12) else ["legacy"]
MANY = 1000
# What is left out of a report. What is garbage together is finalized in an order of the collector's own: an outer one may be
# first, or an inner one, and so their names differ.
NAMED = re.compile(r"PyAwaitable_| at 0x\w+|(?<=generator object) \w+|(coroutine|async generator) (?=ignored)")

USE = """
import asyncio, gc, sys, types
import {module} as generators

counted = {{}}

def note(text, value=None):
    counted[text] = counted.get(text, 0) + 1

@types.coroutine
def wait(text):
    return (yield text)

class Block:
    async def __aenter__(self):
        note("enters")
    async def __aexit__(self, *exception):
        note("leaves")

def make(number, wait=wait):
    kind = number % 5
    if kind == 0: return generators.counts()
    if kind == 1: return generators.talks(note, wait)
    if kind == 2: return generators.cleans(note, wait)
    if kind == 3: return generators.enters(note, wait, Block())
    return generators.relays(note, wait, make(number // 5, wait))

def begin(generator):
    # Until it has yielded its first item.
    try: generator.__anext__().send(None)
    except StopIteration as stop: return stop.value
    raise AssertionError("suspended")

def begin_step(number):
    # In the middle of its second step, if it is of a kind that awaits there.
    generator = make(number)
    begin(generator)
    step = generator.asend(None)
    try: step.send(None)
    except StopIteration: pass
    return generator, step

def show(*more):
    print(*more, *sorted(counted.items()), flush=True)
"""


@pytest.fixture
def printed(run_python):
    """What a program prints with either kind of generators: the lines, and how often each is reported."""

    def printed(code, **values):
        assigned = "".join(f"{name} = {value!r}\n" for name, value in values.items())
        seen = []
        for module in "generator_twins", "generators":
            use = USE.format(module=module)
            environment = {"PYTHONPATH": f"{TESTS}:{TESTS / 'stress'}", "PYTHONMALLOC": "debug"}
            finished = run_python(f"{assigned}{use}USE = {use!r}\n{code}", "-W", "ignore", env=environment)
            reports = re.findall(r"^(?:Exception ignored|\w*(?:Error|Exit|Warning)\b).*", finished.stderr, re.M)
            seen.append((finished.stdout.splitlines(), collections.Counter(NAMED.sub("", report) for report in reports)))
        assert seen[0] == seen[1]
        return seen[1]

    return printed


# ---- The end of the interpreter ------------------------------------------------------------------

# Where they are at the end: a global, or in a cycle where modules are not looked for.
KEPT = ["", "kept.append(kept); sys.kept = kept; del kept\n"]

HOOKS = {
    "none": "",
    "counted": "sys.set_asyncgen_hooks(lambda generator: note('first'), lambda generator: note('finalizer'))\n",
    "closing": (
        "def close(generator):\n"
        "    try: generator.aclose().send(None)\n"
        "    except StopIteration: pass\n"
        "sys.set_asyncgen_hooks(finalizer=close)\n"
    ),
    "kept": "revived = []\nsys.set_asyncgen_hooks(finalizer=revived.append)\n",
    "raising": "def refuse(generator): raise OSError('of the hook')\nsys.set_asyncgen_hooks(finalizer=refuse)\n",
}


@pytest.mark.parametrize("where", KEPT)
@pytest.mark.parametrize("hooks", HOOKS)
def test_the_interpreter_ends_with_suspended_ones(hooks, where, printed):
    code = "kept = [make(number) for number in range(many)]\nfor each in kept: begin(each)\ndel each\nshow(len(kept))\n"
    lines, reports = printed(HOOKS[hooks] + code + where, many=MANY)
    assert len(lines) == 1 and lines[0].startswith(str(MANY))


@pytest.mark.parametrize("where", KEPT)
@pytest.mark.parametrize("hooks", HOOKS)
def test_the_interpreter_ends_in_the_middle_of_steps(hooks, where, printed):
    code = "kept = [begin_step(number) for number in range(many)]\nshow(len(kept))\n"
    lines, _ = printed(HOOKS[hooks] + code + where, many=MANY)
    assert len(lines) == 1


ASYNCIO = """
async def sleep(text):
    await asyncio.sleep(0 if text != "forever" else 3600)

async def take(generator):
    return await generator.__anext__()

async def take_all(generator):
    async for _ in generator:
        note("taken")
        await asyncio.sleep(3600)

async def hang(number):
    # In the middle of a step.
    generator = generators.waits(note, lambda text: sleep("forever"))
    await generator.__anext__()

async def main():
    for generator in kept:
        await take(generator)

kept = [make(number, sleep) for number in range(many)]
loop = asyncio.new_event_loop()
"""


def test_a_loop_that_is_shut_down_closes_them(printed):
    lines, reports = printed(ASYNCIO + "loop.close()\nasyncio.run(main())\nshow(len(kept))\n", many=MANY)
    assert lines[0].startswith(f"{MANY} ") and "('cleaned', 2" in lines[0]


def test_the_interpreter_ends_after_a_loop_that_was_not_shut_down(printed):
    for end in "", "loop.close()\n", "loop.close(); del kept[::2]; gc.collect()\n", "del kept[::2]; gc.collect()\n":
        lines, _ = printed(ASYNCIO + "loop.run_until_complete(main())\nshow(len(kept))\n" + end, many=MANY)
        assert lines[0].startswith(f"{MANY} ")


@pytest.mark.parametrize("end", ["", "sys.exit(0)\n", "loop.close()\n", "del tasks; gc.collect()\n"])
def test_the_interpreter_ends_with_tasks_in_the_middle_of_steps(end, printed):
    code = (
        "async def begin_tasks():\n"
        "    global tasks\n"
        "    tasks = [asyncio.ensure_future(hang(number)) for number in range(many)]\n"
        "    tasks += [asyncio.ensure_future(take_all(generator)) for generator in kept]\n"
        "    for _ in range(5): await asyncio.sleep(0)\n"
        "loop.run_until_complete(begin_tasks())\n"
        "show(len(tasks))\n"
    )
    lines, _ = printed(ASYNCIO + code + end, many=MANY)
    assert lines[0].startswith(f"{2 * MANY} ") and f"('taken', {MANY})" in lines[0]


# ---- Subinterpreters -----------------------------------------------------------------------------


@pytest.mark.parametrize("hooks", HOOKS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_subinterpreter_ends_with_suspended_ones(kind, hooks, printed):
    """The main one, and another that begins later, go on with theirs."""
    code = (
        "from interpreters import Interpreter\n"
        "pend = hooks + 'kept = [make(number) for number in range(40)]\\nfor each in kept: begin(each)\\n'\n"
        "pend += 'steps = [begin_step(number) for number in range(40)]\\n'\n"
        "mine = [make(number) for number in range(40)]\n"
        "for each in mine: begin(each)\n"
        "with Interpreter(kind) as one:\n"
        "    one.run(USE + pend)\n"
        "    with Interpreter(kind) as two:\n"
        "        two.run(USE + pend + 'kept.append(kept); sys.kept = kept; del kept\\n')\n"
        "    one.run('for each in kept[::2]:\\n    try: each.__anext__().send(None)\\n'\n"
        "            '    except (StopIteration, StopAsyncIteration): pass\\n')\n"
        "    one.run('del kept[1]; gc.collect(); show()')\n"
        "for each in mine:\n"
        "    try:\n"
        "        step = each.aclose()\n"
        "        while True: step.send(None)\n"
        "    except StopIteration: pass\n"
        "show('done')\n"
    )
    lines, _ = printed(code, kind=kind, hooks=HOOKS[hooks])
    assert lines[-1].startswith("done") and "('cleaned', " in lines[-1]


# ---- Fork ----------------------------------------------------------------------------------------

FORK = """
import os

def fork():
    child = os.fork()
    where.append("parent" if child else "child")
    children.append(child)

where, children, taken = [], [], []

def drive(awaitable):
    # To its end; the process is forked while it is suspended for the time that was asked for.
    steps = 0
    try:
        while True:
            awaitable.send(None)
            steps += 1
            if steps == at: fork()
    except StopIteration as stop:
        return stop.value

def end():
    # The child is first, so that the lines are in order.
    if where[0] == "parent":
        assert os.waitpid(children[0], 0)[1] == 0
    show(where[0], taken)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_fork_while_an_iteration_awaits(at, printed):
    """Child and parent both finish theirs, what is awaited in the clean-up included."""
    code = FORK + (
        "async def consume():\n"
        "    generator = generators.talks(note, wait)\n"
        "    async for item in generator:\n"
        "        taken.append(item)\n"
        "        await wait('between')\n"
        "    generator = generators.cleans(note, wait)\n"
        "    taken.append(await generator.__anext__())\n"
        "    await generator.aclose()\n"
        "drive(consume())\n"
        "end()\n"
    )
    lines, _ = printed(code, at=at)
    shown = " [1, 2, 1] ('awaited', 2) ('cleaned', 1) ('finally', 1) ('got', 2)"
    assert lines == [f"child{shown}", f"parent{shown}"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_fork_inside_a_step(printed):
    """The generator runs while the process is forked."""
    code = FORK + (
        "forked = []\n"
        "def given():\n"
        "    if not forked: forked.append(fork())\n"
        "    return len(where)\n"
        "at = 0\n"
        "async def consume():\n"
        "    async for item in generators.calls(note, wait, given): taken.append(item)\n"
        "drive(consume())\n"
        "end()\n"
    )
    assert printed(code)[0] == ["child [1, 1]", "parent [1, 1]"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_fork_with_many_suspended(printed):
    """The child drops them, while the parent goes on."""
    code = FORK + (
        "kept = [make(number) for number in range(many)]\n"
        "for each in kept: begin(each)\n"
        "steps = [begin_step(number) for number in range(many)]\n"
        # Two processes would write at once.
        "sys.unraisablehook = lambda event: note('unraisable')\n"
        "fork()\n"
        "if where[0] == 'child':\n"
        "    del kept, steps, each\n"
        "    gc.collect()\n"
        "else:\n"
        "    for each in kept:\n"
        "        try:\n"
        "            step = each.aclose()\n"
        "            while True: step.send(None)\n"
        "        except StopIteration: pass\n"
        "    del steps\n"
        "end()\n"
    )
    lines, _ = printed(code, many=MANY)
    assert [line.split()[0] for line in lines] == ["child", "parent"]
    assert "('cleaned', " in lines[1]
