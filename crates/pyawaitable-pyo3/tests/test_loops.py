"""Event loops from other threads, runtimes of Rust's, contexts."""

import asyncio
import contextvars
import gc
import threading

import pytest

VARIABLE = contextvars.ContextVar("VARIABLE", default="default")


def cancelled_error(loop):
    if loop.is_trio:
        import trio

        return trio.Cancelled
    return asyncio.CancelledError


def in_thread(function, *arguments):
    """Starts a thread, and returns what waits for it: the result, or the exception."""
    outcome = []

    def work():
        try:
            outcome.append((True, function(*arguments)))
        except BaseException as error:
            outcome.append((False, error))

    thread = threading.Thread(target=work)
    thread.start()

    async def wait(sleep):
        while thread.is_alive():
            await sleep(0.001)
        is_result, result = outcome[0]
        if not is_result:
            raise result
        return result

    return wait


def test_current(behaviours, run, loop):
    async def main():
        event_loop = behaviours.Loop()
        assert event_loop.library() == ("Trio" if loop.is_trio else "Asyncio")
        if not loop.is_trio:
            assert event_loop.object() is asyncio.get_running_loop()
        return event_loop, event_loop.is_closed()

    event_loop, was_closed = run(main)
    assert not was_closed
    assert event_loop.is_closed()


def test_no_loop(behaviours):
    with pytest.raises(RuntimeError, match="no event loop of asyncio or trio runs in this thread"):
        behaviours.Loop()


def test_a_thread_has_python_handlers_awaited(behaviours, run, sleep, here):
    async def main():
        async def handler(number):
            await sleep(0)
            return number * 2, threading.get_ident()

        return await behaviours.by_a_thread(handler, list(range(20)))

    assert run(main) == [(2 * number, here) for number in range(20)]


def test_error_of_a_handler(behaviours, run, sleep):
    async def main():
        async def handler(number):
            await sleep(0)
            raise KeyError(number)

        await behaviours.by_a_thread(handler, [1])

    with pytest.raises(KeyError, match="1"):
        run(main)


def test_function_that_raises_or_returns_no_awaitable(behaviours, run):
    async def main(handler):
        await behaviours.by_a_thread(handler, [1])

    with pytest.raises(ZeroDivisionError):
        run(lambda: main(lambda number: 1 / 0))
    with pytest.raises(TypeError, match="await"):
        run(lambda: main(lambda number: number))


def test_future_by_a_thread(behaviours, run, sleep):
    async def main():
        async def inner():
            await sleep(0.001)
            return 7

        return await behaviours.future_by_a_thread(inner())

    assert run(main) == 7


def test_called_soon_in_order(behaviours, run, sleep, here):
    async def main():
        called = []
        event_loop = behaviours.Loop()
        await in_thread(event_loop.call_soon, lambda number: called.append((number, threading.get_ident())), 1000)(sleep)
        while len(called) < 1000:
            await sleep(0.001)
        return called

    assert run(main) == [(number, here) for number in range(1000)]


def test_error_of_what_is_called_soon(behaviours, run, sleep, unraisable):
    async def main():
        event_loop = behaviours.Loop()
        event_loop.call_soon(lambda number: 1 // (number - 1), 3)
        event_loop.call_soon_and_panic()
        await sleep(0.01)

    run(main)
    assert [caught[0].__name__ for caught in unraisable] == ["ZeroDivisionError", "PanicException"]


def test_interrupt_of_what_is_called_soon_loses_nothing(behaviours):
    called = []

    def function(number):
        called.append(number)
        if number == 1:
            raise KeyboardInterrupt

    loop = asyncio.new_event_loop()
    try:

        async def main():
            behaviours.Loop().call_soon(function, 5)
            await asyncio.sleep(0.01)

        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(main())
        assert called == [0, 1]
        loop.run_until_complete(asyncio.sleep(0.01))
        assert called == [0, 1, 2, 3, 4]
    finally:
        loop.close()
        gc.collect()


def test_closed_loop(behaviours, run, sleep):
    async def main():
        return behaviours.Loop()

    event_loop = run(main)
    with pytest.raises(RuntimeError):
        event_loop.call_soon(print, 1)
    with pytest.raises(RuntimeError):
        event_loop.wait_for(lambda: sleep(0))


def test_loop_that_ends_before_the_task_is_begun(behaviours):
    loop = asyncio.new_event_loop()

    async def main():
        return behaviours.Loop()

    event_loop = loop.run_until_complete(main())
    event_loop.begin(lambda: asyncio.sleep(0))
    loop.close()
    del loop
    gc.collect()
    with pytest.raises(RuntimeError, match="the event loop has ended before it came to the task"):
        event_loop.wait_for_kept()


def test_task_that_never_ends(behaviours):
    async def main():
        before = asyncio.all_tasks()
        event_loop = behaviours.Loop()
        event_loop.begin(lambda: asyncio.sleep(1000))
        await asyncio.sleep(0.01)
        [task] = asyncio.all_tasks() - before
        # As when it is collected before it is done: its callbacks go without having been called.
        [(callback, _)] = task._callbacks
        assert task.remove_done_callback(callback) == 1
        return event_loop

    event_loop = asyncio.run(main())
    with pytest.raises(RuntimeError, match="the event loop has ended before the task did"):
        event_loop.wait_for_kept()


def test_task_is_cancelled_by_its_drop(behaviours, run, sleep, loop):
    async def main():
        seen = []

        async def handler():
            try:
                await sleep(1000)
            except BaseException as error:
                seen.append(type(error))
                raise

        event_loop = behaviours.Loop()
        event_loop.begin(handler)
        await sleep(0.01)
        await in_thread(event_loop.drop_kept)(sleep)
        while not seen:
            await sleep(0.001)
        return seen

    assert run(main) == [cancelled_error(loop)]


def test_task_that_is_cancelled_tells(behaviours, run, sleep, loop):
    async def main():
        event_loop = behaviours.Loop()
        event_loop.begin(lambda: sleep(1000))
        await sleep(0.01)
        await in_thread(event_loop.cancel)(sleep)
        event_loop.cancel()
        try:
            await event_loop.kept()
        except cancelled_error(loop) as error:
            return type(error)

    assert run(main) is cancelled_error(loop)


def test_task_that_is_cancelled_before_it_begins(behaviours, run, sleep):
    async def main():
        called = []
        event_loop = behaviours.Loop()
        event_loop.begin(lambda: called.append(1))
        event_loop.cancel()
        try:
            await event_loop.kept()
        except asyncio.CancelledError:
            await sleep(0.01)
            return called

    assert run(main) == []


def test_detached_task_runs_on(behaviours, run, sleep, unraisable):
    async def main():
        ended = []

        async def handler():
            await sleep(0.005)
            ended.append(1)
            raise ValueError("for nobody")

        event_loop = behaviours.Loop()
        event_loop.begin(handler)
        event_loop.detach_kept()
        await sleep(0.05)
        return ended

    assert run(main) == [1]
    assert [caught[:2] for caught in unraisable] == [(ValueError, "for nobody")]


def test_context_of_tasks(behaviours, run, sleep):
    async def main():
        async def handler():
            found = VARIABLE.get()
            VARIABLE.set("of the task")
            await sleep(0)
            return found

        VARIABLE.set("first")
        first = behaviours.Loop()
        VARIABLE.set("second")
        second = first.in_context()
        VARIABLE.set("third")
        found = [
            await in_thread(first.wait_for, handler)(sleep),
            await in_thread(second.wait_for, handler)(sleep),
            await in_thread(first.wait_for, handler)(sleep),
        ]
        return [*found, VARIABLE.get()]

    assert run(main) == ["first", "second", "first", "third"]


def test_context_in_threads(behaviours):
    def function():
        found = VARIABLE.get()
        VARIABLE.set("changed")
        return found

    def main():
        VARIABLE.set("outer")
        return behaviours.call_in_context(function), behaviours.poll_in_context(function), VARIABLE.get()

    assert contextvars.copy_context().run(main) == ("outer", ("outer", "changed"), "outer")


def test_context_that_is_entered_twice(behaviours):
    with pytest.raises(RuntimeError, match="already entered"):
        behaviours.enter_twice()


@pytest.mark.parametrize("how", ["shields", "shielded"])
def test_shield(behaviours, macros, run, sleep, loop, how):
    shields = behaviours.shields if how == "shields" else macros.shielded

    async def main():
        ended = []
        if loop.is_trio:
            import trio

            may_end = trio.Event()
        else:
            may_end = asyncio.Event()

        async def inner(waits):
            await (may_end.wait() if waits else sleep(0.001))
            ended.append(1)
            return "result"

        result = await shields(inner(False))
        if loop.is_trio:
            with trio.move_on_after(0.005) as scope:
                await shields(inner(True))
            was_cancelled = scope.cancelled_caught
        else:
            task = asyncio.ensure_future(shields(inner(True)))
            await asyncio.sleep(0.005)
            task.cancel()
            await asyncio.wait([task])
            was_cancelled = task.cancelled()
        before = len(ended)
        may_end.set()
        for _ in range(1000):
            if len(ended) == 2:
                break
            await sleep(0.01)
        return result, was_cancelled, before, len(ended)

    assert run(main) == ("result", True, 1, 2)


def test_shielded_error_for_nobody(behaviours, run, sleep, loop, unraisable):
    async def main():
        if loop.is_trio:
            import trio

            may_end = trio.Event()
        else:
            may_end = asyncio.Event()

        async def inner():
            await may_end.wait()
            raise ValueError("for nobody")

        if loop.is_trio:
            with trio.move_on_after(0.001):
                await behaviours.shields(inner())
        else:
            task = asyncio.ensure_future(behaviours.shields(inner()))
            await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.wait([task])
        may_end.set()
        for _ in range(1000):
            if unraisable:
                break
            await sleep(0.01)

    run(main)
    assert [caught[:2] for caught in unraisable] == [(ValueError, "for nobody")]


def test_shield_needs_a_loop(behaviours):
    with pytest.raises(RuntimeError, match="no event loop of asyncio or trio runs in this thread"):
        behaviours.shields(None).send(None)


def test_runtime_is_entered(behaviours, macros, run):
    async def main():
        counter = macros.Counter()
        return await behaviours.sleeps_within(0.001), await macros.with_tokio(0.002), await counter.with_tokio(0.001)

    assert run(main) == (0.001, 0.002, 0)


def test_polled_by_a_runtime(behaviours, run, here):
    async def main():
        dropped = []
        return await behaviours.sleeps_in_tokio(0.001, dropped), dropped

    result, [thread] = run(main)
    assert result == 0.001
    assert thread != here


def test_runtime_drops_what_is_cancelled(behaviours, run, sleep, loop, here):
    async def main():
        dropped = []
        if loop.is_trio:
            import trio

            with trio.move_on_after(0.01):
                await behaviours.sleeps_in_tokio(1000, dropped)
        else:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(behaviours.sleeps_in_tokio(1000, dropped), 0.01)
        while not dropped:
            await sleep(0.001)
        return dropped

    [thread] = run(main)
    assert thread != here


def test_runtime_awaits_python(behaviours, macros, run, sleep, here):
    async def main():
        VARIABLE.set("of the task")

        async def inner(number):
            await sleep(0.001)
            return number, threading.get_ident(), VARIABLE.get()

        results = await behaviours.awaits_on([inner(1), inner(2)])
        return [*results, *await macros.spawned(inner(3))]

    expected = [(number, here, "of the task") for number in (1, 2, 3)]
    assert run(main) == [*expected, True]


def test_error_type_of_what_is_spawned(macros, run):
    async def main():
        async def inner():
            raise KeyError

        await macros.spawned(inner())

    with pytest.raises(ValueError, match="refused"):
        run(main)


def test_panic_on_a_runtime(behaviours, run):
    async def main():
        try:
            await behaviours.panics_on()
        except BaseException as error:
            return type(error).__name__, str(error)

    assert run(main) == ("PanicException", "on a runtime")


def test_runtime_that_drops_what_it_is_given(behaviours):
    with pytest.raises(RuntimeError, match="the runtime has dropped the future"):
        behaviours.runs_nowhere().send(None)


def test_runtime_that_is_shut_down(behaviours, run, sleep):
    async def main():
        dropped = []
        coroutine = behaviours.sleeps_in_tokio(1000, dropped)

        async def wait():
            with pytest.raises(RuntimeError, match="the runtime has dropped the future"):
                await coroutine
            return True

        event_loop = behaviours.Loop()
        event_loop.begin(wait)
        await sleep(0.01)
        behaviours.shut_down(5)
        was_dropped = await event_loop.kept()
        # The next one is another.
        return was_dropped, len(dropped), await behaviours.sleeps_in_tokio(0.001, dropped)

    assert run(main) == (True, 1, 0.001)


@pytest.mark.parametrize("is_trio", [False, True])
def test_rust_runs_the_loop(behaviours, is_trio):
    async def main():
        if is_trio:
            import trio

            await trio.sleep(0)
        else:
            await asyncio.sleep(0)
        return 8

    assert behaviours.runs(is_trio, main) == 8
    with pytest.raises(ZeroDivisionError):
        behaviours.runs(is_trio, lambda: 1 / 0)
