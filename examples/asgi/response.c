/* Sending responses, whole or in pieces. */
#include "webapp.h"

PyObject *
start_response(Request *request, int status, const char *content_type, Py_ssize_t length)
{
    PyObject *headers = Py_BuildValue("[(yy)]", "content-type", content_type);
    if (headers != NULL && length >= 0) {
        PyObject *digits = PyBytes_FromFormat("%zd", length);
        PyObject *header = Py_BuildValue("(yN)", "content-length", digits);
        if (header == NULL || PyList_Append(headers, header) < 0) {
            Py_CLEAR(headers);
        }
        Py_XDECREF(header);
    }
    if (headers == NULL) {
        return NULL;
    }
    PyObject *const *names = request_state(request)->names;
    PyObject *message = Py_BuildValue("{O:O, O:i, O:N}", names[NAME_TYPE], names[NAME_RESPONSE_START],
                                      names[NAME_STATUS], status, names[NAME_HEADERS], headers);
    if (message != NULL) {
        request->response_started = true; /* from here on there is no room for an error page */
    }
    return request_send(request, message);
}

PyObject *
send_body(Request *request, PyObject *body, bool more_body)
{
    if (body == NULL) {
        return NULL;
    }
    PyObject *const *names = request_state(request)->names;
    PyObject *message = Py_BuildValue("{O:O, O:N, O:O}", names[NAME_TYPE], names[NAME_RESPONSE_BODY], names[NAME_BODY],
                                      body, names[NAME_MORE_BODY], more_body ? Py_True : Py_False);
    return request_send(request, message);
}

/* respond: saved values: the request, the body; a long, the status; a pointer, the content type.
 *
 * The second send() is called when the first has been awaited, not before: were the first to fail,
 * the second's coroutine would be one that nobody awaits.
 */

static int
on_started(PyObject *awaitable, PyObject *Py_UNUSED(result))
{
    PyObject *request, *body; /* borrowed */
    if (PyAwaitable_UnpackValues(awaitable, &request, &body) < 0) {
        return -1;
    }
    Py_INCREF(body);
    PyObject *sent = send_body((Request *)request, body, false);
    return PyAwaitable_AddExpr(awaitable, sent, NULL, NULL);
}

static int
respond_begin(PyObject *awaitable)
{
    PyObject *request, *body; /* borrowed */
    long status;
    void *content_type;
    if (PyAwaitable_UnpackValues(awaitable, &request, &body) < 0 ||
        PyAwaitable_UnpackIntValues(awaitable, &status) < 0 ||
        PyAwaitable_UnpackArbValues(awaitable, &content_type) < 0) {
        return -1;
    }
    PyObject *started = start_response((Request *)request, (int)status, content_type, PyBytes_GET_SIZE(body));
    return PyAwaitable_AddExpr(awaitable, started, on_started, NULL);
}

PyObject *
respond(Request *request, int status, const char *content_type, PyObject *body)
{
    PyObject *awaitable = body == NULL ? NULL : request_awaitable(request, respond_begin);
    if (awaitable != NULL &&
        (PyAwaitable_SaveValues(awaitable, 1, body) < 0 || PyAwaitable_SaveIntValues(awaitable, 1, (long)status) < 0 ||
         PyAwaitable_SaveArbValues(awaitable, 1, (void *)content_type) < 0)) {
        PyAwaitable_Cancel(awaitable);
        Py_CLEAR(awaitable);
    }
    Py_XDECREF(body);
    return awaitable;
}

PyObject *
respond_text(Request *request, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PyObject *text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    PyObject *body = text == NULL ? NULL : PyUnicode_AsUTF8String(text);
    Py_XDECREF(text);
    return respond(request, status, "text/plain; charset=utf-8", body);
}

PyObject *
respond_json(Request *request, int status, PyObject *value)
{
    if (value == NULL) {
        return NULL;
    }
    PyObject *text = PyObject_CallOneArg(request_state(request)->json_dumps, value);
    Py_DECREF(value);
    PyObject *body = text == NULL ? NULL : PyUnicode_AsUTF8String(text);
    Py_XDECREF(text);
    return respond(request, status, "application/json", body);
}
