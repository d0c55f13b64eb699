/* POST /upload: `async with` a lock, so that uploads that arrive together get numbers of their own.
 *
 *     parts = await read_body()
 *     async with lock:
 *         number = tally["uploads"] + 1
 *         await sleep(0)                      # others run here, but not inside the lock
 *         tally["uploads"] = number
 *     await respond_json({"upload": number, "bytes": ...})
 *
 * The longs: 0 is the size of the body, 1 the number.
 */
#include "webapp.h"

static int
set_number(PyObject *awaitable, PyObject *Py_UNUSED(result))
{
    Request *request = request_of(awaitable);
    long size, number;
    if (request == NULL || PyAwaitable_UnpackIntValues(awaitable, &size, &number) < 0) {
        return -1;
    }
    return tally_set(request, "uploads", number);
}

/* The block's body. What it queues belongs to the block: the lock is released after that. */
static int
with_lock(PyObject *awaitable, PyObject *Py_UNUSED(entered))
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    long number = tally_get(request, "uploads");
    if ((number == -1 && PyErr_Occurred()) || PyAwaitable_SaveIntValues(awaitable, 1, number + 1) < 0) {
        return -1;
    }
    PyObject *pause = PyObject_CallMethod(request_state(request)->asyncio, "sleep", "i", 0);
    return PyAwaitable_AddExpr(awaitable, pause, set_number, NULL);
}

static int
answer(PyObject *awaitable)
{
    Request *request = request_of(awaitable);
    long size, number;
    if (request == NULL || PyAwaitable_UnpackIntValues(awaitable, &size, &number) < 0) {
        return -1;
    }
    PyObject *value = Py_BuildValue("{s:l, s:l}", "upload", number, "bytes", size);
    return PyAwaitable_AddExpr(awaitable, respond_json(request, 200, value), NULL, NULL);
}

static int
save_size(PyObject *awaitable, PyObject *parts)
{
    Py_ssize_t size = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++) {
        Py_ssize_t length = PyObject_Length(PyList_GET_ITEM(parts, i));
        if (length < 0) {
            return -1;
        }
        size += length;
    }
    return PyAwaitable_SaveIntValues(awaitable, 1, (long)size);
}

static int
on_body(PyObject *awaitable, PyObject *parts)
{
    Request *request = request_of(awaitable);
    if (request == NULL || save_size(awaitable, parts) < 0) {
        return -1;
    }
    PyObject *lock = request_shared(request, "lock");
    if (lock == NULL) {
        return -1;
    }
    int status = PyAwaitable_AsyncWith(awaitable, lock, with_lock, NULL);
    Py_DECREF(lock);
    return status < 0 ? -1 : PyAwaitable_DeferAwait(awaitable, answer); /* runs after the block */
}

static int
upload_begin(PyObject *awaitable)
{
    Request *request = request_of(awaitable);
    if (request == NULL) {
        return -1;
    }
    return PyAwaitable_AddExpr(awaitable, read_body(request), on_body, NULL);
}

PyObject *
upload(Request *request)
{
    return request_awaitable(request, upload_begin);
}
