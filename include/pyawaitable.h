/* PyAwaitable: async functions for Python, written in C.

   A C extension cannot `await`. Instead it creates an awaitable, queues awaits on it, each with a callback for its value, and
   returns it from a C function. Python awaits it like the result of an `async def`.

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

   The words used here:

   awaitable        the object that PyAwaitable_New() makes
   step             what an event loop does with an awaitable: it sends a value, throws an exception, or closes it. An awaitable
                    runs nothing outside its steps
   body             what an awaitable runs: the awaits and callbacks queued on it, in order
   callback         the C author's function that receives the value of an await, and may queue more
   error callback   the function that receives the exception instead
   saved value      what the C author stores on an awaitable for the callbacks: an object, a pointer or an integer
   frame            what a body keeps between steps: here, the saved values

   The following applies to every function, in addition to the comment on its declaration:

   - The argument `awaitable` is borrowed. NULL is a SystemError; an object that was not created by PyAwaitable_New() is a
     TypeError.
   - If nothing has called PyAwaitable_Init(), the first use does, and fails as it would.
   - It may be called with an exception set. Success leaves that exception alone; failure replaces it.
   - Threads may share an awaitable, with or without a GIL: each call is atomic. If several threads step one at the same time,
     one succeeds and the others get a ValueError. Take care with borrowed saved objects: another thread releases them if it
     calls PyAwaitable_SetValue(), or if its step finishes the awaitable.
   - Undefined behaviour: a call from a thread that is not attached to an interpreter, and using an awaitable that belongs to
     another interpreter.

   Define these before including the header, where needed:

   PYAWAITABLE_TARGET_VERSION   0x03010000: what was added after 3.1 is not declared, and the runtime has to be 3.1 or later.
                                Without it, everything is declared and any 3.x runtime will do; a function that the runtime
                                lacks raises an ImportError that says what to install
   PYAWAITABLE_LINK             the extension links libpyawaitable; with PYAWAITABLE_STATIC too, the static one
   PYAWAITABLE_KEYWORDS         define short names as well, such as METH_ASYNC
   PYAWAITABLE_NO_BACKPORTS     do not define newer CPython functions for older versions */
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

/* What extension authors call. */
#include "pyawaitable/frames.h"
#include "pyawaitable/callbacks.h"
#include "pyawaitable/awaitable.h"
#include "pyawaitable/awaits.h"
#include "pyawaitable/objects.h"
#include "pyawaitable/pointers.h"
#include "pyawaitable/integers.h"
#include "pyawaitable/functions.h"
#include "pyawaitable/arguments.h"
#include "pyawaitable/bodies.h"

/* How the functions are reached. */
#include "pyawaitable/table.h"
#include "pyawaitable/find.h"
#include "pyawaitable/wrappers.h"
#include "pyawaitable/variadic.h"
#include "pyawaitable/language.h"

/* The names in older sources. */
#include "pyawaitable/compat1.h"
#include "pyawaitable/backports.h"

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif /* PYAWAITABLE_H */
