"""Races on generators: on one, on their steps, on loops over one, and on many that come from one pool. See threads.py."""

import gc
import itertools
import sys
import weakref

import racer
from awaited import EXECUTING, FINISHED, Block, Failed, Ready, Value, failing, sleepy

# What advance() says that became of a step.
SUSPENDED, ITEM, END, RUNNING, IGNORED, FAILED = "suspended", "item", "end", "running", "ignored", "failed"

# How many numbers a generator yields; those from a pool yield fewer.
ITEMS, FEW = 64, 8


def advance(act, *arguments):
    """What became of a step, and the item or what it returned."""
    try:
        act(*arguments)
    except StopIteration as stop:
        return ITEM, stop.value
    except StopAsyncIteration:
        return END, None
    except (Failed, GeneratorExit):
        return FAILED, None
    except ValueError as error:
        assert "already executing" in str(error), error
        return EXECUTING, None
    except RuntimeError as error:
        for text, what in (
            ("asynchronous generator is already running", RUNNING),
            ("already awaited", FINISHED),
            ("ignored GeneratorExit", IGNORED),
        ):
            if text in str(error):
                return what, None
        raise
    return SUSPENDED, None


def exhaust(step):
    """Until it does not suspend any more."""
    for _ in range(100_000):
        what, item = advance(step.send, None)
        if what != SUSPENDED:
            return what, item
    raise AssertionError("it never ends")


class GeneratorRace:
    """One round: a generator, and a value that it keeps."""

    # Whether each number arrives.
    is_exact = True

    def __init__(self, name, fails=False):
        self.value = Value()
        self.fails = fails
        self.numbers = itertools.count()
        self.generator = self.make(name)
        self.step = self.generator.__anext__()
        self.received = []
        self.outcomes = []
        self.finalized = []
        # Whether somebody did what leaves a TRY for good.
        self.left_out = False
        self.counted = [0] * 5

    def make(self, name, stop=ITEMS):
        return getattr(racer, name)(self.value, self.inner, Block(), stop)

    def inner(self):
        number = next(self.numbers) % 3
        if number == 1 and self.fails:
            return failing()
        return sleepy(2) if number == 0 else Ready()

    def note(self, what, item):
        self.outcomes.append(what)
        if what == ITEM and item is not None:
            self.received.append(item)
        return what

    def check(self):
        """After all threads are through, one of them takes the rest."""
        while self.generator is not None and self.note(*exhaust(self.generator.__anext__())) in (ITEM, FAILED):
            pass
        self.close()
        received = sorted(self.received)
        if self.is_exact:
            assert received == list(range(ITEMS)), received
        else:
            assert len(received) == len(set(received)), received
        value = weakref.ref(self.value)
        self.generator = self.step = self.value = None
        return value

    def close(self):
        """Does what an event loop does to those that were dropped."""
        for generator in self.finalized:
            if exhaust(generator.aclose())[0] == RUNNING:
                # A step of it was abandoned.
                self.left_out = True
        self.finalized.clear()

    def is_released(self):
        self.counted = [sum(pair) for pair in zip(self.counted, racer.bodies())]
        made, released, *_ = self.counted
        return made == released

    def check_bodies(self):
        """Once all is released."""
        _, _, entered, left, overlaps = self.counted
        assert overlaps == 0, overlaps
        assert entered == left or self.left_out, (entered, left)


class StepRace(GeneratorRace):
    """One step of the generator, which nobody may have brought to its end."""

    def check(self):
        what = self.note(*exhaust(self.step))
        assert what in (ITEM, FINISHED), what
        return super().check()


class WildRace(GeneratorRace):
    """Somebody throws into it, closes it, or leaves a step: a number may be lost."""

    is_exact = False

    def __init__(self, name):
        super().__init__(name, fails=True)


class DropRace(WildRace):
    """Each thread may take the generator and a step of it, and drop them when it likes."""

    def __init__(self):
        super().__init__("stream")
        self.references = [(self.generator, self.step)] * 64
        self.generator = self.step = None

    def check(self):
        self.references.clear()
        return super().check()


class LoopRace(WildRace):
    """Loops over one generator, which each thread steps as it likes."""

    def __init__(self):
        super().__init__("stream")
        arguments = self.generator, self.received
        self.loops = [racer.consume(self.value, *arguments), racer.collect(*reversed(arguments))]

    def check(self):
        for loop in self.loops:
            while advance(loop.send, None)[0] == SUSPENDED:
                pass
        self.loops.clear()
        return super().check()


class PoolRace(GeneratorRace):
    """A shelf of generators, each with a step or none, and the next of its numbers."""

    is_exact = False

    def __init__(self):
        super().__init__("numbers")
        self.shelf = []

    def draw(self, choose):
        return self.make(choose.choice(("numbers", "stream")), FEW), None, 0

    def check(self):
        self.shelf.clear()
        return super().check()


def race_items(race, choose):
    """Everybody takes items. Whoever comes while another waits for one is told so."""
    for _ in range(8):
        race.note(*exhaust(choose.choice((race.generator.__anext__, lambda: race.generator.asend(None)))()))


def check_items(outcomes):
    assert set(outcomes) <= {ITEM, RUNNING}, outcomes


def race_step(race, choose):
    """Everybody steps one step."""
    for _ in range(4):
        race.note(*advance(race.step.send, None))


def check_step(outcomes):
    assert outcomes.count(ITEM) <= 1, outcomes
    assert set(outcomes) <= {SUSPENDED, ITEM, EXECUTING, FINISHED}, outcomes


def race_methods(race, choose):
    do_whatever(race, race.generator, race.step, choose)


def race_drops(race, choose):
    """Some of the threads have the hooks of an event loop."""
    if choose.random() < 0.5:
        sys.set_asyncgen_hooks(finalizer=race.finalized.append)
    do_whatever(race, *race.references.pop(), choose)
    sys.set_asyncgen_hooks(finalizer=None)


ATTRIBUTES = ["ag_await", "ag_running", "ag_code"] + ["ag_suspended"] * (sys.version_info >= (3, 12))


def do_whatever(race, generator, step, choose):
    acts = [
        lambda: race.note(*exhaust(generator.__anext__())),
        lambda: race.note(*exhaust(generator.asend(None))),
        lambda: race.note(*exhaust(generator.athrow(Failed()))),
        lambda: race.note(*exhaust(generator.aclose())) if choose.random() < 0.2 else None,
        lambda: race.note(*advance(generator.__anext__().send, None)) if choose.random() < 0.1 else None,
        lambda: generator.asend(race.value),
        lambda: race.note(*advance(step.send, None)),
        lambda: race.note(*advance(step.throw, Failed())) if choose.random() < 0.5 else None,
        lambda: race.note(*advance(step.close)) if choose.random() < 0.5 else None,
        lambda: [getattr(generator, name) for name in ATTRIBUTES],
        lambda: (step.cr_await, step.cr_running, repr(step), repr(generator), sys.getsizeof(step), sys.getsizeof(generator)),
        lambda: setattr(generator, "__name__", f"name{choose.random()}") or generator.__name__,
        lambda: gc.collect(0),
        lambda: (gc.get_referents(generator), gc.get_referents(step)),
        lambda: weakref.ref(generator)(),
    ]
    for _ in range(4):
        choose.choice(acts)()


def race_loops(race, choose):
    """Everybody loops over the generator. An item goes to one of them."""
    for _ in range(2):
        if choose.random() < 0.5:
            loop = racer.consume(race.value, race.generator, race.received)
        else:
            loop = racer.collect(race.received, race.generator)
        while (outcome := advance(loop.send, None)[0]) == SUSPENDED:
            pass
        race.outcomes.append(outcome)


def race_shared_loops(race, choose):
    for _ in range(4):
        loop = choose.choice(race.loops)
        act = choose.randrange(10)
        if act < 5:
            advance(loop.send, None)
        elif act == 5:
            advance(loop.throw, Failed())
        elif act == 6:
            advance(loop.close)
        else:
            race.note(*exhaust(race.generator.__anext__()))


def race_pool(race, choose):
    """Who has taken a generator from the shelf has it alone, whoever made it and began its step."""
    for _ in range(16):
        try:
            generator, step, expected = racer.pass_on(race.shelf.pop()) if choose.random() < 0.7 else race.draw(choose)
        except IndexError:
            generator, step, expected = race.draw(choose)
        for _ in range(choose.randrange(4)):
            what, item = exhaust(step or generator.__anext__())
            step = None
            assert (what, item) == ((ITEM, expected) if expected < FEW else (END, None)), (what, item, expected)
            expected += expected < FEW
        act = choose.randrange(6)
        if act == 0:
            step = step or generator.__anext__()
        elif act == 1 and step is None:
            step = generator.__anext__()
            what, item = advance(step.send, None)
            if what != SUSPENDED:
                assert (what, item) == ((ITEM, expected) if expected < FEW else (END, None)), (what, item, expected)
                expected += expected < FEW
                step = None
        elif act == 2 and step is None:
            what, item = exhaust(generator.aclose())
            assert (what, item) == (ITEM, None), (what, item)
            expected = FEW
        if act < 5:
            race.shelf.append(racer.pass_on((generator, step, expected)))


def nothing(race):
    pass


KINDS = [
    (lambda: GeneratorRace("numbers"), nothing, race_items, check_items),
    (lambda: GeneratorRace("stream"), nothing, race_items, check_items),
    (lambda: StepRace("numbers"), nothing, race_step, check_step),
    (lambda: StepRace("stream"), nothing, race_step, check_step),
    (lambda: WildRace("numbers"), nothing, race_methods, None),
    (lambda: WildRace("stream"), nothing, race_methods, None),
    (DropRace, nothing, race_drops, None),
    (lambda: GeneratorRace("numbers"), nothing, race_loops, None),
    (lambda: GeneratorRace("stream"), nothing, race_loops, None),
    (LoopRace, nothing, race_shared_loops, None),
    (PoolRace, nothing, race_pool, None),
]
