/* What the files of the driver share: the objects, and what the module keeps. */
#ifndef DRIVER_H
#define DRIVER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define PYAWAITABLE_KEYWORDS
#include <pyawaitable.h>

#include "worker.h"

/* What each module object has: no two interpreters share it. */
typedef struct {
    PyTypeObject *Connection, *Cursor, *Opening, *Transaction, *Row, *Answer;
    /* The standard library's exceptions, so that whoever catches those catches ours. */
    PyObject *Warning, *InterfaceError, *DatabaseError, *InternalError, *OperationalError, *ProgrammingError,
        *IntegrityError, *DataError;
    /* Its adapters and converters. */
    PyObject *sqlite3, *adapt, *PrepareProtocol, *converters;
    /* The transaction that this task is in. */
    PyObject *transaction;
} State;

State *state_of(PyObject *object);

/* ---- Connections ---------------------------------------------------------------------------- */

/* Whose turn it is to have a transaction() block. */
typedef struct Turns Turns;
Turns *new_turns(void);
void drop_turns(Turns *turns);

typedef struct {
    PyObject_HEAD
    PyObject *weak_references;
    Worker *worker; /* NULL before it is open */
    unsigned long thread;
    int is_closed;
    int detect_types;
    PyObject *row_factory, *text_factory; /* never NULL once initialized */
    PyObject *isolation_level;            /* str or None */
    char begin[32];                       /* what begins a transaction; empty if nothing does */
    Turns *turns;
} Connection;

/* 0, or -1 with ProgrammingError: closed, not open yet, or another thread's. */
int check_connection(Connection *self);
/* Something to await for the job, which it takes over; its result is an Answer. */
PyObject *submitted(Connection *self, Job *job);
/* The job's exception, if it has failed: 0, or -1. */
int check_answer(State *state, Job *job);
/* The job of an Answer, borrowed. */
Job *job_of(PyObject *answer);

/* A job with this SQL, or NULL with an exception. */
Job *new_sql_job(Connection *self, PyObject *sql, void (*run)(Worker *, Job *));

/* ---- Cursors -------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    PyObject *weak_references;
    Connection *connection;
    PyObject *row_factory;
    int column_count;      /* 0: what was executed has no rows */
    Packed columns;        /* for each its name, and its declared type or NULL */
    PyObject *description; /* made of them when it is asked for; NULL before */
    PyObject *converters;  /* tuple of a function or None for each column; NULL: none */
    PyObject *last_row;    /* int or None */
    PyObject *answer;      /* the rows that have come, or NULL */
    PyObject *later;       /* answers that came before those rows were read, in a list; or NULL */
    PyObject *ahead;       /* what was asked for besides, to be awaited; or NULL */
    size_t at, rows_left;  /* in the answer's rows */
    Statement *statement;  /* it has more rows, or NULL */
    sqlite3_int64 use;     /* of the statement */
    Py_ssize_t array_size;
    long long row_count;
    int is_closed;
} Cursor;

PyObject *new_cursor(Connection *connection);
/* `cursor.description`: a tuple with one of seven values for each column, or None. A new reference, or NULL. */
PyObject *cursor_description(Cursor *self);
/* Coroutines. */
PyObject *cursor_execute(PyObject *self, PyObject *sql, PyObject *parameters);
PyObject *cursor_execute_many(PyObject *self, PyObject *sql, PyObject *sets);
PyObject *cursor_execute_script(PyObject *self, PyObject *sql);
PyObject *cursor_fetch_all(PyObject *self);

/* ---- Values --------------------------------------------------------------------------------- */

/* Packs a set of parameters. 0, or -1 with an exception. */
int pack_parameters(State *state, Job *job, PyObject *parameters);
/* The next row of the cursor's answer, as a tuple. */
PyObject *next_tuple(Cursor *self);

/* ---- What can be awaited, or entered by `async with` ------------------------------------------ */

/* Takes over the awaitable. What it gives is closed at the end of an `async with`. */
PyObject *new_opening(State *state, PyObject *awaitable);

/* ---- Types ---------------------------------------------------------------------------------- */

PyTypeObject *make_connection_type(PyObject *module);
PyTypeObject *make_cursor_type(PyObject *module);
PyTypeObject *make_opening_type(PyObject *module);
PyTypeObject *make_transaction_type(PyObject *module);
PyTypeObject *make_row_type(PyObject *module);
PyTypeObject *make_answer_type(PyObject *module);
PyObject *new_transaction(Connection *connection, PyObject *mode);
/* connect(database, ...) */
PyObject *driver_connect(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
