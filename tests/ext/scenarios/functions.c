/* What is called from Python as an `async def` function is: arguments that are parsed and kept, and clean-ups. */
#include "scenario.h"

/* ---- Clean-ups ----------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject *env;
    const char *name;
} CleanUp;

/* env.clean_up(name). What that raises is left set: it goes to sys.unraisablehook. */
static void
run_clean_up(void *data)
{
    CleanUp *it = data;
    PyObject *done = PyObject_CallMethod(it->env, "clean_up", "s", it->name);
    Py_XDECREF(done);
    Py_DECREF(it->env);
    PyMem_Free(it);
}

static int
add_clean_up(PyObject *awaitable, const char *name)
{
    PyObject *env = PyAwaitable_GetValue(awaitable, 0);
    CleanUp *it;
    if (env == NULL) {
        return -1;
    }
    it = PyMem_Malloc(sizeof(*it));
    if (it == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *it = (CleanUp){env, name};
    Py_INCREF(env);
    if (PyAwaitable_AddCleanup(awaitable, run_clean_up, it) < 0) {
        Py_DECREF(env);
        PyMem_Free(it);
        return -1;
    }
    return 0;
}

/* await a, then b, with three clean-ups. */
static PyObject *
cleaned(PyObject *env, PyAwaitable_Callback cb, PyAwaitable_Error err)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (add_clean_up(awaitable, "first") < 0 || add_clean_up(awaitable, "second") < 0 ||
        scenario_await(awaitable, "a", cb, err) < 0 || add_clean_up(awaitable, "third") < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", returns, NULL));
}

static PyObject *
function_cleaned(PyObject *Py_UNUSED(module), PyObject *env)
{
    return cleaned(env, logs, NULL);
}

static PyObject *
function_cleaned_handling(PyObject *Py_UNUSED(module), PyObject *env)
{
    return cleaned(env, fails, handles);
}

static PyObject *
function_cleaned_replacing(PyObject *Py_UNUSED(module), PyObject *env)
{
    return cleaned(env, fails, replaces);
}

/* Nothing is awaited: only clean-ups. */
static PyObject *
function_only_cleaned(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    return scenario_done(awaitable, add_clean_up(awaitable, "only") < 0 ? -1 : scenario_result(awaitable, "at once"));
}

static int
logs_and_adds(PyObject *awaitable, PyObject *value)
{
    return logs(awaitable, value) < 0 ? -1 : add_clean_up(awaitable, "from the callback");
}

static int
handles_and_adds(PyObject *awaitable, PyObject *exception)
{
    return handles(awaitable, exception) < 0 || add_clean_up(awaitable, "from the error callback") < 0 ? -2 : 0;
}

static int
reraises_and_adds(PyObject *awaitable, PyObject *exception)
{
    int code = reraises(awaitable, exception);
    return add_clean_up(awaitable, "from the last error callback") < 0 ? -2 : code;
}

/* They are added as it goes. */
static PyObject *
function_cleaned_later(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (scenario_await(awaitable, "a", logs_and_adds, handles_and_adds) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", fails, reraises_and_adds));
}

static int
enters_and_adds(PyObject *awaitable, PyObject *value)
{
    if (logs(awaitable, value) < 0 || add_clean_up(awaitable, "from the block") < 0) {
        return -1;
    }
    return scenario_await(awaitable, "a", logs, NULL);
}

/* A block is left before any of them run. */
static PyObject *
function_cleaned_after_block(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (add_clean_up(awaitable, "first") < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_with(awaitable, "lock", enters_and_adds, reraises));
}

/* Others cancel it, and add to it. */
static PyObject *
function_cleaned_outside(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (add_clean_up(awaitable, "first") < 0 || scenario_await(awaitable, "a", logs, handles) < 0 ||
        add_clean_up(awaitable, "second") < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", returns, NULL));
}

/* What a clean-up finds: everything as it was. Its awaitable is borrowed. */
static void
look(void *data)
{
    PyObject *awaitable = data, *saved = PyAwaitable_GetValue(awaitable, 1), *parsed = NULL, *done;
    const char *text = NULL;
    PyObject *env = PyAwaitable_GetValue(awaitable, 0);
    if (env == NULL || saved == NULL || PyAwaitable_Unpack(awaitable, &parsed, &text) < 0) {
        return;
    }
    done = PyObject_CallMethod(env, "clean_up", "sOOsO", "looks", awaitable, saved, text, parsed);
    Py_XDECREF(done);
}

/* function_looked_after(env, object, text) */
static PyObject *
function_looked_after(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *awaitable, *rest, *object, *token = NULL;
    const char *text;
    int status = -1;
    if (PyTuple_GET_SIZE(args) < 1) {
        PyErr_SetString(PyExc_TypeError, "env is missing");
        return NULL;
    }
    awaitable = scenario_new(PyTuple_GET_ITEM(args, 0));
    if (awaitable == NULL) {
        return NULL;
    }
    rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    if (rest != NULL && PyAwaitable_ParseTuple(awaitable, rest, "Os:function_looked_after", &object, &text) == 0 &&
        (token = scenario_make(awaitable, "token", "saved")) != NULL &&
        PyAwaitable_SaveValues(awaitable, 1, token) == 0 && PyAwaitable_AddCleanup(awaitable, look, awaitable) == 0 &&
        add_clean_up(awaitable, "last") == 0) {
        status = scenario_await(awaitable, "a", returns, reraises);
    }
    Py_XDECREF(rest);
    Py_XDECREF(token);
    return scenario_done(awaitable, status);
}

/* C code that fails drops what it has begun to make. */
static PyObject *
function_fails_at_call(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (add_clean_up(awaitable, "of what is dropped") == 0) {
        PyErr_SetString(PyExc_LookupError, "at the call");
    }
    return scenario_done(awaitable, -1);
}

/* ---- Arguments ----------------------------------------------------------------------------------------------------- */

static int
logs_parsed(PyObject *awaitable, PyObject *value)
{
    PyObject *object = NULL, *name = NULL, *more = NULL, *shown;
    const char *text = NULL;
    long number = 0;
    double real = 0;
    int yes = 0, status;
    if (logs(awaitable, value) < 0 ||
        PyAwaitable_Unpack(awaitable, &object, &name, &text, &number, &real, &yes, &more) < 0) {
        return -1;
    }
    shown = Py_BuildValue("(OOsldiO)", object, name, text, number, real, yes, more == NULL ? Py_None : more);
    status = shown == NULL ? -1 : scenario_log(awaitable, "parsed", shown);
    Py_XDECREF(shown);
    return status;
}

/* function_parsed(env, object, name, text, number, real, yes, more=None): kept, and given back to each callback. */
static PyObject *
function_parsed(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *awaitable, *env, *object, *name, *more = NULL;
    const char *text;
    long number;
    double real;
    int yes, status = -1;
    PyObject *rest;
    if (PyTuple_GET_SIZE(args) < 1) {
        PyErr_SetString(PyExc_TypeError, "env is missing");
        return NULL;
    }
    env = PyTuple_GET_ITEM(args, 0);
    awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    if (rest != NULL &&
        PyAwaitable_ParseTuple(awaitable, rest, "OUsldp|O:function_parsed", &object, &name, &text, &number, &real, &yes,
                               &more) == 0 &&
        scenario_await(awaitable, "a", logs_parsed, handles) == 0) {
        status = scenario_await(awaitable, "b", logs_parsed, reraises);
    }
    Py_XDECREF(rest);
    return scenario_done(awaitable, status);
}

/* What an author keeps beside an awaitable: a clean-up releases it. */
typedef struct {
    PyObject *env, *first, *second;
    const char *text;
    long number;
} Frame;

static void
release_frame(void *data)
{
    Frame *frame = data;
    PyObject *done = frame->env == NULL ? NULL : PyObject_CallMethod(frame->env, "clean_up", "s", "frame");
    Py_XDECREF(done);
    Py_XDECREF(frame->env);
    Py_XDECREF(frame->first);
    Py_XDECREF(frame->second);
    PyMem_Free(frame);
}

static int
logs_frame(PyObject *awaitable, PyObject *value)
{
    Frame *frame = PyAwaitable_GetArbValue(awaitable, 0);
    PyObject *shown;
    int status;
    if (frame == NULL || logs(awaitable, value) < 0) {
        return -1;
    }
    shown = Py_BuildValue("(OOsl)", frame->first, frame->second == NULL ? Py_None : frame->second, frame->text,
                          frame->number);
    status = shown == NULL ? -1 : scenario_log(awaitable, "frame", shown);
    Py_XDECREF(shown);
    return status;
}

/* function_framed(env, first, second=None, *, text="none", number=5) */
static PyObject *
function_framed(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"env", "first", "second", "text", "number", NULL};
    PyObject *awaitable;
    Frame *frame;
    if (PyTuple_GET_SIZE(args) < 1) {
        PyErr_SetString(PyExc_TypeError, "env is missing");
        return NULL;
    }
    awaitable = scenario_new(PyTuple_GET_ITEM(args, 0));
    if (awaitable == NULL) {
        return NULL;
    }
    frame = PyMem_Malloc(sizeof(*frame));
    if (frame == NULL) {
        PyErr_NoMemory();
        return scenario_done(awaitable, -1);
    }
    *frame = (Frame){.text = "none", .number = 5};
    if (PyAwaitable_AddCleanup(awaitable, release_frame, frame) < 0) {
        PyMem_Free(frame);
        return scenario_done(awaitable, -1);
    }
    if (PyAwaitable_ParseFrame(awaitable, args, kwargs, "OO|O$sl:function_framed", names, &frame->env, &frame->first,
                               &frame->second, &frame->text, &frame->number) < 0 ||
        PyAwaitable_SaveArbValues(awaitable, 1, (void *)frame) < 0 ||
        scenario_await(awaitable, "a", logs_frame, handles) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", logs_frame, reraises));
}

/* ---- One in another ------------------------------------------------------------------------------------------------ */

/* Awaits what the function of that name returns, which is called as Python calls it. */
static PyObject *
awaits_function(PyObject *module, PyObject *env, const char *name, PyAwaitable_Callback cb, PyAwaitable_Error err)
{
    PyObject *awaitable = scenario_new(env), *inner;
    if (awaitable == NULL) {
        return NULL;
    }
    if (add_clean_up(awaitable, "outside") < 0) {
        return scenario_done(awaitable, -1);
    }
    inner = PyObject_CallMethod(module, name, "O", env);
    return scenario_done(awaitable, PyAwaitable_AddExpr(awaitable, inner, cb, err));
}

static PyObject *
function_nested(PyObject *module, PyObject *env)
{
    return awaits_function(module, env, "function_cleaned", returns, reraises);
}

static PyObject *
function_nested_handling(PyObject *module, PyObject *env)
{
    return awaits_function(module, env, "function_cleaned_replacing", returns, handles);
}

/* A coroutine of Python's own around it. */
static PyObject *
function_as_coroutine(PyObject *Py_UNUSED(module), PyObject *env)
{
    PyObject *awaitable = cleaned(env, logs, reraises), *coroutine;
    if (awaitable == NULL) {
        return NULL;
    }
    coroutine = PyAwaitable_AsCoroutine(awaitable);
    Py_DECREF(awaitable);
    return coroutine;
}

static PyMethodDef functions[] = {
    {"function_cleaned", function_cleaned, METH_O | PyAwaitable_METH_ASYNC, "function_cleaned(env)\n--\n\n"},
    {"function_cleaned_handling", function_cleaned_handling, METH_O | PyAwaitable_METH_ASYNC, NULL},
    {"function_cleaned_replacing", function_cleaned_replacing, METH_O | PyAwaitable_METH_ASYNC, NULL},
    {"function_only_cleaned", function_only_cleaned, METH_O | PyAwaitable_METH_ASYNC, NULL},
    {"function_cleaned_later", function_cleaned_later, METH_O | PyAwaitable_METH_ASYNC, NULL},
    {"function_cleaned_after_block", function_cleaned_after_block, METH_O | PyAwaitable_METH_ASYNC, NULL},
    {"function_cleaned_outside", function_cleaned_outside, METH_O | PyAwaitable_METH_ASYNC, NULL},
    {"function_looked_after", function_looked_after, METH_VARARGS | PyAwaitable_METH_ASYNC,
     "function_looked_after(env, object, text)\n--\n\n"},
    {"function_fails_at_call", function_fails_at_call, METH_O | PyAwaitable_METH_ASYNC, NULL},
    {"function_parsed", function_parsed, METH_VARARGS | PyAwaitable_METH_ASYNC,
     "function_parsed(env, object, name, text, number, real, yes, more=None)\n--\n\n"},
    {"function_framed", (PyCFunction)(void (*)(void))function_framed,
     METH_VARARGS | METH_KEYWORDS | PyAwaitable_METH_ASYNC,
     "function_framed(env, first, second=None, *, text=\"none\", number=5)\n--\n\n"},
    {"function_nested", function_nested, METH_O | PyAwaitable_METH_ASYNC, "function_nested($module, env)\n--\n\n"},
    {"function_nested_handling", function_nested_handling, METH_O | PyAwaitable_METH_ASYNC, NULL},
    {"function_as_coroutine", function_as_coroutine, METH_O | PyAwaitable_METH_ASYNC, NULL},
    {NULL, NULL, 0, NULL},
};

/* ---- Methods ------------------------------------------------------------------------------------------------------- */

/* Logs what it is called on, by the name of its type. */
static int
log_self(PyObject *awaitable, PyObject *self)
{
    PyObject *type = PyType_Check(self) ? Py_NewRef(self) : Py_NewRef((PyObject *)Py_TYPE(self));
    int status = scenario_log(awaitable, PyType_Check(self) ? "of the class" : "of an instance", type);
    Py_DECREF(type);
    return status;
}

static int
logs_self(PyObject *awaitable, PyObject *value)
{
    PyObject *self = PyAwaitable_GetValue(awaitable, 1);
    return self == NULL || logs(awaitable, value) < 0 ? -1 : log_self(awaitable, self);
}

static PyObject *
of_self(PyObject *self, PyObject *env)
{
    PyObject *awaitable = scenario_new(env);
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_SaveValues(awaitable, 1, self) < 0 || add_clean_up(awaitable, "method") < 0 ||
        scenario_await(awaitable, "a", logs_self, handles) < 0) {
        return scenario_done(awaitable, -1);
    }
    return scenario_done(awaitable, scenario_await(awaitable, "b", returns, NULL));
}

static PyMethodDef methods[] = {
    {"method_called", of_self, METH_O | PyAwaitable_METH_ASYNC, "method_called($self, env)\n--\n\n"},
    {"class_method_called", of_self, METH_O | METH_CLASS | PyAwaitable_METH_ASYNC,
     "class_method_called($type, env)\n--\n\n"},
    {"static_method_called", function_cleaned, METH_O | METH_STATIC | PyAwaitable_METH_ASYNC,
     "static_method_called(env)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {{0, NULL}};
static PyType_Spec spec = {"scenarios.Owner", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

/* The methods, bound to an instance, are in the module, as the functions are. */
int
scenario_add_functions(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL), *owner = NULL;
    int status = type == NULL || PyAwaitable_AddMethods((PyTypeObject *)type, methods) < 0 ||
                         (owner = PyObject_CallNoArgs(type)) == NULL || PyAwaitable_AddFunctions(module, functions) < 0
                     ? -1
                     : 0;
    for (PyMethodDef *method = methods; status == 0 && method->ml_name != NULL; method++) {
        PyObject *bound = PyObject_GetAttrString(owner, method->ml_name);
        status = bound == NULL ? -1 : PyObject_SetAttrString(module, method->ml_name, bound);
        Py_XDECREF(bound);
    }
    Py_XDECREF(owner);
    Py_XDECREF(type);
    return status;
}
