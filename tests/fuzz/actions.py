"""What callbacks, inner awaitables and other code do while a program runs: the same code for both sides."""

import asyncio
import gc

from differential import blocks
from differential.blocks import KINDS, Context, EndsAtOnce, Items
from differential.record import YOUNG, Log, collect

from . import program

EXCEPTIONS = {
    "ValueError": ValueError,
    "KeyError": KeyError,
    "StopIteration": StopIteration,
    "StopAsyncIteration": StopAsyncIteration,
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
}


class Collector:
    """Whether the collector is at work."""

    running = False

    def __call__(self, phase, _):
        self.running = phase == "start"


COLLECTOR = Collector()
gc.callbacks.append(COLLECTOR)


def objects_in(entry):
    """The names of the awaitables of ours that an entry makes."""
    inner = getattr(entry, "inner", None)
    if isinstance(inner, program.Object):
        return {f"object{inner.number}"}.union(*map(objects_in, inner.entries))
    return {"wrapper"} if getattr(inner, "kind", None) == "wrapped" else set()


class FuzzLog(Log):
    """Knows of which object nothing is said that was never awaited: it was cancelled, or dropped while an exception was set,
    where a coroutine warns and an awaitable does not.
    """

    def __init__(self):
        super().__init__()
        self.objects = {}

    def notice_ends(self):
        """What an object releases as it ends comes before anything else is seen of that."""
        super().notice_ends()
        for made in tuple(self.objects.values()):
            made.notice_end()


class Actor:
    """What a program does, mixed into the `env` that inner awaitables know.

    `objects` has every awaitable of ours by its number, with one interface on both sides: native.Queue and
    capi.Object. An act names its object; -1 is the one whose callback it is in.
    """

    # While the outermost awaitable is dropped, and all that is garbage then.
    dropping = False

    def begin(self, make_object):
        self.make_object = make_object
        self.objects = self.log.objects
        self.specs = {}
        self.clean_ups = 0

    def close(self):
        super().close()
        for made in self.objects.values():
            made.forget()

    # Making things.

    def object(self, spec):
        made = self.make_object(self, spec.number)
        self.objects[spec.number] = made
        arguments = (self.token(f"{made.name}.argument"), made.name, spec.number)
        awaitable = made.start(arguments if spec.called else None)
        for entry in spec.entries:
            made.add(entry)
        return awaitable

    def awaited(self, spec, owner):
        """Something to await: an object of ours, or an inner awaitable."""
        if isinstance(spec, program.Object):
            return self.object(spec)
        self.specs[spec.name] = spec, owner
        return self.inner(spec.name)

    def manager(self, spec, owner):
        self.specs[spec.enter.name] = spec.enter, owner
        self.specs[spec.exit.name] = spec.exit, owner
        return Context(self, spec.name)

    def iterable(self, spec, owner):
        for item in spec.items:
            self.specs[item.name] = item, owner
        return (EndsAtOnce if spec.at_once else Items)(self, spec.name, len(spec.items))

    def inner(self, name):
        spec, owner = self.specs[name]
        made = blocks.Inner(
            pauses=spec.pauses,
            returns=lambda env: env.value_named(spec.returns, name),
            raises=(lambda: EXCEPTIONS[spec.raises](f"from {name}")) if spec.raises else None,
            thrown=spec.thrown,
            does=(lambda env: env.perform(spec.acts, owner)) if spec.acts else None,
        )
        return KINDS[spec.kind](self, name, made)

    def value_named(self, kind, name):
        if kind == "token":
            return self.token(f"{name}.value")
        return {
            "None": None,
            "True": True,
            "0": 0,
            "tuple": (self.token(f"{name}.value"), 2),
            "empty tuple": (),
            "StopIteration": StopIteration(name),
            "exception": LookupError(name),
            "class": KeyError,
        }[kind]

    # Callbacks.

    def called(self, me, what, body, *arguments):
        """What a callback does: its return code, and the exception that it sets, if any. May raise, which is -1."""
        self.log(me.name, what, *arguments)
        self.perform(body.acts, me.number, me)
        code, _, rest = body.ends.partition(" ")
        if code != "raise" and int(code) >= 0 and not rest:
            return int(code), None
        if rest == "silent":
            return int(code), None
        # In no variable: an exception that has the frame it is raised in keeps all of it alive.
        if code == "raise":
            raise self.exception(body.raises, what, arguments)
        return int(code), self.exception(body.raises, what, arguments)

    def exception(self, kind, what, arguments):
        if kind == "the same":
            if arguments and isinstance(arguments[0], BaseException) and what == "error callback":
                return arguments[0]
            kind = "ValueError"
        return EXCEPTIONS[kind](f"from the {what}")

    def cleans_up(self, me, name, body):
        """What a clean-up does. What it raises goes to sys.unraisablehook."""
        self.log(me.name, name)
        self.perform(body.acts, me.number, me)
        if body.ends == "raise":
            raise self.exception(body.raises, "clean-up", ())

    # Acts.

    def perform(self, acts, owner, me=None):
        for act in acts:
            self.log.notice_ends()
            number = owner if act.to == -1 else act.to
            target = me if number == owner and me is not None else self.objects.get(number)
            # The collector clears weak references before it calls finalizers: those to what it found to be garbage, which is
            # what C keeps beside it, but not what the twin's queue holds; and the last reference, which may be all that C
            # needs, that to the object alone. So all of them are gone then.
            unreachable = (COLLECTOR.running or self.dropping) and target is not me
            # One that has finished may live on in a traceback, on one side or the other; the outermost is the driver's.
            if unreachable or target is None or not (target is me or (target.unfinished() if number else target.alive())):
                self.log(act.do, "gone")
                continue
            try:
                getattr(self, f"do_{act.do.replace(' ', '_')}")(target, act.what)
            except (RuntimeError, IndexError) as exception:
                # Refused by the library, in its own words.
                self.log(act.do, type(exception))
                if act.do == "add":
                    # What was to be added goes with the exception.
                    self.log.quiet |= objects_in(act.what)

    def do_add(self, target, entry):
        self.log("add to", target.name)
        target.add(entry)

    def do_cancel(self, target, _):
        self.log("cancel", target.name)
        self.log.quiet.add(target.name)
        target.cancel()

    def do_save(self, target, kind):
        target.save(self.value_named(kind, f"{target.name}.saved"))

    def do_result(self, target, kind):
        target.set_result(self.value_named(kind, f"{target.name}.result"))

    def do_set(self, target, index):
        target.set_value(index, self.token(f"{target.name}.set"))

    def do_get(self, target, index):
        self.log("value", target.get_value(index))

    def do_unpack(self, target, _):
        self.log("values", target.unpack())

    def do_clean_up(self, target, body):
        self.clean_ups += 1
        name = f"clean-up {self.clean_ups}"
        target.clean_up(name, body)
        self.log("add to", target.name, name)

    def do_parse(self, target, _):
        target.parse(self.token(f"{target.name}.parsed"), f"{target.name}.text", 7)

    def do_arguments(self, target, _):
        self.log("arguments", target.arguments())

    def do_collect(self, target, _):
        # In the middle of a step: a full collection by 3.11 clears exceptions that a coroutine is handling.
        collect(YOUNG)

    def do_step(self, target, step):
        """Only where nothing else waits for what it yields."""
        if self.stepping:
            self.step(target.awaitable(), step)

    def do_await(self, target, _):
        """A second waiter."""
        if self.stepping:
            self.waiter(target.awaitable())
