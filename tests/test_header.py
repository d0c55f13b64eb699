"""pyawaitable.h: it compiles everywhere without a warning, and adds only its own names."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import pyawaitable

INCLUDE = Path(pyawaitable.include())
SHIM = Path(__file__).parent.parent / "src" / "capi" / "shim_v1.c"
PYTHON_INCLUDE = sysconfig.get_path("include")
PLATFORM_INCLUDE = sysconfig.get_path("platinclude")

C_STANDARDS = ["c99", "c11", "c17"]
CXX_STANDARDS = ["c++11", "c++14", "c++17", "c++20"]
C_COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
CXX_COMPILERS = [name for name in ("g++", "clang++") if shutil.which(name)]
DIALECTS = [(compiler, standard) for compiler in C_COMPILERS for standard in C_STANDARDS] + [
    (compiler, standard) for compiler in CXX_COMPILERS for standard in CXX_STANDARDS
]

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

dialects = pytest.mark.parametrize(("compiler", "standard"), DIALECTS, ids=["-".join(dialect) for dialect in DIALECTS])


def is_cxx(compiler):
    return compiler.endswith("++")


def check(tmp_path, compiler, standard, texts, *options):
    """Compile each text, named by its key. Warnings inside Python's own headers are not ours."""
    sources = []
    for name, text in texts.items():
        source = tmp_path / (name + (".cpp" if is_cxx(compiler) else ".c"))
        source.write_text(text)
        sources.append(source.name)
    finished = subprocess.run(
        [
            compiler,
            f"-std={standard}",
            *WARNINGS,
            "-isystem",
            PYTHON_INCLUDE,
            "-isystem",
            PLATFORM_INCLUDE,
            f"-I{INCLUDE}",
            *(options or ["-fsyntax-only"]),
            *sources,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""


def test_there_is_a_compiler_of_each_language():
    assert C_COMPILERS and CXX_COMPILERS


INCLUDED = "#include <Python.h>\n#include <pyawaitable.h>\n"
INCLUSIONS = {
    "after_python_h": INCLUDED,
    "alone": "#include <pyawaitable.h>\n",
    "twice": INCLUDED + "#include <pyawaitable.h>\n",
    "of_1x": "#define PYAWAITABLE_PYAPI\n#define PYAWAITABLE_THIS_FILE_INIT\n" + INCLUDED,
    "py_ssize_t_clean": "#define PY_SSIZE_T_CLEAN\n" + INCLUDED,
}
DECLARATION = "extern int some_declaration;\n"


@dialects
def test_compiles_without_a_warning(compiler, standard, tmp_path):
    texts = {name: text + DECLARATION for name, text in INCLUSIONS.items()}
    check(tmp_path, compiler, standard, texts)


@pytest.mark.parametrize("optimization", ["-O0", "-O1", "-O2"])
@pytest.mark.parametrize("mode", ["table", "link"])
@pytest.mark.parametrize(
    ("compiler", "standard"),
    [(name, "c99") for name in C_COMPILERS] + [(name, "c++11") for name in CXX_COMPILERS],
)
def test_optimization_finds_nothing_to_warn_of(compiler, standard, mode, optimization, tmp_path):
    """In link mode, GCC 14 for 32-bit x86 has wanted values where a count says that there are none."""
    options = ["-c", "-fPIC", optimization] + (["-DPYAWAITABLE_LINK"] if mode == "link" else [])
    check(tmp_path, compiler, standard, {"optimized": INCLUDED + PROTOTYPES}, *options)


@pytest.mark.parametrize(
    "text",
    [
        "#include <pyawaitable.h>\n",
        "#define PYAWAITABLE_LINK\n#include <pyawaitable.h>\n",
        f'#include "{SHIM}"\n',
    ],
    ids=["table", "link", "shim"],
)
def test_intrinsics_of_msvc_are_declared_where_they_are_used(text, tmp_path):
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    (stubs / "Python.h").write_text("#define PY_VERSION_HEX 0x030D0000\n")
    (stubs / "intrin.h").write_text("long intrinsics_are_declared;\n")
    out = preprocess(tmp_path, text, "-E", "-P", "-D_MSC_VER=1940", "-I", stubs)
    assert "_Interlocked" in out
    assert "intrinsics_are_declared" in out.split("_Interlocked")[0]


# Each function assigned to a pointer of the type that it has, and each type to one of what it stands for.
API = json.loads(Path(__file__).with_name("api.json").read_text(encoding="utf-8"))
PROTOTYPES = "".join(
    f"{function['type'].replace('(*)', f'(*pointer_{index})', 1)} = {function['name']};\n" for index, function in enumerate(API)
)
PROTOTYPES += """
typedef PyObject *O;
int (*callback)(O, O) = (PyAwaitable_Callback)0;
int (*error_callback)(O, O) = (PyAwaitable_Error)0;
int (*deferred)(O) = (PyAwaitable_Defer)0;
int (*callback_1x)(O, O) = (awaitcallback)0;
int (*error_callback_1x)(O, O) = (awaitcallback_err)0;
int (*deferred_1x)(O) = (defer_callback)0;
PyAwaitableObject *opaque;
PyAwaitableABI *table;
"""


@dialects
def test_every_function_has_its_type(compiler, standard, tmp_path):
    """As external pointers, or a compiler would complain that they are not used."""
    check(tmp_path, compiler, standard, {"prototypes": INCLUDED + PROTOTYPES})


# The fields of the 1.x table in their order, each with its type.
TABLE_1X = """
#include <stddef.h>
#ifdef __cplusplus
#define NEW new_
#else
#define NEW new
#endif
typedef struct {
    Py_ssize_t size;
    PyObject *(*NEW)(void);
    int (*await)(PyObject *, PyObject *, awaitcallback, awaitcallback_err);
    void (*cancel)(PyObject *);
    int (*set_result)(PyObject *, PyObject *);
    int (*save)(PyObject *, Py_ssize_t, ...);
    int (*save_arb)(PyObject *, Py_ssize_t, ...);
    int (*unpack)(PyObject *, ...);
    int (*unpack_arb)(PyObject *, ...);
    PyTypeObject *the_type;
    int (*await_function)(PyObject *, PyObject *, const char *, awaitcallback, awaitcallback_err,
                          ...);
    int (*save_int)(PyObject *, Py_ssize_t, ...);
    int (*unpack_int)(PyObject *, ...);
    int (*set)(PyObject *, Py_ssize_t, PyObject *);
    int (*set_arb)(PyObject *, Py_ssize_t, void *);
    int (*set_int)(PyObject *, Py_ssize_t, long);
    PyObject *(*get)(PyObject *, Py_ssize_t);
    void *(*get_arb)(PyObject *, Py_ssize_t);
    long (*get_int)(PyObject *, Py_ssize_t);
    int (*async_with)(PyObject *, PyObject *, awaitcallback, awaitcallback_err);
    int (*defer_await)(PyObject *, defer_callback);
} Expected;
typedef char same_sizes[sizeof(Expected) == sizeof(PyAwaitableABI) ? 1 : -1];
#define SAME(field) SAME_FIELD(field)
#define SAME_FIELD(field) \\
    typedef char same_##field[ \\
        offsetof(Expected, field) == offsetof(PyAwaitableABI, field) ? 1 : -1]; \\
    int compare_##field(Expected *expected, PyAwaitableABI *actual); \\
    int compare_##field(Expected *expected, PyAwaitableABI *actual) \\
    { \\
        return expected->field == actual->field; \\
    }
SAME(size)
SAME(NEW)
SAME(await)
SAME(cancel)
SAME(set_result)
SAME(save)
SAME(save_arb)
SAME(unpack)
SAME(unpack_arb)
SAME(await_function)
SAME(save_int)
SAME(unpack_int)
SAME(set)
SAME(set_arb)
SAME(set_int)
SAME(get)
SAME(get_arb)
SAME(get_int)
SAME(async_with)
SAME(defer_await)
"""


@dialects
def test_the_1x_table_has_its_fields_in_order(compiler, standard, tmp_path):
    check(tmp_path, compiler, standard, {"table": INCLUDED + TABLE_1X})


VERSIONS = """
#if PyAwaitable_MAJOR_VERSION != 3 || PyAwaitable_MINOR_VERSION < 1
#error "version"
#endif
#if PyAwaitable_PATCH_VERSION != PyAwaitable_MICRO_VERSION
#error "micro version"
#endif
#if PyAwaitable_RELEASE_LEVEL != 0xF
#error "release level"
#endif
#if PyAwaitable_MAGIC_NUMBER <= 2010
#error "magic number: that of 2.0.1 is 2010"
#endif
#if PYAWAITABLE_MAJOR_VERSION != 3 || PYAWAITABLE_MINOR_VERSION != PyAwaitable_MINOR_VERSION
#error "version as 1.x spells it"
#endif
#if PYAWAITABLE_MICRO_VERSION != PyAwaitable_MICRO_VERSION || PYAWAITABLE_RELEASE_LEVEL != 0xF
#error "micro version and release level as 1.x spells them"
#endif
extern int some_declaration;
"""


def test_version_macros(tmp_path):
    check(tmp_path, C_COMPILERS[0], "c99", {"version": INCLUDED + VERSIONS})


def test_version_macros_are_those_of_the_package(tmp_path):
    """The numbers, which cbindgen writes in decimal."""
    numbers = macros(tmp_path, INCLUDED)
    version = [numbers[f"PyAwaitable_{part}_VERSION"].strip() for part in ("MAJOR", "MINOR", "MICRO")]
    assert ".".join(version) == re.match(r"\d+\.\d+\.\d+", pyawaitable.__version__).group()


@dialects
def test_thread_local_is_a_storage_class(compiler, standard, tmp_path):
    text = "static PyAwaitable_thread_local int counter;\nint count(void);\n"
    text += "int count(void) { return counter++; }\n"
    check(tmp_path, compiler, standard, {"thread_local": INCLUDED + text})


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")) and sysconfig.get_python_version() in ("3.13", "3.14"),
    reason="Python.h has no limited API for the free-threaded build",
)
@dialects
def test_compiles_for_the_limited_api(compiler, standard, tmp_path):
    """Of the oldest version that is supported and of the version at hand."""
    limits = {"oldest": "0x03090000", "newest": "PY_VERSION_HEX"}
    define = "#include <patchlevel.h>\n#define Py_LIMITED_API "
    texts = {name: f"{define}{limit}\n{INCLUDED}{DECLARATION}" for name, limit in limits.items()}
    check(tmp_path, compiler, standard, texts)


OWN_NAME = re.compile(r"_?_?(PyAwaitable|pyawaitable|PYAWAITABLE)\w*|awaitcallback(_err)?|defer_callback")


def preprocess(tmp_path, text, *options):
    source = tmp_path / "source.c"
    source.write_text(text)
    command = [C_COMPILERS[0], "-std=c11", *options, "-I", PYTHON_INCLUDE, "-I", PLATFORM_INCLUDE]
    finished = subprocess.run([*command, "-I", str(INCLUDE), str(source)], capture_output=True, text=True, check=True)
    return finished.stdout


def macros(tmp_path, text):
    defined = re.findall(r"^#define (\w+)(.*)$", preprocess(tmp_path, text, "-E", "-dM"), re.M)
    return dict(defined)


def test_defines_no_macro_of_anybody_elses(tmp_path):
    system = "#include <Python.h>\n#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n"
    before = macros(tmp_path, system)
    after = macros(tmp_path, system + INCLUDED)
    assert {name: after.get(name) for name in before} == before
    strange = [name for name in after if name not in before and not OWN_NAME.fullmatch(name)]
    # guards and tools of the system's own headers that ours include
    strange = {name for name in strange if not name.startswith("_") or name.startswith("_Py")}
    backports = {"PyErr_GetRaisedException", "PyErr_SetRaisedException"} if sys.version_info < (3, 12) else set()
    backports |= {"Py_NewRef", "Py_XNewRef"} if sys.version_info < (3, 10) else set()
    assert strange == backports
    assert macros(tmp_path, system + "#define PYAWAITABLE_NO_BACKPORTS\n" + INCLUDED).keys() & backports == set()


@pytest.mark.skipif("gcc" not in C_COMPILERS, reason="-aux-info is an option of gcc alone")
def test_declares_no_function_of_anybody_elses(tmp_path):
    listing = tmp_path / "declarations"
    check(tmp_path, "gcc", "c11", {"of_1x": INCLUSIONS["of_1x"]}, "-c", "-aux-info", str(listing))
    ours = [line for line in listing.read_text().splitlines() if str(INCLUDE) in line]
    names = [re.search(r"\(?\*?(\w+) \(", line.split("*/")[1]).group(1) for line in ours]
    assert "PyAwaitable_New" in names
    assert [name for name in names if not OWN_NAME.fullmatch(name)] == []
