"""Bodies that park, and threads that wake them, under each event loop."""

import asyncio
import gc
import time

import loops
import pytest

import outside


@pytest.fixture(params=loops.ALL)
def run(request):
    return loops.ALL[request.param]


@pytest.fixture(params=loops.ASYNCIO)
def run_asyncio(request):
    return loops.ASYNCIO[request.param]


def test_library_that_runs():
    async def library():
        return outside.library()

    assert outside.library() is None
    names = {name: run(library) for name, run in loops.ALL.items()}
    assert names == {name: "trio" if "trio" in name else "asyncio" for name in loops.ALL}
    assert outside.library() is None


def test_woken_by_a_thread(run):
    async def main():
        given = []
        task = await loops.start(outside.parks, given.append)
        await loops.until(lambda: given)
        await loops.sleep(0.01)
        assert len(given) == 1 and not task.done()
        outside.wake(given)
        assert await task == 1
        assert given[1:] == [1]

    run(main)


def test_woken_later_by_a_thread(run):
    async def main():
        given = []

        def note(what):
            given.append(what)
            if not isinstance(what, int):
                outside.wake_later([what], 20000)

        return await outside.parks(note)

    assert run(main) == 1


def test_woken_before_it_parks(run):
    async def main():
        assert await outside.parks(lambda what: isinstance(what, int) or what.wake()) == 1
        assert await outside.parks(lambda what: isinstance(what, int) or outside.wake([what], 3, 2)) == 1

    run(main)


def test_woken_during_each_step(run):
    async def main():
        wakers = []

        def note(what):
            if not isinstance(what, int):
                wakers.append(what)
            outside.wake(wakers, 2)

        return await outside.parks(note, 100)

    assert run(main) == 100


def test_woken_by_the_loops_own_thread(run):
    async def main():
        given = []
        task = await loops.start(outside.parks, given.append, 2)
        await loops.until(lambda: given)
        await loops.sleep(0.01)
        for _ in range(3):
            given[0].wake()
        await loops.until(lambda: len(given) > 1)
        await loops.sleep(0.01)
        assert given[1:] == [1]
        given[0].wake()
        assert await task == 2

    run(main)


def test_thousand_are_woken(run):
    async def main():
        wakers = []
        tasks = [
            await loops.start(outside.parks, lambda what: isinstance(what, int) or wakers.append(what)) for _ in range(1000)
        ]
        await loops.until(lambda: len(wakers) == 1000)
        outside.wake(wakers, 2, 2)
        assert [await task for task in tasks] == [1] * 1000

    run(main)


def test_cancelled_while_it_is_parked(run):
    async def main():
        given = []
        task = await loops.start(outside.parks, given.append)
        await loops.until(lambda: given)
        await loops.sleep(0.01)
        task.cancel()
        with pytest.raises(loops.CANCELLED):
            await task
        outside.wake(given[:1], 3)
        await loops.sleep(0.01)
        assert len(given) == 1

    run(main)


@pytest.mark.parametrize("wake_first", [False, True])
def test_cancelled_and_woken_in_one_turn(run, wake_first):
    async def main():
        given = []
        task = await loops.start(outside.parks, given.append)
        await loops.until(lambda: given)
        await loops.sleep(0.01)
        actions = [lambda: outside.wake(given[:1]), task.cancel]
        for action in actions if wake_first else reversed(actions):
            action()
        try:
            assert await task == 1
        except loops.CANCELLED:
            assert len(given) == 1
        await loops.sleep(0.01)

    run(main)


def test_cancel_is_caught_and_it_parks_again(run_asyncio):
    async def main():
        given = []
        task = asyncio.ensure_future(loops.awaited(outside.insists(given.append)))
        await asyncio.sleep(0.01)
        task.cancel("a reason")
        await asyncio.sleep(0.01)
        assert type(given[1]) is asyncio.CancelledError
        assert not task.done()
        outside.wake(given[:1])
        assert await task == "woken"

    run_asyncio(main)


def test_woken_after_the_end(run):
    async def main():
        given = []
        await outside.parks(lambda what: isinstance(what, int) or (given.append(what), what.wake()))
        outside.wake(given, 3)
        await loops.sleep(0)
        return given

    given = run(main)
    outside.wake(given, 3)
    del given
    gc.collect()


def test_woken_after_the_loop_is_closed():
    given = []
    for run in loops.ALL.values():

        async def main():
            await loops.start(outside.parks, lambda what: isinstance(what, int) or given.append(what))
            await loops.sleep(0.01)

        run(main)
    gc.collect()
    assert len(given) == len(loops.ALL)
    outside.wake(given, 3, 3)
    outside.wake(given, 3)


def test_parks_in_no_loop():
    with pytest.raises(RuntimeError, match="needs an event loop of asyncio .*trio.*anyio"):
        outside.parks(lambda what: None).send(None)


def test_waker_of_what_has_no_body(run):
    async def main():
        body = outside.parks(lambda what: isinstance(what, int) or what.wake())
        outside.waker_of(body)
        assert await body == 1
        with pytest.raises(RuntimeError, match="which has not ended"):
            outside.waker_of(body)

    run(main)
    with pytest.raises(TypeError):
        outside.waker_of(3)


def test_wakes_do_not_wait_for_python():
    async def main():
        wakers = []
        tasks = [
            await loops.start(outside.parks, lambda what: isinstance(what, int) or wakers.append(what)) for _ in range(100)
        ]
        await loops.until(lambda: len(wakers) == 100)
        # The caller stays attached to the interpreter meanwhile.
        longest = outside.wake(wakers)
        assert [await task for task in tasks] == [1] * 100
        return longest

    assert loops.on_asyncio(main) < 0.1


def test_ten_thousand_wakes_are_one_write():
    async def main():
        wakers = []
        tasks = [
            await loops.start(outside.parks, lambda what: isinstance(what, int) or wakers.append(what)) for _ in range(10000)
        ]
        await loops.until(lambda: len(wakers) == 10000)
        descriptors = set(asyncio.get_running_loop()._selector.get_map()) - before
        outside.wake(wakers, 1, 4)
        (descriptor,) = descriptors
        with open(f"/proc/self/fdinfo/{descriptor}") as info:
            written = [line.split()[1] for line in info if line.startswith("eventfd-count")]
        assert [await task for task in tasks] == [1] * 10000
        return written

    loop = asyncio.SelectorEventLoop()
    before = set(loop._selector.get_map())
    assert loops.run_in(loop, main) == ["1"]


def test_time_is_not_spent_waiting(run):
    async def main():
        given = []
        task = await loops.start(outside.parks, given.append)
        await loops.until(lambda: given)
        await loops.sleep(0.01)
        before = time.process_time()
        await loops.sleep(0.3)
        taken = time.process_time() - before
        outside.wake(given)
        await task
        return taken

    assert run(main) < 0.1


def test_generator_that_parks(run):
    async def main():
        given, items = [], []

        async def iterate():
            async for item in outside.yields(given.append):
                items.append(item)

        task = await loops.start(iterate)
        for number in range(4):
            await loops.until(lambda number=number: len(items) == number and given)
            await loops.sleep(0.005)
            assert items == list(range(1, number + 1))
            if number < 3:
                outside.wake(given)
        await task

    run(main)
