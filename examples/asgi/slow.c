/* GET /slow: work that takes long, and is cancelled when the client goes away.
 *
 *     job = create_task(work())
 *     gone = create_task(disconnected())
 *     try:
 *         await wait((job, gone), return_when=FIRST_COMPLETED)
 *     finally:
 *         job.cancel()
 *         gone.cancel()
 *         await wait((job, gone))
 *     if job.cancelled():
 *         raise ClientDisconnected
 *     await respond_text(job.result())
 */
#include "webapp.h"

/* work: saved value 1 is how many seconds it takes. */

static int
on_slept(PyObject *awaitable, PyObject *Py_UNUSED(result))
{
    PyObject *done = PyUnicode_FromString("done");
    if (done == NULL) {
        return -1;
    }
    int status = PyAwaitable_SetResult(awaitable, done);
    Py_DECREF(done);
    return status;
}

/* `except CancelledError`: cleans up, and lets it go on. */
static int
on_work_interrupted(PyObject *awaitable, PyObject *exception)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -2;
    }
    PyObject *cancelled = PyObject_GetAttrString(request_state(request)->asyncio, "CancelledError");
    if (cancelled == NULL) {
        return -2;
    }
    int matches = PyErr_GivenExceptionMatches(exception, cancelled);
    Py_DECREF(cancelled);
    if (matches) {
        long count = tally_get(request, "cancelled");
        if ((count == -1 && PyErr_Occurred()) || tally_set(request, "cancelled", count + 1) < 0) {
            return -2;
        }
    }
    return -1;
}

static int
work_begin(PyObject *awaitable)
{
    PyObject *request, *seconds; /* borrowed */
    if (PyAwaitable_UnpackValues(awaitable, &request, &seconds) < 0) {
        return -1;
    }
    PyObject *asyncio = request_state((Request *)request)->asyncio;
    PyObject *sleep = PyObject_CallMethod(asyncio, "sleep", "O", seconds);
    return PyAwaitable_AddExpr(awaitable, in_try(sleep), on_slept, on_work_interrupted);
}

static PyObject *
work(Request *request, double seconds)
{
    PyObject *awaitable = request_awaitable(request, work_begin);
    if (awaitable == NULL) {
        return NULL;
    }
    PyObject *number = PyFloat_FromDouble(seconds);
    if (number == NULL || PyAwaitable_SaveValues(awaitable, 1, number) < 0) {
        PyAwaitable_Cancel(awaitable);
        Py_CLEAR(awaitable);
    }
    Py_XDECREF(number);
    return awaitable;
}

/* disconnected: awaits receive() until it says so. */

static int receive_next(PyObject *awaitable);

static int
on_message(PyObject *awaitable, PyObject *message)
{
    Request *request = request_of(awaitable);
    int disconnected = request == NULL ? -1 : message_is(request, message, "http.disconnect");
    if (disconnected < 0) {
        return -1;
    }
    return disconnected ? 0 : receive_next(awaitable);
}

static int
receive_next(PyObject *awaitable)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    return PyAwaitable_AddExpr(awaitable, request_receive(request), on_message, NULL);
}

static PyObject *
disconnected(Request *request)
{
    return request_awaitable(request, receive_next);
}

/* slow: saved values: the two tasks, and the exception that `finally` raises again, or None. */

enum { JOB = 1, GONE = 2, FAILURE = 3 };

/* create_task(awaitable); `awaitable` is stolen. */
static PyObject *
create_task(Request *request, PyObject *awaitable)
{
    if (awaitable == NULL) {
        return NULL;
    }
    PyObject *asyncio = request_state(request)->asyncio;
    PyObject *task = PyObject_CallMethod(asyncio, "create_task", "O", awaitable);
    Py_DECREF(awaitable);
    return task;
}

/* wait((job, gone), return_when=...) */
static PyObject *
wait_for_tasks(PyObject *awaitable, const char *return_when)
{
    PyObject *request, *job, *gone; /* borrowed */
    if (PyAwaitable_UnpackValues(awaitable, &request, &job, &gone, NULL) < 0) {
        return NULL;
    }
    PyObject *wait = PyObject_GetAttrString(request_state((Request *)request)->asyncio, "wait");
    PyObject *positional = Py_BuildValue("((OO))", job, gone);
    PyObject *named = Py_BuildValue("{s:s}", "return_when", return_when);
    PyObject *waiting = NULL;
    if (wait != NULL && positional != NULL && named != NULL) {
        waiting = PyObject_Call(wait, positional, named);
    }
    Py_XDECREF(named);
    Py_XDECREF(positional);
    Py_XDECREF(wait);
    return waiting;
}

/* Saved value `index` is a task: task.cancelled(), as 1, 0, or -1 with an exception. */
static int
is_cancelled(PyObject *awaitable, Py_ssize_t index)
{
    PyObject *task = PyAwaitable_GetValue(awaitable, index);
    PyObject *answer = task == NULL ? NULL : PyObject_CallMethod(task, "cancelled", NULL);
    if (answer == NULL) {
        return -1;
    }
    int truth = PyObject_IsTrue(answer);
    Py_DECREF(answer);
    return truth;
}

static PyObject *
result_of(PyObject *awaitable, Py_ssize_t index)
{
    PyObject *task = PyAwaitable_GetValue(awaitable, index);
    return task == NULL ? NULL : PyObject_CallMethod(task, "result", NULL);
}

static int
cancel_task(PyObject *awaitable, Py_ssize_t index)
{
    PyObject *task = PyAwaitable_GetValue(awaitable, index);
    PyObject *answer = task == NULL ? NULL : PyObject_CallMethod(task, "cancel", NULL);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

/* After `finally`: both tasks are done. */
static int
on_settled(PyObject *awaitable, PyObject *Py_UNUSED(sets))
{
    Request *request = request_of(awaitable);
    PyObject *failure = PyAwaitable_GetValue(awaitable, FAILURE);
    if (request == NULL || failure == NULL) {
        return -1;
    }
    if (failure != Py_None) {
        PyErr_SetObject((PyObject *)Py_TYPE(failure), failure);
        return -1;
    }
    int cancelled = is_cancelled(awaitable, JOB);
    if (cancelled < 0) {
        return -1;
    }
    PyObject *result = result_of(awaitable, cancelled ? GONE : JOB);
    if (result == NULL) {
        return -1;
    }
    if (cancelled) {
        Py_DECREF(result);
        PyErr_SetString(request_state(request)->client_disconnected,
                        "the client went away, and its work was cancelled");
        return -1;
    }
    PyObject *response = respond_text(request, 200, "%S\n", result);
    Py_DECREF(result);
    return PyAwaitable_AddExpr(awaitable, response, NULL, NULL);
}

/* `finally`, on both of its ways in. Cancelling a task that is done does nothing. */
static int
settle(PyObject *awaitable)
{
    if (cancel_task(awaitable, JOB) < 0 || cancel_task(awaitable, GONE) < 0) {
        return -1;
    }
    PyObject *waiting = wait_for_tasks(awaitable, "ALL_COMPLETED");
    return PyAwaitable_AddExpr(awaitable, waiting, on_settled, NULL);
}

static int
on_first(PyObject *awaitable, PyObject *Py_UNUSED(sets))
{
    return settle(awaitable) < 0 ? -2 : 0; /* a -1 would come to on_interrupted, and settle again */
}

static int
on_interrupted(PyObject *awaitable, PyObject *exception)
{
    if (PyAwaitable_SetValue(awaitable, FAILURE, exception) < 0) {
        return -2;
    }
    return settle(awaitable) < 0 ? -2 : 0; /* 0, but on_settled raises it again */
}

/* How long the client wants to wait: -1 with an exception. */
static double
parse_seconds(Request *request)
{
    PyObject *query = PyMapping_GetItemString(request->scope, "query_string");
    if (query == NULL) {
        return -1.0;
    }
    const char *text = PyBytes_AsString(query);
    double seconds = -1.0;
    if (text != NULL) {
        bool given = strncmp(text, "seconds=", 8) == 0;
        seconds = given ? PyOS_string_to_double(text + 8, NULL, NULL) : 30.0;
    }
    Py_DECREF(query);
    return seconds;
}

static int
slow_begin(PyObject *awaitable)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    double seconds = parse_seconds(request);
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) {
            return -1;
        }
        PyErr_Clear();
        PyObject *response = respond_text(request, 400, "400: seconds must be a number\n");
        return PyAwaitable_AddExpr(awaitable, response, NULL, NULL);
    }
    PyObject *job = create_task(request, work(request, seconds));
    PyObject *gone = job == NULL ? NULL : create_task(request, disconnected(request));
    int status = gone == NULL ? -1 : PyAwaitable_SaveValues(awaitable, 3, job, gone, Py_None);
    Py_XDECREF(gone);
    Py_XDECREF(job);
    if (status < 0) {
        return -1;
    }
    PyObject *waiting = wait_for_tasks(awaitable, "FIRST_COMPLETED");
    return PyAwaitable_AddExpr(awaitable, in_try(waiting), on_first, on_interrupted);
}

PyObject *
slow(Request *request)
{
    return request_awaitable(request, slow_begin);
}
