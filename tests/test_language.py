"""The words of bodies, written by hand in tests/ext/bodies, beside the `async def` that each spells out."""

import sys
import traceback

import bodies
import pytest

import pyawaitable


async def gives(value=7):
    return value


def fails(exception):
    async def failing():
        raise exception

    return failing


def outcome(made):
    """What it returns or raises, without an event loop."""
    try:
        made.send(None)
    except StopIteration as stop:
        return "returns", stop.value
    except Exception as error:
        return "raises", type(error), error.args, repr(error.__context__)
    raise AssertionError("suspended")


class Native:
    """The twins."""

    @staticmethod
    async def nothing():
        pass

    @staticmethod
    async def gives(a):
        return await a

    @staticmethod
    async def sums(a):
        total = 0
        for _ in range(10):
            total += await a()
        return total

    @staticmethod
    async def raises(a):
        raise a

    @staticmethod
    async def catches(a, b):
        log = []
        try:
            log.append("try")
            await a()
            log.append("done")
        except LookupError as error:
            log += ["caught", error]
            await b()
            log.append("after")
        except ValueError:
            raise
        log.append("end")
        return log

    @staticmethod
    async def cleans(a, b):
        try:
            return await a()
        finally:
            await b()

    @staticmethod
    async def leaves(a, b):
        log = []
        for count in range(6):
            try:
                try:
                    await a()
                    if count == 1:
                        continue
                    if count == 4:
                        break
                    log.append("body")
                finally:
                    log.append("inner")
                    await b()
                log.append("between")
            finally:
                log.append("outer")
        log.append("end")
        return log

    @staticmethod
    async def leaves_handler(a, b):
        count = 0
        for count in range(4):
            try:
                await a()
            except LookupError:
                if count < 2:
                    continue
                await b()
                break
        else:
            count += 1
        await b()
        return count

    @staticmethod
    async def enters(a, b):
        log, item = [], None
        async with a as value:
            log.append(value)
            item = await b()
        return log, item

    @staticmethod
    async def returns_within(a, b):
        async with a:
            return await b()

    @staticmethod
    async def iterates(a, b=None):
        log = []
        async for item in a:
            log.append(item)
            if b is not None and item is b:
                break
        return log

    @staticmethod
    async def repeats(count, a, b=None):
        for _ in range(count):
            if b is None:
                value = await a()
            else:
                async with b:
                    try:
                        value = await a()
                    finally:
                        await a()
        return value


class Context:
    def __init__(self, suppresses=False):
        self.suppresses = suppresses

    async def __aenter__(self):
        return 5

    async def __aexit__(self, *exception):
        return self.suppresses


async def three():
    for number in range(3):
        yield number


KEY, VALUE, SYSTEM = KeyError("key"), ValueError("value"), OSError("system")


@pytest.fixture(autouse=True)
def not_raised_before():
    """They keep what they were raised in."""
    yield
    for error in KEY, VALUE, SYSTEM:
        error.__traceback__ = error.__context__ = None


CALLS = {
    "nothing": [lambda: ()],
    "gives": [lambda: (gives(),), lambda: (fails(KEY)(),), lambda: (3,)],
    "sums": [lambda: (gives,), lambda: (fails(KEY),)],
    "raises": [lambda: (ValueError(3),), lambda: (StopIteration(3),)],
    "catches": [
        lambda: (gives, gives),
        lambda: (fails(KEY), gives),
        lambda: (fails(VALUE), gives),
        lambda: (fails(KEY), fails(OSError("second"))),
    ],
    "cleans": [lambda: (gives, gives), lambda: (fails(SYSTEM), gives), lambda: (gives, fails(OSError("second")))],
    "leaves": [lambda: (gives, gives), lambda: (fails(SYSTEM), gives), lambda: (gives, fails(SYSTEM))],
    "leaves_handler": [lambda: (gives, gives), lambda: (fails(KEY), gives), lambda: (fails(SYSTEM), gives)],
    "enters": [
        lambda: (Context(), gives),
        lambda: (Context(True), fails(SYSTEM)),
        lambda: (Context(), fails(SYSTEM)),
    ],
    "returns_within": [lambda: (Context(), gives), lambda: (Context(), fails(SYSTEM))],
    "repeats": [lambda: (3, gives), lambda: (3, gives, Context()), lambda: (3, fails(SYSTEM), Context())],
    "iterates": [lambda: (three(),), lambda: (three(), 1), lambda: (7,)],
}


@pytest.mark.parametrize("name, arguments", [(name, each) for name, all_ in CALLS.items() for each in all_])
def test_a_body_does_what_its_twin_does(name, arguments):
    made = getattr(bodies, name)(*arguments())
    assert type(made) is pyawaitable.PyAwaitable and made.__name__ == name
    assert outcome(made) == outcome(getattr(Native, name)(*arguments()))


def test_a_return_in_a_finally_replaces_what_is_pending():
    assert outcome(bodies.replaces(gives, gives)) == ("returns", [])
    assert outcome(bodies.replaces(fails(KEY), gives)) == ("returns", [])


def test_values_for_the_event_loop():
    made = bodies.yields(1, 2)
    assert made.send(None) == 1 and made.send("x") == 2
    with pytest.raises(StopIteration) as stopped:
        made.send("y")
    assert stopped.value.value == ("x", "y")


def test_a_traceback_has_the_lines_of_c():
    with pytest.raises(LookupError) as caught:
        bodies.gives(fails(LookupError("there"))()).send(None)
    frames = traceback.extract_tb(caught.tb)
    assert [frame.name for frame in frames][1:] == ["gives", "failing"]
    assert frames[1].filename.endswith("bodies.c") and frames[1].lineno > 0


def test_what_is_handled_is_seen_across_awaits():
    seen = []

    async def look():
        seen.append(sys.exc_info()[1])

    assert outcome(bodies.catches(fails(KEY), look))[0] == "returns"
    assert seen == [KEY] and sys.exc_info() == (None, None, None)


def test_the_collector_may_run_while_where_it_was_made_is_noted(run_python):
    """Up to 3.11 each new tuple may start it. Its frame is whole by then."""
    run_python(
        "import bodies, gc, sys\n"
        "sys.set_coroutine_origin_tracking_depth(5)\n"
        # The interpreter has none left to reuse.
        "kept = [tuple([number] * size) for size in range(1, 8) for number in range(3000)]\n"
        "gc.freeze()\n"
        "gc.set_threshold(1)\n"
        "for _ in range(200):\n"
        "    bodies.gives(None).close()\n"
    )
