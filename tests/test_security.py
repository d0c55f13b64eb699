"""What SECURITY.md promises: hostile Python objects can raise, and nothing else.

Most of its statements are tested elsewhere; the tests here are for objects that change, lie or call back in the middle of a
call. If one crashes, that ends the whole run.
"""

import gc
import sys

import pytest
import rawapi
from documents import ROOT, missing_tests, named_tests
from raw_support import Context, Items, Ready, keep_result, ready, run, sleepy

pytest_plugins = ["raw_fixtures"]

DOCUMENT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


# ---- The document --------------------------------------------------------------------------------


def test_the_document_names_tests_that_exist():
    named = named_tests(DOCUMENT)
    assert len(named) >= 20
    assert missing_tests(named) == []


def test_every_statement_of_the_document_has_a_test():
    table = DOCUMENT[DOCUMENT.index("| what it does |") :].split("\n\n")[0].splitlines()[2:]
    assert [row for row in table if "::test_" not in row] == []


# ---- Objects that change between two looks at them -----------------------------------------------


class Plain:
    """Nothing that `await` or `async with` could use."""


class Mind:
    """Changes its class on request."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return "yielded"

    async def __aenter__(self):
        return self

    async def __aexit__(self, *details):
        return False


def becoming_plain(**methods):
    """An object of such a class that `change()` makes a Plain one."""

    class Changing(Mind):
        pass

    for name, method in methods.items():
        setattr(Changing, name, method)
    return Changing()


def change(changing):
    changing.__class__ = Plain


# What `async with` raises for what has no __aenter__.
NO_CONTEXT_MANAGER = TypeError if sys.version_info >= (3, 11) else AttributeError


def test_an_object_that_stops_being_awaitable_after_it_was_added(new):
    aw, mind = new(), becoming_plain()
    rawapi.add_await(aw, mind)
    change(mind)
    with pytest.raises(TypeError):
        aw.send(None)


def test_an_object_that_stops_being_awaitable_in_its_await_method(new):
    def changing(self):
        change(self)
        return iter(())

    aw = new()
    rawapi.add_await(aw, becoming_plain(__await__=changing))
    assert run(aw) is None


@pytest.mark.parametrize("value", [None, "sent"])
def test_an_iterator_that_stops_being_one_in_the_middle(value, new):
    aw, mind = new(), becoming_plain()
    rawapi.add_await(aw, mind)
    assert aw.send(None) == "yielded"
    change(mind)
    with pytest.raises((TypeError, AttributeError)):
        aw.send(value)


def test_an_iterator_that_loses_its_method_in_the_middle(new):
    class Losing:
        def __await__(self):
            return self

        def __next__(self):
            del Losing.__next__
            return "yielded"

    aw = new()
    rawapi.add_await(aw, Losing())
    assert aw.send(None) == "yielded"
    with pytest.raises((TypeError, AttributeError)):
        aw.send(None)


def test_a_block_that_stops_being_one_after_it_was_added(new):
    aw, mind = new(), becoming_plain()
    rawapi.async_with(aw, mind, keep_result)
    change(mind)
    with pytest.raises(NO_CONTEXT_MANAGER):
        run(aw)


def test_a_block_that_stops_being_one_while_it_is_entered(new):
    left = []

    async def enter(self):
        change(self)

    async def leave(self, *details):
        left.append(details)

    aw = new()
    rawapi.async_with(aw, becoming_plain(__aenter__=enter, __aexit__=leave), keep_result)
    assert run(aw) is None
    assert left == [(None, None, None)]


# ---- Objects that raise, whatever they are asked -------------------------------------------------


class Refused(BaseException):
    """Not even an Exception."""


class Refusing:
    """Every special method that can be looked up raises, and so does every other attribute."""

    def refuse(self, *arguments):
        raise Refused

    __getattribute__ = __repr__ = __str__ = __eq__ = __hash__ = __bool__ = __len__ = refuse
    __await__ = __aenter__ = __aexit__ = __index__ = __call__ = __iter__ = __next__ = refuse


def test_an_object_that_refuses_everything_as_what_is_awaited(new):
    aw = new()
    rawapi.add_await(aw, Refusing())
    with pytest.raises(Refused):
        run(aw)


def test_an_object_that_refuses_everything_as_a_block(new):
    aw = new()
    rawapi.async_with(aw, Refusing())
    with pytest.raises(Refused):
        run(aw)


def test_an_object_that_refuses_everything_as_a_value(new):
    aw, value = new(), Refusing()
    rawapi.save_values(aw, value)
    rawapi.set_value(aw, 0, value)
    assert rawapi.get_value(aw, 0) is value
    rawapi.set_result(aw, value)
    rawapi.add_await(aw, ready(value), keep_result)
    assert run(aw) is value


class RefusingIterator:
    """Begins, and then refuses to be sent, thrown into or closed."""

    def __init__(self, kind=Refused):
        self.kind = kind

    def __await__(self):
        return self

    def __next__(self):
        return "yielded"

    def __getattr__(self, name):
        raise self.kind(name)


@pytest.mark.parametrize("kind", [Refused, AttributeError, StopIteration, MemoryError])
@pytest.mark.parametrize("step", ["send", "throw", "close", "drop"])
def test_an_iterator_whose_methods_cannot_be_had(kind, step, slots, monkeypatch):
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: unraisable.append(found.exc_type))
    aw = rawapi.new()
    rawapi.add_await(aw, RefusingIterator(kind))
    assert aw.send(None) == "yielded"
    if step == "send":
        with pytest.raises((kind, RuntimeError)):
            aw.send("value")
    elif step == "throw":
        with pytest.raises((kind, ZeroDivisionError, RuntimeError)):
            aw.throw(ZeroDivisionError())
    elif step == "close":
        aw.close()
    aw.close()
    del aw
    gc.collect()
    assert set(unraisable) <= {kind}


def test_a_context_manager_whose_answer_has_no_truth(new):
    aw = new()
    rawapi.async_with(aw, Context(swallow=Refusing()), lambda aw, value: (-1, ValueError()))
    with pytest.raises(Refused):
        run(aw)


class HostileException(ValueError):
    """Raises when it is compared, shown or asked for its class."""

    def refuse(self, *arguments):
        raise Refused

    __eq__ = __hash__ = __repr__ = __str__ = refuse
    __class__ = property(refuse)


@pytest.mark.parametrize("answer", [0, -1, (-2, KeyError())])
def test_an_exception_that_lies_about_itself(answer, new):
    async def raising():
        raise HostileException

    aw, seen = new(), []

    def on_error(aw, exception):
        seen.append(type(exception))
        return answer

    rawapi.add_await(aw, raising(), None, on_error)
    expected = {0: (), -1: HostileException}.get(answer if isinstance(answer, int) else None, KeyError)
    if expected == ():
        assert run(aw) is None
    else:
        with pytest.raises(expected):
            run(aw)
    assert seen == [HostileException]


class NoException(Exception):
    """A class of exceptions that makes something else."""

    def __new__(cls, *arguments):
        return "no exception"


@pytest.mark.parametrize("started", [False, True])
def test_throwing_a_class_that_makes_no_exception(started, new):
    aw = new()
    rawapi.add_await(aw, Mind())
    if started:
        assert aw.send(None) == "yielded"
    with pytest.raises(TypeError):
        aw.throw(NoException)


class Endless(StopIteration):
    """A StopIteration without a value that anybody could trust."""

    value = property(lambda self: 1 / 0)


def test_an_iterator_that_ends_with_a_stop_iteration_of_its_own(new):
    class Ending:
        def __await__(self):
            return self

        def __next__(self):
            raise Endless("ended")

    aw = new()
    rawapi.add_await(aw, Ending(), keep_result)
    # What the class says is not asked: the value is the one that was raised.
    assert run(aw) == "ended"


# ---- Objects that reach back in ------------------------------------------------------------------


def everything(aw):
    """Every call there is, whatever it comes to."""
    calls = [
        lambda: aw.send(None),
        lambda: aw.throw(ZeroDivisionError()),
        lambda: aw.__await__(),
        lambda: rawapi.add_await(aw, Ready()),
        lambda: rawapi.async_with(aw, Context()),
        lambda: rawapi.async_for(aw, Items()),
        lambda: rawapi.save_values(aw, object(), object()),
        lambda: rawapi.unpack_values(aw, count_values(aw)),
        lambda: rawapi.set_result(aw, object()),
        lambda: rawapi.cancel(aw),
        lambda: aw.close(),
        lambda: repr(aw),
        lambda: gc.collect(),
    ]
    for call in calls:
        try:
            call()
        except (ValueError, RuntimeError, IndexError, ZeroDivisionError, StopIteration):
            pass


def count_values(aw):
    """Unpacking fewer than there are is the one thing that a caller must not do."""
    count = 0
    try:
        while True:
            rawapi.get_value(aw, count)
            count += 1
    except IndexError:
        return count


class Reaching:
    """Reaches for the awaitable whenever it is asked for anything."""

    def __init__(self, aw):
        self.aw = aw

    def __await__(self):
        everything(self.aw)
        return self

    def __next__(self):
        everything(self.aw)
        return "yielded"

    def __getattr__(self, name):
        everything(self.aw)
        raise AttributeError(name)

    async def __aenter__(self):
        everything(self.aw)

    async def __aexit__(self, *details):
        everything(self.aw)

    def __del__(self):
        everything(self.aw)


@pytest.mark.parametrize("step", ["send", "value", "throw", "close", "cancel", "nothing"])
@pytest.mark.parametrize("add", [rawapi.add_await, rawapi.async_with])
def test_an_object_that_reaches_back_into_the_awaitable(add, step, new):
    aw = new()
    add(aw, Reaching(aw))
    rawapi.save_values(aw, Reaching(aw))
    rawapi.set_result(aw, Reaching(aw))
    acts = {
        "send": lambda: [aw.send(None) for _ in range(3)],
        "value": lambda: [aw.send(None), aw.send("value")],
        "throw": lambda: [aw.send(None), aw.throw(KeyError())],
        "close": lambda: [aw.send(None), aw.close()],
        "cancel": lambda: rawapi.cancel(aw),
        "nothing": lambda: None,
    }
    try:
        acts[step]()
    except (RuntimeError, KeyError, AttributeError, StopIteration):
        pass
    aw.close()


@pytest.mark.parametrize("name", ["save_values", "set_result", "add_await"])
def test_a_destructor_that_reaches_back_while_its_object_is_replaced(name, new):
    aw = new()
    rawapi.save_values(aw, Reaching(aw))
    rawapi.set_result(aw, Reaching(aw))
    rawapi.add_await(aw, Reaching(aw))
    act = {
        "save_values": lambda: rawapi.set_value(aw, 0, None),
        "set_result": lambda: rawapi.set_result(aw, None),
        "add_await": lambda: rawapi.cancel(aw),
    }
    act[name]()
    aw.close()


def test_an_inner_awaitable_that_drops_the_last_reference_to_the_outer(slots):
    held = []

    class Dropping:
        def __await__(self):
            held.clear()
            gc.collect()
            yield "yielded"

    held.append(rawapi.new())
    rawapi.add_await(held[0], Dropping())
    # Nobody but the call itself keeps it alive.
    assert held[0].send(None) == "yielded"


def test_a_finalizer_that_brings_the_awaitable_back_and_steps_it(slots):
    kept = []

    class Rescue:
        def __del__(self):
            kept.append(self.aw)

    aw, rescue = rawapi.new(), Rescue()
    rescue.aw = aw
    rawapi.add_await(aw, sleepy("value"), keep_result)
    rawapi.save_values(aw, rescue)
    aw.send(None)
    del aw, rescue
    gc.collect()
    with pytest.raises((StopIteration, RuntimeError)):
        kept.pop().send(None)
