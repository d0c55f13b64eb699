"""docs/functions.md and docs/bodies.md: their modules are compiled, and what they say of those is tried."""

import asyncio
import cProfile
import gc
import inspect
import itertools
import pstats
import re
import sysconfig
import traceback
import types
import typing
import warnings
from pathlib import Path

import pytest
from compiling import compile_extension, compiler, load_extension

DOCS = Path(__file__).parent.parent / "docs"
TEXT = (DOCS / "functions.md").read_text(encoding="utf-8")

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@pytest.fixture(scope="module")
def timers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("timers")
    (source,) = re.findall(r"```c\n(.*?)```", TEXT, re.DOTALL)
    path = folder / "timers.c"
    path.write_text(source, encoding="utf-8")
    return load_extension(compile_extension(folder, "timers", [path]))


def test_functions_and_methods_are_those_of_async_def(timers):
    timer = timers.Timer(0)
    for function in (timers.snooze, timer.wait, timer.__aenter__, timer.__aexit__):
        assert inspect.iscoroutinefunction(function)
    assert inspect.isfunction(timers.snooze) and inspect.ismethod(timer.wait)
    assert str(inspect.signature(timers.snooze)) == "(seconds: 'float' = 1.0)"
    assert str(inspect.signature(timer.__aexit__)) == "(kind, value, traceback)"
    assert typing.get_type_hints(timers.snooze) == {"seconds": float}
    assert timers.snooze.__globals__ is vars(timers)


def test_they_wait(timers):
    async def main():
        timer = timers.Timer(0.001)
        async with timer as entered:
            assert entered is timer
            assert await timer.wait() is None
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(timers.snooze(), 0.001)  # the default, a second
        return await timers.snooze(seconds=0)

    assert asyncio.run(main()) is None


def test_what_is_refused_at_the_call(timers):
    with pytest.raises(TypeError):
        timers.Timer.wait(3)
    with pytest.raises(TypeError):
        timers.snooze("long")


def test_how_they_differ_from_async_def(timers):
    with pytest.raises(OSError):
        inspect.getsource(timers.snooze)

    async def main(function, *args):
        awaitable = function(*args)
        assert awaitable.__name__ == "snooze" and not isinstance(awaitable, types.CoroutineType)
        await awaitable

    profile = cProfile.Profile()
    with profile:
        asyncio.run(main(timers.snooze, 0))
    counted = {name for _, _, name in pstats.Stats(profile).stats}
    assert "sleep" in counted and ("snooze" in counted) == FREE_THREADED


# ---- docs/bodies.md ------------------------------------------------------------------------------------

BODIES = (DOCS / "bodies.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```c\n(.*?)```", BODIES, re.DOTALL)


@pytest.fixture(scope="module", params=["c99", "c++11"])
def written(request, tmp_path_factory):
    """The blocks of docs/bodies.md, as one module."""
    folder = tmp_path_factory.mktemp("bodies")
    path = folder / ("bodies.cpp" if "++" in request.param else "bodies.c")
    path.write_text("".join(BLOCKS), encoding="utf-8")
    return load_extension(compile_extension(folder, "bodies", [path], f"-std={request.param}"))


class Twins:
    """The `async def` in the comment above each body."""


for block in BLOCKS:
    for comment in re.findall(r"^/\* (async def .*?)\n \*/", block, re.DOTALL | re.MULTILINE):
        exec(comment.replace("\n * ", "\n"), {"asyncio": asyncio}, namespace := {})
        for name, function in namespace.items():
            setattr(Twins, name, staticmethod(function))


class Log(list):
    """What is called, entered and awaited, in order."""

    def __init__(self):
        self.made = []

    def close(self):
        """Says nothing of what nobody has awaited after an error, in either language."""
        for coroutine in self.made:
            coroutine.close()

    def gives(self, name, *outcomes):
        """A function to await, which gives one outcome after the other, and the last one for ever."""
        outcomes = list(outcomes)

        async def give(*args):
            self.append((name, *map(repr, args)))
            await asyncio.sleep(0)
            outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        def make(*args):
            self.made.append(give(*args))
            return self.made[-1]

        return make

    def lock(self):
        return types.SimpleNamespace(acquire=self.gives("acquire", True), release=lambda: self.append("release"))

    def connection(self, *outcomes):
        return Connection(self, outcomes)

    def client(self, *outcomes):
        response = types.SimpleNamespace(text=self.gives("text", *outcomes))
        return Connection(self, (), types.SimpleNamespace(get=self.gives("get", response)))


class Connection:
    def __init__(self, log, outcomes, session=None):
        self.log, self.outcomes, self.session = log, outcomes, session

    async def __aenter__(self):
        self.log.append("enter")
        return self.rows() if self.session is None else self.session

    async def __aexit__(self, kind, value, traceback):
        self.log.append(f"exit {value!r}")

    async def rows(self):
        for index, outcome in enumerate(self.outcomes):
            yield self.log.gives(f"row {index}", outcome)


KEY, VALUE, SYSTEM = KeyError("key"), ValueError("value"), OSError("system")
UNREADABLE = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid")
CALLS = {
    "total": [
        lambda log: (log.gives("first", 20)(), log.gives("second", 22)()),
        lambda log: (log.gives("first", KEY)(), log.gives("second", 22)()),
        lambda log: (log.gives("first", 20)(), log.gives("second", "22")()),
        lambda log: (20, log.gives("second", 22)()),
    ],
    "load": [
        *(lambda log, one=one: (log.gives("read", one), log.gives("report", None)) for one in (1, KEY, VALUE, SYSTEM)),
        lambda log: (log.gives("read", VALUE), log.gives("report", SYSTEM)),
        lambda log: (3, log.gives("report", None)),
    ],
    "locked": [lambda log, one=one: (log.lock(), log.gives("work", one)) for one in (1, KEY)],
    "collect": [
        lambda log: (log.connection(1, VALUE, 2, 3), 9),
        lambda log: (log.connection(1, VALUE, 2, 3), 2),
        lambda log: (log.connection(1, SYSTEM, 2), 9),
        lambda log: (log, 9),
    ],
    "poll": [
        lambda log: (log.gives("ask", 1), 3),
        lambda log: (log.gives("ask", SYSTEM, SYSTEM, 3), 3),
        lambda log: (log.gives("ask", SYSTEM), 3),
        lambda log: (log.gives("ask", KEY), 3),
    ],
    "join": [
        lambda log: (log.gives("read", b"one", b"", b"two"),),
        lambda log: (log.gives("read", b"one", b"two" * 1000, b""),),
        lambda log: (log.gives("read", b"one", KEY),),
    ],
    "fetch": [lambda log, one=one: (log.client(one), "here") for one in ("text", UNREADABLE, KEY)],
}
CASES = [(name, arguments) for name, all_ in CALLS.items() for arguments in all_]


def outcome(function, arguments, cancelled_at=None):
    """What comes of it, and what was logged; cancelled when the loop has gone round so many times."""
    log = Log()

    async def main():
        task = asyncio.ensure_future(function(*arguments(log)))
        for turn in itertools.count():
            if task.done():
                break
            if turn == cancelled_at:
                task.cancel()
            await asyncio.sleep(0)
        try:
            return "returns", task.result()
        except BaseException as error:
            return "raises", type(error), error.args, type(error.__context__)

    try:
        return asyncio.run(main()), log
    finally:
        log.close()


def test_every_body_of_the_page_has_a_twin():
    assert set(CALLS) == {name for name in vars(Twins) if not name.startswith("_")}
    assert set(CALLS) == set(re.findall(r"^BODY\((\w+)_body", "".join(BLOCKS), re.MULTILINE))


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=[name for name, _ in CASES])
def test_a_body_does_what_the_comment_above_it_says(written, name, arguments):
    for cancelled_at in (None, *range(12)):
        expected = outcome(getattr(Twins, name), arguments, cancelled_at)
        assert outcome(getattr(written, name), arguments, cancelled_at) == expected
        if name == "fetch":
            assert outcome(written.fetch_by_callbacks, arguments, cancelled_at) == expected


def test_they_are_functions_with_signatures(written):
    assert inspect.iscoroutinefunction(written.poll) and str(inspect.signature(written.poll)) == "(ask, attempts)"
    with pytest.raises(TypeError):
        written.poll(3, "three")


def test_a_traceback_has_the_line_and_the_statement(written):
    (shown,) = re.findall(r'```\n  File "bodies.c", line \d+, in (total\n.*?)```', BODIES, re.DOTALL)
    name, statement = shown.split("\n")[:2]

    async def fails():
        raise KEY

    async def gives():
        return 1

    with pytest.raises(KeyError) as caught:
        asyncio.run(written.total(gives(), fails()))
    frame = next(frame for frame in traceback.extract_tb(caught.tb) if frame.name == name)
    assert Path(frame.filename).stem == "bodies" and frame.line == statement.strip()


def test_the_line_of_the_traceback_is_that_of_the_page():
    (number, statement) = re.findall(r'File "bodies.c", line (\d+), in total\n +(.*)', BODIES)[0]
    assert "".join(BLOCKS).splitlines()[int(number) - 1].strip() == statement


COUNTING = """
static long freed;

static void
counted_free(void *buffer)
{
    freed++;
    PyMem_Free(buffer);
}

static PyObject *
count(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLong(freed);
}
"""


@pytest.fixture(scope="module")
def counting(tmp_path_factory):
    """The same module, with a function that says how many buffers have been freed."""
    folder = tmp_path_factory.mktemp("counting")
    source = "".join(BLOCKS).replace("PyMem_Free(", "counted_free(")
    source = source.replace("#include <pyawaitable.h>\n", f"#include <pyawaitable.h>\n{COUNTING}")
    source = source.replace("functions[] = {", 'functions[] = {{"count", count, METH_NOARGS, NULL},')
    path = folder / "bodies.c"
    path.write_text(source, encoding="utf-8")
    return load_extension(compile_extension(folder, "bodies", [path]))


def finish(awaitable):
    with pytest.raises(StopIteration):
        awaitable.send(None)
        awaitable.send(None)
        awaitable.send(None)


def close_in_between(awaitable):
    awaitable.send(None)
    awaitable.close()


def cancel(awaitable):
    awaitable.send(None)
    with pytest.raises(asyncio.CancelledError):
        awaitable.throw(asyncio.CancelledError())


def drop(awaitable):
    awaitable.send(None)


def never_await(awaitable):
    warnings.simplefilter("ignore", ResourceWarning)


@pytest.mark.parametrize("end", [finish, close_in_between, cancel, drop, never_await])
def test_release_is_called_once_on_every_path(counting, end):
    before = counting.count()
    with warnings.catch_warnings():
        awaitable = counting.join(Log().gives("read", b"one", b""))
        end(awaitable)
        del awaitable
    gc.collect()
    assert counting.count() == before + 1


# ---- What C cannot express -------------------------------------------------------------------------

TRIED = """
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

typedef struct {
    HEAD
    PyObject *call, *value;
    DATA
    long number;
} Frame;

#define CALL PyObject_CallNoArgs(f->call)
#define TWICE AWAIT_ONLY(CALL); AWAIT_ONLY(CALL)

BODY(tried_body, Frame, f)
%s
END_BODY

static const PyAwaitable_Definition tried_definition = PyAwaitable_DEFINITION("tried", tried_body, Frame);

static PyObject *
tried(PyObject *module, PyObject *call)
{
    Frame *f;
    PyObject *awaitable = PyAwaitable_NewBody(&tried_definition, &f);
    (void)module;
    if (awaitable != NULL) {
        f->call = Py_NewRef(call);
    }
    return awaitable;
}

static PyMethodDef methods[] = {{"tried", tried, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "tried", NULL, 0, NULL, slots, NULL, NULL, NULL};
PyMODINIT_FUNC
PyInit_tried(void)
{
    definition.m_methods = methods;
    return PyModuleDef_Init(&definition);
}
"""
BLOCKS_LEFT = {
    "TRY": ("TRY", "FINALLY f->number = 100; END_TRY"),
    "ASYNC_WITH": ("ASYNC_WITH(value, CALL)", "END_WITH"),
}


def in_a_loop(begin, statement, end):
    return [f"for (; f->number < 9; f->number++) {{ {begin}", "AWAIT_ONLY(PyObject_CallNoArgs(f->call));", statement, end, "}"]


# The row of the table, and code for it, a line each.
WRONG = [
    ("two AWAITs in one line", ["AWAIT(value, CALL); AWAIT(value, CALL);"]),
    ("two AWAITs in one line", ["TWICE;"]),
    ("AWAIT into a local", ["PyObject *local;", "AWAIT(local, CALL);"]),
    ("AWAIT into a field after DATA", ["AWAIT(number, CALL);"]),
    ("a local that is used", ["long local = f->number;", "AWAIT_ONLY(CALL);", "RETURN(PyLong_FromLong(local));"]),
    ("the same, initialized, in C++", ["long local = f->number;", "AWAIT_ONLY(CALL);", "RETURN(PyLong_FromLong(local));"]),
    ("an array of variable length", ["int local[f->number];", "local[0] = 1;", "AWAIT_ONLY(CALL);", "f->number = local[0];"]),
    (
        "an initialized local between two AWAITs, in C++",
        ["AWAIT_ONLY(CALL);", "long local = 5;", "f->number = local;", "AWAIT_ONLY(CALL);"],
    ),
    ("AWAIT in a `switch`", ["switch (f->number) {", "case 0:", "AWAIT_ONLY(CALL);", "}"]),
    *(("`break`, `continue` or `goto`", in_a_loop("TRY", f"{how};", "FINALLY END_TRY")) for how in ("break", "continue")),
    ("`break`, `continue` or `goto`", ["TRY", "AWAIT_ONLY(CALL);", "goto out;", "FINALLY", "END_TRY", "out:;"]),
    ("`goto` out of an ASYNC_FOR", ["ASYNC_FOR(value, CALL)", "goto out;", "END_FOR", "out:;"]),
    ("`goto` that leaves", ["again:", "AWAIT_ONLY(CALL);", "if (f->number++ < 3) {", "goto again;", "}"]),
    ("BREAK or CONTINUE in a loop", in_a_loop("TRY", "BREAK;", "FINALLY END_TRY")),
    ("BREAK or CONTINUE in a loop", in_a_loop("TRY", "CONTINUE;", "FINALLY END_TRY")),
    *(("`return` with a value", ["AWAIT_ONLY(CALL);", f"return {value};"]) for value in ("NULL", "-1", "f->value")),
    ("`return` without one", ["AWAIT_ONLY(CALL);", "return;"]),
    ("`break` outside of any loop", ["AWAIT_ONLY(CALL);", "break;"]),
    ("`continue` outside of any loop", ["AWAIT_ONLY(CALL);", "continue;"]),
    ("TRY with both", ["TRY", "AWAIT_ONLY(CALL);", "EXCEPT", "FINALLY", "END_TRY"]),
    ("TRY with neither", ["TRY", "AWAIT_ONLY(CALL);", "END_TRY"]),
    ("CAUGHT, EXCEPTION or RERAISE", ["f->number = CAUGHT(PyExc_KeyError);"]),
    ("CAUGHT, EXCEPTION or RERAISE", ["AWAIT_ONLY(Py_NewRef(EXCEPTION));"]),
    ("CAUGHT, EXCEPTION or RERAISE", ["RERAISE;"]),
    ("NULL without an exception", ["AWAIT(value, NULL);"]),
    ("NULL without an exception", ["RETURN(NULL);"]),
    ("RAISE or CHECK without", ["RAISE;"]),
    ("RAISE or CHECK without", ["CHECK(f->number == 1);"]),
    ("an exception left set", ["PyErr_SetNone(PyExc_KeyError);", "AWAIT_ONLY(Py_NewRef(f->call));"]),
    ("an exception left set", ["PyErr_SetNone(PyExc_KeyError);"]),
    ("YIELD", ["YIELD(value, Py_NewRef(f->call));"]),
]
ROWS = dict(
    re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", BODIES[BODIES.index("## What C cannot") : BODIES.index("## Tracebacks")], re.M)
)


def row(beginning):
    (found,) = [seen for written, seen in ROWS.items() if written.startswith(beginning)]
    return found


def test_every_row_of_the_table_is_tried():
    tried = {beginning for beginning, _ in WRONG}
    assert all(map(row, tried)) and len(tried) == len(ROWS) - 1  # the head


class Iterable:
    """To await, to enter and to iterate over."""

    def __await__(self):
        yield from asyncio.sleep(0).__await__()

    async def __aenter__(self):
        pass

    async def __aexit__(self, *exception):
        raise AssertionError("it does not run")

    async def __aiter__(self):
        yield 1


@pytest.mark.skipif(compiler() != "gcc", reason="the words of the table are GCC's")
@pytest.mark.parametrize(("beginning", "code"), WRONG, ids=[" ".join(code) for _, code in WRONG])
def test_what_c_cannot_express(beginning, code, tmp_path, monkeypatch):
    seen = row(beginning)
    monkeypatch.setenv("LC_ALL", "C")
    path = tmp_path / ("tried.cpp" if "C++" in beginning else "tried.c")
    path.write_text(TRIED % "\n".join(code), encoding="utf-8")
    said = re.findall("`([^`]+)`", seen)
    if any(words in seen for words in ("does not compile", "may be used", "a warning")):
        with pytest.raises(AssertionError, match=re.escape(said[0])):
            compile_extension(tmp_path, "tried", [path], "-O2")
        return
    module = load_extension(compile_extension(tmp_path, "tried", [path], "-O2"))
    if seen == "works":
        assert asyncio.run(awaits(module)) is None
        return
    with pytest.raises(SystemError) as caught:
        asyncio.run(awaits(module))
    assert "body 'tried', line " in str(caught.value)
    expected = said[0] if "`" in seen else "was left by"
    assert expected in str(caught.value)
    if "__cause__" in seen:
        assert type(caught.value.__cause__) is KeyError


async def awaits(module):
    return await module.tried(Iterable)
