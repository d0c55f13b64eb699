/* GET /slow: work that takes long, and is cancelled when the client goes away. */
#include "webapp.h"

/* ---- work ---- */

typedef struct {
    HEAD
    Request *request;
    PyObject *cancelled; /* asyncio.CancelledError */
    DATA
    double seconds;
} Work;

/* `except CancelledError`: 0, or -1 with an exception */
static int
count_cancellation(Work *f)
{
    long count = tally_get(f->request, "cancelled");
    return count == -1 && PyErr_Occurred() ? -1 : tally_set(f->request, "cancelled", count + 1);
}

BODY(work_body, Work, f)
    TRY
        AWAIT_ONLY(request_sleep(f->request, f->seconds));
        RETURN(PyUnicode_FromString("done"));
    EXCEPT
        f->cancelled = PyObject_GetAttrString(request_state(f->request)->asyncio, "CancelledError");
        CHECK(f->cancelled != NULL);
        if (CAUGHT(f->cancelled)) {
            CHECK(count_cancellation(f) == 0);
            RERAISE;
        }
    END_TRY
END_BODY

static const PyAwaitable_Definition work_definition = PyAwaitable_DEFINITION("work", work_body, Work);

static PyObject *
work(Request *request, double seconds)
{
    Work *f;
    PyObject *awaitable = PyAwaitable_NewBody(&work_definition, &f);
    if (awaitable != NULL) {
        f->request = (Request *)Py_NewRef(request);
        f->seconds = seconds;
    }
    return awaitable;
}

/* ---- disconnected: awaits receive() until it says so ---- */

typedef struct {
    HEAD
    Request *request;
    PyObject *message;
    DATA
    int is_disconnect;
} Disconnected;

BODY(disconnected_body, Disconnected, f)
    while (!f->is_disconnect) {
        AWAIT(message, request_receive(f->request));
        f->is_disconnect = message_is(f->request, f->message, "http.disconnect");
        CHECK(f->is_disconnect >= 0);
    }
END_BODY

static const PyAwaitable_Definition disconnected_definition =
    PyAwaitable_DEFINITION("disconnected", disconnected_body, Disconnected);

static PyObject *
disconnected(Request *request)
{
    Disconnected *f;
    PyObject *awaitable = PyAwaitable_NewBody(&disconnected_definition, &f);
    if (awaitable != NULL) {
        f->request = (Request *)Py_NewRef(request);
    }
    return awaitable;
}

/* ---- slow ---- */

typedef struct {
    HEAD
    Request *request;
    PyObject *job, *gone; /* tasks */
    DATA
    double seconds;
} Slow;

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
wait_for_tasks(Slow *f, const char *return_when)
{
    PyObject *wait = PyObject_GetAttrString(request_state(f->request)->asyncio, "wait");
    PyObject *positional = Py_BuildValue("((OO))", f->job, f->gone);
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

/* Cancelling a task that is done does nothing. */
static int
cancel_task(PyObject *task)
{
    PyObject *answer = PyObject_CallMethod(task, "cancel", NULL);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

/* task.cancelled(), as 1, 0, or -1 with an exception */
static int
is_cancelled(PyObject *task)
{
    PyObject *answer = PyObject_CallMethod(task, "cancelled", NULL);
    if (answer == NULL) {
        return -1;
    }
    int truth = PyObject_IsTrue(answer);
    Py_DECREF(answer);
    return truth;
}

/* What to answer, once both tasks are done. */
static PyObject *
respond_with_result(Slow *f)
{
    int cancelled = is_cancelled(f->job);
    PyObject *result = cancelled < 0 ? NULL : PyObject_CallMethod(cancelled ? f->gone : f->job, "result", NULL);
    if (result == NULL) {
        return NULL;
    }
    PyObject *response = NULL;
    if (cancelled) {
        PyErr_SetString(request_state(f->request)->client_disconnected,
                        "the client went away, and its work was cancelled");
    }
    else {
        response = respond_text(f->request, 200, "%S\n", result);
    }
    Py_DECREF(result);
    return response;
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

BODY(slow_body, Slow, f)
    TRY
        f->seconds = parse_seconds(f->request);
        CHECK(!PyErr_Occurred());
    EXCEPT
        if (CAUGHT(PyExc_ValueError)) {
            AWAIT_ONLY(respond_text(f->request, 400, "400: seconds must be a number\n"));
            RETURN(Py_NewRef(Py_None));
        }
    END_TRY
    CHECK((f->job = create_task(f->request, work(f->request, f->seconds))) != NULL);
    CHECK((f->gone = create_task(f->request, disconnected(f->request))) != NULL);
    TRY
        AWAIT_ONLY(wait_for_tasks(f, "FIRST_COMPLETED"));
    FINALLY
        CHECK(cancel_task(f->job) == 0 && cancel_task(f->gone) == 0);
        AWAIT_ONLY(wait_for_tasks(f, "ALL_COMPLETED"));
    END_TRY
    AWAIT_ONLY(respond_with_result(f));
END_BODY

static const PyAwaitable_Definition slow_definition = PyAwaitable_DEFINITION("slow", slow_body, Slow);

PyObject *
slow(Request *request)
{
    Slow *f;
    PyObject *awaitable = PyAwaitable_NewBody(&slow_definition, &f);
    if (awaitable != NULL) {
        f->request = (Request *)Py_NewRef(request);
    }
    return awaitable;
}
