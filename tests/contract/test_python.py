"""What Python code sees of an awaitable: its type, its attributes, its place in collections, where it can be used.

python.5: test_diagnostics.py.
"""

import asyncio
import collections.abc
import copy
import gc
import inspect
import pickle
import re
import struct
import sys
import types
import weakref

import anyio
import pytest
import rawapi
import trio
from contract_support import CANCELLED, Sleeper, awaiting, under_cancel
from raw_support import Context, Ready, keep_result, run, sleepy, suspend

from pyawaitable import PyAwaitable

pytest_plugins = ["raw_fixtures"]


# python.1: what it is


@pytest.mark.parametrize("base", ["Awaitable", "Coroutine"])
def test_is_instance_of(base, new):
    assert isinstance(new(), getattr(collections.abc, base))
    assert issubclass(PyAwaitable, getattr(collections.abc, base))


@pytest.mark.parametrize("base", ["Iterator", "Iterable", "Generator", "AsyncIterator", "AsyncGenerator", "Callable"])
def test_is_not_instance_of(base, new):
    assert not isinstance(new(), getattr(collections.abc, base))
    assert not issubclass(PyAwaitable, getattr(collections.abc, base))


def test_inspect_isawaitable(new):
    assert inspect.isawaitable(new())


def test_asyncio_iscoroutine(new):
    assert asyncio.iscoroutine(new())


def test_class_is_not_spoofed(new):
    aw = new()
    assert aw.__class__ is type(aw) is PyAwaitable
    assert not isinstance(aw, types.CoroutineType)


def test_the_type_has_its_methods_in_its_own_dictionary():
    for name in ("__await__", "send", "throw", "close"):
        assert name in vars(PyAwaitable)
        assert callable(getattr(PyAwaitable, name))


def test_the_type_has_documentation_and_a_module():
    assert PyAwaitable.__name__ == PyAwaitable.__qualname__ == "PyAwaitable"
    assert isinstance(PyAwaitable.__module__, str)
    for name in ("send", "throw", "close"):
        assert getattr(PyAwaitable, name).__doc__
    assert vars(sys.modules[PyAwaitable.__module__])["PyAwaitable"] is PyAwaitable


# python.2: where it can be used


def test_await_gives_a_proper_iterator(new):
    aw = new()
    rawapi.add_await(aw, sleepy("value"), keep_result)
    iterator = aw.__await__()
    assert iter(iterator) is iterator

    def delegate():
        return (yield from iterator)

    generator = delegate()
    assert next(generator) == "sleepy"
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "value"


def test_the_iterator_of_await_has_send_throw_and_close(new):
    aw, log = new(), []

    async def body():
        try:
            log.append(await suspend(1))
            await suspend(2)
        except KeyError:
            log.append("thrown")
            await suspend(3)
        finally:
            log.append("finally")

    rawapi.add_await(aw, body())
    iterator = aw.__await__()
    assert next(iterator) == 1
    assert iterator.send("sent") == 2
    assert iterator.throw(KeyError("x")) == 3
    iterator.close()
    assert log == ["sent", "thrown", "finally"]


def test_usable_where_asyncio_takes_a_coroutine(new):
    def make(value):
        aw = new()
        rawapi.add_await(aw, asyncio.sleep(0, value), keep_result)
        return aw

    async def main():
        assert await make(1) == 1
        assert await asyncio.create_task(make(2)) == 2
        assert await asyncio.gather(make(3), make(4)) == [3, 4]
        assert await asyncio.wait_for(make(5), 10) == 5
        assert await asyncio.ensure_future(make(6)) == 6

    asyncio.run(main())
    aw = new()
    rawapi.add_await(aw, main())
    assert asyncio.run(aw, debug=True) is None


def under_wait_for(aw):
    return asyncio.wait_for(aw, 0.001)


async def under_timeout(aw):
    async with asyncio.timeout(0.001):
        await aw


async def under_task_group(aw):
    async def sibling():
        await asyncio.sleep(0)
        raise ValueError

    async with asyncio.TaskGroup() as group:
        group.create_task(aw)
        group.create_task(sibling())


NEWER = [under_timeout, under_task_group] if sys.version_info >= (3, 11) else []


@pytest.mark.parametrize("under", [under_cancel, under_wait_for, *NEWER])
def test_cancel_wait_for_timeout_and_task_group_reach_the_inner_coroutine(new, under):
    inner = Sleeper()

    async def main():
        await under(awaiting(new, inner.run()))

    with pytest.raises(BaseException):  # noqa: B017  (a different one each)
        asyncio.run(main())
    assert inner.seen == CANCELLED


@pytest.mark.parametrize("place", ["the task itself", "awaited"])
@pytest.mark.parametrize("backend", ["trio", "anyio on asyncio", "anyio on trio"])
def test_trio_and_anyio_on_both_backends(new, backend, place):
    value = object()

    async def inner():
        await (trio.sleep(0) if backend == "trio" else anyio.sleep(0))
        return value

    aw = awaiting(new, inner())

    async def main():
        return await aw

    function = main if place == "awaited" else lambda: aw
    if backend == "trio":
        assert trio.run(function) is value
    else:
        assert anyio.run(function, backend=backend.rpartition(" ")[2]) is value


# python.3: its names


@pytest.mark.parametrize("name", ["__name__", "__qualname__"])
def test_name_is_pyawaitable_by_default(name, new):
    assert getattr(new(), name) == "PyAwaitable"


@pytest.mark.parametrize("name", ["__name__", "__qualname__"])
def test_name_is_settable(name, new):
    aw, other = new(), new()
    both = {"__name__", "__qualname__"}
    setattr(aw, name, "fetch")
    assert getattr(aw, name) == "fetch"
    assert getattr(aw, (both - {name}).pop()) == "PyAwaitable"
    assert getattr(other, name) == "PyAwaitable"
    assert run(aw) is None
    assert getattr(aw, name) == "fetch"


@pytest.mark.parametrize("name", ["__name__", "__qualname__"])
def test_name_must_be_a_string(name, new):
    aw = new()
    setattr(aw, name, "fetch")
    for wrong in (None, 1, b"fetch"):
        with pytest.raises(TypeError):
            setattr(aw, name, wrong)
    with pytest.raises(TypeError):
        delattr(aw, name)
    assert getattr(aw, name) == "fetch"


def test_name_is_owned(new):
    aw = rawapi.new()
    first, second = "".join(["fir", "st"]), "".join(["sec", "ond"])
    before = sys.getrefcount(first), sys.getrefcount(second)
    aw.__name__ = aw.__qualname__ = first
    assert sys.getrefcount(first) == before[0] + 2
    aw.__name__ = second
    aw.__qualname__ = second
    assert sys.getrefcount(first) == before[0]
    aw.close()
    del aw
    assert sys.getrefcount(second) == before[1]


def test_repr_has_the_name_and_the_address(new):
    aw = new()
    address = re.compile(rf" at 0x0*{id(aw):x}>$", re.IGNORECASE)
    assert "PyAwaitable" in repr(aw)
    assert address.search(repr(aw))
    aw.__qualname__ = "Client.fetch"
    assert "Client.fetch" in repr(aw)
    run(aw)
    assert "Client.fetch" in repr(aw)
    assert address.search(repr(aw))


# python.4: the attributes of a coroutine


STATES = ["cr_running", "cr_suspended", "cr_state"]


def states(aw):
    return [getattr(aw, name) for name in STATES]


def test_states_of_an_awaitable(new):
    aw, seen = new(), []

    def look(*_):
        seen.append((states(aw), aw.cr_await))

    rawapi.add_await(aw, sleepy(), look)
    assert states(aw) == [False, False, inspect.CORO_CREATED]
    aw.send(None)
    assert states(aw) == [False, True, inspect.CORO_SUSPENDED]
    run(aw)
    assert states(aw) == [False, False, inspect.CORO_CLOSED]
    assert seen == [([True, False, inspect.CORO_RUNNING], None)]


@pytest.mark.parametrize("end", ["close", "throw", "error"])
def test_state_after_every_end(end, new):
    aw = new()
    if end == "close":
        aw.close()
    elif end == "throw":
        with pytest.raises(KeyError):
            aw.throw(KeyError("x"))
    else:
        rawapi.defer_await(aw, lambda aw: (-1, KeyError("x")))
        with pytest.raises(KeyError):
            run(aw)
    assert states(aw) == [False, False, inspect.CORO_CLOSED]


def test_state_while_inner_code_runs(new):
    aw, seen = new(), []

    async def inner():
        seen.append((states(aw), inspect.getcoroutinestate(aw)))

    rawapi.add_await(aw, inner())
    run(aw)
    assert seen == [([True, False, inspect.CORO_RUNNING], inspect.CORO_RUNNING)]


def test_inspect_getcoroutinestate_of_what_runs_and_is_suspended(new):
    aw, seen = new(), []
    rawapi.add_await(aw, sleepy(), lambda *_: seen.append(inspect.getcoroutinestate(aw)))
    aw.send(None)
    # Before 3.11 it goes by cr_frame, which is None for an object written in C.
    if sys.version_info >= (3, 11):
        assert inspect.getcoroutinestate(aw) == inspect.CORO_SUSPENDED
    run(aw)
    assert seen == [inspect.CORO_RUNNING]
    assert inspect.getcoroutinestate(aw) == inspect.CORO_CLOSED


def test_cr_await_is_what_it_waits_for(new):
    coroutine = sleepy()
    iterator = iter(["yielded"])

    class OwnIterator:
        def __await__(self):
            return iterator

    aw = new()
    rawapi.add_await(aw, coroutine)
    rawapi.add_await(aw, OwnIterator())
    assert aw.cr_await is None
    assert aw.send(None) == "sleepy"
    assert aw.cr_await is coroutine
    assert aw.send(None) == "yielded"
    assert aw.cr_await is iterator
    with pytest.raises(StopIteration):
        aw.send(None)
    assert aw.cr_await is None


def test_cr_origin_frame_and_code_are_none(new):
    aw = new()
    rawapi.add_await(aw, sleepy())
    assert (aw.cr_origin, aw.cr_frame, aw.cr_code) == (None, None, None)
    aw.send(None)
    assert (aw.cr_origin, aw.cr_frame, aw.cr_code) == (None, None, None)


@pytest.mark.parametrize(
    "name",
    [
        "cr_await",
        "cr_running",
        "cr_suspended",
        "cr_state",
        "cr_origin",
        "cr_frame",
        "cr_code",
        "send",
        "unheard_of",
    ],
)
def test_other_attributes_cannot_be_set(name, new):
    aw = new()
    with pytest.raises(AttributeError):
        setattr(aw, name, 1)
    with pytest.raises(AttributeError):
        delattr(aw, name)


# python.6: weak references, brackets


def test_weak_references(new):
    aw, log = rawapi.new(), []
    aw.close()
    first = weakref.ref(aw)
    second = weakref.ref(aw, lambda reference: log.append(reference is second))
    assert first() is second() is aw
    assert weakref.getweakrefcount(aw) == 2
    del aw
    assert first() is second() is None
    assert log == [True]


def test_weak_reference_to_an_object_that_was_never_awaited():
    aw = rawapi.new()
    reference = weakref.ref(aw)
    with pytest.warns(ResourceWarning):
        del aw
    assert reference() is None


def test_a_reused_object_has_no_old_weak_references(new):
    """Memory may be reused for the next object; nothing of the previous one may remain in it."""
    for _ in range(100):
        aw = rawapi.new()
        assert weakref.getweakrefcount(aw) == 0
        assert aw.__name__ == aw.__qualname__ == "PyAwaitable"
        assert states(aw) == [False, False, inspect.CORO_CREATED]
        references = [weakref.ref(aw), weakref.ref(aw, lambda reference: None)]
        aw.__name__ = aw.__qualname__ = "old"
        rawapi.save_values(aw, *range(20))
        rawapi.set_result(aw, "old")
        assert run(aw) == "old"
        del aw
        assert [reference() for reference in references] == [None, None]


def test_hash_and_equality_are_by_identity(new):
    first, second = new(), new()
    assert first == first and first != second
    assert len({first, second, first}) == 2
    with pytest.raises(TypeError):
        first < second  # noqa: B015


def test_generic_alias():
    alias = PyAwaitable[int]
    assert isinstance(alias, types.GenericAlias)
    assert alias.__origin__ is PyAwaitable
    assert alias.__args__ == (int,)
    assert PyAwaitable[int, str].__args__ == (int, str)


# python.7: garbage collection


class Cycle:
    """Awaitable and context manager that can refer to anything, and be watched dying."""

    def __init__(self):
        self.other = None

    def __await__(self):
        yield "suspended"

    async def __aenter__(self):
        await suspend("entering")
        return self

    async def __aexit__(self, kind, *details):
        if kind is not GeneratorExit:
            await suspend("exiting")


def queued(aw, obj):
    rawapi.add_await(aw, obj)


def queued_late(aw, obj):
    for _ in range(20):
        rawapi.add_await(aw, Ready())
    rawapi.add_await(aw, obj)


def queued_expression(aw, obj):
    rawapi.add_expr(aw, obj)


def queued_context(aw, obj):
    rawapi.async_with(aw, obj)


def saved(aw, obj):
    rawapi.save_values(aw, obj)


def saved_late(aw, obj):
    rawapi.save_values(aw, *range(20), obj)


def result(aw, obj):
    rawapi.set_result(aw, obj)


def result_in_callback(aw, obj):
    rawapi.add_await(aw, Ready(obj), keep_result)
    rawapi.add_await(aw, sleepy())
    aw.send(None)


def current(aw, obj):
    rawapi.add_await(aw, obj)
    assert aw.send(None) == "suspended"


async def hold(obj):
    await suspend("held")
    return obj


def current_coroutine(aw, obj):
    rawapi.add_await(aw, hold(obj))
    assert aw.send(None) == "held"


def current_after_others(aw, obj):
    for _ in range(20):
        rawapi.add_await(aw, Ready())
    current(aw, obj)


def added_while_suspended(aw, obj):
    rawapi.add_await(aw, sleepy())
    aw.send(None)
    rawapi.add_await(aw, obj)


def entering(aw, obj):
    rawapi.async_with(aw, obj)
    assert aw.send(None) == "entering"


def open_block(aw, obj):
    rawapi.async_with(aw, obj, lambda aw, value: rawapi.add_await(aw, sleepy()))
    aw.send(None)
    assert aw.send(None) == "sleepy"


def queued_in_open_block(aw, obj):
    def body(aw, value):
        rawapi.add_await(aw, sleepy())
        rawapi.add_await(aw, obj)

    rawapi.async_with(aw, Context(), body)
    assert aw.send(None) == "sleepy"


def exiting(aw, obj):
    rawapi.async_with(aw, obj)
    aw.send(None)
    assert aw.send(None) == "exiting"


def exception_of_open_block(aw, obj):
    error = KeyError("x")
    error.obj = obj

    async def fail():
        raise error

    rawapi.async_with(aw, Cycle(), lambda aw, value: rawapi.add_await(aw, fail()))
    aw.send(None)
    assert aw.send(None) == "exiting"


HOLDERS = [
    queued,
    queued_late,
    queued_expression,
    queued_context,
    saved,
    saved_late,
    result,
    result_in_callback,
    current,
    current_coroutine,
    current_after_others,
    added_while_suspended,
    entering,
    open_block,
    queued_in_open_block,
    exiting,
    exception_of_open_block,
]


SILENT = "ignore:.*was never awaited"


def test_is_tracked_by_the_collector(new):
    assert gc.is_tracked(new())


def reachable(start):
    """Everything that the collector finds from an object, except its type and modules."""
    seen, waiting = {}, [start]
    while waiting:
        obj = waiting.pop()
        if id(obj) in seen or isinstance(obj, (type, types.ModuleType, types.FunctionType)):
            continue
        seen[id(obj)] = obj
        waiting.extend(gc.get_referents(obj))
    return seen


def end(aw):
    """Let it run to its end: a clean-up that suspends could not be closed."""
    while aw.cr_state != inspect.CORO_CLOSED:
        try:
            aw.send(None)
        except (StopIteration, KeyError):
            pass


@pytest.mark.parametrize("holder", HOLDERS)
def test_the_collector_sees_everything_that_is_held(holder, new):
    aw, obj = new(), Cycle()
    assert id(obj) not in reachable(aw)
    holder(aw, obj)
    assert id(obj) in reachable(aw)
    rawapi.cancel(aw)
    end(aw)


@pytest.mark.filterwarnings(SILENT)
@pytest.mark.parametrize("holder", HOLDERS)
def test_cycles_are_collected(holder, slots):
    gc.collect()
    obj = Cycle()
    gone = weakref.ref(obj)
    obj.other = rawapi.new()
    awaitable_gone = weakref.ref(obj.other)
    holder(obj.other, obj)
    del obj
    for _ in range(3):  # what a finalizer kept alive goes in the next run
        gc.collect()
    rawapi.reset()  # the callbacks of open_block and others refer to it
    gc.collect()
    assert gone() is None
    assert awaitable_gone() is None


@pytest.mark.parametrize("holder", HOLDERS)
def test_what_is_held_is_released_when_it_ends(holder, new):
    aw, obj = new(), Cycle()
    gone = weakref.ref(obj)
    holder(aw, obj)
    rawapi.cancel(aw)
    end(aw)
    del obj
    rawapi.reset()
    gc.collect()
    assert gone() is None


def test_a_cycle_through_a_queued_coroutine_is_collected(slots):
    async def body(aw):
        await suspend()

    aw = rawapi.new()
    gone = weakref.ref(aw)
    rawapi.add_await(aw, body(aw))
    del aw
    with pytest.warns(Warning, match="never awaited") as warned:
        gc.collect()
    warned.clear()  # a warning holds the object that it is about
    gc.collect()
    assert gone() is None


def test_a_cycle_through_a_suspended_coroutine_is_closed_and_collected(slots):
    log = []

    async def body(aw):
        try:
            await suspend()
        finally:
            log.append("closed")

    aw = rawapi.new()
    gone = weakref.ref(aw)
    rawapi.add_await(aw, body(aw))
    aw.send(None)
    del aw
    gc.collect()
    assert log == ["closed"]
    assert gone() is None


def test_a_cycle_of_two_awaitables_is_collected(slots):
    first, second = rawapi.new(), rawapi.new()
    gone = weakref.ref(first), weakref.ref(second)
    rawapi.add_await(first, second)
    rawapi.add_await(second, first)
    del first, second
    with pytest.warns(ResourceWarning) as warned:
        gc.collect()
    warned.clear()  # a warning holds the object that it is about
    gc.collect()
    assert gone[0]() is gone[1]() is None


def test_an_object_that_its_finalizer_brings_back_can_go_on(slots):
    kept, log = [], []

    def error_callback(aw, error):
        kept.append(aw)
        log.append(type(error))
        return -1

    aw = rawapi.new()
    rawapi.add_await(aw, suspend(), None, error_callback)
    aw.send(None)
    del aw
    assert log == [GeneratorExit]
    aw = kept.pop()
    assert states(aw) == [False, False, inspect.CORO_CLOSED]
    with pytest.raises(RuntimeError):
        aw.send(None)
    assert aw.close() is None
    gone = weakref.ref(aw)
    del aw
    assert gone() is None


def test_sizeof_counts_what_it_holds(new):
    pointer = struct.calcsize("P")
    aw = new()
    empty = aw.__sizeof__()
    assert isinstance(empty, int)
    assert empty >= object().__sizeof__()
    assert sys.getsizeof(aw) >= empty
    for _ in range(1000):
        rawapi.add_await(aw, Ready())
    with_awaits = aw.__sizeof__()
    # an object, a callback and an error callback each
    assert with_awaits - empty >= 1000 * 3 * pointer - 3 * 64
    rawapi.save_values(aw, *range(300))
    rawapi.save_arb_values(aw, *range(300))
    rawapi.save_int_values(aw, *range(300))
    with_values = aw.__sizeof__()
    assert with_values - with_awaits >= 300 * 3 * pointer - 3 * 64
    rawapi.cancel(aw)
    run(aw)
    assert aw.__sizeof__() <= with_values


# python.8: what is refused


def test_calling_the_type_is_type_error():
    for call in (
        lambda: PyAwaitable(),
        lambda: PyAwaitable(1),
        lambda: PyAwaitable.__new__(PyAwaitable),
        lambda: object.__new__(PyAwaitable),
    ):
        with pytest.raises(TypeError):
            call()


def test_subclassing_is_type_error():
    with pytest.raises(TypeError):

        class Sub(PyAwaitable):
            pass

    with pytest.raises(TypeError):
        type("Sub", (PyAwaitable,), {})


def test_becoming_an_awaitable_is_type_error(new):
    class Plain:
        pass

    with pytest.raises(TypeError):
        Plain().__class__ = PyAwaitable
    with pytest.raises(TypeError):
        new().__class__ = Plain


@pytest.mark.skipif(sys.version_info < (3, 10), reason="3.9 has no flag for immutable types")
def test_the_type_cannot_be_changed():
    with pytest.raises(TypeError):
        PyAwaitable.send = None
    with pytest.raises(TypeError):
        PyAwaitable.extra = 1
    with pytest.raises(TypeError):
        del PyAwaitable.close


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_type_error(protocol, new):
    with pytest.raises(TypeError):
        pickle.dumps(new(), protocol)


@pytest.mark.parametrize("copies", [copy.copy, copy.deepcopy])
def test_copying_is_type_error(copies, new):
    with pytest.raises(TypeError):
        copies(new())


def test_the_type_can_be_pickled_and_copied():
    assert pickle.loads(pickle.dumps(PyAwaitable)) is PyAwaitable
    assert copy.deepcopy(PyAwaitable) is PyAwaitable
