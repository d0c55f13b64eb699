/* Waiting for threads: with this library, and as is usual, by a thread that takes the GIL. benches/threads.py measures both. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define PYAWAITABLE_KEYWORDS
#include <pyawaitable.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

/* ---- A thread that answers each time it is asked ---- */

static struct {
    sem_t asked;
    PyAwaitable_Waker *waker; /* to be woken; or else NULL, and what to call */
    PyObject *call, *argument;
    int has_begun;
} answering;

static void *
answer(void *unused)
{
    (void)unused;
    for (;;) {
        sem_wait(&answering.asked);
        if (answering.waker != NULL) {
            PyAwaitable_Wake(answering.waker);
        }
        else {
            const PyGILState_STATE state = PyGILState_Ensure();
            Py_XDECREF(PyObject_CallFunctionObjArgs(answering.call, answering.argument, NULL));
            PyGILState_Release(state);
        }
    }
    return NULL;
}

static int
begin(void)
{
    pthread_t thread;
    if (!answering.has_begun) {
        sem_init(&answering.asked, 0, 0);
        if (pthread_create(&thread, NULL, answer, NULL) != 0) {
            PyErr_SetString(PyExc_RuntimeError, "no thread");
            return -1;
        }
        pthread_detach(thread);
        answering.has_begun = 1;
    }
    return 0;
}

/* ask(call, argument): the thread calls call(argument), with the GIL. */
static PyObject *
ask(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *call, *argument;
    if (!PyArg_ParseTuple(args, "OO", &call, &argument) || begin() < 0) {
        return NULL;
    }
    Py_XSETREF(answering.call, Py_NewRef(call));
    Py_XSETREF(answering.argument, Py_NewRef(argument));
    answering.waker = NULL;
    sem_post(&answering.asked);
    Py_RETURN_NONE;
}

typedef struct {
    HEAD DATA Py_ssize_t left;
    PyAwaitable_Waker *waker;
} Asks;

static void
release_asks(void *frame)
{
    PyAwaitable_DropWaker(((Asks *)frame)->waker);
}

/* async def asks(n): n times, asks the thread and waits for it */
BODY(asks_body, Asks, f)
f->waker = WAKER;
CHECK(f->waker != NULL && begin() == 0);
while (f->left > 0) {
    answering.waker = f->waker;
    sem_post(&answering.asked);
    PARK;
    f->left--;
}
END_BODY

static const PyAwaitable_Definition asks_definition =
    PyAwaitable_DEFINITION_WITH("asks", asks_body, Asks, NULL, release_asks);

static PyObject *
asks(PyObject *Py_UNUSED(module), PyObject *n)
{
    Asks *f;
    PyObject *awaitable = PyAwaitable_NewBody(&asks_definition, &f);
    if (awaitable != NULL) {
        f->left = PyLong_AsSsize_t(n);
    }
    return awaitable;
}

/* ---- Many that wait, and a thread that wakes all ---- */

static PyAwaitable_Waker **wakers;
static size_t count, room;

typedef struct {
    HEAD DATA int is_known;
} Waits;

BODY(waits_body, Waits, f)
if (count == room) {
    PyAwaitable_Waker **more;
    room = room * 2 + 1024;
    more = (PyAwaitable_Waker **)realloc(wakers, room * sizeof(*wakers));
    CHECK(more != NULL);
    wakers = more;
}
wakers[count] = WAKER;
CHECK(wakers[count] != NULL);
count++;
PARK;
END_BODY

static const PyAwaitable_Definition waits_definition = PyAwaitable_DEFINITION("waits", waits_body, Waits);

static PyObject *
waits(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    Waits *f;
    return PyAwaitable_NewBody(&waits_definition, &f);
}

static void *
wake_each(void *unused)
{
    (void)unused;
    while (count > 0) {
        PyAwaitable_Wake(wakers[--count]);
        PyAwaitable_DropWaker(wakers[count]);
    }
    return NULL;
}

/* A list of calls, each made with its argument by a thread that takes the GIL for it. */
static PyObject *calls;

static void *
call_each(void *unused)
{
    (void)unused;
    for (Py_ssize_t i = 0; calls != NULL; i++) {
        const PyGILState_STATE state = PyGILState_Ensure();
        if (i == PyList_GET_SIZE(calls)) {
            Py_CLEAR(calls);
        }
        else {
            PyObject *pair = PyList_GET_ITEM(calls, i);
            Py_XDECREF(PyObject_CallOneArg(PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1)));
        }
        PyGILState_Release(state);
    }
    return NULL;
}

static PyObject *
in_a_thread(void *(*function)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, NULL) != 0) {
        PyErr_SetString(PyExc_RuntimeError, "no thread");
        return NULL;
    }
    pthread_detach(thread);
    Py_RETURN_NONE;
}

static PyObject *
wake_all(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return in_a_thread(wake_each);
}

static PyObject *
call_all(PyObject *Py_UNUSED(module), PyObject *list)
{
    Py_XSETREF(calls, Py_NewRef(list));
    return in_a_thread(call_each);
}

/* ---- Work ---- */

static void
nothing(void *unused)
{
    (void)unused;
}

static PyObject *
runs(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return PyAwaitable_Run(nothing, NULL, NULL, NULL, NULL, PyAwaitable_WAIT);
}

static PyMethodDef methods[] = {
    {"ask", ask, METH_VARARGS, NULL},
    {"asks", asks, METH_O | METH_ASYNC, NULL},
    {"waits", waits, METH_NOARGS | METH_ASYNC, NULL},
    {"wake_all", wake_all, METH_NOARGS, NULL},
    {"call_all", call_all, METH_O, NULL},
    {"runs", runs, METH_NOARGS | METH_ASYNC, NULL},
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
    return PyAwaitable_AddFunctions(module, methods);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "threads",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_threads(void)
{
    return PyModuleDef_Init(&definition);
}
