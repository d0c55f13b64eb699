"""docs/outside.md: its module is compiled, and what it says is tried."""

import concurrent.futures
import hashlib
import inspect
import platform
import re
import socket
import subprocess
import threading
from pathlib import Path

import loops
import pytest
from compiling import compile_extension, compiler, load_extension

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


MODULE = """
static PyMethodDef methods[] = {{"%(name)s", %(name)s, METH_O | METH_ASYNC, NULL}, {NULL, NULL, 0, NULL}};
static int execute(PyObject *module) { return PyAwaitable_AddFunctions(module, methods); }
static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "%(module)s", NULL, 0, NULL, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_%(module)s(void) { return PyModuleDef_Init(&definition); }
"""


def marked(mark):
    return re.search(f"```c {mark}\n(.*?)```", TEXT, re.DOTALL)[1]


def module_of(tmp_path_factory, mark, name, standard, header, *options):
    """A block that is a module of its own; skipped where its library is not there."""
    folder = tmp_path_factory.mktemp(mark)
    if "++" in standard:
        options = *options, "-Wno-missing-field-initializers"
    probe = folder / "probe.c"
    probe.write_text(f"#include <{header}>\n", encoding="utf-8")
    if subprocess.run([compiler(), "-E", probe], capture_output=True).returncode != 0:
        pytest.skip(f"there is no <{header}>")
    path = folder / ("module.cpp" if "++" in standard else "module.c")
    lines = ["#include <Python.h>", "#define PYAWAITABLE_KEYWORDS", "#include <pyawaitable.h>", f"#include <{header}>"]
    path.write_text("\n".join(lines) + "\n" + marked(mark) + MODULE % {"name": name, "module": mark}, encoding="utf-8")
    return load_extension(compile_extension(folder, mark, [path], f"-std={standard}", *options))


@pytest.fixture(scope="module", params=["gnu99", "gnu++11"])
def hashes(request, tmp_path_factory):
    return module_of(tmp_path_factory, "hash", "sha256", request.param, "openssl/sha.h", "-lcrypto")


@pytest.fixture(scope="module", params=["gnu99", "gnu++11"])
def resolves(request, tmp_path_factory):
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc has getaddrinfo_a")
    return module_of(tmp_path_factory, "resolve", "resolve", request.param, "netdb.h", "-lanl")


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


def test_hash(hashes, run):
    data = bytes(range(256)) * 2**18

    async def main():
        return await hashes.sha256(data)

    assert run(main) == hashlib.sha256(data).digest()


def test_hash_is_short():
    lines = marked("hash").splitlines()
    assert len([line for line in lines if line and not line.startswith("/*")]) <= 18


def test_resolve(resolves, run):
    async def main():
        assert await resolves.resolve("127.0.0.1") == ["127.0.0.1"] * 3
        # A name that the system need not ask anybody about.
        with pytest.raises(OSError):
            await resolves.resolve("x" * 64)
        tasks = [await loops.start(resolves.resolve, f"127.0.0.{number}") for number in range(1, 21)]
        for task in tasks[::3]:
            task.cancel()
        for number, task in enumerate(tasks, 1):
            try:
                assert await task == [f"127.0.0.{number}"] * 3
            except loops.CANCELLED:
                assert number % 3 == 1
        return await resolves.resolve("localhost")

    assert set(run(main)) & {"127.0.0.1", "::1"}


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
    for name in [*names.split(), "NewWaker", "Run", "RunOnBuffer", "Sleep", "Checkpoint", "CurrentLibrary", *DESCRIPTORS]:
        assert re.search(rf"\b(PyAwaitable_)?{name}\b", table), name
