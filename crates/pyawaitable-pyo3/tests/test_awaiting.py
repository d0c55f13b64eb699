"""Awaiting Python from Rust: what the coroutine polls is awaited in its place, by whatever event loop there is."""

import asyncio
import concurrent.futures
import contextvars
import traceback

import pytest

VARIABLE = contextvars.ContextVar("VARIABLE", default=0)


def run_through(coroutine):
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    raise AssertionError("it has suspended")


def test_result(behaviours, run, sleep):
    async def main():
        async def inner():
            await sleep(0.001)
            return "result"

        return await behaviours.awaits(inner())

    assert run(main) == "result"


def test_one_after_the_other(behaviours, run, sleep):
    async def main():
        async def inner(number):
            await sleep(0)
            return number

        return await behaviours.outcomes([inner(number) for number in range(50)])

    assert run(main) == [(True, number) for number in range(50)]


def test_nested(behaviours, run, sleep):
    async def main():
        async def inner():
            await sleep(0)
            return 1

        coroutine = inner()
        for _ in range(50):
            coroutine = behaviours.awaits(coroutine)
        return await coroutine

    assert run(main) == 1


@pytest.mark.filterwarnings("ignore:awaitable '.*' was never awaited:ResourceWarning")
def test_recursion_is_limited(behaviours):
    coroutine = behaviours.nothing()
    for _ in range(50_000):
        coroutine = behaviours.awaits(coroutine)
    with pytest.raises(RecursionError):
        coroutine.send(None)
    # Each holds the next, and none of them needs the stack for that.
    coroutine.close()
    del coroutine


def test_exception_is_the_same(behaviours, run, sleep):
    error = ValueError("text")

    async def main():
        async def inner():
            await sleep(0)
            raise error

        return await behaviours.outcomes([inner()])

    [(is_result, raised)] = run(main)
    assert not is_result
    assert raised is error


def test_traceback_and_context_are_kept(behaviours, run, sleep):
    async def main():
        async def inner():
            try:
                raise KeyError("first")
            except KeyError:
                await sleep(0)
                raise ValueError("second") from None

        await behaviours.awaits(inner())

    with pytest.raises(ValueError, match="second") as raised:
        run(main)
    assert [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)][-2:] == ["main", "inner"]
    assert type(raised.value.__context__) is KeyError


def test_error_can_be_swallowed(behaviours, run):
    async def main():
        return await behaviours.outcomes([behaviours.fails(ValueError("first")), behaviours.ready(2)])

    [(_, error), second] = run(main)
    assert str(error) == "first"
    assert second == (True, 2)


@pytest.mark.parametrize("value", [StopIteration(3), StopIteration])
def test_stop_iteration_as_a_result(behaviours, value):
    assert run_through(behaviours.outcomes([behaviours.ready(value)])) == [(True, value)]


@pytest.mark.parametrize("what", [1, None, "text", object()])
def test_not_awaitable(behaviours, what):
    with pytest.raises(TypeError, match=f"object {type(what).__name__} can't be used in 'await' expression"):
        behaviours.awaits(what).send(None)


def test_awaitable_with_a_wrong_iterator(behaviours):
    class Wrong:
        def __await__(self):
            return 1

    with pytest.raises(TypeError, match="__await__.. returned non-iterator of type 'int'"):
        behaviours.awaits(Wrong()).send(None)


def test_coroutine_that_is_awaited_already(behaviours, run, sleep):
    async def main():
        async def inner():
            await sleep(0)

        coroutine = inner()
        return await behaviours.outcomes([coroutine, coroutine])

    [first, (is_result, error)] = run(main)
    assert first == (True, None)
    assert not is_result
    assert str(error) == "cannot reuse already awaited coroutine"


def test_bare_yield(behaviours):
    class Bare:
        def __await__(self):
            yield

    async def main():
        await behaviours.awaits(Bare())
        await behaviours.awaits(asyncio.sleep(0))
        return "done"

    assert asyncio.run(main()) == "done"


def test_asyncio_future(behaviours):
    async def main():
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, 5)
        return await behaviours.awaits(future)

    assert asyncio.run(main()) == 5


def test_concurrent_future_is_no_awaitable(behaviours):
    with pytest.raises(TypeError, match="can't be used in 'await' expression"):
        behaviours.awaits(concurrent.futures.Future()).send(None)


def test_runs_in_the_same_task(behaviours, loop):
    def current():
        if loop.is_trio:
            import trio

            return trio.lowlevel.current_task()
        return asyncio.current_task()

    async def main():
        async def inner():
            return current()

        return await behaviours.awaits(inner()) is current()

    assert loop(main)


def test_context_variables_are_seen_on_both_sides(behaviours, run, sleep):
    async def main():
        async def inner():
            seen = VARIABLE.get()
            await sleep(0)
            VARIABLE.set(2)
            return seen

        VARIABLE.set(1)
        seen = await behaviours.awaits(inner())
        return seen, VARIABLE.get()

    assert run(main) == (1, 2)


def test_cancelled_asyncio_task(behaviours):
    seen = []

    async def main():
        async def inner():
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError as error:
                seen.append(error.args)
                raise

        dropped = []
        task = asyncio.ensure_future(behaviours.holds(inner(), dropped))
        await asyncio.sleep(0)
        assert dropped == []
        task.cancel("message")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert len(dropped) == 1

    asyncio.run(main())
    assert seen == [("message",)]


def test_cancelled_trio_scope(behaviours):
    import trio

    seen = []

    async def main():
        async def inner():
            try:
                await trio.sleep(10)
            except trio.Cancelled:
                seen.append("cancelled")
                raise

        dropped = []
        with trio.move_on_after(0.01) as scope:
            await behaviours.holds(inner(), dropped)
        assert scope.cancelled_caught
        assert len(dropped) == 1

    trio.run(main)
    assert seen == ["cancelled"]


def test_cancellation_that_python_swallows(behaviours):
    async def main():
        async def inner():
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                return "swallowed"

        task = asyncio.ensure_future(behaviours.awaits(inner()))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(main()) == "swallowed"


def test_cancellation_that_rust_swallows(behaviours):
    async def main():
        task = asyncio.ensure_future(behaviours.outcomes([asyncio.sleep(10), asyncio.sleep(0, "next")]))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    [(is_result, error), second] = asyncio.run(main())
    assert not is_result
    assert type(error) is asyncio.CancelledError
    assert second == (True, "next")


def test_wait_for(behaviours):
    async def main():
        dropped = []
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(behaviours.holds(asyncio.sleep(10), dropped), 0.01)
        assert len(dropped) == 1

    asyncio.run(main())


@pytest.mark.parametrize("loop", ["asyncio", "debug", "uvloop", "anyio-asyncio"], indirect=True)
def test_gather_and_tasks(behaviours, loop):
    async def main():
        coroutines = [behaviours.awaits(asyncio.sleep(0.001, number)) for number in range(100)]
        return await asyncio.gather(*coroutines)

    assert loop(main) == list(range(100))


def test_close_that_is_ignored(behaviours):
    class Waits:
        def __await__(self):
            yield "suspended"

    coroutine = behaviours.outcomes([Waits(), Waits()])
    assert coroutine.send(None) == "suspended"
    with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit"):
        coroutine.close()
    coroutine.close()


def test_cr_await_is_what_rust_awaits(behaviours):
    class Waits:
        def __await__(self):
            yield

    inner = behaviours.awaits(Waits())
    outer = behaviours.awaits(inner)
    outer.send(None)
    assert outer.cr_await is inner
    outer.close()


def test_awaited_by_another_waker(behaviours):
    with pytest.raises(RuntimeError, match="neither a coroutine polls with its own waker, nor an event loop"):
        behaviours.awaits_with_another_waker(1).send(None)


def test_asynchronous_iterable(behaviours, run, sleep):
    async def items():
        for number in range(10):
            await sleep(0)
            yield number

    async def main():
        return await behaviours.sums(items()), await behaviours.sums(behaviours.count(5))

    assert run(main) == (45, 10)


def test_asynchronous_iterable_that_fails(behaviours, run):
    async def items():
        yield 1
        raise ValueError("text")

    async def main():
        await behaviours.sums(items())

    with pytest.raises(ValueError, match="text"):
        run(main)


@pytest.mark.parametrize("what", [1, [1, 2]])
def test_not_asynchronously_iterable(behaviours, what):
    with pytest.raises(AttributeError, match="__aiter__"):
        behaviours.sums(what).send(None)


def test_polled_after_its_end(behaviours):
    with pytest.raises(RuntimeError, match="a future is polled after its end"):
        behaviours.polls_again(behaviours.nothing()).send(None)
