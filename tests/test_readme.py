"""What README.md says, as far as it can be tested. test_examples.py compares its example with examples/hello, and runs that."""

import asyncio
import collections.abc
import inspect
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import rawapi
from compiling import UNREACHABLE, compile_extension, load_extension
from raw_support import Ready, failing, ready, run, sleepy

pytest_plugins = ["raw_fixtures"]

TESTS = Path(__file__).parent
ROOT = TESTS.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

# ---- The same by callbacks -----------------------------------------------------------------------


def test_the_same_by_callbacks(tmp_path):
    """In place of the body: the other blocks of examples/hello are as they are."""
    (callbacks,) = re.findall(r"```c\n(/\* Called with what `await.*?)```", README, re.DOTALL)
    hello = (ROOT / "examples" / "hello" / "hello.c").read_text(encoding="utf-8")
    before, after = hello[: hello.index("/* What greet() keeps")], hello[hello.index("/* METH_ASYNC makes") :]
    source = tmp_path / "hello.c"
    source.write_text(before + callbacks + after, encoding="utf-8")
    greet = load_extension(compile_extension(tmp_path, "hello", [source])).greet
    assert inspect.iscoroutinefunction(greet)
    assert run(greet(ready("Ada"))) == "Hello, Ada!"
    assert run(greet(failing(KeyError("nobody")))) is None
    with pytest.raises(ValueError):
        run(greet(failing(ValueError("not ours to handle"))))
    with pytest.raises(TypeError):
        greet(3)


# ---- What runs when --------------------------------------------------------------------------------


def refuse():
    raise LookupError("the call fails")


@pytest.mark.parametrize("add", ["AwaitFunction", "AddExpr"])
def test_what_a_call_raises_passes_its_error_callback_by(new, add):
    aw, seen = new(), []
    with pytest.raises(LookupError):
        if add == "AwaitFunction":
            rawapi.await_function(aw, refuse, None, None, lambda *_: seen.append("error"))
        else:
            rawapi.add_expr(aw, refuse(), None, lambda *_: seen.append("error"))
    assert run(aw) is None
    assert seen == []


def test_of_two_calls_in_a_row_the_second_is_never_awaited_if_the_first_await_fails(new):
    aw = new()
    rawapi.await_function(aw, lambda: failing(LookupError("first")))
    rawapi.await_function(aw, lambda: ready("second"))
    with pytest.warns(RuntimeWarning, match="'ready' was never awaited"), pytest.raises(LookupError):
        run(aw)


def test_what_cannot_be_awaited_is_refused_when_it_is_added(new):
    aw, seen = new(), []
    with pytest.raises(TypeError):
        rawapi.add_await(aw, 42, None, lambda *_: seen.append("error"))
    assert run(aw) is None and seen == []


def test_what_a_deferred_callback_raises_propagates(new):
    aw, seen = new(), []
    rawapi.add_await(aw, ready(), lambda aw, _: rawapi.defer_await(aw, lambda _: refuse()), lambda *_: seen.append("error"))
    with pytest.raises(LookupError):
        run(aw)
    assert seen == []


def test_an_awaitable_with_the_deferred_callback_has_an_error_callback(new):
    aw, inner, seen = new(), new(), []
    rawapi.defer_await(inner, lambda _: refuse())
    rawapi.add_await(aw, inner, None, lambda _, error: seen.append(type(error)))
    run(aw)
    assert seen == [LookupError]


NEVER_AWAITED = "import rawapi; rawapi.new(); print('done')"
SHOWN = r"ResourceWarning: .*PyAwaitable.* was never awaited"


PLAIN = {"PYTHONWARNINGS": None, "PYTHONDEVMODE": None, "PYTEST_ADDOPTS": None}
A_TEST = "import rawapi, unittest\nclass Test(unittest.TestCase):\n    def test(self):\n        rawapi.new()\n"
hides = pytest.mark.skipif(hasattr(sys, "gettotalrefcount"), reason="a debug build of Python hides no warning")


@hides
def test_the_warning_is_hidden_by_default(run_python):
    finished = run_python(NEVER_AWAITED, env=PLAIN)
    assert (finished.stdout, finished.stderr) == ("done\n", "")


@pytest.mark.parametrize("options", [["-W", "default"], ["-X", "dev"]], ids=["-W default", "-X dev"])
def test_the_warning_can_be_shown(run_python, options):
    finished = run_python(NEVER_AWAITED, *options, env=PLAIN)
    assert re.search(SHOWN, finished.stderr)


@pytest.mark.parametrize(
    ("runner", "shown"),
    [
        pytest.param("pytest", False, marks=hides),
        ("pytest -W default", True),
        ("unittest", True),
    ],
)
def test_the_warning_under_a_runner_of_tests(tmp_path, runner, shown):
    (tmp_path / "test_it.py").write_text(A_TEST)
    finished = subprocess.run(
        [sys.executable, "-m", *runner.split(), "test_it.py"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name not in PLAIN},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout
    assert bool(re.search(SHOWN, finished.stdout)) == shown


# ---- Asynchronous iteration ----------------------------------------------------------------------

PUMP = """
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pyawaitable.h>

%s
static PyMethodDef methods[] = {{"pump", pump, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "pumps", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit_pumps(void)
{
    return PyModuleDef_Init(&definition);
}
"""


class Closing:
    """`contextlib.aclosing`, which Python 3.9 has not."""

    def __init__(self, generator):
        self.generator = generator

    async def __aenter__(self):
        return self.generator

    async def __aexit__(self, *_):
        await self.generator.aclose()


@pytest.mark.parametrize("items", [(1, 2, 3), (1, None, 3), ()])
def test_a_loop_by_callbacks(items, tmp_path):
    (snippet,) = re.findall(r"```c\n(/\* Called with each item.*?)```", README, re.DOTALL)
    source = tmp_path / "pumps.c"
    source.write_text(PUMP % snippet, encoding="utf-8")
    pump = load_extension(compile_extension(tmp_path, "pumps", [source])).pump
    log = []

    async def produce():
        try:
            for item in items:
                log.append(f"makes {item}")
                yield item
        finally:
            log.append("cleaned up")

    async def sink(item):
        await sleepy()
        log.append(f"takes {item}")

    run(pump(Closing(produce()), sink))
    expected = []
    for item in items:
        expected.append(f"makes {item}")
        if item is None:
            break
        expected.append(f"takes {item}")
    assert log == [*expected, "cleaned up"]


# ---- Pointers --------------------------------------------------------------------------------------

BUFFERS = r"""
#include <Python.h>
#include <pyawaitable.h>

static long alive = 0;

static void
counted_free(void *buffer)
{
    alive--;
    PyMem_Free(buffer);
}

#define PyMem_Free counted_free
%s
#undef PyMem_Free

/* buffered(name): awaits name, with a buffer. */
static PyObject *
buffered(PyObject *module, PyObject *name)
{
    (void)module;
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    void *buffer = PyMem_Malloc(100);
    alive++;
    if (save_buffer(awaitable, buffer) < 0 || PyAwaitable_AddAwait(awaitable, name, NULL, NULL) < 0) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

static PyObject *
count(PyObject *module, PyObject *nothing)
{
    (void)module;
    (void)nothing;
    return PyLong_FromLong(alive);
}

static PyMethodDef methods[] = {
    {"buffered", buffered, METH_O, NULL}, {"count", count, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "buffers", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit_buffers(void)
{
    return PyModuleDef_Init(&definition);
}
"""


@pytest.fixture(scope="module")
def buffers(tmp_path_factory):
    """An extension with the functions of README's section on pointers."""
    (snippet,) = re.findall(r"```c\n(static void\nfree_buffer.*?)```", README, re.DOTALL)
    folder = tmp_path_factory.mktemp("buffers")
    source = folder / "buffers.c"
    source.write_text(BUFFERS % snippet)
    return load_extension(compile_extension(folder, "buffers", [source]))


def finish(awaitable):
    run(awaitable)


def cancel(awaitable):
    awaitable.send(None)
    with pytest.raises(asyncio.CancelledError):
        awaitable.throw(asyncio.CancelledError())


def cancel_at_once(awaitable):
    with pytest.raises(asyncio.CancelledError):
        awaitable.throw(asyncio.CancelledError())


def close(awaitable):
    awaitable.send(None)
    awaitable.close()


def close_at_once(awaitable):
    awaitable.close()


def drop(awaitable):
    awaitable.send(None)


@pytest.mark.parametrize("end", [finish, cancel, cancel_at_once, close, close_at_once, drop])
@pytest.mark.filterwarnings("ignore:coroutine 'sleepy' was never awaited")
def test_a_saved_capsule_frees_its_buffer_once_whatever_ends_the_awaitable(buffers, end):
    awaitable = buffers.buffered(sleepy())
    assert buffers.count() == 1
    end(awaitable)
    del awaitable
    assert buffers.count() == 0


def test_a_saved_capsule_frees_its_buffer_of_an_awaitable_that_is_never_awaited(buffers):
    awaitable = buffers.buffered(Ready())
    with pytest.warns(ResourceWarning):
        del awaitable
    assert buffers.count() == 0


# ---- Where it is not Python's own coroutine --------------------------------------------------------


def test_what_takes_it_for_a_coroutine(new):
    aw = new()
    assert isinstance(aw, collections.abc.Coroutine)
    assert inspect.isawaitable(aw)
    assert asyncio.iscoroutine(aw)


def test_getcoroutinestate_before_the_first_step(new):
    state = inspect.getcoroutinestate(new())
    assert state == (inspect.CORO_CREATED if sys.version_info >= (3, 15) else inspect.CORO_CLOSED)


# What comes of a C awaitable and of an `async def`. "PyAwaitable": it came out as it went in.
ASKING = {
    "anyio_task_group": ("TypeError", "done"),
    "asyncclick_command": ("PyAwaitable", "Ada"),
    "httpcore_trace": ("TypeError", ["awaited", "awaited"]),
    "inspect_iscoroutine": (False, True),
    "socketio_acknowledgement": ([], ["awaited"]),
    "twisted_ensure_deferred": ("Ada", "Ada"),
    "twisted_inline_callbacks": ("Ada", "Ada"),
    "twisted_maybe_deferred": ("PyAwaitable", "Ada"),
    "twisted_template": ("Failure", "Ada"),
}
LIBRARIES = ["anyio==4.12.1", "asyncclick==8.4.2.1", "httpcore==1.0.9", "python-socketio==5.18.1", "twisted==26.10.0"]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("libraries")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "20", "--target", str(folder)]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    finished = subprocess.run([*command, *LIBRARIES], capture_output=True, text=True, timeout=300, env=environment)
    if finished.returncode != 0:
        if any(sign in finished.stderr for sign in UNREACHABLE):
            pytest.skip("PyPI is not reachable for the libraries that this asks")
        pytest.fail(finished.stderr)
    return folder


@pytest.mark.builds
@pytest.mark.skipif(
    not (3, 10) <= sys.version_info < (3, 14) or bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="these versions of the libraries are for 3.10 and later, and have wheels up to 3.13",
)
@pytest.mark.parametrize("check", ASKING)
def test_what_asks_for_the_exact_type(libraries, check):
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", TESTS / "exact_type.py", check],
        env={**os.environ, "PYTHONPATH": str(libraries)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    assert tuple(json.loads(finished.stdout)) == ASKING[check]


# ---- How fast --------------------------------------------------------------------------------------

NAMED = "empty returns awaits value saved3 saved20 error block each50 chain deep50 deep50value".split()
LOOPS = re.compile(r"(task|gather|future)")


def measured():
    files = (ROOT / "docs" / "benchmarks").glob("py*.json")
    found = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    return {int(one["tag"][3:]): one for one in found}


def ratios(minors, names, contender="ours"):
    for minor in minors:
        for name, case in measured()[minor]["cases"].items():
            if name in names and contender in case["ns"]:
                yield round(case["ns"][contender] / case["ns"]["native"], 2)


def test_the_figures_are_those_of_the_benchmarks():
    text = re.sub(r"\s+", " ", README[README.index("## How fast") : README.index("## Try it")])
    old, middle, late = (9, 10, 11), (12, 13), (14, 15)
    everything = old + middle + late
    loops = {name for one in measured().values() for name in one["cases"] if LOOPS.match(name)}

    def span(minors, names, contender="ours"):
        found = list(ratios(minors, names, contender))
        return f"{min(found):.2f} to {max(found):.2f}"

    def most(minors, name):
        return f"{max(ratios(minors, {name})):.2f}"

    def figures(*path):
        for one in measured().values():
            for key in path:
                one = one[key]
            yield one

    requests = [
        round(answers["ours"]["requests/s"] / answers["native"]["requests/s"], 2)
        for one in figures("asgi")
        for answers in one.values()
    ]
    native = list(figures("bytes", "native", "50 awaits"))
    assert set(figures("bytes", "ours", "50 awaits")) == {1720}
    for said in [
        f"takes {span(old, NAMED)} times as long",
        f"one of the original takes {span(old, NAMED, 'original')} times",
        f"it is {span(middle, NAMED)} times; on Debian's builds of 3.14 and 3.15, {span(late, NAMED)}.",
        f"the loop's: {span(everything, loops)} times",
        f"50 levels take up to {most(old, 'alternate50')} times as long on 3.9 to 3.11, {most(middle, 'alternate50')} on "
        f"3.12 and 3.13, and {most(late, 'alternate50')} on 3.14 and 3.15",
        f"10 levels up to {most(old, 'alternate10')}, {most(middle, 'alternate10')} and {most(late, 'alternate10')}.",
        f"Through one level it is up to {most(everything, 'yield1')} times.",
        f"3 saved values ({most(late, 'saved3')}), `async with` ({most(late, 'block')})",
        f"queued by a callback ({most(late, 'chain')})",
        f"1,720 bytes, against {min(native)} to {max(native)}.",
        f"{min(requests):.2f} to {max(requests):.2f} times as many requests",
        f"{min(figures('start-up', 'ours')) / 1000:.1f} to {max(figures('start-up', 'ours')) / 1000:.1f} ms",
        f"against {min(figures('start-up', 'native')) / 1000:.1f} to {max(figures('start-up', 'native')) / 1000:.1f} ms",
    ]:
        assert said in text, said
