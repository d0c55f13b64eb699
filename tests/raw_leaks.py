"""Scenarios that must leave nothing behind, for test_memory.py.

Run as a program: `python raw_leaks.py SCENARIO ROUNDS`. It prints how many memory blocks and how
many objects known to the collector there are more after that many rounds than before them.
"""

import asyncio
import gc
import sys
import types
import warnings
import weakref

import bodies
import generators
import rawapi
from raw_support import Context, Failing, Items, Ready, failing, keep_result, ready, sleepy, suspend

SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def ends(aw):
    """Drive to the end, whatever that is."""
    try:
        while True:
            aw.send(None)
    except (StopIteration, KeyError, SystemError, RuntimeError):
        pass


def ignore(*_):
    return 0


def handled(aw, error):
    return 0


def passed_on(aw, error):
    return -1


def replaced(aw, error):
    return -2, KeyError("replaced")


def raises(*_):
    raise KeyError("raised")


def past_the_error_callback(*_):
    return -2, KeyError("past")


def without_exception(*_):
    return -1


@scenario
def empty():
    ends(rawapi.new())


@scenario
def plain():
    aw = rawapi.new()
    rawapi.add_await(aw, ready(), ignore, passed_on)
    ends(aw)


@scenario
def result():
    aw = rawapi.new()
    rawapi.add_await(aw, ready([]), keep_result)
    rawapi.set_result(aw, [])
    ends(aw)


@scenario
def odd_results():
    for value in ((1, 2), StopIteration(1), ValueError(), None):
        aw = rawapi.new()
        rawapi.set_result(aw, value)
        ends(aw)


@scenario
def suspended():
    aw = rawapi.new()
    rawapi.add_await(aw, sleepy([]), keep_result)
    rawapi.add_await(aw, sleepy([]), keep_result)
    ends(aw)


@scenario
def queue_of_fifty():
    aw = rawapi.new()
    for _ in range(50):
        rawapi.add_await(aw, READY, ignore, passed_on)
    ends(aw)


READY = Ready()


def queue_another(aw, result):
    if result:
        rawapi.add_await(aw, Ready(result - 1), queue_another)


@scenario
def queued_by_callbacks():
    aw = rawapi.new()
    rawapi.add_await(aw, Ready(10), queue_another)
    ends(aw)


@scenario
def deferred():
    aw = rawapi.new()
    rawapi.defer_await(aw, ignore)
    rawapi.defer_await(aw, raises)
    ends(aw)


@scenario
def error_handled():
    aw = rawapi.new()
    rawapi.add_await(aw, failing(KeyError("x")), ignore, handled)
    rawapi.add_await(aw, Failing(KeyError("x")), ignore, handled)
    ends(aw)


@scenario
def error_without_callback():
    aw = rawapi.new()
    rawapi.add_await(aw, failing(KeyError("x")))
    rawapi.add_await(aw, READY)
    ends(aw)


@scenario
def error_passed_on():
    aw = rawapi.new()
    rawapi.add_await(aw, failing(KeyError("x")), ignore, passed_on)
    ends(aw)


@scenario
def error_replaced():
    aw = rawapi.new()
    rawapi.add_await(aw, failing(KeyError("x")), ignore, replaced)
    ends(aw)


@scenario
def error_callback_raises():
    aw = rawapi.new()
    rawapi.add_await(aw, failing(KeyError("x")), ignore, raises)
    ends(aw)


@scenario
def callback_raises():
    for callback in (raises, past_the_error_callback, without_exception):
        for error_callback in (None, handled, passed_on, replaced):
            aw = rawapi.new()
            rawapi.add_await(aw, READY, callback, error_callback)
            ends(aw)


@scenario
def stop_iteration_raised():
    aw = rawapi.new()
    rawapi.add_await(aw, Failing(StopIteration(1)))
    ends(aw)


@scenario
def cancelled_queue():
    aw = rawapi.new()
    rawapi.add_await(aw, READY, ignore)
    rawapi.async_with(aw, Context())
    rawapi.add_await(aw, ready())
    rawapi.cancel(aw)
    ends(aw)


def cancel_and_add(aw, result):
    rawapi.cancel(aw)
    rawapi.add_await(aw, Ready([]), keep_result)


@scenario
def cancelled_in_callback():
    aw = rawapi.new()
    rawapi.add_await(aw, READY, cancel_and_add)
    for _ in range(5):
        rawapi.add_await(aw, READY, raises)
    ends(aw)


@scenario
def cancelled_while_suspended():
    aw = rawapi.new()
    rawapi.add_await(aw, sleepy(), raises, raises)
    rawapi.add_await(aw, READY, raises)
    aw.send(None)
    rawapi.cancel(aw)
    rawapi.add_await(aw, READY, keep_result)
    ends(aw)


@scenario
def thrown_into():
    for error_callback in (None, handled, passed_on, replaced):
        aw = rawapi.new()
        rawapi.add_await(aw, suspend(), ignore, error_callback)
        aw.send(None)
        try:
            aw.throw(KeyError("thrown"))
        except (KeyError, StopIteration):
            pass


@scenario
def thrown_into_before_the_first_step():
    aw = rawapi.new()
    rawapi.add_await(aw, READY, ignore)
    try:
        aw.throw(KeyError("thrown"))
    except KeyError:
        pass


@scenario
def closed():
    aw = rawapi.new()
    rawapi.add_await(aw, sleepy(), ignore, passed_on)
    rawapi.add_await(aw, READY)
    aw.send(None)
    aw.close()


@scenario
def closed_before_the_first_step():
    aw = rawapi.new()
    rawapi.add_await(aw, READY)
    rawapi.save_values(aw, [])
    aw.close()


@scenario
def dropped_while_suspended():
    aw = rawapi.new()
    rawapi.add_await(aw, sleepy(), ignore, passed_on)
    rawapi.save_values(aw, [])
    aw.send(None)


@scenario
def never_awaited():
    aw = rawapi.new()
    rawapi.add_await(aw, READY, ignore)
    rawapi.set_result(aw, [])


@scenario
def saved_values():
    aw = rawapi.new()
    rawapi.save_values(aw, [], [])
    rawapi.save_arb_values(aw, 1, 2)
    rawapi.save_int_values(aw, 1, 2)
    rawapi.unpack_values(aw, 2)
    rawapi.unpack_arb_values(aw, 2)
    rawapi.unpack_int_values(aw, 2)
    rawapi.set_value(aw, 0, [])
    rawapi.get_value(aw, 1)
    ends(aw)


MANY = [[] for _ in range(40)]
NUMBERS = range(40)


@scenario
def many_saved_values():
    aw = rawapi.new()
    for _ in range(2):
        rawapi.save_values(aw, *MANY)
        rawapi.save_arb_values(aw, *NUMBERS)
        rawapi.save_int_values(aw, *NUMBERS)
    ends(aw)


@scenario
def async_with():
    aw = rawapi.new()
    rawapi.async_with(aw, Context([]), keep_result)
    rawapi.async_with(aw, Context())
    ends(aw)


@scenario
def async_with_raises():
    for swallow in (False, True):
        for error_callback in (None, handled, passed_on, replaced):
            aw = rawapi.new()
            rawapi.async_with(aw, Context(swallow=swallow), raises, error_callback)
            ends(aw)


def await_in_body(aw, value):
    rawapi.add_await(aw, sleepy(), ignore)
    rawapi.async_with(aw, Context(), ignore)


@scenario
def async_with_awaits():
    aw = rawapi.new()
    rawapi.async_with(aw, Context(), await_in_body)
    ends(aw)


@scenario
def async_with_thrown_into():
    for swallow in (False, True):
        aw = rawapi.new()
        rawapi.async_with(aw, Context(swallow=swallow), await_in_body, passed_on)
        aw.send(None)
        try:
            aw.throw(KeyError("thrown"))
        except (KeyError, StopIteration):
            pass


def stops(*_):
    return 1


def await_in_loop(aw, item):
    rawapi.add_await(aw, sleepy(), ignore)
    rawapi.async_for(aw, Items(1), ignore)


@scenario
def async_for():
    aw = rawapi.new()
    rawapi.async_for(aw, Items(3, sleepy), await_in_loop, ignore)
    rawapi.async_for(aw, Items(1))
    rawapi.async_for(aw, Items(2), stops, ignore)
    ends(aw)


@scenario
def async_for_raises():
    for error_callback in (None, handled, passed_on, replaced):
        for each, end in ((raises, None), (past_the_error_callback, None), (ignore, raises)):
            aw = rawapi.new()
            rawapi.async_for(aw, Items(2), each, end, error_callback)
            ends(aw)
    aw = rawapi.new()
    rawapi.async_for(aw, Items(1, lambda number: []), ignore, None, handled)
    ends(aw)


@scenario
def async_for_thrown_into():
    for each in (ignore, await_in_loop):
        aw = rawapi.new()
        rawapi.async_for(aw, Items(2, sleepy), each, None, passed_on)
        aw.send(None)
        try:
            aw.throw(KeyError("thrown"))
        except (KeyError, StopIteration):
            pass


@scenario
def async_for_cancelled_and_dropped():
    for each in (ignore, await_in_loop):
        for cancel in (rawapi.cancel, ignore):
            aw = rawapi.new()
            rawapi.async_for(aw, Items(2, sleepy), each)
            rawapi.async_for(aw, Items(2), each, ignore)
            aw.send(None)
            cancel(aw)
            aw.close()
    aw = rawapi.new()
    rawapi.async_for(aw, Items(2), ignore, ignore)
    rawapi.cancel(aw)


@scenario
def async_with_cancelled():
    aw = rawapi.new()
    rawapi.async_with(aw, Context(), await_in_body)
    aw.send(None)
    rawapi.cancel(aw)
    ends(aw)


@scenario
def nested():
    aw = rawapi.new()
    rawapi.add_await(aw, sleepy([]), keep_result)
    for _ in range(5):
        outer = rawapi.new()
        rawapi.add_await(outer, aw, keep_result)
        aw = outer
    ends(aw)


@scenario
def awaited_functions():
    aw = rawapi.new()
    rawapi.await_function(aw, Ready, "O", keep_result, None, [])
    rawapi.await_function(aw, Ready, "N", keep_result, None, [])
    rawapi.await_function(aw, Ready)
    for function in (raises, list, 1):
        try:
            rawapi.await_function(aw, function)
        except (KeyError, TypeError):
            pass
    ends(aw)


@scenario
def expressions():
    aw = rawapi.new()
    rawapi.add_expr(aw, Ready([]), keep_result)
    for wrong in ([], aw, rawapi.NULL):
        try:
            rawapi.add_expr(aw, wrong)
        except (TypeError, ValueError, rawapi.NoException):
            pass
    ends(aw)


@scenario
def wrong_arguments():
    aw = rawapi.new()
    for function, arguments in (
        (rawapi.add_await, (aw, [])),
        (rawapi.add_await, ([], [])),
        (rawapi.async_with, (aw, [])),
        (rawapi.async_for, (aw, [])),
        (rawapi.set_result, (aw, rawapi.NULL)),
        (rawapi.save_values, (aw, [], rawapi.NULL)),
        (rawapi.set_value, (aw, 5, [])),
        (rawapi.unpack_values, (aw, 1)),
        (rawapi.cancel, ([],)),
        (aw.send, (1,)),
    ):
        try:
            function(*arguments)
        except (TypeError, ValueError, RuntimeError, IndexError):
            pass
    ends(aw)


@scenario
def names_and_weak_references():
    aw = rawapi.new()
    aw.__name__ = aw.__qualname__ = str([])
    reference = weakref.ref(aw, ignore)
    aw.__await__()
    repr(aw)
    ends(aw)
    del aw
    assert reference() is None


@scenario
def iterated():
    aw = rawapi.new()
    rawapi.add_await(aw, sleepy())
    for _ in aw.__await__():
        pass


async def hold(obj):
    await suspend()


@scenario
def cycles():
    aw = rawapi.new()
    rawapi.add_await(aw, hold(aw))
    aw.send(None)
    aw = rawapi.new()
    rawapi.add_await(aw, hold(aw))
    aw = rawapi.new()
    rawapi.save_values(aw, [aw])
    rawapi.set_result(aw, [aw])
    aw.close()
    aw = rawapi.new()
    rawapi.save_values(aw, aw)


def clean(*_):
    pass


def with_clean_ups():
    aw = rawapi.new()
    for _ in range(3):
        rawapi.add_cleanup(aw, clean)
    return aw


@scenario
def clean_ups():
    ends(with_clean_ups())
    with_clean_ups().close()
    aw = with_clean_ups()
    rawapi.add_await(aw, sleepy([]), ignore)
    aw.send(None)
    aw.close()


@scenario
def clean_ups_of_what_is_dropped():
    with_clean_ups()
    aw = with_clean_ups()
    rawapi.cancel(aw)
    aw = with_clean_ups()
    rawapi.add_await(aw, sleepy([]), ignore)
    aw.send(None)
    aw = with_clean_ups()
    rawapi.save_values(aw, [aw])


@scenario
def clean_ups_that_raise_or_keep_it():
    aw = rawapi.new()
    kept = []
    rawapi.add_cleanup(aw, raises)
    rawapi.add_cleanup(aw, kept.append)
    hook, sys.unraisablehook = sys.unraisablehook, ignore
    try:
        del aw
    finally:
        sys.unraisablehook = hook


@scenario
def parsed_arguments():
    for last in (ends, rawapi.cancel):
        aw = rawapi.new()
        rawapi.parse_tuple(aw, "Osl", ([], "".join(["a ", "text"]), 1))
        rawapi.parse_tuple(aw, "O" * 32, ([],) * 32)
        rawapi.parse_frame(aw, "O|sO", ([],), {"b": "".join(["another ", "text"]), "c": []})
        for wrong in ((), ([], 1, 1), ([], "text", "no number")):
            try:
                rawapi.parse_tuple(aw, "Osl", wrong)
            except TypeError:
                pass
        rawapi.unpack(aw, "Osl" + "O" * 32)
        last(aw)


class Owner:
    pass


FUNCTIONS = types.ModuleType("functions")
rawapi.add_functions(FUNCTIONS)
rawapi.add_methods(Owner)


@scenario
def calls_of_functions():
    for function in (FUNCTIONS.made, Owner().made, Owner.of_class, Owner.of_nobody):
        ends(function([], "".join(["a ", "text"]), 1))
        ends(function(*([], "text", 1)))
        function([], "text", 1)
        for wrong in ((), ([], 1, 1)):
            try:
                function(*wrong)
            except TypeError:
                pass


@scenario
def functions_are_added():
    module = types.ModuleType("again")
    rawapi.add_functions(module)
    rawapi.add_functions(module)
    made = type("Again", (), {})
    rawapi.add_methods(made)
    ends(module.made([], "text", 1))
    ends(made().made([], "text", 1))


@scenario
def as_coroutine():
    aw = rawapi.new()
    rawapi.add_await(aw, sleepy([]), ignore)
    coroutine = rawapi.as_coroutine(aw)
    coroutine.send(None)
    coroutine.close()
    rawapi.as_coroutine(with_clean_ups())
    try:
        rawapi.as_coroutine(5)
    except TypeError:
        pass


LOOP = None


async def numbers():
    for number in range(3):
        yield number
        await suspend()


def fails():
    return failing(KeyError())


# name of a body -> what makes its arguments
BODIES = {
    "gives": lambda: (sleepy(),),
    "yields": lambda: (1, 2),
    "raises": lambda: (KeyError(),),
    "catches": lambda: (fails, sleepy),
    "cleans": lambda: (fails, sleepy),
    "replaces": lambda: (sleepy, sleepy),
    "leaves": lambda: (sleepy, sleepy),
    "leaves_handler": lambda: (fails, sleepy),
    "enters": lambda: (Context(), sleepy),
    "returns_within": lambda: (Context(), fails),
    "iterates": lambda: (numbers(),),
}


def each_body():
    return [getattr(bodies, name)(*arguments()) for name, arguments in BODIES.items()]


@scenario
def bodies_to_their_ends():
    for aw in each_body():
        ends(aw)


@scenario
def bodies_thrown_into():
    for steps in 1, 2:
        for aw in each_body():
            try:
                for _ in range(steps):
                    aw.send(None)
                aw.throw(KeyError())
            except (StopIteration, KeyError, RuntimeError):
                pass
            ends(aw)


@scenario
def bodies_dropped_and_closed():
    # What is in a FINALLY that suspends would say so.
    suspended = [aw for aw in each_body() if aw.__name__ != "leaves"]
    for aw in suspended:
        try:
            aw.send(None)
        except KeyError:
            pass
    del aw, suspended
    for aw in each_body():
        aw.close()


@scenario
def bodies_in_cycles():
    for function in bodies.catches, bodies.replaces:
        held = []
        held.append(function(lambda held=held: suspend(), sleepy))
        held[0].send(None)


def note(*_):
    pass


def wait(text):
    return suspend()


def raised_twice():
    return KeyError()


# name of a generator -> what makes its arguments
GENERATORS = {
    "nothing": lambda: (),
    "counts": lambda: (),
    "talks": lambda: (note, wait),
    "ignores": lambda: (note, wait),
    "waits": lambda: (note, wait),
    "alternates": lambda: (note, wait),
    "cleans": lambda: (note, wait),
    "raises": lambda: (note, wait, KeyError()),
    "raises_later": lambda: (note, wait, KeyError()),
    "calls": lambda: (note, wait, raised_twice),
    "enters": lambda: (note, wait, Context()),
    "relays": lambda: (note, wait, generators.talks(note, wait)),
    "handles": lambda: (note, wait),
    "yields_at_last": lambda: (note, wait),
    "yields_null": lambda: (note, wait),
    "returns_a_value": lambda: (note, wait),
}


def each_generator():
    return [getattr(generators, name)(*arguments()) for name, arguments in GENERATORS.items()]


def step_ends(step):
    """Drive it to its end: whether there was one, and no exception instead."""
    try:
        while True:
            step.send(None)
    except StopIteration:
        return True
    except (StopAsyncIteration, GeneratorExit, KeyError, ValueError, SystemError, RuntimeError):
        return False


@scenario
def generators_to_their_ends():
    for generator in each_generator():
        while step_ends(generator.__anext__()):
            pass
        step_ends(generator.asend([]))
    generator = generators.talks(note, wait)
    while step_ends(generator.asend(None)):
        pass


@scenario
def generators_thrown_into_and_closed():
    for items in range(3):
        for act in lambda generator: generator.athrow(KeyError()), lambda generator: generator.aclose():
            for generator in each_generator():
                for _ in range(items):
                    step_ends(generator.__anext__())
                step_ends(act(generator))
                step_ends(generator.__anext__())
                step_ends(generator.aclose())


@scenario
def generators_dropped():
    """With a finalizer and without, between steps and in the middle of one; and steps that are not used."""
    hooks = sys.get_asyncgen_hooks()
    for finalizer in None, lambda generator: step_ends(generator.aclose()):
        sys.set_asyncgen_hooks(ignore, finalizer)
        for generator in each_generator():
            step_ends(generator.__anext__())
            generator.asend([])
        for generator in each_generator():
            step_ends(generator.__anext__())
            step = generator.asend([])
            try:
                step.send(None)
                step.throw(KeyError())
            except (StopIteration, StopAsyncIteration, KeyError, SystemError, RuntimeError):
                pass
        del generator, step
    sys.set_asyncgen_hooks(*hooks)


@scenario
def generators_in_cycles():
    for name in "talks", "handles":
        held = []
        held.append(getattr(generators, name)(note, lambda text, held=held: suspend()))
        step_ends(held[0].__anext__())
        held.append(held[0].asend(held))


@scenario
def loops_over_generators():
    for aw in bodies.iterates(generators.counts()), bodies.iterates(generators.talks(note, wait)):
        ends(aw)
    for each in ignore, raises, stops:
        aw = rawapi.new()
        rawapi.async_for(aw, generators.talks(note, wait), each)
        ends(aw)
    aw = bodies.iterates(generators.enters(note, wait, Context()))
    aw.send(None)
    aw.close()


async def leave_generators():
    """Some to the hooks of the event loop, some to its end."""
    kept = [generators.counts(), generators.talks(note, lambda text: asyncio.sleep(0))]
    for generator in *kept, generators.counts(), generators.talks(note, lambda text: asyncio.sleep(0)):
        await generator.__anext__()
    asyncio.get_running_loop().kept = kept


@scenario
def generators_in_asyncio():
    asyncio.run(leave_generators())


def run_in_loop(coroutine):
    global LOOP
    if LOOP is None:
        LOOP = asyncio.new_event_loop()
    return LOOP.run_until_complete(coroutine)


@scenario
def asyncio_task():
    aw = rawapi.new()
    rawapi.add_await(aw, asyncio.sleep(0, []), keep_result)
    run_in_loop(aw)


async def cancel_task():
    aw = rawapi.new()
    rawapi.add_await(aw, asyncio.get_running_loop().create_future(), ignore, passed_on)
    task = asyncio.ensure_future(aw)
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass


@scenario
def asyncio_task_cancelled():
    run_in_loop(cancel_task())


# What awaits when it is dropped is reported to sys.unraisablehook.
AWAIT_WHEN_DROPPED = "generators_thrown_into_and_closed", "generators_dropped"

# Each round of these makes many objects or awaits, or runs an event loop.
FEWER_ROUNDS = {
    "queue_of_fifty": 10,
    "callback_raises": 5,
    "async_with_raises": 5,
    "async_for_raises": 5,
    "functions_are_added": 20,
    "bodies_to_their_ends": 20,
    "bodies_thrown_into": 50,
    "bodies_dropped_and_closed": 50,
    "bodies_in_cycles": 5,
    "generators_to_their_ends": 50,
    "generators_thrown_into_and_closed": 50,
    "generators_dropped": 50,
    "generators_in_cycles": 5,
    "loops_over_generators": 20,
    "generators_in_asyncio": 100,
    "parsed_arguments": 5,
    "calls_of_functions": 5,
    "asyncio_task": 10,
    "asyncio_task_cancelled": 10,
}


def growth(function, rounds):
    """(blocks, objects) that half of the `rounds` calls leave behind: the better half, since a leak is
    in both, and what the interpreter sets aside now and then in one of them."""
    for _ in range(max(rounds // 50, 200)):
        function()
    counts = []
    for number in (0, rounds // 2, rounds // 2):
        for _ in range(number):
            function()
        for _ in range(3):
            gc.collect()
        counts.append((sys.getallocatedblocks(), len(gc.get_objects())))
    return tuple(min(b - a, c - b) for a, b, c in zip(*counts))


def main():
    name, rounds = sys.argv[1], int(sys.argv[2])
    warnings.simplefilter("ignore")
    if name in AWAIT_WHEN_DROPPED:
        sys.unraisablehook = ignore
    blocks, objects = growth(SCENARIOS[name], rounds)
    print(blocks, objects)
    if LOOP is not None:
        LOOP.close()


if __name__ == "__main__":
    main()
