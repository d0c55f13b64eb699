/* Work for the pool of threads. What happens to each piece of it is counted. */
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

#include <stdlib.h>
#include <time.h>

static long made, run, converted, dropped, cancelled, at_once, most_at_once;

#define COUNT(counter) __atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST)

typedef struct {
    long number;
    long delay;  /* microseconds */
    int is_deaf; /* it does not stop when it is cancelled */
    int stop;
} Job;

static void
work(void *data)
{
    Job *const job = data;
    const struct timespec a_moment = {0, 1000000};
    const long now = COUNT(at_once);
    long most = __atomic_load_n(&most_at_once, __ATOMIC_SEQ_CST);
    COUNT(run);
    while (now > most &&
           !__atomic_compare_exchange_n(&most_at_once, &most, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
    for (long i = 0; i < job->delay / 1000 && (job->is_deaf || !__atomic_load_n(&job->stop, __ATOMIC_SEQ_CST)); i++) {
        nanosleep(&a_moment, NULL);
    }
    job->number *= 2;
    __atomic_sub_fetch(&at_once, 1, __ATOMIC_SEQ_CST);
}

static PyObject *
convert(void *data)
{
    const long number = ((Job *)data)->number;
    COUNT(converted);
    free(data);
    if (number == 2) {
        PyErr_SetString(PyExc_KeyError, "two");
        return NULL;
    }
    return number == 4 ? NULL : PyLong_FromLong(number);
}

static void
drop(void *data)
{
    COUNT(dropped);
    free(data);
}

static void
cancel(void *data)
{
    COUNT(cancelled);
    __atomic_store_n(&((Job *)data)->stop, 1, __ATOMIC_SEQ_CST);
}

/* double(number, delay=0, abandon=0, deaf=0, convert=1) */
static PyObject *
double_(PyObject *module, PyObject *args)
{
    Job *const job = calloc(1, sizeof(Job));
    int abandon = 0, converts = 1;
    PyObject *awaitable;
    (void)module;
    if (!PyArg_ParseTuple(args, "l|liii", &job->number, &job->delay, &abandon, &job->is_deaf, &converts)) {
        free(job);
        return NULL;
    }
    awaitable = PyAwaitable_Run(work, converts ? convert : NULL, drop, cancel, job, abandon);
    if (awaitable == NULL) {
        free(job);
        return NULL;
    }
    COUNT(made);
    return awaitable;
}

/* Work that lasts until it is told: those with a larger tag are made later. */
typedef struct {
    long tag;
    int stop;
} Gated;

static long begun_tag, open_tag;

static void
work_until_told(void *data)
{
    const Gated *const gated = data;
    const struct timespec a_moment = {0, 100000};
    __atomic_store_n(&begun_tag, gated->tag, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&gated->stop, __ATOMIC_SEQ_CST) && __atomic_load_n(&open_tag, __ATOMIC_SEQ_CST) < gated->tag) {
        nanosleep(&a_moment, NULL);
    }
}

static PyObject *
convert_tag(void *data)
{
    free(data);
    return PyLong_FromLong(42);
}

static void
stop_gated(void *data)
{
    __atomic_store_n(&((Gated *)data)->stop, 1, __ATOMIC_SEQ_CST);
}

/* until_told(tag, abandon): 42, once told(tag) was called. */
static PyObject *
until_told(PyObject *module, PyObject *args)
{
    Gated *const gated = calloc(1, sizeof(Gated));
    int abandon;
    PyObject *awaitable;
    (void)module;
    if (!PyArg_ParseTuple(args, "li", &gated->tag, &abandon)) {
        free(gated);
        return NULL;
    }
    awaitable = PyAwaitable_Run(work_until_told, convert_tag, free, stop_gated, gated, abandon);
    if (awaitable == NULL) {
        free(gated);
    }
    return awaitable;
}

static PyObject *
told(PyObject *module, PyObject *tag)
{
    (void)module;
    __atomic_store_n(&open_tag, PyLong_AsLong(tag), __ATOMIC_SEQ_CST);
    Py_RETURN_NONE;
}

/* The tag of the work that has begun last. */
static PyObject *
begun(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLong(__atomic_load_n(&begun_tag, __ATOMIC_SEQ_CST));
}

typedef struct {
    HEAD
    PyObject *value;
    DATA
    long number;
} Doubles;

BODY(in_a_body_body, Doubles, f)
    Job *job = calloc(1, sizeof(Job));
    job->number = f->number;
    COUNT(made);
    AWAIT(value, PyAwaitable_Run(work, convert, drop, cancel, job, PyAwaitable_WAIT));
    RETURN(Py_NewRef(f->value));
END_BODY

static const PyAwaitable_Definition in_a_body_definition = PyAwaitable_DEFINITION("in_a_body", in_a_body_body, Doubles);

static PyObject *
in_a_body(PyObject *module, PyObject *number)
{
    Doubles *f;
    PyObject *awaitable = PyAwaitable_NewBody(&in_a_body_definition, &f);
    (void)module;
    if (awaitable != NULL) {
        f->number = PyLong_AsLong(number);
    }
    return awaitable;
}

static PyObject *
no_work(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyAwaitable_Run(NULL, NULL, NULL, NULL, NULL, PyAwaitable_WAIT);
}

/* ---- On the bytes of an object: their sum. The first of them says what else happens. ---- */

enum { WAITS = 255, FAILS = 254 };

static int is_open;

static void
add(const void *bytes, Py_ssize_t length, void *result)
{
    const unsigned char *const numbers = bytes;
    const struct timespec a_moment = {0, 100000};
    COUNT(run);
    __atomic_add_fetch(&at_once, 1, __ATOMIC_SEQ_CST);
    while (length > 0 && numbers[0] == WAITS && !__atomic_load_n(&is_open, __ATOMIC_SEQ_CST)) {
        nanosleep(&a_moment, NULL);
    }
    for (Py_ssize_t i = 0; i < length; i++) {
        *(long *)result += numbers[i];
    }
    __atomic_sub_fetch(&at_once, 1, __ATOMIC_SEQ_CST);
}

static PyObject *
convert_sum(void *result)
{
    const long sum = *(long *)result;
    COUNT(converted);
    if (sum == FAILS) {
        PyErr_SetString(PyExc_KeyError, "fails");
        return NULL;
    }
    return PyLong_FromLong(sum);
}

static void
drop_sum(void *result)
{
    (void)result;
    COUNT(dropped);
}

/* sum(object, abandon=0, convert=1, size=sizeof(long)) */
static PyObject *
sum(PyObject *module, PyObject *args)
{
    PyObject *object, *awaitable;
    Py_ssize_t size = sizeof(long);
    int abandon = 0, converts = 1;
    (void)module;
    if (!PyArg_ParseTuple(args, "O|iin", &object, &abandon, &converts, &size)) {
        return NULL;
    }
    awaitable = PyAwaitable_RunOnBuffer(object == Py_None ? NULL : object, add, size, converts ? convert_sum : NULL,
                                        drop_sum, abandon);
    if (awaitable != NULL) {
        COUNT(made);
    }
    return awaitable;
}

/* Lets those that wait go on, or not. */
static PyObject *
set_open(PyObject *module, PyObject *opens)
{
    (void)module;
    __atomic_store_n(&is_open, PyObject_IsTrue(opens), __ATOMIC_SEQ_CST);
    Py_RETURN_NONE;
}

static PyObject *
set_size(PyObject *module, PyObject *size)
{
    (void)module;
    if (PyAwaitable_SetPoolSize(PyLong_AsSsize_t(size)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* How many run now. */
static PyObject *
running(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLong(__atomic_load_n(&at_once, __ATOMIC_SEQ_CST));
}

static PyObject *
counts(PyObject *module, PyObject *unused)
{
    PyObject *all = Py_BuildValue("{s:l,s:l,s:l,s:l,s:l,s:l}", "made", made, "run", run, "converted", converted, "dropped",
                                  dropped, "cancelled", cancelled, "most", most_at_once);
    (void)module;
    (void)unused;
    made = run = converted = dropped = cancelled = most_at_once = 0;
    return all;
}

static PyMethodDef methods[] = {
    {"double", double_, METH_VARARGS | METH_ASYNC, NULL},
    {"until_told", until_told, METH_VARARGS | METH_ASYNC, NULL},
    {"told", told, METH_O, NULL},
    {"begun", begun, METH_NOARGS, NULL},
    {"in_a_body", in_a_body, METH_O | METH_ASYNC, NULL},
    {"no_work", no_work, METH_NOARGS, NULL},
    {"sum", sum, METH_VARARGS | METH_ASYNC, NULL},
    {"set_open", set_open, METH_O, NULL},
    {"set_size", set_size, METH_O, NULL},
    {"running", running, METH_NOARGS, NULL},
    {"counts", counts, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
    return PyAwaitable_AddFunctions(module, methods);
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
    .m_name = "pool",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_pool(void)
{
    return PyModuleDef_Init(&definition);
}
