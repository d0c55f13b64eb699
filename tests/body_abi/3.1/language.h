/* The language that bodies are written in. Written by hand.

   A body is one function that is left and resumed: a `switch` over labels, which are made of line numbers. A constant for each
   block says where its handler is, so the compiler knows where an exception goes. What a block holds is the library's: leaving
   one by an exception, RETURN, BREAK or CONTINUE returns to the library, which comes back at the handler. */
#ifndef PYAWAITABLE_LANGUAGE_H
#define PYAWAITABLE_LANGUAGE_H

/* What a body wants done. src/body/function/outcome.rs has the same. */
enum {
    PYAWAITABLE__AWAIT = 1,   /* await the value */
    PYAWAITABLE__SUSPEND = 2, /* yield the value to the event loop */
    PYAWAITABLE__YIELD = 3,   /* yield the value to who iterates */
    PYAWAITABLE__PARK = 4,    /* wait until woken */
    PYAWAITABLE__END = 5,     /* return None */
    PYAWAITABLE__RETURN = 6,  /* return the value */
    PYAWAITABLE__RAISE = 7,   /* raise the exception that is set */
    PYAWAITABLE__RERAISE = 8, /* raise the exception that the block handles */
    PYAWAITABLE__ENTER = 9,   /* begin a TRY */
    PYAWAITABLE__LEAVE = 10,  /* end a block, and do what is pending in it */
    PYAWAITABLE__JUMP = 11,   /* leave blocks by BREAK or CONTINUE */
    PYAWAITABLE__AENTER = 12, /* begin an ASYNC_WITH: await __aenter__ */
    PYAWAITABLE__AEXIT = 13,  /* await __aexit__ */
    PYAWAITABLE__EXITED = 14, /* __aexit__ has returned the value while something is pending */
    PYAWAITABLE__AITER = 15,  /* begin an ASYNC_FOR */
    PYAWAITABLE__ANEXT = 16,  /* await the next item */
    PYAWAITABLE__DROP = 17,   /* an ASYNC_FOR has been left by `break` */
    PYAWAITABLE__LOST = 18,   /* resumed at a label that the body does not have */
    PYAWAITABLE__STRAY = 19   /* a `break` or `continue` outside of any loop */
};

/* How a label is reached. */
enum {
    PYAWAITABLE__OK = 0,
    PYAWAITABLE__EXHAUSTED = 2, /* there is no next item */
    PYAWAITABLE__BREAK = 3,
    PYAWAITABLE__CONTINUE = 4
};

/* The state of a block. */
enum {
    PYAWAITABLE__CLEAN = 0,     /* not begun, or ended */
    PYAWAITABLE__OPEN = 1,      /* inside */
    PYAWAITABLE__NORMAL = 2,    /* at its end, with nothing pending */
    PYAWAITABLE__RAISING = 3,   /* an exception is handled, and raised again at the end */
    PYAWAITABLE__CAUGHT = 4,    /* an exception is handled */
    PYAWAITABLE__RETURNING = 5, /* a value is pending */
    PYAWAITABLE__BREAKING = 6,
    PYAWAITABLE__CONTINUING = 7,
    PYAWAITABLE__ITERATING = 8, /* an ASYNC_FOR */
    PYAWAITABLE__ADVANCING = 9  /* an ASYNC_FOR that awaits the next item */
};

PYAWAITABLE_INLINE PyAwaitable_Outcome
PyAwaitable__outcome(int action, int label)
{
    PyAwaitable_Outcome outcome;
    outcome.PyAwaitable__action = action;
    outcome.PyAwaitable__label = label;
    return outcome;
}

/* Whether the exception that a block handles is of `type`; then it counts as caught. */
PYAWAITABLE_INLINE int
PyAwaitable__caught(PyAwaitable_Block *block, PyObject *type)
{
    if (PyErr_GivenExceptionMatches(block->PyAwaitable__pending, type)) {
        block->PyAwaitable__state = PYAWAITABLE__CAUGHT;
        return 1;
    }
    return 0;
}

/* Eight labels for each line. */
#define PYAWAITABLE__AT(n) (__LINE__ * 8 + (n))
#define PYAWAITABLE__BLOCK PyAwaitable__h->PyAwaitable__blocks[PyAwaitable__slot]

/* An action in this place: what it is, how many blocks this is inside, the block that has the handler, and a block of its own. */
#define PYAWAITABLE__ACTION(action, own)                                                                               \
    ((action) | PyAwaitable__level << 8 | (PyAwaitable__handler_slot + 1) << 16 | (own) << 24)

/* Returns to the library, which goes on at the handler, if there is one. */
#define PYAWAITABLE__GIVE_UP(action, own)                                                                              \
    return PyAwaitable__outcome(PYAWAITABLE__ACTION(action, own), PyAwaitable__handler)

/* Returns to the library, which goes on here. */
#define PYAWAITABLE__CALL(action, own, n)                                                                              \
    PyAwaitable__h->PyAwaitable__label = PYAWAITABLE__AT(n);                                                           \
    PYAWAITABLE__GIVE_UP(action, own);                                                                                 \
    case PYAWAITABLE__AT(n):;

/* Moves what came into a reference of the frame. */
#define PYAWAITABLE__KEEP(field)                                                                                       \
    {                                                                                                                  \
        PyObject **const PyAwaitable__place = &PyAwaitable__f->field;                                                  \
        PyObject *const PyAwaitable__old = *PyAwaitable__place;                                                        \
        (void)sizeof(                                                                                                  \
            char[offsetof(PyAwaitable__Frame, field) < offsetof(PyAwaitable__Frame, PyAwaitable__data) ? 1 : -1]);     \
        *PyAwaitable__place = PyAwaitable__h->PyAwaitable__value;                                                      \
        PyAwaitable__h->PyAwaitable__value = NULL;                                                                     \
        Py_XDECREF(PyAwaitable__old);                                                                                  \
    }

#define PYAWAITABLE__SUSPENDED(action, expression)                                                                     \
    PyAwaitable__h->PyAwaitable__value = (expression);                                                                 \
    PYAWAITABLE__CALL(action, 0, 0)

/* ---- The words ----

   Each has a short name, without PyAwaitable_, where PYAWAITABLE_KEYWORDS is defined. An `expression` is a new reference, which
   is taken over; where it is NULL, the exception that is set is raised. A `field` is the name of a reference in the frame. Its
   old value is released once the new one is in place.

   BODY(name, Frame, f) ... END_BODY    a function `name` with the frame `f`; at its end, None is returned
   SELF                                 the awaitable, borrowed
   AWAIT(field, expression)             awaits it, and keeps its value
   AWAIT_ONLY(expression)               awaits it
   RETURN(expression)                   returns it
   RAISE                                raises the exception that is set
   CHECK(condition)                     RAISE, unless the condition holds
   TRY ... EXCEPT ... END_TRY           an exception in the first part leads to the second; if not caught, it is raised again
     CAUGHT(type)                       whether it is of this type, or of one in a tuple; then it is caught
     EXCEPTION                          the exception, borrowed
     RERAISE                            raises it again
   TRY ... FINALLY ... END_TRY          the second part runs on every way out of the first; what is pending then goes on
   ASYNC_WITH(field, expression)        enters an asynchronous context manager, up to END_WITH
   ASYNC_FOR(field, expression)         iterates over an asynchronous iterable, up to END_FOR
   LOOP                                 the first thing in a loop of C that BREAK and CONTINUE leave
   BREAK, CONTINUE                      `break` and `continue` out of any TRY and ASYNC_WITH in the loop
   YIELD(field, expression)             yields an item of a generator, and keeps what is sent by asend()
   YIELD_ONLY(expression)               yields an item of a generator
   PARK                                 waits until one of its wakers is woken, or was since it parked last
   WAKER                                a new waker, or NULL: PyAwaitable_NewWaker(SELF)
   SUSPEND(field, expression)           yields it to the event loop, and keeps what is sent: for authors of primitives

   Each AWAIT, TRY and so on needs a line of its own. Locals do not live across an AWAIT, a PARK, a YIELD, a SUSPEND, or the
   beginning or end of a block. A `switch` around any of these, and `break`, `continue` or `goto` out of a block, are a SystemError. */

#define PyAwaitable_BODY(name, Frame, f)                                                                               \
    static PyAwaitable_Outcome name(PyObject *PyAwaitable__self, void *PyAwaitable__frame)                             \
    {                                                                                                                  \
        typedef Frame PyAwaitable__Frame;                                                                              \
        PyAwaitable__Frame *const PyAwaitable__f = (PyAwaitable__Frame *)PyAwaitable__frame;                           \
        Frame *const f = PyAwaitable__f;                                                                               \
        PyAwaitable_Head *const PyAwaitable__h = (PyAwaitable_Head *)PyAwaitable__frame;                               \
        enum {                                                                                                         \
            PyAwaitable__level = 0,                                                                                    \
            PyAwaitable__handler = 0,                                                                                  \
            PyAwaitable__handler_slot = -1,                                                                            \
            PyAwaitable__loop = 255                                                                                    \
        };                                                                                                             \
        (void)sizeof(char[offsetof(PyAwaitable__Frame, PyAwaitable__head) == 0 ? 1 : -1]);                             \
        (void)PyAwaitable__self;                                                                                       \
        (void)f;                                                                                                       \
        for (;; PyAwaitable__h->PyAwaitable__label = ~PyAwaitable__h->PyAwaitable__label) {                            \
            switch (PyAwaitable__h->PyAwaitable__label) {                                                              \
            default:                                                                                                   \
                PYAWAITABLE__GIVE_UP(PYAWAITABLE__LOST, 0);                                                            \
            case 0:;

#define PyAwaitable_END_BODY                                                                                           \
                PyAwaitable__h->PyAwaitable__label = PYAWAITABLE__AT(0);                                               \
                PYAWAITABLE__GIVE_UP(PYAWAITABLE__END, 0);                                                             \
            }                                                                                                          \
            PYAWAITABLE__GIVE_UP(PYAWAITABLE__STRAY, 0);                                                               \
        }                                                                                                              \
    }

#define PyAwaitable_SELF PyAwaitable__self

#define PyAwaitable_AWAIT(field, expression)                                                                           \
    do {                                                                                                               \
        PYAWAITABLE__SUSPENDED(PYAWAITABLE__AWAIT, expression)                                                         \
        PYAWAITABLE__KEEP(field)                                                                                       \
    } while (0)

#define PyAwaitable_AWAIT_ONLY(expression)                                                                             \
    do {                                                                                                               \
        PYAWAITABLE__SUSPENDED(PYAWAITABLE__AWAIT, expression)                                                         \
        Py_CLEAR(PyAwaitable__h->PyAwaitable__value);                                                                  \
    } while (0)

#define PyAwaitable_SUSPEND(field, value)                                                                              \
    do {                                                                                                               \
        PYAWAITABLE__SUSPENDED(PYAWAITABLE__SUSPEND, value)                                                            \
        PYAWAITABLE__KEEP(field)                                                                                       \
    } while (0)

#define PyAwaitable_PARK                                                                                               \
    do {                                                                                                               \
        PYAWAITABLE__CALL(PYAWAITABLE__PARK, 0, 0)                                                                     \
        Py_CLEAR(PyAwaitable__h->PyAwaitable__value);                                                                  \
    } while (0)

#define PyAwaitable_WAKER PyAwaitable_NewWaker(PyAwaitable__self)

#define PyAwaitable_YIELD(field, value)                                                                                \
    do {                                                                                                               \
        PYAWAITABLE__SUSPENDED(PYAWAITABLE__YIELD, value)                                                              \
        PYAWAITABLE__KEEP(field)                                                                                       \
    } while (0)

#define PyAwaitable_YIELD_ONLY(value)                                                                                  \
    do {                                                                                                               \
        PYAWAITABLE__SUSPENDED(PYAWAITABLE__YIELD, value)                                                              \
        Py_CLEAR(PyAwaitable__h->PyAwaitable__value);                                                                  \
    } while (0)

#define PyAwaitable_RETURN(value)                                                                                      \
    do {                                                                                                               \
        PyAwaitable__h->PyAwaitable__value = (value);                                                                  \
        PyAwaitable__h->PyAwaitable__label = PYAWAITABLE__AT(0);                                                       \
        PYAWAITABLE__GIVE_UP(PYAWAITABLE__RETURN, 0);                                                                  \
    } while (0)

#define PyAwaitable_RAISE                                                                                              \
    do {                                                                                                               \
        PyAwaitable__h->PyAwaitable__label = PYAWAITABLE__AT(0);                                                       \
        PYAWAITABLE__GIVE_UP(PYAWAITABLE__RAISE, 0);                                                                   \
    } while (0)

#define PyAwaitable_CHECK(condition)                                                                                   \
    do {                                                                                                               \
        if (PYAWAITABLE__UNLIKELY(!(condition))) {                                                                     \
            PyAwaitable_RAISE;                                                                                         \
        }                                                                                                              \
    } while (0)

#define PyAwaitable_TRY                                                                                                \
    {                                                                                                                  \
        enum { PyAwaitable__slot = PyAwaitable__level, PyAwaitable__catch = PYAWAITABLE__AT(1) };                      \
        if (PYAWAITABLE__UNLIKELY(PyAwaitable__h->PyAwaitable__room <= PyAwaitable__slot ||                            \
                                  PyAwaitable__h->PyAwaitable__open != PyAwaitable__slot)) {                           \
            PYAWAITABLE__CALL(PYAWAITABLE__ENTER, PyAwaitable__slot, 0)                                                \
        }                                                                                                              \
        PYAWAITABLE__BLOCK.PyAwaitable__state = PYAWAITABLE__OPEN;                                                     \
        PyAwaitable__h->PyAwaitable__open = PyAwaitable__slot + 1;                                                     \
        {                                                                                                              \
            enum { PyAwaitable__level = PyAwaitable__slot + 1 };                                                       \
            {                                                                                                          \
                enum { PyAwaitable__handler = PyAwaitable__catch, PyAwaitable__handler_slot = PyAwaitable__slot };

/* Only an exception gets to the section; what else is pending goes past it. */
#define PyAwaitable_EXCEPT                                                                                             \
                PYAWAITABLE__BLOCK.PyAwaitable__state = PYAWAITABLE__NORMAL;                                           \
            }                                                                                                          \
            if (0) {                                                                                                   \
            case PyAwaitable__catch:;                                                                                  \
            }                                                                                                          \
            if (PYAWAITABLE__BLOCK.PyAwaitable__state == PYAWAITABLE__RAISING) {                                       \
                enum { PyAwaitable__caught_in = PyAwaitable__slot, PyAwaitable__section = PyAwaitable__slot };

#define PyAwaitable_FINALLY                                                                                            \
                PYAWAITABLE__BLOCK.PyAwaitable__state = PYAWAITABLE__NORMAL;                                           \
            }                                                                                                          \
            if (0) {                                                                                                   \
            case PyAwaitable__catch:;                                                                                  \
            }                                                                                                          \
            {                                                                                                          \
                enum { PyAwaitable__section = PyAwaitable__slot };

/* After the library has dealt with a block that is left by BREAK or CONTINUE: out of the block around it, or of the loop. */
#define PYAWAITABLE__GO_ON(n)                                                                                          \
    if (PYAWAITABLE__UNLIKELY(PyAwaitable__h->PyAwaitable__how != PYAWAITABLE__OK)) {                                  \
        if ((int)PyAwaitable__slot > (int)PyAwaitable__loop) {                                                         \
            PYAWAITABLE__CALL(PYAWAITABLE__JUMP, PyAwaitable__loop, n)                                                 \
            (void)0;                                                                                                   \
        }                                                                                                              \
        if (PyAwaitable__h->PyAwaitable__how == PYAWAITABLE__BREAK) {                                                  \
            PyAwaitable__h->PyAwaitable__how = PYAWAITABLE__OK;                                                        \
            break;                                                                                                     \
        }                                                                                                              \
        PyAwaitable__h->PyAwaitable__how = PYAWAITABLE__OK;                                                            \
        continue;                                                                                                      \
    }

#define PyAwaitable_END_TRY                                                                                            \
                (void)sizeof(char[(int)PyAwaitable__section == (int)PyAwaitable__slot ? 1 : -1]);                      \
            }                                                                                                          \
            if (PYAWAITABLE__BLOCK.PyAwaitable__state == PYAWAITABLE__NORMAL) {                                        \
                PYAWAITABLE__BLOCK.PyAwaitable__state = PYAWAITABLE__CLEAN;                                            \
                PyAwaitable__h->PyAwaitable__open = PyAwaitable__slot;                                                 \
            }                                                                                                          \
            else {                                                                                                     \
                PYAWAITABLE__CALL(PYAWAITABLE__LEAVE, PyAwaitable__slot, 2)                                            \
                PYAWAITABLE__GO_ON(3)                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }

#define PyAwaitable_CAUGHT(type)                                                                                       \
    PyAwaitable__caught(&PyAwaitable__h->PyAwaitable__blocks[PyAwaitable__caught_in], type)
#define PyAwaitable_EXCEPTION (PyAwaitable__h->PyAwaitable__blocks[PyAwaitable__caught_in].PyAwaitable__pending)
#define PyAwaitable_RERAISE                                                                                            \
    do {                                                                                                               \
        PyAwaitable__h->PyAwaitable__label = PYAWAITABLE__AT(0);                                                       \
        PYAWAITABLE__GIVE_UP(PYAWAITABLE__RERAISE, PyAwaitable__caught_in);                                            \
    } while (0)

#define PyAwaitable_ASYNC_WITH(field, context)                                                                         \
    {                                                                                                                  \
        enum { PyAwaitable__slot = PyAwaitable__level, PyAwaitable__catch = PYAWAITABLE__AT(1) };                      \
        PyAwaitable__h->PyAwaitable__value = (context);                                                                \
        PYAWAITABLE__CALL(PYAWAITABLE__AENTER, PyAwaitable__slot, 0)                                                   \
        PYAWAITABLE__BLOCK.PyAwaitable__state = PYAWAITABLE__OPEN;                                                     \
        PYAWAITABLE__KEEP(field)                                                                                       \
        {                                                                                                              \
            enum { PyAwaitable__level = PyAwaitable__slot + 1 };                                                       \
            {                                                                                                          \
                enum { PyAwaitable__handler = PyAwaitable__catch, PyAwaitable__handler_slot = PyAwaitable__slot };

#define PyAwaitable_END_WITH                                                                                           \
                PYAWAITABLE__BLOCK.PyAwaitable__state = PYAWAITABLE__NORMAL;                                           \
            }                                                                                                          \
            if (0) {                                                                                                   \
            case PyAwaitable__catch:;                                                                                  \
            }                                                                                                          \
            PYAWAITABLE__CALL(PYAWAITABLE__AEXIT, PyAwaitable__slot, 2)                                                \
            if (PYAWAITABLE__BLOCK.PyAwaitable__state == PYAWAITABLE__NORMAL) {                                        \
                PYAWAITABLE__BLOCK.PyAwaitable__state = PYAWAITABLE__CLEAN;                                            \
                PyAwaitable__h->PyAwaitable__open = PyAwaitable__slot;                                                 \
                Py_CLEAR(PyAwaitable__h->PyAwaitable__value);                                                          \
            }                                                                                                          \
            else {                                                                                                     \
                PYAWAITABLE__CALL(PYAWAITABLE__EXITED, PyAwaitable__slot, 3)                                           \
                PYAWAITABLE__GO_ON(4)                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }

#define PyAwaitable_ASYNC_FOR(field, iterable)                                                                         \
    {                                                                                                                  \
        enum { PyAwaitable__slot = PyAwaitable__level };                                                               \
        PyAwaitable__h->PyAwaitable__value = (iterable);                                                               \
        PYAWAITABLE__CALL(PYAWAITABLE__AITER, PyAwaitable__slot, 0)                                                    \
        for (;;) {                                                                                                     \
            enum { PyAwaitable__level = PyAwaitable__slot + 1, PyAwaitable__loop = PyAwaitable__slot + 1 };            \
            PYAWAITABLE__CALL(PYAWAITABLE__ANEXT, PyAwaitable__slot, 1)                                                \
            if (PyAwaitable__h->PyAwaitable__how == PYAWAITABLE__EXHAUSTED) {                                          \
                break;                                                                                                 \
            }                                                                                                          \
            PYAWAITABLE__BLOCK.PyAwaitable__state = PYAWAITABLE__ITERATING;                                            \
            PYAWAITABLE__KEEP(field)                                                                                   \
            {

#define PyAwaitable_END_FOR                                                                                            \
            }                                                                                                          \
        }                                                                                                              \
        if (PyAwaitable__h->PyAwaitable__open > PyAwaitable__slot) {                                                   \
            PYAWAITABLE__CALL(PYAWAITABLE__DROP, PyAwaitable__slot, 2)                                                 \
        }                                                                                                              \
    }

/* The first thing in a loop that BREAK and CONTINUE leave. */
#define PyAwaitable_LOOP enum { PyAwaitable__loop = PyAwaitable__level };

#define PYAWAITABLE__LEAVE_LOOP(how, statement)                                                                        \
    if (1) {                                                                                                           \
        (void)sizeof(char[(int)PyAwaitable__loop < 255 ? 1 : -1]);                                                     \
        if ((int)PyAwaitable__level > (int)PyAwaitable__loop) {                                                        \
            PyAwaitable__h->PyAwaitable__how = how;                                                                    \
            PYAWAITABLE__CALL(PYAWAITABLE__JUMP, PyAwaitable__loop, 0)                                                 \
            PyAwaitable__h->PyAwaitable__how = PYAWAITABLE__OK;                                                        \
        }                                                                                                              \
        statement;                                                                                                     \
    }                                                                                                                  \
    else                                                                                                               \
        (void)0

/* `break` and `continue` out of any TRY and ASYNC_WITH in a loop that begins with LOOP. */
#define PyAwaitable_BREAK PYAWAITABLE__LEAVE_LOOP(PYAWAITABLE__BREAK, break)
#define PyAwaitable_CONTINUE PYAWAITABLE__LEAVE_LOOP(PYAWAITABLE__CONTINUE, continue)

/* Short names, for who asks for them. */
#ifdef PYAWAITABLE_KEYWORDS
#define HEAD PyAwaitable_HEAD
#define DATA PyAwaitable_DATA
#define BODY PyAwaitable_BODY
#define END_BODY PyAwaitable_END_BODY
#define SELF PyAwaitable_SELF
#define AWAIT PyAwaitable_AWAIT
#define AWAIT_ONLY PyAwaitable_AWAIT_ONLY
#define SUSPEND PyAwaitable_SUSPEND
#define PARK PyAwaitable_PARK
#define WAKER PyAwaitable_WAKER
#define YIELD PyAwaitable_YIELD
#define YIELD_ONLY PyAwaitable_YIELD_ONLY
#define RETURN PyAwaitable_RETURN
#define RAISE PyAwaitable_RAISE
#define CHECK PyAwaitable_CHECK
#define TRY PyAwaitable_TRY
#define EXCEPT PyAwaitable_EXCEPT
#define FINALLY PyAwaitable_FINALLY
#define END_TRY PyAwaitable_END_TRY
#define CAUGHT PyAwaitable_CAUGHT
#define EXCEPTION PyAwaitable_EXCEPTION
#define RERAISE PyAwaitable_RERAISE
#define ASYNC_WITH PyAwaitable_ASYNC_WITH
#define END_WITH PyAwaitable_END_WITH
#define ASYNC_FOR PyAwaitable_ASYNC_FOR
#define END_FOR PyAwaitable_END_FOR
#define LOOP PyAwaitable_LOOP
#define BREAK PyAwaitable_BREAK
#define CONTINUE PyAwaitable_CONTINUE
#endif

#endif /* PYAWAITABLE_LANGUAGE_H */
