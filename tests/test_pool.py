"""Work in the pool of threads, under each event loop. Each piece of it goes one way, and that is counted."""

import array
import asyncio
import gc
import os
import subprocess
import sys
import time
from pathlib import Path

import loops
import pool
import pytest
import trio


def until_settled():
    """Until nothing that was made is still under way: what became of it."""
    gc.collect()
    total = dict.fromkeys(["made", "run", "converted", "dropped", "cancelled", "most"], 0)
    for _ in range(1000):
        for name, count in pool.counts().items():
            total[name] = max(total[name], count) if name == "most" else total[name] + count
        if total["made"] == total["converted"] + total["dropped"]:
            break
        time.sleep(0.01)
    return total


@pytest.fixture(autouse=True)
def every_piece_goes_one_way():
    until_settled()
    yield
    total = until_settled()
    assert total["made"] == total["converted"] + total["dropped"]


@pytest.fixture(params=loops.ALL)
def run(request):
    return loops.ALL[request.param]


@pytest.fixture(params=loops.ASYNCIO)
def run_asyncio(request):
    return loops.ASYNCIO[request.param]


def test_runs(run):
    async def main():
        assert await pool.double(21) == 42
        assert await pool.in_a_body(21) == 42
        assert await pool.double(21, 0, 0, 0, 0) is None
        return [await pool.double(number, 1000) for number in range(10, 20)]

    assert run(main) == list(range(20, 40, 2))
    counts = until_settled()
    assert (counts["made"], counts["converted"], counts["dropped"], counts["cancelled"]) == (13, 12, 1, 0)


def test_runs_side_by_side(run):
    async def main():
        before = time.monotonic()
        tasks = [await loops.start(pool.double, number, 100000) for number in range(10, 15)]
        assert [await task for task in tasks] == list(range(20, 30, 2))
        return time.monotonic() - before

    assert run(main) < 0.4


def test_five_hundred(run):
    async def main():
        tasks = [await loops.start(pool.double, number) for number in range(10, 510)]
        assert [await task for task in tasks] == list(range(20, 1020, 2))

    run(main)


def test_size_of_the_pool():
    async def main():
        tasks = [await loops.start(pool.double, number, 2000) for number in range(10, 30)]
        for task in tasks:
            await task

    # Threads of the tests before may still be idle.
    time.sleep(5.5)
    pool.counts()
    try:
        pool.set_size(2)
        loops.on_asyncio(main)
        assert pool.counts()["most"] <= 2
    finally:
        pool.set_size(0)
    with pytest.raises(ValueError, match="cannot be negative"):
        pool.set_size(-1)


@pytest.mark.parametrize("number, error, text", [(1, KeyError, "two"), (2, SystemError, "returned NULL")])
def test_what_cannot_be_converted(run, number, error, text):
    async def main():
        with pytest.raises(error, match=text):
            await pool.double(number)

    run(main)


def test_never_awaited():
    with pytest.warns(ResourceWarning, match="was never awaited"):
        pool.double(21)
    counts = until_settled()
    assert (counts["run"], counts["dropped"]) == (0, 1)


def test_in_no_loop():
    with pytest.raises(RuntimeError, match="needs an event loop"):
        pool.double(21).send(None)
    assert until_settled()["run"] == 0


def test_wrong_arguments():
    with pytest.raises(SystemError, match="where a function is needed"):
        pool.no_work()
    with pytest.raises(ValueError, match="PyAwaitable_WAIT or PyAwaitable_ABANDON"):
        pool.double(21, 0, 2)


def test_asyncio_waits_for_work_that_is_cancelled(run_asyncio):
    async def main():
        for is_deaf in 0, 1:
            task = asyncio.ensure_future(loops.awaited(pool.double(21, 500000, 0, is_deaf)))
            await loops.until(pool.running)
            before = time.monotonic()
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            taken = time.monotonic() - before
            assert taken > 0.3 if is_deaf else taken < 0.3

    run_asyncio(main)
    counts = until_settled()
    assert (counts["dropped"], counts["cancelled"]) == (2, 2)


def test_trio_declines_to_cancel():
    async def main():
        with trio.move_on_after(0.1) as scope:
            assert await pool.double(21, 500000, 0, 1) == 42
        assert not scope.cancelled_caught

    for run in loops.TRIO.values():
        run(main)
    counts = until_settled()
    assert (counts["converted"], counts["cancelled"]) == (2, 2)


def test_abandoned(run):
    async def main():
        task = await loops.start(pool.double, 21, 500000, 1, 1)
        await loops.until(pool.running)
        before = time.monotonic()
        task.cancel()
        with pytest.raises(loops.CANCELLED):
            await task
        return time.monotonic() - before

    assert run(main) < 0.3
    counts = until_settled()
    assert (counts["dropped"], counts["cancelled"]) == (1, 1)


def test_cancelled_in_the_queue(run):
    async def main():
        pool.set_size(1)
        try:
            tasks = [await loops.start(pool.double, number, 200000) for number in range(10, 60)]
            await loops.sleep(0.05)
            for task in tasks[40:]:
                task.cancel()
            for task in tasks[40:]:
                # Threads of the tests before may have begun some; trio does not cancel those.
                try:
                    await task
                except loops.CANCELLED:
                    pass
        finally:
            pool.set_size(0)
        for task in tasks[:40]:
            task.cancel()
        for task in tasks[:40]:
            try:
                await task
            except loops.CANCELLED:
                pass

    run(main)


@pytest.mark.parametrize("delay", [0, 1000, 20000])
def test_cancelled_at_any_moment(run, delay):
    async def main():
        for moment in range(10):
            tasks = [await loops.start(pool.double, number, delay, number % 2) for number in range(10, 20)]
            await loops.sleep(moment / 3000)
            for task in tasks[::3]:
                task.cancel()
            for task in tasks:
                try:
                    await task
                except loops.CANCELLED:
                    pass

    run(main)


def test_trio_ends_while_work_runs():
    """In a system task, which declines to be cancelled: it is woken all the same."""
    for run in loops.TRIO.values():

        async def main():
            for number in range(10, 15):
                await loops.start(pool.double, number, 50000, 0, 1)
            await loops.start(promises_wait)
            await trio.sleep(0.01)

        async def promises_wait():
            await trio.sleep_forever()

        run(main)
    counts = until_settled()
    assert counts["converted"] == 10


def test_closed_while_it_runs():
    async def main():
        awaitable = pool.double(21, 20000)
        awaitable.send(None)
        awaitable.close()

    loops.on_asyncio(main)
    assert until_settled()["dropped"] == 1


def child(code):
    command = [sys.executable, "-X", "faulthandler", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parent, check=False)


EXIT = """
import asyncio, atexit, time, warnings, loops, pool
warnings.simplefilter("ignore")
before = time.monotonic()
atexit.register(lambda: print("waited" if time.monotonic() - before > 0.3 else "left"))
loop = asyncio.SelectorEventLoop()
loop.set_exception_handler(lambda *context: None)
async def main():
    global task
    task = asyncio.ensure_future(loops.awaited(pool.double(21, DELAY, ABANDON, DEAF)))
    await loops.until(pool.running)
loop.run_until_complete(main())
"""


@pytest.mark.parametrize("abandon, deaf, printed", [(0, 1, "waited\n"), (0, 0, "left\n"), (1, 1, "left\n")])
def test_end_of_python_waits_for_work(abandon, deaf, printed):
    code = EXIT.replace("DELAY", "400000").replace("ABANDON", str(abandon)).replace("DEAF", str(deaf))
    finished = child(code)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, printed, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_fork_has_a_pool_of_its_own():
    code = """
import asyncio, os, warnings, loops, pool
warnings.simplefilter("ignore")
async def one():
    return await pool.double(21)
async def main():
    assert await one() == 42
    slow = asyncio.ensure_future(loops.awaited(pool.double(4, 100000)))
    await asyncio.sleep(0.01)
    child = os.fork()
    if child == 0:
        asyncio._set_running_loop(None)
        os._exit(0 if loops.on_asyncio(one) == 42 else 1)
    print(os.waitpid(child, 0)[1], await slow)
loops.on_asyncio(main)
"""
    finished = child(code)
    assert (finished.stdout, finished.stderr) == ("0 8\n", "")


# ---- On the bytes of an object -------------------------------------------------------------------

WAITS = b"\xff\x01"


@pytest.fixture
def gate():
    pool.set_open(False)
    yield pool.set_open
    pool.set_open(True)


def is_held(data):
    """Whether somebody has the buffer of a bytearray."""
    try:
        data.append(1)
    except BufferError:
        return True
    return False


def test_on_a_buffer(run):
    async def main():
        assert await pool.sum(b"") == 0
        for data in b"abc", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"xabcx")[1:4], array.array("B", b"abc"):
            assert await pool.sum(data) == 294
            assert await pool.sum(data, 1) == 294
        assert await pool.sum(b"abc", 0, 0) is None
        with pytest.raises(KeyError, match="fails"):
            await pool.sum(b"\xfe")
        tasks = [await loops.start(pool.sum, bytes([number] * 1000)) for number in range(200)]
        return [await task for task in tasks]

    assert run(main) == [number * 1000 for number in range(200)]
    counts = until_settled()
    assert (counts["converted"], counts["dropped"]) == (212, 1)


def test_a_buffer_is_held_while_it_is_worked_on(run, gate):
    async def main():
        data = bytearray(WAITS)
        task = await loops.start(pool.sum, data)
        await loops.until(pool.running)
        assert is_held(data)
        gate(True)
        assert await task == 256
        del task
        assert not is_held(data)

    run(main)


@pytest.mark.parametrize("how", ["cancelled", "closed", "dropped", "its loop is closed"])
def test_a_buffer_is_held_while_work_that_was_left_goes_on(gate, how):
    data = bytearray(WAITS)
    objects = sys.getrefcount(data)

    async def main():
        if how == "cancelled":
            task = asyncio.ensure_future(loops.awaited(pool.sum(data, 1)))
            await loops.until(pool.running)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return
        awaitable = pool.sum(data)
        awaitable.send(None)
        await loops.until(pool.running)
        if how == "closed":
            awaitable.close()
        if how == "its loop is closed":
            return awaitable

    kept = loops.on_asyncio(main)
    assert is_held(data)
    del kept
    gc.collect()
    assert is_held(data)
    gate(True)
    until_settled()
    # Whoever comes by lets go of it.
    for _ in range(100):
        assert loops.on_asyncio(pool.sum, b"a") == 97
        if not is_held(data):
            break
        time.sleep(0.01)
    assert not is_held(data)
    assert sys.getrefcount(data) == objects


def test_a_buffer_that_nobody_works_on_is_given_back():
    data = bytearray(b"abc")
    with pytest.warns(ResourceWarning, match="was never awaited"):
        pool.sum(data)
    assert not is_held(data)

    async def main():
        pool.set_size(1)
        try:
            first = asyncio.ensure_future(loops.awaited(pool.double(21, 50000)))
            tasks = [asyncio.ensure_future(loops.awaited(pool.sum(data))) for _ in range(3)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await first
        finally:
            pool.set_size(0)
        del tasks
        assert not is_held(data)

    loops.on_asyncio(main)


def test_no_buffer():
    for wrong, error in (5, TypeError), ("text", TypeError), (memoryview(b"abcd")[::2], BufferError):
        with pytest.raises(error):
            pool.sum(wrong)
    with pytest.raises(SystemError, match="where an object or a function is needed"):
        pool.sum(None)
    with pytest.raises(ValueError, match="PyAwaitable_WAIT or PyAwaitable_ABANDON"):
        pool.sum(b"", 2)
    with pytest.raises(ValueError, match="^the size of a result cannot be negative$"):
        pool.sum(b"", 0, 1, -1)
    with pytest.raises(MemoryError):
        pool.sum(b"", 0, 1, sys.maxsize)


def test_end_of_python_leaves_work_on_a_buffer():
    code = EXIT.replace("pool.double(21, DELAY, ABANDON, DEAF)", "pool.sum(bytearray(b'\\xff'), 1)")
    finished = child(code)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "left\n", "")
