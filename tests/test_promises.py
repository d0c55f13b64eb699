"""Promises, settled by threads under each event loop. What happens to each value is counted."""

import asyncio
import gc
import subprocess
import sys
from pathlib import Path

import loops
import promises
import pytest
import trio


@pytest.fixture(autouse=True)
def every_value_goes_one_way():
    gc.collect()
    promises.counts()
    yield
    gc.collect()
    counts = promises.counts()
    assert counts["made"] == counts["converted"] + counts["raised"] + counts["dropped"]


@pytest.fixture(params=loops.ALL)
def run(request):
    return loops.ALL[request.param]


@pytest.fixture(params=loops.ASYNCIO)
def run_asyncio(request):
    return loops.ASYNCIO[request.param]


async def parked(awaitable):
    """A task that awaits it, and waits for that."""
    task = await loops.start(loops.awaited, awaitable)
    await loops.sleep(0.01)
    assert not task.done()
    return task


def test_resolved_by_a_thread(run):
    async def main():
        awaitable, handle = promises.promise()
        task = await parked(awaitable)
        promises.settle([handle])
        assert await task == 10
        awaitable, handle = promises.promise()
        promises.settle_later([handle], 10000)
        assert await awaitable == 10

    run(main)


def test_rejected_by_a_thread(run):
    async def main():
        awaitable, handle = promises.promise()
        task = await parked(awaitable)
        promises.settle([handle], 1)
        with pytest.raises(ValueError, match="^10$"):
            await task

    run(main)


def test_settled_before_it_is_awaited_does_not_suspend():
    awaitable, handle = promises.promise()
    assert handle.resolve(5) == 1
    with pytest.raises(StopIteration) as stopped:
        awaitable.send(None)
    assert stopped.value.value == 5
    awaitable, handle = promises.promise()
    assert handle.reject(5) == 1
    with pytest.raises(ValueError, match="^5$"):
        awaitable.send(None)


def test_settled_once(run):
    async def main():
        awaitable, handle = promises.promise()
        task = await parked(awaitable)
        assert [handle.resolve(5), handle.resolve(6), handle.reject(7)] == [1, 0, 0]
        assert await task == 5
        assert handle.resolve(8) == 0
        awaitable, handle = promises.promise()
        task = await parked(awaitable)
        promises.settle([handle], 0, 8)
        assert await task == 10

    run(main)


def test_freed_unresolved(run):
    async def main():
        awaitable, handle = promises.promise()
        task = await parked(awaitable)
        handle.free()
        with pytest.raises(RuntimeError, match="given up without a result"):
            await task
        awaitable, handle = promises.promise()
        handle.free()
        with pytest.raises(RuntimeError, match="given up without a result"):
            await awaitable
        assert handle.calls() == 0

    run(main)


def test_freed_after_it_is_resolved(run):
    async def main():
        awaitable, handle = promises.promise()
        task = await parked(awaitable)
        handle.resolve(5)
        handle.free()
        assert await task == 5

    run(main)


@pytest.mark.parametrize("how", ["before", "while", "same turn, wake first", "same turn, cancel first", "after"])
def test_cancelled(run, how):
    async def main():
        awaitable, handle = promises.promise()
        if how == "before":
            task = await loops.start(loops.awaited, awaitable)
            task.cancel()
        else:
            task = await parked(awaitable)
        if how == "while":
            task.cancel()
        elif how == "same turn, wake first":
            promises.settle([handle])
            task.cancel()
        elif how == "same turn, cancel first":
            task.cancel()
            promises.settle([handle])
        elif how == "after":
            promises.settle([handle])
            await loops.sleep(0.01)
            task.cancel()
        try:
            result = await task
        except loops.CANCELLED:
            result = "cancelled"
        # The wrapper of a task that was cancelled before it began has not let go of it.
        awaitable.close()
        settled = handle.resolve(5)
        return result, handle.is_abandoned(), handle.calls(), settled

    result, abandoned, calls, settled = run(main)
    assert abandoned
    if how in ("before", "while"):
        assert (result, calls, settled) == ("cancelled", 1, 1)
    elif how == "after":
        assert (result, calls, settled) == (10, 0, 0)
    else:
        assert (calls, settled) in [(0, 0), (1, 0)]
        assert result in (10, "cancelled")


def test_never_awaited():
    awaitable, handle = promises.promise()
    assert not handle.is_abandoned()
    del awaitable
    assert handle.is_abandoned() and handle.calls() == 1
    assert handle.resolve(5) == 1
    assert promises.counts()["dropped"] == 1
    awaitable, handle = promises.promise()
    handle.resolve(5)
    del awaitable, handle
    assert promises.counts()["dropped"] == 1


def test_value_that_is_not_converted(run):
    async def main():
        awaitable, handle = promises.promise("none")
        task = await parked(awaitable)
        promises.settle([handle])
        assert await task is None

    run(main)
    counts = promises.counts()
    assert (counts["made"], counts["converted"], counts["dropped"]) == (1, 0, 1)


@pytest.mark.parametrize(
    "number, error, text",
    [(1, KeyError, "one"), (2, SystemError, "returned NULL without an exception"), (3, KeyError, "three")],
)
def test_value_that_cannot_be_converted(run, number, error, text):
    async def main():
        awaitable, handle = promises.promise()
        task = await parked(awaitable)
        handle.resolve(number)
        with pytest.raises(error, match=text):
            await task

    run(main)


def test_rejection_that_raises_nothing():
    awaitable, handle = promises.promise()
    handle.reject(2)
    with pytest.raises(SystemError, match="returned without one set"):
        awaitable.send(None)


def test_converted_in_the_context_of_the_task(run):
    async def one(number, handles):
        promises.variable.set(number)
        awaitable, handle = promises.promise("variable")
        handles.append(handle)
        return await awaitable

    async def main():
        handles = []
        tasks = [await loops.start(one, number, handles) for number in range(5)]
        await loops.sleep(0.01)
        promises.settle(handles)
        assert [await task for task in tasks] == list(range(5))

    run(main)


def test_awaited_from_c(run):
    async def main():
        for function, name in [(promises.in_a_body, "body"), (promises.in_a_callback, "callback")]:
            awaitable, handle = promises.promise()
            task = await loops.start(function, awaitable)
            await loops.sleep(0.01)
            promises.settle([handle])
            assert await task == (name, 10)

    run(main)


def test_awaited_twice(run):
    async def main():
        awaitable, handle = promises.promise()
        task = await parked(awaitable)
        with pytest.raises(RuntimeError, match="awaited already"):
            await loops.awaited(awaitable)
        promises.settle([handle])
        assert await task == 10
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await awaitable

    run(main)


@pytest.mark.parametrize("rejects", [0, 1])
def test_thousand_settled_by_four_threads_at_once(run, rejects):
    async def main():
        pairs = [promises.promise() for _ in range(1000)]
        tasks = [await loops.start(loops.awaited, awaitable) for awaitable, _ in pairs]
        await loops.sleep(0.01)
        promises.settle([handle for _, handle in pairs], rejects, 4)
        results = []
        for task in tasks:
            try:
                results.append(await task)
            except ValueError as error:
                results.append(int(str(error)))
        return results

    assert run(main) == list(range(10, 1010))
    counts = promises.counts()
    assert counts["raised" if rejects else "converted"] == 1000
    assert counts["dropped"] == 3000


def test_settled_by_a_thread_while_tasks_are_cancelled(run):
    async def main():
        for delay in range(0, 2000, 100):
            pairs = [promises.promise() for _ in range(50)]
            tasks = [await loops.start(loops.awaited, awaitable) for awaitable, _ in pairs]
            await loops.sleep(0)
            promises.settle_later([handle for _, handle in pairs], delay)
            await loops.sleep(0.001)
            for task in tasks[::2]:
                task.cancel()
            for index, task in enumerate(tasks):
                try:
                    assert await task == index + 10
                except loops.CANCELLED:
                    assert index % 2 == 0
        await loops.sleep(0.05)

    run(main)


def test_loop_closed_under_it():
    handles = []
    for make in asyncio.SelectorEventLoop, loops.WithoutReaders:
        loop = make()
        awaitable, handle = promises.promise()
        handles.append(handle)

        async def main(awaitable):
            asyncio.ensure_future(loops.awaited(awaitable))  # noqa: RUF006
            await asyncio.sleep(0.01)

        loop.run_until_complete(main(awaitable))
        loop.call_exception_handler = lambda context: None
        loop.close()
        del loop, awaitable
        gc.collect()
    promises.settle(handles)
    assert [handle.is_abandoned() for handle in handles] == [True, True]


def test_settled_for_a_loop_that_does_not_run_again():
    loop = asyncio.SelectorEventLoop()
    awaitable, handle = promises.promise()

    async def main(awaitable):
        asyncio.ensure_future(loops.awaited(awaitable))  # noqa: RUF006
        await asyncio.sleep(0.01)

    loop.run_until_complete(main(awaitable))
    loop.call_exception_handler = lambda context: None
    promises.settle([handle])
    loop.close()
    del loop, awaitable
    gc.collect()
    counts = promises.counts()
    assert (counts["made"], counts["dropped"]) == (1, 1)


def test_trio_keeps_what_arrives_in_the_turn_of_a_cancel():
    async def main():
        awaitable, handle = promises.promise()
        with trio.CancelScope() as scope:
            scope.cancel()
            handle.resolve(5)
            assert await awaitable == 5

    trio.run(main)


def test_wrong_arguments():
    with pytest.raises(SystemError, match="address of a pointer"):
        promises.null_arguments()


@pytest.mark.parametrize("loop", ["asyncio.SelectorEventLoop", "loops.WithoutReaders", "trio"])
def test_exits_while_two_thousand_are_settled(loop):
    code = f"""
import asyncio, warnings, loops, promises
warnings.simplefilter("ignore")
async def main():
    pairs = [promises.promise() for _ in range(2000)]
    for awaitable, _ in pairs:
        await loops.start(loops.awaited, awaitable)
    await loops.sleep(0.01)
    for part in range(4):
        promises.settle_later([handle for _, handle in pairs[part::4]], 500 * part)
if {loop!r} == "trio":
    loops.on_trio(main)
else:
    loop = {loop}()
    loop.set_exception_handler(lambda *context: None)
    loop.run_until_complete(main())
"""
    for _ in range(2):
        command = [sys.executable, "-X", "faulthandler", "-c", code]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parent)
        assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("rejects", [False, True])
@pytest.mark.parametrize("end", ["close", "throw", "del"])
def test_nothing_is_dropped_while_cancel_runs(rejects, end):
    awaitable = promises.settled_while_cancelled(rejects)
    if end == "throw":
        with pytest.raises(KeyError):
            awaitable.throw(KeyError())
    elif end == "close":
        awaitable.close()
    del awaitable
    assert promises.while_cancelled() == (1, 1, 0)
    assert promises.counts() == {"made": 1, "converted": 0, "raised": 0, "dropped": 1, "cancelled": 0}


@pytest.mark.parametrize("rejects", [False, True])
def test_nothing_is_dropped_while_cancel_runs_for_a_task(run, rejects):
    async def main():
        task = await parked(promises.settled_while_cancelled(rejects))
        task.cancel()
        with pytest.raises(loops.CANCELLED):
            await task

    run(main)
    assert promises.while_cancelled() == (1, 1, 0)
    assert promises.counts()["dropped"] == 1
