"""Bodies in C, with memory failing inside the calls that make and step them: blocks.c.

The marks say how far a body went. Whatever fails, what has been entered is left: EXCEPT or FINALLY runs, `__aexit__` is called,
clean-ups run, and no frame remains.
"""

import functools
import re
import sys

import blocks
import failing
import rawapi

# More than is kept for reuse, of one size: awaitables with their frames, and frames alone.
KEPT = 64 + 32 + 1
LINES = 32
MOST_STEPS = 20


def attempt(function, *arguments):
    """What it returns, or the type of what it raises. The exception holds this frame, which holds no result."""
    try:
        return function(*arguments)
    except BaseException as exception:
        return exception.value if isinstance(exception, StopIteration) else type(exception)


def with_nothing_kept():
    """Frames that have taken what the library had kept, so that the next ones need memory; other lines in its tracebacks."""
    taken = blocks.taken(KEPT)
    for line in range(LINES):
        assert attempt(blocks.raises_in(line, KeyError()).send, None) is KeyError
    return taken


async def native():
    return await blocks.paused("native")


def queue():
    """An awaitable with callbacks."""
    aw = rawapi.new()
    rawapi.add_await(aw, blocks.paused("queued"))
    rawapi.set_result(aw, "queue")
    return aw


def gives():
    return blocks.paused("given")


def fails():
    return blocks.failing(KeyError())


def things(suppresses=False, end=StopAsyncIteration):
    return blocks.thing(suppresses, end())


ARGUMENTS = object(), "".join(["t", "ext"]), 5
NESTED = "ABCDEFGHI"
ANY_DEPTH = "|".join(NESTED[:depth] + NESTED[:depth][::-1].lower() for depth in range(len(NESTED) + 1))
# name -> the function, what makes its arguments, what the marks may be, and what they may be as well if something is thrown:
# one that is dropped and suspends once more is not resumed.
BODIES = {
    "awaits": (blocks.awaits, (gives, gives), "(a(bc?)?)?", ""),
    "awaits others": (blocks.awaits, (native, queue), "(a(bc?)?)?", ""),
    "awaits what fails": (blocks.awaits, (gives, fails), "a?", ""),
    "catches": (blocks.catches, (fails,), "(te[km]z)?", "te"),
    "catches nothing": (blocks.catches, (gives,), "(t(a|em)z)?", "te"),
    "handles": (blocks.handles, (fails,), "(teh?)?", ""),
    "cleans": (blocks.cleans, (gives, gives), "(tfg)?", "tf"),
    "cleans up what failed": (blocks.cleans, (fails, gives), "(tfg)?", "tf"),
    "fails to clean up": (blocks.cleans, (gives, fails), "(tf)?", ""),
    "replaces": (blocks.replaces, (gives,), "(tf)?", ""),
    "replaces what failed": (blocks.replaces, (fails,), "(tf)?", ""),
    "enters": (blocks.enters, (things, gives), r"(\((wx?\))?)?", ""),
    "enters, then fails": (blocks.enters, (things, fails), r"(\((w\))?)?", ""),
    "enters what suppresses": (blocks.enters, (functools.partial(things, True), fails), r"(\((w\)z?)?)?", ""),
    "iterates": (blocks.iterates, (things,), "n?(in)*i?z?", ""),
    "iterates over what fails": (blocks.iterates, (functools.partial(things, end=KeyError),), "n?(in)*i?", ""),
    "leaves": (blocks.leaves, (things,), r"((\((w\)u?)?)?f)*z?", r"(\(w\)u?f)*\(w\)"),
    "nests": (blocks.nests, (gives,), ANY_DEPTH, ""),
    "nests, then fails": (blocks.nests, (fails,), ANY_DEPTH, ""),
    "raises": (blocks.raises, (KeyError,), "r", ""),
    "cleans up at its end": (blocks.adds, (gives,), "(cC|ccCC)?", ""),
    "parses": (functools.partial(blocks.parses, *ARGUMENTS), (), "t", ""),
    "parses a keyword": (functools.partial(blocks.parses, *ARGUMENTS, b=None), (), "t", ""),
}

# Their FINALLY returns or raises, whatever is pending.
REPLACING = {"replaces", "replaces what failed", "fails to clean up"}


class Body:
    """One body, and what is done to it: a case."""

    def __init__(self, name, steps):
        self.name, self.steps = name, steps
        self.function, self.arguments, self.marks, thrown = BODIES[name]
        if steps:
            self.marks += f"|{thrown}"

    def __str__(self):
        return f"{self.name}: {', '.join(self.steps) or 'undisturbed'}"

    def __call__(self):
        taken = with_nothing_kept()
        blocks.begin()
        outcomes = self.run([make() for make in self.arguments])
        marks, frames = blocks.seen()
        del taken
        return self, outcomes, marks, frames

    def run(self, arguments):
        aw = attempt(failing.call, self.function, *arguments)
        if aw is MemoryError:
            # It was not made, and the arguments are as they were.
            aw = self.function(*arguments)
        held = [aw]
        del aw, arguments
        outcomes = []
        for step in self.steps:
            outcomes.append(self.act(held, step))
        while held and len(outcomes) < MOST_STEPS and (held[0].cr_suspended or not outcomes):
            outcomes.append(self.act(held, "next"))
        return outcomes

    def act(self, held, step):
        if step == "next":
            return attempt(failing.call, held[0].send, None)
        if step == "throw":
            return attempt(failing.call, held[0].throw, ValueError())
        if step == "close":
            return attempt(failing.call, held[0].close)
        return attempt(failing.call, held.clear)


class Tracked(Body):
    """The same where the awaitable notes where it was made, which needs memory, too."""

    def __str__(self):
        return f"{super().__str__()}, tracked"

    def run(self, arguments):
        sys.set_coroutine_origin_tracking_depth(3)
        try:
            return super().run(arguments)
        finally:
            sys.set_coroutine_origin_tracking_depth(0)


def complain(seen, undisturbed):
    case, outcomes, marks, frames = seen
    shown = f"{marks or 'no marks'}, {outcomes}"
    if frames:
        return f"{frames} frames are left: {shown}"
    if not re.fullmatch(case.marks, marks):
        return f"wrong marks: {shown}"
    if (outcomes, marks) == undisturbed[1:3]:
        return None
    if SystemError in outcomes:
        return f"SystemError: {shown}"
    if len(outcomes) == MOST_STEPS:
        return f"does not end: {shown}"
    if case.function is blocks.replaces and "f" in marks and not (Ellipsis in outcomes or discards(case) or lost(outcomes)):
        return f"has not replaced what was pending: {shown}"
    # Something that is thrown takes the place of a MemoryError that is pending.
    if MemoryError not in outcomes and "m" not in marks and not case.steps and case.name not in REPLACING:
        return f"another outcome without a MemoryError: {shown}"
    return None


def discards(case):
    """Whether nobody gets what it returns or raises."""
    return case.steps and case.steps[-1] in ("close", "drop")


def lost(outcomes):
    """Whether `send` had no memory for the StopIteration that the result would be in: from 3.12 on it is made at once."""
    return sys.version_info >= (3, 12) and MemoryError in outcomes


def suspensions(name):
    """How many times it suspends when nothing disturbs it."""
    outcomes = Body(name, ()).run([make() for make in BODIES[name][1]])
    return len(outcomes) - 1


def cases(few):
    """All of them, or only few."""
    made = [Body(name, ()) for name in BODIES] + [Tracked("raises", ())]
    for name in [] if few else BODIES:
        for before in range(1, suspensions(name) + 1):
            made += [Body(name, ("next",) * before + (step,)) for step in ("throw", "close", "drop")]
    return made
