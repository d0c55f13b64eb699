/* Which function answers what, and the shorter ones of them. */
#include "webapp.h"

static PyObject *
index_page(Request *request)
{
    return respond_text(request, 200, "Written in C.\n");
}

static PyObject *
stats(Request *request)
{
    return respond_json(request, 200, request_shared(request, "tally"));
}

/* /fail: app.c makes the error page. */

static int
fail_now(PyObject *Py_UNUSED(awaitable), PyObject *Py_UNUSED(result))
{
    PyErr_SetString(PyExc_RuntimeError, "this handler always fails");
    return -1;
}

static int
fail_begin(PyObject *awaitable)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    PyObject *pause = PyObject_CallMethod(request_state(request)->asyncio, "sleep", "i", 0);
    return PyAwaitable_AddExpr(awaitable, pause, fail_now, NULL);
}

static PyObject *
fail(Request *request)
{
    return request_awaitable(request, fail_begin);
}

/* /sha256 */

/* hashlib.sha256 of all the parts, as hexadecimal digits. */
static PyObject *
hex_digest(State *state, PyObject *parts)
{
    PyObject *hash = PyObject_CallNoArgs(state->sha256);
    for (Py_ssize_t i = 0; hash != NULL && i < PyList_GET_SIZE(parts); i++) {
        PyObject *part = PyList_GET_ITEM(parts, i);
        PyObject *none = PyObject_CallMethodOneArg(hash, state->names[NAME_UPDATE], part);
        if (none == NULL) {
            Py_CLEAR(hash);
        }
        Py_XDECREF(none);
    }
    if (hash == NULL) {
        return NULL;
    }
    PyObject *digits = PyObject_CallMethodNoArgs(hash, state->names[NAME_HEXDIGEST]);
    Py_DECREF(hash);
    return digits;
}

static int
sha256_on_body(PyObject *awaitable, PyObject *parts)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    State *state = request_state(request);
    PyObject *digits = hex_digest(state, parts);
    if (digits == NULL) {
        return -1;
    }
    PyObject *answer = Py_BuildValue("{O:n, O:N}", state->names[NAME_MESSAGES], PyList_GET_SIZE(parts),
                                     state->names[NAME_SHA256], digits);
    return PyAwaitable_AddExpr(awaitable, respond_json(request, 200, answer), NULL, NULL);
}

static int
sha256_begin(PyObject *awaitable)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    return PyAwaitable_AddExpr(awaitable, read_body(request), sha256_on_body, NULL);
}

static PyObject *
sha256(Request *request)
{
    return request_awaitable(request, sha256_begin);
}

/* The table. */

typedef struct {
    const char *method;
    const char *path;
    PyObject *(*handler)(Request *);
} Route;

/* clang-format off */
static const Route ROUTES[] = {
    {"GET", "/", index_page},
    {"GET", "/stats", stats},
    {"GET", "/stream", stream},
    {"GET", "/slow", slow},
    {"GET", "/fail", fail},
    {"POST", "/sha256", sha256},
    {"POST", "/upload", upload},
};
/* clang-format on */

static bool
equal(PyObject *text, const char *ascii)
{
    return PyUnicode_Check(text) && PyUnicode_CompareWithASCIIString(text, ascii) == 0;
}

static PyObject *
find_and_call(Request *request, PyObject *method, PyObject *path)
{
    bool path_is_known = false;
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
        if (!equal(path, ROUTES[i].path)) {
            continue;
        }
        if (equal(method, ROUTES[i].method)) {
            return ROUTES[i].handler(request);
        }
        path_is_known = true;
    }
    if (path_is_known) {
        return respond_text(request, 405, "405: %S does not take %S\n", path, method);
    }
    return respond_text(request, 404, "404: nothing at %S\n", path);
}

PyObject *
route(Request *request)
{
    PyObject *method = PyObject_GetItem(request->scope, name_of(request, NAME_METHOD));
    if (method == NULL) {
        return NULL;
    }
    PyObject *path = PyObject_GetItem(request->scope, name_of(request, NAME_PATH));
    PyObject *answer = path == NULL ? NULL : find_and_call(request, method, path);
    Py_XDECREF(path);
    Py_DECREF(method);
    return answer;
}
