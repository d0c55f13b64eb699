/* What `await` takes for its value, and `async with` for something to close: `db = await connect(...)`, `async with
 * connect(...) as db`. It is a coroutine in all but its type, so that create_task() takes it. */
#include "driver.h"

#include <structmember.h>

typedef struct {
    PyObject_HEAD
    PyObject *awaitable, *value;
} Opening;

PyObject *
new_opening(State *state, PyObject *awaitable)
{
    if (awaitable == NULL) {
        return NULL;
    }
    Opening *self = (Opening *)state->Opening->tp_alloc(state->Opening, 0);
    if (self == NULL) {
        Py_DECREF(awaitable);
        return NULL;
    }
    self->awaitable = awaitable;
    return (PyObject *)self;
}

static PyObject *
opening_await(PyObject *self)
{
    PyObject *awaitable = ((Opening *)self)->awaitable;
    return Py_TYPE(awaitable)->tp_as_async->am_await(awaitable);
}

static PyObject *
opening_send(PyObject *self, PyObject *value)
{
    return PyObject_CallMethod(((Opening *)self)->awaitable, "send", "O", value);
}

static PyObject *
opening_throw(PyObject *self, PyObject *args)
{
    PyObject *method = PyObject_GetAttrString(((Opening *)self)->awaitable, "throw");
    PyObject *result = method == NULL ? NULL : PyObject_CallObject(method, args);
    Py_XDECREF(method);
    return result;
}

static PyObject *
opening_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyObject_CallMethod(((Opening *)self)->awaitable, "close", NULL);
}

typedef struct {
    HEAD
    PyObject *opening, *value;
    DATA
} Enter;

/* async def __aenter__(self) */
BODY(enter_body, Enter, f)
    AWAIT(value, Py_NewRef(((Opening *)f->opening)->awaitable));
    Py_XSETREF(((Opening *)f->opening)->value, Py_NewRef(f->value));
    RETURN(Py_NewRef(f->value));
END_BODY

static const PyAwaitable_Definition enter_definition = PyAwaitable_DEFINITION("__aenter__", enter_body, Enter);

/* async def __aexit__(self, type, value, traceback) */
BODY(exit_body, Enter, f)
    f->value = ((Opening *)f->opening)->value;
    Py_XINCREF(f->value);
    if (f->value != NULL) {
        AWAIT_ONLY(PyObject_CallMethod(f->value, "close", NULL));
    }
END_BODY

static const PyAwaitable_Definition exit_definition = PyAwaitable_DEFINITION("__aexit__", exit_body, Enter);

static PyObject *
new_step(const PyAwaitable_Definition *definition, PyObject *self)
{
    Enter *f;
    PyObject *awaitable = PyAwaitable_NewBody(definition, &f);
    if (awaitable != NULL) {
        f->opening = Py_NewRef(self);
    }
    return awaitable;
}

static PyObject *
opening_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return new_step(&enter_definition, self);
}

static PyObject *
opening_exit(PyObject *self, PyObject *Py_UNUSED(args))
{
    return new_step(&exit_definition, self);
}

static PyMethodDef methods[] = {
    {"send", opening_send, METH_O, "send(value, /)\n--\n\nAs of a coroutine."},
    {"throw", opening_throw, METH_VARARGS, "throw(type, value=None, traceback=None, /)\n--\n\nAs of a coroutine."},
    {"close", opening_close, METH_NOARGS, "close()\n--\n\nAs of a coroutine."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef coroutines[] = {
    {"__aenter__", opening_enter, METH_NOARGS | METH_ASYNC, "__aenter__($self)\n--\n\n"},
    {"__aexit__", opening_exit, METH_VARARGS | METH_ASYNC, "__aexit__($self, type, value, traceback, /)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

static int
opening_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Opening *)self)->awaitable);
    Py_VISIT(((Opening *)self)->value);
    return 0;
}

static int
opening_clear(PyObject *self)
{
    Py_CLEAR(((Opening *)self)->value);
    return 0;
}

static void
opening_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)opening_clear(self);
    Py_CLEAR(((Opening *)self)->awaitable);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"Something to await, or to enter by `async with`, which closes it."},
    {Py_tp_traverse, (void *)opening_traverse},
    {Py_tp_clear, (void *)opening_clear},
    {Py_tp_dealloc, (void *)opening_dealloc},
    {Py_tp_methods, methods},
    {Py_am_await, (void *)opening_await},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "sqlite_async.Opening",
    .basicsize = sizeof(Opening),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

PyTypeObject *
make_opening_type(PyObject *module)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    if (type != NULL && PyAwaitable_AddMethods(type, coroutines) < 0) {
        Py_CLEAR(type);
    }
    return type;
}
