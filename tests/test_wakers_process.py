"""Wakers, their event loops, and what belongs to a process: descriptors, threads, interrupts, forks, the end."""

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import textwrap
import threading

import loops
import pytest
import trio

import outside

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def resident():
    """How many bytes of memory the process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def threads():
    return len(os.listdir("/proc/self/task"))


def giver(wakers):
    return lambda what: isinstance(what, int) or wakers.append(what)


@linux
@pytest.mark.parametrize("kept", [False, True], ids=["wakers dropped", "wakers kept"])
def test_loops_leave_nothing_behind(kept):
    async def main():
        wakers = []
        task = await loops.start(outside.parks, giver(wakers))
        await loops.until(lambda: wakers)
        outside.wake(wakers)
        await task
        # This one is still parked when the loop ends.
        await loops.start(outside.parks, giver(wakers))
        await loops.sleep(0)
        return wakers

    def rounds(number):
        held = []
        for _ in range(number):
            for run in loops.ALL.values():
                wakers = run(main)
                held.extend(wakers if kept else [])
                if kept and len(held) > 100:
                    outside.wake(held)
                    held.clear()
        wakers = None
        outside.wake(held)
        held.clear()
        gc.collect()
        return descriptors(), sys.getallocatedblocks(), resident()

    # How many loops are made and closed, a third of them to get warm.
    number = int(os.environ.get("LOOPS", "900")) // len(loops.ALL) // 3
    before = rounds(1)
    some_threads = threads()
    warm = rounds(number)
    after = rounds(2 * number)
    for _ in range(100):
        if threads() <= some_threads:
            break
        threading.Event().wait(0.01)
    assert threads() <= some_threads
    assert after[0] <= before[0]
    # The library's pools of objects fill up at first. What each loop left would be more than that.
    loops_made = 2 * number * len(loops.ALL)
    assert after[1] - warm[1] < 2000 + loops_made / 10
    assert after[2] - warm[2] < (4 << 20) + loops_made * 64


@linux
def test_a_descriptor_stays_while_a_waker_does():
    async def main():
        wakers = []
        task = await loops.start(outside.parks, giver(wakers))
        await loops.until(lambda: wakers)
        outside.wake(wakers)
        await task
        return wakers

    def mailboxes():
        links = [
            os.readlink(f"/proc/self/fd/{each}") if os.path.lexists(f"/proc/self/fd/{each}") else ""
            for each in os.listdir("/proc/self/fd")
        ]
        return sum("eventfd" in link for link in links)

    before = mailboxes()
    wakers = loops.on_asyncio(main)
    gc.collect()
    assert mailboxes() == before + 1
    wakers.clear()
    assert mailboxes() == before


def test_interrupt_in_a_batch_loses_nothing():
    woken = []

    def interrupting(what):
        if isinstance(what, int):
            woken.append(what)
            if len(woken) == 3:
                raise KeyboardInterrupt
        else:
            wakers.append(what)

    wakers = []

    async def main():
        tasks = [asyncio.ensure_future(loops.awaited(outside.parks(interrupting))) for _ in range(10)]
        await asyncio.sleep(0.01)
        return tasks

    for make in asyncio.SelectorEventLoop, loops.WithoutReaders:
        woken.clear()
        wakers.clear()
        loop = make()
        tasks = loop.run_until_complete(main())
        outside.wake(wakers)
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(asyncio.sleep(1))
        assert len(woken) == 3
        loop.run_until_complete(asyncio.sleep(0.05))
        assert len(woken) == 10
        assert sum(task.done() for task in tasks) == 10
        assert [type(task.exception()) for task in tasks].count(KeyboardInterrupt) == 1
        loop.close()


def test_order_is_that_of_the_wakes(run_asyncio):
    async def main():
        wakers, order = [], []
        tasks = []
        for number in range(50):

            def note(what, number=number):
                (order.append(number) if isinstance(what, int) else wakers.append(what))

            tasks.append(asyncio.ensure_future(loops.awaited(outside.parks(note))))
        await asyncio.sleep(0.01)
        outside.wake(wakers[::-1])
        await asyncio.gather(*tasks)
        return order

    assert run_asyncio(main) == list(range(50))[::-1]


@pytest.fixture(params=loops.ASYNCIO)
def run_asyncio(request):
    return loops.ASYNCIO[request.param]


@pytest.fixture(params=loops.ALL)
def run(request):
    return loops.ALL[request.param]


VARIABLE = contextvars.ContextVar("variable", default=0)


def test_each_goes_on_in_its_context(run):
    async def one(number, wakers, seen):
        VARIABLE.set(number)
        await outside.parks(
            lambda what: seen.append((number, VARIABLE.get())) if isinstance(what, int) else wakers.append(what)
        )
        seen.append((number, VARIABLE.get()))

    async def main():
        wakers, seen = [], []
        tasks = [await loops.start(one, number, wakers, seen) for number in range(1, 6)]
        await loops.until(lambda: len(wakers) == 5)
        outside.wake(wakers)
        for task in tasks:
            await task
        assert VARIABLE.get() == 0
        return seen

    seen = run(main)
    assert len(seen) == 10
    assert all(number == found for number, found in seen)


def test_what_asyncio_does_with_awaitables(run_asyncio):
    async def main():
        wakers = []
        make = lambda: outside.parks(giver(wakers))  # noqa: E731
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(make(), 0.01)
        shielded = asyncio.ensure_future(loops.awaited(make()))
        outer = asyncio.ensure_future(loops.awaited(asyncio.shield(shielded)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        outside.wake(wakers)
        assert await shielded == 1
        # Cancelled before its first step.
        task = asyncio.get_running_loop().create_task(make())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        wakers.clear()
        gathered = asyncio.gather(*(loops.awaited(make()) for _ in range(5)))
        await asyncio.sleep(0.01)
        outside.wake(wakers)
        assert await gathered == [1] * 5

    run_asyncio(main)


def test_message_of_a_cancel(run_asyncio):
    async def main():
        async def waits():
            try:
                await outside.parks(lambda what: None)
            except asyncio.CancelledError as error:
                return error.args

        task = asyncio.ensure_future(waits())
        await asyncio.sleep(0.01)
        task.cancel("why")
        return await task

    assert run_asyncio(main) == ("why",)


def test_thrown_into_and_closed(run):
    async def main():
        wakers = []
        for _ in range(3):
            body = outside.parks(giver(wakers))
            iterator = body.__await__()
            next(iterator)
            with pytest.raises(ZeroDivisionError):
                iterator.throw(ZeroDivisionError())
        for _ in range(3):
            body = outside.parks(giver(wakers))
            iterator = body.__await__()
            next(iterator)
            iterator.close()
        outside.wake(wakers)

    if run not in (loops.on_trio, loops.anyio_on_trio, loops.trio_as_a_guest):
        run(main)


def test_trio_cancels_what_is_parked():
    async def main():
        wakers = []
        with trio.move_on_after(0.02) as scope:
            await outside.parks(giver(wakers))
        assert scope.cancelled_caught
        outside.wake(wakers)
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(outside.parks, giver(wakers))
            await trio.sleep(0.01)
            outside.wake(wakers[1:6])
            nursery.cancel_scope.cancel()

    trio.run(main)


def test_a_waiter_in_another_loop():
    body = outside.insists(lambda what: None)

    async def first():
        body.__await__()
        body.send(None)

    loops.on_asyncio(first)

    async def second():
        with pytest.raises(RuntimeError, match="another event loop"):
            body.throw(ZeroDivisionError())

    loops.on_asyncio(second)


def child(code):
    """What a Python process prints that runs this."""
    code = textwrap.dedent(code)
    run = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=os.path.dirname(__file__),
    )
    assert run.returncode == 0, (run.returncode, run.stderr[-2000:])
    return run.stdout


@pytest.mark.parametrize("library", ["asyncio", "trio", "without readers"])
def test_exits_while_two_thousand_are_woken(library):
    code = f"""
        import asyncio, os, sys, loops, outside
        wakers = []
        async def main():
            for _ in range(2000):
                await loops.start(outside.parks, lambda what: isinstance(what, int) or wakers.append(what), 10 ** 9)
            await loops.sleep(0.01)
            for _ in range(4):
                outside.wake_later(wakers, 0, 10 ** 6)
            await loops.sleep(0.01)
            if {library!r} != "trio":
                raise SystemExit
        loop = {{"asyncio": asyncio.SelectorEventLoop, "without readers": loops.WithoutReaders}}.get({library!r})
        if loop:
            try:
                loop().run_until_complete(main())
            except SystemExit:
                print("exits")
        else:
            loops.on_trio(main)
            print("exits")
    """
    for _ in range(int(os.environ.get("EXITS", "2"))):
        assert child(code) == "exits\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_fork_has_a_mailbox_of_its_own():
    code = """
        import asyncio, os, warnings, loops, outside
        warnings.simplefilter("ignore")
        given = []
        giver = lambda what: isinstance(what, int) or given.append(what)
        async def one():
            task = asyncio.ensure_future(loops.awaited(outside.parks(giver)))
            await asyncio.sleep(0.01)
            outside.wake(given[-1:])
            return await task
        async def main():
            task = asyncio.ensure_future(loops.awaited(outside.parks(giver)))
            await asyncio.sleep(0.01)
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    # The parent's: nothing happens to it.
                    outside.wake(given, 3)
                    asyncio._set_running_loop(None)
                    status = 0 if loops.on_asyncio(one) == 1 else 2
                finally:
                    os._exit(status)
            await asyncio.sleep(0.1)
            assert not task.done()
            print("child", os.waitpid(child, 0)[1])
            given[0].wake()
            print("parent", await task)
        loops.on_asyncio(main)
    """
    assert child(code) == "child 0\nparent 1\n"
