/* What a body is defined by, and what its frame begins with. Written by hand. */
#ifndef PYAWAITABLE_FRAMES_H
#define PYAWAITABLE_FRAMES_H

/* What a body returns: only the words of the language make one. */
typedef struct PyAwaitable_Outcome {
    int PyAwaitable__action;
    int PyAwaitable__label;
} PyAwaitable_Outcome;

/* A body, as PyAwaitable_BODY() makes it. */
typedef PyAwaitable_Outcome (*PyAwaitable_Body)(PyObject *awaitable, void *frame);

/* Defines a body: written by PyAwaitable_DEFINITION(), static and const. It stays in memory for as long as the process runs. */
typedef struct PyAwaitable_Definition {
    Py_ssize_t size;            /* sizeof(PyAwaitable_Definition) */
    const char *name;           /* the awaitable's __name__ and __qualname__, unless a METH_ASYNC function gives it its own */
    PyAwaitable_Body body;      /* what runs */
    const char *file;           /* for tracebacks; may be NULL */
    Py_ssize_t frame_size;      /* of the whole frame */
    Py_ssize_t head_size;       /* sizeof(PyAwaitable_Head) */
    Py_ssize_t first_reference; /* where the frame's references begin */
    Py_ssize_t references;      /* how many there are */
    traverseproc traverse;      /* NULL, or visits what else the frame owns; its first argument is the frame */
    void (*release)(void *);    /* NULL, or releases what else the frame owns: once, when the body has ended, in whatever way */
} PyAwaitable_Definition;

/* What the library and the words of the language know of a TRY, an ASYNC_WITH or an ASYNC_FOR. */
typedef struct PyAwaitable_Block {
    PyObject *PyAwaitable__pending;  /* the exception that is handled, or what will be returned */
    PyObject *PyAwaitable__manager;  /* __aexit__, or the iterator */
    PyObject *PyAwaitable__receiver; /* what __aexit__ is called on, if it is not bound */
    int PyAwaitable__state;
    int PyAwaitable__unused;
} PyAwaitable_Block;

/* What every frame begins with. None of it is for the author. */
typedef struct PyAwaitable_Head {
    PyAwaitable_Block *PyAwaitable__blocks;
    unsigned short PyAwaitable__room; /* how many blocks there is room for */
    unsigned char PyAwaitable__how;   /* how the label is reached */
    unsigned char PyAwaitable__open;  /* how many blocks the body is inside */
    int PyAwaitable__label;           /* where the body goes on */
    PyObject *PyAwaitable__value;     /* what the body hands over, and what it gets */
    const PyAwaitable_Definition *PyAwaitable__definition;
    PyAwaitable_Outcome PyAwaitable__left; /* what the body returned when it was suspended */
} PyAwaitable_Head;

/* A frame is a struct of the author's: PyAwaitable_HEAD, then the references that it owns, then PyAwaitable_DATA, then anything
   else. It is zeroed when it is made. */
#define PyAwaitable_HEAD PyAwaitable_Head PyAwaitable__head;
#define PyAwaitable_DATA char PyAwaitable__data;

/* The initializer of a PyAwaitable_Definition: the name, the body, and the type of its frame; and what else the frame owns. */
#define PyAwaitable_DEFINITION(name, body, Frame) PyAwaitable_DEFINITION_WITH(name, body, Frame, NULL, NULL)
#define PyAwaitable_DEFINITION_WITH(name, body, Frame, traverse, release)                                              \
    {sizeof(PyAwaitable_Definition),                                                                                   \
     name,                                                                                                             \
     body,                                                                                                             \
     __FILE__,                                                                                                         \
     sizeof(Frame),                                                                                                    \
     sizeof(PyAwaitable_Head),                                                                                         \
     sizeof(PyAwaitable_Head),                                                                                         \
     (offsetof(Frame, PyAwaitable__data) - sizeof(PyAwaitable_Head)) / sizeof(PyObject *),                             \
     traverse,                                                                                                         \
     release}

#endif /* PYAWAITABLE_FRAMES_H */
