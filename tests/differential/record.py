"""What a run records.

Everything is text that depends neither on addresses nor on which of the two twins ran. In five places the twins are
allowed to differ, and only here is that known:

* Frames. An awaitable written in C has no frame; its twin has one. `function_names` leaves out the
  frames of the twins and of those who drive them, and keeps all others. A traceback without any is
  shown as None: that is what `__aexit__` gets for an exception that a C function raised.
* Names. The twin is a coroutine named `outer`, the C object is a `PyAwaitable`: both are called `outer`.
* The warning for one that was never awaited is a RuntimeWarning from a coroutine and a ResourceWarning from a C object.
  What was never awaited is listed at the end, sorted: a coroutine lets go of its variables with its frame, a C object of its
  queue as soon as it has finished.
* The DeprecationWarning for `throw` with several arguments, from 3.12 on. A coroutine hands them to the coroutine that it
  awaits without another warning, but calls the method of anything else, a C object's too. The same warning twice in a row
  counts once.
* The text of a SystemError, which has no counterpart in an `async def`; except that a Python function failed without an
  exception, which nobody but the interpreter can have done.
"""

import contextlib
import gc
import itertools
import os
import re
import sys
import types
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
# anyio tells which scope and task it was, by address and number.
ANYIO_CANCELLED = re.compile(r"Cancelled (via|by) cancel scope .*", re.DOTALL)
LOSES_EXCEPTION = re.compile(r"<(function|bound method) .*> returned NULL without setting an exception$", re.DOTALL)
NO_EXCEPTION = "a Python function fails without an exception"
# With asyncio's debug mode the message goes on, with where the coroutine was created.
NEVER_AWAITED = re.compile(r"([\w.]+)' was never awaited(?:\n(?:Coroutine|Awaitable) created at .*)?$", re.DOTALL)

# What a message says about what was closed.
CLOSED = re.compile(r"<[\w ]+ object (\S+) at 0x")

# Files whose frames are left out: the twins, those who drive them, trio, which wraps a coroutine without a frame in one of
# its own, and the coroutine that PyAwaitable_AsCoroutine() makes.
HIDDEN = (
    os.path.join(HERE, "twins") + os.sep,
    os.path.join(HERE, "constructs") + os.sep,
    os.path.join(HERE, "model.py"),
    os.path.join(HERE, "by_hand.py"),
    os.path.join(HERE, "loops.py"),
    os.path.join("trio", "_core", "_run.py"),
    "<pyawaitable>",
    # Bodies in C.
    os.path.join("translated", ""),
)

# Before 3.12 a coroutine that resumes with an exception while it handles another one chains the two,
# and loses part of the traceback on the way. Tracebacks of what has a context are not shown there.
CHAINING_CUTS = sys.version_info < (3, 12)
# Before 3.11 the end of an `async with` that lets its exception go on takes back what `__aexit__` added to the traceback.
BLOCK_RESTORES = sys.version_info < (3, 11)


# Twice, and further: what a finalizer revived is older.
YOUNG = (0, 1)
GENERATIONS = [*YOUNG]


def collect(generations=GENERATIONS):
    """Frees what is garbage now."""
    for generation in generations:
        gc.collect(generation)


class Token:
    """A value that is known by its name, to identify what goes in and out."""

    def __init__(self, name):
        self.name = name


def short_name(qualified):
    name = qualified.rpartition(".")[2]
    return "outer" if name == "PyAwaitable" else name


def function_names(traceback):
    """The functions that an exception went through, outermost first."""
    names = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        taken_back = BLOCK_RESTORES and code.co_name == "__aexit__"
        if not taken_back and not any(hidden in code.co_filename for hidden in HIDDEN):
            names.append(code.co_name)
        traceback = traceback.tb_next
    return ">".join(names)


class Log:
    serials = itertools.count()

    def __init__(self):
        self.serial = next(self.serials)
        self.lines = []
        self.never_awaited = []
        self.exceptions = 0
        self.clock = None
        self.cancelled = False
        # The names of what says nothing if it was never awaited.
        self.quiet = set()
        # The names of coroutines that have ignored GeneratorExit when they were dropped.
        self.ignoring = set()
        # What has to be asked whether something has ended that cannot say so itself.
        self.ends = []

    def __call__(self, *items):
        """One line; it says whether an exception is being handled at the moment."""
        self.notice_ends()
        handled = sys.exc_info()[1]
        text = " ".join(item if type(item) is str else self.show(item) for item in items)
        if handled is not None:
            text += f" | handling {self.label(handled)}"
        self.add(text)

    def notice_ends(self):
        """Before anything else is logged, and once all is over."""
        for notice in self.ends:
            notice()

    def cleans_up(self, *items):
        """A line of a clean-up: in C, the exception that ends an awaitable is put aside while that runs."""
        self.add(" ".join(["clean-up", *(item if type(item) is str else self.show(item) for item in items)]))

    def add(self, text):
        if self.clock is not None:
            text = f"{self.clock():3} {text}"
        self.lines.append(text)

    def label(self, exception):
        """The same exception has the same label in all lines. The exception keeps it, so that no exception is kept alive."""
        serial, label = exception.__dict__.get("_label", (None, None))
        if serial != self.serial:
            self.exceptions += 1
            label = f"{type(exception).__name__}#{self.exceptions}"
            exception.__dict__["_label"] = self.serial, label
        return label

    def show(self, value):
        if isinstance(value, BaseException):
            return self.show_exception(value, set())
        if isinstance(value, Token):
            return value.name
        if isinstance(value, type):
            return f"<class {value.__name__}>"
        if type(value) in (tuple, list):
            return f"{type(value).__name__}({', '.join(map(self.show, value))})"
        if value is None or type(value) in (bool, int, str, float, bytes):
            return repr(value)
        if isinstance(value, types.TracebackType):
            names = function_names(value)
            return f"<traceback {names}>" if names and not CHAINING_CUTS else "None"
        if isinstance(value, types.AsyncGeneratorType) or type(value).__name__ == "PyAwaitable_async_generator":
            return "<asynchronous generator>"
        if isinstance(value, types.CoroutineType) or type(value).__name__ == "PyAwaitable":
            return f"<{short_name(value.__qualname__)}>"
        return f"<{type(value).__name__}>"

    def show_exception(self, exception, seen):
        label = self.label(exception)
        if id(exception) in seen:
            return label
        seen.add(id(exception))
        if isinstance(exception, SystemError):
            text = f"{label}({NO_EXCEPTION if LOSES_EXCEPTION.match(str(exception)) else '...'})"
        else:
            text = f"{label}({', '.join(map(self.show_argument, exception.args))})"
        names = function_names(exception.__traceback__)
        if names and not (CHAINING_CUTS and exception.__context__ is not None):
            text += f" in {names}"
        if exception.__cause__ is not None:
            text += f" from [{self.show_exception(exception.__cause__, seen)}]"
        if exception.__context__ is not None:
            text += f" during [{self.show_exception(exception.__context__, seen)}]"
        if exception.__suppress_context__:
            text += " suppressed"
        # Of a group, by what it has: before 3.11 the class comes from a backport.
        members = getattr(exception, "exceptions", None)
        if isinstance(members, tuple):
            text += f" group [{'; '.join(self.show_exception(member, seen) for member in members)}]"
        return text

    def show_argument(self, value):
        if isinstance(value, BaseException):
            return self.label(value)
        return ANYIO_CANCELLED.sub("Cancelled ...", ADDRESS.sub("0x", self.show(value)))

    def warned(self, message, category):
        text = str(message)
        match = NEVER_AWAITED.search(text)
        if match is None:
            line = f"warning {category.__name__}: {ADDRESS.sub('0x', text)}"
            if self.lines[-1:] != [line]:
                self.lines.append(line)
            return
        self.never_awaited.append(short_name(match.group(1)))

    def unraisable(self, hook_arguments):
        value = hook_arguments.exc_value
        if sys.flags.dev_mode and value.args == ("discarded",):
            return  # An error callback has set it and then given it up, which no Python code can.
        if isinstance(value, RuntimeError) and str(value) == "coroutine ignored GeneratorExit":
            self.ignoring.add(name_of_closed(hook_arguments))
        self.lines.append(f"unraisable {self.show(value)} in {self.show(hook_arguments.object)}")

    def finish(self):
        """All lines. After Cancel, an object that was never awaited says nothing."""
        quiet = self.quiet | ({"outer"} if self.cancelled else set())
        never = [name for name in self.never_awaited if name not in quiet]
        return self.lines + [f"never awaited: {name}" for name in sorted(never)]


def name_of_closed(hook_arguments):
    """What is called so when it has ignored GeneratorExit: from 3.14 on, only the message says which object that was."""
    match = CLOSED.search(hook_arguments.err_msg or "")
    return match.group(1) if match else getattr(hook_arguments.object, "__name__", None)


class Recorder:
    """Sends warnings and unraisable exceptions to the log of the run at hand."""

    def __init__(self):
        self.log = None

    def showwarning(self, message, category, *_):
        if self.log is not None:
            self.log.warned(message, category)

    def unraisablehook(self, arguments):
        if self.log is not None:
            self.log.unraisable(arguments)

    @contextlib.contextmanager
    def installed(self):
        hook = sys.unraisablehook
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = self.showwarning
            sys.unraisablehook = self.unraisablehook
            try:
                yield self
            finally:
                sys.unraisablehook = hook


RECORDER = Recorder()
