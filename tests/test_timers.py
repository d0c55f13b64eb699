"""Waiting for a time, and giving others a turn, under each event loop."""

import asyncio
import math
import time

import loops
import pytest
import trio
import trio.testing

import outside


@pytest.fixture(params=loops.ALL)
def run(request):
    return loops.ALL[request.param]


def test_sleeps(run):
    async def main():
        before = time.monotonic()
        assert await outside.sleep(0.05) is None
        return time.monotonic() - before

    assert 0.045 < run(main) < 1


def test_sleep_is_by_the_clock_of_the_loop():
    async def main():
        before = trio.current_time()
        await outside.sleep(1000)
        return trio.current_time() - before

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == pytest.approx(1000)


def test_sleep_can_be_cancelled(run):
    async def main():
        for seconds in 1000, math.inf:
            task = await loops.start(outside.sleep, seconds)
            await loops.sleep(0.01)
            assert not task.done()
            task.cancel()
            with pytest.raises(loops.CANCELLED):
                await task

    run(main)


@pytest.mark.parametrize("function", [lambda: outside.sleep(0), outside.checkpoint], ids=["sleep(0)", "checkpoint"])
def test_gives_others_a_turn(run, function):
    async def main():
        log = []

        async def other():
            log.append("other")

        task = await loops.start(other)
        assert await function() is None
        if not loops.is_trio():
            assert log == ["other"]
        await task

    run(main)


def test_checkpoint_is_cancelled_in_trio():
    async def main():
        with trio.CancelScope() as scope:
            scope.cancel()
            await outside.checkpoint()
        return scope.cancelled_caught

    assert trio.run(main)


@pytest.mark.parametrize("seconds", [-1, -math.inf, math.nan, -1e-300])
def test_what_is_no_time(seconds):
    with pytest.raises(ValueError, match="not negative"):
        outside.sleep(seconds)


def test_sleeps_in_no_loop():
    for function in (lambda: outside.sleep(1)), (lambda: outside.sleep(math.inf)), outside.checkpoint:
        with pytest.raises(RuntimeError, match="needs an event loop"):
            function().send(None)


def test_never_awaited():
    with pytest.warns(ResourceWarning, match="'sleep' was never awaited"):
        outside.sleep(1)


def test_asyncio_counts_steps_alike():
    async def steps(function):
        log = []

        async def other():
            for number in range(5):
                log.append(number)
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        for _ in range(3):
            await function(0)
            log.append("slept")
        task.cancel()
        return log

    assert asyncio.run(steps(outside.sleep)) == asyncio.run(steps(asyncio.sleep))
