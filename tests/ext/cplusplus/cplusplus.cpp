// The API from C++: three translation units, none of which calls PyAwaitable_Init().
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pyawaitable.h>

#include "cplusplus.hpp"

namespace {

int
keep_result(PyObject *aw, PyObject *result)
{
    return PyAwaitable_SetResult(aw, result);
}

// once(coro): an awaitable of what the coroutine returns.
PyObject *
once(PyObject *, PyObject *coroutine)
{
    PyObject *aw = PyAwaitable_New();
    if (aw == nullptr) {
        return nullptr;
    }
    if (PyAwaitable_AddAwait(aw, coroutine, keep_result, nullptr) < 0) {
        Py_DECREF(aw);
        return nullptr;
    }
    return aw;
}

// enter(context): what `async with` gives, by lambdas and a call with arguments of several types.
PyObject *
enter(PyObject *, PyObject *args)
{
    PyObject *context, *function;
    if (!PyArg_ParseTuple(args, "OO:enter", &context, &function)) {
        return nullptr;
    }
    PyObject *aw = PyAwaitable_New();
    if (aw == nullptr) {
        return nullptr;
    }
    auto in_body = [](PyObject *self, PyObject *value) { return PyAwaitable_SaveValues(self, 1, value); };
    auto at_end = [](PyObject *self, PyObject *result) {
        PyObject *value = PyAwaitable_GetValue(self, 0);
        if (value == nullptr) {
            return -1;
        }
        PyObject *pair = PyTuple_Pack(2, value, result);
        int status = pair == nullptr ? -1 : PyAwaitable_SetResult(self, pair);
        Py_XDECREF(pair);
        return status;
    };
    if (PyAwaitable_AsyncWith(aw, context, in_body, nullptr) < 0 ||
        PyAwaitable_AwaitFunction(aw, function, "isy#", at_end, nullptr, 1, "two", "three", Py_ssize_t(5)) < 0) {
        Py_DECREF(aw);
        return nullptr;
    }
    return aw;
}

// table(): the fields of pyawaitable_abi; those that are keywords of C++ end in `_`.
PyObject *
table(PyObject *, PyObject *)
{
    PyAwaitableABI *abi = pyawaitable_abi;
    PyObject *aw = abi->new_();
    if (aw == nullptr) {
        return nullptr;
    }
    PyObject *saved = nullptr;
    if (abi->save(aw, 1, Py_True) < 0 || abi->unpack(aw, &saved) < 0 || saved != Py_True ||
        pyawaitable_set_result(aw, Py_None) < 0) {
        Py_DECREF(aw);
        return nullptr;
    }
    PyAwaitable_ABI->cancel(aw);
    Py_DECREF(aw);
    PyTypeObject *type = PyAwaitableType;
    Py_XINCREF(type);
    return reinterpret_cast<PyObject *>(type);
}

int
module_exec(PyObject *)
{
    return 0;
}

/* clang-format off */
PyMethodDef methods[] = {
    {"once", once, METH_O, nullptr},
    {"enter", enter, METH_VARARGS, nullptr},
    {"table", table, METH_NOARGS, nullptr},
    {"many_values", many_values, METH_O, nullptr},
    {"doubled", doubled, METH_O, nullptr},
    {"counted", counted, METH_O, nullptr},
    {"collected", collected, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
/* clang-format on */

PyModuleDef_Slot slots[] = {
    {Py_mod_exec, reinterpret_cast<void *>(module_exec)},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, nullptr},
};

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "cplusplus", nullptr, 0, methods, slots, nullptr, nullptr, nullptr,
};

} // namespace

PyMODINIT_FUNC
PyInit_cplusplus()
{
    return PyModuleDef_Init(&definition);
}
