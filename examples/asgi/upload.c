/* POST /upload: `async with` a lock, so that uploads that arrive together get numbers of their own. */
#include "webapp.h"

typedef struct {
    HEAD
    Request *request;
    PyObject *parts, *entered;
    DATA
    long number;
} Upload;

/* sum(map(len, parts)): -1 with an exception */
static Py_ssize_t
size_of(PyObject *parts)
{
    Py_ssize_t size = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++) {
        Py_ssize_t length = PyObject_Length(PyList_GET_ITEM(parts, i));
        if (length < 0) {
            return -1;
        }
        size += length;
    }
    return size;
}

static PyObject *
respond_with_number(Upload *f)
{
    Py_ssize_t size = size_of(f->parts);
    PyObject *value = size < 0 ? NULL : Py_BuildValue("{s:l, s:n}", "upload", f->number, "bytes", size);
    return respond_json(f->request, 200, value);
}

BODY(upload_body, Upload, f)
    AWAIT(parts, read_body(f->request));
    ASYNC_WITH(entered, request_shared(f->request, "lock"))
        f->number = tally_get(f->request, "uploads");
        CHECK(f->number != -1 || !PyErr_Occurred());
        f->number++;
        AWAIT_ONLY(request_sleep(f->request, 0)); /* others run here, but not inside the lock */
        CHECK(tally_set(f->request, "uploads", f->number) == 0);
    END_WITH
    AWAIT_ONLY(respond_with_number(f));
END_BODY

static const PyAwaitable_Definition upload_definition = PyAwaitable_DEFINITION("upload", upload_body, Upload);

PyObject *
upload(Request *request)
{
    Upload *f;
    PyObject *awaitable = PyAwaitable_NewBody(&upload_definition, &f);
    if (awaitable != NULL) {
        f->request = (Request *)Py_NewRef(request);
    }
    return awaitable;
}
