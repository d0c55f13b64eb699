/* Allocations made inside one C call: counted, or made to fail. */
#include "rawapi.h"

/* What was there before, for the two domains that Python objects and their storage come from. */
static PyMemAllocatorEx memory_domain, object_domain;

static struct {
    int installed; /* between install() and uninstall() */
    int inside;    /* how many C calls are under way */
    Py_ssize_t made;
    Py_ssize_t failing; /* which one fails, counted from 0; -1: none */
} watch;

void
watch_allocations(int change)
{
    watch.inside += change;
}

static int
is_refused(void)
{
    if (!watch.inside) {
        return 0;
    }
    return watch.made++ == watch.failing;
}

static void *
watched_malloc(void *context, size_t size)
{
    PyMemAllocatorEx *domain = context;

    return is_refused() ? NULL : domain->malloc(domain->ctx, size);
}

static void *
watched_calloc(void *context, size_t count, size_t size)
{
    PyMemAllocatorEx *domain = context;

    return is_refused() ? NULL : domain->calloc(domain->ctx, count, size);
}

static void *
watched_realloc(void *context, void *block, size_t size)
{
    PyMemAllocatorEx *domain = context;

    return is_refused() ? NULL : domain->realloc(domain->ctx, block, size);
}

static void
watched_free(void *context, void *block)
{
    PyMemAllocatorEx *domain = context;

    domain->free(domain->ctx, block);
}

static void
install(PyMemAllocatorDomain domain, PyMemAllocatorEx *original)
{
    PyMemAllocatorEx watched = {original, watched_malloc, watched_calloc, watched_realloc, watched_free};

    PyMem_GetAllocator(domain, original);
    PyMem_SetAllocator(domain, &watched);
}

static PyObject *
call_watched(PyObject *args, Py_ssize_t failing, Py_ssize_t skip)
{
    PyObject *rest, *result;

    if (watch.installed) {
        PyErr_SetString(PyExc_RuntimeError, "allocations are already watched");
        return NULL;
    }
    if (PyTuple_GET_SIZE(args) <= skip) {
        PyErr_SetString(PyExc_TypeError, "no function to call");
        return NULL;
    }
    rest = PyTuple_GetSlice(args, skip + 1, PyTuple_GET_SIZE(args));
    if (rest == NULL) {
        return NULL;
    }
    watch.installed = 1;
    watch.made = 0;
    watch.failing = failing;
    install(PYMEM_DOMAIN_MEM, &memory_domain);
    install(PYMEM_DOMAIN_OBJ, &object_domain);
    result = PyObject_Call(PyTuple_GET_ITEM(args, skip), rest, NULL);
    PyMem_SetAllocator(PYMEM_DOMAIN_MEM, &memory_domain);
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &object_domain);
    watch.installed = 0;
    Py_DECREF(rest);
    return result;
}

/* count_allocations(function, *args): calls a function of this module, and counts what its C call allocates. */
PyObject *
count_allocations(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *result = call_watched(args, -1, 0);

    if (result == NULL) {
        return NULL;
    }
    Py_DECREF(result);
    return PyLong_FromSsize_t(watch.made);
}

/* with_failing_allocation(n, function, *args): calls a function of this module, the n-th allocation of its C call
 * failing. True if there was one, and the call succeeded all the same; False if it allocates less. */
PyObject *
with_failing_allocation(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *result;
    Py_ssize_t failing = -1;

    if (PyTuple_GET_SIZE(args) > 0) {
        failing = PyNumber_AsSsize_t(PyTuple_GET_ITEM(args, 0), NULL);
    }
    if (failing < 0) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "which allocation fails");
        }
        return NULL;
    }
    result = call_watched(args, failing, 1);
    if (result == NULL) {
        return NULL;
    }
    Py_DECREF(result);
    return PyBool_FromLong(watch.made > failing);
}
