"""Extensions as authors write them: several translation units, no call of Init, 1.x names, C++."""

import asyncio
import collections.abc
import re
import shutil
import subprocess
import sysconfig
import warnings

import cplusplus
import lazyinit
import pytest
import rawapi
import spelling1x
import units
from raw_support import Context, ready, run, sleepy, steps

import pyawaitable

pytest_plugins = ["raw_fixtures"]

EXTENSIONS = [units, lazyinit, spelling1x, cplusplus, rawapi]
NUMBERS = [0, 1, 20, 300]


@pytest.mark.parametrize("extension", EXTENSIONS, ids=lambda module: module.__name__)
def test_no_undefined_symbol_is_left(extension):
    tool = shutil.which("nm")
    assert tool, "nm belongs to the C compiler's tools"
    listing = subprocess.run([tool, "-D", "-u", extension.__file__], capture_output=True, text=True, check=True).stdout
    assert "PyObject" in listing or "PyErr" in listing
    assert re.findall(r"\b_?pyawaitable\w*", listing, re.IGNORECASE) == []


@pytest.mark.parametrize("module", [units, lazyinit, cplusplus], ids=lambda module: module.__name__)
def test_awaiting_a_coroutine_from_each_extension(module):
    assert steps(module.once(ready("value"))) == ("value", [])
    assert steps(module.once(sleepy("value"))) == ("value", ["sleepy"])
    assert asyncio.run(module.once(asyncio.sleep(0, "value"))) == "value"


@pytest.mark.parametrize("module", [units, lazyinit, cplusplus], ids=lambda module: module.__name__)
def test_all_extensions_share_one_type(module):
    aw = module.once(ready())
    assert type(aw) is pyawaitable.PyAwaitable
    run(aw)


def test_a_translation_unit_that_does_not_call_init():
    assert run(units.total(ready(40), sleepy(2))) == 42
    with pytest.raises(TypeError):
        run(units.total(ready(1), ready("not a number")))


def test_a_translation_unit_that_includes_the_header_twice():
    async def function(data, number):
        return data, number

    assert run(units.sized(function, b"a\0b")) == (b"a\0b", 7)


def test_a_translation_unit_without_py_ssize_t_clean():
    """ "#" formats then mean what they mean to Py_BuildValue in the same place."""

    async def function(data):
        return data

    def outcome(call, *arguments):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = call(*arguments)
            except Exception as error:
                result = type(error)
        return result, sorted(str(warning.message) for warning in caught)

    built, warned = outcome(units.build_unclean, b"a\0b")
    awaited, warned_too = outcome(lambda: (run(units.sized_unclean(function, b"a\0b")),))
    # what fails leaves the new awaitable behind, as clean-up in C does
    warned_too = [message for message in warned_too if "was never awaited" not in message]
    assert (awaited, warned_too) == (built, warned)


@pytest.mark.parametrize("number", NUMBERS)
def test_variadic_functions_with_any_number_of_values_in_c(number):
    assert units.many_values(number) == number


@pytest.mark.parametrize("number", NUMBERS)
def test_variadic_functions_with_any_number_of_values_in_cplusplus(number):
    assert cplusplus.many_values(number) is True


def test_async_with_and_await_function_in_cplusplus():
    async def function(*arguments):
        return arguments

    context = Context("entered")
    assert run(cplusplus.enter(context, function)) == ("entered", (1, "two", b"three"))
    assert context.log == ["enter", ("exit", None)]


async def items(log, *given):
    try:
        for item in given:
            await sleepy(item)
            if isinstance(item, Exception):
                raise item
            log.append((item, (yield item)))
    finally:
        log.append("closed")


async def taken(generator):
    """Its items; the first is answered."""
    first = await generator.__anext__()
    return [first, await generator.asend("sent"), *[item async for item in generator]]


def test_a_generator_that_loops_in_cplusplus():
    log = []
    generator = cplusplus.doubled(items(log, 1, "x", 3))
    assert isinstance(generator, collections.abc.AsyncGenerator)
    assert run(taken(generator)) == [2, "sent", "xx", 6]
    assert log == [(1, None), ("x", None), (3, None), "closed"]
    log.clear()
    generator = cplusplus.doubled(items(log, 1, None))
    assert run(generator.__anext__()) == 2
    run(generator.aclose())
    assert log == ["closed"]
    with pytest.raises(TypeError, match="NoneType"):
        run(taken(cplusplus.doubled(items(log, 1, None))))


def test_loops_in_a_body_and_by_lambdas_in_cplusplus():
    error = KeyError("raised")
    assert run(cplusplus.counted(items([], 1, None, 2, False, 3))) == 2
    assert run(cplusplus.counted(cplusplus.doubled(items([], 1, 2)))) == 2
    assert run(cplusplus.collected(items([], 1, 2))) == [1, 2, ...]
    assert run(cplusplus.collected(items([], 1, None, 2))) == [1]
    assert run(cplusplus.collected(items([], 1, error))) == [1, error]
    assert run(cplusplus.collected(cplusplus.doubled(items([], 1, 2)))) == [2, 4, ...]
    with pytest.raises(KeyError):
        run(cplusplus.counted(items([], 1, error)))


def test_the_table_of_1x_in_cplusplus():
    assert cplusplus.table() is pyawaitable.PyAwaitable


# The first use initializes


def test_an_extension_that_never_calls_init(run_python):
    finished = run_python(
        "import lazyinit, sys\n"
        "assert '_pyawaitable' not in sys.modules\n"
        "async def one(): return 1\n"
        "try: lazyinit.once(one()).send(None)\n"
        "except StopIteration as stop: print(stop.value)\n"
    )
    assert finished.stdout == "1\n"


def test_the_type_may_be_the_first_use(run_python):
    finished = run_python(
        "import lazyinit; print(lazyinit.get_type().__name__)\n"
        "import pyawaitable; assert lazyinit.get_type() is pyawaitable.PyAwaitable"
    )
    assert finished.stdout == "PyAwaitable\n"


def test_the_first_use_leaves_an_exception_that_is_set(run_python):
    finished = run_python(
        "import lazyinit\n"
        "error = KeyError('set')\n"
        "try: lazyinit.new_in_except(error)\n"
        "except KeyError as caught:\n"
        "    assert caught is error and caught.__context__ is None and caught.__cause__ is None\n"
        "    print('same')\n"
    )
    assert finished.stdout == "same\n"


# The calls that can be an extension's first, and what they do without a runtime to import.
FIRST_USES = [
    "rawapi.init()",
    "rawapi.get_type()",
    "rawapi.new()",
    "rawapi.add_await(None, 1)",
    "rawapi.add_expr(None, 1)",
    "rawapi.defer_await(None, print)",
    "rawapi.await_function(None, print)",
    "rawapi.async_with(None, 1)",
    "rawapi.async_for(None, 1)",
    "rawapi.set_result(None, 1)",
    "rawapi.cancel(None)",
    "rawapi.save_values(None, 1)",
    "rawapi.unpack_values(None, 1)",
    "rawapi.set_value(None, 0, 1)",
    "rawapi.get_value(None, 0)",
    "rawapi.save_arb_values(None, 1)",
    "rawapi.unpack_arb_values(None, 1)",
    "rawapi.set_arb_value(None, 0, 1)",
    "rawapi.get_arb_value(None, 0)",
    "rawapi.save_int_values(None, 1)",
    "rawapi.unpack_int_values(None, 1)",
    "rawapi.set_int_value(None, 0, 1)",
    "rawapi.get_int_value(None, 0)",
]


@pytest.mark.parametrize("call", FIRST_USES)
def test_every_function_may_be_the_first_use(call, run_python):
    """It then behaves as in later calls: a wrong first argument is a TypeError."""
    expected = "None" if call.split("(")[0][7:] in ("init", "get_type", "new") else "TypeError"
    finished = run_python(
        f"import rawapi\n"
        f"try:\n"
        f"    value = {call}\n"
        f"    hasattr(value, 'close') and isinstance(value, type) or value and value.close()\n"
        f"    print(None)\n"
        f"except Exception as error: print(type(error).__name__)\n"
        if not call.startswith("rawapi.get_type")
        else "import rawapi\nrawapi.get_type()\nprint(None)"
    )
    assert finished.stdout.strip() == expected


NO_RUNTIME = "import sys; sys.modules['_pyawaitable'] = None\n"


def test_every_function_fails_as_init_does_without_a_runtime(run_python):
    finished = run_python(
        NO_RUNTIME + "import rawapi\n"
        f"for call in {FIRST_USES!r}:\n"
        "    try: eval(call)\n"
        "    except ImportError as error: print('pyawaitable' in str(error))\n"
        "    else: print(call)\n"
    )
    assert finished.stdout.split() == ["True"] * len(FIRST_USES)


def test_the_missing_runtime_is_an_import_error_that_says_what_to_install(run_python):
    finished = run_python(NO_RUNTIME + "import rawapi\ntry: rawapi.init()\nexcept ImportError as error: print(error)\n")
    assert "there is no module '_pyawaitable'" in finished.stdout
    assert 'pip install "pyawaitable-rs>=3.0,<4"' in finished.stdout


def test_a_runtime_that_cannot_be_imported_is_to_be_installed_anew(tmp_path, run_python):
    """It is damaged."""
    package = tmp_path / "_pyawaitable"
    package.mkdir()
    (package / ("__init__" + sysconfig.get_config_var("EXT_SUFFIX"))).touch()
    finished = run_python(
        "import rawapi\ntry: rawapi.init()\nexcept ImportError as error: print(error)\n",
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert "cannot be imported" in finished.stdout
    assert 'pip install --force-reinstall "pyawaitable-rs>=3.0,<4"' in finished.stdout


def test_a_runtime_without_the_table_is_an_import_error(run_python):
    """As the original distribution's module of the same name is."""
    finished = run_python(
        "import sys, types; sys.modules['_pyawaitable'] = types.ModuleType('_pyawaitable')\n"
        "import rawapi\n"
        "try: rawapi.init()\n"
        "except ImportError as error: print(error)\n"
    )
    assert "pyawaitable-rs" in finished.stdout


def test_a_runtime_that_is_too_old_is_an_import_error(run_python):
    """Its table begins with a size and a version that are too small."""
    finished = run_python(
        "import ctypes, sys, types\n"
        "table = ctypes.create_string_buffer(4096)\n"
        "name = b'_pyawaitable.abi_v3'\n"
        "new = ctypes.pythonapi.PyCapsule_New\n"
        "new.restype = ctypes.py_object\n"
        "new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]\n"
        "module = sys.modules['_pyawaitable'] = types.ModuleType('_pyawaitable')\n"
        "module.abi_v3 = new(ctypes.addressof(table), name, None)\n"
        "import rawapi\n"
        "try: rawapi.init()\n"
        "except ImportError as error: print(error)\n"
    )
    assert "pyawaitable-rs" in finished.stdout


def test_a_failed_first_use_can_be_repeated(run_python):
    finished = run_python(
        NO_RUNTIME + "import rawapi\n"
        "for _ in range(3):\n"
        "    try: rawapi.new()\n"
        "    except ImportError: pass\n"
        "    else: raise AssertionError\n"
        "del sys.modules['_pyawaitable']\n"
        "rawapi.new().close()\n"
        "print('works')\n"
    )
    assert finished.stdout == "works\n"


def test_a_failed_first_use_replaces_the_exception_that_is_set(run_python):
    finished = run_python(
        NO_RUNTIME + "import rawapi\n"
        "for function, arguments in ((rawapi.new, ()), (rawapi.cancel, (None,))):\n"
        "    try: rawapi.with_exception_set(function, *arguments)\n"
        "    except ImportError: print('ImportError')\n"
    )
    assert finished.stdout.split() == ["ImportError"] * 2


@pytest.mark.parametrize("first", ["new", "get_type", "init"])
def test_every_first_use_leaves_an_exception_that_is_set(first, run_python):
    finished = run_python(
        f"import rawapi; print(rawapi.with_exception_set(rawapi.{first}))",
        "-W",
        "ignore::ResourceWarning",
    )
    assert finished.stdout == "True\n"


# The names of 1.x

SPELLINGS = [spelling1x.lower, spelling1x.table, spelling1x.upper]


@pytest.mark.parametrize("make", SPELLINGS, ids=lambda function: function.__name__)
def test_the_functions_of_1x(make):
    context, log = Context("entered"), []

    async def function(number):
        return number + 1

    aw = make(ready("first"), function, context, log)
    assert type(aw) is pyawaitable.PyAwaitable
    assert run(aw) == 6
    assert context.log == ["enter", ("exit", None)]
    assert log == [True]


@pytest.mark.parametrize("check", [spelling1x.lower_values, spelling1x.table_values, spelling1x.upper_values])
def test_the_values_of_1x(check):
    assert check() is True


@pytest.mark.parametrize("check", [spelling1x.lower_types, spelling1x.upper_types])
def test_the_type_of_1x(check):
    assert check() is pyawaitable.PyAwaitable


def test_init_of_1x_in_a_file_that_does_not_ask_for_it():
    assert spelling1x.lower_init() == 0


def test_vendor_init_of_1x_is_an_error():
    with pytest.raises(SystemError):
        spelling1x.vendor_init()


# Several copies of the library in one process

OWN_COPY = """
import importlib.machinery, importlib.util, shutil, sys, pathlib, tempfile

def load(name, path, folder):
    copied = pathlib.Path(folder) / pathlib.Path(path).name
    shutil.copy(path, copied)  # another file, or the loader would find the same library again
    loader = importlib.machinery.ExtensionFileLoader(name, str(copied))
    spec = importlib.util.spec_from_file_location(name, str(copied), loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module

import _pyawaitable, rawapi
path = _pyawaitable.__file__
rawapi.init()
folder = tempfile.mkdtemp()
native = load("_pyawaitable", path, folder)
kept = sys.modules["_pyawaitable"]
sys.modules["_pyawaitable"] = native
other = load("rawapi", rawapi.__file__, folder)
other.init()
sys.modules["_pyawaitable"] = kept
assert other.get_type() is not rawapi.get_type()

async def inner():
    return "value"

def keep(api):
    return lambda aw, result: api.set_result(aw, result)

# each awaits the other's objects
for mine, theirs in ((rawapi, other), (other, rawapi)):
    outer, foreign = mine.new(), theirs.new()
    theirs.add_await(foreign, inner(), keep(theirs))
    mine.add_await(outer, foreign, keep(mine))
    try:
        outer.send(None)
    except StopIteration as stop:
        assert stop.value == "value"

# and refuses them as its own
foreign = other.new()
calls = [
    (rawapi.add_await, foreign),
    (rawapi.add_expr, foreign),
    (rawapi.defer_await, print),
    (rawapi.await_function, print),
    (rawapi.async_with, foreign),
    (rawapi.async_for, foreign),
    (rawapi.set_result, 1),
    (rawapi.save_values, 1),
    (rawapi.unpack_values, 1),
    (rawapi.set_value, 0, 1),
    (rawapi.get_value, 0),
    (rawapi.save_arb_values, 1),
    (rawapi.unpack_arb_values, 1),
    (rawapi.set_arb_value, 0, 1),
    (rawapi.get_arb_value, 0),
    (rawapi.save_int_values, 1),
    (rawapi.unpack_int_values, 1),
    (rawapi.set_int_value, 0, 1),
    (rawapi.get_int_value, 0),
    (rawapi.cancel,),
]
for function, *arguments in calls:
    try:
        function(foreign, *arguments)
    except TypeError:
        pass
    else:
        raise AssertionError(function)
foreign.close()
shutil.rmtree(folder)
print("done")
"""


def test_an_object_of_a_second_copy_of_the_library_is_foreign(run_python):
    assert run_python(OWN_COPY).stdout == "done\n"
