/* PyAwaitable: async functions for Python, written in C.

   A C extension cannot `await`. Instead it returns an awaitable from a C function, and Python awaits that like the result of an
   `async def`. What the awaitable does is one C function, written straight down, or a queue of awaits, each with a callback for
   its value.

   An example: `async def twice(number): return 2 * await number`.

       #define PYAWAITABLE_KEYWORDS // HEAD, BODY, AWAIT: short names
       #include <Python.h>
       #include <pyawaitable.h>

       // What the body keeps while it waits: references, and after DATA anything else.
       typedef struct {
           HEAD
           PyObject *number;
           DATA
       } Twice;

       BODY(twice_body, Twice, f)
           AWAIT(number, Py_NewRef(f->number)); // replaces it by what it gave
           RETURN(PyNumber_Add(f->number, f->number));
       END_BODY

       static const PyAwaitable_Definition twice_definition = PyAwaitable_DEFINITION("twice", twice_body, Twice);

       // twice(number), for a table of methods: a METH_O function.
       static PyObject *twice(PyObject *module, PyObject *number)
       {
           Twice *f;
           PyObject *awaitable = PyAwaitable_NewBody(&twice_definition, &f);
           (void)module;
           if (awaitable != NULL) {
               f->number = Py_NewRef(number);
           }
           return awaitable;
       }

   The same by a callback:

       // Called with what `await number` gave.
       static int on_number(PyObject *awaitable, PyObject *number)
       {
           PyObject *twice = PyNumber_Add(number, number);
           int status = twice == NULL ? -1 : PyAwaitable_SetResult(awaitable, twice);
           Py_XDECREF(twice);
           return status;
       }

       static PyObject *twice_by_callback(PyObject *module, PyObject *number)
       {
           PyObject *awaitable = PyAwaitable_New();
           (void)module;
           if (awaitable != NULL && PyAwaitable_AddAwait(awaitable, number, on_number, NULL) < 0) {
               Py_CLEAR(awaitable);
           }
           return awaitable;
       }

   The words used here:

   awaitable        the object that PyAwaitable_New() and PyAwaitable_NewBody() make
   step             what an event loop does with an awaitable: it sends a value, throws an exception, or closes it. An awaitable
                    runs nothing outside its steps
   body             what an awaitable runs: a function that PyAwaitable_BODY() begins, which is left at an await and resumed
                    there; or the awaits and callbacks queued on the awaitable, in order
   definition       says which function is the body, and what its frame is like: PyAwaitable_DEFINITION()
   frame            what a body keeps between steps: a struct of the C author's; or else the saved values
   word             a macro that bodies are written with, such as PyAwaitable_AWAIT(): language.h has them all
   block            what TRY, ASYNC_WITH and ASYNC_FOR begin
   callback         the C author's function that receives the value of an await, and may queue more
   error callback   the function that receives the exception instead
   waker, promise   by which any thread, attached to an interpreter or not, gets an awaitable that waits going again
   saved value      what the C author stores on an awaitable for the callbacks: an object, a pointer or an integer

   The following applies to every function, in addition to the comment on its declaration:

   - The argument `awaitable` is borrowed. NULL is a SystemError; an object that is no awaitable of this library is a
     TypeError.
   - If nothing has called PyAwaitable_Init(), the first use does, and fails as it would.
   - It may be called with an exception set. Success leaves that exception alone; failure replaces it.
   - Threads may share an awaitable, with or without a GIL: each call is atomic. If several threads step one at the same time,
     one succeeds and the others get a ValueError. Take care with borrowed saved objects: another thread releases them if it
     calls PyAwaitable_SetValue(), or if its step finishes the awaitable.
   - Undefined behaviour: a call from a thread that is not attached to an interpreter, but of the few functions of detached.h,
     which say so; and using an awaitable that belongs to another interpreter.

   Define these before including the header, where needed:

   PYAWAITABLE_TARGET_VERSION   0x03010000: what was added after 3.1 is not declared, and the runtime has to be 3.1 or later.
                                Without it, everything is declared and any 3.x runtime will do; a function that the runtime
                                lacks raises an ImportError that says what to install
   PYAWAITABLE_LINK             the extension links libpyawaitable; with PYAWAITABLE_STATIC too, the static one
   PYAWAITABLE_KEYWORDS         define short names as well, such as METH_ASYNC and AWAIT
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
#include "pyawaitable/outside.h"
#include "pyawaitable/callbacks.h"
#include "pyawaitable/awaitable.h"
#include "pyawaitable/awaits.h"
#include "pyawaitable/objects.h"
#include "pyawaitable/pointers.h"
#include "pyawaitable/integers.h"
#include "pyawaitable/functions.h"
#include "pyawaitable/arguments.h"
#include "pyawaitable/bodies.h"
#include "pyawaitable/iteration.h"
#include "pyawaitable/wakers.h"
#include "pyawaitable/promises.h"
#include "pyawaitable/timers.h"
#include "pyawaitable/pool.h"
#include "pyawaitable/descriptors.h"

/* How the functions are reached. */
#include "pyawaitable/table.h"
#include "pyawaitable/find.h"
#include "pyawaitable/wrappers.h"
#include "pyawaitable/variadic.h"
#include "pyawaitable/detached.h"
#include "pyawaitable/language.h"

/* The names in older sources. */
#include "pyawaitable/compat1.h"
#include "pyawaitable/backports.h"

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif /* PYAWAITABLE_H */
