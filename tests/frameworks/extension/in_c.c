/* in_python.py in C, function by function: each awaits work.job() with its own name and its arguments, and returns what that
 * gives. */
#include <Python.h>
#define PYAWAITABLE_KEYWORDS
#include <pyawaitable.h>
#include <stdlib.h>

/* A new tuple: the name, and after it the arguments by position. */
static PyObject *
named_arguments(const char *name, PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t before = self == NULL ? 1 : 2;
    PyObject *arguments = PyTuple_New(before + count);
    PyObject *first = arguments == NULL ? NULL : PyUnicode_FromString(name);
    if (first == NULL) {
        Py_XDECREF(arguments);
        return NULL;
    }
    PyTuple_SET_ITEM(arguments, 0, first);
    if (self != NULL) {
        Py_INCREF(self);
        PyTuple_SET_ITEM(arguments, 1, self);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_INCREF(args[i]);
        PyTuple_SET_ITEM(arguments, before + i, args[i]);
    }
    return arguments;
}

/* What `work.tool(name, [self], *args, **keywords)` returns. */
static PyObject *
call(const char *tool, const char *name, PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keys)
{
    PyObject *result = NULL, *work = PyImport_ImportModule("work");
    PyObject *function = work == NULL ? NULL : PyObject_GetAttrString(work, tool);
    PyObject *arguments = function == NULL ? NULL : named_arguments(name, self, args, count);
    PyObject *keywords = arguments == NULL ? NULL : PyDict_New();
    if (keywords == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 0; keys != NULL && i < PyTuple_GET_SIZE(keys); i++) {
        if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(keys, i), args[count + i]) < 0) {
            goto done;
        }
    }
    result = PyObject_Call(function, arguments, keywords);
done:
    Py_XDECREF(keywords);
    Py_XDECREF(arguments);
    Py_XDECREF(function);
    Py_XDECREF(work);
    return result;
}

/* return await work.job(name, ...) */
static PyObject *
job(const char *name, PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keys)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable != NULL &&
        PyAwaitable_AddExpr(awaitable, call("job", name, self, args, count, keys), PyAwaitable_SetResult, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

/* A function of any signature. */
#define FUNCTION(name)                                                                                                 \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count, PyObject *keys)        \
    {                                                                                                                  \
        return job(#name, NULL, args, count, keys);                                                                    \
    }

#define FUNCTION_OF_ONE(name)                                                                                          \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *object)                                               \
    {                                                                                                                  \
        return job(#name, NULL, &object, 1, NULL);                                                                     \
    }

#define FUNCTION_OF_NONE(name)                                                                                         \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))                                   \
    {                                                                                                                  \
        return job(#name, NULL, NULL, 0, NULL);                                                                        \
    }

/* An asynchronous generator of work's. */
#define ITERATION(name)                                                                                                \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count, PyObject *keys)        \
    {                                                                                                                  \
        return call("iteration", #name, NULL, args, count, keys);                                                      \
    }

#define METHOD(name)                                                                                                   \
    static PyObject *service_##name(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keys)           \
    {                                                                                                                  \
        return job("Service." #name, self, args, count, keys);                                                         \
    }

/* A default may be left out of a call, so C has it as well. */
static PyObject *
path_operation(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *number, *word = NULL;
    if (!PyArg_ParseTuple(args, "O|O:path_operation", &number, &word)) {
        return NULL;
    }
    PyObject *arguments[] = {number, word != NULL ? Py_NewRef(word) : PyUnicode_FromString("a")};
    PyObject *awaitable = arguments[1] == NULL ? NULL : job("path_operation", NULL, arguments, 2, NULL);
    Py_XDECREF(arguments[1]);
    return awaitable;
}

static PyObject *
dependency(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *word = NULL;
    if (!PyArg_ParseTuple(args, "|O:dependency", &word)) {
        return NULL;
    }
    word = word != NULL ? Py_NewRef(word) : PyUnicode_FromString("b");
    PyObject *awaitable = word == NULL ? NULL : job("dependency", NULL, &word, 1, NULL);
    Py_XDECREF(word);
    return awaitable;
}

FUNCTION_OF_ONE(endpoint)
FUNCTION(error_handler)
FUNCTION(task)
FUNCTION(middleware)
FUNCTION(handler_middleware)
FUNCTION(receiver)
FUNCTION_OF_NONE(fixture)
FUNCTION(test_passes)
FUNCTION(test_fails)
FUNCTION_OF_ONE(test_method)
FUNCTION_OF_ONE(set_up)
ITERATION(lifespan)
ITERATION(yielding_fixture)
METHOD(endpoint)
METHOD(of_class)
METHOD(of_nobody)
METHOD(__aenter__)
METHOD(__aexit__)

#define ANY (METH_FASTCALL | METH_KEYWORDS)

static PyMethodDef functions[] = {
    {"endpoint", endpoint, METH_O | METH_ASYNC, "endpoint(request)\n--\n\nAnswers a request."},
    {"path_operation", path_operation, METH_VARARGS | METH_ASYNC,
     "path_operation(number: int, word: str = 'a')\n--\n\nTells what it was given."},
    {"dependency", dependency, METH_VARARGS | METH_ASYNC, "dependency(word: str = 'b')\n--\n\n"},
    {"error_handler", FAST(error_handler), ANY | METH_ASYNC, "error_handler(request, error)\n--\n\n"},
    {"task", FAST(task), ANY | METH_ASYNC, "task(word, *, times=1)\n--\n\n"},
    {"middleware", FAST(middleware), ANY | METH_ASYNC, "middleware(request, call_next)\n--\n\n"},
    {"handler_middleware", FAST(handler_middleware), ANY | METH_ASYNC, "handler_middleware(request, handler)\n--\n\n"},
    {"receiver", FAST(receiver), ANY | METH_ASYNC, "receiver(sender, **kwargs)\n--\n\n"},
    {"fixture", fixture, METH_NOARGS | METH_ASYNC, "fixture()\n--\n\n"},
    {"test_passes", FAST(test_passes), ANY | METH_ASYNC, "test_passes(value, yielded)\n--\n\n"},
    {"test_fails", FAST(test_fails), ANY | METH_ASYNC, "test_fails(value)\n--\n\n"},
    {"test_method", test_method, METH_O | METH_ASYNC, "test_method(self)\n--\n\n"},
    {"set_up", set_up, METH_O | METH_ASYNC, "set_up(self)\n--\n\n"},
    {"lifespan", FAST(lifespan), ANY | METH_ASYNC_GENERATOR, "lifespan(app)\n--\n\n"},
    {"yielding_fixture", FAST(yielding_fixture), ANY | METH_ASYNC_GENERATOR, "yielding_fixture(value)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef methods[] = {
    {"endpoint", FAST(service_endpoint), ANY | METH_ASYNC, "endpoint($self, request)\n--\n\nAnswers a request."},
    {"of_class", FAST(service_of_class), ANY | METH_CLASS | METH_ASYNC, "of_class($type, request)\n--\n\n"},
    {"of_nobody", FAST(service_of_nobody), ANY | METH_STATIC | METH_ASYNC, "of_nobody(request)\n--\n\n"},
    {"__aenter__", FAST(service___aenter__), ANY | METH_ASYNC, "__aenter__($self)\n--\n\n"},
    {"__aexit__", FAST(service___aexit__), ANY | METH_ASYNC, "__aexit__($self, kind, value, traceback)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

/* As builtins, which AddMethods() replaces. */
static PyType_Slot service_slots[] = {{Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec service_spec = {"in_c.Service", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                                   service_slots};

/* With IN_C_BUILTINS in the environment they stay builtins, as they are without PyAwaitable_AddFunctions(). */
static int
in_c_exec(PyObject *module)
{
    int flagged = getenv("IN_C_BUILTINS") == NULL;
    PyObject *service = PyType_FromModuleAndSpec(module, &service_spec, NULL);
    int status = service == NULL || PyObject_SetAttrString(module, "Service", service) < 0 || PyAwaitable_Init() < 0 ||
                         (flagged && PyAwaitable_AddMethods((PyTypeObject *)service, methods) < 0)
                     ? -1
                     : 0;
    Py_XDECREF(service);
    if (status < 0) {
        return status;
    }
    return flagged ? PyAwaitable_AddFunctions(module, functions) : PyModule_AddFunctions(module, functions);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)in_c_exec},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "in_c",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_in_c(void)
{
    return PyModuleDef_Init(&definition);
}
