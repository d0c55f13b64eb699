"""Versions within 3.x: extensions and runtimes of different minor versions.

The newer header is made in the usual way: a function is written into a copy of src/capi, and the generator is run.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from compiling import WARNINGS, compile_extension, compiler, python_includes
from test_table import END, NEXT, PIP, REPORT, RUNTIMES, SIZE, VERSION

import pyawaitable

ROOT = Path(__file__).parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "build" / "target"))

# Of the next version. The second takes over a reference.
NEW = f"""
/// More than there is.
///
/// New in 3.{NEXT[1]}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_More(awaitable: *mut PyObject) -> c_int {{}}

/// Takes `value` over.
///
/// New in 3.{NEXT[1]}.
/// cbindgen:steals=value
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAwaitable_Take(awaitable: *mut PyObject, value: *mut PyObject) -> *mut PyObject {{}}
"""
# The calls that an extension makes, and how it is compiled.
SOURCE = """
#include <Python.h>
#include <pyawaitable.h>

static PyObject *init(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyAwaitable_Init() < 0 ? NULL : PyLong_FromLong(0);
}

static PyObject *use(PyObject *module, PyObject *unused)
{
    PyObject *awaitable = PyAwaitable_New();
    (void)module;
    (void)unused;
    if (awaitable != NULL) {
        PyAwaitable_Cancel(awaitable);
    }
    return awaitable;
}
#if defined(CALL_NEWER)
static PyObject *more(PyObject *module, PyObject *awaitable)
{
    (void)module;
    return PyAwaitable_More(awaitable) < 0 ? NULL : PyLong_FromLong(0);
}

/* With an exception set, which the failure replaces. */
static PyObject *take(PyObject *module, PyObject *value)
{
    (void)module;
    Py_INCREF(value);
    PyErr_SetString(PyExc_KeyError, "before");
    return PyAwaitable_Take(value, value);
}
#endif
static PyMethodDef methods[] = {
    {"init", init, METH_NOARGS, NULL},
    {"use", use, METH_NOARGS, NULL},
#if defined(CALL_NEWER)
    {"more", more, METH_O, NULL},
    {"take", take, METH_O, NULL},
#endif
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "newer",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_newer(void)
{
    return PyModuleDef_Init(&definition);
}
"""


def hexadecimal(version):
    return f"0x{version[0]:02x}{version[1]:02x}0000"


def text(version):
    return f"{version[0]}.{version[1]}"


@pytest.fixture(scope="module")
def newer_header(tmp_path_factory):
    """The headers of the next minor version, which has two more functions."""
    if shutil.which("cargo") is None:
        pytest.skip("the generator is run by cargo")
    copy = tmp_path_factory.mktemp("newer")
    for folder in ("src/capi", "docs", "include", "tests"):
        (copy / folder).mkdir(parents=True)
    for path in [ROOT / "cbindgen.toml", ROOT / "docs" / "abi.md", *(ROOT / "src" / "capi").glob("*.rs")]:
        shutil.copy(path, copy / path.relative_to(ROOT))
    shutil.copytree(ROOT / "include", copy / "include", dirs_exist_ok=True)
    with open(copy / "src" / "capi" / "awaitable.rs", "a", encoding="utf-8") as source:
        source.write(NEW)
    version = copy / "src" / "capi" / "version.rs"
    before = f"MINOR_VERSION: c_int = {VERSION[1]};"
    assert before in version.read_text()
    version.write_text(version.read_text().replace(before, f"MINOR_VERSION: c_int = {NEXT[1]};"))
    command = ["cargo", "run", "--quiet", "--locked", "--package", "xtask", "--target-dir", str(TARGET), "--", str(copy)]
    subprocess.run(command, cwd=ROOT, check=True)
    return copy / "include"


@pytest.fixture
def run_newer(newer_header, tmp_path, run_python):
    """Runs code that imports the extension of the newer header."""

    def run(code, *options, include=newer_header, install=""):
        source = tmp_path / "newer.c"
        source.write_text(SOURCE)
        compile_extension(tmp_path, "newer", [source], *options, include=include)
        start = f"import sys; sys.path.append({str(tmp_path)!r})\n"
        return run_python(start + RUNTIMES + install + "\nimport newer\n" + code).stdout

    return run


def test_a_newer_extension_that_uses_nothing_new_takes_this_runtime(run_newer):
    assert run_newer("print(newer.init(), type(newer.use()).__name__)") == "0 PyAwaitable\n"
    code = "print(newer.init(), type(newer.use()).__name__)"
    assert run_newer(code, "-DCALL_NEWER") == "0 PyAwaitable\n"


def test_a_function_that_the_runtime_is_too_old_for_is_an_import_error(run_newer):
    code = REPORT.format(call="newer.more(newer.use())") * 2 + "print(newer.init())"
    first, second, init = run_newer(code, "-DCALL_NEWER").splitlines()
    assert first == second
    assert first == (
        f"PyAwaitable_More() came with PyAwaitable {text(NEXT)}, and the runtime that is installed is "
        f'{pyawaitable.__version__}: install one that fits with  {PIP} --upgrade "pyawaitable-rs>={text(NEXT)},<4"'
    )
    assert init == "0"


def test_such_a_function_releases_what_it_would_take_over(run_newer):
    code = "value = object(); before = sys.getrefcount(value)" + REPORT.format(call="newer.take(value)")
    said, counts = run_newer(code + "print(before, sys.getrefcount(value))", "-DCALL_NEWER").splitlines()
    assert said.startswith("PyAwaitable_Take() came with")
    assert len(set(counts.split())) == 1


def test_with_a_target_version_init_demands_it(run_newer):
    option = f"-DPYAWAITABLE_TARGET_VERSION={hexadecimal(NEXT)}"
    for call in ("newer.init()", "newer.use()", "newer.more(None)"):
        said = run_newer(REPORT.format(call=call), option, "-DCALL_NEWER")
        assert f"this extension needs PyAwaitable {text(NEXT)}, and the runtime that is installed is" in said
        assert f'{PIP} --upgrade "pyawaitable-rs>={text(NEXT)},<4"' in said


def test_a_target_version_that_the_runtime_has_is_served(run_newer):
    option = f"-DPYAWAITABLE_TARGET_VERSION={hexadecimal(VERSION)}"
    assert run_newer("print(newer.init(), type(newer.use()).__name__)", option) == "0 PyAwaitable\n"


# 3.0 in all: the table had 25 functions.
OF_3_0 = "install(216, 0x030000F0)"


def test_a_runtime_of_3_0_serves_this_header(run_newer):
    code = "print(newer.init(), type(newer.use()).__name__)"
    assert run_newer(code, include=pyawaitable.include(), install=OF_3_0) == "0 PyAwaitable\n"
    assert run_newer(code, "-DPYAWAITABLE_TARGET_VERSION=0x03000000", install=OF_3_0) == "0 PyAwaitable\n"


def test_a_runtime_of_3_0_is_refused_by_who_demands_more(run_newer):
    option = f"-DPYAWAITABLE_TARGET_VERSION={hexadecimal(VERSION)}"
    said = run_newer(REPORT.format(call="newer.init()"), option, install=OF_3_0)
    assert f"this extension needs PyAwaitable {text(VERSION)}, and the runtime that is installed is 3.0.0" in said


def test_a_table_that_is_shorter_than_its_version_says_is_refused(run_newer):
    """What is behind its end is never read."""
    option = f"-DPYAWAITABLE_TARGET_VERSION={hexadecimal(NEXT)}"
    install = f"install({SIZE}, {hexadecimal(NEXT)})"
    assert "this extension needs" in run_newer(REPORT.format(call="newer.init()"), option, install=install)


def compile_newer(include, tmp_path, *options):
    source = tmp_path / "source.c"
    source.write_text(SOURCE)
    command = [compiler(), *WARNINGS, *python_includes(), f"-I{include}", "-fsyntax-only", *options, source.name]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)


def test_what_is_newer_than_the_target_version_is_not_declared(newer_header, tmp_path):
    option = f"-DPYAWAITABLE_TARGET_VERSION={hexadecimal(VERSION)}"
    finished = compile_newer(newer_header, tmp_path, option, "-DCALL_NEWER")
    assert "PyAwaitable_More" in finished.stderr and "implicit" in finished.stderr
    assert compile_newer(newer_header, tmp_path, option).stderr == ""
    # With libpyawaitable, too.
    assert "PyAwaitable_More" in compile_newer(newer_header, tmp_path, option, "-DCALL_NEWER", "-DPYAWAITABLE_LINK").stderr


WRONG = {
    hexadecimal((NEXT[0], NEXT[1] + 1)): "newer than this header",
    "0x04000000": "another major version",
    "0x02000000": "another major version",
    "3": "another major version",
}


@pytest.mark.parametrize("version", WRONG)
def test_a_target_version_that_cannot_be_is_a_compile_error(version, newer_header, tmp_path):
    finished = compile_newer(newer_header, tmp_path, f"-DPYAWAITABLE_TARGET_VERSION={version}")
    assert finished.returncode != 0
    assert WRONG[version] in finished.stderr


def test_the_newer_header_is_what_a_person_would_have_written(newer_header):
    table = (newer_header / "pyawaitable" / "table.h").read_text()
    entries = "    int (*More)(PyObject *awaitable);\n    PyObject *(*Take)(PyObject *awaitable, PyObject *value);\n"
    assert entries + END in table
    assert f"if PYAWAITABLE__DEMANDED_MINOR < {NEXT[1]}\n" in table
