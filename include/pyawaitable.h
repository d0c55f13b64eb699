/* PyAwaitable: async functions for Python, written in C.

   A C extension cannot `await`. It can make an awaitable, queue on it what is to be awaited, with a callback for each value,
   and return it from a C function: Python awaits that like what an `async def` returns.

   An example: `async def twice(number): return 2 * await number`.

       #include <Python.h>
       #include <pyawaitable.h>

       // Called with what `await number` gave.
       static int on_number(PyObject *awaitable, PyObject *number)
       {
           PyObject *twice = PyNumber_Add(number, number);
           int status = twice == NULL ? -1 : PyAwaitable_SetResult(awaitable, twice);
           Py_XDECREF(twice);
           return status;
       }

       // twice(number), for a table of methods: a METH_O function.
       static PyObject *twice(PyObject *module, PyObject *number)
       {
           PyObject *awaitable = PyAwaitable_New();
           (void)module;
           if (awaitable != NULL && PyAwaitable_AddAwait(awaitable, number, on_number, NULL) < 0) {
               Py_CLEAR(awaitable);
           }
           return awaitable;
       }

   The words:

   awaitable        the object that PyAwaitable_New() makes
   step             what an event loop does with an awaitable: it sends a value, throws an exception, or closes it. Nothing of
                    an awaitable runs outside its steps
   body             what an awaitable runs: the awaits and callbacks that were queued on it, one after the other
   callback         the C author's function that gets the value of an await, and may queue more
   error callback   the one that gets the exception in its place
   saved value      what the C author keeps on an awaitable for the callbacks: an object, a pointer or an integer
   frame            what a body keeps from one step to the next: here, the saved values

   What holds for every function, beside what is said where it is declared:

   - The argument `awaitable` is borrowed. NULL in its place is a SystemError, an object that PyAwaitable_New() has not
     made a TypeError.
   - Where nothing has called PyAwaitable_Init(), the first use does, and fails as it would.
   - It may be called with an exception set. Success leaves that as it is, failure replaces it.
   - Threads may share an awaitable, with a GIL and without: each call is done whole, before or after another thread's. Of
     threads that step one at the same time, one does, and the others get a ValueError. Borrowed saved objects need care,
     since another thread's PyAwaitable_SetValue(), or its step that finishes the awaitable, releases them.
   - Undefined are: a call by a thread that is not attached to an interpreter, and an awaitable of another interpreter.

   Define before the header is included, where they are needed:

   PYAWAITABLE_TARGET_VERSION   0x03010000: what came after 3.1 is not declared, and the runtime has to be 3.1 or later. Without
                                it everything is declared and any 3.x will do; a function that the runtime is too old for
                                raises an ImportError that says what to install
   PYAWAITABLE_LINK             the extension links libpyawaitable; with PYAWAITABLE_STATIC too, the static one
   PYAWAITABLE_NO_BACKPORTS     no functions of newer Pythons for older ones */
#ifndef PYAWAITABLE_H
#define PYAWAITABLE_H

#include <Python.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

#include "pyawaitable/version.h"
#include "pyawaitable/config.h"

/* What an author calls. */
#include "pyawaitable/callbacks.h"
#include "pyawaitable/awaitable.h"
#include "pyawaitable/awaits.h"
#include "pyawaitable/objects.h"
#include "pyawaitable/pointers.h"
#include "pyawaitable/integers.h"

/* How it is reached. */
#include "pyawaitable/table.h"
#include "pyawaitable/find.h"
#include "pyawaitable/wrappers.h"
#include "pyawaitable/variadic.h"

/* What older sources call it. */
#include "pyawaitable/compat1.h"
#include "pyawaitable/backports.h"

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif /* PYAWAITABLE_H */
