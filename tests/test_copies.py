"""Several libraries in one process: copies of this one, and the original PyAwaitable 2.x.

Each awaits the others' objects. None mistakes another's objects for its own.
"""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from compiling import compile_extension, download_original, load_extension
from raw_support import Ready, failing, ready, run, sleepy, steps

import _pyawaitable
import pyawaitable

SOURCE = Path(__file__).parent / "copies" / "copy.c"


def native_module():
    """The shared library of `_pyawaitable` itself."""
    return Path(_pyawaitable.__file__)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """In table mode, over the library that is installed."""
    return load_extension(compile_extension(tmp_path_factory.mktemp("installed"), "copy", [SOURCE]))


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """In table mode, over another file of the same library."""
    folder = tmp_path_factory.mktemp("second")
    path = compile_extension(folder, "copy", [SOURCE])
    native = load_extension(shutil.copy(native_module(), folder / native_module().name), "_pyawaitable")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "_pyawaitable", native)
        return load_extension(path)


def archive():
    """The installed libpyawaitable.a."""
    try:
        return Path(pyawaitable.static_library())
    except (AttributeError, RuntimeError) as error:
        pytest.skip(f"this installation has no static library: {error}")


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    """With its own copy linked in."""
    options = ["-DPYAWAITABLE_LINK", "-DPYAWAITABLE_STATIC", str(archive())]
    folder = tmp_path_factory.mktemp("static")
    return load_extension(compile_extension(folder, "copy", [SOURCE], *options))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The code of the original 2.0.1, which is in its header."""
    folder = download_original("2.0.1", str(tmp_path_factory.mktemp("original")))
    try:
        path = compile_extension(
            # Its assertions do not hold even for its own objects.
            folder,
            "copy",
            [SOURCE],
            "-w",
            "-DNDEBUG",
            include=folder / "pyawaitable",
        )
    except AssertionError as error:
        pytest.skip(f"the original 2.0.1 does not compile for this interpreter: {error}")
    return load_extension(path)


OURS = ["installed", "second", "static"]
ALL = [*OURS, "original"]


@pytest.fixture
def pair(request):
    return [request.getfixturevalue(name) for name in request.param]


def pairs(inner, outer):
    """Every pair of different libraries: the owner of an object, and the one that it is passed to."""
    every = [(one, other) for one in inner for other in outer if one != other]
    return pytest.mark.parametrize("pair", every, indirect=True, ids=["-in-".join(p) for p in every])


@pairs(ALL, ALL)
def test_they_are_different_libraries(pair):
    one, other = (library.once(ready()) for library in pair)
    assert type(one) is not type(other)
    # the original must not see one that is not awaited
    asyncio.run(awaited(one))
    asyncio.run(awaited(other))


@pairs(ALL, ALL)
def test_awaiting_an_object_of_another(pair):
    inner, outer = pair
    assert asyncio.run(awaited(outer.once(inner.once(asyncio.sleep(0.001, "value"))))) == "value"
    nested = ready("deep")
    for library in [inner, outer] * 10:
        nested = library.once(nested)
    assert asyncio.run(awaited(nested)) == "deep"


async def awaited(awaitable):
    return await awaitable


@pairs(ALL, ALL)
def test_an_exception_from_an_object_of_another(pair):
    inner, outer = pair
    error = OSError("once")
    with pytest.raises(OSError) as caught:
        asyncio.run(awaited(outer.once(inner.once(failing(error)))))
    assert caught.value is error


@pairs(OURS, OURS)
def test_steps_go_through_to_an_object_of_another(pair):
    inner, outer = pair
    assert steps(outer.once(inner.once(sleepy("value")))) == ("value", ["sleepy"])
    aw = outer.once(inner.once(sleepy()))
    aw.send(None)
    with pytest.raises(KeyError):
        aw.throw(KeyError())
    aw = outer.once(inner.once(sleepy()))
    aw.send(None)
    aw.close()
    assert aw.cr_await is None


@pairs(ALL, OURS)
def test_an_object_of_another_is_refused_as_the_awaitable(pair):
    foreign, ours = pair
    aw = foreign.once(ready("value"))
    outcomes = ours.every_call(aw)
    assert outcomes == [TypeError] * 20
    assert asyncio.run(awaited(aw)) == "value"


@pytest.mark.parametrize("name", OURS)
def test_each_takes_its_own(name, request):
    library = request.getfixturevalue(name)
    aw = library.once(Ready())
    outcomes = library.every_call(aw)
    assert outcomes[2] is None and outcomes[6:9] == [None] * 3
    run(aw)


def test_all_of_them_in_one_chain(installed, second, static, original):
    nested = sleepy("value")
    for library in [installed, second, static] * 3:
        nested = library.once(nested)
    assert steps(nested) == ("value", ["sleepy"])
    nested = asyncio.sleep(0.001, "value")
    for library in [installed, original, second, static] * 3:
        nested = library.once(nested)
    assert asyncio.run(awaited(nested)) == "value"


def test_versions(installed, second, static, original):
    assert [lib.version() for lib in (installed, second, static, original)] == [3, 3, 3, 2]


def test_the_static_copy_needs_no_installation(static, tmp_path):
    """In an interpreter that cannot import the library at all."""
    shutil.copy(static.__file__, tmp_path)
    code = (
        "import sys; sys.modules['_pyawaitable'] = sys.modules['pyawaitable'] = None\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "sys.modules.pop('copy', None)\n"
        "import copy\n"
        "async def one(): return 1\n"
        "try: copy.once(one()).send(None)\n"
        "except StopIteration as stop: print(stop.value)\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (finished.stdout, finished.stderr) == ("1\n", "")
