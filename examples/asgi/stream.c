/* GET /stream: a response in parts, with a pause after each. The saved long counts them. */
#include "webapp.h"

enum { PARTS = 5 };
static const double PAUSE = 0.03;

static int send_part(PyObject *awaitable, PyObject *result);

static int
pause_after_part(PyObject *awaitable, PyObject *Py_UNUSED(result))
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    PyObject *pause = PyObject_CallMethod(request_state(request)->asyncio, "sleep", "d", PAUSE);
    return PyAwaitable_AddExpr(awaitable, pause, send_part, NULL);
}

static int
send_part(PyObject *awaitable, PyObject *Py_UNUSED(result))
{
    Request *request = request_of(awaitable);
    long number;
    if (request == NULL || PyAwaitable_UnpackIntValues(awaitable, &number) < 0 ||
        PyAwaitable_SetIntValue(awaitable, 0, number + 1) < 0) {
        return -1;
    }
    bool more = number < PARTS;
    PyObject *part = PyBytes_FromFormat("part %ld of %d\n", number, PARTS);
    PyObject *sent = send_body(request, part, more);
    return PyAwaitable_AddExpr(awaitable, sent, more ? pause_after_part : NULL, NULL);
}

static int
stream_begin(PyObject *awaitable)
{
    Request *request = request_of(awaitable);
    if (request == NULL || PyAwaitable_SaveIntValues(awaitable, 1, 1L) < 0) {
        return -1;
    }
    PyObject *started = start_response(request, 200, "text/plain; charset=utf-8", -1);
    return PyAwaitable_AddExpr(awaitable, started, send_part, NULL);
}

PyObject *
stream(Request *request)
{
    return request_awaitable(request, stream_begin);
}
