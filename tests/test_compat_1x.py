"""Extensions for PyAwaitable 1.x: recompiled from source, and loaded unchanged.

tests/compat1x/ is one of them. The header of 1.3.0 comes from PyPI; if that is not reachable, the tests of the binary form are
skipped, and say so.
"""

import asyncio
import ctypes
import subprocess
import sys

import pytest
from compiling import TESTS_1X, compile_extension, download_original, load_extension
from raw_support import Context, failing, ready, run, sleepy, steps

import _pyawaitable
import pyawaitable
from pyawaitable import bindings

SOURCES = sorted(TESTS_1X.glob("*.c"))
POINTER = ctypes.sizeof(ctypes.c_void_p)
TABLE_OF_1_3_0 = 20 * POINTER


@pytest.fixture(scope="module")
def source_form(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    return load_extension(compile_extension(folder, "compat1x", SOURCES))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return download_original("1.3.0", str(tmp_path_factory.mktemp("original")))


@pytest.fixture(scope="module")
def binary(original, tmp_path_factory):
    """The file, compiled with the header of 1.3.0."""
    folder = tmp_path_factory.mktemp("binary")
    # What a compiler warns of in that header is not ours to mend.
    options = ["-Wno-error"]
    include = original / "pyawaitable"
    return compile_extension(folder, "compat1x", SOURCES, *options, include=include)


@pytest.fixture(scope="module")
def binary_form(binary):
    return load_extension(binary)


@pytest.fixture(params=["source_form", "binary_form"])
def module(request):
    return request.getfixturevalue(request.param)


def test_it_was_compiled_with_that_header(source_form, binary_form):
    assert source_form.version() == (*map(int, pyawaitable.__version__.split(".")), 0xF)
    assert binary_form.version() == (1, 3, 0, 0xF)


def test_the_type(module):
    assert module.get_type() is pyawaitable.PyAwaitable
    aw = module.await_with(ready(1), "keep_result", None)
    assert type(aw) is pyawaitable.PyAwaitable
    assert run(aw) == 1


def test_the_table_says_its_size(source_form, binary_form):
    assert source_form.table_size() == source_form.known_size()
    assert binary_form.known_size() == TABLE_OF_1_3_0
    assert binary_form.table_size() >= binary_form.known_size()
    assert binary_form.table_size() == source_form.known_size() == TABLE_OF_1_3_0 + POINTER


def test_initializing_again(module):
    assert module.init_again() == 0


def test_vendor_init_is_an_error(module):
    with pytest.raises((RuntimeError, SystemError)):
        module.vendor_init()


def test_awaits_with_a_saved_value(module):
    assert run(module.add_up(1, ready(10), sleepy(100))) == 111
    assert asyncio.run(module.add_up(1.5, asyncio.sleep(0, 2), asyncio.sleep(0.01, 3))) == 6.5


def test_values_that_are_sent_and_yielded_go_through(module):
    assert steps(module.await_with(sleepy("value"), "keep_result", None)) == ("value", ["sleepy"])


@pytest.mark.parametrize(
    ("callback", "error", "outcome"),
    [
        ("fail", None, ValueError),
        ("fail", "reraise", ValueError),
        ("fail", "replace", LookupError),
        ("fail_past_error", "handle", KeyError),
    ],
)
def test_callbacks_that_fail(module, callback, error, outcome):
    with pytest.raises(outcome) as caught:
        run(module.await_with(ready("value"), callback, error))
    assert type(caught.value) is outcome


def test_error_callbacks(module):
    error = OSError("once")
    assert run(module.await_with(failing(error), "keep_result", "handle")) is error
    assert str(run(module.await_with(ready("value"), "fail", "handle"))) == "value"
    with pytest.raises(OSError) as caught:
        run(module.await_with(failing(error), "keep_result", "reraise"))
    assert caught.value is error
    with pytest.raises(LookupError) as caught:
        run(module.await_with(failing(error), "keep_result", "replace"))
    assert caught.value.args == (error,)


def test_await_function_with_0_1_and_20_arguments(module):
    async def function(*arguments):
        return arguments

    assert run(module.call_with(function, 0)) == ()
    assert run(module.call_with(function, 1)) == ("one",)
    expected = [(4 * i, 4 * i + 1, 4 * i + 2.5, str(4 * i + 3)) for i in range(5)]
    assert run(module.call_with(function, 20)) == sum(expected, ())


def test_async_with(module):
    context = Context("entered")
    assert run(module.enter(context, False)) == "entered"
    assert context.log == ["enter", ("exit", None)]
    context = Context("entered")
    assert isinstance(run(module.enter(context, True)), ValueError)
    assert context.log == ["enter", ("exit", ValueError)]


@pytest.mark.filterwarnings("ignore:coroutine 'ready' was never awaited")
def test_cancel_drops_what_was_added(module):
    assert run(module.change_of_mind(ready("first"), ready("second"))) == "second"


def test_values_of_each_kind(module):
    objects = [object() for _ in range(20)]
    assert module.many_objects(objects) == objects
    assert module.many_plain() is True
    assert module.one_or_none(object()) is True
    assert module.by_index(object()) is True


def test_references_are_released(module):
    marker = object()
    before = sys.getrefcount(marker)
    module.many_objects([marker] * 20)
    module.one_or_none(marker)
    module.by_index(marker)
    run(module.add_up(0, ready(1), ready(2)))
    assert sys.getrefcount(marker) == before


def test_bad_input(module):
    with pytest.raises(TypeError):
        module.add(None, None)
    aw = module.await_with(ready(1), "keep_result", None)
    with pytest.raises(TypeError):
        module.add(aw, 42)
    assert run(aw) == 1
    coroutine = ready(1)
    with pytest.raises(RuntimeError):
        module.add(aw, coroutine)
    coroutine.close()


def test_both_forms_share_their_objects(source_form, binary_form):
    aw = binary_form.await_with(ready("first"), "keep_result", None)
    source_form.add(aw, ready("second"))
    assert run(aw) == "first"


def test_the_source_needs_no_library(source_form, binary):
    """It finds the functions through the capsule, in either form."""
    for path in (source_form.__file__, binary):
        listing = subprocess.run(["nm", "-D", "-u", str(path)], capture_output=True, text=True)
        assert "PyCapsule" in listing.stdout
        assert "pyawaitable" not in listing.stdout.lower()


def test_the_binary_form_is_the_first_to_import_anything(binary, run_python):
    """PyCapsule_Import, which it calls, finds the capsule by its name alone."""
    finished = run_python(
        f"import sys; sys.path.insert(0, {str(binary.parent)!r})\n"
        "assert not [name for name in sys.modules if 'pyawaitable' in name]\n"
        "import compat1x\n"
        "assert 'pyawaitable' not in sys.modules\n"
        "async def one(): return 1\n"
        "try: compat1x.await_with(one(), 'keep_result', None).send(None)\n"
        "except StopIteration as stop: print(stop.value)\n"
    )
    assert finished.stdout == "1\n"


def test_the_same_file_runs_on_the_original(binary, original, run_python):
    """Makes sure that the tests here are for the behaviour of 1.x, and not of this library.

    Only what does not crash there: an awaitable that is never awaited does.
    """
    finished = run_python(
        f"import sys; sys.path[:0] = [{str(original)!r}, {str(binary.parent)!r}]\n"
        "try: import _pyawaitable\n"
        "except ImportError: print('no wheel of 1.3.0 for this interpreter'); raise SystemExit\n"
        f"assert _pyawaitable.__file__.startswith({str(original)!r}), _pyawaitable\n"
        "import compat1x\n"
        "async def one(): return 1\n"
        "async def function(*arguments): return len(arguments)\n"
        "def result(aw):\n"
        "    iterator = aw.__await__()\n"
        "    while True:\n"
        "        try: next(iterator)\n"
        "        except StopIteration as stop: return stop.value\n"
        "assert result(compat1x.await_with(one(), 'keep_result', None)) == 1\n"
        "assert [result(compat1x.call_with(function, n)) for n in (0, 1, 20)] == [0, 1, 20]\n"
        "print('the same')\n",
        "-W",
        "ignore",
        # The wheel's module may come before an interpreter's that has another ABI.
        check=sys.version_info[:2] == (3, 11),
    )
    if sys.version_info[:2] == (3, 11):
        assert finished.stdout == "the same\n"


# The capsule from Python


def test_abi_is_a_module_with_the_capsule():
    from pyawaitable import abi

    assert abi.v1 is _pyawaitable.abi_v1
    assert "_pyawaitable.abi_v1" in repr(abi.v1)


def test_importing_the_package_imports_neither(run_python):
    finished = run_python(
        "import sys, pyawaitable\n"
        "print([name for name in ('ctypes', 'pyawaitable.bindings') if name in sys.modules])\n"
        "from pyawaitable import abi; print('ctypes' in sys.modules)\n"
    )
    assert finished.stdout.split("\n")[:2] == ["[]", "False"]


def test_bindings_have_the_names_of_1x():
    assert {"abi", "add_await", "awaitcallback", "awaitcallback_err"} <= set(bindings.__all__)
    assert isinstance(bindings.abi, bindings.AwaitableABI)
    assert bindings.abi.PyAwaitableType is pyawaitable.PyAwaitable
    assert bindings.abi.size == ctypes.sizeof(bindings.AwaitableABI) == TABLE_OF_1_3_0 + POINTER


def test_bindings_have_the_fields_of_1x(original):
    """The names, offsets and sizes that the original's own bindings have."""
    code = (
        "import sys, types; sys.path.insert(0, sys.argv[1])\n"
        "sys.modules['_pyawaitable'] = types.ModuleType('_pyawaitable')\n"
        "import _pyawaitable, ctypes\n"
        "new = ctypes.pythonapi.PyCapsule_New\n"
        "new.restype = ctypes.py_object\n"
        "new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]\n"
        "name, table = b'_pyawaitable.abi_v1', (ctypes.c_void_p * 20)(160, *[id(int)] * 19)\n"
        "_pyawaitable.abi_v1 = new(ctypes.addressof(table), name, None)\n"
        "_pyawaitable._PyAwaitableType = int\n"
        "sys.modules['typing_extensions'] = types.ModuleType('typing_extensions')\n"
        "sys.modules['typing_extensions'].Self = None\n"
        "from pyawaitable.bindings import AwaitableABI as table\n"
        "fields = [getattr(table, name) for name, _ in table._fields_]\n"
        "print([(n, f.offset, f.size) for (n, _), f in zip(table._fields_, fields)])\n"
    )
    finished = subprocess.run([sys.executable, "-c", code, str(original)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    ours = bindings.AwaitableABI
    names = ["size", *(name for name, _ in ours._fields_)]
    mine = [(name, getattr(ours, name).offset, getattr(ours, name).size) for name in names]
    assert mine[-1][0] == "defer_await"  # 1.4 added it
    assert finished.stdout.strip() == repr(mine[:-1])


def test_add_await_of_the_bindings():
    results = []

    @bindings.awaitcallback
    def callback(aw, result):
        results.append(result)
        return bindings.abi.set_result(aw, [result])

    @bindings.awaitcallback_err
    def error(aw, exception):
        results.append(exception)
        return 0

    aw = bindings.abi.new()
    assert type(aw) is pyawaitable.PyAwaitable
    failure = OSError("once")
    assert bindings.add_await(aw, ready("value"), callback, error) == 0
    assert bindings.add_await(aw, failing(failure), callback, error) == 0
    assert bindings.add_await(aw, ready(), bindings.awaitcallback(0), error) == 0
    assert run(aw) == ["value"]
    assert results == ["value", failure]


def test_bindings_raise_what_the_functions_set():
    nothing = bindings.awaitcallback(0)
    aw = bindings.abi.new()
    with pytest.raises(TypeError):
        bindings.add_await(aw, 42, nothing, nothing)
    with pytest.raises(TypeError):
        bindings.add_await(None, ready, nothing, nothing)
    with pytest.raises(ctypes.ArgumentError):
        bindings.add_await(aw, None, None, None)
    bindings.abi.cancel(aw)


def test_values_of_the_bindings():
    abi = bindings.abi
    aw = abi.new()
    kept = object()
    assert abi.save(aw, 2, ctypes.py_object(kept), ctypes.py_object("second")) == 0
    before = sys.getrefcount(kept)
    assert [abi.get(aw, 0) for _ in range(100)] == [kept] * 100
    assert sys.getrefcount(kept) == before
    with pytest.raises(IndexError):
        abi.get(aw, 2)
    assert abi.set(aw, 1, "third") == 0
    first, second = ctypes.py_object(), ctypes.py_object()
    assert abi.unpack(aw, ctypes.byref(first), ctypes.byref(second)) == 0
    assert (first.value, second.value) == (kept, "third")
    assert abi.save_int(aw, 1, ctypes.c_long(-7)) == 0
    assert abi.get_int(aw, 0) == -7
    assert abi.save_arb(aw, 1, ctypes.c_void_p(4096)) == 0
    assert abi.set_arb(aw, 0, 8192) == 0
    assert abi.get_arb(aw, 0) == 8192
    abi.cancel(aw)


def test_deferred_callbacks_of_the_bindings():
    aw = bindings.abi.new()
    called = []
    callback = bindings.defer_callback(lambda aw: called.append(aw) or 0)
    assert bindings.abi.defer_await(aw, callback) == 0
    run(aw)
    assert called == [aw]


# A capsule keeps the pointer to its name alone.
CAPSULE_NAME = ctypes.create_string_buffer(b"_pyawaitable.abi_v1")


def capsule_of(table):
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(
        ("PyCapsule_New", ctypes.pythonapi)
    )
    return new(ctypes.addressof(table), ctypes.addressof(CAPSULE_NAME), None)


def test_a_field_beyond_the_size_is_a_value_error():
    """As with a runtime that is older than the bindings."""
    table = bindings.AwaitableABI()
    ctypes.memmove(ctypes.addressof(table), ctypes.addressof(bindings.abi), ctypes.sizeof(table))
    table.size = TABLE_OF_1_3_0
    older = bindings.AwaitableABI.from_capsule(capsule_of(table))
    assert older.PyAwaitableType is pyawaitable.PyAwaitable
    assert callable(older.async_with)
    with pytest.raises(ValueError, match="defer_await"):
        _ = older.defer_await
    with pytest.raises(AttributeError):
        _ = older.no_such_function
    with pytest.raises(ValueError):
        bindings.AwaitableABI.from_capsule(None)
