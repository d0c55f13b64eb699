"""What the library tells users: warnings, where an awaitable was created, which callback went wrong."""

import asyncio
import gc
import re
import subprocess
import sys
import warnings

import pytest
import rawapi
import units
from raw_support import Ready, failing, ready, run, steps

pytest_plugins = ["raw_fixtures"]


def caught(function, *arguments):
    """What the call warns of: category and text."""
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        function(*arguments)
        gc.collect()
    return [(warning.category, str(warning.message)) for warning in log]


# An awaitable that nobody awaits


def forget(name=None):
    aw = rawapi.new()
    if name is not None:
        aw.__qualname__ = name


def test_the_warning_names_the_awaitable_and_no_address():
    assert caught(forget) == [(ResourceWarning, "awaitable 'PyAwaitable' was never awaited")]
    assert caught(forget, "Client.fetch") == [(ResourceWarning, "awaitable 'Client.fetch' was never awaited")]


FORGETFUL = """
import warnings, rawapi
warnings.simplefilter(ACTION)

async def coroutine(): pass

def forget(make):
    for _ in range(2000):
        make()

forget(coroutine)
forget(rawapi.new)
for key in __warningregistry__:
    if "never awaited" in str(key):
        print((key[0], key[1].__name__, *key[2:]))
"""


@pytest.mark.parametrize("action", ["default", "module", "once", "ignore"])
def test_many_forgotten_at_one_line_are_one_warning_as_coroutines_are(action, run_python):
    finished = run_python(FORGETFUL.replace("ACTION", repr(action)))
    texts = re.findall(r"(\w+) '(\w+)' was never awaited", finished.stderr)
    expected = [] if action == "ignore" else [("coroutine", "coroutine"), ("awaitable", "PyAwaitable")]
    assert texts == expected
    entries = [eval(line) for line in finished.stdout.splitlines()]
    assert len(entries) == len(set(entries))
    assert [key[0] for key in entries].count("awaitable 'PyAwaitable' was never awaited") == len(entries) // 2


def test_the_warning_where_no_python_code_runs(run_python):
    """As at the end of a process: the module that holds it goes."""
    finished = run_python("import rawapi\naw = rawapi.new()\n", "-W", "always")
    assert finished.stderr == "sys:1: ResourceWarning: awaitable 'PyAwaitable' was never awaited\n"


def test_a_setup_that_fails_does_not_warn():
    """C code that drops the awaitable and returns NULL; the coroutine that was added still warns."""

    def fail(make):
        with pytest.raises(TypeError, match="\\bint\\b"):
            units.total(make(), 6)

    assert caught(fail, int) == []
    assert caught(fail, Ready) == []
    assert caught(fail, ready) == [(RuntimeWarning, "coroutine 'ready' was never awaited")]


def test_an_exception_that_drops_an_awaitable_hides_the_warning_unlike_a_coroutines():
    """It cannot be distinguished from the above: documented in the header and in README."""

    def take(awaitable, number):
        pass

    def drop(make):
        with pytest.raises(ZeroDivisionError):
            take(make(), 1 // 0)

    assert caught(drop, rawapi.new) == []
    assert caught(drop, ready) == [(RuntimeWarning, "coroutine 'ready' was never awaited")]


def test_an_exception_that_was_handled_hides_no_warning():
    def handle():
        try:
            raise KeyError
        except KeyError:
            forget()

    assert len(caught(handle)) == 1


# Where it was made


@pytest.fixture
def tracking():
    yield sys.set_coroutine_origin_tracking_depth
    sys.set_coroutine_origin_tracking_depth(0)


def origins(make, depth):
    """What is recorded of a call two functions deep, and of one from code without a name."""
    made = []

    def inner():
        made.append(make())

    def outer():
        inner()

    sys.set_coroutine_origin_tracking_depth(depth)
    outer()
    exec(compile("made.append(make())", "elsewhere", "exec"), {"made": made, "make": make})
    made.append(next(filter(None, (make() for _ in [0]))))
    sys.set_coroutine_origin_tracking_depth(0)
    found = [each.cr_origin for each in made]
    for each in made:
        each.close()
    assert [each.cr_origin for each in made] == found
    return found


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 1000])
def test_cr_origin_is_what_a_coroutine_has(depth, tracking):
    found, expected = (origins(make, depth) for make in (rawapi.new, ready))
    assert found == expected
    assert all(origin is None for origin in found) if depth == 0 else all(origin for origin in found)


def test_each_thread_has_its_own_depth(tracking):
    import threading

    tracking(3)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(origins(rawapi.new, 0)[0]))
    thread.start()
    thread.join()
    aw = rawapi.new()
    aw.close()
    assert seen == [None]
    assert aw.cr_origin is not None


def test_without_memory_there_is_no_origin_and_no_object(tracking):
    """Each allocation in turn fails: MemoryError, replacing any exception that was set, or a complete awaitable."""
    testcapi = pytest.importorskip("_testcapi", reason="CPython's own test module is not part of this installation")
    failed = 0
    for start in range(60):
        tracking(2)
        testcapi.set_nomemory(start, start + 1)
        try:
            aw = rawapi.new()
        except MemoryError:
            failed += 1
        else:
            testcapi.remove_mem_hooks()
            assert aw.cr_origin is not None
            aw.close()
        finally:
            testcapi.remove_mem_hooks()
            tracking(0)
    assert failed > 0


def warned(make, tracking, depth):
    def inner():
        make()

    tracking(depth)
    ((category, message),) = caught(inner)
    tracking(0)
    return message


@pytest.mark.parametrize("depth", [1, 2])
def test_the_warning_says_where_it_was_made(depth, tracking):
    native, c = (warned(make, tracking, depth) for make in (ready, rawapi.new))
    assert "inner\n    make()" in native
    expected = native.replace("coroutine 'ready'", "awaitable 'PyAwaitable'").replace("Coroutine created", "Awaitable created")
    assert c == expected


def test_asyncio_in_debug_mode_prints_where_it_was_made(run_python):
    finished = run_python(
        "import asyncio, rawapi\ndef forgets(): rawapi.new()\nasync def main(): forgets()\nasyncio.run(main(), debug=True)\n",
        "-W",
        "always",
    )
    assert "Awaitable created at (most recent call last)" in finished.stderr
    assert ", in forgets" in finished.stderr


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="3.12 cannot be asked whether it traces at no cost: README says so")
def test_tracemalloc_that_was_started_late_knows_where_it_was_made(run_python):
    """Though its memory is that of one which was made before."""
    finished = run_python(
        "import tracemalloc, rawapi\n"
        "rawapi.new().close()\n"
        "def make():\n"
        "    return rawapi.new()\n"
        "make().close()\n"
        "tracemalloc.start()\n"
        "aw = make()\n"
        "print(tracemalloc.get_object_traceback(aw)[0].lineno)\n"
        "before = tracemalloc.get_traced_memory()[0]\n"
        "aw.close(); del aw\n"
        "for _ in range(1000): make().close()\n"
        "print(abs(tracemalloc.get_traced_memory()[0] - before) < 1000)\n"
        "tracemalloc.stop()\n"
        "make().close()\n"
    )
    assert finished.stdout.split() == ["4", "True"]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="PyRefTracer_SetTracer() is new in 3.13")
def test_a_tracer_of_references_hears_of_each_awaitable(run_python):
    """tracemalloc is one, and is told what it has to know."""
    finished = run_python(
        "import tracemalloc, rawapi\n"
        "def make():\n"
        "    return rawapi.new()\n"
        "tracemalloc.start()\n"
        "for _ in range(10):\n"
        "    aw = make()\n"
        "    print(tracemalloc.get_object_traceback(aw)[0].lineno)\n"
        "    aw.close(); del aw\n"
    )
    assert finished.stdout.split() == ["3"] * 10


# Which callback


PLACE = r" \(the function is at \S+\)$"


def system_error(aw, name="Client.fetch"):
    aw.__qualname__ = name
    with pytest.raises(SystemError) as raised:
        run(aw)
    return str(raised.value), raised.value.__cause__


@pytest.mark.parametrize("code", [-1, -2, -7])
def test_a_callback_that_fails_without_an_exception_is_named(code, new):
    aw = new()
    rawapi.add_await(aw, Ready(), lambda aw, result: code)
    text, cause = system_error(aw)
    assert re.match(rf"callback of 'Client.fetch' returned {code} without an exception set" + PLACE, text)
    assert cause is None


def test_a_callback_that_succeeds_with_an_exception_is_named(new):
    aw = new()
    error = KeyError()
    rawapi.add_await(aw, Ready(), lambda aw, result: (0, error))
    text, cause = system_error(aw)
    assert re.match("callback of 'Client.fetch' returned 0 with an exception set" + PLACE, text)
    assert cause is error


def test_the_callback_of_a_block_is_named(new):
    class Block:
        async def __aenter__(self):
            pass

        async def __aexit__(self, *exception):
            pass

    aw = new()
    rawapi.async_with(aw, Block(), lambda aw, result: -1)
    assert re.match("callback of 'Client.fetch' returned -1 without an exception set" + PLACE, system_error(aw)[0])


def test_a_deferred_callback_is_named(new):
    aw = new()
    rawapi.defer_await(aw, lambda aw: -1)
    text, _ = system_error(aw)
    assert re.match("deferred callback of 'Client.fetch' returned -1 without an exception set" + PLACE, text)


def test_an_error_callback_is_named(new):
    aw = new()
    rawapi.add_await(aw, failing(KeyError()), None, lambda aw, exception: -2)
    text, _ = system_error(aw)
    assert re.match("error callback of 'Client.fetch' returned -2 without an exception set" + PLACE, text)


@pytest.mark.skipif(sys.platform != "linux", reason="addr2line is GNU's, and needs the debug information of a Linux build")
def test_the_place_is_what_addr2line_takes(new):
    """The extension that has the function, and where in it."""
    aw = new()
    rawapi.add_await(aw, Ready(), lambda aw, result: -1)
    file, offset = re.search(r"at (\S+)\+(0x[0-9a-f]+)\)$", system_error(aw)[0]).groups()
    assert rawapi.__file__.endswith("/" + file)
    symbols = subprocess.run(["nm", rawapi.__file__], capture_output=True, text=True, check=True).stdout
    functions = {int(line.split()[0], 16): line.split()[2] for line in symbols.splitlines() if " t " in line}
    assert functions[int(offset, 16)].startswith("call_")


# What an error callback loses


LOSING = """
import sys, rawapi
lost = []
sys.unraisablehook = lambda unraisable: lost.append(unraisable.exc_value)

async def fails(): raise ValueError("first")

def awaits(callback):
    aw = rawapi.new()
    rawapi.add_await(aw, fails(), None, callback)
    try: aw.send(None)
    except ValueError: pass

second = KeyError("second")
awaits(lambda aw, exception: -1)
awaits(lambda aw, exception: (-1, exception))
print(len(lost))
awaits(lambda aw, exception: (-1, second))
print(lost == [second] or lost)
"""


def test_in_development_mode_what_an_error_callback_loses_is_told(run_python):
    assert run_python(LOSING, "-X", "dev").stdout.split() == ["0", "True"]
    assert run_python(LOSING).stdout.split() == ["0", "[]"]


def test_what_is_told_of_it(run_python):
    finished = run_python(LOSING.replace("sys.unraisablehook = ", "hook = "), "-X", "dev")
    assert "KeyError: 'second'" in finished.stderr
    assert "PyAwaitable object PyAwaitable" in finished.stderr


# Steps are not disturbed by any of it


def test_an_awaitable_with_an_origin_runs_as_any_other(tracking, slots):
    tracking(5)
    aw = rawapi.new()
    tracking(0)
    rawapi.add_await(aw, ready("value"), lambda aw, value: rawapi.set_result(aw, value))
    assert steps(aw) == ("value", [])
    assert aw.cr_origin is not None
    aw = asyncio.run(asyncio.wait_for(wrapped(), 10))
    assert aw is None


async def wrapped():
    sys.set_coroutine_origin_tracking_depth(2)
    try:
        await rawapi.new()
    finally:
        sys.set_coroutine_origin_tracking_depth(0)
