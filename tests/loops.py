"""The event loops that the tests run under, each by a function that runs an `async def` to its end."""

import asyncio
import contextlib
import sys

import anyio
import sniffio
import trio

try:
    import uvloop
except ImportError:
    uvloop = None


class WithoutReaders(asyncio.SelectorEventLoop):
    """A loop that does not watch descriptors, as Windows' proactor."""

    def add_reader(self, *arguments):
        raise NotImplementedError

    add_writer = add_reader

    def _make_self_pipe(self):
        """As the selector's own, whose pipe is one of the loop's private readers."""
        super()._make_self_pipe()


def run_in(loop, function, *arguments):
    """As asyncio.run(), in this loop."""
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(function(*arguments))
    finally:
        try:
            pending = asyncio.all_tasks(loop)
            for task in pending:
                task.cancel()
            if pending:
                loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def on_asyncio(function, *arguments):
    return run_in(asyncio.SelectorEventLoop(), function, *arguments)


def in_debug_mode(function, *arguments):
    loop = asyncio.SelectorEventLoop()
    loop.set_debug(True)
    return run_in(loop, function, *arguments)


def with_eager_tasks(function, *arguments):
    loop = asyncio.SelectorEventLoop()
    loop.set_task_factory(asyncio.eager_task_factory)
    return run_in(loop, function, *arguments)


def with_tasks_in_python(function, *arguments):
    loop = asyncio.SelectorEventLoop()

    def factory(loop, coroutine, **keywords):
        return asyncio.tasks._PyTask(coroutine, loop=loop, **keywords)

    loop.set_task_factory(factory)
    with functions_in_python():
        return run_in(loop, function, *arguments)


@contextlib.contextmanager
def functions_in_python():
    """From 3.12 on asyncio's functions in C do not know tasks in Python."""
    module = asyncio.tasks
    names = (
        "current_task",
        "_enter_task",
        "_leave_task",
        "_swap_current_task",
        "_register_task",
        "_unregister_task",
        "all_tasks",
    )
    names = (
        [name for name in names if hasattr(module, "_py_" + name.lstrip("_"))] if hasattr(module, "_py_current_task") else []
    )
    before = {name: getattr(module, name) for name in names}
    public = {name: getattr(asyncio, name) for name in names if hasattr(asyncio, name)}
    for name in names:
        setattr(module, name, getattr(module, "_py_" + name.lstrip("_")))
    for name in public:
        setattr(asyncio, name, getattr(module, name))
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(module, name, function)
        for name, function in public.items():
            setattr(asyncio, name, function)


def without_readers(function, *arguments):
    return run_in(WithoutReaders(), function, *arguments)


def on_uvloop(function, *arguments):
    return run_in(uvloop.new_event_loop(), function, *arguments)


def on_trio(function, *arguments):
    return trio.run(function, *arguments)


def anyio_on_asyncio(function, *arguments):
    return anyio.run(function, *arguments)


def anyio_on_trio(function, *arguments):
    return anyio.run(function, *arguments, backend="trio")


def trio_as_a_guest(function, *arguments):
    """trio, whose host is asyncio's loop."""

    async def host():
        done = asyncio.get_running_loop().create_future()
        trio.lowlevel.start_guest_run(
            function,
            *arguments,
            run_sync_soon_threadsafe=asyncio.get_running_loop().call_soon_threadsafe,
            done_callback=done.set_result,
        )
        return (await done).unwrap()

    return asyncio.run(host())


ASYNCIO = {
    "asyncio": on_asyncio,
    "debug mode": in_debug_mode,
    "tasks in Python": with_tasks_in_python,
    "without readers": without_readers,
}
if sys.version_info >= (3, 12):
    ASYNCIO["eager tasks"] = with_eager_tasks
if uvloop is not None:
    ASYNCIO["uvloop"] = on_uvloop
TRIO = {"trio": on_trio, "trio as a guest": trio_as_a_guest}
ALL = {**ASYNCIO, "anyio on asyncio": anyio_on_asyncio, **TRIO, "anyio on trio": anyio_on_trio}


def is_trio():
    # Not sniffio.current_async_library(), which does not know asyncio's tasks in Python.
    return sniffio.thread_local.name == "trio"


async def sleep(seconds):
    await (trio if is_trio() else asyncio).sleep(seconds)


async def until(condition):
    """Waits until it holds, for as long as a slow machine may need."""
    for _ in range(2000):
        if condition():
            return
        await sleep(0.002)
    raise AssertionError("it did not come to that")


async def start(function, *arguments):
    """A task that runs beside this one: an object to await, with `cancel`."""
    return TrioTask(function, *arguments) if is_trio() else asyncio.get_running_loop().create_task(function(*arguments))


async def awaited(awaitable):
    return await awaitable


class TrioTask:
    """A task of trio's that looks like one of asyncio's."""

    def __init__(self, function, *arguments):
        self.scope = trio.CancelScope()
        self.over = trio.Event()
        self.outcome = None

        async def run():
            with self.scope:
                try:
                    self.outcome = "returned", await function(*arguments)
                except BaseException as raised:
                    self.outcome = "raised", raised
                    if isinstance(raised, trio.Cancelled):
                        raise
                finally:
                    self.over.set()

        trio.lowlevel.spawn_system_task(run)

    def cancel(self):
        self.scope.cancel()

    def done(self):
        return self.over.is_set()

    def __await__(self):
        yield from self.over.wait().__await__()
        how, what = self.outcome
        if how == "raised":
            raise what
        return what


CANCELLED = asyncio.CancelledError, trio.Cancelled
