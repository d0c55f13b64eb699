/* What the server handed over, and reading from it; what all files make their awaitables with. */
#include "webapp.h"

static int
request_traverse(PyObject *self, visitproc visit, void *arg)
{
    Request *request = (Request *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(request->scope);
    Py_VISIT(request->receive);
    Py_VISIT(request->send);
    return 0;
}

static int
request_clear(PyObject *self)
{
    Request *request = (Request *)self;
    Py_CLEAR(request->scope);
    Py_CLEAR(request->receive);
    Py_CLEAR(request->send);
    return 0;
}

static void
request_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    request_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot request_slots[] = {
    {Py_tp_traverse, (void *)request_traverse},
    {Py_tp_clear, (void *)request_clear},
    {Py_tp_dealloc, (void *)request_dealloc},
    {0, NULL},
};

PyType_Spec request_spec = {
    .name = "webapp.Request",
    .basicsize = sizeof(Request),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = request_slots,
};

PyObject *
request_new(State *state, PyObject *scope, PyObject *receive, PyObject *send)
{
    PyObject *self = state->request_type->tp_alloc(state->request_type, 0);
    if (self == NULL) {
        return NULL;
    }
    Request *request = (Request *)self;
    Py_INCREF(scope);
    request->scope = scope;
    Py_INCREF(receive);
    request->receive = receive;
    Py_INCREF(send);
    request->send = send;
    return self;
}

State *
request_state(Request *request)
{
    return PyType_GetModuleState(Py_TYPE(request));
}

PyObject *
name_of(Request *request, int name)
{
    return request_state(request)->names[name];
}

PyObject *
request_awaitable(Request *request, PyAwaitable_Defer body)
{
    PyObject *awaitable = PyAwaitable_New();
    if (awaitable == NULL) {
        return NULL;
    }
    if (PyAwaitable_SaveValues(awaitable, 1, (PyObject *)request) < 0 || PyAwaitable_DeferAwait(awaitable, body) < 0) {
        PyAwaitable_Cancel(awaitable); /* nobody will await it, and that is no mistake of theirs */
        Py_DECREF(awaitable);
        return NULL;
    }
    return awaitable;
}

/* Takes out the exception that is set, as PyErr_GetRaisedException() does from Python 3.12 on. */
static PyObject *
take_exception(void)
{
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    PyErr_NormalizeException(&type, &exception, &traceback);
    if (exception != NULL && traceback != NULL) {
        PyException_SetTraceback(exception, traceback);
    }
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return exception;
}

/* Raises saved value 0. */
static int
raise_saved(PyObject *awaitable)
{
    PyObject *exception = PyAwaitable_GetValue(awaitable, 0);
    if (exception != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    }
    return -1;
}

PyObject *
in_try(PyObject *awaitable)
{
    if (awaitable != NULL) {
        return awaitable;
    }
    PyObject *exception = take_exception();
    PyObject *failing = PyAwaitable_New();
    if (failing != NULL &&
        (PyAwaitable_SaveValues(failing, 1, exception) < 0 || PyAwaitable_DeferAwait(failing, raise_saved) < 0)) {
        PyAwaitable_Cancel(failing);
        Py_CLEAR(failing);
    }
    Py_XDECREF(exception);
    return failing;
}

Request *
request_of(PyObject *awaitable)
{
    return (Request *)PyAwaitable_GetValue(awaitable, 0);
}

PyObject *
request_sleep(Request *request, double seconds)
{
    return PyObject_CallMethod(request_state(request)->asyncio, "sleep", "d", seconds);
}

PyObject *
request_receive(Request *request)
{
    return PyObject_CallNoArgs(request->receive);
}

PyObject *
request_send(Request *request, PyObject *message)
{
    if (message == NULL) {
        return NULL;
    }
    PyObject *sent = PyObject_CallOneArg(request->send, message);
    Py_DECREF(message);
    return sent;
}

PyObject *
request_shared(Request *request, const char *name)
{
    PyObject *shared = PyMapping_GetItemString(request->scope, "state");
    if (shared == NULL) {
        return NULL;
    }
    PyObject *value = PyMapping_GetItemString(shared, name);
    Py_DECREF(shared);
    return value;
}

long
tally_get(Request *request, const char *name)
{
    PyObject *tally = request_shared(request, "tally");
    if (tally == NULL) {
        return -1;
    }
    PyObject *count = PyMapping_GetItemString(tally, name);
    Py_DECREF(tally);
    if (count == NULL) {
        return -1;
    }
    long number = PyLong_AsLong(count);
    Py_DECREF(count);
    return number;
}

int
tally_set(Request *request, const char *name, long number)
{
    PyObject *tally = request_shared(request, "tally");
    if (tally == NULL) {
        return -1;
    }
    PyObject *count = PyLong_FromLong(number);
    int status = count == NULL ? -1 : PyMapping_SetItemString(tally, name, count);
    Py_XDECREF(count);
    Py_DECREF(tally);
    return status;
}

int
message_is(Request *request, PyObject *message, const char *type)
{
    PyObject *found = PyObject_GetItem(message, name_of(request, NAME_TYPE));
    if (found == NULL) {
        return -1;
    }
    int same = PyUnicode_Check(found) && PyUnicode_CompareWithASCIIString(found, type) == 0;
    Py_DECREF(found);
    return same;
}

/* read_body: a loop, in callbacks, each of which queues the next. Saved value 1: the parts. */

static int receive_part(PyObject *awaitable);

/* message.get(key, otherwise); `otherwise` is borrowed. */
static PyObject *
message_get(Request *request, PyObject *message, int key, PyObject *otherwise)
{
    PyObject *get = name_of(request, NAME_GET);
    return PyObject_CallMethodObjArgs(message, get, name_of(request, key), otherwise, NULL);
}

static int
add_part(Request *request, PyObject *parts, PyObject *message)
{
    PyObject *part = message_get(request, message, NAME_BODY, request_state(request)->no_bytes);
    if (part == NULL) {
        return -1;
    }
    int status = PyList_Append(parts, part);
    Py_DECREF(part);
    return status;
}

/* 1, 0, or -1 with an exception. */
static int
has_more_body(Request *request, PyObject *message)
{
    PyObject *more = message_get(request, message, NAME_MORE_BODY, Py_False);
    if (more == NULL) {
        return -1;
    }
    int truth = PyObject_IsTrue(more);
    Py_DECREF(more);
    return truth;
}

static int
on_message(PyObject *awaitable, PyObject *message)
{
    PyObject *saved, *parts; /* borrowed */
    if (PyAwaitable_UnpackValues(awaitable, &saved, &parts) < 0) {
        return -1;
    }
    Request *request = (Request *)saved;
    int disconnected = message_is(request, message, "http.disconnect");
    if (disconnected < 0) {
        return -1;
    }
    if (disconnected) {
        PyErr_SetString(request_state(request)->client_disconnected,
                        "the client went away before its request was complete");
        return -1;
    }
    if (add_part(request, parts, message) < 0) {
        return -1;
    }
    int more = has_more_body(request, message);
    if (more < 0) {
        return -1;
    }
    return more ? receive_part(awaitable) : PyAwaitable_SetResult(awaitable, parts);
}

static int
receive_part(PyObject *awaitable)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    return PyAwaitable_AddExpr(awaitable, request_receive(request), on_message, NULL);
}

static int
read_begin(PyObject *awaitable)
{
    PyObject *parts = PyList_New(0);
    if (parts == NULL) {
        return -1;
    }
    int status = PyAwaitable_SaveValues(awaitable, 1, parts);
    Py_DECREF(parts);
    return status < 0 ? -1 : receive_part(awaitable);
}

PyObject *
read_body(Request *request)
{
    return request_awaitable(request, read_begin);
}
