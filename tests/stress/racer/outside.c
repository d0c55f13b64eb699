/* Promises, wakers and work of the pool's, while threads that know nothing of Python settle, free and wake. outside_races.py says
 * what has to come out. */
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* What became of the values that were given. */
static atomic_long given, converted, raised, dropped, cancelled;

/* Not atomic: whoever gets it is the only one, which ThreadSanitizer checks. */
typedef struct {
    long number;
} Value;

static Value *
new_value(long number)
{
    Value *value = malloc(sizeof(Value));
    value->number = number;
    atomic_fetch_add(&given, 1);
    return value;
}

static PyObject *
convert(void *value)
{
    const long number = ((Value *)value)->number++;
    atomic_fetch_add(&converted, 1);
    free(value);
    return PyLong_FromLong(number);
}

static int
raise(void *value)
{
    ((Value *)value)->number++;
    atomic_fetch_add(&raised, 1);
    free(value);
    PyErr_SetString(PyExc_ValueError, "rejected");
    return -1;
}

static void
drop(void *value)
{
    ((Value *)value)->number++;
    atomic_fetch_add(&dropped, 1);
    free(value);
}

static void
note_cancel(void *Py_UNUSED(data))
{
    atomic_fetch_add(&cancelled, 1);
}

/* ---- What two threads settle or wake, each in its own order; the later one gives it up ---- */

typedef struct {
    PyAwaitable_Promise *promise; /* or NULL */
    PyAwaitable_Waker *waker;
    atomic_int threads; /* that have not been here yet */
    atomic_int holders; /* the threads, and the body that parks */
    atomic_int count;   /* what the body waits for */
} Target;

#define GOAL 8

static Target *
new_target(int holders)
{
    Target *target = calloc(1, sizeof(Target));
    atomic_init(&target->threads, 2);
    atomic_init(&target->holders, holders);
    return target;
}

static void
give_up(Target *target)
{
    if (atomic_fetch_sub(&target->holders, 1) == 1) {
        free(target);
    }
}

static PyObject *
promise(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    Target *target = new_target(2);
    PyObject *awaitable = PyAwaitable_NewPromise(&target->promise, convert, drop);
    if (awaitable == NULL || PyAwaitable_PromiseOnCancel(target->promise, note_cancel, NULL) < 0) {
        Py_XDECREF(awaitable);
        free(target);
        return NULL;
    }
    return Py_BuildValue("NN", awaitable, PyLong_FromVoidPtr(target));
}

typedef struct {
    HEAD DATA Target *target;
} Parks;

static void
release_parks(void *frame)
{
    give_up(((Parks *)frame)->target);
}

BODY(parks_body, Parks, f)
while (atomic_load(&f->target->count) < GOAL) {
    PARK;
}
RETURN(PyLong_FromLong(GOAL));
END_BODY

static const PyAwaitable_Definition parks_definition =
    PyAwaitable_DEFINITION_WITH("parks", parks_body, Parks, NULL, release_parks);

static PyObject *
parks(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    Parks *f;
    PyObject *awaitable = PyAwaitable_NewBody(&parks_definition, &f);
    if (awaitable == NULL) {
        return NULL;
    }
    f->target = new_target(3);
    f->target->waker = PyAwaitable_NewWaker(awaitable);
    if (f->target->waker == NULL) {
        Py_DECREF(awaitable);
        return NULL;
    }
    return Py_BuildValue("NN", awaitable, PyLong_FromVoidPtr(f->target));
}

static void
work(void *value)
{
    ((Value *)value)->number *= 2;
}

static PyObject *
run(PyObject *Py_UNUSED(module), PyObject *abandon)
{
    Value *value = new_value(21);
    PyObject *awaitable = PyAwaitable_Run(work, convert, drop, note_cancel, value,
                                          PyObject_IsTrue(abandon) ? PyAwaitable_ABANDON : PyAwaitable_WAIT);
    if (awaitable == NULL) {
        drop(value);
    }
    return awaitable;
}

static void
work_on(const void *bytes, Py_ssize_t length, void *result)
{
    for (Py_ssize_t i = 0; i < length; i++) {
        *(long *)result += ((const unsigned char *)bytes)[i];
    }
    atomic_fetch_add(&given, 1);
    ((long *)result)[1] = 1;
}

static PyObject *
convert_result(void *result)
{
    atomic_fetch_add(&converted, ((long *)result)[1]);
    return PyLong_FromLong(*(long *)result);
}

static void
drop_result(void *result)
{
    atomic_fetch_add(&dropped, ((long *)result)[1]++);
}

/* run_on(object, abandon) */
static PyObject *
run_on(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *object;
    int abandon;
    if (!PyArg_ParseTuple(args, "Oi", &object, &abandon)) {
        return NULL;
    }
    return PyAwaitable_RunOnBuffer(object, work_on, 2 * sizeof(long), convert_result, drop_result, abandon);
}

static PyObject *
wait_readable(PyObject *Py_UNUSED(module), PyObject *descriptor)
{
    return PyAwaitable_WaitReadable((int)PyLong_AsLong(descriptor));
}

typedef struct {
    pthread_t threads[2];
    Target **targets;
    size_t count;
    atomic_uint started;
    unsigned seed;
} Storm;

static void *
rage(void *argument)
{
    Storm *storm = argument;
    const unsigned which = atomic_fetch_add(&storm->started, 1);
    unsigned random = storm->seed + which;
    for (size_t i = 0; i < storm->count; i++) {
        Target *target = storm->targets[which ? i : storm->count - 1 - i];
        random = random * 1103515245u + 12345u;
        if (target->promise != NULL) {
            Value *value = new_value((long)i);
            const unsigned how = random >> 16 & 3;
            if (PyAwaitable_PromiseIsAbandoned(target->promise) || how == 3) {
                drop(value); /* the promise may be freed unresolved */
            }
            else if (!(how == 0 ? PyAwaitable_Reject(target->promise, raise, value)
                                : PyAwaitable_Resolve(target->promise, value))) {
                drop(value);
            }
        }
        else {
            PyAwaitable_Waker *waker = PyAwaitable_CloneWaker(target->waker);
            for (int count = 0; count < GOAL / 2; count++) {
                atomic_fetch_add(&target->count, 1);
                PyAwaitable_Wake(waker);
            }
            PyAwaitable_DropWaker(waker);
        }
        if (atomic_fetch_sub(&target->threads, 1) == 1) {
            PyAwaitable_PromiseFree(target->promise);
            PyAwaitable_DropWaker(target->waker);
        }
        give_up(target);
    }
    return NULL;
}

/* storm(targets, seed): two threads, for join(). */
static PyObject *
start_storm(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *list;
    Storm *storm = calloc(1, sizeof(Storm));
    if (!PyArg_ParseTuple(args, "O!I", &PyList_Type, &list, &storm->seed)) {
        free(storm);
        return NULL;
    }
    storm->count = (size_t)PyList_Size(list);
    storm->targets = calloc(storm->count + 1, sizeof(Target *));
    for (size_t i = 0; i < storm->count; i++) {
        storm->targets[i] = PyLong_AsVoidPtr(PyList_GetItem(list, (Py_ssize_t)i));
    }
    for (int i = 0; i < 2; i++) {
        pthread_create(&storm->threads[i], NULL, rage, storm);
    }
    return PyLong_FromVoidPtr(storm);
}

static PyObject *
join(PyObject *Py_UNUSED(module), PyObject *number)
{
    Storm *storm = PyLong_AsVoidPtr(number);
    Py_BEGIN_ALLOW_THREADS pthread_join(storm->threads[0], NULL);
    pthread_join(storm->threads[1], NULL);
    Py_END_ALLOW_THREADS free(storm->targets);
    free(storm);
    Py_RETURN_NONE;
}

/* How many values were given, and what became of how many: once no storm is left, the two are the same. */
static PyObject *
outcomes(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return Py_BuildValue("ll", atomic_load(&given),
                         atomic_load(&converted) + atomic_load(&raised) + atomic_load(&dropped));
}

PyMethodDef racer_outside[] = {
    {"promise", promise, METH_NOARGS, "promise(): an awaitable, and a target for a storm"},
    {"parks", parks, METH_NOARGS, "parks(): the same, with a body that parks"},
    {"run", run, METH_O, "run(abandon): an awaitable of the pool's"},
    {"run_on", run_on, METH_VARARGS, "run_on(object, abandon): the same, on its bytes"},
    {"wait_readable", wait_readable, METH_O, "wait_readable(descriptor)"},
    {"storm", start_storm, METH_VARARGS, "storm(targets, seed): threads that settle, free and wake"},
    {"join", join, METH_O, "join(storm): waits for them"},
    {"outcomes", outcomes, METH_NOARGS, "How many values were given, and how many went somewhere"},
    {NULL, NULL, 0, NULL},
};
