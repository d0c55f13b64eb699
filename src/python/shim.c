/* What only C can express: these structures are public in CPython's headers, but their layout changes with every version. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* pthread_getattr_np(), dladdr() */
#endif
#ifndef NDEBUG
#define NDEBUG /* an inline function of CPython's headers would abort */
#endif
#include <Python.h>
#include <frameobject.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#include <pthread.h>
#include <time.h>
#endif

#if PY_VERSION_HEX >= 0x030B0000
_Static_assert(sizeof(_PyErr_StackItem) <= 4 * sizeof(void *), "ffi.rs reserves four words");
#endif

/* What sys.set_asyncgen_hooks() has set for this thread: borrowed, or NULL. */
void pyawaitable_shim_generator_hooks(PyObject **first, PyObject **finalizer);

void
pyawaitable_shim_generator_hooks(PyObject **first, PyObject **finalizer)
{
    const PyThreadState *thread = PyThreadState_Get();
    *first = thread->async_gen_firstiter;
    *finalizer = thread->async_gen_finalizer;
}

/* Fails with ImportError in another version of Python than this was built for: linked with the wrong libpyawaitable. */
int pyawaitable_shim_check_version(void);

#define TEXT_OF(number) #number
#define NUMBER(macro) TEXT_OF(macro)
/* Volatile, so that a test can replace the version. */
static const volatile char built_for[] = "built for CPython " NUMBER(PY_MAJOR_VERSION) "." NUMBER(PY_MINOR_VERSION) ".";

int
pyawaitable_shim_check_version(void)
{
    const char *version = Py_GetVersion();
    const size_t before = sizeof("built for CPython ") - 1;
    size_t i = 0;
    while (before + i < sizeof(built_for) - 1 && version[i] == built_for[before + i]) {
        i++;
    }
#ifdef Py_GIL_DISABLED
    const int same_threads = strstr(version, "free-threading") != NULL;
    const char *kind = " (free-threaded)";
#else
    const int same_threads = strstr(version, "free-threading") == NULL;
    const char *kind = "";
#endif
    if (before + i == sizeof(built_for) - 1 && same_threads) {
        return 0;
    }
    PyErr_Format(PyExc_ImportError, "this copy of PyAwaitable was built for Python %d.%d%s, and this is Python %.*s",
                 PY_MAJOR_VERSION, PY_MINOR_VERSION, kind, (int)strcspn(version, " "), version);
    return -1;
}

/* Whether the interpreter may have become unable to create a type: 3.9 crashes if it does so at the end of Python. */
int pyawaitable_shim_is_too_late(void);

int
pyawaitable_shim_is_too_late(void)
{
#if PY_VERSION_HEX < 0x030A0000
    return _Py_IsFinalizing();
#else
    return 0;
#endif
}

/* Where a thread's state has the exception that is set, and how many levels of recursion are left. */
#if PY_VERSION_HEX >= 0x030C0000
#define EXCEPTION current_exception
#else
#define EXCEPTION curexc_type
#endif
extern const size_t pyawaitable_shim_exception_offset;
const size_t pyawaitable_shim_exception_offset = offsetof(PyThreadState, EXCEPTION);

/* Where it has its interpreter, and how many frames a new coroutine should record. */
extern const size_t pyawaitable_shim_interpreter_offset;
const size_t pyawaitable_shim_interpreter_offset = offsetof(PyThreadState, interp);
extern const size_t pyawaitable_shim_origin_depth_offset;
const size_t pyawaitable_shim_origin_depth_offset = offsetof(PyThreadState, coroutine_origin_tracking_depth);
_Static_assert(sizeof(((PyThreadState *)NULL)->coroutine_origin_tracking_depth) == sizeof(int),
               "thread.rs takes it for an int");

/* The counter that Py_EnterRecursiveCall() counts down; before 3.11 and from 3.14 on, only a function can tell. */
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030E0000
#if PY_VERSION_HEX >= 0x030C0000
#define REMAINING c_recursion_remaining
#else
#define REMAINING recursion_remaining
#endif
extern const size_t pyawaitable_shim_remaining_offset;
const size_t pyawaitable_shim_remaining_offset = offsetof(PyThreadState, REMAINING);
_Static_assert(sizeof(((PyThreadState *)NULL)->REMAINING) == sizeof(int), "thread.rs takes it for an int");
#endif

/* Where a native coroutine says how far it is, and what it says before its first step. From 3.14 on, it says so to nobody. */
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030E0000
extern const size_t pyawaitable_shim_frame_state_offset;
const size_t pyawaitable_shim_frame_state_offset = offsetof(PyCoroObject, cr_frame_state);
_Static_assert(sizeof(((PyCoroObject *)NULL)->cr_frame_state) == 1, "inner takes it for a signed byte");
#endif

/* Addresses from `low` up to `high`; none where both are 0. */
struct stack_part {
    uintptr_t low;
    uintptr_t high;
};

/* The half of this thread's stack that is used last; nothing if the system does not say where it is. */
struct stack_part pyawaitable_shim_lower_half_of_stack(void);

struct stack_part
pyawaitable_shim_lower_half_of_stack(void)
{
    struct stack_part half = {0, 0};
    uintptr_t size = 0;
#if defined(_WIN32)
    ULONG_PTR low, high;
    GetCurrentThreadStackLimits(&low, &high);
    half.low = low;
    size = high - low;
#elif defined(__APPLE__)
    size = pthread_get_stacksize_np(pthread_self());
    half.low = (uintptr_t)pthread_get_stackaddr_np(pthread_self()) - size;
#elif defined(__linux__)
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *low = NULL;
        size_t bytes = 0;
        if (pthread_attr_getstack(&attributes, &low, &bytes) == 0) {
            half.low = (uintptr_t)low;
            size = bytes;
        }
        (void)pthread_attr_destroy(&attributes);
    }
#endif
    half.high = half.low + size / 2;
    return half;
}

/* Whether this thread's stack is used up down to `lower_half`, or three quarters of the recursion limit are. A stack elsewhere
   cannot be measured. Greenlets take their place on the stack and their count of levels with them. */
int pyawaitable_shim_is_deep(struct stack_part lower_half);

int
pyawaitable_shim_is_deep(struct stack_part lower_half)
{
    const char here = 0;
    const PyThreadState *tstate = PyThreadState_Get();
    if ((uintptr_t)&here - lower_half.low < lower_half.high - lower_half.low) {
        return 1;
    }
#if PY_VERSION_HEX >= 0x030C0000
#if PY_VERSION_HEX < 0x030E0000
    /* C code has its own limit: 10,000 levels or, in debug builds, 500. */
    if (tstate->c_recursion_remaining < 200) {
        return 1;
    }
#endif
    return tstate->py_recursion_remaining < tstate->py_recursion_limit / 4;
#elif PY_VERSION_HEX >= 0x030B0000
    return tstate->recursion_remaining < tstate->recursion_limit / 4;
#else
    const int limit = Py_GetRecursionLimit();
    return limit - tstate->recursion_depth < limit / 4;
#endif
}

/* Writes where a function is, at most `size` bytes: its file and the offset in that, as addr2line takes it, or its address if
   that is not known. */
void pyawaitable_shim_place_of(const void *function, char *place, size_t size);

void
pyawaitable_shim_place_of(const void *function, char *place, size_t size)
{
#ifndef _WIN32
    Dl_info found;
    if (dladdr(function, &found) != 0 && found.dli_fname != NULL) {
        const char *file = strrchr(found.dli_fname, '/');
        PyOS_snprintf(place, size, "%.100s+0x%zx", file == NULL ? found.dli_fname : file + 1,
                      (size_t)((const char *)function - (const char *)found.dli_fbase));
        return;
    }
#endif
    PyOS_snprintf(place, size, "%p", function);
}

/* Lets another waiting thread run; in C, since pyo3-ffi puts a guard that may panic around it. `last` is the time of the last
   turn, on this file's own clock, and zero at first.

   A thread that waits for the GIL requests it after the switch interval, and a requested GIL is handed over. But each earlier
   release wakes the waiting thread, mostly too late to get the GIL, and its interval starts again. So no release comes within
   two intervals of the last: by then, a thread waiting in the same interpreter has requested it. */
void pyawaitable_shim_let_threads_run(uint64_t *last);

#ifdef Py_GIL_DISABLED
void
pyawaitable_shim_let_threads_run(uint64_t *last)
{
    (void)last;
    Py_BEGIN_ALLOW_THREADS;
    Py_END_ALLOW_THREADS;
}
#else
static uint64_t
microseconds(void)
{
#ifdef _WIN32
    return GetTickCount64() * 1000;
#else
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
#endif
}

/* What sys.getswitchinterval() returns, in seconds. CPython's default if something else has replaced it, which might be Python
   code. */
static double
switch_interval(void)
{
    double seconds = -1;
    PyObject *function = PySys_GetObject("getswitchinterval");
    if (function != NULL && PyCFunction_Check(function)) {
        Py_INCREF(function);
        PyObject *interval = PyObject_CallFunctionObjArgs(function, NULL);
        Py_DECREF(function);
        if (interval != NULL) {
            seconds = PyFloat_AsDouble(interval);
            Py_DECREF(interval);
        }
        PyErr_Clear();
    }
    return seconds >= 0 ? seconds : 0.005;
}

void
pyawaitable_shim_let_threads_run(uint64_t *last)
{
    /* A sleeping thread wakes late, since the system rounds its time up. */
    const uint64_t least = 1000;
    const uint64_t passed = microseconds() - *last;
    if (passed < least || (double)passed < 2e6 * switch_interval()) {
        return;
    }
    Py_BEGIN_ALLOW_THREADS;
    Py_END_ALLOW_THREADS;
    *last = microseconds();
}
#endif

void pyawaitable_shim_push_handled(_PyErr_StackItem *item, PyObject *exception);
void pyawaitable_shim_pop_handled(_PyErr_StackItem *item);
int pyawaitable_shim_is_marked_generator(PyObject *object);

/* From here to the pop, `exception` is what an except block would see: a native coroutine does the same for its own frame, so
   that the caller's own handled exception is not lost or moved. `item` lives on the caller's stack. */
void
pyawaitable_shim_push_handled(_PyErr_StackItem *item, PyObject *exception)
{
    PyThreadState *tstate = PyThreadState_Get();
    Py_INCREF(exception);
    item->exc_value = exception;
#if PY_VERSION_HEX < 0x030B0000
    item->exc_type = (PyObject *)Py_TYPE(exception);
    Py_INCREF(item->exc_type);
    item->exc_traceback = PyException_GetTraceback(exception);
#endif
    item->previous_item = tstate->exc_info;
    tstate->exc_info = item;
}

void
pyawaitable_shim_pop_handled(_PyErr_StackItem *item)
{
    PyThreadState *tstate = PyThreadState_Get();
    tstate->exc_info = item->previous_item;
#if PY_VERSION_HEX < 0x030B0000
    Py_XDECREF(item->exc_type);
    Py_XDECREF(item->exc_traceback);
#endif
    Py_XDECREF(item->exc_value);
}

#if PY_VERSION_HEX < 0x030B0000
PyObject *pyawaitable_shim_vectorcall(PyObject *callable, PyObject *const *arguments, size_t count, PyObject *keywords);

/* PyObject_Vectorcall(), which is an inline function here. */
PyObject *
pyawaitable_shim_vectorcall(PyObject *callable, PyObject *const *arguments, size_t count, PyObject *keywords)
{
    return PyObject_Vectorcall(callable, arguments, count, keywords);
}
#endif

PyObject *pyawaitable_shim_new_frame(PyObject *code, int line, PyObject *globals);

/* A frame in a line of a C function, which no code runs in. It leads to no other, as that of a generator that is suspended. */
PyObject *
pyawaitable_shim_new_frame(PyObject *code, int line, PyObject *globals)
{
    PyFrameObject *frame = PyFrame_New(PyThreadState_Get(), (PyCodeObject *)code, globals, NULL);
#if PY_VERSION_HEX < 0x030B0000
    if (frame != NULL) {
        frame->f_lineno = line;
        Py_CLEAR(frame->f_back);
    }
#else
    (void)line;
#endif
    return (PyObject *)frame;
}

/* Whether `object` is a generator marked with types.coroutine. Sets no exception. */
int
pyawaitable_shim_is_marked_generator(PyObject *object)
{
    if (!PyGen_CheckExact(object)) {
        return 0;
    }
#if PY_VERSION_HEX >= 0x030C0000
    PyCodeObject *code = PyGen_GetCode((PyGenObject *)object);
    int flags = code->co_flags;
    Py_DECREF(code);
    return (flags & CO_ITERABLE_COROUTINE) != 0;
#else
    /* A PyObject * until 3.10. */
    PyCodeObject *code = (PyCodeObject *)((PyGenObject *)object)->gi_code;
    return code != NULL && (code->co_flags & CO_ITERABLE_COROUTINE) != 0;
#endif
}
