"""Sequences of raw calls with any arguments, from anywhere: wrong types and NULL, in any order, from callbacks, from
finalizers, and from other threads.

An episode is a few hundred calls on a handful of awaitables; its seed makes it again. `rawapi` passes on what it is given
and looks at how each call ends: an exception is set if and only if it failed. Checked besides are which exception it is,
that a call with an exception set leaves that alone, that a call that failed has kept nothing, and that after an episode
nothing is left of it: no awaitable, and no reference to what the calls were given.
"""

import contextlib
import gc
import random
import sys
import sysconfig
import threading
import types
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import rawapi
from raw_support import Context, Ready, ready, sleepy, suspend

NULL = rawapi.NULL
CALLS = 200
MOST_DEPTH = 6
# Of so many episodes one has two threads at once, on the same awaitables. That alone is not the same twice.
TOGETHER = 16
# Unpacking reads as many places as there are values, and rawapi passes 320.
MOST_SAVES, MOST_SAVED_AT_ONCE = 75, 4
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


class Violation(AssertionError):
    pass


class Value:
    pass


class Finalizing:
    """Runs something when it goes."""

    def __del__(self):
        CURRENT.episode.interrupted()


class Owner:
    """A type for methods."""


class Current(threading.local):
    """What the C callbacks reach: the episode of this thread."""

    episode = None

    def called(self, aw, argument=None):
        return self.episode.called(aw, argument)

    def cleans_up(self, aw):
        self.episode.cleans_up(aw)


class Raising:
    def __await__(self):
        raise ValueError("from __await__")


class ReturnsInt:
    def __await__(self):
        return 5


class Plain:
    """An iterator that has neither send, throw nor close."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        CURRENT.episode.interrupted()
        return 1


class Half:
    async def __aenter__(self):
        return self


class Broken:
    """An async context manager whose methods return nothing to await, or fail."""

    def __aenter__(self):
        return 5

    def __aexit__(self, *arguments):
        raise ValueError("from __aexit__")


class Nosy(Context):
    async def __aexit__(self, *arguments):
        CURRENT.episode.interrupted()
        await suspend()
        CURRENT.episode.interrupted()


class Counted:
    """An async iterator over a few things of all kinds."""

    def __init__(self):
        self.left = 3

    def __aiter__(self):
        return self

    def __anext__(self):
        CURRENT.episode.interrupted()
        self.left -= 1
        if self.left < 0:
            raise StopAsyncIteration
        return CURRENT.episode.any_object()


class Items:
    def __aiter__(self):
        CURRENT.episode.interrupted()
        return Counted()


class BrokenItems:
    def __aiter__(self):
        return 5


async def failing():
    raise ValueError("failing")


async def nosy():
    CURRENT.episode.interrupted()
    try:
        await suspend()
    finally:
        CURRENT.episode.interrupted()


async def native(awaitable):
    return await awaitable


@types.coroutine
def stubborn():
    """Refuses to die, once."""
    try:
        yield
    except BaseException:
        yield


CURRENT = Current()
HOME, OWNER = types.ModuleType("home"), Owner()
rawapi.add_functions(HOME)
rawapi.add_methods(Owner)
CALLBACK = rawapi.Callback(CURRENT.called)
CALLBACKS = (CALLBACK, CALLBACK, CALLBACK, None, NULL)
VALUES = (Value(), Value(), (1, 2), ["list"], Half, object(), StopIteration("value"), LookupError("value"), None)
REUSABLE = (Ready("value"), Raising(), ReturnsInt(), Plain())
FRESH = (ready, sleepy, suspend, suspend, failing, nosy, nosy, stubborn)
CONTEXTS = (Context(), Context(swallow=True), Nosy(), Broken())
ITEMS = (Items(), Items(), BrokenItems())
STRANGERS = (5, "text", object(), Value(), rawapi, rawapi.get_type(), Half(), len, NULL)
NO_MODULES = tuple(stranger for stranger in STRANGERS if stranger is not rawapi)
# Everything that outlives an episode, and whose references are counted.
LASTING = (*VALUES, *REUSABLE, *CONTEXTS, *ITEMS, *STRANGERS)
ARGUMENTS = ((), VALUES[:1], (VALUES[0], "text", 5), (1, 2), (VALUES[1], VALUES[0], 3), "no tuple", NULL, (2**80,))
KEYWORDS = ({}, NULL, {"b": "text"}, {"b": VALUES[0], "c": 7}, {"unknown": 1}, {"a": VALUES[1]})
EXCEPTIONS = (ValueError, KeyError, StopIteration, GeneratorExit, StopAsyncIteration)
# The arguments of `throw`; none is an exception that is made anew.
THROWN = ((), (), (), (ValueError,), (5,), (ValueError, "text", None), (None, 1, 2, 3))
CODES = (0,) * 8 + (None, -1, -2, 3, -7)

# What rawapi says of a call that has broken the contract.
FORBIDDEN = ("the call succeeded", "the call returned", "a callback was called", "the slot of")
# An expression that is NULL leaves what is set, if anything is.
LEFT_ALONE = (rawapi.NoException, rawapi.Pending)
MISUSE = (TypeError, ValueError, RuntimeError)
# For each function what it takes after the awaitable, and the exceptions that it may set for an awaitable of ours.
FUNCTIONS = {
    "add_await": (("object", "callback", "callback"), MISUSE),
    "add_expr": (("object", "callback", "callback"), MISUSE),
    "async_with": (("context", "callback", "callback"), MISUSE),
    "async_for": (("items", "callback", "callback", "callback"), MISUSE),
    "defer_await": (("callback",), MISUSE),
    "await_function": (("function", "format", "callback", "callback"), (Exception,)),
    "set_result": (("value",), (ValueError, RuntimeError)),
    "cancel": ((), ()),
    "save_values": (("value",), (ValueError,)),
    "save_arb_values": (("number",), (ValueError,)),
    "save_int_values": (("number",), (ValueError,)),
    "unpack_values": (("many",), (RuntimeError,)),
    "unpack_arb_values": (("many",), (RuntimeError,)),
    "unpack_int_values": (("many",), (RuntimeError,)),
    "set_value": (("index", "value"), (IndexError, ValueError)),
    "set_arb_value": (("index", "number"), (IndexError,)),
    "set_int_value": (("index", "number"), (IndexError,)),
    "get_value": (("index",), (IndexError,)),
    "get_arb_value": (("index",), (IndexError,)),
    "get_int_value": (("index",), (IndexError,)),
    "add_cleanup": (("clean_up",), (ValueError, RuntimeError)),
    "parse_tuple": (("kept_format", "arguments"), (*MISUSE, OverflowError, SystemError)),
    "parse_frame": (("kept_format", "arguments", "keywords"), (*MISUSE, OverflowError, SystemError)),
    "unpack": (("kinds",), (RuntimeError,)),
}
# What is not called on an awaitable.
OTHERS = ("add_functions", "add_methods", "as_coroutine", "call")
NAMES = tuple(FUNCTIONS) + ("add_await",) * 8 + ("async_with", "async_for") * 3 + ("defer_await", "add_expr", "await_function")
NAMES += ("add_cleanup", "parse_tuple")
STEPS = ("next",) * 5 + ("send", "send", "throw", "throw", "close", "iter_next", "iter_send", "native", "look", "release")


class Episode:
    def __init__(self, seed, worker=None, together=False):
        self.random = random.Random(seed)
        self.worker = worker
        self.left = CALLS
        self.made = self.stepped = 0
        self.saves = MOST_SAVES
        self.depth = 0
        self.together = together
        self.awaitables = []
        self.ever = []
        self.broken = []

    # Arguments.

    def pick(self, choices):
        return choices[int(self.random.random() * len(choices))]

    def chance(self, of):
        return self.random.random() * of < 1

    def awaitable(self):
        """Mostly one of ours, in whatever state it is."""
        if self.chance(12):
            return self.pick(STRANGERS)
        return self.ours()

    def ours(self):
        # Another thread may take some away meanwhile.
        awaitables = tuple(self.awaitables)
        if len(awaitables) < 3 or self.chance(8):
            return self.new()
        found = self.pick(awaitables)
        if found.cr_state == "CORO_CLOSED" and self.chance(2):
            # Not much is left to be done with it; another thread may have been faster.
            with contextlib.suppress(ValueError):
                self.awaitables.remove(found)
            return self.new()
        return found

    def new(self):
        made = rawapi.new()
        self.ever.append(weakref.ref(made))
        self.awaitables.append(made)
        return made

    def argument(self, kind):
        return getattr(self, f"any_{kind}")()

    def any_object(self):
        return self.pick((self.any_fresh,) * 4 + (self.any_reusable, self.ours, self.awaitable, self.any_wrapped))()

    def any_fresh(self):
        return self.pick(FRESH)()

    def any_reusable(self):
        return self.pick(REUSABLE)

    def any_wrapped(self):
        return native(self.ours())

    def any_context(self):
        return self.pick(STRANGERS if self.chance(8) else CONTEXTS)

    def any_items(self):
        return self.pick(STRANGERS if self.chance(8) else ITEMS)

    def any_callback(self):
        return self.pick(CALLBACKS)

    def any_function(self):
        return self.pick((self.any_fresh, self.any_object, len, rawapi.new))

    def any_format(self):
        return self.pick((None, "", "i", "(", "?"))

    def any_value(self):
        if self.chance(6):
            return Finalizing()
        return NULL if self.chance(10) else self.pick(VALUES)

    def any_number(self):
        return self.pick((0, 1, 7, 255))

    def any_index(self):
        return self.pick((0, 1, 2, -1, 5, sys.maxsize, -sys.maxsize))

    def any_many(self):
        return 320

    def exception(self):
        return self.pick(EXCEPTIONS)("episode")

    def any_clean_up(self):
        return NULL if self.chance(10) else CURRENT.cleans_up

    def any_kept_format(self):
        return self.pick(("O", "Osl", "Osl", "O|Ol", "ll", "|s$O", "O&", "", None, "O" * 40))

    def any_arguments(self):
        return self.pick(ARGUMENTS)

    def any_keywords(self):
        return self.pick(KEYWORDS)

    def any_kinds(self):
        """What is an object is no text: but the places are as large as is needed, and are not looked at."""
        return self.pick(("l", "l" * 40, ""))

    # What happens.

    def act(self):
        """One call of the API, or one step."""
        if self.depth >= MOST_DEPTH or self.left <= 0:
            return
        self.depth += 1
        try:
            if self.chance(4):
                self.step()
            else:
                self.call()
        finally:
            self.depth -= 1

    def interrupted(self):
        """Code that the library runs acts itself."""
        for _ in range(self.pick((0, 1, 1, 3))):
            self.act_somewhere()

    def act_somewhere(self):
        """Now and then in another thread, while this one waits: often in the middle of a step."""
        if self.worker is None or not self.chance(25):
            self.act()
            return
        worker, self.worker = self.worker, None
        try:
            worker.submit(self.act_there).result()
        finally:
            self.worker = worker

    def act_there(self):
        CURRENT.episode = self
        self.act()

    def called(self, aw, argument):
        self.inspect(argument)
        if self.left > 0 and self.chance(6):
            # One that is being finalized comes back to life.
            self.awaitables.append(aw)
        self.interrupted()
        if self.chance(10):
            raise self.exception()
        code = self.pick(CODES)
        if code is not None and self.chance(2 if code < 0 else 12):
            return code, self.exception()
        return code

    def cleans_up(self, aw):
        """It may be handed on, and comes back to life."""
        if self.left > 0 and self.chance(6):
            self.awaitables.append(aw)
        self.interrupted()
        if self.chance(10):
            raise self.exception()

    def inspect(self, exception):
        """What tells that the contract was broken."""
        if isinstance(exception, SystemError) and str(exception).startswith(FORBIDDEN):
            self.broken.append(str(exception))

    def call_other(self):
        """Tables are installed anywhere, and what they install is called."""
        self.made += 1
        name = self.pick(OTHERS)
        try:
            if name == "call":
                function = self.pick((HOME.made, OWNER.made, OWNER.of_class, OWNER.of_nobody, Owner.made))
                made = function(*self.pick(ARGUMENTS[1:3]))
                self.ever.append(weakref.ref(made))
                self.awaitables.append(made)
            elif name == "as_coroutine":
                self.steps_of(rawapi.as_coroutine(self.any_object()))
            elif name == "add_functions":
                rawapi.add_functions(HOME if self.chance(2) else self.pick(NO_MODULES))
            else:
                rawapi.add_methods(Owner if self.chance(2) else NULL)
        except Exception as exception:
            self.inspect(exception)
            if not isinstance(exception, (*MISUSE, SystemError)):
                self.broken.append(f"{name} raised {type(exception).__name__}")

    def steps_of(self, coroutine):
        try:
            coroutine.send(None)
        except BaseException as exception:
            self.inspect(exception)

    def call(self):
        self.left -= 1
        if self.chance(30):
            self.call_other()
            return
        name = self.pick(NAMES)
        kinds, expected = FUNCTIONS[name]
        arguments = [self.awaitable(), *map(self.argument, kinds)]
        options = {}
        if name.startswith("save_"):
            if self.saves <= 0:
                return
            self.saves -= 1
            arguments += [self.argument(kinds[0]) for _ in range(self.random.randrange(MOST_SAVED_AT_ONCE))]
            if self.chance(10):
                options["count"] = self.pick((-1, 0, -sys.maxsize))
        self.made += 1
        function = getattr(rawapi, name)
        if not self.together and self.chance(4):
            self.calls(name, expected, rawapi.with_exception_set, [function, *arguments], options, arguments[0])
        else:
            self.calls(name, expected, function, arguments, options, arguments[0])

    def calls(self, name, expected, function, arguments, options, aw):
        runs_code = name in ("await_function", "cancel") or name.startswith("set_") or FREE_THREADED or self.together
        before = None if runs_code else references(arguments)
        try:
            result = function(*arguments, **options)
        except BaseException as exception:
            raised = type(exception)
            self.inspect(exception)
        else:
            if function is rawapi.with_exception_set and result is not True:
                self.broken.append(f"{name} disturbed the exception that was set")
            if not is_ours(aw):
                self.broken.append(f"{name} took {aw!r} for an awaitable")
            return
        # A format that is wrong, and an expression that is NULL, come before what is looked at first otherwise.
        if name in ("await_function", "parse_tuple", "parse_frame") or (name == "add_expr" and raised in LEFT_ALONE):
            return
        if not is_ours(aw):
            expected = (SystemError,) if aw is NULL else (TypeError,)
        if not issubclass(raised, expected):
            self.broken.append(f"{name} raised {raised.__name__}")
        if before is not None and before != references(arguments):
            self.broken.append(f"{name} failed and kept references")

    def step(self):
        self.stepped += 1
        target = self.ours()
        try:
            if self.chance(8) and not target.cr_suspended:
                target = target.__await__()
            self.steps(self.pick(STEPS), target)
        except BaseException as exception:
            self.inspect(exception)

    def steps(self, how, target):
        if how == "next":
            target.send(None)
        elif how == "send":
            target.send(self.pick(VALUES))
        elif how == "throw":
            target.throw(*self.pick(THROWN) or (self.exception(),))
        elif how == "close":
            target.close()
        elif how == "iter_next":
            rawapi.iter_next(target)
        elif how == "iter_send" and hasattr(rawapi, "iter_send"):
            rawapi.iter_send(target, self.pick((None, 5)))
        elif how == "native":
            native(target).send(None)
        elif how == "look":
            self.look(target)
        elif how == "release":
            self.awaitables.remove(target)

    def look(self, target):
        repr(target)
        for name in ("cr_await", "cr_running", "cr_suspended", "cr_state", "cr_frame", "__name__"):
            getattr(target, name, None)
        target.__name__ = self.pick(("name", 5))

    # From the beginning to the end.

    def run(self):
        while self.left > 0:
            self.act_somewhere()
            if self.chance(50):
                gc.collect(0)

    def end(self):
        """Lets go of everything."""
        self.left = 0
        while self.awaitables:
            rawapi.cancel(self.awaitables.pop())


def is_ours(aw):
    return type(aw) is rawapi.get_type()


def references(objects):
    """How many there are to each, but for what all code shares, and for the type, which objects kept for the next hold."""
    shared = (None, rawapi.get_type())
    return [0 if each in shared or type(each) in (int, str) else sys.getrefcount(each) for each in objects]


class Edge:
    """Runs episodes one after the other."""

    def __init__(self):
        self.worker = ThreadPoolExecutor(1)
        self.worker.submit(int).result()

    def episode(self, seed):
        """The episode, when it is over."""
        together = seed % TOGETHER == TOGETHER - 1
        episode = CURRENT.episode = Episode(seed, None if together else self.worker, together)
        before = references(LASTING)
        other = threading.Thread(target=self.beside, args=(episode, seed)) if together else None
        if other is not None:
            other.start()
        episode.run()
        if other is not None:
            other.join()
        episode.end()
        self.settle()
        self.check(seed, episode, before)
        return episode

    def check(self, seed, episode, before):
        """Nothing is left of it."""
        broken = list(episode.broken)
        left = [each for each in episode.ever if each() is not None]
        if left:
            broken.append(f"{len(left)} of {len(episode.ever)} awaitables were never released")
        after = references(LASTING)
        if before != after and not FREE_THREADED:
            changed = [(each, was, now) for each, was, now in zip(LASTING, before, after) if was != now]
            broken.append(f"references were lost or kept: {changed}")
        if broken:
            raise Violation(f"episode {seed}:\n" + "\n".join(broken))

    def beside(self, episode, seed):
        mine = CURRENT.episode = Episode(-seed, together=True)
        mine.awaitables, mine.ever, mine.broken = episode.awaitables, episode.ever, episode.broken
        while mine.left > 0:
            mine.act()
        mine.awaitables = []

    def settle(self):
        """Finalizers may create more garbage; what one of them resurrects is not counted, and is garbage only afterwards."""
        idle = 0
        while idle < 3:
            idle = 0 if gc.collect() else idle + 1

    def run(self, calls, first=0, log=None, step=1):
        """Runs each `step`th episode until so many calls are made. Returns the number of calls, steps and episodes."""
        made = stepped = episodes = 0
        hook, interval = sys.unraisablehook, sys.getswitchinterval()
        sys.unraisablehook = lambda arguments: CURRENT.episode.inspect(arguments.exc_value)
        sys.setswitchinterval(1e-6)
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                while made < calls:
                    if log is not None:
                        # After a crash this says which one it was.
                        log.seek(0)
                        log.write(f"{first + episodes * step:<20}\n")
                        log.flush()
                    episode = self.episode(first + episodes * step)
                    made, stepped, episodes = made + episode.made, stepped + episode.stepped, episodes + 1
        finally:
            gc.enable()
            gc.unfreeze()
            sys.unraisablehook = hook
            sys.setswitchinterval(interval)
            self.worker.shutdown()
        return made, stepped, episodes
