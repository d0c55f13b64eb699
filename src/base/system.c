/* What the system is asked for: how to tell an event loop that something has happened, threads, locks, forks. Knows no Python. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#endif

/* What one side waits on and the other writes to; the same on Linux and on Windows. */
struct ends {
    intptr_t in;
    intptr_t out;
};

int pyawaitable_system_open(struct ends *ends);
void pyawaitable_system_tell(const struct ends *ends);
void pyawaitable_system_clear(const struct ends *ends);
void pyawaitable_system_wait(const struct ends *ends);
void pyawaitable_system_close(const struct ends *ends);
uint32_t pyawaitable_system_process(void);
int pyawaitable_system_start(void (*function)(void *), void *argument);
void pyawaitable_system_pause(void);
int pyawaitable_system_look(intptr_t descriptor);
int pyawaitable_system_refuses(intptr_t descriptor);

#ifdef _WIN32

int
pyawaitable_system_open(struct ends *ends)
{
    ends->in = ends->out = (intptr_t)CreateEventW(NULL, FALSE, FALSE, NULL);
    return ends->in == 0 ? -1 : 0;
}

void
pyawaitable_system_tell(const struct ends *ends)
{
    const DWORD error = GetLastError();
    SetEvent((HANDLE)ends->out);
    SetLastError(error);
}

void
pyawaitable_system_clear(const struct ends *ends)
{
    ResetEvent((HANDLE)ends->in);
}

void
pyawaitable_system_wait(const struct ends *ends)
{
    WaitForSingleObject((HANDLE)ends->in, INFINITE);
}

void
pyawaitable_system_close(const struct ends *ends)
{
    CloseHandle((HANDLE)ends->in);
}

uint32_t
pyawaitable_system_process(void)
{
    return 0;
}

struct start {
    void (*function)(void *);
    void *argument;
};

static DWORD WINAPI
started(void *start)
{
    const struct start the = *(struct start *)start;
    free(start);
    the.function(the.argument);
    return 0;
}

int
pyawaitable_system_start(void (*function)(void *), void *argument)
{
    struct start *start = (struct start *)malloc(sizeof(struct start));
    HANDLE thread;
    if (start == NULL) {
        return -1;
    }
    start->function = function;
    start->argument = argument;
    thread = CreateThread(NULL, 0, started, start, 0, NULL);
    if (thread == NULL) {
        free(start);
        return -1;
    }
    CloseHandle(thread);
    return 0;
}

void
pyawaitable_system_pause(void)
{
    Sleep(1);
}

/* A SOCKET: whether it is open is for the event loop to find out. */
int
pyawaitable_system_look(intptr_t descriptor)
{
    return descriptor == -1 ? -1 : 0;
}

int
pyawaitable_system_refuses(intptr_t descriptor)
{
    (void)descriptor;
    return 0;
}

#else

int
pyawaitable_system_open(struct ends *ends)
{
#ifdef __linux__
    const int both = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ends->in = ends->out = both;
    return both < 0 ? -1 : 0;
#else
    int pair[2];
    if (pipe(pair) < 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(pair[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(pair[i], F_SETFL, O_NONBLOCK);
    }
    ends->in = pair[0];
    ends->out = pair[1];
    return 0;
#endif
}

/* Other threads' C code finds errno as it was. What is full has been written to. */
void
pyawaitable_system_tell(const struct ends *ends)
{
    const int error = errno;
    const uint64_t one = 1;
    ssize_t written;
    do {
        written = write((int)ends->out, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
    errno = error;
}

void
pyawaitable_system_clear(const struct ends *ends)
{
    uint64_t bytes[16];
    ssize_t count;
    do {
        count = read((int)ends->in, bytes, sizeof(bytes));
    } while (count == (ssize_t)sizeof(bytes) || (count < 0 && errno == EINTR));
}

void
pyawaitable_system_wait(const struct ends *ends)
{
    struct pollfd waited = {(int)ends->in, POLLIN, 0};
    (void)poll(&waited, 1, -1);
}

void
pyawaitable_system_close(const struct ends *ends)
{
    (void)close((int)ends->in);
    if (ends->out != ends->in) {
        (void)close((int)ends->out);
    }
}

/* Counts the forks between the process that loaded this, and the one that asks. */
static uint32_t process;

static void
forked(void)
{
    __atomic_add_fetch(&process, 1, __ATOMIC_RELAXED);
}

static void
watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, forked);
}

/* Which process this is: another number after each fork. */
uint32_t
pyawaitable_system_process(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, watch_forks);
    return __atomic_load_n(&process, __ATOMIC_RELAXED);
}

struct start {
    void (*function)(void *);
    void *argument;
};

static void *
started(void *start)
{
    const struct start the = *(struct start *)start;
    free(start);
    the.function(the.argument);
    return NULL;
}

/* Starts a thread, which gets no signals and which nobody waits for. */
int
pyawaitable_system_start(void (*function)(void *), void *argument)
{
    struct start *start = (struct start *)malloc(sizeof(struct start));
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    int error;
    if (start == NULL) {
        return -1;
    }
    start->function = function;
    start->argument = argument;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_attr_init(&attributes);
    if (error == 0) {
        (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        error = pthread_create(&thread, &attributes, started, start);
        (void)pthread_attr_destroy(&attributes);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free(start);
        return -1;
    }
    return 0;
}

void
pyawaitable_system_pause(void)
{
    const struct timespec one = {0, 1000000};
    (void)nanosleep(&one, NULL);
}

/* What a descriptor is: -1 if none, 1 if a file, which there is no waiting for, and 0 for the rest. */
int
pyawaitable_system_look(intptr_t descriptor)
{
    struct stat status;
    int result;
    do {
        result = fstat((int)descriptor, &status);
    } while (result < 0 && errno == EINTR);
    if (result < 0) {
        return errno == EBADF ? -1 : 0;
    }
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

/* Whether epoll refuses to watch it, as it does what is always ready. */
int
pyawaitable_system_refuses(intptr_t descriptor)
{
#ifdef __linux__
    struct epoll_event event = {0};
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    int refuses;
    if (epoll < 0) {
        return 0;
    }
    refuses = epoll_ctl(epoll, EPOLL_CTL_ADD, (int)descriptor, &event) < 0 && errno == EPERM;
    (void)close(epoll);
    return refuses;
#else
    (void)descriptor;
    return 0;
#endif
}

#endif
