"""Asynchronous generators: each step out of memory. What it raises then is MemoryError, from the step or out of the body; no
SystemError, nothing is left, nothing crashes."""

import gc
import sys

import failing
import generators

NAMES = ["counts", "talks", "ignores", "cleans", "handles", "yields_at_last", "raises_later", "returns_a_value"]


class Sent:
    """What the loop sends and gets, without a frame of Python's to make."""

    def __await__(self):
        return iter(["waits"])


SENT = Sent()
note = {}.get  # of C: note(text, value) is None


def wait(text):
    return SENT


def outcome(function, *arguments):
    try:
        return repr(failing.call(function, *arguments))
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}" if not isinstance(error, MemoryError) else "MemoryError"


class Case:
    """Some steps of one generator, after so many items, with or without hooks."""

    def __init__(self, name, ticks, action, hooked):
        self.name, self.ticks, self.action, self.hooked = name, ticks, action, hooked

    def __str__(self):
        return f"{self.name} after {self.ticks}: {self.action.__name__}{' with hooks' * self.hooked}"

    def __call__(self):
        self.log, self.kept = [], []
        before = sys.get_asyncgen_hooks()
        if self.hooked:
            sys.set_asyncgen_hooks(self.kept.append, self.kept.append)
        try:
            self.run()
        finally:
            sys.set_asyncgen_hooks(*before)
            self.kept.clear()
        return self.log

    def run(self):
        arguments = () if self.name == "counts" else (note, wait, ValueError("its own"))
        try:
            generator = failing.call(getattr(generators, self.name), *arguments)
        except MemoryError:
            self.log.append("MemoryError")
            return
        for _ in range(self.ticks):
            self.step(generator.__anext__)
        self.action(self, generator)
        self.log.append("it goes")
        self.kept.clear()
        held = [generator]
        del generator
        failing.call(held.clear)
        gc.collect()

    def step(self, make, *arguments, sends=(None, None)):
        try:
            step = failing.call(make, *arguments)
        except MemoryError:
            self.log.append("MemoryError")
            return
        for value in sends:
            self.log.append(outcome(step.send, value))
        self.log.append(outcome(step.close))


def iterates(case, generator):
    case.step(generator.__anext__)


def sends(case, generator):
    case.step(generator.asend, "sent", sends=("x", None, None))


def throws(case, generator):
    case.step(generator.athrow, KeyError("thrown"))


def closes(case, generator):
    case.step(generator.aclose)
    case.step(generator.aclose)


def has_another_under_way(case, generator):
    other = generator.__anext__()
    case.log.append(outcome(other.send, None))
    case.step(generator.athrow, KeyError("thrown"))
    other.close()


def is_looked_at(case, generator):
    for name in "__name__", "ag_code", "ag_await":
        case.log.append(outcome(getattr, generator, name)[:10])
    case.log.append(outcome(repr, generator)[:10])


def complain(seen, expected):
    if seen == expected:
        return None
    text = "\n".join(seen)
    if text.count("SystemError") > "\n".join(expected).count("SystemError"):
        return f"SystemError:\n{text}"
    return None


ACTIONS = [iterates, sends, throws, closes, has_another_under_way, is_looked_at]


def cases(few):
    return [
        Case(name, ticks, action, hooked)
        for name in (NAMES[1::3] if few else NAMES)
        for ticks in (1, 2)[: 1 if few else 2]
        for action in ACTIONS
        for hooked in (False, True)
    ]
