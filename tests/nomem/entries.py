"""One call at a time, on objects in all states: it fails with MemoryError and changes nothing, or it succeeds; called again,
with memory, it succeeds, and the object then goes on as if nothing had been."""

import gc
import operator
import sys
import types
import weakref

import failing
import rawapi
from raw_support import Context, Items, Ready, in_state, sleepy, steps

CALLBACK = rawapi.Callback(lambda aw, value: CALLED.append(value))
ERROR = rawapi.Callback(lambda aw, error: -1)
DEFERRED = rawapi.Callback(lambda aw: CALLED.append("deferred"))
CALLED = []
READY = Ready("ready")
CONTEXT = Context("context")


class Iterable:
    """May be iterated over any number of times."""

    def __aiter__(self):
        return Items(3)


ITERABLE = Iterable()
VALUES = [object() for _ in range(40)]
NUMBERS = range(40)
# The object that is parsed, and the one that a text is in, are these.
ARGUMENTS = VALUES[0], "".join(["a ", "text"]), 5
KEYWORDS = {"b": "".join(["another ", "text"]), "c": VALUES[1]}
# Of C, and without an effect that another run would see.
CLEAN_UP = [].count


def ready_function(*arguments):
    return READY


# name -> function and arguments after the awaitable. No function written in Python: an interpreter out of memory does not
# always make a frame for one, nor say why.
ENTRIES = {
    "add_await": (rawapi.add_await, READY, CALLBACK, ERROR),
    "add_expr": (rawapi.add_expr, READY, CALLBACK, ERROR),
    "defer_await": (rawapi.defer_await, DEFERRED),
    "await_function": (rawapi.await_function, ready_function, None, CALLBACK, ERROR),
    "await_function(OO)": (rawapi.await_function, ready_function, "OO", CALLBACK, ERROR, *VALUES[:2]),
    "await_function(N)": (rawapi.await_function, ready_function, "N", CALLBACK, ERROR, VALUES[0]),
    "await_function({O:O})": (rawapi.await_function, ready_function, "{O:O}", CALLBACK, ERROR, *VALUES[:2]),
    "async_with": (rawapi.async_with, CONTEXT, CALLBACK, ERROR),
    "async_for": (rawapi.async_for, ITERABLE, CALLBACK, DEFERRED, ERROR),
    "set_result": (rawapi.set_result, VALUES[0]),
    "cancel": (rawapi.cancel,),
    "save_values(1)": (rawapi.save_values, *VALUES[:1]),
    "save_values(2)": (rawapi.save_values, *VALUES[:2]),
    "save_values(40)": (rawapi.save_values, *VALUES),
    "save_arb_values(1)": (rawapi.save_arb_values, 1),
    "save_arb_values(40)": (rawapi.save_arb_values, *NUMBERS),
    "save_int_values(1)": (rawapi.save_int_values, 1),
    "save_int_values(40)": (rawapi.save_int_values, *NUMBERS),
    "unpack_values": (rawapi.unpack_values, 3),
    "unpack_arb_values": (rawapi.unpack_arb_values, 3),
    "unpack_int_values": (rawapi.unpack_int_values, 3),
    "set_value": (rawapi.set_value, 1, VALUES[5]),
    "get_value": (rawapi.get_value, 1),
    "set_arb_value": (rawapi.set_arb_value, 1, 5),
    "get_arb_value": (rawapi.get_arb_value, 1),
    "set_int_value": (rawapi.set_int_value, 1, 5),
    "get_int_value": (rawapi.get_int_value, 1),
    "add_cleanup": (rawapi.add_cleanup, CLEAN_UP),
    "parse_tuple": (rawapi.parse_tuple, "Osl", ARGUMENTS),
    "parse_tuple of 32": (rawapi.parse_tuple, "O" * 32, tuple(VALUES[:32])),
    "parse_frame": (rawapi.parse_frame, "O|sO", ARGUMENTS[:1], KEYWORDS),
    "unpack": (rawapi.unpack, "Osl" * 4),
    # wrong arguments: their exception, or MemoryError
    "add_await of an int": (rawapi.add_await, 1),
    "add_expr of an int": (rawapi.add_expr, 1),
    "async_with of an int": (rawapi.async_with, 1),
    "async_for of an int": (rawapi.async_for, 1),
    "await_function of an int": (rawapi.await_function, int),
    "set_result of NULL": (rawapi.set_result, rawapi.NULL),
    "parse_tuple of an int": (rawapi.parse_tuple, "Osl", (VALUES[0], 1, 2)),
    "parse_frame of an int": (rawapi.parse_frame, "O|sO", ARGUMENTS[:1], {"b": 1}),
    "parse_tuple of an unknown format": (rawapi.parse_tuple, "O&", ARGUMENTS),
    "set_value out of range": (rawapi.set_value, 1000, None),
    # what Python sees
    "repr": (repr,),
    "__name__ =": (setattr, "__name__", "name"),
    "__qualname__ =": (setattr, "__qualname__", "name"),
    "attributes": (operator.attrgetter("__name__", "__qualname__", "cr_await", "cr_running", "cr_state"),),
    "__sizeof__": (sys.getsizeof,),
    "weakref": (weakref.ref,),
    "pickle": (operator.methodcaller("__reduce_ex__", 4),),
    "another attribute =": (setattr, "unknown", 1),
}
# The types of the exceptions that these are meant to raise in some state.
EXPECTED = (TypeError, ValueError, RuntimeError, IndexError, AttributeError)


def filled(number):
    def make():
        aw = rawapi.new()
        for index in range(number):
            rawapi.add_await(aw, Ready(index), CALLBACK, ERROR)
            rawapi.save_values(aw, VALUES[index])
            rawapi.save_arb_values(aw, index)
            rawapi.save_int_values(aw, index)
        return aw

    return make


def named():
    aw = filled(1)()
    aw.__name__ = aw.__qualname__ = "named"
    return aw


def suspended():
    aw = filled(3)()
    rawapi.add_await(aw, sleepy("slept"), CALLBACK, ERROR)
    rawapi.add_await(aw, READY, CALLBACK, ERROR)
    aw.send(None)
    return aw


def with_clean_ups():
    aw = filled(2)()
    rawapi.parse_tuple(aw, "Osl", ARGUMENTS)
    for _ in range(3):
        rawapi.add_cleanup(aw, CLEAN_UP)
    return aw


def suspended_with_clean_ups():
    aw = with_clean_ups()
    rawapi.add_await(aw, sleepy("slept"), CALLBACK, ERROR)
    aw.send(None)
    return aw


def only_clean_ups():
    aw = rawapi.new()
    rawapi.cancel(aw)
    rawapi.add_cleanup(aw, CLEAN_UP)
    return aw


def in_state_of(name):
    return lambda: in_state(name, rawapi.new)


def suspended_in_blocks():
    """Two blocks are open, and something waits in the queue of each."""

    def inner(aw, value):
        rawapi.add_await(aw, sleepy("inner"), CALLBACK, ERROR)
        rawapi.add_await(aw, READY, CALLBACK)

    def outer(aw, value):
        rawapi.async_with(aw, Context(), INNER, ERROR)
        rawapi.add_await(aw, READY, CALLBACK)

    INNER, OUTER = rawapi.Callback(inner), rawapi.Callback(outer)
    aw = filled(3)()
    rawapi.async_with(aw, Context(), OUTER, ERROR)
    rawapi.add_await(aw, READY, CALLBACK)
    aw.send(None)
    aw.__name__ = "blocks"
    KEPT[:] = INNER, OUTER
    return aw


def suspended_in_a_loop():
    """A loop is open, something waits in its queue, and another loop after it."""

    def each(aw, item):
        rawapi.add_await(aw, sleepy("inner"), CALLBACK, ERROR)
        rawapi.add_await(aw, READY, CALLBACK)

    EACH = rawapi.Callback(each)
    aw = filled(3)()
    rawapi.async_for(aw, ITERABLE, EACH, DEFERRED, ERROR)
    rawapi.async_for(aw, ITERABLE, CALLBACK)
    aw.send(None)
    aw.__name__ = "loop"
    KEPT[:] = (EACH,)
    return aw


def suspended_between_items():
    """The next item is awaited, and another loop is queued."""
    aw = filled(3)()
    rawapi.async_for(aw, Items(2, sleepy), CALLBACK, DEFERRED, ERROR)
    rawapi.async_for(aw, ITERABLE, CALLBACK)
    aw.send(None)
    return aw


# Callbacks own a slot, which must not be given back before the object has ended.
KEPT = []

STATES = {
    **{f"{number} queued": filled(number) for number in (0, 1, 2, 3, 4, 8, 16)},
    "named": named,
    "suspended": suspended,
    "suspended in blocks": suspended_in_blocks,
    "suspended in a loop": suspended_in_a_loop,
    "suspended between items": suspended_between_items,
    "with clean-ups": with_clean_ups,
    "suspended with clean-ups": suspended_with_clean_ups,
    "only clean-ups": only_clean_ups,
    "finished": in_state_of("finished"),
    "closed": in_state_of("closed"),
    "cancelled": in_state_of("cancelled"),
}


def snapshot(aw):
    """What can be seen of an object: all that the collector sees of it, in order, and its values."""
    seen = [id(held) for held in gc.get_referents(aw)]
    seen += [aw.__name__, aw.__qualname__, aw.cr_running, aw.cr_suspended, id(aw.cr_await)]
    for unpack in rawapi.unpack_values, rawapi.unpack_arb_values, rawapi.unpack_int_values:
        for count in (16, 8, 4, 3, 2, 1):
            try:
                seen.append([id(value) for value in unpack(aw, count)])
                break
            except (ValueError, RuntimeError):
                pass
    try:
        seen.append([value if type(value) in (str, int) else id(value) for value in rawapi.unpack(aw, "Osl" * 16)])
    except RuntimeError:
        pass
    seen.append(sys.getrefcount(aw))
    return seen


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except (MemoryError, *EXPECTED) as exception:
        return type(exception)


def references(arguments):
    return [sys.getrefcount(argument) for argument in arguments if not isinstance(argument, (int, str, type(None)))]


class Entry:
    """One call in one state: a case."""

    def __init__(self, name, state):
        self.name, self.state = name, state

    def __str__(self):
        return f"{self.name}, {self.state}"

    def __call__(self):
        function, *arguments = ENTRIES[self.name]
        CALLED.clear()
        aw = STATES[self.state]()
        wrong = []
        counts = references(arguments)
        before = snapshot(aw)
        result = attempt(failing.call, function, aw, *arguments)
        refused = result is MemoryError
        if refused:
            if snapshot(aw) != before:
                wrong.append("the object is not as it was")
            if references(arguments) != counts:
                wrong.append("a reference to an argument is lost or left")
            result = attempt(function, aw, *arguments)
        if not isinstance(result, (str, int, list, type(None), type)):
            result = type(result)
        if self.name == "repr":
            result = type(result)
        if aw.cr_suspended or self.state not in ("finished", "closed"):
            result = result, attempt(steps, aw)
        aw.close()
        CONTEXT.log.clear()
        return result, list(CALLED), wrong


def complain(outcome, undisturbed):
    if outcome[2]:
        return "; ".join(outcome[2])
    if outcome != undisturbed:
        return f"{outcome[:2]} instead of {undisturbed[:2]}"
    return None


class Fresh:
    """Making and losing objects: nothing there to be as before."""

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name

    def __call__(self):
        return self.again(FRESH[self.name])

    def again(self, function):
        outcome = attempt(function, failing.call)
        if outcome is MemoryError:
            outcome = attempt(function, lambda function, *arguments: function(*arguments))
        return outcome, [], []


def new(call):
    aw = call(rawapi.new)
    return type(aw).__name__, attempt(steps, aw)


def get_type(call):
    return call(rawapi.get_type).__name__


def init(call):
    return call(rawapi.init)


def lost(make):
    """The last reference goes inside the call."""

    def function(call):
        call([make()].clear)

    return function


def thrown(make):
    def function(call):
        aw = make()
        try:
            call(aw.throw, KeyError("thrown"))
        except (KeyError, StopIteration) as exception:
            return type(exception).__name__
        except MemoryError:
            # `throw` may have failed in any place; that the object can be ended is what counts.
            aw.close()
            raise

    return function


def closed(make):
    def function(call):
        aw = make()
        try:
            call(aw.close)
        finally:
            aw.close()

    return function


def first_send(call):
    return call(filled(1)().send, VALUES[0])


def iterator(call):
    return type(call(filled(1)().__await__)).__name__


def alias(call):
    return str(call(rawapi.get_type().__class_getitem__, int))


def collect(call):
    aw = filled(3)()
    rawapi.save_values(aw, [aw])
    del aw
    call(gc.collect)


def function_of(owner):
    rawapi.add_functions(owner) if isinstance(owner, types.ModuleType) else rawapi.add_methods(owner)
    return owner


class Owner:
    pass


FUNCTIONS, OWNER = function_of(types.ModuleType("functions")), function_of(Owner)()


def called(function):
    def case(call):
        aw = call(function, *ARGUMENTS)
        seen = aw.__qualname__, rawapi.unpack(aw, "Osl")
        aw.close()
        return seen

    return case


def wrongly_called(call):
    return call(FUNCTIONS.made, VALUES[0], 5, "text")


def added_functions(call):
    module = types.ModuleType("again")
    try:
        call(rawapi.add_functions, module)
    finally:
        for name in {"made", "plain"} & set(vars(module)):
            if name == "made":
                called(module.made)(lambda function, *arguments: function(*arguments))
    return sorted(vars(module))


def added_methods(call):
    made = type("Again", (), {})
    try:
        call(rawapi.add_methods, made)
    finally:
        if "made" in vars(made):
            called(made().made)(lambda function, *arguments: function(*arguments))
    return sorted(vars(made))


def as_coroutine(call):
    aw = filled(1)()
    try:
        coroutine = call(rawapi.as_coroutine, aw)
    finally:
        aw.close()
    coroutine.close()
    return type(coroutine).__name__


FRESH = {
    "call of a function": called(FUNCTIONS.made),
    "call of a method": called(OWNER.made),
    "call of a class method": called(OWNER.of_class),
    "call of a static method": called(OWNER.of_nobody),
    "wrong call of a function": wrongly_called,
    "as_coroutine": as_coroutine,
    "new": new,
    "get_type": get_type,
    "init": init,
    "value sent to a fresh one": first_send,
    "__await__": iterator,
    "generic alias": alias,
    "collected": collect,
}
if sys.version_info < (3, 12):
    # `def` without memory crashes CPython 3.12 and 3.13.
    FRESH["add_functions"], FRESH["add_methods"] = added_functions, added_methods
for _name, _make in STATES.items():
    FRESH[f"lost, {_name}"] = lost(_make)
    FRESH[f"thrown into, {_name}"] = thrown(_make)
    FRESH[f"closed, {_name}"] = closed(_make)


CASES = [Entry(name, state) for state in STATES for name in ENTRIES] + [Fresh(name) for name in FRESH]
