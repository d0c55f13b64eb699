/* What a translated function begins with: tests/translated/translate.py writes the rest. */
#ifdef __TINYC__
/* A hundred times as fast as gcc, for many programs; it has none of these. */
#define _Thread_local
#define __ATOMIC_ACQUIRE 2
#define __ATOMIC_RELEASE 3
#define __atomic_load_n(place, order) (*(place))
#define __atomic_store_n(place, value, order) (*(place) = (value))
#endif
#define PYAWAITABLE_KEYWORDS
#include <Python.h>
#include <pyawaitable.h>

/* The code objects of the function, its variables, a class to be caught; iterators of `for`; intermediate values. */
#define FRAME(Name, iterators, values, flags)                                                                          \
    typedef struct {                                                                                                   \
        HEAD PyObject *codes, *variables, *kind, *iterator[iterators], *value[values];                                 \
        DATA int truth;                                                                                                \
        unsigned char flag[flags];                                                                                     \
    } Name;

typedef struct {
    HEAD PyObject *codes, *variables;
    DATA
} Beginning;

/* The intermediate values of the body that evaluates something: take() is called from there. */
static _Thread_local PyObject **values;

static PyObject *
evaluate(PyObject *codes, int index, PyObject *variables, PyObject **own)
{
    PyObject **before = values, *result;
    values = own;
    result = PyEval_EvalCode(PyTuple_GET_ITEM(codes, index), variables, variables);
    values = before;
    if (result == NULL && !PyErr_Occurred()) {
        /* Some interpreters lose what is raised where there is no memory for a frame. */
        PyErr_NoMemory();
    }
    return result;
}

#define EVALUATE(index) evaluate(f->codes, index, f->variables, f->value)

static inline int
done(PyObject *result)
{
    Py_XDECREF(result);
    return result != NULL;
}

/* A statement. */
#define DO(index) CHECK(done(EVALUATE(index)))

static inline void
set(PyObject **place, PyObject *object)
{
    PyObject *old = *place;
    *place = object;
    Py_XDECREF(old);
}

#define KEEP(place, object)                                                                                            \
    set(&f->place, object);                                                                                            \
    CHECK(f->place != NULL)

#define TEST(object)                                                                                                   \
    f->truth = truth(object);                                                                                          \
    CHECK(f->truth >= 0)

static inline int
truth(PyObject *object)
{
    int result = object == NULL ? -1 : PyObject_IsTrue(object);
    Py_XDECREF(object);
    return result;
}

/* What is left of an expression that has failed. */
#define FORGET(array) forget(f->array, (int)(sizeof(f->array) / sizeof(f->array[0])))

static inline void
forget(PyObject **array, int count)
{
    for (int i = 0; i < count; i++) {
        Py_CLEAR(array[i]);
    }
}

/* Whether an `except` may name it. */
static inline int
can_be_caught(PyObject *kind)
{
    int good = PyTuple_Check(kind) || PyExceptionClass_Check(kind);
    for (Py_ssize_t i = 0; good && PyTuple_Check(kind) && i < PyTuple_GET_SIZE(kind); i++) {
        good = PyExceptionClass_Check(PyTuple_GET_ITEM(kind, i));
    }
    if (!good) {
        PyErr_SetString(PyExc_TypeError, "catching classes that do not inherit from BaseException is not allowed");
    }
    return good;
}

static PyObject *
instance(PyObject *object, const char *otherwise)
{
    PyObject *made = Py_NewRef(object);
    if (PyExceptionClass_Check(object)) {
        Py_SETREF(made, PyObject_CallObject(object, NULL));
    }
    if (made != NULL && !PyExceptionInstance_Check(made)) {
        PyErr_SetString(PyExc_TypeError, otherwise);
        Py_CLEAR(made);
    }
    return made;
}

/* `raise exception from cause`; without a cause, NULL. */
static inline void
raise_object(PyObject *exception, PyObject *cause)
{
    PyObject *made = instance(exception, "exceptions must derive from BaseException");
    if (made != NULL && cause != NULL) {
        PyObject *from = cause == Py_None ? NULL : instance(cause, "exception causes must derive from BaseException");
        if (from == NULL && cause != Py_None) {
            Py_CLEAR(made);
        }
        else {
            PyException_SetCause(made, from);
        }
    }
    if (made != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(made), made);
        Py_DECREF(made);
    }
}
