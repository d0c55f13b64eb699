"""Threads that share awaitables, and what must hold whatever they do.

    python tests/stress/threads.py [--seconds 60] [--threads 8] [--seed N]

Round after round, the threads meet at a barrier, do to one awaitable or generator whatever they like, and meet
again; then the first of them checks that

  * of the steps that ran at once one won, and the others were told why they did not,
  * the awaitable ends, and what was queued was called back once, or where it was cancelled, thrown into or closed, at most
    once,
  * every clean-up that was added has run once,
  * no two threads were in a body at once, each TRY that a body entered was left, and each frame was released once,
  * each item of a generator has gone to one of those who asked, and none is lost; who came while another waited for one was
    told so,
  * every reference that the library took has been given back.

It needs the C extension `racer`, which tests/stress/racer/ is the source of. Meant for a build
without a GIL; with one the same holds.
"""

import argparse
import gc
import itertools
import random
import sys
import threading
import time
import types
import warnings
import weakref

import generator_races
import racer
from awaited import ENDED, EXECUTING, FINISHED, YIELDED, Block, Failed, Once, Ready, Value, failing, sleepy, step


class Race:
    """One round: an awaitable, and a value that all threads save."""

    def __init__(self):
        self.awaitable = racer.new()
        self.value = Value()
        self.added = []
        self.outcomes = []
        # Whether somebody did what may leave out something that is queued.
        self.left_out = False

    def check(self):
        """After all threads are through, one of them ends the awaitable."""
        for _ in range(100_000):
            if step(self.awaitable.send, None) in (ENDED, FINISHED):
                break
        else:
            raise AssertionError("it never ends")
        assert step(self.awaitable.send, None) == FINISHED
        assert self.awaitable.cr_await is None and not self.awaitable.cr_running
        queued, called, failed, _ = racer.counters()
        assert queued == sum(self.added), (queued, self.added)
        assert called + failed <= queued, (called, failed, queued)
        assert self.left_out or called + failed == queued, (called, failed, queued)
        value = weakref.ref(self.value)
        self.awaitable = self.value = None
        added, cleaned = racer.clean_ups()
        assert added == cleaned, (added, cleaned)
        return value

    def is_released(self):
        return True

    def check_bodies(self):
        pass


class BodyRace(Race):
    """The same with a body that awaits once, or in loops and blocks."""

    def __init__(self, often):
        super().__init__()
        self.awaitable.close()
        if often:
            self.awaitable = racer.often(self.value, self.inner, Block())
        else:
            self.awaitable = racer.once(self.value, sleepy(1))
        # Each thread may take one, and drop it when it likes.
        self.references = []
        self.counted = [0] * 5
        self.numbers = itertools.count()

    def inner(self):
        return (Ready, failing, lambda: sleepy(2))[next(self.numbers) % 3]()

    def share(self):
        self.references = [self.awaitable] * 64
        self.awaitable = None

    def check(self):
        if self.awaitable is not None:
            for _ in range(100_000):
                if step(self.awaitable.send, None) in (ENDED, FINISHED):
                    break
            else:
                raise AssertionError("it never ends")
            assert step(self.awaitable.send, None) == FINISHED
            assert self.awaitable.cr_await is None and not self.awaitable.cr_running
            # Its type, and perhaps a name.
            assert {type(each) for each in gc.get_referents(self.awaitable)} <= {type, str}
        value = weakref.ref(self.value)
        self.awaitable = self.value = None
        self.references.clear()
        return value

    def is_released(self):
        """Whether the body has gone. Up to 3.10 a traceback's frames hold their callers, and these what they have raised."""
        # What is counted since the last call.
        self.counted = [sum(pair) for pair in zip(self.counted, racer.bodies())]
        made, released, *_ = self.counted
        return made == released

    def check_bodies(self):
        """Once all is released."""
        made, released, entered, left, overlaps = self.counted
        assert overlaps == 0, overlaps
        assert entered == left, (entered, left)
        assert made == released == 1, (made, released)


def race_steps(race, choose):
    """Everybody steps once at the same time. Prepared so that a step ends in a suspension."""
    race.outcomes.append(step(race.awaitable.send, None))


def race_methods(race, choose):
    race.left_out = True
    do_whatever(race.awaitable, choose)


def race_drops(race, choose):
    """Whoever is the last to drop it closes it."""
    do_whatever(race.references.pop(), choose)


def do_whatever(aw, choose):
    acts = [
        lambda: step(aw.send, None),
        lambda: step(aw.send, None),
        lambda: step(aw.throw, Failed()),
        lambda: step(aw.close),
        lambda: step(next, aw.__await__()) if choose.random() < 0.5 else None,
        lambda: (aw.cr_await, aw.cr_running, aw.cr_suspended, repr(aw), sys.getsizeof(aw)),
        lambda: setattr(aw, "__name__", f"name{choose.random()}") or aw.__name__,
        lambda: gc.collect(0),
        lambda: gc.get_referents(aw),
        lambda: weakref.ref(aw)(),
    ]
    for _ in range(4):
        try:
            choose.choice(acts)()
        except RuntimeError as error:  # __await__() of a suspended object
            assert "awaited" in str(error), error


def race_calls(race, choose):
    aw, value = race.awaitable, race.value
    for _ in range(8):
        act = choose.randrange(15)
        if act < 2:
            race.added.append(racer.add(aw, Ready()))
        elif act == 2:
            race.added.append(racer.add(aw, value_returning(value)))
        elif act == 3:
            racer.defer(aw, None)
        elif act == 4:
            racer.save(aw, value)
        elif act == 5:
            racer.unpack(aw, None)
        elif act == 6:
            racer.replace(aw, value)
        elif act == 7:
            racer.set_result(aw, value)
        elif act == 8 and choose.random() < 0.1:
            race.left_out = True
            racer.cancel(aw, None)
        elif act == 9:
            race.added.append(racer.enter(aw, Block()))
        elif act == 10:
            race.added.append(racer.iterate(aw, Once()))
        elif act == 11:
            racer.clean_up(aw, None)
        elif act == 12:
            racer.parse(aw, value)
        elif act == 13:
            racer.unpack_parsed(aw, None)
        else:
            step(aw.send, None)


class Owner:
    """A type that all threads install methods into."""


SHARED = types.ModuleType("shared")
racer.install(SHARED)
racer.install(Owner)


def race_functions(race, choose):
    """All call the same functions, while some install them anew, or others."""
    value = race.value
    for _ in range(8):
        act = choose.randrange(8)
        if act == 0:
            racer.install(choose.choice((SHARED, Owner)))
        elif act == 1:
            module, owner = types.ModuleType("own"), type("Own", (), {})
            racer.install(module)
            racer.install(owner)
            returns(module.made(value, "text"), value)
            returns(owner().made(value, "text"), value)
        elif act == 2:
            returns(SHARED.named(object=value), value)
        elif act == 3:
            returns(Owner().made(value, "text"), value)
        elif act == 4:
            returns(Owner.of_class(value, "text"), value)
        elif act == 5:
            try:
                SHARED.made(value, 5)
            except TypeError:
                continue
            raise AssertionError("taken for a text")
        else:
            made = SHARED.made(value, "text")
            assert made.__name__ == "made"
            returns(made, value)


def returns(awaitable, value):
    try:
        awaitable.send(None)
    except StopIteration as stop:
        assert stop.value is value
    else:
        raise AssertionError("suspended")


async def value_returning(value):
    return value


def race_everything(race, choose):
    choose.choice((race_calls, race_methods))(race, choose)


def prepare_steps(race):
    race.added.append(racer.add(race.awaitable, sleepy(1)))


def prepare_many(race):
    for number in range(4):
        race.added.append(racer.add(race.awaitable, sleepy(number)))
        race.added.append(racer.add(race.awaitable, failing()))
    racer.save(race.awaitable, race.value)


def check_steps(outcomes):
    """The prepared awaitable yields once and then ends."""
    assert 1 <= outcomes.count(YIELDED) <= 1, outcomes
    assert outcomes.count(ENDED) <= 1, outcomes
    assert set(outcomes) <= {YIELDED, ENDED, EXECUTING, FINISHED}, outcomes


def nothing(race):
    pass


def share(race):
    race.share()


# What makes a race, what is done to it at first, what all threads do, and what must have come of it.
KINDS = [
    (Race, prepare_steps, race_steps, check_steps),
    (Race, prepare_many, race_methods, None),
    (Race, nothing, race_calls, None),
    (Race, prepare_many, race_calls, None),
    (Race, prepare_many, race_everything, None),
    (Race, nothing, race_functions, None),
    (lambda: BodyRace(often=False), nothing, race_steps, check_steps),
    (lambda: BodyRace(often=True), nothing, race_methods, None),
    (lambda: BodyRace(often=True), share, race_drops, None),
    *generator_races.KINDS,
]


class Stress:
    def __init__(self, threads, seed):
        self.threads = threads
        self.seed = seed
        self.race = self.act = self.check = None
        self.rounds = 0
        self.running = True
        self.failure = None
        racer.set_barrier(threads)

    def meet(self, action=None):
        """A barrier; `action` is done by the first thread while the others wait."""
        racer.meet()
        if action is not None:
            if threading.current_thread() is self.first:
                try:
                    action()
                except BaseException as error:
                    self.failure = self.failure or error
                    self.running = False
            racer.meet()

    def begin(self):
        self.running = self.running and time.monotonic() < self.deadline
        make, prepare, self.act, self.check = KINDS[self.rounds % len(KINDS)]
        self.race = make()
        prepare(self.race)

    def end(self):
        if self.check is not None:
            self.check(self.race.outcomes)
        value = self.race.check()
        # What one thread releases may wait for the thread that made it, or for the collector, to
        # merge its two counts; the last of them may be at it just now.
        for wait in range(50):
            if value() is None and self.race.is_released():
                break
            time.sleep(0.001 * wait)
            gc.collect()
        assert value() is None, gc.get_referrers(value())
        self.race.check_bodies()
        self.rounds += 1

    def work(self, number):
        choose = random.Random(self.seed * 1000 + number)
        while True:
            self.meet(self.begin)
            if not self.running:
                return
            try:
                self.act(self.race, choose)
            except BaseException as error:
                self.failure = self.failure or error
            self.meet(self.end)
            if self.failure is not None:
                self.running = False

    def unraisable(self, arguments):
        """One that is dropped may be in a FINALLY that suspends."""
        if "ignored GeneratorExit" not in str(arguments.exc_value):
            self.failure = self.failure or arguments.exc_value

    def run(self, seconds):
        self.deadline = time.monotonic() + seconds
        workers = [threading.Thread(target=self.work, args=(number,)) for number in range(self.threads)]
        self.first = workers[0]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if self.failure is not None:
            raise self.failure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    # Awaits that a cancellation drops, and objects that only one thread ever had.
    warnings.simplefilter("ignore")
    stress = Stress(options.threads, options.seed)
    sys.unraisablehook = stress.unraisable
    stress.run(options.seconds)
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(f"{stress.rounds} rounds, {options.threads} threads, GIL {'on' if gil else 'off'}")


if __name__ == "__main__":
    main()
