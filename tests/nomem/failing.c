/* failing: allocations of Python's three domains that fail, one of them or all from one on, in the C code inside the calls that
 * go through here. Python code that runs inside them has memory as ever, since interpreters themselves do badly without: 3.11
 * loops for ever where it unwinds a frame. _testcapi has the like, but no such calls, and is not part of every build. One thread
 * at a time; others have memory as ever, and may use the raw domain meanwhile. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

static const PyMemAllocatorDomain kinds[] = {PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};
#define DOMAINS (sizeof(kinds) / sizeof(kinds[0]))

/* What was there before. */
static PyMemAllocatorEx domains[DOMAINS];
/* The raw domain, the first, is replaced once, and for good: threads without the GIL use it at any time, and would find a function
 * of the one allocator and the context of the other. */
static int is_raw_replaced;

static struct {
    int installed;        /* between begin() and end() */
    int inside;           /* how many calls are under way */
    void *caller;         /* the Python frame that has made the innermost of them */
    unsigned long thread; /* the one that has made them */
    Py_ssize_t made;
    Py_ssize_t first; /* the one that fails, counted from 0 */
    int further;      /* whether all after it fail, too, until the outermost call returns */
    int reached;
    int over; /* that call has returned */
} watch;

/* The Python frame that runs; only for comparison. To ask for it as an object would allocate. */
static void *
current_frame(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyThreadState_Get()->current_frame;
#elif PY_VERSION_HEX >= 0x030B0000
    return PyThreadState_Get()->cframe->current_frame;
#else
    return PyThreadState_Get()->frame;
#endif
}

static int
is_refused(void)
{
    if (!watch.inside || watch.over || PyThread_get_thread_ident() != watch.thread || current_frame() != watch.caller) {
        return 0;
    }
    Py_ssize_t number = watch.made++;
    if (number == watch.first || (watch.further && number > watch.first)) {
        watch.reached = 1;
        return 1;
    }
    return 0;
}

static void *
failing_malloc(void *context, size_t size)
{
    PyMemAllocatorEx *domain = context;

    return is_refused() ? NULL : domain->malloc(domain->ctx, size);
}

static void *
failing_calloc(void *context, size_t count, size_t size)
{
    PyMemAllocatorEx *domain = context;

    return is_refused() ? NULL : domain->calloc(domain->ctx, count, size);
}

static void *
failing_realloc(void *context, void *block, size_t size)
{
    PyMemAllocatorEx *domain = context;

    return is_refused() ? NULL : domain->realloc(domain->ctx, block, size);
}

static void
passed_on_free(void *context, void *block)
{
    PyMemAllocatorEx *domain = context;

    domain->free(domain->ctx, block);
}

static PyObject *
begin(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_ssize_t first;
    int further;

    if (!PyArg_ParseTuple(args, "np:begin", &first, &further)) {
        return NULL;
    }
    if (watch.installed) {
        PyErr_SetString(PyExc_RuntimeError, "begun already");
        return NULL;
    }
    memset(&watch, 0, sizeof(watch));
    watch.installed = 1;
    watch.first = first;
    watch.further = further;
    for (size_t i = is_raw_replaced ? 1 : 0; i < DOMAINS; i++) {
        PyMemAllocatorEx failing = {&domains[i], failing_malloc, failing_calloc, failing_realloc, passed_on_free};
        PyMem_GetAllocator(kinds[i], &domains[i]);
        PyMem_SetAllocator(kinds[i], &failing);
    }
    is_raw_replaced = 1;
    Py_RETURN_NONE;
}

static PyObject *
end(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    if (!watch.installed) {
        PyErr_SetString(PyExc_RuntimeError, "not begun");
        return NULL;
    }
    watch.installed = 0;
    for (size_t i = 1; i < DOMAINS; i++) {
        PyMem_SetAllocator(kinds[i], &domains[i]);
    }
    return PyBool_FromLong(watch.reached);
}

static PyObject *
call(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    void *before = watch.caller;
    PyObject *result;

    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "no function to call");
        return NULL;
    }
    watch.caller = current_frame();
    watch.thread = PyThread_get_thread_ident();
    watch.inside++;
    result = PyObject_Vectorcall(args[0], args + 1, (size_t)count - 1, names);
    watch.inside--;
    watch.caller = before;
    if (watch.inside == 0 && watch.reached) {
        watch.over = 1;
    }
    return result;
}

/* warn(object): what the library does with an object that was never awaited, without the library. */
static PyObject *
warn(PyObject *Py_UNUSED(module), PyObject *object)
{
    if (PyErr_ResourceWarning(object, 1, "%R was never awaited", object) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static struct sigaction before_crash;

/* Tells which C functions were under way, then leaves the crash to whoever was to have it before: faulthandler. */
static void
on_crash(int number)
{
    void *addresses[64];

    backtrace_symbols_fd(addresses, backtrace(addresses, 64), STDERR_FILENO);
    sigaction(number, &before_crash, NULL);
    raise(number);
}

static void
show_crashes(void)
{
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_NODEFER};
    void *address;

    /* The first use loads a library, which a crash is no time for. */
    backtrace(&address, 1);
    sigaction(SIGSEGV, &action, &before_crash);
}

static PyMethodDef methods[] = {
    {"begin", begin, METH_VARARGS,
     "begin(n, further): the n-th allocation inside call() fails, and with `further` those after it"},
    {"end", end, METH_NOARGS, "end(): whether there was an n-th allocation"},
    {"call", (PyCFunction)(void (*)(void))call, METH_FASTCALL | METH_KEYWORDS,
     "call(function, *args, **kwargs): what it allocates is counted, and may fail"},
    {"warn", warn, METH_O, "warn(object): PyErr_ResourceWarning"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "failing",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit_failing(void)
{
    show_crashes();
    return PyModule_Create(&definition);
}
