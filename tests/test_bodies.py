"""A body that is no queue, by hand: tests/rust/scripted.rs. tests/differential/test_scripted.py runs the scenarios with it."""

import asyncio
import gc
import signal
import sys
import tracemalloc
import weakref

import pytest
from raw_support import Failing, Ready, failing, ready, sleepy, steps, suspend
from scripted_bodies import example
from scripted_bodies import scripted as load


@pytest.fixture(scope="module")
def scripted():
    return load()


def pot():
    """What a maker that is a function may be."""


@pytest.fixture(params=["nobody", "definition", "function"])
def made(scripted, request):
    """scripted(generator), by each kind of maker. Frames and the function are released once by the end of the test."""

    def function():
        pass

    maker = {"nobody": None, "function": function}.get(request.param, request.param)
    count, before, references = 0, scripted.released(), sys.getrefcount(function)

    def make(script):
        nonlocal count
        count += 1
        return scripted.scripted(script, maker)

    yield make
    gc.collect()
    assert scripted.released() - before == count
    assert sys.getrefcount(function) == references


def awaits(*objects, log=None):
    """A script that awaits each, and returns what the last gave."""
    value = None
    for each in objects:
        value = yield "await", each, None
        if log is not None:
            log.append(value)
    return value


class Value:
    """Something that can be watched dying."""


def test_it_awaits_and_returns(made):
    log = []
    assert steps(made(awaits(ready(1), sleepy(2), Ready((3, 4)), log=log))) == ((3, 4), ["sleepy"])
    assert log == [1, 2, (3, 4)]


@pytest.mark.parametrize("value", [None, (), (1, 2), StopIteration(5), KeyError("x"), KeyError], ids=repr)
def test_results_arrive_by_identity(value, made):
    def script():
        got = yield "await", ready(value), None
        assert got is value
        return got

    result, _ = steps(made(script()))
    assert result is value


def test_it_yields_to_whoever_steps_it_and_is_sent_a_value(made):
    def script():
        got = yield "yield", "out", None
        return [got]

    aw = made(script())
    assert aw.send(None) == "out"
    assert (aw.cr_suspended, aw.cr_await) == (True, None)
    with pytest.raises(StopIteration) as stop:
        aw.send("in")
    assert stop.value.value == ["in"]


def test_what_it_awaits_is_seen_from_outside(made):
    inner = sleepy()
    aw = made(awaits(inner))
    assert (aw.cr_running, aw.cr_suspended, aw.cr_await) == (False, False, None)
    aw.send(None)
    assert (aw.cr_running, aw.cr_suspended, aw.cr_await) == (False, True, inner)
    aw.close()
    assert (aw.cr_suspended, aw.cr_await) == (False, None)


def test_what_it_raises_is_raised(made):
    error = KeyError()

    def script():
        try:
            yield "await", failing(error), None
        except KeyError as caught:
            assert caught is error
            raise OSError from caught

    with pytest.raises(OSError) as raised:
        made(script()).send(None)
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("exception", [StopIteration, StopIteration(5)], ids=repr)
def test_a_stop_iteration_that_it_raises_is_a_runtime_error(exception, made):
    def script():
        if False:
            yield
        raise exception

    with pytest.raises(RuntimeError, match="StopIteration"):
        made(script()).send(None)


@pytest.mark.parametrize("where", ["awaiting", "yielding"])
def test_what_is_thrown_in_arrives(where, made):
    log = []

    def script():
        try:
            yield ("await", sleepy(), None) if where == "awaiting" else ("yield", 1, None)
        except BaseException as exception:
            log.append(exception)
            return "caught"

    for thrown in (KeyError("thrown"), asyncio.CancelledError()):
        aw = made(script())
        aw.send(None)
        with pytest.raises(StopIteration) as stop:
            aw.throw(thrown)
        assert stop.value.value == "caught"
        assert log.pop() is thrown


@pytest.mark.parametrize("where", ["awaiting", "yielding"])
def test_it_is_closed(where, made):
    log = []

    def script():
        try:
            yield ("await", sleepy(), None) if where == "awaiting" else ("yield", 1, None)
        finally:
            log.append("closed")

    aw = made(script())
    aw.send(None)
    aw.close()
    aw.close()
    assert log == ["closed"]
    aw = made(script())
    aw.send(None)
    del aw
    gc.collect()
    assert log == ["closed"] * 2


def test_one_that_ignores_its_end_is_a_runtime_error(made):
    def script():
        while True:
            try:
                yield "yield", 1, None
            except GeneratorExit:
                pass

    aw = made(script())
    aw.send(None)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        aw.close()
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        aw.close()
    # The script is what ends now, and cannot go on either.
    unraisable = []
    before, sys.unraisablehook = sys.unraisablehook, lambda lost: unraisable.append(str(lost.exc_value))
    try:
        del aw
        gc.collect()
    finally:
        sys.unraisablehook = before
    assert unraisable


def test_before_its_first_step_it_ends_in_silence(made):
    def script():
        pytest.fail("nothing runs")
        yield

    made(script()).close()
    with pytest.raises(KeyError):
        made(script()).throw(KeyError())
    with pytest.raises(TypeError):
        made(script()).send(1)
    with pytest.warns(ResourceWarning, match="never awaited"):
        made(script())
        gc.collect()


def test_a_step_from_within_a_step_is_refused(made):
    def script():
        with pytest.raises(ValueError, match="already executing"):
            aw.send(None)
        yield "await", ready(), None
        return "went on"

    aw = made(script())
    with pytest.raises(StopIteration) as stop:
        aw.send(None)
    assert stop.value.value == "went on"
    with pytest.raises(RuntimeError, match="cannot reuse"):
        aw.send(None)


def test_what_cannot_be_awaited_is_its_own_to_catch(made):
    def script():
        for each in (5, Failing(KeyError())):
            try:
                yield "await", each, None
            except (TypeError, KeyError) as exception:
                log.append(type(exception))

    log = []
    steps(made(script()))
    assert log == [TypeError, KeyError]


def test_what_it_handles_is_handled_while_it_awaits(made):
    async def inner():
        return sys.exc_info()[1]

    def script():
        error = KeyError()
        seen = []
        try:
            raise error
        except KeyError as handled:
            seen.append((yield "await", inner(), handled))
        seen.append((yield "await", inner(), None))
        return seen == [error, None]

    assert steps(made(script())) == (True, [])
    assert sys.exc_info()[1] is None


def test_what_its_frame_holds_is_collected_with_it(made):
    class Holder:
        pass

    def script(holder):
        yield "yield", 1, None

    holder = Holder()
    alive = weakref.ref(holder)
    holder.aw = made(script(holder))
    holder.aw.send(None)
    del holder
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("host", ["asyncio", "trio"])
def test_it_is_parked_until_somebody_wakes_it(host, made):
    """Under asyncio it yields the future itself; under trio it awaits what parks."""
    if host == "asyncio":

        async def main():
            future = asyncio.get_running_loop().create_future()

            def script():
                future._asyncio_future_blocking = True
                yield "yield", future, None
                return future.result()

            asyncio.get_running_loop().call_later(0.01, future.set_result, "woken")
            return await asyncio.create_task(wrap(made(script())))

        async def wrap(aw):
            return await aw

        assert asyncio.run(main()) == "woken"
        return
    import trio

    async def parent():
        task = []

        def script():
            task.append(trio.lowlevel.current_task())
            return (yield "await", trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED), None)

        async def wake():
            await trio.sleep(0.01)
            trio.lowlevel.reschedule(task[0], __import__("outcome").Value("woken"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wake)
            return await made(script())

    assert trio.run(parent) == "woken"


def test_a_cancelled_task_throws_into_it(made):
    log = []

    def script():
        try:
            yield "await", asyncio.sleep(10), None
        except asyncio.CancelledError:
            log.append("cancelled")
            raise

    async def main():
        task = asyncio.ensure_future(made(script()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log == ["cancelled"]


def test_functions_for_a_queue_refuse_it(scripted, made):
    def script():
        yield "yield", 1, None

    aw, other = made(script()), made(script())
    assert scripted.refuses(aw, other) == ["TypeError"] + ["RuntimeError"] * 3
    aw.send(None)
    assert scripted.refuses(aw, other) == ["TypeError"] + ["RuntimeError"] * 3
    other.close()
    with pytest.raises(RuntimeError):
        scripted.cancel(aw)
    assert aw.cr_suspended
    aw.close()
    gc.collect()


def test_cancel_before_its_first_step_only_ends_the_warning(scripted, made):
    aw = made(awaits(ready(1)))
    scripted.cancel(aw)
    assert steps(aw) == (1, [])
    inner = Ready()
    scripted.cancel(made(awaits(inner)))


@pytest.mark.filterwarnings("ignore:.*never awaited")
@pytest.mark.parametrize("depth", [300, 50_000])
def test_they_nest_as_deep_as_the_recursion_limit_lets_them(depth, made):
    aw = made(awaits(Ready("deep")))
    for _ in range(depth):
        aw = made(awaits(aw))
    try:
        assert steps(aw) == ("deep", [])
    except RecursionError:
        assert depth > 300


@pytest.mark.filterwarnings("ignore:.*never awaited")
def test_a_million_awaits_in_one_take_no_memory():
    def script():
        for number in range(1_000_000):
            yield "await", READY, None
            if number == 1000:
                tracemalloc.start()
            if number == 999_000:
                sizes.append(tracemalloc.get_traced_memory()[0])
                tracemalloc.stop()

    sizes = []
    steps(load().scripted(script()))
    # A tenth of a byte each. What is not its own is at most some kilobytes: free-threaded builds free a little later.
    assert sizes[0] < 100_000


READY = Ready()


def test_one_that_never_suspends_heeds_signals(made):
    def script():
        while True:
            yield "await", READY, None

    def ring(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            made(script()).send(None)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_references_stay_flat(made):
    def script(value):
        try:
            yield "await", sleepy(value), KeyError()
            yield "yield", value, None
            yield "await", failing(KeyError()), None
        except KeyError:
            yield "await", suspend(), None
        return value

    def once(number):
        aw = made(script(value))
        try:
            for _ in range(number):
                aw.send(None)
            if number % 2:
                aw.close()
            else:
                aw.throw(OSError())
        except (StopIteration, OSError, RuntimeError):
            pass

    value = Value()
    for number in range(6):
        once(number)
    gc.collect()
    before = sys.getrefcount(value)
    for number in range(60):
        once(number % 6)
    gc.collect()
    assert sys.getrefcount(value) == before


# What it is named after


class Kettle:
    def pour(self):
        """Of the same names as the definition of tests/rust/scripted.rs."""


NAMED = pytest.mark.parametrize("maker", ["definition", Kettle.pour], ids=["definition", "function"])


def names(aw):
    return aw.__name__, aw.__qualname__, repr(aw).split(" at ")[0]


AS_KETTLE = ("pour", "Kettle.pour", "<PyAwaitable object Kettle.pour")
AS_NOBODY = ("PyAwaitable", "PyAwaitable", "<PyAwaitable object PyAwaitable")


@pytest.fixture(params=["body", "queue"])
def new(request, scripted):
    """new(maker), with a body or with a queue, which ends when it is stepped."""

    def make(maker=None):
        if request.param == "body":
            return scripted.scripted(awaits(), maker)
        aw = scripted.queued()
        assert scripted.name(aw, maker)
        return aw

    return make


@NAMED
def test_it_has_the_names_of_its_maker(maker, new):
    aw = new(maker)
    assert names(aw) == AS_KETTLE
    with pytest.raises((StopIteration, SystemError)):
        aw.send(None)
    assert names(aw) == AS_KETTLE


@NAMED
def test_a_name_that_was_set_comes_first(maker, new):
    aw = new(maker)
    aw.__name__ = "set"
    assert names(aw) == ("set", *AS_KETTLE[1:])
    aw.__qualname__ = "too"
    assert names(aw) == ("set", "too", "<PyAwaitable object too")
    with pytest.raises(TypeError):
        del aw.__name__
    aw.close()


def test_names_of_a_function_are_those_that_it_has_by_then(new):
    def function():
        pass

    aw = new(function)
    function.__name__, function.__qualname__ = "later", "much.later"
    assert names(aw)[:2] == ("later", "much.later")
    aw.close()


def test_a_maker_may_be_replaced(scripted, new):
    references = sys.getrefcount(pot)
    aw = new(pot)
    for maker in ("definition", pot, Kettle.pour):
        assert scripted.name(aw, maker)
    assert names(aw) == AS_KETTLE
    assert sys.getrefcount(pot) == references
    assert scripted.name(aw, None)
    assert names(aw) == AS_NOBODY
    aw.close()
    assert not scripted.name(5, pot)
    assert sys.getrefcount(pot) == references


class Nameless:
    def __init__(self, error=None):
        self.error = error

    def __getattr__(self, name):
        raise self.error or AttributeError(name)


class Odd:
    def __init__(self):
        self.__name__ = self.__qualname__ = 5


@pytest.mark.parametrize("maker", [Nameless(), Odd()], ids=["none", "no str"])
def test_a_maker_without_names_gives_none(maker, new):
    aw = new(maker)
    assert names(aw) == AS_NOBODY
    aw.close()


def test_what_the_look_up_of_a_name_raises_is_for_who_asks(new):
    aw = new(Nameless(KeyError("broken")))
    for name in ("__name__", "__qualname__"):
        with pytest.raises(KeyError, match="broken"):
            getattr(aw, name)
    assert repr(aw).startswith(AS_NOBODY[2])
    with pytest.warns(ResourceWarning, match="'PyAwaitable' was never awaited"):
        del aw
        gc.collect()


@NAMED
def test_the_warning_names_it(maker, new):
    aw = new(maker)
    with pytest.warns(ResourceWarning, match="^awaitable 'Kettle.pour' was never awaited$"):
        del aw
        gc.collect()


@NAMED
def test_the_error_of_a_callback_names_it(maker, scripted):
    aw = scripted.queued()
    scripted.name(aw, maker)
    with pytest.raises(SystemError, match="^deferred callback of 'Kettle.pour' returned -1 without"):
        aw.send(None)


@pytest.mark.parametrize("maker", ["definition", pot], ids=["definition", "function"])
@pytest.mark.parametrize("end", ["returned", "closed", "dropped"])
@pytest.mark.filterwarnings("ignore:.*never awaited")
def test_whose_memory_is_used_again_is_named_after_its_own_maker(end, maker, scripted):
    references = sys.getrefcount(pot)
    for _ in range(300):
        aw = scripted.scripted(awaits(), maker)
        if end == "returned":
            steps(aw)
        elif end == "closed":
            aw.close()
    del aw
    gc.collect()
    assert sys.getrefcount(pot) == references
    for _ in range(3):
        aw = scripted.scripted(awaits())
        assert names(aw) == AS_NOBODY
        aw.close()


@pytest.mark.parametrize("has_begun", [False, True])
@pytest.mark.filterwarnings("ignore:.*never awaited")
def test_a_function_that_holds_what_it_made_is_collected_with_it(has_begun, scripted):
    def cycle(maker):
        def script():
            yield "yield", 1, None

        aw = scripted.scripted(script(), maker)
        maker.made = aw
        if has_begun:
            aw.send(None)

    class Function:
        def __init__(self):
            self.__name__ = self.__qualname__ = "function"

    def function():
        pass

    for maker in (Function(), function):
        cycle(maker)
    alive = weakref.ref(maker)
    del maker, function
    gc.collect()
    assert alive() is None
    # A function of C does not let go of what it holds: here the awaitable itself.
    aw = scripted.scripted(awaits())
    scripted.name(aw, aw.send)
    assert names(aw)[:2] == ("send", "PyAwaitable.send")
    kind = type(aw)
    del aw
    gc.collect()
    assert not any(type(each) is kind for each in gc.get_objects())


@pytest.mark.filterwarnings("ignore:.*never awaited")
@pytest.mark.parametrize("end", ["returned", "dropped"])
def test_a_long_chain_of_functions_and_what_they_made_is_released(end, scripted):
    aw = None
    for _ in range(100_000):

        def function(before=aw):
            pass

        aw = scripted.scripted(awaits(), function)
        if end == "returned":
            steps(aw)
    last = weakref.ref(aw)
    del aw, function
    gc.collect()
    assert last() is None


@NAMED
def test_to_name_it_takes_no_memory(maker, new, scripted):
    testcapi = pytest.importorskip("_testcapi", reason="CPython's own test module is not part of this installation")
    aws = [new() for _ in range(100)]
    size = aws[0].__sizeof__()
    name, each, end = scripted.name, iter(aws), testcapi.remove_mem_hooks
    testcapi.set_nomemory(0)
    try:
        for aw in each:
            name(aw, maker)
    finally:
        end()
    for aw in aws:
        assert names(aw) == AS_KETTLE
        assert aw.__sizeof__() == size
        aw.close()


@NAMED
def test_without_memory_a_text_is_right_or_missing(maker, scripted):
    testcapi = pytest.importorskip("_testcapi", reason="CPython's own test module is not part of this installation")
    texts = {}
    for start in range(40):
        aw = scripted.queued()
        scripted.name(aw, maker)
        for ask in (repr, lambda aw: aw.__name__, lambda aw: aw.__qualname__, lambda aw: aw.send(None)):
            testcapi.set_nomemory(start, start + 1)
            try:
                text = ask(aw)
            except (MemoryError, SystemError) as error:
                text = error
            finally:
                testcapi.remove_mem_hooks()
            if not isinstance(text, MemoryError):
                texts.setdefault(ask.__code__ if ask is not repr else repr, set()).add(str(text).split(" at ")[0])
        aw.close()
    assert all("pour" in text and len(found) == 1 for found in texts.values() for text in found)
    assert len(texts) == 4


def test_body_that_is_a_value_of_a_rust_type():
    """The example in the documentation of `pyawaitable::rust`: tests/rust/measured.rs."""

    async def inner():
        await asyncio.sleep(0)
        return "ten letters"

    async def fails():
        raise LookupError("text")

    async def main():
        assert await example("measured").measured(inner()) == len(repr("ten letters"))
        with pytest.raises(LookupError, match="text"):
            await example("measured").measured(fails())
        unawaited = example("measured").measured(inner())
        assert (unawaited.__name__, unawaited.cr_state) == ("measured", "CORO_CREATED")
        assert gc.get_referents(unawaited)
        unawaited.close()

    with pytest.warns(RuntimeWarning, match="coroutine '.*inner' was never awaited"):
        asyncio.run(main())
        gc.collect()
