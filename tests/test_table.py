"""The table that extensions call the functions through: what docs/abi.md promises of it.

A compiled extension has the offsets below in its code, forever.
"""

import asyncio
import ctypes
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import rawapi
from compiling import WARNINGS, compiler, python_includes

import _pyawaitable
import pyawaitable

pytestmark = pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the offsets are those of 64-bit platforms")

DOCUMENT = Path(__file__).parent.parent / "docs" / "abi.md"
CAPSULE = "_pyawaitable.abi_v3"

CALLBACKS = "PyAwaitable_Callback, PyAwaitable_Error"

# By the minor version that added them: the byte offset, the name and the type of each entry that has been published. What
# is here never changes, whatever the sources say. When a version is published, its entries are added.
PUBLISHED = {
    (3, 0): [
        (0, "size", "Py_ssize_t"),
        (8, "version", "long"),
        (16, "Init", "int (*)(void)"),
        (24, "GetType", "PyTypeObject *(*)(void)"),
        (32, "New", "PyObject *(*)(void)"),
        (40, "AddAwait", f"int (*)(PyObject *, PyObject *, {CALLBACKS})"),
        (48, "AddExpr", f"int (*)(PyObject *, PyObject *, {CALLBACKS})"),
        (56, "DeferAwait", "int (*)(PyObject *, PyAwaitable_Defer)"),
        (64, "AwaitCall", f"int (*)(PyObject *, PyObject *, PyObject *, {CALLBACKS})"),
        (72, "AsyncWith", f"int (*)(PyObject *, PyObject *, {CALLBACKS})"),
        (80, "Cancel", "void (*)(PyObject *)"),
        (88, "SetResult", "int (*)(PyObject *, PyObject *)"),
        (96, "ValueCount", "Py_ssize_t (*)(PyObject *)"),
        (104, "SaveValueArray", "int (*)(PyObject *, Py_ssize_t, PyObject *const *)"),
        (112, "UnpackValueArray", "Py_ssize_t (*)(PyObject *, Py_ssize_t, PyObject **)"),
        (120, "SetValue", "int (*)(PyObject *, Py_ssize_t, PyObject *)"),
        (128, "GetValue", "PyObject *(*)(PyObject *, Py_ssize_t)"),
        (136, "ArbValueCount", "Py_ssize_t (*)(PyObject *)"),
        (144, "SaveArbValueArray", "int (*)(PyObject *, Py_ssize_t, void *const *)"),
        (152, "UnpackArbValueArray", "Py_ssize_t (*)(PyObject *, Py_ssize_t, void **)"),
        (160, "SetArbValue", "int (*)(PyObject *, Py_ssize_t, void *)"),
        (168, "GetArbValue", "void *(*)(PyObject *, Py_ssize_t)"),
        (176, "IntValueCount", "Py_ssize_t (*)(PyObject *)"),
        (184, "SaveIntValueArray", "int (*)(PyObject *, Py_ssize_t, const long *)"),
        (192, "UnpackIntValueArray", "Py_ssize_t (*)(PyObject *, Py_ssize_t, long *)"),
        (200, "SetIntValue", "int (*)(PyObject *, Py_ssize_t, long)"),
        (208, "GetIntValue", "long (*)(PyObject *, Py_ssize_t)"),
    ],
}

# The functions as the sources have them.
API = json.loads(Path(__file__).with_name("api.json").read_text(encoding="utf-8"))
VERSION = tuple(map(int, pyawaitable.__version__.split(".")[:2]))


def of_the_sources():
    """The same of the sources, version by version."""
    entries = {(3, 0): PUBLISHED[3, 0][:2]}
    for function in sorted((each for each in API if each["offset"] is not None), key=lambda each: each["offset"]):
        entry = (function["offset"], function["name"].replace("PyAwaitable_", ""), function["type"])
        entries.setdefault(tuple(function["since"]), []).append(entry)
    return entries


ENTRIES = of_the_sources()
SIZE = 8 + max(offset for entries in ENTRIES.values() for offset, _, _ in entries)

# The types that the table's functions get, which must not change either.
FUNCTION_TYPES = {
    "PyAwaitable_Callback": "int (*)(PyObject *, PyObject *)",
    "PyAwaitable_Error": "int (*)(PyObject *, PyObject *)",
    "PyAwaitable_Defer": "int (*)(PyObject *)",
}


def listed(entries=ENTRIES):
    return [(version, *entry) for version in entries for entry in entries[version]]


OFFSETS = {name: offset for _, offset, name, _ in listed()}

# ---- The header ----------------------------------------------------------------------------------


def test_what_is_published_stays():
    for version, entries in PUBLISHED.items():
        assert ENTRIES[version] == entries


def assertions(entries, version, size):
    """C that compiles only if the header's table has these entries."""
    lines = [
        "#include <Python.h>",
        "#include <pyawaitable.h>",
        "#include <stddef.h>",
        "#define SAME(a, b) __builtin_types_compatible_p(__typeof__(a), __typeof__(b))",
        "#define ENTRY(name) (((PyAwaitable_Table *)0)->name)",
    ]
    for _, offset, name, type_ in listed(entries):
        place = f"offsetof(PyAwaitable_Table, {name})"
        lines.append(f'_Static_assert({place} == {offset}, "{name} has moved");')
        lines.append(f'_Static_assert(SAME(ENTRY({name}), {type_}), "{name} has another type");')
    for name, type_ in FUNCTION_TYPES.items():
        lines.append(f'_Static_assert(SAME({name}, {type_}), "{name} is another type");')
    lines.append(
        f"_Static_assert(PyAwaitable_MAJOR_VERSION == {version[0]} && "
        f'PyAwaitable_MINOR_VERSION == {version[1]}, "the list is not that of this version");'
    )
    lines.append(f'_Static_assert(sizeof(PyAwaitable_Table) == {size}, "the size is not that of this list");')
    return "\n".join(lines) + "\n"


def complaints(include, tmp_path, entries=ENTRIES, version=VERSION, size=SIZE):
    """The compiler's output for the header in a folder: only the texts of the failed assertions."""
    source = tmp_path / "table.c"
    source.write_text(assertions(entries, version, size))
    finished = subprocess.run(
        [compiler(), *WARNINGS, *python_includes(), f"-I{include}", "-fsyntax-only", source.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    found = re.findall(r'static assertion failed[^"]*"(.*?)"', finished.stderr)
    found += re.findall(r"no member named .(\w+)", finished.stderr)
    assert bool(found) == (finished.returncode != 0), finished.stderr
    return sorted(set(found))


@pytest.fixture
def changed_header(tmp_path):
    """A copy of the headers with some texts replaced, each of which must be there once in one of them."""

    def change(*replacements):
        folder = tmp_path / "include"
        shutil.copytree(pyawaitable.include(), folder)
        for old, new in replacements:
            (header,) = (path for path in folder.rglob("*.h") if old in path.read_text())
            text = header.read_text()
            assert text.count(old) == 1, old
            header.write_text(text.replace(old, new))
        return folder

    return change


def test_every_entry_of_the_header_is_where_it_always_was(tmp_path):
    assert complaints(pyawaitable.include(), tmp_path) == []


GET_TYPE = "    PyTypeObject *(*GetType)(void);\n"
NEW = "    PyObject *(*New)(void);\n"
LAST = "    long (*GetIntValue)(PyObject *awaitable, Py_ssize_t index);\n"
END = "} PyAwaitable_Table;\n"
MORE = "    int (*More)(void);\n"
NEXT = (VERSION[0], VERSION[1] + 1)
NEXT_VERSION = (f"#define PyAwaitable_MINOR_VERSION {VERSION[1]}\n", f"#define PyAwaitable_MINOR_VERSION {NEXT[1]}\n")

CHANGES = {
    "two entries change places": (
        [(GET_TYPE + NEW, NEW + GET_TYPE)],
        {"GetType has moved", "New has moved"},
    ),
    "an entry in between": (
        [(NEW, NEW + MORE)],
        {"AddAwait has moved", "GetIntValue has moved", "the size is not that of this list"},
    ),
    "an entry less": ([(LAST, "")], {"GetIntValue", "the size is not that of this list"}),
    "an entry at the end of a published version": (
        [(END, MORE + END)],
        {"the size is not that of this list"},
    ),
    "another name": ([(NEW, NEW.replace("New", "Make"))], {"New"}),
    "another result": (
        [("    int (*SetResult)", "    void (*SetResult)")],
        {"SetResult has another type"},
    ),
    "another argument": (
        [("SetIntValue)(PyObject *awaitable, Py_ssize_t", "SetIntValue)(PyObject *awaitable, int")],
        {"SetIntValue has another type"},
    ),
    "an array that is no longer const": (
        [
            (
                "(*SaveIntValueArray)(PyObject *awaitable, Py_ssize_t count, const long",
                "(*SaveIntValueArray)(PyObject *awaitable, Py_ssize_t count, long",
            )
        ],
        {"SaveIntValueArray has another type"},
    ),
    "a callback with one argument more": (
        [
            (
                "(*PyAwaitable_Callback)(PyObject *awaitable, PyObject *result)",
                "(*PyAwaitable_Callback)(PyObject *awaitable, PyObject *result, void *data)",
            )
        ],
        {"PyAwaitable_Callback is another type"},
    ),
    "another type of the version": (
        [("    long version;", "    unsigned long version;")],
        {"version has another type"},
    ),
    "the next version, with the same table": (
        [NEXT_VERSION],
        {"the list is not that of this version"},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_to_the_table_is_noticed(change, changed_header, tmp_path):
    replacements, expected = CHANGES[change]
    assert expected <= set(complaints(changed_header(*replacements), tmp_path))


def test_an_entry_at_the_end_is_how_the_table_grows(changed_header, tmp_path):
    include = changed_header(NEXT_VERSION, (END, MORE + END))
    entries = {**ENTRIES, NEXT: [(SIZE, "More", "int (*)(void)")]}
    assert complaints(include, tmp_path, entries, NEXT, SIZE + 8) == []


def test_the_document_lists_what_is_frozen():
    row = r"^\| (\d+) \| `(.*?)` \| `(.*?)` \| (\d+)\.(\d+) \|$"
    rows = re.findall(row, DOCUMENT.read_text(encoding="utf-8"), re.M)
    documented = [((int(m), int(n)), int(at), name, type_) for at, name, type_, m, n in rows]
    assert documented == listed()


# ---- The runtime that is installed ---------------------------------------------------------------


def pointer(capsule, name=CAPSULE):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype = ctypes.c_void_p
    get.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, name.encode())


TABLE = pointer(_pyawaitable.abi_v3)


def test_the_table_begins_with_its_size():
    assert ctypes.c_ssize_t.from_address(TABLE).value == SIZE


def test_the_table_goes_on_with_the_version_of_the_package():
    version = ctypes.c_long.from_address(TABLE + 8).value
    numbers = [version >> 24, version >> 16 & 0xFF, version >> 8 & 0xFF]
    release = re.match(r"\d+\.\d+\.\d+", pyawaitable.__version__)
    assert ".".join(map(str, numbers)) == release.group()
    assert tuple(numbers[:2]) == VERSION >= max(ENTRIES)
    assert version & 0xFF in (0xA0, 0xB0, 0xC0, 0xF0)


@pytest.mark.parametrize("name", [name for name in OFFSETS if name not in ("size", "version")])
def test_every_entry_is_a_function(name):
    assert ctypes.c_void_p.from_address(TABLE + OFFSETS[name]).value


OBJECT = ctypes.py_object
COUNT = ctypes.c_ssize_t
POINTER = ctypes.c_void_p
Callback = ctypes.PYFUNCTYPE(ctypes.c_int, OBJECT, OBJECT)
Defer = ctypes.PYFUNCTYPE(ctypes.c_int, OBJECT)


def function(name, result, *arguments):
    """The function at the offset of an entry; its exceptions propagate."""
    address = ctypes.c_void_p.from_address(TABLE + OFFSETS[name]).value
    return ctypes.PYFUNCTYPE(result, *arguments)(address)


def new():
    return function("New", OBJECT)()


def drive(awaitable):
    async def main():
        return await awaitable

    return asyncio.run(main())


# A place for pointers that are never read.
PLACES = (ctypes.c_void_p * 8)()
KINDS = {
    "Value": (OBJECT, ["a", "b", "c"], "d"),
    "ArbValue": (POINTER, [ctypes.addressof(PLACES) + at for at in range(3)], 12345),
    "IntValue": (ctypes.c_long, [-1, 0, 2**31 - 1], 77),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_entries_of_saved_values_are_those_of_their_kind(kind):
    """The functions of the three kinds look the same to a compiler."""
    type_, values, another = KINDS[kind]
    awaitable = new()
    array = (type_ * 3)(*values)
    save = function(f"Save{kind}Array", ctypes.c_int, OBJECT, COUNT, POINTER)
    assert save(awaitable, 3, array) == 0
    counts = {name: function(f"{name}Count", COUNT, OBJECT)(awaitable) for name in KINDS}
    assert counts == {name: 3 if name == kind else 0 for name in KINDS}

    assert function(f"Set{kind}", ctypes.c_int, OBJECT, COUNT, type_)(awaitable, 1, another) == 0
    get = function(f"Get{kind}", POINTER if type_ is OBJECT else type_, OBJECT, COUNT)
    assert get(awaitable, 1) == (id(another) if type_ is OBJECT else another)

    expected = [values[0], another, values[2]]
    if type_ is OBJECT:
        expected = list(map(id, expected))
    unpack = function(f"Unpack{kind}Array", COUNT, OBJECT, COUNT, POINTER)
    for room in range(6):
        unpacked = ((POINTER if type_ is OBJECT else type_) * 5)()
        assert unpack(awaitable, room, unpacked if room else None) == 3
        assert [value or 0 for value in unpacked] == (expected[:room] + [0] * 5)[:5]
    with pytest.raises(ValueError, match="negative"):
        unpack(awaitable, -1, unpacked)
    with pytest.raises(ValueError, match="NULL"):
        unpack(awaitable, 1, None)
    function("Cancel", None, OBJECT)(awaitable)


class Block:
    def __init__(self, log):
        self.log = log

    async def __aenter__(self):
        self.log.append("enter")
        return "entered"

    async def __aexit__(self, *exception):
        self.log.append("exit")


async def gives(value):
    return value


async def items():
    yield "item"


def test_the_entries_that_queue_do_what_their_names_say():
    log = []
    awaitable = new()

    @Callback
    def callback(awaitable, result):
        log.append(result)
        return 0

    @Defer
    def deferred(awaitable):
        log.append("deferred")
        return 0

    none = Callback()
    add = function("AddAwait", ctypes.c_int, OBJECT, OBJECT, Callback, Callback)
    assert add(awaitable, gives("AddAwait"), callback, none) == 0

    expr = gives("AddExpr")
    ctypes.pythonapi.Py_IncRef(OBJECT(expr))  # the call steals it
    before = sys.getrefcount(expr)
    add = function("AddExpr", ctypes.c_int, OBJECT, OBJECT, Callback, Callback)
    assert add(awaitable, expr, callback, none) == 0
    assert sys.getrefcount(expr) == before

    assert function("DeferAwait", ctypes.c_int, OBJECT, Defer)(awaitable, deferred) == 0

    arguments = ("AwaitCall",)
    ctypes.pythonapi.Py_IncRef(OBJECT(arguments))  # the call steals it
    call = function("AwaitCall", ctypes.c_int, OBJECT, OBJECT, OBJECT, Callback, Callback)
    assert call(awaitable, gives, arguments, callback, none) == 0

    block = function("AsyncWith", ctypes.c_int, OBJECT, OBJECT, Callback, Callback)
    assert block(awaitable, Block(log), callback, none) == 0

    loop = function("AsyncFor", ctypes.c_int, OBJECT, OBJECT, Callback, Defer, Callback)
    assert loop(awaitable, items(), callback, deferred, none) == 0
    assert function("SetResult", ctypes.c_int, OBJECT, OBJECT)(awaitable, "result") == 0

    assert drive(awaitable) == "result"
    assert log == ["AddAwait", "AddExpr", "deferred", "AwaitCall", "enter", "entered", "exit", "item", "deferred"]


def test_the_entries_of_the_error_callbacks_are_the_last():
    seen = []

    @Callback
    def callback(awaitable, result):
        seen.append("callback")
        return 0

    @Callback
    def error(awaitable, exception):
        seen.append(type(exception))
        return 0

    async def fails():
        raise KeyError

    async def failing_items():
        raise KeyError
        yield

    for name in ("AddAwait", "AddExpr", "AwaitCall", "AsyncWith", "AsyncFor"):
        awaitable = new()
        arguments = [fails()]
        types = [OBJECT]
        if name == "AddExpr":
            ctypes.pythonapi.Py_IncRef(OBJECT(arguments[0]))
        elif name == "AwaitCall":
            arguments[0].close()
            arguments = [fails, ()]
            types = [OBJECT, OBJECT]
            ctypes.pythonapi.Py_IncRef(OBJECT(arguments[1]))
        elif name == "AsyncWith":
            arguments[0].close()
            arguments = [Block(seen)]
            arguments[0].__class__ = type("Failing", (Block,), {"__aenter__": lambda self: fails()})
        elif name == "AsyncFor":
            arguments[0].close()
            arguments = [failing_items(), callback, Defer()]
            types = [OBJECT, Callback, Defer]
            assert function(name, ctypes.c_int, OBJECT, *types, Callback)(awaitable, *arguments, error) == 0
            drive(awaitable)
            continue
        add = function(name, ctypes.c_int, OBJECT, *types, Callback, Callback)
        assert add(awaitable, *arguments, callback, error) == 0
        drive(awaitable)
    assert seen == [KeyError] * 5


def test_init_type_and_cancel():
    assert function("Init", ctypes.c_int)() == 0
    assert function("GetType", POINTER)() == id(pyawaitable.PyAwaitable)
    awaitable = new()
    assert type(awaitable) is pyawaitable.PyAwaitable
    function("Cancel", None, OBJECT)(awaitable)
    # No warning, which would fail the test, that it was never awaited.
    del awaitable


# ---- A runtime that does not fit -----------------------------------------------------------------

# Makes runtimes: `install(size, version)` has the functions of the real one under another size and
# version; where it is larger, what follows is not readable as a function.
RUNTIMES = """
import ctypes, sys, types

def pointer(capsule):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, b"_pyawaitable.abi_v3")

def capsule(address, name):
    make = ctypes.pythonapi.PyCapsule_New
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return make(address, name, None)

kept = []

def install(size, version, name=b"_pyawaitable.abi_v3", file="/of/another/_pyawaitable.so"):
    import _pyawaitable
    table = (ctypes.c_char * max(size, 16)).from_buffer(bytearray(b"\\x01" * max(size, 16)))
    real = pointer(_pyawaitable.abi_v3)
    ctypes.memmove(table, real, min(size, ctypes.c_ssize_t.from_address(real).value))
    ctypes.c_ssize_t.from_buffer(table).value = size
    ctypes.c_long.from_buffer(table, 8).value = version
    module = types.ModuleType("_pyawaitable")
    module.__file__ = file
    module.abi_v3 = capsule(ctypes.addressof(table), name)
    kept.extend([table, name, _pyawaitable])
    sys.modules["_pyawaitable"] = module

def without(attribute="abi_v3", **attributes):
    module = sys.modules["_pyawaitable"] = types.ModuleType("_pyawaitable")
    module.__file__ = "/of/another/_pyawaitable.so"
    vars(module).update(attributes)
"""
REPORT = """
try:
    {call}
except ImportError as error:
    print(error)
"""

# How it is installed, and what the message must name: what is there, and what to do about it.
PIP = "pip install"
FITS = f'{PIP} --upgrade "pyawaitable-rs>=3.0,<4"'
ANEW = f'{PIP} --force-reinstall "pyawaitable-rs>=3.0,<4"'
UNFIT = {
    "a table that is smaller": ("install(208, 0x030000F0)", ["3.0.0", FITS]),
    "a table of the head alone": ("install(16, 0x030000F0)", ["3.0.0", FITS]),
    "the major version before": ("install(4096, 0x020509F0)", ["is 2.5.9", FITS]),
    "the major version after": ("install(4096, 0x040102F0)", ["is 4.1.2", FITS]),
    "a capsule of another name": (
        "install(216, 0x030000F0, b'_pyawaitable.abi_v2')",
        ["(/of/another/_pyawaitable.so, version None)", ANEW],
    ),
    "no capsule but another object": (
        "without(abi_v3=object())",
        ["(/of/another/_pyawaitable.so, version None)", ANEW],
    ),
    "None for a capsule": ("without(abi_v3=None)", ["(/of/another/_pyawaitable.so, version None)", ANEW]),
    "a module without the table": ("without()", ["(/of/another/_pyawaitable.so, version None)", ANEW]),
    "the module of 1.x": (
        "without(abi_v1=capsule(id(kept), b'_pyawaitable.abi_v1'))",
        ["(/of/another/_pyawaitable.so, version None)", "'pyawaitable'", ANEW],
    ),
    "a runtime of the major version after": (
        "without(__version__='4.1.0', abi_v4=capsule(id(kept), b'_pyawaitable.abi_v4'))",
        ["(/of/another/_pyawaitable.so, version 4.1.0)", ANEW],
    ),
    "a module without a file": (
        "without(); del sys.modules['_pyawaitable'].__file__",
        ["'_pyawaitable' (None, version None)", ANEW],
    ),
    "none": (
        "sys.modules['_pyawaitable'] = None",
        ["there is no module '_pyawaitable'", f'{PIP} "pyawaitable-rs>=3.0,<4"'],
    ),
}
CALLS = {"init": "rawapi.init()", "first use": "rawapi.new()", "other use": "rawapi.cancel(None)"}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("runtime", UNFIT)
def test_a_runtime_that_does_not_fit_is_an_import_error(runtime, call, run_python):
    """At PyAwaitable_Init() as at the first use, again and again, and never a crash later."""
    install, expected = UNFIT[runtime]
    code = RUNTIMES + "import rawapi\n" + install + REPORT.format(call=CALLS[call]) * 2
    lines = run_python(code).stdout.splitlines()
    assert len(lines) == 2 and lines[0] == lines[1]
    for part in ["this extension", *expected]:
        assert part in lines[0]


@pytest.mark.parametrize("call", CALLS)
def test_a_runtime_that_is_not_installed_is_an_import_error(call, tmp_path, run_python):
    """The extension exists without the package, as if only the extension had been copied."""
    shutil.copy(rawapi.__file__, tmp_path)
    code = f"import sys; sys.path.append({str(tmp_path)!r})\nimport rawapi" + REPORT.format(call=CALLS[call])
    message = run_python(code, "-I", "-S").stdout
    assert "there is no module '_pyawaitable'" in message
    assert f'{PIP} "pyawaitable-rs>=3.0,<4"' in message


def test_the_first_error_is_the_cause(run_python):
    code = RUNTIMES + (
        "import rawapi\n"
        "missing = 'sys.modules[\"_pyawaitable\"] = None'\n"
        "for change in [missing, 'without()', 'without(abi_v3=1)']:\n"
        "    exec(change)\n"
        "    try: rawapi.new()\n"
        "    except ImportError as error: print(type(error.__cause__).__name__)\n"
    )
    causes = ["ModuleNotFoundError", "AttributeError", "ValueError"]
    assert run_python(code).stdout.split() == causes


def test_another_error_of_the_import_is_not_hidden(tmp_path, run_python):
    """What a broken file of the runtime raises says more than a guess would."""
    (tmp_path / "_pyawaitable.py").write_text("1 / 0\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport rawapi\n" + (
        "try: rawapi.new()\nexcept ZeroDivisionError: print('seen')\n"
    )
    assert run_python(code).stdout == "seen\n"


def test_a_newer_runtime_serves_an_extension_of_today(run_python):
    """Same major version, a later minor one, a longer table: only its head is read."""
    code = RUNTIMES + (
        "import rawapi\n"
        "install(4096, 0x030702F0)\n"
        "import asyncio\n"
        "async def seven(): return 7\n"
        "async def main():\n"
        "    aw = rawapi.new()\n"
        "    rawapi.add_await(aw, seven(), lambda aw, result: rawapi.set_result(aw, result))\n"
        "    return await aw\n"
        "print(asyncio.run(main()))\n"
    )
    assert run_python(code).stdout == "7\n"
