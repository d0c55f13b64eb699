"""The header in each dialect of C and C++, under the settings that projects use, and for the
limited API: one extension, compiled once and run on every version.

test_header.py looks at the contents of the header.
"""

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from compiling import compile_extension, load_extension, python_includes

import pyawaitable

ABI3 = Path(__file__).parent / "abi3"
C_STANDARDS = ["c99", "c11", "c17", "c2x"]
CXX_STANDARDS = ["c++11", "c++14", "c++17", "c++20"]
COMPILERS = {
    "gcc": C_STANDARDS,
    "clang": C_STANDARDS,
    "g++": CXX_STANDARDS,
    "clang++": CXX_STANDARDS,
}
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wstrict-prototypes", "-Werror"]
DIALECTS = [(name, standard) for name in COMPILERS for standard in COMPILERS[name]]
dialects = pytest.mark.parametrize(("compiler", "standard"), DIALECTS, ids=["-".join(dialect) for dialect in DIALECTS])
compilers = pytest.mark.parametrize("compiler", COMPILERS)

BEFORE = {
    "alone": "#include <pyawaitable.h>\n",
    "after": "#include <Python.h>\n#include <pyawaitable.h>\n",
    "twice": "#include <Python.h>\n#include <pyawaitable.h>\n#include <pyawaitable.h>\n",
    "of_1x": "#define PYAWAITABLE_PYAPI\n#define PYAWAITABLE_THIS_FILE_INIT\n#include <pyawaitable.h>\n",
    "linked": "#define PYAWAITABLE_LINK\n#include <pyawaitable.h>\n",
    "static": "#define PYAWAITABLE_LINK\n#define PYAWAITABLE_STATIC\n#include <pyawaitable.h>\n",
}

# Calls every function once, each kind of callback given as its type.
USES = """
static int on_result(PyObject *aw, PyObject *result) { return PyAwaitable_SetResult(aw, result); }
static int on_error(PyObject *aw, PyObject *error) { (void)aw; (void)error; return -1; }
static int on_defer(PyObject *aw) { (void)aw; return 0; }
static PyAwaitable_thread_local int counter = 0;
int use_everything(PyObject *object, void *pointer, long number);
int use_everything(PyObject *object, void *pointer, long number)
{
    PyObject *aw = PyAwaitable_New(), *value;
    PyTypeObject *type = PyAwaitable_Type;
    PyAwaitable_Callback callback = on_result;
    PyAwaitable_Error error = on_error;
    int failed = PyAwaitable_Init() + (type != PyAwaitable_GetType());
    failed += PyAwaitable_AddAwait(aw, object, callback, error);
    failed += PyAwaitable_AddExpr(aw, object, NULL, NULL);
    failed += PyAwaitable_DeferAwait(aw, on_defer);
    failed += PyAwaitable_AwaitFunction(aw, object, "is", callback, NULL, 1, "two");
    failed += PyAwaitable_AsyncWith(aw, object, callback, error);
    failed += PyAwaitable_AsyncFor(aw, object, callback, on_defer, error);
    failed += PyAwaitable_SaveValues(aw, 2, object, object);
    failed += PyAwaitable_UnpackValues(aw, &value, NULL);
    failed += PyAwaitable_SetValue(aw, 0, PyAwaitable_GetValue(aw, 1));
    failed += PyAwaitable_SaveArbValues(aw, 1, pointer);
    failed += PyAwaitable_UnpackArbValues(aw, &pointer);
    failed += PyAwaitable_SetArbValue(aw, 0, PyAwaitable_GetArbValue(aw, 0));
    failed += PyAwaitable_SaveIntValues(aw, 1, number);
    failed += PyAwaitable_UnpackIntValues(aw, &number);
    failed += PyAwaitable_SetIntValue(aw, 0, PyAwaitable_GetIntValue(aw, 0));
    failed += pyawaitable_await(aw, object, callback, error);
    failed += pyawaitable_abi->set_result(aw, value);
    PyAwaitable_Cancel(aw);
    return failed + counter++;
}
"""


@functools.cache
def python_compiles(compiler, standard):
    """Whether Python's own headers compile: those of 3.13 and later need more of C23 than early compilers of it have."""
    command = [compiler, f"-std={standard}", *python_includes(), "-fsyntax-only", "-x"]
    command += ["c++" if compiler.endswith("++") else "c", "-"]
    return subprocess.run(command, input=b"#include <Python.h>\n", capture_output=True).returncode == 0


def newest_standard(compiler):
    """The newest in which Python's headers compile."""
    usable = [standard for standard in COMPILERS[compiler] if shutil.which(compiler) and python_compiles(compiler, standard)]
    return usable[-1] if usable else COMPILERS[compiler][0]


def compile_text(folder, compiler, standard, text, *options, includes=None):
    """Compile strictly, in `folder`; warnings inside Python's own headers are not ours."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    if not python_compiles(compiler, standard):
        pytest.skip(f"Python.h alone does not compile with {compiler} -std={standard}")
    cxx = compiler.endswith("++")
    source = folder / ("source.cpp" if cxx else "source.c")
    source.write_text(text)
    strict = [option for option in STRICT if not (cxx and option == "-Wstrict-prototypes")]
    if compiler.startswith("clang") and standard == "c99":
        # They write `typedef` twice, which is C11, and clang looks into system headers for it.
        strict.append("-Wno-typedef-redefinition")
    command = [compiler, f"-std={standard}", *strict, *(includes or python_includes())]
    command += [f"-I{pyawaitable.include()}", *(options or ["-fsyntax-only"]), source.name]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""


@dialects
def test_every_function_in_every_dialect(compiler, standard, tmp_path):
    compile_text(tmp_path, compiler, standard, BEFORE["alone"])
    compile_text(tmp_path, compiler, standard, BEFORE["twice"] + USES)


@compilers
@pytest.mark.parametrize("before", BEFORE)
def test_every_way_to_include_it(compiler, before, tmp_path):
    compile_text(tmp_path, compiler, COMPILERS[compiler][0], BEFORE[before] + USES)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_c_that_is_to_be_cxx_too(compiler, tmp_path):
    compile_text(tmp_path, compiler, "c11", BEFORE["twice"] + USES, "-fsyntax-only", "-Wc++-compat")


@compilers
@pytest.mark.parametrize("optimization", ["-O0", "-O3"])
def test_as_an_object_file(compiler, optimization, tmp_path):
    """Optimizing finds what checking the syntax does not."""
    standard = newest_standard(compiler)
    compile_text(tmp_path, compiler, standard, BEFORE["twice"] + USES, "-c", optimization)


def symbols(path, *options):
    """[(kind, name)] of an object file or a library."""
    command = ["nm", *options, str(path)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [tuple(line.split()[-2:]) for line in listing.splitlines()]


@compilers
@pytest.mark.parametrize("visibility", ["-fvisibility=hidden", "-fvisibility=default"])
def test_visibility(compiler, visibility, tmp_path):
    """With every setting, an extension neither exports nor lacks a name of this library."""
    standard = COMPILERS[compiler][0]
    options = ["-c", "-fPIC", visibility, "-o", "object.o"]
    compile_text(tmp_path, compiler, standard, BEFORE["twice"] + USES, *options)
    names = [(kind, name) for kind, name in symbols(tmp_path / "object.o") if kind in "TDBUWV"]
    assert ("U", "PyImport_ImportModule") in names
    assert [name for _, name in names if "awaitable" in name.lower()] == []


@compilers
def test_precompiled_header(compiler, tmp_path):
    """The header, and one that includes it, compiled in advance and used instead of the text."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    cxx, clang = compiler.endswith("++"), compiler.startswith("clang")
    standard = COMPILERS[compiler][1]
    (tmp_path / "all.h").write_text(BEFORE["twice"])
    command = [compiler, f"-std={standard}", "-Wpedantic", *python_includes()]
    command += [f"-I{pyawaitable.include()}", "-x", "c++-header" if cxx else "c-header", "all.h"]
    command += ["-o", "all.h.pch" if clang else "all.h.gch"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")
    if clang:
        use, text = ["-include-pch", "all.h.pch"], ""
    else:
        # With the text gone, only the precompiled one is left to be found.
        (tmp_path / "all.h").unlink()
        use, text = ["-Winvalid-pch"], '#include "all.h"\n'
    compile_text(tmp_path, compiler, standard, text + BEFORE["after"] + USES, "-fsyntax-only", *use)


# The limited API

NO_LIMITED_API = bool(sysconfig.get_config_var("Py_GIL_DISABLED")) and sys.version_info < (3, 15)
limited_api = pytest.mark.skipif(NO_LIMITED_API, reason="a free-threaded Python has no limited API before 3.15")
LIMITS = [f"0x03{minor:02x}0000" for minor in range(9, sys.version_info.minor + 1)]


@limited_api
@compilers
@pytest.mark.parametrize("limit", LIMITS)
def test_limited_api(compiler, limit, tmp_path):
    """For each version up to the current one, with the headers of the current one."""
    define = f"-DPy_LIMITED_API={limit}"
    for standard in {COMPILERS[compiler][1], newest_standard(compiler)}:
        compile_text(tmp_path, compiler, standard, BEFORE["alone"] + USES, "-fsyntax-only", define)


def build_abi3(folder):
    return compile_extension(folder, "pyawaitable_abi3", sorted(ABI3.glob("*.c")), suffix=".abi3.so")


@limited_api
def test_abi3_extension(tmp_path):
    """Compiled with this interpreter's headers for 3.9; here and alone on the stable ABI."""
    path = build_abi3(tmp_path)
    module = load_extension(path, "pyawaitable_abi3")
    assert module.check() is True
    needed = [name for kind, name in symbols(path, "-D") if kind == "U" and name.startswith("_Py")]
    # Of such names these belong to the stable ABI, and no others that a header may use.
    stable = {"_Py_Dealloc", "_Py_NoneStruct", "_Py_TrueStruct", "_Py_FalseStruct"}
    stable |= {"_PyArg_ParseTuple_SizeT", "_Py_BuildValue_SizeT", "_Py_VaBuildValue_SizeT"}
    assert set(needed) <= stable


def interpreters_with_the_library():
    """Pythons for which a wheel was built and installed by `make`, as build/<tag>/venv."""
    found = sorted((ABI3.parent.parent / "build").glob("py3*/venv/bin/python"))
    # A link to an interpreter that is not there any more does not exist.
    return [python for python in found if python.exists()]


@limited_api
def test_abi3_extension_built_once_runs_everywhere(tmp_path):
    """On each interpreter that has the library, and at least on this one."""
    build_abi3(tmp_path)
    program = [str(ABI3 / "run.py"), str(tmp_path)]
    ran = []
    for python in [Path(sys.executable), *interpreters_with_the_library()]:
        finished = subprocess.run([str(python), *program], capture_output=True, text=True)
        if finished.returncode == 3:
            continue  # it has no library, or knows no stable ABI; it has said so
        assert finished.returncode == 0, f"{python}\n{finished.stdout}{finished.stderr}"
        ran.append(finished.stdout.strip())
    assert ran, os.listdir(tmp_path)
    print(*ran, sep="\n")
