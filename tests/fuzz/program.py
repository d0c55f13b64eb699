"""What a program is, and how one is made from bytes.

A program is data, and its repr is Python: what a failure prints can be pasted into test_found.py.
"""

import sys
from typing import NamedTuple, Optional

from differential.blocks import KINDS
from differential.by_hand import PLACES, STEPS
from differential.loops import ASYNCIO

# Programs on the native side are written out in one frame: see native.py.
MOST_BLOCKS = 3
MOST_AWAITS = 14
MOST_OBJECTS = 5


def brief(self):
    """The repr without what is as by default."""
    defaults = self._field_defaults
    shown = [f"{name}={value!r}" for name, value in zip(self._fields, self) if name not in defaults or value != defaults[name]]
    return f"{type(self).__name__}({', '.join(shown)})"


class Act(NamedTuple):
    """Something that is done to an object, by number: see actions.Actor."""

    do: str
    to: int = 0
    what: object = None

    __repr__ = brief


class Body(NamedTuple):
    """What a callback does, and how it ends."""

    acts: tuple = ()
    ends: str = "0"
    raises: str = "ValueError"

    __repr__ = brief


class Inner(NamedTuple):
    """An inner awaitable: what blocks.Inner is made of."""

    name: str
    kind: str = "coroutine"
    pauses: int = 1
    returns: str = "token"
    raises: Optional[str] = None
    thrown: str = "raise"
    acts: tuple = ()

    __repr__ = brief


class Object(NamedTuple):
    """An awaitable of ours, and what it has queued from the start. A function is called to make it, or PyAwaitable_New."""

    number: int = 0
    entries: tuple = ()
    called: bool = False

    __repr__ = brief


class Await(NamedTuple):
    inner: object
    callback: Optional[Body] = None
    error: Optional[Body] = None

    __repr__ = brief


class With(NamedTuple):
    name: str
    enter: Inner
    exit: Inner
    callback: Optional[Body] = None
    error: Optional[Body] = None

    __repr__ = brief


class For(NamedTuple):
    """`at_once` is whether the call of `__anext__` raises the end, and not its await."""

    name: str
    items: tuple = ()
    at_once: bool = False
    each: Optional[Body] = None
    end: Optional[Body] = None
    error: Optional[Body] = None

    __repr__ = brief


class Defer(NamedTuple):
    body: Body = Body()

    __repr__ = brief


class ByHand(NamedTuple):
    """Which steps it is driven by, before it is left to finish. An Act is done between two of them."""

    steps: tuple = ()
    place: str = "top"
    mode: str = "plain"

    __repr__ = brief


class OnAsyncio(NamedTuple):
    """At which iteration the event loop disturbs it, and what other code does at which."""

    how: str = "task"
    tick: Optional[int] = None
    pauses: str = "yield"
    acts: tuple = ()

    __repr__ = brief


class Program(NamedTuple):
    root: Object = Object()
    run: object = ByHand()

    __repr__ = brief


# What a choice may be, the simplest first: that is what a failing program is shrunk to. Repeated is what shall be frequent.
ENDS = ("0",) * 15 + ("-1", "-1", "-1", "-2", "-2", "raise", "0 and set", "-1 silent", "-2 silent")
# Of what is called for each item, and at the end: a positive number leaves the loop.
LOOP_ENDS = (*ENDS, "1", "1", "2", "1 and set")
EXCEPTIONS = ("ValueError", "KeyError", "StopIteration", "StopAsyncIteration", "GeneratorExit", "CancelledError", "the same")
VALUES = ("token", "None", "tuple", "StopIteration", "exception", "class", "empty tuple")
EXIT_VALUES = ("None", "True", "token", "0")
THROWN = ("raise", "raise", "linger", "swallow", "answer", "translate")
NATURAL = ("coroutine",) * 7 + ("object",) * 4
# One that breaks getattr refuses a throw and stays suspended. Who awaits it lets go of it, on the native side only when the
# traceback goes: when it is closed is not the same. The differential tests have it.
STRANGE = tuple(kind for kind in KINDS if kind != "iterator that breaks getattr")
ACTS = ("add", "cancel", "save", "result", "get", "set", "unpack", "add", "collect", "step", "add", "cancel", "await")
ACTS += ("clean up", "clean up", "parse", "arguments")
# An object that ends is finished in C, where a coroutine is still running.
CLEAN_UP_ACTS = tuple(act for act in ACTS if act not in ("step", "await"))
CLEAN_UP_ENDS = ("0",) * 7 + ("raise",)
DO_STEPS = ("next", "value", "throw ValueError", "close")
# With a reason each: see by_hand.comparable. What asyncio cannot have: see differential.test_loops. From 3.12 on a throw with
# several arguments warns, and what an object of ours hands on to another is the exception made of them.
NOT_BY_HAND = ("throw StopIteration",) + (
    ("throw class and text", "throw class and instance") if sys.version_info >= (3, 12) else ()
)
NOT_ON_ASYNCIO_KINDS = ("busy",)
NOT_ON_ASYNCIO_EXCEPTIONS = ("GeneratorExit",)
HOWS = tuple(how for how in ("task", *ASYNCIO) if how not in ("timeout",))


class Decoder:
    """Makes a program from bytes; where they end, all further ones are 0, which is always the simplest choice."""

    def __init__(self, data):
        self.data = iter(data)
        self.blocks = self.awaits = self.loops = 0
        self.objects = 1
        self.by_hand = True

    def byte(self):
        return next(self.data, 0)

    def pick(self, choices):
        return choices[self.byte() % len(choices)]

    def chance(self, of):
        """One time in `of`."""
        return self.byte() % of == of - 1

    def several(self, most, make):
        return tuple(make() for _ in range(self.byte() % (most + 1)))

    def program(self):
        self.by_hand = not self.chance(3)
        root = Object(0, tuple(self.entry(0) for _ in range(1 + self.byte() % 5)), self.chance(3))
        return Program(root, self.hand() if self.by_hand else self.asyncio())

    def hand(self):
        place, mode = self.pick(("top",) * 4 + tuple(PLACES)), self.pick(("plain",) * 7 + ("handling",))
        return ByHand(self.several(11, lambda: self.step(place)), place, mode)

    def step(self, place):
        if self.chance(4):
            return self.act(0)
        step = self.pick(("next",) * 30 + STEPS)
        if step in NOT_BY_HAND or (step == "second waiter" and place == "delegated"):
            return "next"
        return step

    def asyncio(self):
        how, tick, pauses = self.pick(HOWS), self.byte() % 16, self.pick(("yield", "future"))
        return OnAsyncio(how, tick or None, pauses, self.several(3, lambda: (self.byte() % 10, self.act(0))))

    def entry(self, depth):
        kind = self.pick(("await", "await", "await", "with", "defer", "for"))
        if kind == "with" and self.blocks < MOST_BLOCKS:
            self.blocks += 1
            name = f"with{self.blocks}"
            return With(
                name,
                self.inner(f"{name}.enter", depth + 1),
                self.inner(f"{name}.exit", depth + 1, EXIT_VALUES),
                self.maybe_body(depth),
                self.maybe_body(depth),
            )
        if kind == "for" and self.blocks < MOST_BLOCKS:
            self.blocks += 1
            name = f"for{self.blocks}."
            items = tuple(self.inner(f"{name}{number}", depth + 1) for number in range(self.byte() % 4))
            self.loops += 1
            each = self.maybe_body(depth, LOOP_ENDS)
            self.loops -= 1
            return For(name, items, self.chance(3), each, self.maybe_body(depth, LOOP_ENDS), self.maybe_body(depth))
        if kind == "defer":
            return Defer(self.body(depth))
        return Await(self.awaited(depth), self.maybe_body(depth), self.maybe_body(depth))

    def awaited(self, depth):
        self.awaits += 1
        name = f"a{self.awaits}"
        natural = self.pick(NATURAL)
        # What is made for each item would be several objects of one number.
        may_be_object = not self.loops and self.objects < MOST_OBJECTS and depth < 3 and self.awaits < MOST_AWAITS
        if natural == "object" and may_be_object:
            self.objects += 1
            number = self.objects - 1
            return Object(number, self.several(3, lambda: self.entry(depth + 1)), self.chance(3))
        return self.inner(name, depth)

    def inner(self, name, depth, values=VALUES):
        kind = self.pick(STRANGE) if self.chance(5) else "coroutine"
        if not self.by_hand and kind in NOT_ON_ASYNCIO_KINDS:
            kind = "coroutine"
        if kind == "busy":
            # Somebody else steps it once, to be awaiting it.
            return Inner(name, kind)
        return Inner(
            name,
            kind,
            self.pick((1, 0, 2)),
            self.pick(values),
            self.exception(EXCEPTIONS[:-1]) if self.chance(5) else None,
            self.pick(THROWN),
            self.acts(depth, 2) if self.chance(4) else (),
        )

    def exception(self, names=EXCEPTIONS):
        name = self.pick(names)
        return "ValueError" if not self.by_hand and name in NOT_ON_ASYNCIO_EXCEPTIONS else name

    def maybe_body(self, depth, ends=ENDS):
        return self.body(depth, ends) if self.byte() % 4 else None

    def body(self, depth, ends=ENDS):
        return Body(self.acts(depth, 3), self.pick(ends), self.exception())

    def acts(self, depth, most, choices=ACTS):
        return self.several(most, lambda: self.act(depth + 1, choices))

    def clean_up(self, depth):
        return Body(self.acts(depth, 2, CLEAN_UP_ACTS), self.pick(CLEAN_UP_ENDS), self.exception())

    def act(self, depth, choices=ACTS):
        do = self.pick(choices)
        if do in ("add", "clean up") and (depth > 4 or self.awaits >= MOST_AWAITS):
            do = "result"
        # Mostly its own object: number -1.
        to = self.byte() % self.objects if self.chance(3) else -1
        return Act(do, to, self.operand(do, depth))

    def operand(self, do, depth):
        if do == "add":
            return self.entry(depth)
        if do in ("save", "result"):
            return self.pick(VALUES)
        if do == "clean up":
            return self.clean_up(depth)
        if do in ("get", "set"):
            return self.byte() % 4
        if do == "step":
            return self.pick(DO_STEPS)
        return None


def decode(data):
    return Decoder(data).program()
