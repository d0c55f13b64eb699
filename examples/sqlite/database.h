/* What worker.c and database.c know of each other, and nobody else. All of it is for the worker's thread, but for what is said to be
 * under the mutex. */
#ifndef DATABASE_H
#define DATABASE_H

#include "worker.h"

/* A statement that the connection keeps, prepared. */
struct Statement {
    Statement *next;
    sqlite3_stmt *handle;
    char *sql; /* malloc */
    size_t sql_size;
    int is_change;     /* INSERT, UPDATE, DELETE or REPLACE: it begins a transaction */
    int is_used;       /* 1: a job has it, 2: a cursor; nobody else gets it */
    sqlite3_int64 use; /* no other use of any statement has this number; under the mutex */
    int has_row;       /* it has been stepped to a row that nobody has read */
    int has_failed;    /* what comes next is what its last step said */
    Job *untaken;      /* rows read for those who did not wait for them, the first first; under the mutex */
    Job end;           /* the job that gives it up, so that this needs no memory */
};

/* ---- In worker.c ---------------------------------------------------------------------------- */

/* The job has failed, with this message, which is copied. */
void fail(Job *job, int error, const char *message);
/* Frees this one and those after it. */
void free_jobs(Job *job);

/* ---- In database.c -------------------------------------------------------------------------- */

/* The statement of the job is nobody's any more, and may be used again. */
void run_give_up(Worker *worker, Job *job);
/* Tells the other threads what `is_in_transaction` and `total_changes` are. */
void tell_state(Worker *worker);
/* Closes the database, if it is open, and frees its statements: when nobody has the worker any more. */
void free_database(Worker *worker);

#endif
