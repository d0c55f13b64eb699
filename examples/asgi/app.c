/* The module, and the application itself: app(scope, receive, send). */
#include "webapp.h"

static State *
module_state(PyObject *module)
{
    return PyModule_GetState(module);
}

/* A handler is to blame: `except Exception`. */
static int
answer_with_error_page(PyObject *awaitable, Request *request, PyObject *exception)
{
    PyObject *logged = PyObject_CallMethod(request_state(request)->log, "exception", "s", "a handler failed");
    if (logged == NULL) {
        return -2;
    }
    Py_DECREF(logged);
    PyObject *name = PyObject_GetAttrString((PyObject *)Py_TYPE(exception), "__name__");
    if (name == NULL) {
        return -2;
    }
    PyObject *page = respond_text(request, 500, "500: %S: %S\n", name, exception);
    Py_DECREF(name);
    return PyAwaitable_AddExpr(awaitable, page, NULL, NULL) < 0 ? -2 : 0;
}

/* Nobody is left to answer: `except ClientDisconnected`. */
static int
note_disconnection(Request *request, PyObject *exception)
{
    PyObject *logged =
        PyObject_CallMethod(request_state(request)->log, "info", "sO", "nobody to answer: %s", exception);
    Py_XDECREF(logged);
    return logged == NULL ? -2 : 0;
}

static int
on_handler_error(PyObject *awaitable, PyObject *exception)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -2;
    }
    if (PyErr_GivenExceptionMatches(exception, request_state(request)->client_disconnected)) {
        return note_disconnection(request, exception);
    }
    if (request->response_started || !PyErr_GivenExceptionMatches(exception, PyExc_Exception)) {
        return -1; /* too late for an error page; or no error of ours, such as a cancellation */
    }
    return answer_with_error_page(awaitable, request, exception);
}

static int
dispatch(PyObject *awaitable)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    int is_http = message_is(request, request->scope, "http");
    if (is_http < 0) {
        return -1;
    }
    if (is_http) {
        /* A handler may fail when it is called, too: stats() does, without a lifespan. */
        return PyAwaitable_AddExpr(awaitable, in_try(route(request)), NULL, on_handler_error);
    }
    int is_lifespan = message_is(request, request->scope, "lifespan");
    if (is_lifespan < 0) {
        return -1;
    }
    if (is_lifespan) {
        return PyAwaitable_AddExpr(awaitable, lifespan(request), NULL, NULL);
    }
    PyErr_SetString(PyExc_NotImplementedError, "this application speaks http and lifespan only");
    return -1;
}

static PyObject *
app(PyObject *module, PyObject *arguments)
{
    PyObject *scope, *receive, *send;
    if (!PyArg_ParseTuple(arguments, "OOO:app", &scope, &receive, &send)) {
        return NULL;
    }
    PyObject *request = request_new(module_state(module), scope, receive, send);
    if (request == NULL) {
        return NULL;
    }
    PyObject *awaitable = request_awaitable((Request *)request, dispatch);
    Py_DECREF(request);
    return awaitable;
}

/* getattr(import_module(module), name) */
static PyObject *
import_from(const char *module, const char *name)
{
    PyObject *imported = PyImport_ImportModule(module);
    if (imported == NULL) {
        return NULL;
    }
    PyObject *found = PyObject_GetAttrString(imported, name);
    Py_DECREF(imported);
    return found;
}

static PyObject *
get_logger(void)
{
    PyObject *logging = PyImport_ImportModule("logging");
    if (logging == NULL) {
        return NULL;
    }
    PyObject *log = PyObject_CallMethod(logging, "getLogger", "s", "webapp");
    Py_DECREF(logging);
    return log;
}

static const char *const NAME_TEXTS[NAME_COUNT] = {
    [NAME_BODY] = "body",
    [NAME_GET] = "get",
    [NAME_HEADERS] = "headers",
    [NAME_HEXDIGEST] = "hexdigest",
    [NAME_MESSAGES] = "messages",
    [NAME_METHOD] = "method",
    [NAME_MORE_BODY] = "more_body",
    [NAME_PATH] = "path",
    [NAME_RESPONSE_BODY] = "http.response.body",
    [NAME_RESPONSE_START] = "http.response.start",
    [NAME_SHA256] = "sha256",
    [NAME_STATUS] = "status",
    [NAME_TYPE] = "type",
    [NAME_UPDATE] = "update",
};

static int
make_names(State *state)
{
    for (int i = 0; i < NAME_COUNT; i++) {
        state->names[i] = PyUnicode_InternFromString(NAME_TEXTS[i]);
        if (state->names[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

/* Each member is set or NULL: when one is missing, webapp_free releases the others. */
/* Servers see an `async def` function: that is how they tell an ASGI application from a WSGI one. */
static PyMethodDef functions[] = {
    {"app", app, METH_VARARGS | PyAwaitable_METH_ASYNC, "app(scope, receive, send)\n--\n\nThe ASGI application."},
    {NULL, NULL, 0, NULL},
};

static int
webapp_exec(PyObject *module)
{
    State *state = module_state(module);
    if (PyAwaitable_AddFunctions(module, functions) < 0) {
        return -1;
    }
    state->request_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &request_spec, NULL);
    if (state->request_type == NULL) {
        return -1;
    }
    state->client_disconnected = PyErr_NewExceptionWithDoc("webapp.ClientDisconnected",
                                                           "The client went away before it was answered.", NULL, NULL);
    if (state->client_disconnected == NULL) {
        return -1;
    }
    state->log = get_logger();
    if (state->log == NULL) {
        return -1;
    }
    state->asyncio = PyImport_ImportModule("asyncio");
    if (state->asyncio == NULL) {
        return -1;
    }
    state->json_dumps = import_from("json", "dumps");
    if (state->json_dumps == NULL) {
        return -1;
    }
    state->sha256 = import_from("hashlib", "sha256");
    if (state->sha256 == NULL) {
        return -1;
    }
    state->no_bytes = PyBytes_FromString("");
    return state->no_bytes == NULL ? -1 : make_names(state);
}

static int
webapp_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = module_state(module);
    Py_VISIT(state->request_type);
    Py_VISIT(state->client_disconnected);
    Py_VISIT(state->log);
    Py_VISIT(state->asyncio);
    Py_VISIT(state->json_dumps);
    Py_VISIT(state->sha256);
    return 0;
}

static int
webapp_clear(PyObject *module)
{
    State *state = module_state(module);
    Py_CLEAR(state->request_type);
    Py_CLEAR(state->client_disconnected);
    Py_CLEAR(state->log);
    Py_CLEAR(state->asyncio);
    Py_CLEAR(state->json_dumps);
    Py_CLEAR(state->sha256);
    Py_CLEAR(state->no_bytes);
    for (int i = 0; i < NAME_COUNT; i++) {
        Py_CLEAR(state->names[i]);
    }
    return 0;
}

static void
webapp_free(void *module)
{
    webapp_clear(module);
}

static PyModuleDef_Slot webapp_slots[] = {
    {Py_mod_exec, (void *)webapp_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

/* clang-format off */
static PyModuleDef webapp = {
    PyModuleDef_HEAD_INIT,
    .m_name = "webapp",
    .m_doc = "An ASGI application written in C.",
    .m_size = sizeof(State),
    .m_slots = webapp_slots,
    .m_traverse = webapp_traverse,
    .m_clear = webapp_clear,
    .m_free = webapp_free,
};
/* clang-format on */

PyMODINIT_FUNC
PyInit_webapp(void)
{
    return PyModuleDef_Init(&webapp);
}
