/* Functions and methods of every kind, for tables that make async functions of them. Each awaits nothing, and returns what it
 * was called with: (name, self or None, arguments...). */
#include <Python.h>
#define PYAWAITABLE_KEYWORDS
#include <pyawaitable.h>
#include <stdlib.h>
#include <string.h>

/* A new awaitable that returns a tuple, which is stolen. */
static PyObject *
returns(PyObject *tuple)
{
    PyObject *awaitable = tuple == NULL ? NULL : PyAwaitable_New();
    if (awaitable != NULL && PyAwaitable_SetResult(awaitable, tuple) < 0) {
        Py_CLEAR(awaitable);
    }
    Py_XDECREF(tuple);
    return awaitable;
}

/* What stands for `self` in a result: the module is none. */
static PyObject *
shown(PyObject *self)
{
    return self == NULL || PyModule_Check(self) ? Py_None : self;
}

static PyObject *
noargs(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return returns(Py_BuildValue("(sO)", "noargs", shown(self)));
}

static PyObject *
one(PyObject *self, PyObject *object)
{
    return returns(Py_BuildValue("(sOO)", "one", shown(self), object));
}

static PyObject *
varargs(PyObject *self, PyObject *args)
{
    PyObject *a, *b = NULL;
    if (!PyArg_ParseTuple(args, "O|O:varargs", &a, &b)) {
        return NULL;
    }
    return returns(Py_BuildValue("(sOOO)", "varargs", shown(self), a, b == NULL ? Py_None : b));
}

static PyObject *
keywords(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"a", "b", "c", NULL};
    PyObject *a, *b = NULL;
    long c = 3;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O$l:keywords", names, &a, &b, &c)) {
        return NULL;
    }
    return returns(Py_BuildValue("(sOOOl)", "keywords", shown(self), a, b == NULL ? Py_None : b, c));
}

static PyObject *
tuple_of(PyObject *const *args, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++) {
        Py_INCREF(args[i]);
        PyTuple_SET_ITEM(tuple, i, args[i]);
    }
    return tuple;
}

static PyObject *
fast(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return returns(Py_BuildValue("(sON)", "fast", shown(self), tuple_of(args, count)));
}

/* The values of keywords stand behind the others. */
static PyObject *
fast_keywords(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Py_ssize_t more = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    PyObject *keys = names == NULL ? PyTuple_New(0) : (Py_INCREF(names), names);
    return returns(Py_BuildValue("(sONNN)", "fast_keywords", shown(self), tuple_of(args, count), keys,
                                 tuple_of(args + count, more)));
}

/* Awaits its argument, and greets it. */
static int
on_name(PyObject *awaitable, PyObject *name)
{
    PyObject *greeting = PyUnicode_FromFormat("Hello, %S!", name);
    int status = greeting == NULL ? -1 : PyAwaitable_SetResult(awaitable, greeting);
    Py_XDECREF(greeting);
    return status;
}

static PyObject *
greet(PyObject *Py_UNUSED(self), PyObject *name)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable != NULL && PyAwaitable_AddAwait(awaitable, name, on_name, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

/* Returns its argument, whatever that is; NULL without an exception for None. */
static PyObject *
given(PyObject *Py_UNUSED(self), PyObject *object)
{
    if (object == Py_None) {
        return NULL;
    }
    Py_INCREF(object);
    return object;
}

static PyObject *
fails(PyObject *Py_UNUSED(self), PyObject *message)
{
    PyErr_SetObject(PyExc_LookupError, message);
    return NULL;
}

/* Its awaitable's callback fails without an exception: a SystemError that names the function. */
static int
bad_callback(PyObject *Py_UNUSED(awaitable), PyObject *Py_UNUSED(result))
{
    return -1;
}

static PyObject *
bad(PyObject *Py_UNUSED(self), PyObject *object)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable != NULL && PyAwaitable_AddAwait(awaitable, object, bad_callback, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

/* PyImport_ImportModule() looks into the globals of the Python function that runs. */
static PyObject *
imports(PyObject *Py_UNUSED(self), PyObject *name)
{
    PyObject *module = PyImport_Import(name);
    return module == NULL ? NULL : returns(Py_BuildValue("(sN)", "imports", module));
}

/* An awaitable that has a name of its own. */
static PyObject *
named(PyObject *Py_UNUSED(self), PyObject *name)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable != NULL && (PyObject_SetAttrString(awaitable, "__name__", name) < 0 ||
                              PyObject_SetAttrString(awaitable, "__qualname__", name) < 0)) {
        PyAwaitable_Cancel(awaitable);
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef functions[] = {
    {"noargs", noargs, METH_NOARGS | METH_ASYNC, "noargs()\n--\n\nTakes nothing."},
    {"one", one, METH_O | METH_ASYNC, "one(object, /)\n--\n\n"},
    {"one_by_name", one, METH_O | METH_ASYNC, "one_by_name(object)\n--\n\n"},
    {"varargs", varargs, METH_VARARGS | METH_ASYNC, "varargs(a, b=None)\n--\n\n"},
    {"keywords", FAST(keywords), METH_VARARGS | METH_KEYWORDS | METH_ASYNC,
     "keywords(a, b=None, *, c: int = 3)\n--\n\n"},
    {"fast", FAST(fast), METH_FASTCALL | METH_ASYNC, "fast($module, /, *args)\n--\n\n"},
    {"fast_keywords", FAST(fast_keywords), METH_FASTCALL | METH_KEYWORDS | METH_ASYNC,
     "fast_keywords($module, a, /, b=2, *args, c, **kwargs)\n--\n\n"},
    {"anything", FAST(fast_keywords), METH_FASTCALL | METH_KEYWORDS | METH_ASYNC, NULL},
    {"broken", FAST(fast_keywords), METH_FASTCALL | METH_KEYWORDS | METH_ASYNC,
     "broken(a=<unknown>)\n--\n\nIts signature."},
    {"no_signature", noargs, METH_NOARGS | METH_ASYNC, "Says nothing of arguments."},
    {"greet", greet, METH_O | METH_ASYNC, "greet(name)\n--\n\nAwaits name, and greets it."},
    {"given", given, METH_O | METH_ASYNC, NULL},
    {"iterate", given, METH_O | METH_ASYNC_GENERATOR, "iterate(iterator)\n--\n\n"},
    {"fails", fails, METH_O | METH_ASYNC, NULL},
    {"bad", bad, METH_O | METH_ASYNC, NULL},
    {"named", named, METH_O | METH_ASYNC, NULL},
    {"imports", imports, METH_O | METH_ASYNC, NULL},
    {"plain", one, METH_O, "plain(object, /)\n--\n\nWhat it always was."},
    {NULL, NULL, 0, NULL},
};

/* ---- Types --------------------------------------------------------------------------------------------------------- */

static PyObject *
defining(PyObject *self, PyTypeObject *type, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *arguments = tuple_of(args, count + (names == NULL ? 0 : PyTuple_GET_SIZE(names)));
    return returns(Py_BuildValue("(sOON)", "defining", shown(self), (PyObject *)type, arguments));
}

static PyObject *
itself(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    Py_INCREF(self);
    return self;
}

#define METHODS                                                                                                        \
    {"noargs", noargs, METH_NOARGS | METH_ASYNC, "noargs($self)\n--\n\nTakes nothing."},                               \
        {"one", one, METH_O | METH_ASYNC, "one($self, object, /)\n--\n\n"},                                            \
        {"keywords", FAST(keywords), METH_VARARGS | METH_KEYWORDS | METH_ASYNC,                                        \
         "keywords($self, a, b=None, *, c=3)\n--\n\n"},                                                                \
        {"fast", FAST(fast), METH_FASTCALL | METH_ASYNC, NULL},                                                        \
        {"of_class", one, METH_O | METH_CLASS | METH_ASYNC, "of_class($type, object, /)\n--\n\n"},                     \
        {"of_nobody", one, METH_O | METH_STATIC | METH_ASYNC, "of_nobody(object, /)\n--\n\n"},                         \
        {"plain", one, METH_O, "plain($self, object, /)\n--\n\n"}, {"plain_of_class", one, METH_O | METH_CLASS, NULL}, \
        {"plain_of_nobody", one, METH_O | METH_STATIC, NULL},                                                          \
        {"__aenter__", noargs, METH_NOARGS | METH_ASYNC, "__aenter__($self)\n--\n\n"},                                 \
        {"__aexit__", FAST(fast), METH_FASTCALL | METH_ASYNC, "__aexit__($self, kind, value, traceback, /)\n--\n\n"}

static PyMethodDef methods[] = {METHODS, {NULL, NULL, 0, NULL}};

/* What the interpreter calls by slots. */
static PyMethodDef special_methods[] = {
    {"__call__", FAST(keywords), METH_VARARGS | METH_KEYWORDS | METH_ASYNC,
     "__call__($self, a, b=None, *, c=3)\n--\n\n"},
    {"__anext__", noargs, METH_NOARGS | METH_ASYNC, "__anext__($self)\n--\n\n"},
    {"__aiter__", itself, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef of_method[] = {
    {"defining", FAST(defining), METH_METHOD | METH_FASTCALL | METH_KEYWORDS | METH_ASYNC,
     "defining($self, /, *args)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

/* Beside a slot. */
static PyMethodDef coexisting[] = {
    {"__repr__", noargs, METH_NOARGS | METH_ASYNC | METH_COEXIST, NULL},
    {NULL, NULL, 0, NULL},
};
static PyMethodDef contradictory[] = {
    {"both", noargs, METH_NOARGS | METH_ASYNC | METH_ASYNC_GENERATOR, NULL},
    {NULL, NULL, 0, NULL},
};
static PyMethodDef of_a_class[] = {
    {"of_a_class", noargs, METH_NOARGS | METH_CLASS | METH_ASYNC, NULL},
    {NULL, NULL, 0, NULL},
};
static PyMethodDef of_a_class_and_nobody[] = {
    {"both", noargs, METH_NOARGS | METH_CLASS | METH_STATIC | METH_ASYNC, NULL},
    {NULL, NULL, 0, NULL},
};

static const struct {
    const char *name;
    PyMethodDef *table;
} tables[] = {
    {"functions", functions},     {"methods", methods},
    {"special", special_methods}, {"of_method", of_method},
    {"coexisting", coexisting},   {"contradictory", contradictory},
    {"of_a_class", of_a_class},   {"of_a_class_and_nobody", of_a_class_and_nobody},
};

static PyMethodDef *
table_of(PyObject *name)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (PyUnicode_CompareWithASCIIString(name, tables[i].name) == 0) {
            return tables[i].table;
        }
    }
    return NULL;
}

/* add_functions(module, name of a table) */
static PyObject *
add_functions(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *module, *name;
    if (!PyArg_ParseTuple(args, "OU", &module, &name) ||
        PyAwaitable_AddFunctions(module == Py_None ? NULL : module, table_of(name)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* add_methods(type, name of a table) */
static PyObject *
add_methods(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *type, *name;
    if (!PyArg_ParseTuple(args, "OU", &type, &name) ||
        PyAwaitable_AddMethods(type == Py_None ? NULL : (PyTypeObject *)type, table_of(name)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* add_one(type, name): a method of any name. Its table lives on, as tables have to. */
static PyObject *
add_one(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *type;
    const char *name;
    struct {
        PyMethodDef table[2];
        char name[64];
    } *made;
    if (!PyArg_ParseTuple(args, "O!s", &PyType_Type, &type, &name)) {
        return NULL;
    }
    made = calloc(1, sizeof(*made));
    if (made == NULL || strlen(name) >= sizeof(made->name)) {
        free(made);
        return PyErr_NoMemory();
    }
    strcpy(made->name, name);
    made->table[0] = (PyMethodDef){made->name, one, METH_O | METH_ASYNC, NULL};
    if (PyAwaitable_AddMethods((PyTypeObject *)type, made->table) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
as_coroutine(PyObject *Py_UNUSED(self), PyObject *awaitable)
{
    return PyAwaitable_AsCoroutine(awaitable == Py_Ellipsis ? NULL : awaitable);
}

static PyTypeObject after_type;

/* The static type, in whatever interpreter. */
static PyObject *
static_type(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    Py_INCREF(&after_type);
    return (PyObject *)&after_type;
}

static PyMethodDef tools[] = {
    {"static_type", static_type, METH_NOARGS, NULL},
    {"degraded", one, METH_O | METH_ASYNC, NULL}, /* in a table that CPython installs */
    {"add_functions", add_functions, METH_VARARGS, NULL},
    {"add_methods", add_methods, METH_VARARGS, NULL},
    {"add_one", add_one, METH_VARARGS, NULL},
    {"as_coroutine", as_coroutine, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static void
dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self); /* a subclass is freed in another way */
    if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
        Py_DECREF(type);
    }
}

static PyType_Slot heap_slots[] = {
    {Py_tp_dealloc, (void *)dealloc},
    {Py_tp_methods, methods}, /* as plain methods, which the asynchronous ones replace */
    {0, NULL},
};
static PyType_Spec heap_spec = {"functions.Heap", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                                heap_slots};

static PyType_Slot bare_slots[] = {{Py_tp_dealloc, (void *)dealloc}, {0, NULL}};
#ifdef Py_TPFLAGS_IMMUTABLETYPE
static PyType_Spec immutable_spec = {"functions.Immutable", sizeof(PyObject), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, bare_slots};
#endif
static PyType_Spec mutable_spec = {"functions.Mutable", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                                   bare_slots};

static PyTypeObject before_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "functions.Before",
    .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
};
static PyTypeObject after_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "functions.After",
    .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
};

static int
add_type(PyObject *module, PyType_Spec *spec, const char *name, PyMethodDef *first, PyMethodDef *second)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    int status = type == NULL || (first != NULL && PyAwaitable_AddMethods((PyTypeObject *)type, first) < 0) ||
                         (second != NULL && PyAwaitable_AddMethods((PyTypeObject *)type, second) < 0) ||
                         PyObject_SetAttrString(module, name, type) < 0
                     ? -1
                     : 0;
    Py_XDECREF(type);
    return status;
}

static int
is_main(void)
{
    return PyInterpreterState_Get() == PyInterpreterState_Main();
}

static int
add_static_types(PyObject *module)
{
    if (!(before_type.tp_flags & Py_TPFLAGS_READY) && PyAwaitable_AddMethods(&before_type, methods) < 0) {
        return -1;
    }
    if (PyType_Ready(&before_type) < 0 || PyType_Ready(&after_type) < 0 ||
        PyAwaitable_AddMethods(&after_type, methods) < 0) {
        return -1;
    }
    return PyObject_SetAttrString(module, "Before", (PyObject *)&before_type) < 0 ||
                   PyObject_SetAttrString(module, "After", (PyObject *)&after_type) < 0
               ? -1
               : 0;
}

static int
execute(PyObject *module)
{
    if (PyAwaitable_AddFunctions(module, functions) < 0 ||
        add_type(module, &heap_spec, "Heap", methods, special_methods) < 0 ||
        add_type(module, &mutable_spec, "Mutable", of_method, coexisting) < 0) {
        return -1;
    }
#ifdef Py_TPFLAGS_IMMUTABLETYPE
    if (add_type(module, &immutable_spec, "Immutable", methods, NULL) < 0) {
        return -1;
    }
#endif
    return is_main() ? add_static_types(module) : 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "functions",
    .m_methods = tools,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_functions(void)
{
    return PyModuleDef_Init(&definition);
}
