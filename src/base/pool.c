/* Threads that run jobs, started when they are needed, which end when nothing has come for a while. Knows no Python. */
#include <stdint.h>
#include <stdlib.h>
#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>
#endif

/* What a job begins with. */
struct job {
    struct job *next;     /* in the queue */
    struct job *previous; /* in the list of all that have not ended */
    struct job *following;
    void (*run)(struct job *);
    const void *owner; /* whose end it is not to outlive */
};

int pyawaitable_pool_submit(struct job *job);
void pyawaitable_pool_end(struct job *job);
void pyawaitable_pool_each(const void *owner, int (*visit)(struct job *, void *), void *argument);
void pyawaitable_pool_set_size(size_t size);
int pyawaitable_system_start(void (*function)(void *), void *argument);

/* After so many seconds without a job, a thread ends. */
#define IDLE_SECONDS 5

static struct {
    struct job *first, *last; /* the queue */
    struct job *all;
    size_t size; /* how many threads there may be; 0 for as many as is usual */
    size_t threads;
    size_t idle;
} pool;

#ifdef _WIN32
static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE come = CONDITION_VARIABLE_INIT;

static void
enter(void)
{
    AcquireSRWLockExclusive(&lock);
}

static void
leave(void)
{
    ReleaseSRWLockExclusive(&lock);
}

static void
call_one(void)
{
    WakeConditionVariable(&come);
}

/* Whether something has come. */
static int
wait_for_job(void)
{
    return SleepConditionVariableSRW(&come, &lock, IDLE_SECONDS * 1000, 0) != 0;
}

static size_t
processors(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors;
}

static void
watch_forks(void)
{
}
#else
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t come = PTHREAD_COND_INITIALIZER;

static void
enter(void)
{
    (void)pthread_mutex_lock(&lock);
}

static void
leave(void)
{
    (void)pthread_mutex_unlock(&lock);
}

static void
call_one(void)
{
    (void)pthread_cond_signal(&come);
}

static int
wait_for_job(void)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += IDLE_SECONDS;
    return pthread_cond_timedwait(&come, &lock, &end) != ETIMEDOUT;
}

static size_t
processors(void)
{
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (size_t)count : 1;
}

/* The child has none of the threads, and what they were doing is its parent's. */
static void
forked(void)
{
    const pthread_mutex_t new_lock = PTHREAD_MUTEX_INITIALIZER;
    const pthread_cond_t new_come = PTHREAD_COND_INITIALIZER;
    lock = new_lock;
    come = new_come;
    pool.first = pool.last = pool.all = NULL;
    pool.threads = pool.idle = 0;
}

static void
register_fork(void)
{
    (void)pthread_atfork(NULL, NULL, forked);
}

static void
watch_forks(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, register_fork);
}
#endif

static void
work(void *unused)
{
    (void)unused;
    enter();
    for (;;) {
        struct job *const job = pool.first;
        if (job != NULL) {
            pool.first = job->next;
            if (pool.first == NULL) {
                pool.last = NULL;
            }
            leave();
            job->run(job);
            enter();
            continue;
        }
        pool.idle++;
        {
            const int has_come = wait_for_job();
            pool.idle--;
            if (!has_come && pool.first == NULL) {
                break;
            }
        }
    }
    pool.threads--;
    leave();
}

/* Has a thread run the job; -1 if there is none, and none can be started. */
int
pyawaitable_pool_submit(struct job *job)
{
    size_t size;
    int starts;
    watch_forks();
    enter();
    size = pool.size;
    if (size == 0) {
        size = processors() + 4;
        size = size > 32 ? 32 : size;
        pool.size = size;
    }
    job->next = NULL;
    if (pool.last == NULL) {
        pool.first = job;
    }
    else {
        pool.last->next = job;
    }
    pool.last = job;
    job->previous = NULL;
    job->following = pool.all;
    if (pool.all != NULL) {
        pool.all->previous = job;
    }
    pool.all = job;
    {
        size_t waiting = 0;
        const struct job *each = pool.first;
        /* As many as are idle are enough to look at. */
        while (each != NULL && waiting <= pool.idle) {
            waiting++;
            each = each->next;
        }
        starts = waiting > pool.idle && pool.threads < size;
    }
    if (starts) {
        pool.threads++;
    }
    call_one();
    leave();
    if (starts && pyawaitable_system_start(work, NULL) < 0) {
        int is_lost;
        enter();
        pool.threads--;
        is_lost = pool.threads == 0;
        if (is_lost) {
            struct job **place = &pool.first;
            struct job *before = NULL;
            while (*place != NULL && *place != job) {
                before = *place;
                place = &(*place)->next;
            }
            if (*place == job) {
                *place = job->next;
                if (pool.last == job) {
                    pool.last = before;
                }
            }
        }
        leave();
        if (is_lost) {
            pyawaitable_pool_end(job);
            return -1;
        }
    }
    return 0;
}

/* Takes a job off the list of all that have not ended. */
void
pyawaitable_pool_end(struct job *job)
{
    enter();
    if (job->previous != NULL) {
        job->previous->following = job->following;
    }
    else if (pool.all == job) {
        pool.all = job->following;
    }
    if (job->following != NULL) {
        job->following->previous = job->previous;
    }
    job->previous = job->following = NULL;
    leave();
}

/* Calls the function for each job of this owner that has not ended, until it returns something other than 0. It calls nothing of
   this file. */
void
pyawaitable_pool_each(const void *owner, int (*visit)(struct job *, void *), void *argument)
{
    struct job *job;
    enter();
    for (job = pool.all; job != NULL; job = job->following) {
        if (job->owner == owner && visit(job, argument) != 0) {
            break;
        }
    }
    leave();
}

/* How many threads there may be. Those that are too many end when they have been idle. */
void
pyawaitable_pool_set_size(size_t size)
{
    enter();
    pool.size = size;
    leave();
}
