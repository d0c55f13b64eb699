"""Rust streams as asynchronous generators."""

import asyncio
import collections.abc
import gc

import pytest

# What a stream never gets to is none of these tests' business.
pytestmark = pytest.mark.filterwarnings("ignore:awaitable 'Coroutine' was never awaited:ResourceWarning")


def run_through(coroutine):
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    raise AssertionError("it has suspended")


async def taken(generator):
    return [item async for item in generator]


def test_items(behaviours, run):
    async def main():
        return await taken(behaviours.count(100))

    assert run(main) == list(range(100))


def test_items_that_are_awaited(behaviours, run, sleep):
    async def main():
        async def inner(number):
            await sleep(0)
            return number

        return await taken(behaviours.results([inner(number) for number in range(20)], []))

    assert run(main) == list(range(20))


def test_is_an_asynchronous_generator(behaviours):
    generator = behaviours.count(1)
    assert isinstance(generator, collections.abc.AsyncGenerator)
    assert generator.__aiter__() is generator
    assert generator.__name__ == "AsyncGenerator"


def test_end(behaviours):
    generator = behaviours.count(1)
    assert run_through(generator.__anext__()) == 0
    for _ in range(3):
        with pytest.raises(StopAsyncIteration):
            generator.__anext__().send(None)


def test_error_is_the_end(behaviours):
    generator = behaviours.results([behaviours.fails(ValueError("text")), behaviours.ready(1)], [])
    with pytest.raises(ValueError, match="text"):
        generator.__anext__().send(None)
    with pytest.raises(StopAsyncIteration):
        generator.__anext__().send(None)


def test_aclose_returns_none_and_polls_nothing(behaviours, here):
    dropped = []
    generator = behaviours.results([behaviours.ready(1), behaviours.ready(2)], dropped)
    assert run_through(generator.__anext__()) == 1
    assert run_through(generator.aclose()) is None
    assert dropped == [here]
    with pytest.raises(StopAsyncIteration):
        generator.__anext__().send(None)


def test_aclose_before_the_start(behaviours, here):
    dropped = []
    generator = behaviours.results([behaviours.ready(1)], dropped)
    assert run_through(generator.aclose()) is None
    assert dropped == [here]


def test_athrow_is_the_end(behaviours, here):
    dropped = []
    generator = behaviours.results([behaviours.ready(1)], dropped)
    assert run_through(generator.__anext__()) == 1
    error = ValueError("text")
    with pytest.raises(ValueError, match="text") as raised:
        generator.athrow(error).send(None)
    assert raised.value is error
    assert dropped == [here]


@pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning")
def test_break_and_collection(behaviours, run, sleep, here):
    async def main():
        dropped = []
        async for _ in behaviours.results([behaviours.ready(number) for number in range(3)], dropped):
            break
        gc.collect()
        for _ in range(3):
            await sleep(0)
        return dropped

    assert run(main) == [here]


def test_shutdown_closes_it(behaviours):
    dropped, kept = [], []

    async def main():
        generator = behaviours.results([behaviours.ready(number) for number in range(2)], dropped)
        kept.append(generator)
        assert await generator.__anext__() == 0
        assert dropped == []

    asyncio.run(main())
    assert len(dropped) == 1


def test_hooks_are_called(behaviours):
    seen = []

    async def main():
        import sys

        before = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=seen.append, finalizer=seen.append)
        try:
            generator = behaviours.count(2)
            assert seen == []
            await generator.__anext__()
            assert seen == [generator]
            await generator.aclose()
        finally:
            sys.set_asyncgen_hooks(*before)

    asyncio.run(main())


def test_concurrent_anext_is_refused(behaviours):
    async def main():
        generator = behaviours.results([asyncio.sleep(0.01, "item")], [])
        first = asyncio.ensure_future(generator.__anext__())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="asynchronous generator is already running"):
            await generator.__anext__()
        return await first

    assert asyncio.run(main()) == "item"


def test_cancelled_while_it_awaits(behaviours):
    async def main():
        dropped = []
        generator = behaviours.results([asyncio.sleep(10)], dropped)
        task = asyncio.ensure_future(generator.__anext__())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return dropped

    assert len(asyncio.run(main())) == 1


def test_callback_gets_what_is_thrown(behaviours):
    seen = []
    generator = behaviours.count_on(5, seen.append)
    assert run_through(generator.__anext__()) == 0
    error = ValueError("text")
    assert run_through(generator.athrow(error)) == 1
    assert run_through(generator.__anext__()) == 2
    assert seen == [error]
    assert run_through(generator.aclose()) is None
    assert seen == [error, None]
    with pytest.raises(StopAsyncIteration):
        generator.__anext__().send(None)


def test_callback_raises_in_its_place(behaviours):
    def callback(error):
        raise KeyError("another")

    generator = behaviours.count_on(5, callback)
    assert run_through(generator.__anext__()) == 0
    with pytest.raises(KeyError, match="another"):
        generator.athrow(ValueError("text")).send(None)
    with pytest.raises(StopAsyncIteration):
        generator.__anext__().send(None)


def test_what_is_sent_arrives(behaviours):
    generator = behaviours.echoes()
    assert run_through(generator.asend(None)) == "first"
    assert run_through(generator.asend("a")) == ("a", 1)
    assert run_through(generator.asend("b")) == ("b", 2)
    error = ValueError("text")
    assert run_through(generator.athrow(error)) == (error, 3)
    with pytest.raises(StopAsyncIteration):
        generator.asend(None).send(None)


def test_what_is_sent_before_the_start_is_refused(behaviours):
    generator = behaviours.echoes()
    with pytest.raises(TypeError, match="can't send non-None value to a just-started async generator"):
        generator.asend(1).send(None)


def test_written_down_generator_raises_what_is_thrown(behaviours):
    generator = behaviours.echoes()
    run_through(generator.asend(None))
    with pytest.raises(RuntimeError, match="text"):
        generator.athrow(RuntimeError("text")).send(None)


def test_written_down_generator_that_yields_while_it_is_closed(behaviours):
    generator = behaviours.echoes()
    run_through(generator.asend(None))
    with pytest.raises(RuntimeError, match="async generator ignored GeneratorExit"):
        generator.aclose().send(None)
    with pytest.raises(StopAsyncIteration):
        generator.asend(None).send(None)


def test_written_down_generator_awaits(behaviours, run, sleep):
    async def main():
        async def inner(number):
            await sleep(0)
            return number

        return await taken(behaviours.yields([inner(number) for number in range(5)], None))

    assert run(main) == list(range(5))


def test_written_down_generator_awaits_while_it_is_closed(behaviours, run, sleep):
    seen = []

    async def main():
        async def at_end():
            await sleep(0)
            seen.append("end")

        generator = behaviours.yields([behaviours.ready(1), behaviours.ready(2)], at_end())
        assert await generator.__anext__() == 1
        assert await generator.aclose() is None

    run(main)
    assert seen == ["end"]


def test_only_a_generator_yields(behaviours):
    with pytest.raises(RuntimeError, match="only an asynchronous generator yields items"):
        behaviours.yields_from_a_coroutine().send(None)


def test_collected_in_a_cycle(behaviours):
    class Held:
        pass

    dropped, held = [], Held()
    held.generator = behaviours.results([behaviours.ready(1)], dropped)
    held.self = held
    assert run_through(held.generator.__anext__()) == 1
    del held
    gc.collect()
    assert len(dropped) == 1
