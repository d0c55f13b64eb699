"""A body that is no queue, by hand: tests/rust/scripted.rs. tests/differential/test_scripted.py runs the scenarios with it."""

import asyncio
import gc
import signal
import sys
import tracemalloc
import weakref

import pytest
from raw_support import Failing, Ready, failing, ready, sleepy, steps, suspend
from scripted_bodies import scripted as load


@pytest.fixture(scope="module")
def scripted():
    return load()


@pytest.fixture
def made(scripted):
    """scripted(generator), each of whose frames is released once by the end of the test."""
    count, before = 0, scripted.released()

    def make(script):
        nonlocal count
        count += 1
        return scripted.scripted(script)

    yield make
    gc.collect()
    assert scripted.released() - before == count


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
    assert sizes[0] < 10_000


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
