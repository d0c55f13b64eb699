"""Waiting until a descriptor is ready, under each event loop."""

import asyncio
import contextlib
import errno
import fcntl
import gc
import os
import resource
import socket
import threading
import weakref

import loops
import pytest
import trio

import outside

WITH_READERS = {name: run for name, run in loops.ALL.items() if name != "without readers"}
CLOSED = "the descriptor is closed"
BUSY = "^another task waits for this descriptor already$"


@pytest.fixture(params=WITH_READERS)
def run(request):
    return WITH_READERS[request.param]


@pytest.fixture(params=["pipe", "socketpair"])
def ends(request):
    """Two descriptors that do not block: what is written to the second is read from the first."""
    with opened(request.param) as both:
        yield both


@contextlib.contextmanager
def opened(kind):
    if kind == "socketpair":
        first, second = socket.socketpair()
        with first, second:
            first.setblocking(False)
            second.setblocking(False)
            yield first.fileno(), second.fileno()
        return
    ends = os.pipe()
    try:
        for end in ends:
            os.set_blocking(end, False)
        yield ends
    finally:
        for end in ends:
            with contextlib.suppress(OSError):
                os.close(end)


def fill(descriptor):
    """Writes until there is no more room."""
    written = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            written += os.write(descriptor, bytes(65536))
    return written


def drain(descriptor):
    with contextlib.suppress(BlockingIOError):
        while os.read(descriptor, 65536):
            pass


def is_closed(raised):
    return raised.errno == errno.EBADF and CLOSED in str(raised)


async def suspended(function, *arguments):
    """A task that waits in it."""
    task = await loops.start(function, *arguments)
    await loops.sleep(0.01)
    assert not task.done()
    return task


def test_readable(run, ends):
    async def main():
        for _ in range(3):
            task = await suspended(outside.wait_readable, ends[0])
            os.write(ends[1], b"some")
            assert await task is None
            assert os.read(ends[0], 10) == b"some"

    run(main)


def test_writable(run, ends):
    async def main():
        for _ in range(3):
            fill(ends[1])
            task = await suspended(outside.wait_writable, ends[1])
            drain(ends[0])
            assert await task is None
            assert os.write(ends[1], b"some") == 4

    run(main)


def test_ready_before_the_wait(run, ends):
    async def main():
        os.write(ends[1], b"some")
        for _ in range(3):
            assert await outside.wait_readable(ends[0]) is None
            assert await outside.wait_writable(ends[1]) is None

    run(main)


def test_the_other_end_is_closed(run):
    async def main():
        first, second = os.pipe()
        task = await suspended(outside.wait_readable, first)
        os.close(second)
        await task
        assert os.read(first, 1) == b""
        os.close(first)

    run(main)


def test_both_directions_of_one(run):
    first, second = socket.socketpair()
    with first, second:
        for end in first, second:
            end.setblocking(False)

        async def main():
            fill(first.fileno())
            reading = await suspended(outside.wait_readable, first.fileno())
            writing = await suspended(outside.wait_writable, first.fileno())
            drain(second.fileno())
            await writing
            assert not reading.done()
            second.send(b"some")
            await reading

        run(main)


def test_woken_by_a_thread(run, ends):
    async def main():
        for _ in range(20):
            thread = threading.Thread(target=os.write, args=(ends[1], b"x"))
            thread.start()
            await outside.wait_readable(ends[0])
            assert os.read(ends[0], 10) == b"x"
            thread.join()

    run(main)


def test_cancelled(run, ends):
    async def main():
        for _ in range(3):
            task = await suspended(outside.wait_readable, ends[0])
            task.cancel()
            with pytest.raises(loops.CANCELLED):
                await task
        # It is left as it was: others may wait.
        task = await suspended(outside.wait_readable, ends[0])
        os.write(ends[1], b"x")
        await task

    run(main)


def test_cancelled_before_it_waits(run, ends):
    async def main():
        task = await loops.start(outside.wait_readable, ends[0])
        task.cancel()
        with pytest.raises(loops.CANCELLED):
            await task
        task = await suspended(outside.wait_readable, ends[0])
        os.write(ends[1], b"x")
        await task

    run(main)


def test_cancelled_in_the_turn_it_is_ready(run, ends):
    async def main():
        for is_first in False, True:
            task = await suspended(outside.wait_readable, ends[0])
            if is_first:
                task.cancel()
            os.write(ends[1], b"x")
            if not is_first:
                task.cancel()
            with pytest.raises(loops.CANCELLED):
                await task
            os.read(ends[0], 1)
        task = await suspended(outside.wait_readable, ends[0])
        os.write(ends[1], b"x")
        await task

    run(main)


def test_cancelled_takes_the_reader_away(ends):
    async def main():
        loop = asyncio.get_running_loop()
        for function, end in (outside.wait_readable, ends[0]), (outside.wait_writable, ends[1]):
            if function is outside.wait_writable:
                fill(end)
            task = await suspended(function, end)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not loop.remove_reader(end) and not loop.remove_writer(end)

    asyncio.run(main())


def test_ready_takes_the_reader_away(ends):
    async def main():
        loop = asyncio.get_running_loop()
        os.write(ends[1], b"x")
        await outside.wait_readable(ends[0])
        await outside.wait_writable(ends[1])
        assert not loop.remove_reader(ends[0]) and not loop.remove_writer(ends[1])

    asyncio.run(main())


@pytest.mark.parametrize("how", ["closed", "dropped", "dropped by a thread"])
def test_not_awaited_to_its_end(ends, how):
    async def main():
        loop = asyncio.get_running_loop()
        held = [outside.wait_readable(ends[0])]
        held[0].send(None)
        if how == "closed":
            held.pop().close()
        elif how == "dropped":
            held.clear()
        else:
            thread = threading.Thread(target=held.clear)
            thread.start()
            thread.join()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        gc.collect()
        assert not loop.remove_reader(ends[0])
        task = await suspended(outside.wait_readable, ends[0])
        os.write(ends[1], b"x")
        await task

    asyncio.run(main())


def test_notified_that_it_closes(run, ends):
    async def main():
        task = await suspended(outside.wait_readable, ends[0])
        outside.notify_closing(ends[0])
        with pytest.raises(OSError, match=CLOSED) as raised:
            await task
        assert is_closed(raised.value)

    run(main)


def test_notified_in_both_directions(run):
    first, second = socket.socketpair()
    with first, second:
        first.setblocking(False)

        async def main():
            fill(first.fileno())
            tasks = [await suspended(function, first.fileno()) for function in (outside.wait_readable, outside.wait_writable)]
            outside.notify_closing(first.fileno())
            for task in tasks:
                with pytest.raises(OSError, match=CLOSED):
                    await task

        run(main)


def test_its_number_is_used_again(run):
    async def main():
        first, second = os.pipe()
        task = await suspended(outside.wait_readable, first)
        outside.notify_closing(first)
        os.close(first)
        again = os.pipe()
        if again[0] != first:
            os.dup2(again[0], first)
            os.close(again[0])
        with pytest.raises(OSError, match=CLOSED):
            await task
        task = await suspended(outside.wait_readable, first)
        os.write(again[1], b"x")
        await task
        for number in (first, second, again[1]):
            os.close(number)

    run(main)


def test_notified_of_what_nobody_waits_for(run, ends):
    async def main():
        outside.notify_closing(ends[0])
        os.write(ends[1], b"x")
        await outside.wait_readable(ends[0])
        outside.notify_closing(ends[0])
        outside.notify_closing(-1)

    run(main)


def test_cancelled_and_notified(run, ends):
    async def main():
        task = await suspended(outside.wait_readable, ends[0])
        task.cancel()
        outside.notify_closing(ends[0])
        # One of the two, by the loop's own rules.
        with pytest.raises((OSError, *loops.CANCELLED)):
            await task

    run(main)


def test_closed_before_the_wait(run):
    # A number that nothing else takes meanwhile, such as what the loop itself opens.
    with opened("pipe") as ends:
        closed = fcntl.fcntl(ends[0], fcntl.F_DUPFD, 500)
        os.close(closed)

    async def main():
        for number in closed, -1, -2, 2**31 - 1:
            for function in outside.wait_readable, outside.wait_writable:
                with pytest.raises(OSError, match=CLOSED) as raised:
                    await function(number)
                assert is_closed(raised.value)

    run(main)


def test_second_waiter(run, ends):
    async def main():
        task = await suspended(outside.wait_readable, ends[0])
        for _ in range(2):
            with pytest.raises(RuntimeError, match=BUSY):
                await outside.wait_readable(ends[0])
        os.write(ends[1], b"x")
        await task
        await outside.wait_readable(ends[0])

    run(main)


def test_files(run, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")

    async def main():
        with path.open("r+b") as file, open(os.devnull, "r+b") as null:
            for number in file.fileno(), null.fileno():
                for function in outside.wait_readable, outside.wait_writable:
                    for _ in range(2):
                        assert await function(number) is None

    run(main)


def test_a_file_does_not_suspend(tmp_path):
    async def main():
        with (tmp_path / "file").open("wb") as file, pytest.raises(StopIteration):
            outside.wait_writable(file.fileno()).send(None)

    asyncio.run(main())


def test_loop_without_readers(ends):
    async def main():
        for function in outside.wait_readable, outside.wait_writable:
            with pytest.raises(NotImplementedError):
                await function(ends[0])
        outside.notify_closing(ends[0])

    loops.without_readers(main)


def test_no_loop(ends):
    for function in outside.wait_readable, outside.wait_writable:
        with pytest.raises(RuntimeError, match="needs an event loop"):
            function(ends[0]).send(None)
    with pytest.raises(RuntimeError, match="needs an event loop"):
        outside.notify_closing(ends[0])


def test_never_awaited(ends):
    with pytest.warns(ResourceWarning, match="'wait_readable' was never awaited"):
        outside.wait_readable(ends[0])


def test_a_transport_has_it():
    first, second = socket.socketpair()
    with first, second:

        async def main():
            _, writer = await asyncio.open_connection(sock=first)
            with pytest.raises(RuntimeError, match="used by transport"):
                await outside.wait_readable(first.fileno())
            writer.close()

        asyncio.run(main())


def test_a_thousand(run):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with contextlib.ExitStack() as stack:
        pairs = [stack.enter_context(opened("pipe")) for _ in range(1000)]
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

        async def main():
            tasks = [await loops.start(outside.wait_readable, first) for first, _ in pairs]
            await loops.sleep(0.01)
            assert not any(task.done() for task in tasks)
            for number, (_, second) in enumerate(pairs):
                if number % 3:
                    os.write(second, b"x")
                else:
                    tasks[number].cancel()
            for number, task in enumerate(tasks):
                if number % 3:
                    await task
                else:
                    with pytest.raises(loops.CANCELLED):
                        await task

        run(main)


@pytest.mark.parametrize("name", [name for name in loops.ASYNCIO if name != "without readers"])
def test_loop_is_closed(ends, name):
    """What waits goes with it."""

    class Kept:
        pass

    async def waits(kept):
        await outside.wait_readable(ends[0])

    async def main():
        kept = Kept()
        coroutine = waits(kept)
        coroutine.send(None)
        return coroutine, weakref.ref(kept)

    coroutine, kept = loops.ASYNCIO[name](main)
    del coroutine
    gc.collect()
    assert kept() is None

    async def again():
        task = await suspended(outside.wait_readable, ends[0])
        os.write(ends[1], b"x")
        await task

    loops.ASYNCIO[name](again)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_child_does_not_take_the_reader_of_its_parent(ends, loop):
    if loop not in loops.ASYNCIO:
        pytest.skip("there is no uvloop for this Python")

    async def main():
        waiting = outside.wait_readable(ends[0])
        task = await suspended(loops.awaited, waiting)
        child = os.fork()
        if child == 0:
            try:
                waiting.close()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0
        os.write(ends[1], b"x")
        await asyncio.wait_for(task, 60)

    loops.ASYNCIO[loop](main)


def test_trio_tells_why():
    async def main():
        with opened("pipe") as ends:
            task = await suspended(outside.wait_readable, ends[0])
            with pytest.raises(RuntimeError) as raised:
                await outside.wait_readable(ends[0])
            assert isinstance(raised.value.__cause__, trio.BusyResourceError)
            trio.lowlevel.notify_closing(ends[0])
            with pytest.raises(OSError, match=CLOSED) as raised:
                await task
            assert isinstance(raised.value.__cause__, trio.ClosedResourceError)

    trio.run(main)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_a_device_that_is_always_ready(run, path):
    async def main():
        with open(path, "r+b", buffering=0) as device:
            assert await outside.wait_readable(device.fileno()) is None
            assert await outside.wait_writable(device.fileno()) is None

    run(main)


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EPERM, "mine"), PermissionError("mine"), OSError("mine"), KeyError("mine")]
)
def test_what_is_thrown_in_is_raised(run, error):
    async def main():
        with opened("pipe") as ends:
            waiting = outside.wait_readable(ends[0])
            iterator = waiting.__await__()
            next(iterator)
            with pytest.raises(type(error), match="mine") as raised:
                iterator.throw(error)
            assert raised.value is error

    run(main)


def test_nothing_is_left(run, ends):
    async def main():
        os.write(ends[1], b"x")
        before = 0
        for number in range(300):
            await outside.wait_readable(ends[0])
            if number == 100:
                gc.collect()
                before = len(gc.get_objects())
        gc.collect()
        assert len(gc.get_objects()) - before < 50

    run(main)
