/* A connection's thread, which alone touches the database. There is no Python in these functions: they run detached.
 *
 * What is wanted of it is a job: made by the thread of the event loop, done in the order of arrival, and given back through the
 * promise that somebody awaits. */
#ifndef WORKER_H
#define WORKER_H

#include <pthread.h>
#include <pyawaitable.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Values, packed one after the other ----------------------------------------------------- */

typedef struct {
    char *bytes; /* malloc */
    size_t size, room;
} Packed;

enum { IS_NULL, IS_INTEGER, IS_REAL, IS_TEXT, IS_BLOB, IS_UNSUPPORTED };

typedef struct {
    int kind;
    sqlite3_int64 integer;
    double real;
    const char *bytes; /* IS_TEXT, IS_BLOB; of IS_UNSUPPORTED the name of the type */
    size_t size;
} Value;

/* 0, or -1 without memory. */
int pack(Packed *packed, const Value *value);
/* The value at `*at`, which moves on. */
Value unpack(const Packed *packed, size_t *at);

/* ---- Statements ----------------------------------------------------------------------------- */

typedef struct Worker Worker;
typedef struct Job Job;
typedef struct Statement Statement;

/* ---- Jobs ----------------------------------------------------------------------------------- */

/* What has gone wrong: an error of SQLite's with its code, or one of the driver's own. */
enum { FINE, SQLITE_SAYS, PROGRAMMING, MANY_STATEMENTS, NO_MEMORY };

struct Job {
    Job *next;
    void (*run)(Worker *, Job *);
    Worker *worker;               /* one reference */
    PyAwaitable_Promise *promise; /* NULL: nobody waits */
    void *answer_type;            /* what its result is made an object of: not this thread's business */
    atomic_int is_cancelled;      /* whoever waited does not want it any more */
    int may_be_cancelled;
    int asked;      /* how often SQLite has asked since whether to stop */
    int is_skipped; /* it has not run */

    char *sql; /* malloc */
    size_t sql_size;
    Statement *statement; /* to go on with, or to give up; afterwards the one that has more rows */
    sqlite3_int64 use;    /* which use of the statement this is */
    Packed parameters;    /* name (or NULL) and value in turn if named; else values */
    int is_named;
    size_t parameter_count; /* of a set */
    size_t set_count;       /* how many sets: one, but for executemany */
    int is_many;            /* executemany: each set begins with the number of its parameters */
    int detect_types;       /* tell the declared types of columns */
    const char *begin;      /* what to begin a transaction with; NULL: nothing does */
    size_t rows_wanted;

    int error;     /* one of those above */
    int code;      /* of SQLITE_SAYS */
    char *message; /* malloc; NULL without memory */
    Packed rows;   /* the values of `row_count` rows */
    size_t row_count;
    int column_count; /* -1: not told */
    Packed columns;   /* for each its name, and its declared type or NULL */
    int is_nothing;   /* there is no statement in the SQL */
    int has_more;     /* the statement has more rows */
    sqlite3_int64 last_row;
    sqlite3_int64 changed; /* -1: the statement changes nothing */
};

/* A job with nothing in it, or NULL without memory. */
Job *new_job(Worker *worker, void (*run)(Worker *, Job *));
void free_job(Job *job);

void run_open(Worker *worker, Job *job);
void run_execute(Worker *worker, Job *job);
void run_fetch(Worker *worker, Job *job);
void run_script(Worker *worker, Job *job);
/* End the transaction, if there is one. */
void run_commit(Worker *worker, Job *job);
void run_rollback(Worker *worker, Job *job);
void run_close(Worker *worker, Job *job);

/* ---- The worker ----------------------------------------------------------------------------- */

struct Worker {
    atomic_int references; /* the connection's, its thread's, each job's */
    pthread_mutex_t mutex;
    pthread_cond_t is_more;
    Job *first, **last; /* the queue */
    Job *running;
    int is_ending;
    Job end; /* the one that closes a connection which nobody has closed */

    /* The thread's own. */
    sqlite3 *db;
    Statement *statements; /* the latest used first; changed with the mutex */
    sqlite3_int64 uses;
    int statement_count, active_count;
    Job *current;
    char *path; /* malloc */
    int flags, cached_statements;
    double timeout;

    /* What it has told last. */
    atomic_int is_in_transaction;
    atomic_llong total_changes;
};

/* A worker with a thread that waits for jobs; NULL with errno. */
Worker *start_worker(const char *path, int flags, double timeout, int cached_statements);
void drop_worker(Worker *worker);
/* Puts the job at the end of the queue, which takes it over. */
void submit(Worker *worker, Job *job);
/* Interrupts the job if it runs, and has it skipped if it does not run yet. */
void cancel(Job *job);
/* Closes what nobody has closed. Nothing is submitted after that. */
void close_unawaited(Worker *worker);
/* Interrupts what runs. */
void interrupt(Worker *worker);
/* Gives up a statement that has more rows. */
void give_up(Worker *worker, Statement *statement);
/* A result that nobody has taken: its rows wait for the next fetch, its statement is given up. For the promise. */
void drop_answer(void *job);

#endif
