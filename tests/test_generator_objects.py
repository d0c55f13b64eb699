"""Asynchronous generators in C as objects: what they are, what they hold, what is refused, how they go."""

import asyncio
import collections.abc
import copy
import gc
import inspect
import linecache
import os
import pickle
import sys
import sysconfig
import threading
import types
import weakref
from pathlib import Path

import generator_twins
import generators
import pytest

# From here on, `close` of a step closes its generator.
STRICT = sys.version_info >= (3, 13)
SOURCE = Path(__file__).parent / "ext" / "generators" / "generators.c"


def note(text, value):
    pass


@types.coroutine
def wait(text):
    return (yield text)


def finish(awaitable):
    try:
        awaitable.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("suspended")


async def collected(iterable):
    return [item async for item in iterable]


def line_of(comment):
    for number, line in enumerate(SOURCE.read_text(encoding="utf-8").splitlines(), 1):
        if f"/* {comment} */" in line:
            return number
    raise AssertionError(comment)


# ---- What they are -------------------------------------------------------------------------------


def test_it_is_an_asynchronous_generator():
    generator = generators.counts()
    assert isinstance(generator, collections.abc.AsyncGenerator)
    assert not isinstance(generator, collections.abc.Awaitable)
    assert type(generator).__name__ == "PyAwaitable_async_generator"
    assert aiter_of(generator) is generator
    assert inspect.isasyncgenfunction(generators.counts)
    assert type(generator)[int, str].__args__ == (int, str)
    with pytest.raises(TypeError, match="cannot create"):
        type(generator)()
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Sub", (type(generator),), {})


def aiter_of(iterable):
    return type(iterable).__aiter__(iterable)


def test_its_steps_are_coroutines():
    generator = generators.counts()
    steps = [generator.__anext__(), generator.asend(None), generator.athrow(KeyError), generator.aclose()]
    for step in steps:
        assert isinstance(step, collections.abc.Coroutine)
        assert asyncio.iscoroutine(step)
        assert type(step).__name__ == "PyAwaitable"
        step.close()
    assert [step.__name__ for step in steps] == ["async_generator_asend"] * 2 + ["async_generator_athrow"] * 2


def test_names():
    generator = generators.counts()
    assert (generator.__name__, generator.__qualname__) == ("counts", "counts")
    assert repr(generator).startswith("<PyAwaitable_async_generator object counts at 0x")
    generator.__name__, generator.__qualname__ = "one", "K.one"
    assert (generator.__name__, generator.__qualname__) == ("one", "K.one")
    assert "object K.one at" in repr(generator)
    with pytest.raises(TypeError, match="must be set to a string"):
        generator.__name__ = 3
    assert generators.plain().__name__ == "counts"


def test_attributes():
    generator = generators.talks(note, wait)
    assert generator.ag_frame is None
    assert generator.ag_code.co_name == "talks"
    assert generator.ag_code.co_filename.endswith("generators.c")
    assert generator.ag_running is False
    assert generator.ag_await is None
    finish(generator.asend(None))
    step = generator.asend(None)
    step.send(None)
    assert generator.ag_running is True
    assert type(generator.ag_await).__name__ == "generator"
    assert hasattr(generator, "ag_suspended") == (sys.version_info >= (3, 12))
    assert hasattr(generator, "ag_state") == (sys.version_info >= (3, 15))
    if sys.version_info >= (3, 12):
        assert generator.ag_suspended is True
        # From 3.15 on, what the body is doing counts.
        running = "AGEN_SUSPENDED" if sys.version_info >= (3, 15) else "AGEN_RUNNING"
        assert inspect.getasyncgenstate(generator) == running
    step.close()


def test_it_cannot_be_copied_or_pickled():
    generator = generators.counts()
    for refused in (lambda: copy.copy(generator), lambda: pickle.dumps(generator)):
        with pytest.raises(TypeError, match="cannot pickle 'pyawaitable.PyAwaitable_async_generator' object"):
            refused()


def test_how_large_it_is():
    """As a native one: a pending one with three references takes at most 216 bytes. This has five."""
    generator = generators.talks(note, wait)
    finish(generator.asend(None))
    two_references = 2 * tuple.__itemsize__
    if sys.maxsize > 2**32 and not sysconfig.get_config_var("Py_GIL_DISABLED"):
        # Without the blocks of its TRY, which are made when that is entered.
        assert sys.getsizeof(generators.talks(note, wait)) - two_references <= 216
    assert sys.getsizeof(generator) > sys.getsizeof(generators.counts())


def test_weak_references():
    generator = generators.talks(note, wait)
    reference = weakref.ref(generator)
    assert generator in weakref.WeakSet([generator])
    finish(generator.asend(None))
    del generator
    assert reference() is None


# ---- What they hold ------------------------------------------------------------------------------


class Value:
    """Something that can be watched dying."""


def test_references_are_released_at_the_end():
    def given():
        pass

    reference = weakref.ref(given)
    generator = generators.calls(note, wait, given)
    del given
    finish(generator.asend(None))
    finish(generator.asend(None))
    assert reference() is not None
    with pytest.raises(StopAsyncIteration):
        finish(generator.asend(None))
    assert reference() is None


@pytest.mark.parametrize("begun", [False, True])
def test_a_cycle_is_collected(begun):
    value = Value()
    reference = weakref.ref(value)
    value.generator = generators.raises_later(note, wait, value)
    if begun:
        finish(value.generator.asend(None))
    del value
    gc.collect()
    assert reference() is None


def test_a_cycle_through_a_step_and_through_a_finalizer():
    def finalizer(generator):
        finalized.append(generator.ag_running)

    finalized = []
    cell = Value()
    finalizer.cell = cell
    reference = weakref.ref(cell)
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, finalizer)
    try:
        cell.generator = generators.calls(note, wait, cell)
        cell.step = cell.generator.asend(cell)
        cell.step.close()
        cell.generator.asend(cell).close()
    finally:
        sys.set_asyncgen_hooks(*hooks)
    del cell, finalizer
    gc.collect()
    assert reference() is None
    assert finalized == ([] if STRICT else [False])


@pytest.mark.parametrize("module", [generators, generator_twins], ids=["in C", "async def"])
def test_a_step_that_somebody_has_keeps_its_generator(module):
    async def main():
        generator = module.counts()
        step = generator.__anext__()
        log.extend([await step, await generator.__anext__()])
        del generator
        log.append("dropped")
        del step
        log.append("gone")

    log = []
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, lambda generator: log.append("finalized"))
    try:
        finish(main())
    finally:
        sys.set_asyncgen_hooks(*hooks)
    assert log == [0, 1, "dropped", "finalized", "gone"]


def test_no_step_can_be_told_from_a_new_one():
    async def main():
        generator = generators.counts()
        assert await generator.__anext__() == 0
        kept = []
        for number in 1, 2:
            step = generator.__anext__()
            assert step.__name__ == "async_generator_asend" and step.cr_await is None
            kept.append((step, weakref.ref(step)))
            step.__name__ = "used"
            assert await step == 2 * number - 1
            assert await generator.__anext__() == 2 * number
        assert len({id(step) for step, _ in kept}) == 2
        for step, _ in kept:
            with pytest.raises(RuntimeError, match="cannot reuse already awaited"):
                await step
        del step
        while kept:
            reference = kept.pop()[1]
            assert reference() is None

    finish(main())


def test_a_long_chain_of_generators_goes():
    generator = generators.counts()
    for _ in range(50_000):
        generator = generators.relays(note, wait, generator)
    del generator
    gc.collect()


def test_clean_ups_run_when_it_ends():
    for ending in "end", "close", "drop", "drop unused":
        log = []
        generator = generators.cleans(note, wait) if ending == "close" else generators.counts()
        generators.add_cleanup(generator, log)
        if ending == "end":
            assert finish(collected(generator)) == list(range(6))
        elif ending == "close":
            finish(generator.aclose())
        elif ending == "drop":
            finish(generator.asend(None))
        assert log == (["cleaned up"] if ending in ("end", "close") else [])
        del generator
        assert log == ["cleaned up"]


# ---- What is refused -----------------------------------------------------------------------------


def fault(generator, comment):
    with pytest.raises(SystemError) as caught:
        finish(generator.asend(None))
    start, _, text = str(caught.value).partition(": ")
    assert start.startswith(f"body '{generator.__name__}', line {line_of(comment)} of ")
    assert start.endswith("generators.c")
    *_, last = caught.traceback
    assert (last.lineno + 1, last.name) == (line_of(comment), generator.__name__)
    linecache.clearcache()
    with pytest.raises(StopAsyncIteration):
        finish(generator.asend(None))
    return text, caught.value


def test_a_yield_of_null():
    text, error = fault(generators.yields_null(note, wait), "yields NULL")
    assert text == "an expression was NULL without an exception set"
    with pytest.raises(KeyError, match="its own"):
        finish(generators.yields_null(note, wait, KeyError("its own")).asend(None))


def test_a_yield_with_an_exception_set():
    text, error = fault(generators.yields_with_exception(note, wait), "yields with an exception")
    assert text == "it went on with an exception set"
    assert repr(error.__cause__) == "KeyError('left set')"


def test_a_return_of_a_value():
    generator = generators.returns_a_value(note, wait)
    assert finish(generator.asend(None)) == 1
    text, _ = fault(generator, "returns a value")
    assert text == "RETURN of something other than None in a generator"
    log = []
    generator = generators.returns_within(lambda text, value: log.append(text), wait)
    assert finish(generator.asend(None)) == 1
    with pytest.raises(SystemError, match="RETURN of something other than None in a generator"):
        finish(generator.asend(None))
    assert log == ["finally"]


def test_no_definition_and_no_frame():
    with pytest.raises(SystemError, match=r"NULL passed to PyAwaitable_NewGenerator\(\) where a definition is needed$"):
        generators.null_definition()
    with pytest.raises(SystemError, match=r"NULL passed to PyAwaitable_NewGenerator\(\) where the address of a pointer"):
        generators.null_frame()


def test_what_is_for_awaitables():
    step = generators.counts().aclose()
    with pytest.raises(RuntimeError, match="has a body of its own"):
        generators.add_await(generators.counts(), step)
    assert finish(step) is None
    with pytest.raises(TypeError, match="flagged METH_ASYNC, and returned '.*async_generator', which cannot be awaited"):
        generators.is_flagged_as_a_coroutine()
    with pytest.raises(TypeError):
        finish(awaits(generators.counts()))


async def awaits(object):
    await object


# ---- An iterator in C that is no generator -------------------------------------------------------


def test_an_iterator_by_methods():
    ticks = generators.ticks(generators.Ticks, 4)
    assert isinstance(ticks, collections.abc.AsyncIterator)
    assert inspect.iscoroutinefunction(generators.Ticks.__anext__)
    assert finish(collected(ticks)) == [0, 1, 2, 3]
    assert finish(collected(generators.relays(note, wait, generators.ticks(generators.Ticks, 3)))) == [0, 1, 2]
    with pytest.raises(StopAsyncIteration):
        ticks.__anext__()


# ---- Threads, interpreters, processes ------------------------------------------------------------


def test_threads_that_step_one_at_once():
    """Each item goes to one of them; who is too late is told so."""
    generator = generators.counts()
    barrier = threading.Barrier(4)
    items, refused = [], []

    def step():
        barrier.wait()
        while True:
            try:
                items.append(finish(generator.asend(None)))
            except StopAsyncIteration:
                return
            except (RuntimeError, ValueError) as error:
                refused.append(str(error))

    for _ in range(200):
        items.clear()
        threads = [threading.Thread(target=step) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(items) == list(range(6))
        generator = generators.counts()
    assert set(refused) <= {"anext(): asynchronous generator is already running"}


SUSPENDED = """
import asyncio, generators, sys, types

@types.coroutine
def wait(text):
    return (yield text)

def note(text, value):
    print(text)

kept = [generators.cleans(note, wait), generators.talks(note, wait), generators.relays(note, wait, generators.counts())]
for generator in kept:
    try:
        generator.asend(None).send(None)
    except StopIteration:
        pass
"""


def test_suspended_ones_at_exit(run_python):
    for more in "", "sys.modules['kept'] = kept", "kept.append(kept); del kept":
        finished = run_python(SUSPENDED + more)
        assert "Traceback" not in finished.stderr.replace("ignored GeneratorExit", "")


def test_hooks_at_exit(run_python):
    """asyncio's finalizer is called when its loop has gone."""
    code = SUSPENDED + (
        "async def main():\n"
        "    global kept\n"
        "    generator = generators.cleans(note, wait)\n"
        "    await generator.__anext__()\n"
        "    kept = generator\n"
        "loop = asyncio.new_event_loop()\n"
        "loop.run_until_complete(main())\n"
        "loop.close()\n"
    )
    finished = run_python(code)
    assert finished.returncode == 0


@pytest.mark.parametrize("module", [generator_twins, generators], ids=lambda module: module.__name__)
def test_what_it_handles_keeps_nothing_of_who_steps_it(module):
    """The traceback of what it has raised begins with a frame of its own, which leads nowhere while it is suspended."""

    def step(kept):
        assert finish(generator.asend(None)) == 1

    generator = module.handles(note, wait)
    value = Value()
    alive = weakref.ref(value)
    step(value)
    del value
    assert alive() is None


@pytest.mark.skipif(STRICT, reason="from 3.13 on a step that was abandoned keeps others out")
def test_athrow_of_generator_exit_into_what_is_awaited():
    """CPython throws it into all levels; a call of a coroutine's `throw` closes what that awaits."""
    for module, expected in (generator_twins, ("thrown",)), (generators, ()):
        seen = []

        @types.coroutine
        def pause(seen=seen):
            try:
                yield
            except GeneratorExit as exception:
                seen.append(exception.args)
                raise

        async def awaits(text, pause=pause):
            await pause()

        generator = module.cleans(note, awaits)
        finish(generator.asend(None))
        assert generator.asend(None).throw(ValueError()) is None
        step = generator.athrow(GeneratorExit("thrown"))
        assert step.send(None) is None
        assert seen == [expected]
        with pytest.raises(GeneratorExit, match="thrown"):
            step.send(None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_fork(run_python):
    code = SUSPENDED + (
        "import os\n"
        "child = os.fork()\n"
        "try:\n"
        "    kept[2].asend(None).send(None)\n"
        "except StopIteration as stop:\n"
        "    assert stop.value == 1\n"
        "if child:\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "print('done', flush=True)\n"
    )
    finished = run_python(code, "-W", "ignore")
    assert finished.stdout.count("done") == 2
