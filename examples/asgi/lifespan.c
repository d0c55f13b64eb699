/* The server's start and end: one await of the application spans them both. */
#include "webapp.h"

/* A lock belongs to an event loop: it is made here, where one runs, and kept in scope["state"]. */
static int
start_up(Request *request)
{
    PyObject *lock = PyObject_CallMethod(request_state(request)->asyncio, "Lock", NULL);
    if (lock == NULL) {
        return -1;
    }
    PyObject *tally = NULL;
    PyObject *shared = PyMapping_GetItemString(request->scope, "state");
    int status = shared == NULL ? -1 : PyMapping_SetItemString(shared, "lock", lock);
    if (status == 0) {
        tally = Py_BuildValue("{s:i, s:i}", "uploads", 0, "cancelled", 0);
        status = tally == NULL ? -1 : PyMapping_SetItemString(shared, "tally", tally);
    }
    Py_XDECREF(tally);
    Py_XDECREF(shared);
    Py_DECREF(lock);
    return status;
}

static int
on_shutdown(PyObject *awaitable, PyObject *Py_UNUSED(message))
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    PyObject *tally = request_shared(request, "tally");
    if (tally == NULL) {
        return -1;
    }
    PyObject *log = request_state(request)->log;
    PyObject *logged = PyObject_CallMethod(log, "info", "sN", "stopped: %s", tally);
    if (logged == NULL) {
        return -1;
    }
    Py_DECREF(logged);
    PyObject *answer = Py_BuildValue("{s:s}", "type", "lifespan.shutdown.complete");
    return PyAwaitable_AddExpr(awaitable, request_send(request, answer), NULL, NULL);
}

static int
on_started(PyObject *awaitable, PyObject *Py_UNUSED(result))
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    return PyAwaitable_AddExpr(awaitable, request_receive(request), on_shutdown, NULL);
}

static int
on_startup(PyObject *awaitable, PyObject *Py_UNUSED(message))
{
    Request *request = request_of(awaitable);
    if (request == NULL || start_up(request) < 0) {
        return -1;
    }
    /* The answer is sent after the `try`. A -1 would bring its failure to on_startup_error. */
    PyObject *answer = Py_BuildValue("{s:s}", "type", "lifespan.startup.complete");
    PyObject *sent = request_send(request, answer);
    return PyAwaitable_AddExpr(awaitable, sent, on_started, NULL) < 0 ? -2 : 0;
}

static int
on_startup_error(PyObject *awaitable, PyObject *exception)
{
    if (!PyErr_GivenExceptionMatches(exception, PyExc_Exception)) {
        return -1; /* a cancellation, say */
    }
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -2;
    }
    PyObject *message = PyObject_Repr(exception);
    if (message == NULL) {
        return -2;
    }
    PyObject *answer = Py_BuildValue("{s:s, s:N}", "type", "lifespan.startup.failed", "message", message);
    PyObject *sent = request_send(request, answer);
    return PyAwaitable_AddExpr(awaitable, sent, NULL, NULL) < 0 ? -2 : 0;
}

static int
lifespan_begin(PyObject *awaitable)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    PyObject *received = in_try(request_receive(request));
    return PyAwaitable_AddExpr(awaitable, received, on_startup, on_startup_error);
}

PyObject *
lifespan(Request *request)
{
    return request_awaitable(request, lifespan_begin);
}
