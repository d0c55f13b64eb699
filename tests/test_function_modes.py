"""C functions that are `async def` functions, in extensions that reach the library in each way."""

import inspect
import sys
import sysconfig

import pytest
from compiling import compile_extension, load_extension
from raw_support import run

import pyawaitable

# Without a GIL there is no limited API before 3.15.
NO_LIMITED_API = bool(sysconfig.get_config_var("Py_GIL_DISABLED")) and sys.version_info < (3, 15)
MODES = {"table": [], "static": ["-DPYAWAITABLE_LINK", "-DPYAWAITABLE_STATIC", pyawaitable.static_library()]}
if not NO_LIMITED_API:
    MODES["limited"] = ["-DPy_LIMITED_API=0x03090000"]

MINIMAL = """
#define PYAWAITABLE_KEYWORDS
#include <pyawaitable.h>

static PyObject *answer(PyObject *module, PyObject *object)
{
    PyObject *awaitable = PyAwaitable_New();
    (void)module;
    if (awaitable != NULL && PyAwaitable_SetResult(awaitable, object) < 0) {
        PyAwaitable_Cancel(awaitable);
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyMethodDef functions[] = {{"answer", answer, METH_O | METH_ASYNC, "answer(object)\\n--\\n\\n"}, {NULL, NULL, 0, NULL}};

static int execute(PyObject *module)
{
    return PyAwaitable_AddFunctions(module, functions);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
#if defined(Py_mod_gil) && defined(Py_MOD_GIL_NOT_USED)
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "minimal", NULL, 0, NULL, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_minimal(void) { return PyModuleDef_Init(&definition); }
"""


@pytest.mark.parametrize("language", ["c", "cpp"])
@pytest.mark.parametrize("mode", MODES)
def test_in_each_mode(mode, language, tmp_path):
    source = tmp_path / f"minimal.{language}"
    source.write_text(MINIMAL)
    module = load_extension(compile_extension(tmp_path, "minimal", [source], *MODES[mode]), "minimal")
    assert inspect.iscoroutinefunction(module.answer)
    assert str(inspect.signature(module.answer)) == "(object)"
    aw = module.answer(object=5)
    assert aw.__qualname__ == "answer" and run(aw) == 5
