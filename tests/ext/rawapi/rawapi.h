/* rawapi: the C API, one to one, for tests written in Python.
 *
 * Every function of pyawaitable.h has a function here, named after it in lower case: PyAwaitable_AddAwait is
 * `rawapi.add_await(aw, obj, cb, err)`. Nothing is checked on the way, so that the library sees what the test passes;
 * `rawapi.NULL` stands for a NULL pointer wherever the C function takes one.
 *
 * What the C function returns
 *   0 becomes None, and -1 or NULL raises the exception that is set. What the API never promises raises too: another
 *   number, or success with an exception set, is a SystemError; failure without an exception is `rawapi.NoException`.
 *
 * Callbacks
 *   A callback argument is None or `rawapi.NULL` (a NULL pointer), a `rawapi.Callback`, or any Python callable. It is
 *   called as `cb(awaitable, result)`, `err(awaitable, exception)` or `defer(awaitable)`, and what it does says what
 *   the C function returns:
 *     - an int is the return code, with no exception set; None is 0;
 *     - raising an exception is -1 with that exception set;
 *     - `(code, exc)` is the code with `exc` set by PyErr_SetObject, as C code does it; `exc` None sets nothing;
 *     - `(code, exc, True)` is the same by PyErr_Restore: no `__context__` is added, the traceback stays.
 *
 * Slots
 *   A C function pointer carries no data, so a callable borrows one of SLOT_COUNT compiled functions: a slot. A
 *   `Callback(callable)` owns a slot and gives it back when it dies; it has to outlive every await that it was passed
 *   to. A plain callable gets a Callback of its own, kept by the module (one for each callable, however often it is
 *   passed) until `rawapi.reset()`. Call that when no awaitable with such callbacks is left. A function pointer whose
 *   slot was given back raises RuntimeError and returns -2.
 *
 * Around a call
 *   `with_exception_set(function, *args)`, `count_allocations(function, *args)` and `with_failing_allocation(n,
 *   function, *args)` call a function of this module, and do what their names say to the C call inside it. One thread
 *   at a time; everything else may be called by several.
 */
#ifndef RAWAPI_H
#define RAWAPI_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pyawaitable.h>

typedef struct {
    PyObject *null;         /* rawapi.NULL */
    PyObject *no_exception; /* rawapi.NoException: failure, and nothing set */
    PyObject *pending;      /* rawapi.Pending: what with_exception_set() sets */
    PyObject *interned;     /* id(callable) -> the Callback made for it */
    PyTypeObject *callback_type;
    PyObject *armed; /* the exception that the next API call runs with, or NULL */
    int untouched;   /* whether that call left it as it was */
} State;

State *state_of(PyObject *module);

/* The argument itself, or NULL for rawapi.NULL. Borrowed. */
PyObject *object_argument(State *state, PyObject *argument);

/* One call of the API: begin_call() sets the exception that with_exception_set() asked for, the finish_...() functions
 * look at it and turn what the C function returned into what Python gets. */
typedef struct {
    State *state;
    PyObject *armed;
    PyObject *context;
} Call;

Call begin_call(State *state);
PyObject *finish_int(Call *call, int code);
PyObject *finish_void(Call *call);
PyObject *finish_new(Call *call, PyObject *result);
PyObject *finish_borrowed(Call *call, PyObject *result);
PyObject *finish_pointer(Call *call, void *result);
PyObject *finish_long(Call *call, long result);
/* For calls that wrote results elsewhere: 0 or -1, as the C function. */
int finish_status(Call *call, int code);
PyObject *with_exception_set(PyObject *module, PyObject *args, PyObject *kwargs);

/* 1 at the beginning of a C call, -1 at its end: what is allocated between them is watched. */
void watch_allocations(int change);
PyObject *count_allocations(PyObject *module, PyObject *args);
PyObject *with_failing_allocation(PyObject *module, PyObject *args);

/* Function pointers for a callback argument: 0, or -1 with an exception set. */
int callback_argument(State *state, PyObject *argument, PyAwaitable_Callback *result);
int defer_argument(State *state, PyObject *argument, PyAwaitable_Defer *result);
PyObject *slots_in_use(PyObject *module, PyObject *unused);
PyObject *reset_slots(PyObject *module, PyObject *unused);
extern PyType_Spec callback_spec;

extern PyMethodDef await_methods[];
extern PyMethodDef value_methods[];
extern PyMethodDef step_methods[];
extern PyMethodDef function_methods[];

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

#endif
