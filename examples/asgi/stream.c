/* GET /stream: a response in parts, with a pause after each. */
#include "webapp.h"

enum { PARTS = 5 };
static const double PAUSE = 0.03;

typedef struct {
    HEAD
    Request *request;
    DATA
    int number;
} Stream;

static PyObject *
send_part(Stream *f)
{
    PyObject *part = PyBytes_FromFormat("part %d of %d\n", f->number, PARTS);
    return send_body(f->request, part, f->number < PARTS);
}

BODY(stream_body, Stream, f)
    AWAIT_ONLY(start_response(f->request, 200, "text/plain; charset=utf-8", -1));
    for (f->number = 1; f->number < PARTS; f->number++) {
        AWAIT_ONLY(send_part(f));
        AWAIT_ONLY(request_sleep(f->request, PAUSE));
    }
    AWAIT_ONLY(send_part(f));
END_BODY

static const PyAwaitable_Definition stream_definition = PyAwaitable_DEFINITION("stream", stream_body, Stream);

PyObject *
stream(Request *request)
{
    Stream *f;
    PyObject *awaitable = PyAwaitable_NewBody(&stream_definition, &f);
    if (awaitable != NULL) {
        f->request = (Request *)Py_NewRef(request);
    }
    return awaitable;
}
