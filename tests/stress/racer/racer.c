/* What threads do to one awaitable at the same time: C code alone, so that they meet inside the library and not in the
 * interpreter. tests/stress/threads.py says what has to come out. */
#include <Python.h>
#include <pyawaitable.h>
#include <pthread.h>
#include <stdatomic.h>

/* How often callbacks of each kind ran, and how many calls queued one. */
static atomic_long queued, called, deferred, failed;

static int
on_result(PyObject *awaitable, PyObject *result)
{
    (void)awaitable;
    (void)result;
    atomic_fetch_add(&called, 1);
    return 0;
}

static int
on_error(PyObject *awaitable, PyObject *exception)
{
    (void)awaitable;
    (void)exception;
    atomic_fetch_add(&failed, 1);
    return 0;
}

static int
on_defer(PyObject *awaitable)
{
    (void)awaitable;
    atomic_fetch_add(&deferred, 1);
    return 0;
}

/* A call that may fail only because the awaitable has finished: whether it did something, or -1. */
static int
unless_finished(int status)
{
    if (status == 0) {
        return 1;
    }
    if (!PyErr_ExceptionMatches(PyExc_RuntimeError)) {
        return -1;
    }
    PyErr_Clear();
    return 0;
}

/* A call that may fail only because somebody else changed how much is saved. */
static int
unless_missing(int status)
{
    if (status < 0 && !PyErr_ExceptionMatches(PyExc_IndexError) && !PyErr_ExceptionMatches(PyExc_RuntimeError)) {
        return -1;
    }
    PyErr_Clear();
    return 0;
}

/* add(awaitable, object): 1 if it was queued. */
static int
add(PyObject *awaitable, PyObject *object)
{
    int done = unless_finished(PyAwaitable_AddAwait(awaitable, object, on_result, on_error));

    if (done > 0) {
        atomic_fetch_add(&queued, 1);
    }
    return done;
}

static int
defer(PyObject *awaitable, PyObject *object)
{
    (void)object;
    return unless_finished(PyAwaitable_DeferAwait(awaitable, on_defer));
}

/* Defers until the awaitable has finished, but not for ever: how often. */
static int
defer_often(PyObject *awaitable, PyObject *object)
{
    int often = 0;

    while (often < 100) {
        int done = defer(awaitable, object);

        if (done <= 0) {
            return done < 0 ? -1 : often;
        }
        often++;
        for (volatile int i = 0; i < 20; i++) {
        }
    }
    return often;
}

/* A block may fail after its body was called: that is not counted, since one of the two is. */
static int
on_block_error(PyObject *awaitable, PyObject *exception)
{
    (void)awaitable;
    (void)exception;
    return 0;
}

/* An `async with`, whose body only counts that it was called. */
static int
enter(PyObject *awaitable, PyObject *object)
{
    int done = unless_finished(PyAwaitable_AsyncWith(awaitable, object, on_result, on_block_error));

    if (done > 0) {
        atomic_fetch_add(&queued, 1);
    }
    return done;
}

/* An `async for` over one item, whose callbacks only count. */
static int
iterate(PyObject *awaitable, PyObject *object)
{
    int done = unless_finished(PyAwaitable_AsyncFor(awaitable, object, on_result, on_defer, on_block_error));

    if (done > 0) {
        atomic_fetch_add(&queued, 1);
    }
    return done;
}

static int
save(PyObject *awaitable, PyObject *object)
{
    if (PyAwaitable_SaveValues(awaitable, 3, object, Py_None, object) < 0) {
        return -1;
    }
    if (PyAwaitable_SaveIntValues(awaitable, 2, 1L, 2L) < 0) {
        return -1;
    }
    return PyAwaitable_SaveArbValues(awaitable, 1, (void *)object);
}

/* Room for as many as there can be, since others save at the same time. The objects are lent, and may be gone already. */
static int
unpack(PyObject *awaitable, PyObject *object)
{
    PyObject *objects[64];
    long longs[64];

    (void)object;
    for (int i = 0; i < 64; i++) {
        longs[i] = 1;
    }
    if (PyAwaitable_UnpackValueArray(awaitable, 64, objects) < 0 && unless_missing(-1) < 0) {
        return -1;
    }
    if (PyAwaitable_UnpackIntValueArray(awaitable, 64, longs) < 0 && unless_missing(-1) < 0) {
        return -1;
    }
    for (int i = 0; i < 64; i++) {
        if (longs[i] < 1 || longs[i] > 3) {
            PyErr_Format(PyExc_AssertionError, "a saved integer is %ld", longs[i]);
            return -1;
        }
    }
    return 0;
}

static int
replace(PyObject *awaitable, PyObject *object)
{
    for (Py_ssize_t i = 0; i < 4; i++) {
        if (unless_missing(PyAwaitable_SetValue(awaitable, i, object)) < 0 ||
            unless_missing(PyAwaitable_SetIntValue(awaitable, i, 3)) < 0 ||
            unless_missing(PyAwaitable_SetArbValue(awaitable, i, NULL)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
set_result(PyObject *awaitable, PyObject *object)
{
    return unless_finished(PyAwaitable_SetResult(awaitable, object));
}

static int
cancel(PyObject *awaitable, PyObject *object)
{
    (void)object;
    PyAwaitable_Cancel(awaitable);
    return PyErr_Occurred() ? -1 : 0;
}

/* Clean-ups that were added, and that have run. */
static atomic_long added, cleaned;

static void
on_clean_up(void *data)
{
    (void)data;
    atomic_fetch_add(&cleaned, 1);
}

static int
clean_up(PyObject *awaitable, PyObject *object)
{
    int done = unless_finished(PyAwaitable_AddCleanup(awaitable, on_clean_up, object));

    if (done > 0) {
        atomic_fetch_add(&added, 1);
    }
    return done;
}

/* Keeps an object, a text and a number. */
static int
parse(PyObject *awaitable, PyObject *object)
{
    PyObject *args = Py_BuildValue("(Osl)", object, "a text", 7L), *kept;
    const char *text;
    long number;
    int done;

    if (args == NULL) {
        return -1;
    }
    done = unless_finished(PyAwaitable_ParseTuple(awaitable, args, "Osl", &kept, &text, &number));
    Py_DECREF(args);
    return done;
}

/* Room for as many as there can be. What is lent may be gone already, but not what is a number. */
static int
unpack_parsed(PyObject *awaitable, PyObject *object)
{
    long words[3 * 64];
    void *places[3 * 64];

    (void)object;
    for (int i = 0; i < 3 * 64; i++) {
        words[i] = 7;
        places[i] = &words[i];
    }
    if (PyAwaitable_UnpackArray(awaitable, 3 * 64, places) < 0 && unless_missing(-1) < 0) {
        return -1;
    }
    for (int i = 2; i < 3 * 64; i += 3) {
        if (words[i] != 7) {
            PyErr_Format(PyExc_AssertionError, "a parsed number is %ld", words[i]);
            return -1;
        }
    }
    return 0;
}

/* made(object, text): an awaitable that keeps them, with a clean-up, and returns the object. */
static PyObject *
made(PyObject *self, PyObject *args)
{
    PyObject *awaitable = PyAwaitable_New(), *object;
    const char *text;

    (void)self;
    if (awaitable != NULL && (PyAwaitable_ParseTuple(awaitable, args, "Os", &object, &text) < 0 ||
                              clean_up(awaitable, NULL) < 0 || PyAwaitable_SetResult(awaitable, object) < 0)) {
        Py_CLEAR(awaitable);
    }
    return awaitable;
}

static PyMethodDef functions[] = {
    {"made", made, METH_VARARGS | PyAwaitable_METH_ASYNC, "made(object, text, /)\n--\n\n"},
    {"named", made, METH_VARARGS | PyAwaitable_METH_ASYNC, "named(object, text='text')\n--\n\n"},
    {NULL, NULL, 0, NULL},
};
static PyMethodDef type_methods[] = {
    {"made", made, METH_VARARGS | PyAwaitable_METH_ASYNC, "made($self, object, text, /)\n--\n\n"},
    {"of_class", made, METH_VARARGS | METH_CLASS | PyAwaitable_METH_ASYNC, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
install(PyObject *module, PyObject *target)
{
    (void)module;
    if (PyType_Check(target) ? PyAwaitable_AddMethods((PyTypeObject *)target, type_methods) < 0
                             : PyAwaitable_AddFunctions(target, functions) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* (added, run), which are then 0. */
static PyObject *
clean_ups(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return Py_BuildValue("ll", atomic_exchange(&added, 0), atomic_exchange(&cleaned, 0));
}

#define METHOD(name)                                                                                                   \
    static PyObject *method_##name(PyObject *module, PyObject *args)                                                   \
    {                                                                                                                  \
        PyObject *awaitable, *object;                                                                                  \
        int done;                                                                                                      \
        (void)module;                                                                                                  \
        if (!PyArg_ParseTuple(args, "OO", &awaitable, &object)) {                                                      \
            return NULL;                                                                                               \
        }                                                                                                              \
        done = name(awaitable, object);                                                                                \
        return done < 0 ? NULL : PyLong_FromLong(done);                                                                \
    }
METHOD(add)
METHOD(defer)
METHOD(defer_often)
METHOD(enter)
METHOD(iterate)
METHOD(save)
METHOD(unpack)
METHOD(replace)
METHOD(set_result)
METHOD(cancel)
METHOD(clean_up)
METHOD(parse)
METHOD(unpack_parsed)

static PyObject *
new_awaitable(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyAwaitable_New();
}

/* What the counters have counted, which are then 0: (queued, called, failed, deferred). */
static PyObject *
counters(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return Py_BuildValue("llll", atomic_exchange(&queued, 0), atomic_exchange(&called, 0), atomic_exchange(&failed, 0),
                         atomic_exchange(&deferred, 0));
}

/* Threads meet here. Of pthreads, so that a tool which watches those sees who comes after whom. */
static pthread_barrier_t barrier;

static PyObject *
set_barrier(PyObject *module, PyObject *count)
{
    (void)module;
    if (pthread_barrier_init(&barrier, NULL, (unsigned)PyLong_AsLong(count)) != 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

static PyObject *
meet(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    Py_BEGIN_ALLOW_THREADS pthread_barrier_wait(&barrier);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

/* Whoever comes here sees what was done before by who has been here. For what one thread hands to another by a list, whose
 * lock such a tool does not see. */
static pthread_mutex_t passage = PTHREAD_MUTEX_INITIALIZER;

static PyObject *
pass_on(PyObject *module, PyObject *object)
{
    (void)module;
    pthread_mutex_lock(&passage);
    pthread_mutex_unlock(&passage);
    return Py_NewRef(object);
}

static PyMethodDef methods[] = {
    {"new", new_awaitable, METH_NOARGS, NULL},
    {"add", method_add, METH_VARARGS, NULL},
    {"defer", method_defer, METH_VARARGS, NULL},
    {"defer_often", method_defer_often, METH_VARARGS, NULL},
    {"enter", method_enter, METH_VARARGS, NULL},
    {"iterate", method_iterate, METH_VARARGS, NULL},
    {"save", method_save, METH_VARARGS, NULL},
    {"unpack", method_unpack, METH_VARARGS, NULL},
    {"replace", method_replace, METH_VARARGS, NULL},
    {"set_result", method_set_result, METH_VARARGS, NULL},
    {"cancel", method_cancel, METH_VARARGS, NULL},
    {"clean_up", method_clean_up, METH_VARARGS, NULL},
    {"parse", method_parse, METH_VARARGS, NULL},
    {"unpack_parsed", method_unpack_parsed, METH_VARARGS, NULL},
    {"install", install, METH_O, NULL},
    {"clean_ups", clean_ups, METH_NOARGS, NULL},
    {"counters", counters, METH_NOARGS, NULL},
    {"set_barrier", set_barrier, METH_O, NULL},
    {"meet", meet, METH_NOARGS, NULL},
    {"pass_on", pass_on, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

/* bodies.c, generators.c, outside.c */
extern PyMethodDef racer_bodies[], racer_generators[], racer_outside[];

static int
execute(PyObject *module)
{
    PyMethodDef *const more[] = {racer_bodies, racer_generators, racer_outside};
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        if (PyModule_AddFunctions(module, more[i]) < 0) {
            return -1;
        }
    }
    return 0;
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
    .m_name = "racer",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_racer(void)
{
    return PyModuleDef_Init(&definition);
}
