/* An ASGI application in C: what its files know of each other.
 *
 * Two conventions hold everywhere. A function that returns a PyObject * returns a new reference,
 * or NULL with an exception set. An argument that a comment calls "stolen" is released by the
 * function, on failure too, and may be NULL with an exception set, which is passed on: so calls
 * can be nested, as with PyAwaitable_AddExpr().
 */
#ifndef WEBAPP_H
#define WEBAPP_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define PYAWAITABLE_KEYWORDS
#include <pyawaitable.h>
#include <stdbool.h>

/* What is asked of every request and put into every answer. The strings are made once, in app.c:
 * one made for each look-up would cost more than the look-up. */
enum {
    NAME_BODY,
    NAME_GET,
    NAME_HEADERS,
    NAME_HEXDIGEST,
    NAME_MESSAGES,
    NAME_METHOD,
    NAME_MORE_BODY,
    NAME_PATH,
    NAME_RESPONSE_BODY,
    NAME_RESPONSE_START,
    NAME_SHA256,
    NAME_STATUS,
    NAME_TYPE,
    NAME_UPDATE,
    NAME_COUNT
};

/* app.c: what the module owns, once in each interpreter. */
typedef struct {
    PyTypeObject *request_type;
    PyObject *client_disconnected; /* the exception */
    PyObject *log;                 /* logging.getLogger("webapp") */
    PyObject *asyncio;
    PyObject *json_dumps;
    PyObject *sha256;
    PyObject *no_bytes; /* b"" */
    PyObject *names[NAME_COUNT];
} State;

/* request.c: one call of the application. Every awaitable made for it keeps it: in the frame of its
 * body, or, without one, as saved value 0. */
typedef struct {
    PyObject_HEAD
    PyObject *scope;
    PyObject *receive;
    PyObject *send;
    bool response_started;
} Request;

extern PyType_Spec request_spec;

PyObject *request_new(State *state, PyObject *scope, PyObject *receive, PyObject *send);
State *request_state(Request *request);

/* One of the names. Borrowed. */
PyObject *name_of(Request *request, int name);

/* By callbacks: runs `body` at the first step, not before, as calling an `async def` runs nothing of it. */
PyObject *request_awaitable(Request *request, PyAwaitable_Defer body);

/* For what a `try` begins with, by callbacks: `try: await handler()` is
 *
 *     PyAwaitable_AddExpr(awaitable, in_try(handler()), NULL, on_error)
 *
 * In Python the call is inside the `try`. In C it is an argument: it has been made, and may have
 * failed, before PyAwaitable_AddExpr() sees `on_error`, and what it raised would pass that by. This
 * returns `awaitable`, or where that is NULL something that raises the exception when it is awaited:
 * then `on_error` gets it, whichever of the two has failed. `awaitable` is stolen.
 * (PyAwaitable_AddExpr() still refuses at once what cannot be awaited at all. Where a function that is
 * not ours may return that, make the whole body of the `try` an awaitable of its own, and add that.)
 */
PyObject *in_try(PyObject *awaitable);

/* The request that an awaitable works for, if it has no body. Borrowed; NULL with an exception. */
Request *request_of(PyObject *awaitable);

/* asyncio.sleep(seconds) */
PyObject *request_sleep(Request *request, double seconds);

/* What `await receive()` and `await send(message)` would await. `message` is stolen. */
PyObject *request_receive(Request *request);
PyObject *request_send(Request *request, PyObject *message);

/* scope["state"][name]: what the application made at its start-up. */
PyObject *request_shared(Request *request, const char *name);

/* scope["state"]["tally"][name]: -1 with an exception, or without: as with PyLong_AsLong(). */
long tally_get(Request *request, const char *name);
int tally_set(Request *request, const char *name, long count);

/* Whether a scope, or a message from receive(), is of this type: 1, 0, or -1 with an exception. */
int message_is(Request *request, PyObject *message, const char *type);

/* Awaits the whole body. Its result is a list of bytes: the parts, as the server passed them on. */
PyObject *read_body(Request *request);

/* response.c: whole responses. `body` and `value` are stolen. */
PyObject *respond(Request *request, int status, const char *content_type, PyObject *body);
PyObject *respond_text(Request *request, int status, const char *format, ...);
PyObject *respond_json(Request *request, int status, PyObject *value);

/* ... and in pieces. A negative length is one that is not known yet. `body` is stolen. */
PyObject *start_response(Request *request, int status, const char *content_type, Py_ssize_t length);
PyObject *send_body(Request *request, PyObject *body, bool more_body);

/* lifespan.c, routes.c, stream.c, upload.c, slow.c: each returns something to await. */
PyObject *lifespan(Request *request);
PyObject *route(Request *request);
PyObject *stream(Request *request);
PyObject *upload(Request *request);
PyObject *slow(Request *request);

#endif
