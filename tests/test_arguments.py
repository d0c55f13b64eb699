"""Arguments that C code parses and keeps for its callbacks, frames, and clean-ups: tests/ext/arguments."""

import asyncio
import gc
import subprocess
import sys
import sysconfig
import weakref

import arguments
import pytest
import rawapi
from compiling import WARNINGS, compiler, python_includes
from raw_support import run

import pyawaitable


async def gives(value=None):
    return value


class Thing:
    pass


def all_arguments():
    """One for each format, new objects where there can be any."""
    text = "".join(["ein", "s"])
    return (
        Thing(), bytes([1, 2]), text + "?", bytearray(b"array"), {"checked": 1}, text, None, bytes([65, 66]),
        200, 255, -5, 65535, -1, 2**32 - 1, "ü", True, b"c", -(2**31), 2**63, -(2**63), 2**64 - 1, -3, 0.5, 0.25, 1 + 2j,
    )  # fmt: skip


FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@pytest.fixture
def testcapi():
    """CPython's own tool for failing allocations, without the collector, whose callbacks are other people's."""
    if FREE_THREADED:
        pytest.skip("a free-threaded build cannot change its allocators while it runs")
    found = pytest.importorskip("_testcapi", reason="CPython's own test module is not part of this installation")
    gc.collect()
    gc.disable()
    yield found
    gc.enable()


# ---- What is parsed and kept ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [(), ("more",)])
def test_every_format_comes_back_as_it_was_parsed(more):
    given = (*all_arguments(), *more)
    expected = arguments.at_once(*given)
    aw = arguments.all(gives(), *given)
    assert run(aw) == expected


def test_under_an_event_loop():
    given = all_arguments()
    assert asyncio.run(arguments.all(asyncio.sleep(0), *given)) == arguments.at_once(*given)


def test_what_was_parsed_lives_until_it_is_unpacked():
    """Texts are inside objects that nobody else keeps."""
    aw = arguments.all(gives(), *all_arguments())
    gc.collect()
    for _ in range(1000):
        "".join(["ein", "s", "?"])
    assert run(aw)[5] == "eins"


@pytest.mark.parametrize("end", ["run", "close", "drop", "throw"])
def test_each_reference_is_released_once(end):
    given = all_arguments()
    watched = weakref.ref(given[0])
    # Those that nobody else has.
    own = given[:6]
    before = [sys.getrefcount(each) for each in own]
    inner = gives()
    aw = arguments.all(inner, *given)
    assert [sys.getrefcount(each) for each in own] == [count + 1 for count in before]
    if end == "run":
        run(aw)
    elif end == "close":
        aw.close()
    elif end == "throw":
        with pytest.raises(LookupError):
            aw.throw(LookupError())
    else:
        with pytest.warns(ResourceWarning):
            del aw
            gc.collect()
    inner.close()
    assert [sys.getrefcount(each) for each in own] == before
    del given, own
    gc.collect()
    assert watched() is None


def test_the_collector_sees_them():
    thing = Thing()
    aw = arguments.all(Suspends(), thing, *all_arguments()[1:])
    assert thing in gc.get_referents(aw)
    aw.send(None)
    thing.cycle = aw
    gone = weakref.ref(thing)
    del thing, aw
    gc.collect()
    assert gone() is None


WRONG = [((), TypeError), (("no thing",), TypeError), ((*all_arguments()[:-1], "no number"), TypeError)]


@pytest.mark.parametrize(("given", "kind"), WRONG)
def test_what_cannot_be_parsed_fails_as_parsing_does(given, kind):
    with pytest.raises(kind) as native:
        arguments.at_once(*given)
    inner = gives()
    with pytest.raises(kind) as ours:
        arguments.all(inner, *given)
    inner.close()
    assert str(ours.value) == str(native.value)


def test_what_was_parsed_is_unpacked_in_order():
    aw = rawapi.new()
    arguments.parse(aw, "l", (1,))
    assert arguments.unpack_one(aw) == 1
    arguments.parse(aw, "l:more", (2,))
    assert arguments.unpack_two(aw) == (1, 2, -1)
    assert arguments.unpack_skipping(aw) == 2
    with pytest.raises(ValueError, match="too few places for the parsed arguments: 2 needed, and 1 given"):
        arguments.unpack_one(aw)
    aw.close()


def test_nothing_was_parsed():
    aw = rawapi.new()
    with pytest.raises(RuntimeError, match="no arguments have been parsed"):
        arguments.unpack_one(aw)
    aw.close()
    with pytest.raises(RuntimeError, match="no arguments have been parsed"):
        arguments.unpack_one(aw)
    with pytest.raises(TypeError):
        arguments.unpack_one(1)


@pytest.mark.parametrize("format", ["s#", "y*", "O&", "(ll)", "es", "w*", "?", "l l"])
def test_formats_that_cannot_be_kept(format):
    aw = rawapi.new()
    with pytest.raises(ValueError, match="cannot be kept on an awaitable"):
        arguments.parse(aw, format, (1, 2))
    aw.close()


def test_wrong_calls():
    aw = rawapi.new()
    with pytest.raises(ValueError, match="another number of places"):
        arguments.parse(aw, "ll", (1, 2), 1)
    with pytest.raises(ValueError, match="another number of places"):
        arguments.parse(aw, "l", (1,), 2)
    with pytest.raises(ValueError, match="at most 32 places"):
        arguments.parse(aw, "l" * 33, tuple(range(33)))
    with pytest.raises(ValueError, match="NULL passed as the format"):
        arguments.parse(aw, None, ())
    with pytest.raises(SystemError):
        arguments.parse(None, "l", (1,))
    with pytest.raises(SystemError, match="NULL passed as the arguments"):
        arguments.parse(aw, "l", None)
    with pytest.raises(SystemError):
        arguments.parse(aw, "l", [1])
    with pytest.raises(TypeError):
        arguments.parse("no awaitable", "l", (1,))
    arguments.parse(aw, "l" * 32, tuple(range(32)))
    aw.close()
    with pytest.raises(RuntimeError, match="has finished"):
        arguments.parse(aw, "l", (1,))


def test_without_memory(testcapi):
    failed = 0
    thing = Thing()
    before = sys.getrefcount(thing)
    given = (thing, *all_arguments()[1:])
    for start in range(30):
        inner = gives()
        testcapi.set_nomemory(start, start + 1)
        try:
            aw = arguments.all(inner, *given)
        except MemoryError:
            failed += 1
            inner.close()
            continue
        finally:
            testcapi.remove_mem_hooks()
        assert run(aw) == arguments.at_once(*given)
    del given
    assert failed > 0 and sys.getrefcount(thing) == before


def test_a_frame_without_memory(testcapi):
    """What a text is in is kept, or the frame fails: never a text whose object may go."""
    aw = rawapi.new()
    arguments.frame(aw, ("first use",), None)
    text = "".join(["a", "text"])
    kept, failed = 0, 0
    kwargs = {"text": text}
    before = sys.getrefcount(text)
    for start in range(20):
        testcapi.set_nomemory(start, start + 1)
        try:
            arguments.frame(aw, ("a",), kwargs)
        except MemoryError:
            failed += 1
        else:
            kept += 1
        finally:
            testcapi.remove_mem_hooks()
    assert failed > 0
    # The extension may run out of memory after the frame was kept: then there is one more than succeeded.
    assert sys.getrefcount(text) >= before + kept
    aw.close()
    assert sys.getrefcount(text) == before


# ---- Frames --------------------------------------------------------------------------------------------------------

FRAMES = [
    (("a",), None, ("a", True, None, "none", 5)),
    (("a", "b", {}), None, ("a", "b", {}, "none", 5)),
    (("a",), {"text": "text", "number": 7}, ("a", True, None, "text", 7)),
    ((), {"third": {1: 2}, "first": 1}, (1, True, {1: 2}, "none", 5)),
]


@pytest.mark.parametrize(("args", "kwargs", "expected"), FRAMES)
def test_a_frame(args, kwargs, expected):
    aw = rawapi.new()
    assert arguments.frame(aw, args, kwargs) == expected
    aw.close()


def test_a_frame_owns_its_references():
    aw = rawapi.new()
    first, third, text = Thing(), {}, "".join(["a", "text"])
    before = [sys.getrefcount(each) for each in (first, third)]
    kept = sys.getrefcount(text)
    arguments.frame(aw, (first, None, third), {"text": text})
    assert [sys.getrefcount(each) for each in (first, third)] == before
    # The awaitable keeps what the text is in.
    assert sys.getrefcount(text) == kept + 1
    with pytest.raises(RuntimeError):
        arguments.unpack_one(aw)
    aw.close()
    assert sys.getrefcount(text) == kept


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), None), (("a", "b", "no dict"), None), (("a",), {"unknown": 1}), (("a",), {"number": "x"}), (("a",), {"text": 1})],
)
def test_a_frame_that_fails_owns_nothing(args, kwargs):
    aw = rawapi.new()
    thing = Thing()
    args = tuple(thing if each == "a" else each for each in args)
    before = sys.getrefcount(thing)
    with pytest.raises(TypeError):
        arguments.frame(aw, args, kwargs)
    assert sys.getrefcount(thing) == before
    aw.close()
    with pytest.raises(RuntimeError, match="has finished"):
        arguments.frame(aw, ("a",), None)


def test_a_frame_without_keywords():
    aw = rawapi.new()
    thing = Thing()
    assert arguments.positional(aw, (thing,)) is thing
    with pytest.raises(TypeError):
        arguments.positional(aw, ())
    aw.close()


def test_a_frame_without_a_runtime_owns_nothing(run_python):
    """The extension, which has not been used yet, finds none: its fields are NULL all the same."""
    code = "import sys, arguments\nsys.modules['_pyawaitable'] = None\n"
    code += "try: arguments.frame(None, ('a', 'b'), {'text': 'c'})\nexcept ImportError: print('refused')\n"
    assert run_python(code).stdout == "refused\n"


CALLS = """
#include <pyawaitable.h>
int calls(PyObject *aw, PyObject *args, PyObject *kw);
int calls(PyObject *aw, PyObject *args, PyObject *kw)
{
#ifdef __cplusplus
    static const char *names[] = {"a", "b", NULL};
#else
    static char *names[] = {"a", "b", NULL};
#endif
    PyObject *a = NULL, *b = NULL;
    const char *s;
    long n;
    int p;
    if (PyAwaitable_ParseFrame(aw, args, kw, "O|O", names, &a, &b) < 0 ||
        PyAwaitable_ParseFrame(aw, args, NULL, "O", NULL, &a) < 0 ||
        PyAwaitable_ParseTuple(aw, args, "O!slp:f", &PyLong_Type, &a, &s, &n, &p) < 0 ||
        PyAwaitable_Unpack(aw, &a, &s, &n, NULL, 0) < 0 || PyAwaitable_Unpack(aw) < 0) {
        return -1;
    }
    return a == b && s != NULL && n == p;
}
"""


@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("standard", ["c99", "c11", "c++11", "c++20"])
def test_calls_in_each_dialect(standard, level, tmp_path):
    cxx = "++" in standard
    source = tmp_path / ("calls.cpp" if cxx else "calls.c")
    source.write_text(CALLS)
    command = [compiler(cxx=cxx), *WARNINGS, f"-std={standard}", level, "-Wpedantic", "-Wshadow", "-c", "-o", "calls.o"]
    command += [*python_includes(), f"-I{pyawaitable.include()}", str(source)]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")


# ---- Clean-ups -----------------------------------------------------------------------------------------------------


class Suspends:
    def __await__(self):
        yield "suspended"


ENDS = {
    "run": lambda aw: run(aw),
    "close": lambda aw: aw.close(),
    "throw": lambda aw: pytest.raises(LookupError, aw.throw, LookupError()),
    "drop": lambda aw: None,
    "suspended, then closed": lambda aw: (aw.send(None), aw.close()),
    "suspended, then thrown into": lambda aw: (aw.send(None), pytest.raises(LookupError, aw.throw, LookupError())),
    "suspended, then dropped": lambda aw: aw.send(None),
    "cancelled, then dropped": rawapi.cancel,
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("end", ENDS)
def test_clean_ups_run_once_and_the_last_first(end):
    log = []
    aw = rawapi.new()
    if "suspended" in end:
        rawapi.add_await(aw, Suspends())
    for number in range(40):
        arguments.add_cleanup(aw, lambda number=number: log.append(number))
    ENDS[end](aw)
    del aw
    gc.collect()
    assert log == list(range(40))[::-1]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("end", ENDS)
def test_a_clean_up_may_hand_on_its_awaitable(end):
    """It lives while its clean-ups run, and longer if one of them keeps it."""
    log, kept = [], []
    aw = rawapi.new()
    if "suspended" in end:
        rawapi.add_await(aw, Suspends())
    rawapi.save_values(aw, "saved")
    arguments.parse(aw, "l", (7,))
    for _ in range(3):
        arguments.add_look(aw, lambda aw: log.append((repr(aw)[:12], rawapi.unpack_values(aw, 1), arguments.unpack_one(aw))))
    arguments.add_look(aw, kept.append)
    ENDS[end](aw)
    del aw
    gc.collect()
    assert log == [("<PyAwaitable", ["saved"], 7)] * 3
    assert kept[0].cr_state == "CORO_CLOSED"
    with pytest.raises(RuntimeError):
        kept[0].send(None)


def test_clean_ups_of_what_a_failing_function_drops():
    """There is no warning, and the exception stays."""
    log = []

    def make():
        aw = rawapi.new()
        arguments.add_look(aw, lambda aw: log.append((type(aw), sys.exc_info()[0])))
        arguments.add_cleanup(aw, lambda: log.append("first"))
        return aw

    with pytest.raises(LookupError, match="C has failed"):
        arguments.drop_failing(make)
    assert log == ["first", (pyawaitable.PyAwaitable, None)]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("cancelled", [False, True])
def test_what_the_collector_finds_is_whole_while_clean_ups_run(cancelled):
    """As in a finalizer: the collector has emptied nothing yet."""
    log = []
    aw = rawapi.new()
    if cancelled:
        rawapi.cancel(aw)
    values = {"key": "value"}
    values["cycle"] = [values, aw]
    rawapi.save_values(aw, values)
    arguments.add_look(aw, lambda aw: log.append(sorted(rawapi.unpack_values(aw, 1)[0])))
    del aw, values
    gc.collect()
    assert log == [["cycle", "key"]]


def test_one_that_is_revived_has_been_cleaned_up_once():
    log, revived = [], []

    class Revives:
        def __del__(self):
            revived.append(self.aw)

    aw = rawapi.new()
    rawapi.cancel(aw)
    arguments.add_cleanup(aw, lambda: log.append("clean-up"))
    revives = Revives()
    revives.aw = aw
    rawapi.save_values(aw, revives)
    del aw, revives
    gc.collect()
    assert log == ["clean-up"]
    aw = revived.pop()
    with pytest.raises(RuntimeError):
        aw.send(None)
    with pytest.raises(RuntimeError):
        arguments.add_cleanup(aw, print)
    del aw
    gc.collect()
    assert log == ["clean-up"]


@pytest.mark.parametrize("kept", [False, True])
def test_clean_ups_of_one_that_was_revived_before(kept):
    """It has been finalized, which is done once: it has had no clean-ups then."""
    log, revived = [], []

    class Revives:
        def __del__(self):
            revived.append(self.aw)

    aw = rawapi.new()
    rawapi.cancel(aw)
    revives = Revives()
    revives.aw = aw
    revives.kept = None
    rawapi.save_values(aw, revives)
    del aw, revives
    gc.collect()
    aw = revived.pop()
    arguments.add_look(aw, lambda aw: log.append(repr(aw)[:12]))
    if kept:
        arguments.add_look(aw, revived.append)
    del aw
    gc.collect()
    assert log == ["<PyAwaitable"]
    assert [each.cr_state for each in revived] == ["CORO_CLOSED"] * kept
    revived.clear()
    gc.collect()
    assert len(log) == 1


def test_when_the_awaitable_fails():
    log = []

    async def fails():
        raise LookupError("inner")

    aw = rawapi.new()
    rawapi.add_await(aw, fails())
    arguments.add_cleanup(aw, lambda: log.append(sys.exc_info()[0]))
    with pytest.raises(LookupError, match="inner"):
        run(aw)
    assert log == [None]


def test_they_run_before_what_is_saved_is_released():
    log = []
    thing = Thing()
    weakref.finalize(thing, log.append, "saved")
    aw = rawapi.new()
    rawapi.save_values(aw, thing)
    rawapi.save_arb_values(aw, 5)
    del thing
    arguments.add_cleanup(aw, lambda: log.append(rawapi.unpack_arb_values(aw, 1)))
    aw.close()
    assert log == [[5], "saved"]


def test_what_one_raises_goes_to_the_hook(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: seen.append(unraisable.exc_type))

    async def fails():
        raise LookupError("inner")

    aw = rawapi.new()
    rawapi.add_await(aw, fails())
    arguments.add_cleanup(aw, lambda: 1 / 0)
    with pytest.raises(LookupError, match="inner"):
        run(aw)
    assert seen == [ZeroDivisionError]


def test_none_is_added_at_the_end():
    refused = []
    aw = rawapi.new()

    def late():
        try:
            arguments.add_cleanup(aw, print)
        except RuntimeError as error:
            refused.append(str(error))

    arguments.add_cleanup(aw, late)
    aw.close()
    late()
    assert refused == ["cannot add a clean-up to an awaitable that has finished"] * 2


def test_wrong_clean_ups():
    aw = rawapi.new()
    with pytest.raises(ValueError, match=r"NULL passed to PyAwaitable_AddCleanup\(\) as the function"):
        arguments.add_cleanup(aw, None)
    with pytest.raises(SystemError):
        arguments.add_cleanup(None, print)
    with pytest.raises(TypeError):
        arguments.add_cleanup(5, print)
    aw.close()


def test_no_memory_for_a_clean_up(testcapi):
    # So many that none is left whose memory could be used again.
    others = [rawapi.new() for _ in range(200)]
    for other in others:
        arguments.add_cleanup(other, Thing)
    aw = rawapi.new()
    failed = 0
    for start in range(4):
        testcapi.set_nomemory(start, start + 1)
        try:
            arguments.add_cleanup(aw, Thing)
        except MemoryError:
            failed += 1
        finally:
            testcapi.remove_mem_hooks()
    assert failed > 0
    for each in (aw, *others):
        each.close()


def test_objects_are_used_again_without_them():
    for _ in range(300):
        aw = rawapi.new()
        arguments.add_cleanup(aw, gc.isenabled)
        arguments.parse(aw, "l", (1,))
        aw.close()
    aw = rawapi.new()
    with pytest.raises(RuntimeError):
        arguments.unpack_one(aw)
    aw.close()
