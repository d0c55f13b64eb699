/* The table of PyAwaitable 1.x, for extensions compiled against it. Its functions with a variable number of arguments are those
   of the header, which only C can define. */
#define PYAWAITABLE_LINK
#define PYAWAITABLE_STATIC
#include <Python.h>
#include "../../include/pyawaitable.h"
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif
/* Here the name is that of the table's field. */
#undef PyAwaitableType

PyAwaitableABI *pyawaitable_shim_v1(PyTypeObject *type);
void pyawaitable_shim_v1_forget(PyTypeObject *type);

/* One for the process: a 1.x extension keeps the pointer in its own variable, beyond the end of the interpreter that it got it
   from. The functions find the interpreter that calls them. The type is the main interpreter's or, until that has one, that of
   the first interpreter that has one. */
static PyAwaitableABI table = PYAWAITABLE__ABI;

/* Replaces `from` with `to`, if `from` is still there. */
static void
exchange_type(PyTypeObject *from, PyTypeObject *to)
{
#if defined(_MSC_VER) && !defined(__clang__)
    _InterlockedCompareExchangePointer((void *volatile *)&table.PyAwaitableType, to, from);
#else
    __atomic_compare_exchange_n(&table.PyAwaitableType, &from, to, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
#endif
}

PyAwaitableABI *
pyawaitable_shim_v1(PyTypeObject *type)
{
    exchange_type(PyInterpreterState_Get() == PyInterpreterState_Main() ? table.PyAwaitableType : NULL, type);
    return &table;
}

/* The interpreter that owns `type` is ending. */
void
pyawaitable_shim_v1_forget(PyTypeObject *type)
{
    exchange_type(type, NULL);
}
