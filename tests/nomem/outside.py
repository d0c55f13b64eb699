"""What waits for other threads, for a time, or for others' turns: each step out of memory, and each call that wakes who waits,
as event loops make them. Nobody is left waiting, each value goes one way, no SystemError, nothing is left, nothing crashes."""

import asyncio
import contextvars
import itertools
import re
import select
import socket
import time
import types

import failing
import pool
import promises
import trio

import outside

TURNS = 5
# Seconds until somebody who is not woken is lost. Only then do they pass.
LONG = 10
# What the library has a loop call when a descriptor is readable.
OURS = "drain", "ready"
ADDRESS = re.compile(r" at 0x\w+")


def described(error):
    if hasattr(error, "exceptions"):
        return f"{type(error).__name__} of {', '.join(map(described, error.exceptions))}"
    return ADDRESS.sub("", f"{type(error).__name__}: {error}") if not isinstance(error, MemoryError) else "MemoryError"


# ---- What is awaited: each is an awaitable, a function that ends one wait, and, where that matters, one that returns when the
# wait may be cancelled


def nothing():
    pass


def promise(settles):
    def made():
        awaitable, handle = promises.promise()
        return awaitable, lambda: getattr(handle, settles)(*([] if settles == "free" else [5]))

    return made


def settled():
    awaitable, handle = promises.promise()
    handle.resolve(5)
    return awaitable, handle.is_abandoned


def in_a_body():
    awaitable, handle = promises.promise()
    return promises.in_a_body(awaitable), lambda: handle.resolve(5)


def parks():
    noted = []
    awaitable = outside.parks(noted.append, 2)
    return awaitable, lambda: noted[0].wake()


def sleeps(seconds):
    return lambda: (outside.sleep(seconds), nothing)


def gives_others_a_turn():
    return outside.checkpoint(), nothing


def runs(abandons):
    def made():
        tag = next(tags)

        return pool.until_told(tag, abandons), lambda: pool.told(tag), lambda: until_begun(tag)

    return made


tags = itertools.count(1)


def until_begun(tag):
    """Cancelled before, it does not run at all: the one or the other, as threads are scheduled."""
    end = time.monotonic() + LONG
    while pool.begun() != tag and time.monotonic() < end:
        time.sleep(0.0001)


def waits_for_a_descriptor(ends_by):
    def made():
        ends = socket.socketpair()
        ends[0].setblocking(False)
        if ends_by == "closing":
            return outside.wait_readable(ends[0].fileno()), lambda: told_of_closing(ends[0])
        return outside.wait_readable(ends[0].fileno()), lambda: ends[1].send(b"x")

    return made


def told_of_closing(end):
    """Without memory it says so, and is called again."""
    for _ in range(TURNS):
        try:
            return failing.call(outside.notify_closing, end.fileno())
        except MemoryError:
            continue
    raise AssertionError("it never succeeds")


AWAITED = {
    "a promise that is resolved": promise("resolve"),
    "a promise that is rejected": promise("reject"),
    "a promise that is freed": promise("free"),
    "a promise that is settled": settled,
    "a promise in a body": in_a_body,
    "PARK": parks,
    "Sleep": sleeps(0.001),
    "Sleep(0)": sleeps(0),
    "Checkpoint": gives_others_a_turn,
    "Run, waiting": runs(0),
    "Run, abandoning": runs(1),
    "a descriptor": waits_for_a_descriptor("data"),
    "a descriptor that is closed": waits_for_a_descriptor("closing"),
}
NOT_CANCELLED = "a promise that is settled", "Sleep", "Sleep(0)", "Checkpoint"


class Case:
    def __init__(self, name, cancels):
        self.name, self.cancels = name, cancels

    def make(self):
        """The awaitable, and what ends one wait, or is to be done before it is cancelled; None without memory."""
        try:
            awaitable, wake, *before = failing.call(AWAITED[self.name])
        except MemoryError:
            self.log.append("MemoryError")
            return None
        return awaitable, wake, before[0] if before else nothing

    def __str__(self):
        return f"{self.name} on {self.loop}{', cancelled' * self.cancels}"

    def __call__(self):
        self.log = []
        promises.counts()
        self.run()
        counts = promises.counts()
        if counts["made"] != counts["converted"] + counts["raised"] + counts["dropped"]:
            self.log.append(f"lost: {counts}")
        return self.log


# ---- asyncio, whose turns and tasks are imitated: they have memory -------------------------------


class OnAsyncio(Case):
    def __init__(self, name, cancels, is_debugged=False):
        super().__init__(name, cancels)
        self.is_debugged = is_debugged

    @property
    def loop(self):
        return "asyncio in debug mode" if self.is_debugged else "asyncio"

    def run(self):
        self.running = asyncio.SelectorEventLoop()
        self.running.set_debug(self.is_debugged)
        asyncio._set_running_loop(self.running)
        try:
            self.drive()
        finally:
            asyncio._set_running_loop(None)
            self.running.close()
            del self.running

    def drive(self):
        made = self.make()
        if made is None:
            return
        awaitable, wake, before = made
        what, value = self.step(awaitable.send, None)
        is_first = True
        while what == "waits":
            what, value = self.go_on(awaitable, value, wake, before if self.cancels and is_first else None)
            is_first = False
        self.log.append(f"{what} {value}")

    def step(self, function, *arguments):
        try:
            return "waits", failing.call(function, *arguments)
        except StopIteration as stop:
            return "returned", stop.value
        except BaseException as error:  # noqa: BLE001
            return "raised", described(error)

    def go_on(self, awaitable, waited, wake, before_cancel):
        if waited is None:
            return self.step(awaitable.send, None)
        if isinstance(waited, asyncio.Future):
            waited.set_result(None)
            return self.step(awaitable.send, None)
        calls = []

        def callback(waiter):
            calls.append(waiter)

        waited._asyncio_future_blocking = False
        try:
            failing.call(waited.add_done_callback, callback, context=contextvars.copy_context())
        except MemoryError as error:
            return self.step(awaitable.throw, error)
        if before_cancel is not None:
            before_cancel()
            if not self.is_cancelled(waited):
                self.log.append("MemoryError")
        if not waited.cancelled():
            wake()
        self.turn(calls)
        if calls != [waited]:
            self.log.append(f"lost: called {len(calls)} times")
            awaitable.close()
            return "lost", waited
        calls.clear()
        try:
            failing.call(waited.result)
        except BaseException as error:  # noqa: BLE001
            return self.step(awaitable.throw, error)
        return self.step(awaitable.send, None)

    def is_cancelled(self, waited):
        try:
            return failing.call(waited.cancel)
        except MemoryError:
            return False

    def turn(self, calls):
        for _ in range(TURNS):
            keys = self.running._selector.get_map().values()
            callbacks = {key.fd: key.data[0]._callback for key in keys if key.data[0] is not None}
            callbacks = {fd: each for fd, each in callbacks.items() if getattr(each, "__name__", None) in OURS}
            if not calls and not self.running._ready:
                ready = select.select(list(callbacks), [], [], LONG)[0]
                if not ready:
                    self.log.append("lost: nobody is told")
                self.call([callbacks[fd] for fd in ready])
            while self.running._ready:
                self.running._ready.popleft()._run()

    def call(self, callbacks):
        for callback in callbacks:
            try:
                failing.call(callback)
            except MemoryError:
                self.log.append("MemoryError")


# ---- trio, as it is ------------------------------------------------------------------------------


class Armed:
    """The coroutine of a task, whose steps run out of memory."""

    def __init__(self, coroutine):
        self.coroutine = coroutine

    def send(self, value):
        return failing.call(self.coroutine.send, value)

    def __getattr__(self, name):
        return getattr(self.coroutine, name)


@types.coroutine
def armed(awaitable, on_wait):
    act, value = awaitable.send, None
    while True:
        try:
            waited = failing.call(act, value)
        except StopIteration as stop:
            return stop.value
        arm_the_reader()
        on_wait()
        try:
            act, value = awaitable.send, (yield waited)
        except BaseException as error:  # noqa: BLE001
            act, value = awaitable.throw, error


def arm_the_reader():
    for nursery in trio.lowlevel.current_root_task().child_nurseries:
        for task in nursery.child_tasks:
            if task.name == "PyAwaitable mailbox" and not isinstance(task.coro, Armed):
                task.coro = Armed(task.coro)


class OnTrio(Case):
    loop = "trio"

    def run(self):
        try:
            trio.run(self.main)
        except BaseException as error:  # noqa: BLE001
            while error is not None:
                self.log.append(described(error))
                error = error.__cause__ or error.__context__

    async def main(self):
        made = self.make()
        if made is None:
            return
        awaitable, wake, before_cancel = made
        scope = trio.CancelScope(deadline=trio.current_time() + LONG)

        def cancel():
            before_cancel()
            scope.cancel()

        soon = trio.lowlevel.current_trio_token().run_sync_soon
        with scope:
            try:
                self.log.append(f"returned {await armed(awaitable, lambda: soon(cancel if self.cancels else wake))}")
            except (Exception, trio.Cancelled) as error:
                self.log.append(f"raised {described(error)}")
                if isinstance(error, trio.Cancelled):
                    raise
        if scope.cancelled_caught and not self.cancels:
            self.log.append("lost: nobody is told")


def complain(seen, expected):
    text = "\n".join(seen)
    if "lost" in text or any("lost" in each for each in expected):
        return f"{text}\ninstead of {expected}"
    if seen == expected:
        return None
    if text.count("SystemError") > "\n".join(expected).count("SystemError"):
        return f"SystemError:\n{text}"
    if "MemoryError" not in text:
        return f"another outcome without a MemoryError:\n{text}\ninstead of {expected}"
    return None


def cases(few):
    each = [(name, cancels) for name in AWAITED for cancels in (False, True) if not (cancels and name in NOT_CANCELLED)]
    made = [OnAsyncio(*one) for one in each]
    # Where the drain needs memory, since it has the loop call who waits.
    made += [OnAsyncio(*one, is_debugged=True) for one in each if not few or one[0] in ("a promise that is resolved", "PARK")]
    return made + [OnTrio(*one) for one in each]
