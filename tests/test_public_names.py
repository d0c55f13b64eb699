"""Every public name of the original's releases is here, too.

The lists say which release of PyAwaitable added a name, in Python and in its header. Names from a 1.x release stayed in later
1.x releases; 2.x started over. Nothing is downloaded: the lists are the record.
"""

import importlib
import shutil
import subprocess
import sys

import pytest
from compiling import compile_extension, load_extension

PYTHON = {
    "1.0.0": """
        pyawaitable.PyAwaitable pyawaitable.include pyawaitable.abi pyawaitable.abi.v1
        pyawaitable.bindings.abi pyawaitable.bindings.add_await
        pyawaitable.bindings.awaitcallback pyawaitable.bindings.awaitcallback_err
        pyawaitable.bindings.PyABI pyawaitable.bindings.AwaitableABI
        pyawaitable.bindings.get_pointer pyawaitable.bindings.get_name
    """,
    "1.4.0": "pyawaitable.bindings.defer_callback pyawaitable.bindings.defer_await",
    "2.0.0": "pyawaitable.include pyawaitable.__version__ pyawaitable.__main__.main",
}
# `from pyawaitable.bindings import *` brings these.
STARRED = {"pyawaitable.bindings": "abi add_await awaitcallback awaitcallback_err defer_await defer_callback"}

# What each function of the header is called with.
FUNCTIONS = {
    "1.0.0": """
        pyawaitable_await pyawaitable_await_function pyawaitable_cancel pyawaitable_init pyawaitable_new
        pyawaitable_save pyawaitable_save_arb pyawaitable_set_result pyawaitable_unpack pyawaitable_unpack_arb
        pyawaitable_vendor_init
        PyAwaitable_AddAwait PyAwaitable_AwaitFunction PyAwaitable_Cancel PyAwaitable_Init PyAwaitable_New
        PyAwaitable_SaveArbValues PyAwaitable_SaveValues PyAwaitable_SetResult PyAwaitable_UnpackArbValues
        PyAwaitable_UnpackValues
    """,
    "1.1.0": """
        pyawaitable_save_int pyawaitable_unpack_int PyAwaitable_SaveIntValues PyAwaitable_UnpackIntValues
    """,
    "1.2.0": """
        pyawaitable_get pyawaitable_get_arb pyawaitable_get_int pyawaitable_set pyawaitable_set_arb pyawaitable_set_int
        PyAwaitable_GetArbValue PyAwaitable_GetIntValue PyAwaitable_GetValue PyAwaitable_SetArbValue
        PyAwaitable_SetIntValue PyAwaitable_SetValue
    """,
    "1.3.0": "pyawaitable_async_with PyAwaitable_AsyncWith",
    "1.4.0": "pyawaitable_defer_await PyAwaitable_DeferAwait",
    "2.0.0": "PyAwaitable_GetType PyAwaitable_AddExpr",
    "2.0.0, up to 3.11": "PyErr_GetRaisedException PyErr_SetRaisedException",
}
TYPES = {
    "1.0.0": "PyAwaitableABI awaitcallback awaitcallback_err",
    "1.4.0": "defer_callback",
    "2.0.0": "PyAwaitable_Callback PyAwaitable_Error PyAwaitable_Defer",
}
# A struct that is opaque since 2.0.0.
OPAQUE = {"1.0.0": "PyAwaitableObject"}
EXPRESSIONS = {
    "1.0.0": "pyawaitable_abi PyAwaitable_ABI PyAwaitableType PyAwaitable_Type",
}
MACROS = {
    "1.0.0": """
        PYAWAITABLE_MAJOR_VERSION PYAWAITABLE_MINOR_VERSION PYAWAITABLE_MICRO_VERSION PYAWAITABLE_RELEASE_LEVEL
    """,
    "2.0.0": """
        PyAwaitable_MAJOR_VERSION PyAwaitable_MINOR_VERSION PyAwaitable_MICRO_VERSION PyAwaitable_PATCH_VERSION
        PyAwaitable_RELEASE_LEVEL PyAwaitable_MAGIC_NUMBER PyAwaitable_thread_local
        PyAwaitable_LIKELY PyAwaitable_UNLIKELY PyAwaitable_HOT PyAwaitable_COLD PyAwaitable_PURE PyAwaitable_CONST
        PyAwaitable_MUSTTAIL
    """,
    "2.0.0, up to 3.9": "Py_NewRef Py_XNewRef",
}
# Left out are: names with a leading underscore; include guards; PYAWAITABLE_PYAPI and PYAWAITABLE_THIS_FILE_INIT, which the
# author of an extension defines; and the macros and functions of the library's own that the single header of 2.x cannot
# hide (DONE, GET, SAVE, pyawaitable_list and their like).


def each(names):
    return [(version, name) for version, text in names.items() for name in text.split()]


def parametrize(names):
    ids = [f"{name} of {version}" for version, name in each(names)]
    return pytest.mark.parametrize(("version", "name"), each(names), ids=ids)


@parametrize(PYTHON)
def test_python_has_the_name(version, name):
    module, _, attribute = name.rpartition(".")
    assert getattr(importlib.import_module(module), attribute) is not None


@pytest.mark.parametrize("module", STARRED)
def test_an_import_of_all_brings_them(module):
    assert set(importlib.import_module(module).__all__) == set(STARRED[module].split())


def test_defer_await_of_the_bindings_defers():
    """In a separate process: ctypes keeps no reference to what C may call."""
    code = (
        "from pyawaitable.bindings import abi, defer_await, defer_callback\n"
        "called = []\n"
        "aw = abi.new()\n"
        "callback = defer_callback(lambda aw: called.append(1) or 0)\n"
        "assert defer_await(aw, callback) == 0\n"
        "try: aw.send(None)\n"
        "except StopIteration: pass\n"
        "assert called == [1]\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")


def test_the_command_is_there():
    assert shutil.which("pyawaitable", path=sys.exec_prefix + "/bin") or shutil.which("pyawaitable")


def source():
    lines = ["#include <Python.h>", "#include <pyawaitable.h>", "static void use(void)", "{"]
    lines += [f"    (void)&{name};" for _, name in each(FUNCTIONS)]
    lines += [f"    {{ {name} *value = NULL; (void)sizeof(*value); }}" for _, name in each(TYPES)]
    lines += [f"    {{ {name} *value = NULL; (void)value; }}" for _, name in each(OPAQUE)]
    lines += [f"    (void){name};" for _, name in each(EXPRESSIONS)]
    lines += ["}"]
    for _, name in each(MACROS):
        lines += [f"#ifndef {name}", f"#error {name} is missing", "#endif"]
    lines += [
        "PyAwaitable_HOT PyAwaitable_CONST static int f(int x) { return PyAwaitable_LIKELY(x) ? 1 : PyAwaitable_UNLIKELY(x); }",
        "PyAwaitable_COLD PyAwaitable_PURE static int g(int x) { PyAwaitable_MUSTTAIL return f(x); }",
        "static PyObject *run(PyObject *m, PyObject *n) { (void)m; (void)use; return Py_NewRef(g(1) ? n : Py_XNewRef(n)); }",
        'static PyMethodDef methods[] = {{"run", run, METH_O, NULL}, {NULL, NULL, 0, NULL}};',
        "static PyModuleDef_Slot slots[] = {",
        "#if defined(Py_mod_gil) && defined(Py_MOD_GIL_NOT_USED)",
        "    {Py_mod_gil, Py_MOD_GIL_NOT_USED},",
        "#endif",
        "    {0, NULL}};",
        'static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "names", NULL, 0, methods, slots, NULL, NULL, NULL};',
        "PyMODINIT_FUNC PyInit_names(void) { return PyModuleDef_Init(&definition); }",
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("suffix", [".c", ".cpp"])
def test_the_header_has_the_names(suffix, tmp_path):
    file = tmp_path / f"names{suffix}"
    file.write_text(source())
    # Some compilers look at what inlining leaves; the attributes are only to be there.
    path = compile_extension(tmp_path, "names", [file], "-Wno-attributes")
    token = object()
    assert load_extension(path, "names").run(token) is token
