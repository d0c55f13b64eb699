"""Situations in which a destructor is left half-way by a greenlet switch, for test_greenlets.py.

Run as a program: `python situations.py NAME native|c`. It prints what happened, in order.
"""

import gc
import sys
import warnings

import greenlet
import rawapi

SITUATIONS = {}
hub = greenlet.getcurrent()


def situation(function):
    SITUATIONS[function.__name__] = function
    return function


async def native(*objects):
    for each in objects:
        await each


def c(*objects):
    """The same in C."""
    aw = rawapi.new()
    for each in objects:
        rawapi.add_await(aw, each)
    return aw


class Held:
    """Awaitable; calls a function when it is released."""

    def __init__(self, function=lambda: None):
        self.function = function

    def __await__(self):
        yield

    def __del__(self):
        self.function()


def deep(levels, function):
    """Calls a function with some C code on the stack for each level."""
    return function() if levels == 0 else max([levels], key=lambda _: deep(levels - 1, function) or 0)


def start(function):
    started = greenlet.greenlet(function)
    started.switch()
    return started


@situation
def delayed(make, log):
    """Another greenlet, deeper on the stack, drops something while a destructor waits."""

    def waits():
        make(Held(hub.switch))
        log("done")

    def drops():
        make(Held(lambda: log("released")))
        log("dropped")

    waiting = start(waits)
    deep(400, drops)
    waiting.switch()


@situation
def stale(make, log):
    """Two destructors wait, and end in the order in which they began."""

    def waits():
        make(Held(hub.switch))

    first, second = start(waits), start(waits)
    first.switch()
    second.switch()
    assert first.dead and second.dead

    def drops():
        for number in range(3):
            make(Held(lambda number=number: log(f"released {number}")))
            log(f"dropped {number}")

    deep(400, drops)


@situation
def lost(make, log):
    """The same, one of them in the middle of a chain."""

    def waits_in_a_chain():
        link = make(Held(lambda: log("end of the chain released")))
        for number in range(60, 0, -1):
            link = make(link, Held(hub.switch if number == 50 else lambda: None))
        del link

    def waits():
        make(Held(hub.switch))

    first, second = start(waits_in_a_chain), start(waits)
    first.switch()
    second.switch()
    assert first.dead and second.dead

    def drops():
        make(Held(lambda: log("later released")))
        log("later dropped")

    start(drops)


@situation
def many_waiting(make, log):
    """More destructors wait than may nest, and end in another order than they began."""

    def waits():
        make(Held(hub.switch))

    def drops():
        make(Held(lambda: log("released")))
        log("dropped")

    waiting = [start(waits) for _ in range(300)]
    deep(100, drops)
    for each in waiting[::2] + waiting[1::2]:
        each.switch()
        drops()
    assert all(each.dead for each in waiting)


@situation
def long_chain(make, log):
    """A destructor at the end of a long chain, in C in both, waits while another greenlet releases such a chain whole."""
    count = 0

    def released():
        nonlocal count
        count += 1

    def chain(last):
        link = make(Held(last))
        for _ in range(100_000):
            link = c(link, Held(released))
        return link

    chains = [chain(hub.switch)]
    waiting = start(chains.clear)
    log(f"{count} released")
    chains.append(chain(lambda: log("the end of the second")))
    chains.clear()
    log(f"{count} released")
    waiting.switch()
    log(f"{count} released")


@situation
def in_a_callback_of_the_collector(make, log):
    """The collector releases a cycle; a destructor in it waits, and others go on meanwhile."""

    def waits():
        holder = [make(Held(hub.switch))]
        holder.append(holder)
        del holder
        gc.collect()
        log("collected")

    def drops():
        make(Held(lambda: log("released")))
        log("dropped")

    waiting = start(waits)
    drops()
    waiting.switch()


@situation
def within_a_step(make, log):
    """What is awaited switches; the other greenlet steps its own awaitable, and is refused this one."""

    class Waiting:
        def __init__(self, name):
            self.name = name

        def __await__(self):
            log(f"{self.name} begins")
            hub.switch()
            log(f"{self.name} goes on")
            yield self.name

    def step(awaitable):
        try:
            log(awaitable.send(None))
        except ValueError as error:
            log(str(error))

    one, two = make(Waiting("one")), make(Waiting("two"))
    first, second = start(lambda: step(one)), start(lambda: step(two))
    step(one)
    first.switch()
    second.switch()
    one.close()
    two.close()


@situation
def while_an_exception_is_handled(make, log):
    """Each greenlet handles its own exception, whichever continues first."""

    class Fails:
        def __init__(self, error):
            self.error = error

        def __await__(self):
            raise self.error
            yield

    def handle(exception):
        hub.switch()
        log(f"{exception!r} is {sys.exc_info()[1]!r}")

    async def in_python(inner):
        try:
            await inner
        except Exception as exception:
            handle(exception)

    def in_c(inner):
        aw = rawapi.new()
        rawapi.add_await(aw, inner, None, HANDLER)
        return aw

    HANDLER = rawapi.Callback(lambda aw, exception: handle(exception))
    made = in_python if make is native else in_c

    def run(error):
        try:
            made(Fails(error)).send(None)
        except StopIteration:
            log(f"{sys.exc_info()[1]!r}")

    first, second = start(lambda: run(KeyError(1))), start(lambda: run(OSError(2)))
    log(f"{sys.exc_info()[1]!r}")
    first.switch()
    second.switch()


def main(name, which):
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(6000)
    SITUATIONS[name]({"native": native, "c": c}[which], lambda line: print(line, flush=True))
    gc.collect()


if __name__ == "__main__":
    main(*sys.argv[1:])
