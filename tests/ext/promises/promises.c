/* Promises that threads settle which know nothing of Python. What happens to each value is counted. */
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* ---- Values ---- */

static long made, converted, raised, dropped, cancelled;

#define COUNT(counter) __atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST)

static long *
new_value(long number)
{
    long *const value = malloc(sizeof(long));
    COUNT(made);
    *value = number;
    return value;
}

/* Of 1, 2 and 3 comes an error. */
static PyObject *
convert(void *value)
{
    const long number = *(long *)value;
    COUNT(converted);
    free(value);
    if (number == 1) {
        PyErr_SetString(PyExc_KeyError, "one");
        return NULL;
    }
    if (number == 2) {
        return NULL;
    }
    if (number == 3) {
        PyErr_SetString(PyExc_KeyError, "three");
    }
    return PyLong_FromLong(number);
}

/* What is converted is what this variable has where it is converted. */
static PyObject *variable;

static PyObject *
convert_to_variable(void *value)
{
    PyObject *found = NULL;
    COUNT(converted);
    free(value);
    return PyContextVar_Get(variable, NULL, &found) < 0 ? NULL : found;
}

static int
raise(void *value)
{
    const long number = *(long *)value;
    COUNT(raised);
    free(value);
    if (number != 2) {
        /* Not PyErr_Format, which up to 3.10 leaves the text out where there is no memory for it. */
        PyObject *text = PyUnicode_FromFormat("%ld", number);
        if (text != NULL) {
            PyErr_SetObject(PyExc_ValueError, text);
            Py_DECREF(text);
        }
    }
    return -1;
}

static void
drop(void *value)
{
    COUNT(dropped);
    free(value);
}

static void
cancel(void *data)
{
    COUNT(cancelled);
    __atomic_add_fetch((long *)data, 1, __ATOMIC_SEQ_CST);
}

static PyObject *
counts(PyObject *module, PyObject *unused)
{
    PyObject *all = Py_BuildValue("{s:l,s:l,s:l,s:l,s:l}", "made", __atomic_load_n(&made, __ATOMIC_SEQ_CST),
                                  "converted", __atomic_load_n(&converted, __ATOMIC_SEQ_CST), "raised",
                                  __atomic_load_n(&raised, __ATOMIC_SEQ_CST), "dropped",
                                  __atomic_load_n(&dropped, __ATOMIC_SEQ_CST), "cancelled",
                                  __atomic_load_n(&cancelled, __ATOMIC_SEQ_CST));
    (void)module;
    (void)unused;
    made = converted = raised = dropped = cancelled = 0;
    return all;
}

/* ---- A handle, as an object ---- */

typedef struct {
    PyObject base;
    PyAwaitable_Promise *promise;
    long *calls; /* of cancel */
} Handle;

static void
handle_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyAwaitable_PromiseFree(((Handle *)self)->promise);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* resolve(number): 1, or 0 if it was settled already */
static PyObject *
handle_resolve(PyObject *self, PyObject *number)
{
    long *const value = new_value(PyLong_AsLong(number));
    const int settled = PyAwaitable_Resolve(((Handle *)self)->promise, value);
    if (!settled) {
        drop(value);
    }
    return PyLong_FromLong(settled);
}

static PyObject *
handle_reject(PyObject *self, PyObject *number)
{
    long *const value = new_value(PyLong_AsLong(number));
    const int settled = PyAwaitable_Reject(((Handle *)self)->promise, raise, value);
    if (!settled) {
        drop(value);
    }
    return PyLong_FromLong(settled);
}

static PyObject *
handle_free(PyObject *self, PyObject *unused)
{
    PyAwaitable_Promise *const promise = ((Handle *)self)->promise;
    (void)unused;
    ((Handle *)self)->promise = NULL;
    PyAwaitable_PromiseFree(promise);
    Py_RETURN_NONE;
}

static PyObject *
handle_is_abandoned(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(PyAwaitable_PromiseIsAbandoned(((Handle *)self)->promise));
}

static PyObject *
handle_calls(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong(*((Handle *)self)->calls);
}

static PyMethodDef handle_methods[] = {
    {"resolve", handle_resolve, METH_O, NULL},
    {"reject", handle_reject, METH_O, NULL},
    {"free", handle_free, METH_NOARGS, NULL},
    {"is_abandoned", handle_is_abandoned, METH_NOARGS, NULL},
    {"calls", handle_calls, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot handle_slots[] = {
    {Py_tp_dealloc, (void *)handle_dealloc},
    {Py_tp_methods, handle_methods},
    {0, NULL},
};

static PyType_Spec handle_spec = {"promises.Handle", sizeof(Handle), 0, Py_TPFLAGS_DEFAULT, handle_slots};

/* promise(kind=""): an awaitable, and the handle. Kinds: "none" is not converted, "variable" becomes the variable's value. */
static PyObject *
promise(PyObject *module, PyObject *args)
{
    const char *kind = "";
    PyAwaitable_Promise *made_promise;
    PyObject *awaitable, *type;
    Handle *handle;
    PyAwaitable_Convert how;
    if (!PyArg_ParseTuple(args, "|s", &kind)) {
        return NULL;
    }
    how = kind[0] == 'n' ? NULL : kind[0] == 'v' ? convert_to_variable : convert;
    awaitable = PyAwaitable_NewPromise(&made_promise, how, drop);
    if (awaitable == NULL) {
        return NULL;
    }
    type = PyObject_GetAttrString(module, "Handle");
    handle = type == NULL ? NULL : PyObject_New(Handle, (PyTypeObject *)type);
    Py_XDECREF(type);
    if (handle == NULL) {
        PyAwaitable_PromiseFree(made_promise);
        Py_DECREF(awaitable);
        return NULL;
    }
    handle->promise = made_promise;
    /* It outlives both ends. A test's few bytes are never freed. */
    handle->calls = calloc(1, sizeof(long));
    if (PyAwaitable_PromiseOnCancel(made_promise, cancel, handle->calls) < 0) {
        Py_DECREF(awaitable);
        Py_DECREF(handle);
        return NULL;
    }
    return Py_BuildValue("NN", awaitable, handle);
}

/* ---- Threads ---- */

typedef struct {
    PyAwaitable_Promise **promises;
    size_t count;
    long delay;
    int rejects;
    int frees;
} Work;

static void *
run_work(void *argument)
{
    Work *const work = argument;
    if (work->delay > 0) {
        const struct timespec delay = {work->delay / 1000000, work->delay % 1000000 * 1000};
        nanosleep(&delay, NULL);
    }
    for (size_t i = 0; i < work->count; i++) {
        PyAwaitable_Promise *const one = work->promises[i];
        long *const value = new_value((long)i + 10);
        if (!(work->rejects ? PyAwaitable_Reject(one, raise, value) : PyAwaitable_Resolve(one, value))) {
            drop(value);
        }
        (void)PyAwaitable_PromiseIsAbandoned(one);
        if (work->frees) {
            PyAwaitable_PromiseFree(one);
        }
    }
    free(work->promises);
    free(work);
    return NULL;
}

static Work *
new_work(PyObject *list, long delay, int rejects, int frees)
{
    Work *const work = calloc(1, sizeof(Work));
    work->count = (size_t)PyList_Size(list);
    work->promises = calloc(work->count + 1, sizeof(PyAwaitable_Promise *));
    work->delay = delay;
    work->rejects = rejects;
    work->frees = frees;
    for (size_t i = 0; i < work->count; i++) {
        Handle *const handle = (Handle *)PyList_GetItem(list, (Py_ssize_t)i);
        work->promises[i] = handle->promise;
        if (frees) {
            handle->promise = NULL;
        }
    }
    return work;
}

/* settle(handles, rejects=0, threads=1): in threads, while this one stays attached and waits for them. */
static PyObject *
settle(PyObject *module, PyObject *args)
{
    PyObject *list;
    int rejects = 0, threads = 1;
    pthread_t running[16];
    (void)module;
    if (!PyArg_ParseTuple(args, "O!|ii", &PyList_Type, &list, &rejects, &threads)) {
        return NULL;
    }
    for (int i = 0; i < threads; i++) {
        pthread_create(&running[i], NULL, run_work, new_work(list, 0, rejects, 0));
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(running[i], NULL);
    }
    Py_RETURN_NONE;
}

/* settle_later(handles, microseconds=0, rejects=0): in a thread of which nothing is heard, and which frees the handles. */
static PyObject *
settle_later(PyObject *module, PyObject *args)
{
    PyObject *list;
    long delay = 0;
    int rejects = 0;
    pthread_t thread;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!|li", &PyList_Type, &list, &delay, &rejects)) {
        return NULL;
    }
    pthread_create(&thread, NULL, run_work, new_work(list, delay, rejects, 1));
    pthread_detach(thread);
    Py_RETURN_NONE;
}

/* ---- Settled by another thread while `cancel` runs ---- */

typedef struct {
    PyAwaitable_Promise *promise;
    int rejects;
    int settled;   /* what Resolve() or Reject() returned */
    long calls;    /* of `drop`, when `cancel` began, and then while it ran */
    int is_called; /* whether `cancel` has been */
} Settles;

static Settles settles;

static void *
settle_now(void *argument)
{
    long *const value = new_value(10);
    (void)argument;
    settles.settled = settles.rejects ? PyAwaitable_Reject(settles.promise, raise, value)
                                      : PyAwaitable_Resolve(settles.promise, value);
    if (!settles.settled) {
        drop(value);
    }
    PyAwaitable_PromiseFree(settles.promise);
    return NULL;
}

static void
cancel_and_let_settle(void *data)
{
    pthread_t thread;
    (void)data;
    settles.is_called = 1;
    settles.calls = __atomic_load_n(&dropped, __ATOMIC_SEQ_CST);
    pthread_create(&thread, NULL, settle_now, NULL);
    pthread_join(thread, NULL);
    settles.calls = __atomic_load_n(&dropped, __ATOMIC_SEQ_CST) - settles.calls;
}

/* settled_while_cancelled(rejects): an awaitable; one at a time. */
static PyObject *
settled_while_cancelled(PyObject *module, PyObject *rejects)
{
    PyObject *awaitable;
    (void)module;
    memset(&settles, 0, sizeof(settles));
    settles.rejects = PyObject_IsTrue(rejects);
    awaitable = PyAwaitable_NewPromise(&settles.promise, convert, drop);
    if (awaitable != NULL && PyAwaitable_PromiseOnCancel(settles.promise, cancel_and_let_settle, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

/* Whether `cancel` was called, whether the promise was settled meanwhile, and how often `drop` was called until it returned. */
static PyObject *
while_cancelled(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return Py_BuildValue("iil", settles.is_called, settles.settled, settles.calls);
}

/* ---- Awaited from C ---- */

typedef struct {
    HEAD
    PyObject *awaited;
    DATA
} Awaits;

BODY(in_a_body_body, Awaits, f)
    AWAIT(awaited, Py_NewRef(f->awaited));
    RETURN(Py_BuildValue("sO", "body", f->awaited));
END_BODY

static const PyAwaitable_Definition in_a_body_definition = PyAwaitable_DEFINITION("in_a_body", in_a_body_body, Awaits);

static PyObject *
in_a_body(PyObject *module, PyObject *awaited)
{
    Awaits *f;
    PyObject *awaitable = PyAwaitable_NewBody(&in_a_body_definition, &f);
    (void)module;
    if (awaitable != NULL) {
        f->awaited = Py_NewRef(awaited);
    }
    return awaitable;
}

static int
on_value(PyObject *awaitable, PyObject *value)
{
    PyObject *result = Py_BuildValue("sO", "callback", value);
    const int status = result == NULL ? -1 : PyAwaitable_SetResult(awaitable, result);
    Py_XDECREF(result);
    return status;
}

static PyObject *
in_a_callback(PyObject *module, PyObject *awaited)
{
    PyObject *awaitable = PyAwaitable_New();
    (void)module;
    if (awaitable != NULL && PyAwaitable_AddAwait(awaitable, awaited, on_value, NULL) < 0) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyObject *
null_arguments(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    PyAwaitable_PromiseFree(NULL);
    if (PyAwaitable_Resolve(NULL, NULL) || PyAwaitable_Reject(NULL, raise, NULL) ||
        !PyAwaitable_PromiseIsAbandoned(NULL)) {
        PyErr_SetString(PyExc_AssertionError, "NULL was settled");
        return NULL;
    }
    if (PyAwaitable_PromiseOnCancel(NULL, NULL, NULL) == 0 || !PyErr_ExceptionMatches(PyExc_SystemError)) {
        return NULL;
    }
    PyErr_Clear();
    return PyAwaitable_NewPromise(NULL, NULL, NULL);
}

static PyMethodDef methods[] = {
    {"promise", promise, METH_VARARGS, NULL},
    {"settle", settle, METH_VARARGS, NULL},
    {"settle_later", settle_later, METH_VARARGS, NULL},
    {"settled_while_cancelled", settled_while_cancelled, METH_O, NULL},
    {"while_cancelled", while_cancelled, METH_NOARGS, NULL},
    {"counts", counts, METH_NOARGS, NULL},
    {"in_a_body", in_a_body, METH_O | METH_ASYNC, NULL},
    {"in_a_callback", in_a_callback, METH_O | METH_ASYNC, NULL},
    {"null_arguments", null_arguments, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int
execute(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&handle_spec);
    int status = type == NULL ? -1 : PyObject_SetAttrString(module, "Handle", type);
    Py_XDECREF(type);
    if (variable == NULL) {
        variable = PyContextVar_New("variable", NULL);
    }
    if (status < 0 || variable == NULL || PyObject_SetAttrString(module, "variable", variable) < 0) {
        return -1;
    }
    return PyAwaitable_AddFunctions(module, methods);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "promises",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_promises(void)
{
    return PyModuleDef_Init(&definition);
}
