"""Threads that know nothing of Python settle promises, free them, and wake bodies, while event loops, each in a thread of its
own, empty their mailboxes, watch descriptors, cancel tasks, and are closed; some awaitables are closed in
another thread than the loop's.

    PYTHONPATH=... python tests/stress/outside_races.py [--seconds 60] [--loops 3] [--seed N]

Each value that was given has to go one way, and nobody may be left waiting.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import random
import sys
import threading
import time
import warnings

import racer

EACH = 24


class Loops:
    """Rounds of one thread: an event loop each."""

    def __init__(self, chance, others):
        self.chance, self.others = chance, others
        self.storms = []
        self.descriptors = []

    def round(self):
        loop = asyncio.SelectorEventLoop()
        # What nobody has asked a task for.
        loop.set_exception_handler(lambda loop, what: None)
        try:
            loop.run_until_complete(self.main(self.chance.random() < 0.5))
        finally:
            # Some tasks are still waiting, and are woken once it is closed.
            for task in asyncio.all_tasks(loop):
                task._log_destroy_pending = False
            loop.close()
        self.join()

    def waits_for_descriptors(self):
        """Tasks that wait for pipes, into which another thread writes; some others are closed there once they wait."""
        pipes = [os.pipe() for _ in range(EACH // 4)]
        self.descriptors += [end for pipe in pipes for end in pipe]
        left = pipes.pop()
        waiting = racer.wait_readable(left[0])
        waiting.send(None)
        self.others += [racer.pass_on(waiting), *(os.dup(write) for _, write in pipes)]
        return [asyncio.ensure_future(awaited(racer.wait_readable(read))) for read, _ in pipes]

    def join(self):
        while self.descriptors:
            os.close(self.descriptors.pop())
        for storm in self.storms:
            racer.join(storm)
        self.storms.clear()

    async def main(self, is_left):
        made = [racer.promise() for _ in range(EACH)] + [racer.parks() for _ in range(EACH)]
        self.chance.shuffle(made)
        targets = [target for _, target in made]
        if self.chance.random() < 0.3:
            # Before anybody waits.
            self.start(targets)
        tasks, kept = [], []
        for awaitable, _ in made:
            if self.chance.random() < 0.1:
                self.others.append(racer.pass_on(awaitable))
            elif self.chance.random() < 0.1:
                kept.append(awaitable)
            else:
                tasks.append(asyncio.ensure_future(awaited(awaitable)))
        tasks += [asyncio.ensure_future(awaited(racer.run(self.chance.random() < 0.5))) for _ in range(EACH // 4)]
        tasks += [asyncio.ensure_future(awaited(racer.run_on(bytearray(64), number % 2))) for number in range(EACH // 4)]
        tasks += self.waits_for_descriptors()
        await asyncio.sleep(0)
        if not self.storms:
            self.start(targets)
        for _ in range(self.chance.randrange(3)):
            await asyncio.sleep(0)
        for task in self.chance.sample(tasks, len(tasks) // 3):
            task.cancel()
        if is_left:
            return
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 120)
        for what in done:
            if not isinstance(what, (int, ValueError, RuntimeError, asyncio.CancelledError, type(None))):
                raise AssertionError(f"{what!r} came out")

    def start(self, targets):
        self.storms.append(racer.storm(targets, self.chance.randrange(2**31)))


async def awaited(awaitable):
    return await awaitable


class Others:
    """Gets rid of awaitables that come from elsewhere, and writes into descriptors."""

    def __init__(self):
        self.ends = False

    def run(self, awaitables):
        while not self.ends:
            while awaitables:
                what = awaitables.pop()
                if isinstance(what, int):
                    # Its reader may be closed by now.
                    with contextlib.suppress(BrokenPipeError):
                        os.write(what, b"x")
                    os.close(what)
                    continue
                awaitable = racer.pass_on(what)
                del what
                awaitable.close()
                del awaitable
            time.sleep(0.001)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--loops", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    warnings.simplefilter("ignore")
    failures, others, awaitables, rounds = [], Others(), [], [0] * options.loops
    end = time.monotonic() + options.seconds

    def run(number):
        loops = Loops(random.Random(options.seed * 1000 + number), awaitables)
        try:
            while time.monotonic() < end and not failures:
                loops.round()
                rounds[number] += 1
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)

    other = threading.Thread(target=others.run, args=(awaitables,))
    threads = [threading.Thread(target=run, args=(number,)) for number in range(options.loops)]
    for thread in [other, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    others.ends = True
    other.join()
    if failures:
        raise failures[0]
    awaitables.clear()
    given = gone = None
    for _ in range(100):
        gc.collect()
        given, gone = racer.outcomes()
        if given == gone:
            break
        time.sleep(0.05)
    assert given == gone, f"{given} values were given, and {gone} went somewhere"
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(f"{sum(rounds)} rounds, {given} values, {options.loops} loops, GIL {'on' if gil else 'off'}")


if __name__ == "__main__":
    main()
