"""Rust futures that wait for something that is not Python's, woken by threads that know nothing of it."""

import asyncio
import gc
import threading
import time

import pytest


def test_done_by_a_thread(behaviours, run):
    async def main():
        return await behaviours.sleep(0.01)

    assert run(main) == "slept"


def test_no_busy_loop_while_it_waits(behaviours, run):
    async def main():
        await behaviours.sleep(0.001)
        before = time.thread_time()
        await behaviours.sleep(0.5)
        return time.thread_time() - before

    assert run(main) < 0.1


def test_many_at_the_same_time(behaviours, run, tools):
    async def main():
        coroutines, release = behaviours.parked(2000)
        waiting = asyncio.ensure_future(tools.all_of(coroutines)) if not tools.is_trio else None
        if waiting is None:
            import trio

            async with trio.open_nursery() as nursery:
                results = []

                async def note():
                    results.extend(await tools.all_of(coroutines))

                nursery.start_soon(note)
                await trio.sleep(0.05)
                release()
            return results
        await asyncio.sleep(0.05)
        release()
        return await waiting

    assert run(main) == list(range(2000))


def test_done_before_it_is_awaited(behaviours, run):
    async def main():
        coroutines, release = behaviours.parked(10)
        release()
        time.sleep(0.05)
        return [await coroutine for coroutine in coroutines]

    assert run(main) == list(range(10))


@pytest.mark.parametrize("by_clone", [False, True])
def test_woken_by_itself_during_the_poll(behaviours, run, by_clone):
    async def main():
        return await behaviours.wakes_itself(200, by_clone)

    assert run(main) == 201


@pytest.mark.parametrize("by_clone", [False, True])
def test_others_run_while_it_wakes_itself(behaviours, run, tools, by_clone):
    turns = []

    async def main():
        async def others():
            for _ in range(5):
                turns.append(len(turns))
                await tools.sleep(0)

        await tools.all_of([behaviours.wakes_itself(2000, by_clone), others()])

    run(main)
    assert len(turns) == 5


@pytest.mark.parametrize("is_joined", [False, True])
def test_woken_by_another_thread_during_the_poll(behaviours, run, is_joined):
    async def main():
        return await behaviours.woken_by_threads(100, is_joined)

    # A wake that nobody waited for any more may have it polled once more.
    assert run(main) == 101


def test_woken_often(behaviours, run, tools):
    async def main():
        async def wakes():
            await tools.sleep(0.01)
            behaviours.wake_kept(1000)
            await tools.sleep(0.01)
            behaviours.wake_kept(1000)

        polls, _ = await tools.all_of([behaviours.keeps_waker(3), wakes()])
        return polls

    assert run(main) == 3


def test_woken_after_the_end(behaviours, run, tools):
    async def main():
        assert await tools.cancelled_after(behaviours.keeps_waker(100))
        behaviours.wake_kept(10)
        await tools.sleep(0.01)

    run(main)


def test_woken_after_the_loop(behaviours, run, tools):
    async def main():
        assert await tools.cancelled_after(behaviours.keeps_waker(100))

    run(main)
    gc.collect()
    behaviours.wake_kept(10)
    run(main)
    behaviours.wake_kept(10)


def test_cancelled(behaviours, run, tools, here):
    dropped = []

    async def main():
        return await tools.cancelled_after(behaviours.forever(dropped))

    assert run(main)
    assert dropped == [here]


def test_cancelled_before_the_start(behaviours):
    dropped = []

    async def main():
        task = asyncio.ensure_future(behaviours.forever(dropped))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert len(dropped) == 1


def test_message_of_a_cancellation_is_kept(behaviours):
    async def main():
        messages = []
        for coroutine in (behaviours.forever([]), asyncio.sleep(10)):
            task = asyncio.ensure_future(coroutine)
            await asyncio.sleep(0)
            task.cancel("message")
            with pytest.raises(asyncio.CancelledError) as raised:
                await task
            messages.append(raised.value.args)
        return messages

    message, native = asyncio.run(main())
    assert message == native


def test_closed_while_it_waits(behaviours, here):
    dropped = []

    async def main():
        coroutine = behaviours.forever(dropped)
        coroutine.send(None)
        coroutine.close()

    asyncio.run(main())
    assert dropped == [here]


def test_loop_that_is_closed(behaviours, here):
    dropped = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.kept = loop.create_task(behaviours.forever(dropped))
        await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()
    assert dropped == [here]


def test_without_a_loop(behaviours):
    with pytest.raises(RuntimeError, match="needs an event loop of asyncio"):
        behaviours.sleep(0.0).send(None)


def test_in_another_loop(behaviours, here):
    dropped = []
    coroutine = behaviours.sleep(0.2)

    async def first():
        coroutine.send(None)

    async def second():
        with pytest.raises(RuntimeError):
            await coroutine

    asyncio.run(first())
    asyncio.run(second())
    assert dropped == []


def test_timeout(behaviours):
    dropped = []

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(behaviours.forever(dropped), 0.01)

    asyncio.run(main())
    assert len(dropped) == 1


def test_shield(behaviours):
    async def main():
        task = asyncio.ensure_future(behaviours.sleep(0.05))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), 0.01)
        return await task

    assert asyncio.run(main()) == "slept"


def test_handle_takes_note_of_a_cancellation(behaviours, loop):
    """What it waits for after that is waited for: trio does not throw again and again meanwhile, which would spin."""

    async def main():
        before = time.thread_time()
        if loop.is_trio:
            import trio

            with trio.move_on_after(0.01):
                thrown = await behaviours.takes_note(10, 0.1)
        else:
            task = asyncio.ensure_future(behaviours.takes_note(10, 0.1))
            await asyncio.sleep(0.01)
            task.cancel("message")
            thrown = await task
        return thrown, time.thread_time() - before

    (thrown, is_cancelled), seconds = loop(main)
    assert type(thrown).__name__ == ("Cancelled" if loop.is_trio else "CancelledError")
    assert loop.is_trio or thrown.args == ("message",)
    assert is_cancelled
    assert seconds < 0.08


def test_trio_cancels_a_python_awaitable_after_the_handle_took_note(behaviours):
    import trio

    async def main():
        with trio.move_on_after(0.01) as scope:
            await behaviours.takes_note(10, 0)
            await trio.sleep(10)
        return scope.cancelled_caught

    assert trio.run(main)


def test_handle_is_told_of_close(behaviours):
    async def main():
        coroutine = behaviours.takes_note(10, 10)
        coroutine.send(None)
        with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit"):
            coroutine.close()
        with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit"):
            coroutine.close()
        return coroutine

    coroutine = asyncio.run(main())
    with pytest.raises(RuntimeError):
        coroutine.close()


def test_handle_without_a_cancellation(behaviours, run):
    async def main():
        return await behaviours.takes_note(0.001, 0)

    assert run(main) is None


def test_callback_swallows_a_cancellation(behaviours):
    seen = []

    async def main():
        task = asyncio.ensure_future(behaviours.sleeps_on(0.05, seen.append))
        await asyncio.sleep(0.01)
        task.cancel()
        return await task

    assert asyncio.run(main()) == "slept"
    assert [type(error) for error in seen] == [asyncio.CancelledError]


def test_callback_raises_another(behaviours):
    def callback(error):
        raise KeyError("another")

    async def main():
        task = asyncio.ensure_future(behaviours.sleeps_on(10, callback))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(KeyError, match="another"):
            await task

    asyncio.run(main())


def test_callback_is_told_of_close(behaviours):
    seen = []

    async def main():
        coroutine = behaviours.sleeps_on(10, seen.append)
        coroutine.send(None)
        coroutine.close()

    asyncio.run(main())
    assert seen == [None]


def test_select_of_two_awaitables(behaviours, run, tools):
    async def main():
        cancelled = []

        async def inner(seconds, value):
            try:
                await tools.sleep(seconds)
            except BaseException as error:
                cancelled.append(type(error).__name__)
                raise
            return value

        first = await behaviours.selects(inner(0.01, "a"), inner(10, "b"))
        second = await behaviours.selects(inner(10, "a"), inner(0.01, "b"))
        await tools.sleep(0.01)
        return first, second, cancelled

    first, second, cancelled = run(main)
    assert (first, second) == ((1, "a"), (2, "b"))
    assert len(cancelled) == 2
    assert set(cancelled) <= {"CancelledError", "Cancelled"}


def test_select_with_what_is_not_python(behaviours, run, tools):
    async def main():
        async def inner(seconds):
            await tools.sleep(seconds)
            return "inner"

        return await behaviours.selects_sleep(inner(0.01), 10), await behaviours.selects_sleep(inner(10), 0.01)

    assert run(main) == ("inner", None)


def test_join(behaviours, run, tools):
    async def main():
        async def inner(value):
            await tools.sleep(0.05)
            return value

        before = time.monotonic()
        results = await behaviours.joins(inner(1), inner(2))
        return results, time.monotonic() - before < 0.09

    assert run(main) == ((1, 2), True)


def test_join_that_fails(behaviours, run, tools):
    cancelled = []

    async def main():
        async def fails():
            await tools.sleep(0.01)
            raise ValueError("text")

        async def inner():
            try:
                await tools.sleep(10)
            except BaseException as error:
                cancelled.append(type(error).__name__)
                raise

        with pytest.raises(ValueError, match="text"):
            await behaviours.joins(fails(), inner())
        await tools.sleep(0.01)

    run(main)
    assert len(cancelled) == 1


def test_with_wakers_of_their_own(behaviours, run, tools):
    async def main():
        async def inner(number):
            await tools.sleep(0.02 * number)
            return number

        return await behaviours.unordered([inner(number) for number in (3, 1, 2)])

    assert run(main) == [1, 2, 3]


def test_not_awaitable_in_a_task(behaviours, run):
    async def main():
        with pytest.raises(TypeError):
            await behaviours.joins(1, 2)

    run(main)


def test_what_nobody_waits_for_is_not_awaited(behaviours, run):
    async def main():
        awaited = []

        class Noted:
            def __await__(self):
                awaited.append(1)
                yield

        return await behaviours.drops_awaiting(Noted()), awaited

    assert run(main) == (None, [])


@pytest.mark.parametrize("is_inline", [False, True])
def test_where_it_is_awaited(behaviours, loop, tools, is_inline):
    def current():
        if loop.is_trio:
            import trio

            return trio.lowlevel.current_task()
        return asyncio.current_task()

    async def main():
        async def inner():
            await tools.sleep(0.01)
            return current()

        return await behaviours.awaits_at(inner(), is_inline) is current()

    assert loop(main) is is_inline


def test_tasks_are_cancelled_with_the_coroutine(behaviours, run, tools):
    cancelled = []

    async def main():
        async def inner():
            try:
                await tools.sleep(10)
            except BaseException as error:
                cancelled.append(type(error).__name__)
                raise

        assert await tools.cancelled_after(behaviours.joins(inner(), inner()), 0.05)
        await tools.sleep(0.01)

    run(main)
    assert len(cancelled) == 2


def test_stream(behaviours, run, here):
    dropped = []

    async def main():
        return [number async for number in behaviours.ticks(5, 0.001, dropped)]

    assert run(main) == list(range(5))
    assert dropped == [here]


def test_stream_that_is_closed_while_it_waits(behaviours, run, tools, here):
    dropped = []

    async def main():
        generator = behaviours.ticks(5, 10, dropped)
        assert await tools.cancelled_after(generator.__anext__())
        with pytest.raises(StopAsyncIteration):
            await generator.__anext__()

    run(main)
    assert dropped == [here]


def test_loops_in_several_threads(behaviours):
    results = []

    def work():
        async def main():
            for _ in range(20):
                await behaviours.sleep(0.001)
            return "done"

        results.append(asyncio.run(main()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["done"] * 4


def test_no_memory_for_a_waker(behaviours, run):
    """Each allocation of a step that parks fails once: that is a MemoryError, and no panic."""
    testcapi = pytest.importorskip("_testcapi", reason="this Python has no hooks for allocations")

    async def main():
        await behaviours.sleep(0)
        outcomes = []
        for allocation in range(60):
            coroutine = behaviours.keeps_waker(1000)
            testcapi.set_nomemory(allocation, allocation + 1)
            try:
                coroutine.send(None)
                outcome = None
            except BaseException as error:
                outcome = type(error)
            finally:
                testcapi.remove_mem_hooks()
            coroutine.close()
            outcomes.append(outcome)
        behaviours.wake_kept(1)
        return outcomes

    outcomes = run(main)
    needed = outcomes.index(None)
    assert needed > 2
    assert outcomes == [MemoryError] * needed + [None] * (60 - needed)
