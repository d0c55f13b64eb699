"""Runs programs of `written` as `async def` and as bodies in C, and compares what both have seen. Each third is a generator.

Each program is a function of its number and the seed, and so are its runs. Many are compiled at once.
"""

import contextlib
import gc
import os
import random
import sys
import warnings
import weakref

from differential import by_hand, record
from differential.blocks import EndsAtOnce, Env, Items
from differential.compare import Different, comparable, difference
from differential.constructs.ends import suspend
from differential.record import RECORDER, Log, collect
from translated.build import Unit, rewritten

from . import written
from .search import quiet

HERE = os.path.dirname(__file__)
FILE = os.path.join(HERE, "written programs")
record.HIDDEN += (HERE + os.sep, record.__file__)

# What a `types.coroutine` does that is thrown into is not what SUSPEND does: see differential.test_translated. From 3.12 on a
# throw with several arguments warns.
NOT_HERE = ("throw StopIteration", "throw class and text", "throw class and instance")
STEPS = tuple(step for step in by_hand.STEPS if step not in NOT_HERE)
PLACES = ("top",) * 6 + tuple(by_hand.PLACES)
# How often a run goes one way; then always the other.
MOST_CHOICES = 40
# The attempts to make a smaller program of one that differs.
MOST_ATTEMPTS = 150


class Iterates(Items):
    def __anext__(self):
        self.env.log(self.name, "__anext__")
        if self.next == self.count:
            return self.end()
        self.next += 1
        return self.env.inner(f"{self.name}.{self.next - 1}")


class IteratesToTheEnd(Iterates):
    end = EndsAtOnce.end


class WrittenEnv(Env):
    def __init__(self, log, program, run):
        super().__init__(log, program)
        self.program = program
        self.choices = random.Random(run.seed)
        self.chosen = 0

    def choose(self):
        self.chosen += 1
        return self.chosen < MOST_CHOICES and self.choices.random() < 0.5

    def iterable(self, name):
        count, at_once = self.program.items[name]
        return (IteratesToTheEnd if at_once else Iterates)(self, name, count)

    def exception(self, name):
        return written.EXCEPTIONS[self.program.exceptions[name]](name)


OPERATIONS = ("__anext__",) * 6 + ("asend",) * 3 + ("athrow", "athrow", "aclose", "drop", "step and drop")


async def iterate(env, generators, operations):
    """Does all that to a generator, which the list has alone."""
    try:
        for number, operation in enumerate(operations):
            await operate(env, generators, number, operation)
            env.log("running", bool(generators) and generators[0].ag_running)
    finally:
        # Frames in tracebacks may lead to this one.
        generators.clear()
        collect()


async def operate(env, generators, number, operation):
    if not generators:
        return
    try:
        if operation == "drop":
            generators.clear()
            collect()
            env.log("dropped")
        elif operation == "step and drop":
            generators[0].asend(None).close()
        else:
            arguments = {"asend": [env.token(f"sent {number}")], "athrow": [KeyError(number)]}.get(operation, [])
            env.log(operation, await getattr(generators[0], operation)(*arguments))
    except Exception as exception:
        env.log(operation, exception)


class Run:
    """What is done to a program."""

    def __init__(self, rng, program):
        self.seed = rng.randrange(1 << 32)
        self.place = rng.choice(PLACES)
        self.mode = rng.choice(("plain",) * 5 + ("handling",))
        self.steps = tuple(self.step(rng, program) for _ in range(rng.choice((0, 2, 5, 9))))
        self.operations = []
        if program.is_generator:
            self.operations = rng.choices(OPERATIONS, k=rng.randrange(12))

    def step(self, rng, program):
        step = rng.choice(("next",) * 16 + STEPS)
        is_odd = (
            (program.has_suspend and step == "throw int")
            or (self.place == "delegated" and step == "second waiter")
            # What a body evaluates has a frame, which leads to who steps by slot: dropped, it waits for the collector.
            or (self.place == "by slot" and step == "drop")
        )
        return "next" if is_odd else step

    def __str__(self):
        operations = f", {self.operations}" if self.operations else ""
        return f"{self.place}, {self.mode}, chosen by {self.seed}{operations}: " + ", ".join(self.steps)

    def on(self, program, function, watched):
        """The log of it."""
        log = Log()
        RECORDER.log = log
        try:
            env = WrittenEnv(log, program, self)
            watched.append((self, weakref.ref(env)))
            by_hand.MODES[self.mode](self.drive, env, function)
            env.close()
            collect()
        finally:
            RECORDER.log = None
        return comparable(log.finish())

    def drive(self, env, function):
        awaitable = function(env)
        if hasattr(awaitable, "__anext__"):
            awaitable = iterate(env, [awaitable], self.operations)
        env.made(awaitable)
        driver = by_hand.Driver(env, awaitable, self.place)
        del awaitable
        for step in self.steps:
            driver.act(step)
        driver.finish()


class Batch:
    """Programs, compiled by Python and by a C compiler."""

    def __init__(self, programs, keep=False, cc=None):
        self.programs = programs
        source = "\n".join(program.source() for program in programs)
        unit, chosen = Unit(), {program.name for program in programs}
        self.native = {"suspend": suspend, "CancelledError": written.EXCEPTIONS["CancelledError"]}
        self.translated = dict(self.native)
        with warnings.catch_warnings():
            # From 3.14 on it is said that a `return` in a `finally` is no good idea.
            warnings.simplefilter("ignore", SyntaxWarning)
            exec(compile(source, FILE, "exec", dont_inherit=True), self.native)
            code, names, refused = rewritten(unit, source, FILE, lambda node: node.name in chosen)
        assert not refused, refused
        unit.load(keep=keep, cc=cc)
        self.translated.update(names)
        exec(code, self.translated)


def different(program, batch, run, watched):
    """If they differ: which sides, and both logs."""
    functions = batch.native[program.name], batch.translated[program.name]
    expected, got = (run.on(program, *each) for each in zip(functions, ([], watched)))
    if expected == got:
        return None
    with thorough():
        expected, got = (run.on(program, function, []) for function in functions)
    return None if expected == got else (("async def", "a body"), expected, got)


def collect_all():
    """What ignores GeneratorExit, and what its finalizer has revived, is garbage once more."""
    for _ in range(3):
        gc.collect()


@contextlib.contextmanager
def thorough():
    """For another run, where old garbage is collected each time: what one side alone keeps for longer dies late there."""
    record.GENERATIONS.append(2)
    collect_all()
    try:
        yield
    finally:
        record.GENERATIONS.pop()


class Kind:
    """What is run, and how."""

    @staticmethod
    def write(number, rng, name):
        return written.write(rng, name, number % 3 == 2)

    batch, run, different = Batch, Run, staticmethod(different)


def check(seed, numbers, runs=4, keep=False, cc=None, kind=Kind):
    """Fails with the first program of these that differs, made smaller. Returns how many runs there were."""
    programs = {number: kind.write(number, random.Random(f"{seed} {number}"), f"p{number}") for number in numbers}
    batch = kind.batch(list(programs.values()), keep, cc)
    for number, program in programs.items():
        rng, watched = random.Random(f"runs of {seed} {number}"), []
        for _ in range(runs):
            run = kind.run(rng, program)
            found = kind.different(program, batch, run, watched)
            if found:
                raise Different(smaller(seed, number, program, run, found, cc, kind))
        if alive(watched):
            collect_all()
            if alive(watched):
                kept = "\n".join(alive(watched))
                raise Different(f"seed {seed}, program {number}: something is never released\n{program.source()}\n{kept}")
    return len(programs) * runs


def alive(watched):
    """Which runs have left something in C that is not released."""
    return [str(run) for run, reference in watched if reference() is not None]


# Making a program smaller.


def parts(lines):
    """(first, last) of each statement, the largest first."""
    found = []
    for first, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        last = first + 1
        while last < len(lines) and len(lines[last]) - len(lines[last].lstrip()) > depth:
            last += 1
        found.append((first, last, depth))
    return sorted(found, key=lambda part: part[0] - part[1])


def variants(lines):
    """The same with less: without a statement, or with what is in it in its place."""
    for first, last, depth in parts(lines):
        if lines[first].strip() == "pass":
            continue
        inside = [line[4:] for line in lines[first + 1 : last]]
        for replacement in ([], inside, [" " * depth + "pass"]):
            made = lines[:first] + replacement + lines[last:]
            if made and made != lines:
                yield made


def smaller(seed, number, program, run, found, cc, kind=Kind):
    attempts = 0
    again = True
    while again and attempts < MOST_ATTEMPTS:
        again = False
        for lines in variants(program.lines):
            made = written.Program(
                program.name,
                lines,
                program.inners,
                program.exceptions,
                program.items,
                program.has_suspend,
                program.is_generator,
            )
            try:
                compile(made.source(), FILE, "exec")
            except SyntaxError:
                continue
            attempts += 1
            try:
                with_less = kind.different(made, kind.batch([made], cc=cc), run, [])
            except Exception:
                continue
            if with_less:
                program, found, again = made, with_less, True
                break
            if attempts >= MOST_ATTEMPTS:
                break
    names, *logs = found
    shown = difference(run, *logs, names)
    used = {name: vars(spec) for name, spec in program.inners.items() if name.partition(".")[0] in program.source()}
    return f"seed {seed}, program {number}\n{program.source()}\n{used}\n{program.exceptions}\n{program.items}\n{shown}"


def search(programs, seed, first=0, batch=300, runs=4, keep=False, cc=None, told=lambda done: None, kind=Kind):
    done = 0
    with quiet():
        while done < programs:
            count = min(batch, programs - done)
            check(seed, range(first + done, first + done + count), runs, keep, cc, kind)
            done += count
            told(done)
    return done


def main(name="fuzz.bodies", kind=Kind):
    import argparse
    import time

    parser = argparse.ArgumentParser(prog=name, description=__doc__)
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=300)
    parser.add_argument("--cc", help="a compiler that is faster than gcc, such as tcc")
    options = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, seed {options.seed}", flush=True)
    began = time.perf_counter()

    def told(done):
        print(f"{options.first + done} done, {time.perf_counter() - began:.0f} s", flush=True)

    search(options.programs, options.seed, options.first, options.batch, options.runs, cc=options.cc, told=told, kind=kind)
    print("no difference")


if __name__ == "__main__":
    main()
