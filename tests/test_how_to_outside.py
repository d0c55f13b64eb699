"""docs/outside.md: its module is compiled, and what it says is tried."""

import concurrent.futures
import inspect
import re
import socket
import threading
from pathlib import Path

import loops
import pytest
from compiling import compile_extension, load_extension

TEXT = (Path(__file__).parent.parent / "docs" / "outside.md").read_text(encoding="utf-8")
DESCRIPTORS = "WaitReadable", "WaitWritable", "NotifyClosing"
BLOCKS = re.findall(r"```c\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module", params=["gnu99", "gnu++11"])
def threads(request, tmp_path_factory):
    """The blocks, as one module."""
    folder = tmp_path_factory.mktemp("threads")
    path = folder / ("threads.cpp" if "++" in request.param else "threads.c")
    path.write_text("".join(BLOCKS), encoding="utf-8")
    return load_extension(compile_extension(folder, "threads", [path], f"-std={request.param}"))


@pytest.fixture(params=loops.ALL)
def run(request):
    return loops.ALL[request.param]


def test_promises(threads, run):
    async def main():
        with pytest.raises(ValueError, match="^a negative number$"):
            await threads.square(-1)
        tasks = [await loops.start(threads.square, number) for number in range(20)]
        return [await task for task in tasks]

    assert run(main) == [number**2 for number in range(20)]
    assert inspect.iscoroutinefunction(threads.square)


def test_cancelled(threads, run):
    async def main():
        task = await loops.start(threads.square, 3)
        await loops.sleep(0)
        task.cancel()
        try:
            assert await task == 9
        except loops.CANCELLED:
            pass
        await loops.sleep(0.01)

    run(main)


def test_wakers(threads, run):
    async def main():
        return await threads.counts(1000)

    assert run(main) == 1000


def test_pool(threads, run):
    async def main():
        assert await threads.sum(1000) == 500500
        task = await loops.start(threads.sum, 2**64 - 1)
        await loops.sleep(0.01)
        task.cancel()
        try:
            await task
        except loops.CANCELLED:
            pass

    run(main)


def test_first_wait_outside_of_a_loop(threads):
    # Not a promise, which the thread may have settled by then.
    first, second = socket.socketpair()
    with first, second, pytest.raises(RuntimeError, match="needs an event loop"):
        threads.echo(first).send(None)


def test_sockets(threads, run):
    first, second = socket.socketpair()
    with first, second:
        first.setblocking(False)
        if run is loops.without_readers:
            with pytest.raises(NotImplementedError):
                run(threads.echo, first)
            return

        async def main():
            task = await loops.start(threads.echo, first)
            client = concurrent.futures.ThreadPoolExecutor(1)
            answer = client.submit(converse, second, bytes(range(256)) * 4000)
            assert await task == 256 * 4000
            assert answer.result() == bytes(range(256)) * 4000
            client.shutdown()

        run(main)


def converse(end, text):
    """Sends it while it reads what comes back."""
    sender = threading.Thread(target=lambda: (end.sendall(text), end.shutdown(socket.SHUT_WR)))
    sender.start()
    read = b""
    while len(read) < len(text) and (more := end.recv(65536)):
        read += more
    sender.join()
    return read


def test_table_names_every_function():
    table = TEXT[TEXT.index("| function |") : TEXT.index("Those in the first two rows")]
    names = "Wake CloneWaker DropWaker Resolve Reject PromiseFree PromiseIsAbandoned NewPromise PromiseOnCancel"
    for name in [*names.split(), "NewWaker", "Run", "Sleep", "Checkpoint", "CurrentLibrary", *DESCRIPTORS]:
        assert re.search(rf"\b(PyAwaitable_)?{name}\b", table), name
