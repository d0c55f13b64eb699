"""docs/generators.md: its module is compiled, and what it says is tried."""

import asyncio
import collections.abc
import gc
import inspect
import re
import sys
import sysconfig
import types
import warnings
from pathlib import Path

import pytest
from compiling import compile_extension, load_extension

TEXT = (Path(__file__).parent.parent / "docs" / "generators.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```c\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module", params=["c99", "c++11"])
def streams(request, tmp_path_factory):
    """The blocks, as one module."""
    folder = tmp_path_factory.mktemp("streams")
    path = folder / ("streams.cpp" if "++" in request.param else "streams.c")
    path.write_text("".join(BLOCKS), encoding="utf-8")
    return load_extension(compile_extension(folder, "streams", [path], f"-std={request.param}"))


class Twins:
    """The Python in the comment above each."""


for block in BLOCKS:
    for comment in re.findall(r"^/\* ((?:async def|class) .*?)\n \*/", block, re.DOTALL | re.MULTILINE):
        exec(comment.replace("\n * ", "\n"), namespace := {})
        for name in namespace.keys() - {"__builtins__"}:
            setattr(Twins, name, namespace[name] if name == "Ticks" else staticmethod(namespace[name]))


class Reader:
    def __init__(self, *chunks):
        self.chunks, self.log = list(chunks), []

    async def read(self):
        self.log.append("read")
        await asyncio.sleep(0)
        return self.chunks.pop(0)

    async def close(self):
        await asyncio.sleep(0)
        self.log.append("closed")


def same(streams, scenario):
    """What the scenario returns with the generators in C, which is that of those in Python."""
    outcome = asyncio.run(scenario(streams))
    assert outcome == asyncio.run(scenario(Twins))
    return outcome


def test_each_block_has_its_twin():
    assert {name for name in vars(Twins) if not name.startswith("_")} == {
        "numbers",
        "chunks",
        "averages",
        "first",
        "Ticks",
    }


def test_the_first_generator(streams):
    async def scenario(module):
        return [number async for number in module.numbers(3)]

    assert same(streams, scenario) == [0, 1, 2]
    generator = streams.numbers(3)
    assert inspect.isasyncgenfunction(streams.numbers)
    assert generator.__name__ == "numbers"
    assert isinstance(generator, collections.abc.AsyncGenerator)
    assert not isinstance(generator, collections.abc.Awaitable)
    assert not inspect.isasyncgen(generator)
    assert str(inspect.signature(streams.numbers)) == "(stop)"
    with pytest.raises(TypeError):
        streams.numbers("three")


def test_nothing_is_read_before_it_is_asked_for(streams):
    async def scenario(module):
        reader = Reader("a", "b", "")
        log = reader.log
        stream = module.chunks(reader)
        async for chunk in stream:
            log.append(chunk)
            await asyncio.sleep(0)
        return log

    assert same(streams, scenario) == ["read", "a", "read", "b", "read", "closed"]


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="nothing is pooled without a GIL")
def test_an_item_takes_no_memory(streams):
    def drop_all():
        try:
            while True:
                generator.__anext__().send(None)
        except (StopIteration, StopAsyncIteration):
            pass

    generator = streams.numbers(1000)
    for _ in range(10):
        drop_all()
    before = sys.getallocatedblocks()
    for _ in range(500):
        drop_all()
    assert sys.getallocatedblocks() - before < 10


def test_values_that_are_sent(streams):
    async def scenario(module):
        generator = module.averages()
        outcome = [await generator.asend(None)]
        for number in 1, 2, 6:
            outcome.append(await generator.asend(number))
        try:
            await generator.asend("text")
        except TypeError:
            outcome.append("refused")
        return outcome

    assert same(streams, scenario) == [None, 1.0, 1.5, 3.0, "refused"]


def test_what_leaves_early_closes(streams):
    async def scenario(module):
        reader = Reader("a", "b", "c", "")
        found = await module.first(module.chunks(reader), "b")
        missed = Reader("a", "")
        return found, reader.log, await module.first(module.chunks(missed), "b"), missed.log

    found, log, missed, _ = same(streams, scenario)
    assert (found, log, missed) == ("b", ["read", "read", "closed"], None)


def test_a_loop_closes_what_is_left(streams):
    async def scenario(module):
        async def left(reader):
            async for chunk in module.chunks(reader):
                return chunk

        reader = Reader("a", "b", "")
        await left(reader)
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        return reader.log

    assert same(streams, scenario) == ["read", "closed"]

    async def suspended(module):
        reader = Reader("a", "b", "")
        module.kept = module.chunks(reader)
        await module.kept.__anext__()
        return reader.log

    assert same(streams, suspended) == ["read", "closed"]
    del streams.kept, Twins.kept


def test_without_a_loop_it_is_closed_as_far_as_that_goes(streams, monkeypatch):
    @types.coroutine
    def wait():
        yield

    class Slow(Reader):
        async def read(self):
            return "a"

        async def close(self):
            self.log.append("closing")
            await wait()
            self.log.append("never")

    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: reported.append(str(event.exc_value)))
    reader = Slow()
    generator = streams.chunks(reader)
    with pytest.raises(StopIteration):
        generator.__anext__().send(None)
    del generator
    gc.collect()
    assert reader.log == ["closing"]
    assert reported[:1] == ["async generator ignored GeneratorExit"]


def test_one_step_at_a_time(streams):
    async def scenario(module):
        stream = module.chunks(Reader("a", "b", ""))
        outcomes = await asyncio.gather(*[stream.__anext__() for _ in range(2)], return_exceptions=True)
        step = stream.__anext__()
        outcomes.append(await step)
        try:
            await step
        except RuntimeError as error:
            outcomes.append(error)
        await stream.aclose()
        return [str(outcome) for outcome in outcomes]

    assert same(streams, scenario) == [
        "a",
        "anext(): asynchronous generator is already running",
        "b",
        "cannot reuse already awaited __anext__()/asend()",
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        streams.numbers(1).__anext__()
    strict = ["coroutine method 'asend' of 'numbers' was never awaited"]
    assert [str(each.message) for each in caught] == (strict if sys.version_info >= (3, 13) else [])


def test_an_iterator_without_a_generator(streams):
    async def scenario(module):
        if module is Twins:
            ticks = Twins.Ticks()
            ticks.sleep, ticks.left = asyncio.sleep, 3
        else:
            ticks = module.Ticks(asyncio.sleep, 3)
        outcome = [left async for left in ticks]
        try:
            await ticks.__anext__()
        except StopAsyncIteration:
            outcome.append("end")
        return outcome

    assert same(streams, scenario) == [2, 1, 0, "end"]
    assert inspect.iscoroutinefunction(streams.Ticks.__anext__)
