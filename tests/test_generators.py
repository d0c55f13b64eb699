"""Asynchronous generators in C, step by step beside those of Python: what each step yields, raises, warns of and reports."""

import gc
import sys
import types
import warnings

import generator_twins
import generators
import pytest

STRICT = sys.version_info >= (3, 13)


@types.coroutine
def wait(text):
    return (yield text)


def described(value):
    """A value as both kinds of generators have it."""
    if isinstance(value, BaseException):
        text = f"{type(value).__name__}{value.args!r}"
        for name in "__cause__", "__context__":
            other = getattr(value, name)
            text += f" {name}={described(other)}" if other is not None else ""
        return text
    if isinstance(value, type):
        return value.__name__
    if value is None or isinstance(value, (int, str, tuple, bool)):
        return repr(value)
    return "an object"


class World:
    """What a scenario sees: the generators' module, and a log of all that happens."""

    def __init__(self, module):
        self.module = module
        self.log = []
        self.wait = wait

    def note(self, text, value=None):
        self.log.append(f"{text}: {described(value)}")

    def make(self, name, *given):
        return getattr(self.module, name)(*((self.note, self.wait, *given) if name not in ("nothing", "counts") else ()))

    def act(self, label, function, *arguments):
        """Calls it, and notes what comes of it."""
        try:
            value = function(*arguments)
        except BaseException as exception:  # noqa: BLE001
            self.note(f"{label} raised", exception)
        else:
            self.note(label, value)

    def step(self, awaitable, *steps):
        """Steps it: None and other values are sent, exceptions thrown, and `close` closes it."""
        for step in steps:
            if step is close:
                self.act("close", awaitable.close)
            elif isinstance(step, BaseException) or (isinstance(step, type) and issubclass(step, BaseException)):
                self.act(f"throw {step!r}", awaitable.throw, step)
            else:
                self.act(f"send {step!r}", awaitable.send, step)

    def state(self, generator):
        names = ["ag_running"] + ["ag_suspended"] * (sys.version_info >= (3, 12))
        for name in names + ["ag_state"] * (sys.version_info >= (3, 15)):
            self.note(name, getattr(generator, name))
        self.note("ag_await", generator.ag_await is not None)


def close():
    pass


def record(module, scenario):
    world = World(module)
    hooks = sys.get_asyncgen_hooks()
    unraisable = sys.unraisablehook
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, category, *rest: world.note(f"warning {category.__name__}", str(message))

        def report(event):
            text = (event.err_msg or "").split("<")[0]
            world.note(f"unraisable {text}", event.exc_value)

        sys.unraisablehook = report
        try:
            scenario(world)
            gc.collect()
        finally:
            sys.set_asyncgen_hooks(*hooks)
            sys.unraisablehook = unraisable
    return world.log


SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


NAMES = ["counts", "talks", "ignores", "waits", "cleans", "handles", "yields_at_last"]


@scenario
def iteration_ends_with_the_body(world):
    for name in ["nothing", *NAMES]:
        generator = world.make(name)
        for _ in range(9):
            step = generator.__anext__()
            world.step(step, *[None] * 8)
            world.state(generator)


@scenario
def a_value_is_sent(world):
    for name in NAMES:
        generator = world.make(name)
        for number in range(4):
            step = generator.asend(None if number == 0 else number)
            world.step(step, None, 5, "x", None)


@scenario
def the_first_thing_sent_to_a_step_is_a_value(world):
    generator = world.make("talks")
    world.step(generator.asend(None), 5, None)
    world.step(generator.asend(None), None)
    world.step(generator.asend(3), 7, None)
    world.step(generator.aclose(), 5, None, None)
    generator = world.make("talks")
    world.step(generator.asend(5), None)
    world.step(generator.asend(None), None)
    world.step(generator.athrow(ValueError(1)), 5, None, None)


@scenario
def athrow_takes_one_argument_to_three(world):
    for arguments in (), (KeyError, 1, None), (KeyError, 1, None, 2):
        generator = world.make("talks")
        world.act("athrow", lambda generator=generator, arguments=arguments: generator.athrow(*arguments).send(None))


def at_each_phase(world, name, action):
    """The action on a new generator, one that has yielded, one that awaits, and so on, until the end."""
    for ticks in range(9):
        generator = world.make(name)
        step = generator.asend(None)
        for _ in range(ticks):
            try:
                step.send(None)
            except StopIteration:
                step = generator.asend(None)
            except (StopAsyncIteration, ValueError):
                step = None
                break
        world.note(f"-- {name} after {ticks}")
        action(generator, step)
        if step is not None:
            world.step(step, None, close)
        world.step(generator.asend(None), None, None)
        world.state(generator)
        del step
        gc.collect()
        world.note("now it goes")
        del generator
        gc.collect()


def every(action):
    def scenario(world):
        for name in NAMES:
            at_each_phase(world, name, lambda generator, step: action(world, generator, step))

    SCENARIOS[action.__name__] = scenario


@every
def aclose(world, generator, step):
    world.step(generator.aclose(), None, None, None, None)


@every
def aclose_twice(world, generator, step):
    first, second = generator.aclose(), generator.aclose()
    world.step(first, None)
    world.step(second, None, None)
    world.step(first, None, None)
    world.step(second, None, None)


@every
def athrow(world, generator, step):
    world.step(generator.athrow(KeyError("k")), None, None, None, None)


@every
def athrow_of_a_class(world, generator, step):
    world.step(generator.athrow(KeyError), None, None)


@every
def athrow_of_generator_exit(world, generator, step):
    world.step(generator.athrow(GeneratorExit), None, None, None)
    world.step(generator.aclose(), None, None)


@every
def athrow_of_stop_iteration(world, generator, step):
    if world.log[-1].endswith("after 0: None"):
        # From 3.12 on, a new generator takes it for its result.
        return
    world.step(generator.athrow(StopIteration(1)), None, None, None)
    world.step(generator.athrow(StopAsyncIteration(1)), None, None, None)


@every
def athrow_of_no_exception(world, generator, step):
    world.act("athrow", generator.athrow(5).send, None)
    world.act("athrow", generator.athrow(KeyError("k"), None, 5).send, None)


@every
def a_throw_into_the_step(world, generator, step):
    if step is not None:
        world.step(step, KeyError("k"), None, None)


@every
def a_close_of_the_step(world, generator, step):
    if step is not None:
        world.step(step, close, None, close)


@every
def a_generator_exit_thrown_into_the_step(world, generator, step):
    if step is not None:
        world.step(step, GeneratorExit, None)


@every
def a_throw_into_a_new_step(world, generator, step):
    for made in generator.asend(3), generator.athrow(ValueError(2)), generator.aclose():
        world.step(made, KeyError("k"), None, None)


@every
def a_generator_exit_thrown_into_a_new_step(world, generator, step):
    for made in generator.asend(3), generator.athrow(ValueError(2)), generator.aclose():
        world.step(made, GeneratorExit, None, None)


@every
def a_close_of_a_new_step(world, generator, step):
    for made in generator.asend(3), generator.athrow(ValueError(2)), generator.aclose():
        world.step(made, close, None, None)


@every
def a_throw_into_the_step_that_closes(world, generator, step):
    closing = generator.aclose()
    world.step(closing, None, KeyError("k"), None, close, None)


@every
def a_throw_that_ends_the_step_that_closes(world, generator, step):
    """Before 3.13 the generator remains under way then."""
    closing = generator.aclose()
    world.step(closing, None, KeyError("k"), KeyError("l"))
    world.state(generator)
    world.step(generator.asend(None), None)
    world.step(generator.aclose(), None)


@every
def a_close_of_the_step_that_closes(world, generator, step):
    closing = generator.aclose()
    world.step(closing, None, close, close, None)


@every
def a_throw_into_the_step_that_throws(world, generator, step):
    throwing = generator.athrow(ValueError(3))
    world.step(throwing, None, KeyError("k"), None, close, None)


@every
def steps_beside_one_that_is_under_way(world, generator, step):
    steps = [generator.asend(1), generator.athrow(ValueError(2)), generator.aclose(), generator.__anext__()]
    for made in steps:
        world.step(made, None)
        world.state(generator)
    for made in steps:
        world.step(made, None, close)


@scenario
def a_step_that_goes_on_after_others_were_thrown_into(world):
    """Before 3.13 these end it, as far as the generator knows; then what it is sent makes it the one under way again."""
    generator = world.make("alternates")
    step = generator.asend(None)
    world.step(step, None)
    world.step(generator.asend(None), KeyError("yields"))
    world.step(generator.asend(None), KeyError("awaits"))
    world.state(generator)
    world.step(step, None)
    world.state(generator)
    world.step(generator.asend(None), None)
    world.step(generator.aclose(), None)


@every
def the_step_is_dropped(world, generator, step):
    """The caller has another reference: see `a_suspended_step_is_dropped`."""
    world.note("kinds", (type(generator.asend(None)).__name__ is None,))
    generator.athrow(ValueError)
    generator.aclose()


@scenario
def a_suspended_step_is_dropped(world):
    generator = world.make("waits")
    step = generator.asend(None)
    world.step(step, None)
    del step
    world.state(generator)
    world.step(generator.asend(None), None)
    world.step(generator.aclose(), None)
    world.note("now it goes")
    del generator


@scenario
def steps_of_a_generator_that_has_gone(world):
    for method, arguments in (("asend", (1,)), ("athrow", (ValueError(3),)), ("aclose", ()), ("__anext__", ())):
        step = getattr(world.make("talks"), method)(*arguments)
        world.step(step, None, None)
        step = getattr(world.make("talks"), method)(*arguments)
        del step
        world.note("gone")


@scenario
def the_body_raises(world):
    exceptions = [ValueError(1), StopIteration(2), StopAsyncIteration(3), GeneratorExit(4), KeyboardInterrupt(5)]
    for name in "raises", "raises_later":
        for exception in exceptions:
            generator = world.make(name, exception)
            for _ in range(3):
                world.step(generator.asend(None), None)
            world.step(generator.aclose(), None)
            world.step(generator.athrow(ValueError(6)), None)


@scenario
def the_body_steps_itself(world):
    def within():
        for step in generator.asend(None), generator.athrow(ValueError(1)), generator.aclose():
            world.step(step, None)
        world.state(generator)
        world.act("send", current.send, None)
        return "done"

    generator = world.make("calls", within)
    current = generator.asend(None)
    world.step(current, None)


@scenario
def hooks_are_called_at_the_first_step(world):
    made = None

    def first(generator):
        world.note("first", generator is made)

    for method, arguments in (("asend", (1,)), ("athrow", (ValueError(3),)), ("aclose", ()), ("__anext__", ())):
        sys.set_asyncgen_hooks(first, lambda generator: world.note("finalizer", generator.ag_running))
        made = world.make("talks")
        made.__aiter__()
        world.note("before")
        step = getattr(made, method)(*arguments)
        world.step(step, None)
        getattr(made, method)(*arguments)
        world.note("after")
        # Only those that were set then count.
        sys.set_asyncgen_hooks(lambda generator: world.note("late"), lambda generator: world.note("late"))
        made.aclose()
        made = step = None
        gc.collect()


@scenario
def the_finalizer_is_called_for_what_is_not_done(world):
    for ticks in range(9):
        for name in NAMES:
            sys.set_asyncgen_hooks(None, lambda generator: world.note("finalizer", sys.exc_info()))
            generator = world.make(name)
            world.note(f"-- {name} after {ticks}")
            step = generator.asend(None)
            for _ in range(ticks):
                try:
                    step.send(None)
                except StopIteration:
                    step = generator.asend(None)
                except (StopAsyncIteration, ValueError):
                    break
            step = None
            del generator
            gc.collect()


@scenario
def the_finalizer_keeps_the_generator(world):
    kept = []
    sys.set_asyncgen_hooks(None, kept.append)
    generator = world.make("talks")
    world.step(generator.asend(None), None)
    del generator
    [generator] = kept
    world.step(generator.asend(None), None)
    kept.clear()
    world.note("a second time")
    del generator


@scenario
def the_finalizer_closes_the_generator(world):
    def finalizer(generator):
        world.step(generator.aclose(), None, None, None)

    for name in NAMES:
        sys.set_asyncgen_hooks(None, finalizer)
        generator = world.make(name)
        world.step(generator.asend(None), None)
        del generator
        # Up to 3.10, the frame of a line of C leads back to this one.
        gc.collect()


@scenario
def hooks_that_raise(world):
    def fails(generator):
        raise ZeroDivisionError

    sys.set_asyncgen_hooks(fails, fails)
    for method, arguments in (("asend", (1,)), ("athrow", (ValueError(3),)), ("aclose", ()), ("__anext__", ())):
        generator = world.make("talks")
        world.act("first", getattr(generator, method), *arguments)
        world.step(getattr(generator, method)(*arguments), None)
        del generator


@scenario
def a_generator_in_a_cycle(world):
    class Cell:
        pass

    for hooked in False, True:
        kept = []
        sys.set_asyncgen_hooks(None, kept.append if hooked else None)
        for ticks in range(3):
            cell = Cell()
            cell.generator = world.make("raises_later", cell) if ticks == 2 else world.make("enters", cell)
            if ticks:
                world.act("step", cell.generator.asend(None).send, None)
            del cell
            gc.collect()
            world.note(f"kept {len(kept)}")


class Context:
    """An asynchronous context manager that awaits in both methods."""

    def __init__(self, world, swallows=False):
        self.world = world
        self.swallows = swallows

    async def __aenter__(self):
        await wait("enter")
        return "item"

    async def __aexit__(self, kind, value, traceback):
        self.world.note("exit", kind)
        await wait("exit")
        self.world.note("exited", kind)
        return self.swallows


def managed(action):
    """The action on a generator with an ASYNC_WITH, after each number of ticks."""

    def scenario(world):
        for swallows in False, True:
            for ticks in range(8):
                generator = world.make("enters", Context(world, swallows))
                step = generator.asend(None)
                world.note(f"-- after {ticks}, {swallows}")
                for _ in range(ticks):
                    try:
                        world.note("tick", step.send(None))
                    except StopIteration as stop:
                        world.note("item", stop.value)
                        step = generator.asend("sent")
                    except (StopAsyncIteration, ValueError):
                        break
                action(world, generator, step)
                step = None
                del generator
                gc.collect()

    SCENARIOS[action.__name__] = scenario


@managed
def the_block_is_collected(world, generator, step):
    pass


@managed
def the_block_is_closed(world, generator, step):
    world.step(generator.aclose(), None, None, None)


@managed
def the_block_is_thrown_into(world, generator, step):
    world.step(generator.athrow(KeyError("k")), None, None, None, None)
    world.step(generator.asend(None), None, None)


@managed
def the_block_is_cancelled(world, generator, step):
    world.step(step, KeyError("k"), None, None, None)
    world.step(generator.asend(None), None, None)


@managed
def the_blocks_step_is_closed(world, generator, step):
    world.step(step, close, None)
    world.step(generator.aclose(), None, None, None)


@scenario
def a_generator_iterates_over_another(world):
    for action in (
        lambda relay: world.step(relay.aclose(), None, None, None),
        lambda relay: world.step(relay.athrow(KeyError("k")), None, None, None),
        lambda relay: world.step(relay.asend(4), None, None, None, None),
        lambda relay: None,
    ):
        for name in NAMES:
            for ticks in range(7):
                inner = world.make(name)
                relay = world.make("relays", inner)
                step = relay.asend(None)
                world.note(f"-- {name} after {ticks}")
                for _ in range(ticks):
                    try:
                        world.note("tick", step.send(None))
                    except StopIteration as stop:
                        world.note("item", stop.value)
                        step = relay.asend("sent")
                    except (StopAsyncIteration, ValueError):
                        break
                action(relay)
                step = None
                del relay
                world.note("the other goes, too")
                del inner
                gc.collect()


@scenario
def what_is_handled_stays_with_the_generator(world):
    generator = world.make("handles")
    world.step(generator.asend(None), None)
    world.note("outside", sys.exc_info())
    try:
        raise LookupError("outside")
    except LookupError:
        world.step(generator.asend(1), None)
        world.step(generator.athrow(ValueError("thrown")), None)
    generator = world.make("handles")
    world.step(generator.asend(None), None)
    world.step(generator.asend(1), None)
    world.step(generator.asend(1), None, None)
    world.step(generator.asend(1), None, None)


@pytest.mark.parametrize("name", SCENARIOS)
def test_does_as_python(name):
    native = record(generator_twins, SCENARIOS[name])
    assert native, "the scenario does nothing"
    ours = record(generators, SCENARIOS[name])
    for number, (one, other) in enumerate(zip(ours, native)):
        assert one == other, ours[max(0, number - 12) : number]
    assert ours == native
