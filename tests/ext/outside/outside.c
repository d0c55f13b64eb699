/* What comes from outside: wakers that threads wake which know nothing of Python. */
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* ---- A waker, as an object ---- */

typedef struct {
    PyObject base;
    PyAwaitable_Waker *waker;
} Waker;

static void
waker_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyAwaitable_DropWaker(((Waker *)self)->waker);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *
waker_wake(PyObject *self, PyObject *unused)
{
    (void)unused;
    PyAwaitable_Wake(((Waker *)self)->waker);
    Py_RETURN_NONE;
}

static PyMethodDef waker_methods[] = {
    {"wake", waker_wake, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot waker_slots[] = {
    {Py_tp_dealloc, (void *)waker_dealloc},
    {Py_tp_methods, waker_methods},
    {0, NULL},
};

static PyType_Spec waker_spec = {"outside.Waker", sizeof(Waker), 0, Py_TPFLAGS_DEFAULT, waker_slots};

/* Takes the waker over. */
static PyObject *
as_object(PyObject *type, PyAwaitable_Waker *waker)
{
    Waker *object = waker == NULL ? NULL : PyObject_New(Waker, (PyTypeObject *)type);
    if (object == NULL) {
        PyAwaitable_DropWaker(waker);
        return NULL;
    }
    object->waker = waker;
    return (PyObject *)object;
}

/* ---- Bodies that park ---- */

typedef struct {
    HEAD
    PyObject *type;
    PyObject *note;
    DATA
    int times;
    int done;
} Parks;

/* note(waker), then parks so many times, each followed by note(number). */
BODY(parks_body, Parks, f)
    PyObject *made = as_object(f->type, WAKER);
    PyObject *noted = made == NULL ? NULL : PyObject_CallFunctionObjArgs(f->note, made, NULL);
    Py_XDECREF(made);
    CHECK(noted != NULL);
    Py_DECREF(noted);
    while (f->done < f->times) {
        PARK;
        f->done++;
        {
            PyObject *again = PyObject_CallFunction(f->note, "i", f->done);
            CHECK(again != NULL);
            Py_DECREF(again);
        }
    }
    RETURN(PyLong_FromLong(f->times));
END_BODY

static const PyAwaitable_Definition parks_definition = PyAwaitable_DEFINITION("parks", parks_body, Parks);

/* Parks inside a TRY; what is caught is noted, and it parks again. */
BODY(insists_body, Parks, f)
    PyObject *made = as_object(f->type, WAKER);
    PyObject *noted = made == NULL ? NULL : PyObject_CallFunctionObjArgs(f->note, made, NULL);
    Py_XDECREF(made);
    CHECK(noted != NULL);
    Py_DECREF(noted);
    TRY
        PARK;
    EXCEPT
        CHECK(CAUGHT(PyExc_BaseException));
        {
            PyObject *again = PyObject_CallFunctionObjArgs(f->note, EXCEPTION, NULL);
            CHECK(again != NULL);
            Py_DECREF(again);
        }
    END_TRY
    PARK;
    RETURN(PyUnicode_FromString("woken"));
END_BODY

static const PyAwaitable_Definition insists_definition = PyAwaitable_DEFINITION("insists", insists_body, Parks);

static PyObject *
new_parks(PyObject *module, const PyAwaitable_Definition *definition, PyObject *note, int times)
{
    Parks *f;
    PyObject *awaitable = PyAwaitable_NewBody(definition, &f);
    if (awaitable == NULL) {
        return NULL;
    }
    f->type = PyObject_GetAttrString(module, "Waker");
    if (f->type == NULL) {
        Py_DECREF(awaitable);
        return NULL;
    }
    Py_INCREF(note);
    f->note = note;
    f->times = times;
    return awaitable;
}

static PyObject *
parks(PyObject *module, PyObject *args)
{
    PyObject *note;
    int times = 1;
    if (!PyArg_ParseTuple(args, "O|i", &note, &times)) {
        return NULL;
    }
    return new_parks(module, &parks_definition, note, times);
}

static PyObject *
insists(PyObject *module, PyObject *note)
{
    return new_parks(module, &insists_definition, note, 1);
}

/* A generator that parks before each of three items. */
BODY(yields_body, Parks, f)
    PyObject *made = as_object(f->type, WAKER);
    PyObject *noted = made == NULL ? NULL : PyObject_CallFunctionObjArgs(f->note, made, NULL);
    Py_XDECREF(made);
    CHECK(noted != NULL);
    Py_DECREF(noted);
    while (f->done < 3) {
        PARK;
        f->done++;
        YIELD_ONLY(PyLong_FromLong(f->done));
    }
END_BODY

static const PyAwaitable_Definition yields_definition = PyAwaitable_DEFINITION("yields", yields_body, Parks);

static PyObject *
yields(PyObject *module, PyObject *note)
{
    Parks *f;
    PyObject *generator = PyAwaitable_NewGenerator(&yields_definition, &f);
    if (generator == NULL) {
        return NULL;
    }
    f->type = PyObject_GetAttrString(module, "Waker");
    f->note = Py_NewRef(note);
    return generator;
}

/* waker_of(awaitable) */
static PyObject *
waker_of(PyObject *module, PyObject *awaitable)
{
    PyAwaitable_Waker *waker = PyAwaitable_NewWaker(awaitable);
    PyObject *type, *object;
    if (waker == NULL) {
        return NULL;
    }
    type = PyObject_GetAttrString(module, "Waker");
    if (type == NULL) {
        PyAwaitable_DropWaker(waker);
        return NULL;
    }
    object = as_object(type, waker);
    Py_DECREF(type);
    return object;
}

static PyObject *
library(PyObject *module, PyObject *unused)
{
    const char *name = PyAwaitable_CurrentLibrary();
    (void)module;
    (void)unused;
    if (name == NULL && PyErr_Occurred()) {
        return NULL;
    }
    return Py_BuildValue("z", name);
}

/* ---- Time ---- */

static PyObject *
c_sleep(PyObject *module, PyObject *seconds)
{
    const double number = PyFloat_AsDouble(seconds);
    (void)module;
    return number == -1 && PyErr_Occurred() ? NULL : PyAwaitable_Sleep(number);
}

static PyObject *
checkpoint(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyAwaitable_Checkpoint();
}

/* ---- Descriptors ---- */

static PyObject *
wait_readable(PyObject *module, PyObject *number)
{
    const long descriptor = PyLong_AsLong(number);
    (void)module;
    return descriptor == -1 && PyErr_Occurred() ? NULL : PyAwaitable_WaitReadable((PyAwaitable_Descriptor)descriptor);
}

static PyObject *
wait_writable(PyObject *module, PyObject *number)
{
    const long descriptor = PyLong_AsLong(number);
    (void)module;
    return descriptor == -1 && PyErr_Occurred() ? NULL : PyAwaitable_WaitWritable((PyAwaitable_Descriptor)descriptor);
}

static PyObject *
notify_closing(PyObject *module, PyObject *number)
{
    const long descriptor = PyLong_AsLong(number);
    (void)module;
    if ((descriptor == -1 && PyErr_Occurred()) || PyAwaitable_NotifyClosing((PyAwaitable_Descriptor)descriptor) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- Threads that know nothing of Python ---- */

typedef struct {
    PyAwaitable_Waker **wakers;
    size_t count;
    int times;
    long delay; /* microseconds, before the first */
    double longest; /* seconds that one wake took */
} Work;

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void *
run_work(void *argument)
{
    Work *const work = argument;
    if (work->delay > 0) {
        const struct timespec delay = {work->delay / 1000000, work->delay % 1000000 * 1000};
        nanosleep(&delay, NULL);
    }
    for (int time = 0; time < work->times; time++) {
        for (size_t i = 0; i < work->count; i++) {
            const double before = now();
            PyAwaitable_Wake(work->wakers[i]);
            const double taken = now() - before;
            if (taken > work->longest) {
                work->longest = taken;
            }
        }
    }
    for (size_t i = 0; i < work->count; i++) {
        PyAwaitable_DropWaker(work->wakers[i]);
    }
    free(work->wakers);
    return work;
}

static void *
run_and_forget(void *argument)
{
    free(run_work(argument));
    return NULL;
}

static Work *
new_work(PyObject *list, int times, long delay)
{
    Work *const work = calloc(1, sizeof(Work));
    work->count = (size_t)PyList_Size(list);
    work->wakers = calloc(work->count + 1, sizeof(PyAwaitable_Waker *));
    work->times = times;
    work->delay = delay;
    for (size_t i = 0; i < work->count; i++) {
        work->wakers[i] = PyAwaitable_CloneWaker(((Waker *)PyList_GetItem(list, (Py_ssize_t)i))->waker);
    }
    return work;
}

/* wake(wakers, times=1, threads=1): in threads, while this one stays attached and waits for them. The longest that one took. */
static PyObject *
wake(PyObject *module, PyObject *args)
{
    PyObject *list;
    int times = 1, threads = 1;
    pthread_t running[16];
    double longest = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!|ii", &PyList_Type, &list, &times, &threads)) {
        return NULL;
    }
    for (int i = 0; i < threads; i++) {
        pthread_create(&running[i], NULL, run_work, new_work(list, times, 0));
    }
    for (int i = 0; i < threads; i++) {
        void *work;
        pthread_join(running[i], &work);
        if (((Work *)work)->longest > longest) {
            longest = ((Work *)work)->longest;
        }
        free(work);
    }
    return PyFloat_FromDouble(longest);
}

/* wake_later(wakers, microseconds=0, times=1): in a thread of which nothing is heard. */
static PyObject *
wake_later(PyObject *module, PyObject *args)
{
    PyObject *list;
    long delay = 0;
    int times = 1;
    pthread_t thread;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!|li", &PyList_Type, &list, &delay, &times)) {
        return NULL;
    }
    pthread_create(&thread, NULL, run_and_forget, new_work(list, times, delay));
    pthread_detach(thread);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"parks", parks, METH_VARARGS | METH_ASYNC, NULL},
    {"insists", insists, METH_O | METH_ASYNC, NULL},
    {"waker_of", waker_of, METH_O, NULL},
    {"library", library, METH_NOARGS, NULL},
    {"sleep", c_sleep, METH_O | METH_ASYNC, NULL},
    {"checkpoint", checkpoint, METH_NOARGS | METH_ASYNC, NULL},
    {"wait_readable", wait_readable, METH_O | METH_ASYNC, NULL},
    {"wait_writable", wait_writable, METH_O | METH_ASYNC, NULL},
    {"notify_closing", notify_closing, METH_O, NULL},
    {"yields", yields, METH_O | METH_ASYNC_GENERATOR, NULL},
    {"wake", wake, METH_VARARGS, NULL},
    {"wake_later", wake_later, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&waker_spec);
    int status = type == NULL ? -1 : PyObject_SetAttrString(module, "Waker", type);
    Py_XDECREF(type);
    return status < 0 ? -1 : PyAwaitable_AddFunctions(module, methods);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "outside",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_outside(void)
{
    return PyModuleDef_Init(&definition);
}
