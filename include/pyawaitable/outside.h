/* What the types of the outside are, and how any thread gets from them to the library. Written by hand. */
#ifndef PYAWAITABLE_OUTSIDE_H
#define PYAWAITABLE_OUTSIDE_H

/* What any thread may wake. It begins with how that is done, since a thread that is not attached can neither import the library
   nor find it in another way. */
typedef struct PyAwaitable_Waker PyAwaitable_Waker;

/* The functions of a waker, which its memory begins with the address of. For the functions below alone. */
typedef struct {
    size_t size;
    PyAwaitable_Waker *(*clone)(PyAwaitable_Waker *waker);
    void (*wake)(PyAwaitable_Waker *waker);
    void (*drop)(PyAwaitable_Waker *waker);
} PyAwaitable__WakerFunctions;

/* What any thread may settle. It begins in the same way. */
typedef struct PyAwaitable_Promise PyAwaitable_Promise;

typedef struct {
    size_t size;
    int (*resolve)(PyAwaitable_Promise *promise, void *value);
    int (*reject)(PyAwaitable_Promise *promise, int (*raise)(void *), void *value);
    void (*free)(PyAwaitable_Promise *promise);
    int (*is_abandoned)(PyAwaitable_Promise *promise);
} PyAwaitable__PromiseFunctions;

#define PYAWAITABLE__PROMISE_FUNCTIONS(promise) (*(const PyAwaitable__PromiseFunctions *const *)(const void *)(promise))
#define PYAWAITABLE__WAKER_FUNCTIONS(waker) (*(const PyAwaitable__WakerFunctions *const *)(const void *)(waker))

/* What PyAwaitable_WaitReadable() and its kin wait for. */
#ifdef _WIN32
typedef uintptr_t PyAwaitable_Descriptor; /* a SOCKET */
#else
typedef int PyAwaitable_Descriptor;
#endif

/* What a task that is cancelled does about work in the pool: for PyAwaitable_Run(). */
enum {
    PyAwaitable_WAIT = 0,   /* waits until it has ended */
    PyAwaitable_ABANDON = 1 /* leaves it alone */
};

#endif /* PYAWAITABLE_OUTSIDE_H */
