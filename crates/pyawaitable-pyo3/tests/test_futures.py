"""Python's futures, waited for by a runtime of Rust's."""

import asyncio
import concurrent.futures
import queue

import pytest

ASYNCIO = ["asyncio", "debug", "uvloop", "anyio-asyncio"]


@pytest.fixture
def told():
    """A queue, and a function that puts its arguments there."""
    told = queue.Queue()
    told.function = lambda *arguments: told.put(arguments)
    return told


async def one_of(told):
    while told.empty():
        await asyncio.sleep(0.001)
    return told.get()


@pytest.mark.parametrize("loop", ASYNCIO, indirect=True)
def test_task(behaviours, run, told):
    async def main():
        behaviours.watches(asyncio.ensure_future(asyncio.sleep(0.01, "result")), told.function, False, False)
        return await one_of(told)

    assert run(main) == ("result", None)


@pytest.mark.parametrize("loop", ASYNCIO, indirect=True)
def test_task_that_fails(behaviours, run, told):
    error = ValueError("text")

    async def main():
        future = asyncio.get_running_loop().create_future()
        behaviours.watches(future, told.function, False, False)
        await asyncio.sleep(0.005)
        future.set_exception(error)
        return await one_of(told)

    assert run(main) == (None, error)


@pytest.mark.parametrize("loop", ASYNCIO, indirect=True)
@pytest.mark.parametrize("cancels", [False, True])
def test_dropped_before_it_is_done(behaviours, run, told, cancels):
    async def main():
        task = asyncio.ensure_future(asyncio.sleep(0.1))
        behaviours.watches(task, told.function, cancels, True)
        assert await one_of(told) == (None, None)
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main) is cancels


def test_future_of_a_pool(behaviours, told):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        behaviours.watches(pool.submit(sum, [1, 2]), told.function, False, False)
        assert told.get(timeout=10) == (3, None)


def test_future_that_is_done(behaviours, told):
    future = concurrent.futures.Future()
    future.set_result(1)
    behaviours.watches(future, told.function, False, False)
    assert told.get(timeout=10) == (1, None)


def test_future_of_a_closed_loop(behaviours, told):
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()
    behaviours.watches(future, told.function, True, False)
    result, error = told.get(timeout=10)
    assert result is None
    assert str(error) == "Event loop is closed"


def test_no_future(behaviours, told):
    behaviours.watches(1, told.function, True, False)
    result, error = told.get(timeout=10)
    assert result is None
    assert type(error) is AttributeError
