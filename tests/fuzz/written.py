"""Random programs as the source of an `async def`, in what can be translated to a body in C.

A program asks its `env` for what it awaits, enters and iterates over, which do what a table says that is made with the program;
and whether to go this way or that, which each run decides anew.
"""

import asyncio
import warnings

from differential.blocks import Inner

EXCEPTIONS = {
    "ValueError": ValueError,
    "KeyError": KeyError,
    "OSError": OSError,
    "StopIteration": StopIteration,
    "StopAsyncIteration": StopAsyncIteration,
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
}
CAUGHT = (
    *("ValueError", "ValueError", "KeyError", "LookupError", "OSError", "Exception", "Exception", "BaseException"),
    *("(ValueError, StopAsyncIteration)", "GeneratorExit", "StopIteration", "RuntimeError", "CancelledError", "()"),
)
# Of an `__aexit__`, and of anything else.
SUPPRESSING = (None, None, None, True, 0, 1, "")
KINDS = (
    *("coroutine",) * 20,
    *("generator", "awaitable", "iterator", "iterator with all", "iterator with close", "iterator whose close fails", "asend"),
    *("wrapped", "raising __await__", "__await__ of int", "busy", "finished"),
)
THROWN = ("raise",) * 6 + ("linger", "swallow", "answer", "translate")
MOST_DEPTH = 9
INDENT = "    "


def given():
    """Made anew each time."""
    return ValueError("given")


class Program:
    def __init__(self, name, lines, inners, exceptions, items, has_suspend, is_generator=False):
        self.name, self.lines, self.is_generator = name, lines, is_generator
        self.inners, self.exceptions, self.items = inners, exceptions, items
        self.has_suspend = has_suspend
        # What the drivers of the differential tests ask a scenario for.
        self.value, self.contexts = None, {}

    def source(self):
        beginning = ["if False:", INDENT + "yield"] if self.is_generator else []
        return "\n".join([f"async def {self.name}(env):", *(INDENT + line for line in beginning + self.lines), ""])


class Writer:
    """Writes one program."""

    def __init__(self, rng, name, is_generator=False):
        self.rng, self.name, self.is_generator = rng, name, is_generator
        self.inners, self.exceptions, self.items = {}, {}, {}
        self.has_suspend = False
        self.count = 0
        self.left = rng.choice((4, 8, 12, 18, 30))

    def program(self):
        lines = self.block(0, 0, ())
        return Program(self.name, lines, self.inners, self.exceptions, self.items, self.has_suspend, self.is_generator)

    def chance(self, of):
        return self.rng.randrange(of) == 0

    def new(self, letter):
        self.count += 1
        return f"{letter}{self.count}"

    # What there is.

    def spec(self, values=()):
        rng = self.rng
        raises = EXCEPTIONS[rng.choice(tuple(EXCEPTIONS))] if self.chance(4) else None
        value = rng.choice(values) if values else None
        return Inner(
            pauses=rng.choice((0, 1, 1, 1, 2)),
            returns=(lambda env: value() if value is given else value) if values else None,
            raises=(lambda: raises("inner")) if raises else None,
            thrown=rng.choice(THROWN) if self.chance(3) else None,
            kind=rng.choice(KINDS),
        )

    def inner(self, values=()):
        name = self.new("a")
        self.inners[name] = self.spec(values)
        return f'env.inner("{name}")'

    def manager(self):
        name = self.new("w")
        self.inners[f"{name}.enter"], self.inners[f"{name}.exit"] = self.spec(), self.spec(SUPPRESSING)
        return f'env.context("{name}")'

    def iterable(self):
        name = self.new("x")
        self.items[name] = self.rng.randrange(4), self.chance(3)
        for number in range(3):
            self.inners[f"{name}.{number}"] = self.spec()
        return f'env.iterable("{name}")'

    def exception(self):
        name = self.new("e")
        self.exceptions[name] = self.rng.choice(tuple(EXCEPTIONS))
        return f'env.exception("{name}")'

    def log(self, *rest):
        return f"env.log({', '.join((chr(34) + self.new('l') + chr(34), *rest))})"

    # Statements: lists of lines.

    def block(self, depth, loops, handlers):
        lines = []
        for _ in range(self.rng.choice((1, 1, 2, 2, 3))):
            if self.left > 0:
                self.left -= 1
                lines += self.statement(depth, loops, handlers)
        return lines or [self.log()]

    def indented(self, depth, loops, handlers):
        return [INDENT + line for line in self.block(depth + 1, loops, handlers)]

    def statement(self, depth, loops, handlers):
        """`handlers` are the names, or None, of the exceptions that the sections around handle."""
        simple = ("say", "wait", "wait", "wait", "suspend", "several", "leave", "leave", "raise_")
        if self.is_generator:
            simple += ("item",) * 4
        deep = ("choice", "try_", "try_", "try_", "with_", "with_", "for_each", "repeat", "counted")
        chosen = self.rng.choice(simple if depth >= MOST_DEPTH else simple + deep * 2)
        return getattr(self, chosen)(depth, loops, handlers)

    def say(self, depth, loops, handlers):
        return [self.log(*filter(None, handlers[-1:]))]

    def wait(self, depth, loops, handlers):
        return [self.rng.choice(("await {0}", "value = await {0}", self.log("await {0}"))).format(self.inner())]

    def suspend(self, depth, loops, handlers):
        self.has_suspend = True
        return [self.log(f'await suspend(env.token("{self.new("s")}"))')]

    def item(self, depth, loops, handlers):
        value = self.rng.choice((f'env.token("{self.new("y")}")', f"await {self.inner()}", "None"))
        texts = "yield {0}", "value = yield {0}", self.log("(yield {0})"), "value = (yield {0}), await {1}"
        return [self.rng.choice(texts).format(value, self.inner())]

    def several(self, depth, loops, handlers):
        text = self.rng.choice(
            (
                "await {0}, await {1}",
                "[env.choose(), await {0}, env.choose(), await {1}]",
                "await {0} and await {1}",
                "await {0} if env.choose() else await {1}",
                "env.choose() or await {0}",
                "not await {0}",
            )
        )
        return [self.log(text.format(self.inner(), self.inner()))]

    def guarded(self, line):
        return [line] if self.chance(3) else ["if env.choose():", INDENT + line]

    def leave(self, depth, loops, handlers):
        if loops and not self.chance(3):
            return self.guarded(self.rng.choice(("break", "continue")))
        if self.is_generator:
            return self.guarded("return")
        return self.guarded(self.rng.choice(("return", f"return await {self.inner()}", f'return env.token("{self.new("r")}")')))

    def raise_(self, depth, loops, handlers):
        texts = [f"raise {self.exception()}", "raise KeyError", f"raise {self.exception()} from {self.exception()}"]
        if handlers:
            texts += ["raise", "raise", f"raise {self.exception()} from None"]
            for name in filter(None, handlers):
                texts += [f"raise {name}", f"raise {self.exception()} from {name}"]
        if self.chance(10):
            texts = ["raise", "raise 5", f"raise await {self.inner((KeyError, given, 5))}"]
        return self.guarded(self.rng.choice(texts))

    def choice(self, depth, loops, handlers):
        condition = self.rng.choice(("env.choose()", "env.choose()", f"await {self.inner((0, 1))}"))
        lines = [f"if {condition}:", *self.indented(depth, loops, handlers)]
        return lines + (["else:", *self.indented(depth, loops, handlers)] if self.chance(2) else [])

    def otherwise(self, depth, loops, handlers):
        return ["else:", *self.indented(depth, loops, handlers)] if self.chance(3) else []

    def repeat(self, depth, loops, handlers):
        condition = self.rng.choice(("env.choose()", "env.choose()", f"env.choose() and await {self.inner((0, 1))}"))
        lines = [f"while {condition}:", *self.indented(depth, loops + 1, handlers)]
        return lines + self.otherwise(depth, loops, handlers)

    def counted(self, depth, loops, handlers):
        name = self.new("i")
        lines = [f"for {name} in range({self.rng.randrange(4)}):", *self.indented(depth, loops + 1, handlers)]
        return lines + self.otherwise(depth, loops, handlers)

    def for_each(self, depth, loops, handlers):
        lines = [f"async for item in {self.iterable()}:", *self.indented(depth, loops + 1, handlers)]
        return lines + self.otherwise(depth, loops, handlers)

    def with_(self, depth, loops, handlers):
        items = [self.manager() + (" as entered" if self.chance(2) else "") for _ in range(2 if self.chance(4) else 1)]
        return [f"async with {', '.join(items)}:", *self.indented(depth, loops, handlers)]

    def try_(self, depth, loops, handlers):
        lines = ["try:", *self.indented(depth, loops, handlers)]
        clauses = self.rng.choice((0, 1, 1, 1, 2, 3))
        for number in range(clauses):
            name = self.new("error") if self.chance(2) else None
            if number == clauses - 1 and self.chance(4):
                name = None
                lines.append("except:")
            else:
                kind = f"await {self.inner((ValueError, KeyError, (OSError, LookupError)))}"
                kind = kind if self.chance(12) else self.rng.choice(CAUGHT)
                lines.append(f"except {kind}" + (f" as {name}:" if name else ":"))
            lines += self.indented(depth, loops, (*handlers, name))
        if clauses and self.chance(4):
            lines += ["else:", *self.indented(depth, loops, handlers)]
        if not clauses or self.chance(2):
            # What is pending there is no name's.
            lines += ["finally:", *self.indented(depth, loops, handlers)]
        return lines


def write(rng, name, is_generator=False):
    """Another one, where a statement counts as so many blocks that they are too many for Python."""
    while True:
        program = Writer(rng, name, is_generator).program()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                compile(program.source(), name, "exec", dont_inherit=True)
        except SyntaxError as error:
            if "too many statically nested blocks" not in str(error):
                raise
        else:
            return program
