/* The jobs, their queue, and the thread that does them. What they do is in database.c. */
#include "database.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- Jobs ----------------------------------------------------------------------------------- */

Job *
new_job(Worker *worker, void (*run)(Worker *, Job *))
{
    Job *job = calloc(1, sizeof(Job));
    if (job != NULL) {
        job->run = run;
        job->worker = worker;
        job->column_count = -1;
        job->changed = -1;
        atomic_fetch_add(&worker->references, 1);
    }
    return job;
}

void
free_job(Job *job)
{
    if (job == NULL) {
        return;
    }
    free(job->sql);
    free(job->parameters.bytes);
    free(job->message);
    free(job->rows.bytes);
    free(job->columns.bytes);
    drop_worker(job->worker);
    free(job);
}

void
fail(Job *job, int error, const char *message)
{
    job->error = error;
    free(job->message);
    job->message = strdup(message);
    if (job->message == NULL) {
        job->error = NO_MEMORY;
    }
}

void
free_jobs(Job *job)
{
    while (job != NULL) {
        Job *next = job->next;
        free_job(job);
        job = next;
    }
}

/* ---- The queue ------------------------------------------------------------------------------ */

static void
put_last(Worker *worker, Job *job)
{
    pthread_mutex_lock(&worker->mutex);
    job->next = NULL;
    *worker->last = job;
    worker->last = &job->next;
    pthread_mutex_unlock(&worker->mutex);
    /* After that, so that the thread does not wake to wait for the mutex. Whoever calls this has a reference to the worker. */
    pthread_cond_signal(&worker->is_more);
}

void
submit(Worker *worker, Job *job)
{
    put_last(worker, job);
}

void
cancel(Job *job)
{
    Worker *worker = job->worker;
    if (!job->may_be_cancelled) {
        return;
    }
    atomic_store(&job->is_cancelled, 1);
    pthread_mutex_lock(&worker->mutex);
    /* sqlite3_interrupt() also reaches every other statement that has rows left. Then is_cancelled alone, which SQLite asks for
     * every now and then, has to do. */
    if (worker->running == job && worker->db != NULL && worker->active_count == 0 && job->run != run_fetch) {
        sqlite3_interrupt(worker->db);
    }
    pthread_mutex_unlock(&worker->mutex);
}

void
interrupt(Worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    if (worker->db != NULL) {
        sqlite3_interrupt(worker->db);
    }
    pthread_mutex_unlock(&worker->mutex);
}

void
give_up(Worker *worker, Statement *statement)
{
    /* Its own job: it is given up once. */
    statement->end.run = run_give_up;
    statement->end.statement = statement;
    put_last(worker, &statement->end);
}

void
drop_answer(void *argument)
{
    Job *job = argument;
    Worker *worker = job->worker;
    Statement *statement = job->statement;
    if (statement != NULL && job->run == run_execute) {
        give_up(worker, statement);
    }
    else if (statement != NULL && !job->is_skipped) {
        /* It may have been given up meanwhile, and be gone. */
        pthread_mutex_lock(&worker->mutex);
        for (statement = worker->statements; statement != NULL && statement->use != job->use;
             statement = statement->next) {
        }
        if (worker->db != NULL && statement != NULL) {
            Job **place = &statement->untaken;
            while (*place != NULL) {
                place = &(*place)->next;
            }
            job->next = NULL;
            *place = job;
            job = NULL;
        }
        pthread_mutex_unlock(&worker->mutex);
    }
    free_job(job);
}

void
close_unawaited(Worker *worker)
{
    worker->end.run = run_close;
    worker->end.worker = worker;
    put_last(worker, &worker->end);
}

/* ---- The thread ----------------------------------------------------------------------------- */

/* Gives the job to whoever waits, or to nobody. */
static void
give_back(Job *job)
{
    PyAwaitable_Promise *promise = job->promise;
    if (promise == NULL) {
        drop_answer(job);
        return;
    }
    job->promise = NULL;
    /* If nobody awaits it any more, drop_answer is called here. */
    (void)PyAwaitable_Resolve(promise, job);
    PyAwaitable_PromiseFree(promise);
}

static void
do_job(Worker *worker, Job *job)
{
    Statement *statement = job->statement;
    worker->current = job;
    if (statement != NULL && job == &statement->end) {
        if (worker->db != NULL) {
            run_give_up(worker, job);
        }
        return; /* it is a part of its statement */
    }
    if (worker->db == NULL && job->run != run_open && job->run != run_close) {
        job->is_skipped = 1;
        job->statement = NULL;
        fail(job, PROGRAMMING, "Cannot operate on a closed database.");
    }
    else if (atomic_load(&job->is_cancelled)) {
        job->is_skipped = 1;
        job->code = SQLITE_INTERRUPT;
        fail(job, SQLITE_SAYS, "interrupted");
    }
    else {
        job->run(worker, job);
    }
    tell_state(worker);
}

static void *
work(void *argument)
{
    Worker *worker = argument;
    pthread_mutex_lock(&worker->mutex);
    for (;;) {
        while (worker->first == NULL && !worker->is_ending) {
            pthread_cond_wait(&worker->is_more, &worker->mutex);
        }
        Job *job = worker->first;
        if (job == NULL) {
            break;
        }
        worker->first = job->next;
        if (worker->first == NULL) {
            worker->last = &worker->first;
        }
        worker->running = job;
        int is_end = job->statement != NULL && job->run == run_give_up;
        pthread_mutex_unlock(&worker->mutex);
        do_job(worker, job);
        pthread_mutex_lock(&worker->mutex);
        worker->running = NULL;
        pthread_mutex_unlock(&worker->mutex);
        if (!is_end && job != &worker->end) {
            give_back(job);
        }
        pthread_mutex_lock(&worker->mutex);
    }
    pthread_mutex_unlock(&worker->mutex);
    drop_worker(worker);
    return NULL;
}

Worker *
start_worker(const char *path, int flags, double timeout, int cached_statements)
{
    Worker *worker = calloc(1, sizeof(Worker));
    char *copy = strdup(path);
    if (worker == NULL || copy == NULL) {
        free(worker);
        free(copy);
        errno = ENOMEM;
        return NULL;
    }
    worker->path = copy;
    worker->flags = flags;
    worker->timeout = timeout;
    worker->cached_statements = cached_statements;
    worker->last = &worker->first;
    atomic_store(&worker->references, 2);
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->is_more, NULL);
    /* Signals are for the threads of Python. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        atomic_store(&worker->references, 1);
        drop_worker(worker);
        errno = error;
        return NULL;
    }
    pthread_detach(thread);
    return worker;
}

void
drop_worker(Worker *worker)
{
    if (atomic_fetch_sub(&worker->references, 1) != 1) {
        return;
    }
    free_database(worker);
    pthread_mutex_destroy(&worker->mutex);
    pthread_cond_destroy(&worker->is_more);
    free(worker->path);
    free(worker);
}
