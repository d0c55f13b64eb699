/* `async with connection.transaction():` commits at the end, and rolls back if that is an exception, a cancellation included.
 * One at a time: whoever else wants one on the same connection waits. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

/* Who has the turn, and who waits for it. All in the event loop's thread; but what a promise drops may outlive the connection. */
typedef struct Waiting Waiting;

struct Waiting {
    Waiting *next;
    PyAwaitable_Promise *promise;
    Turns *turns; /* one reference */
};

struct Turns {
    int references;
    int is_taken;
    Waiting *first, **last;
};

Turns *
new_turns(void)
{
    Turns *turns = calloc(1, sizeof(Turns));
    if (turns != NULL) {
        turns->references = 1;
        turns->last = &turns->first;
    }
    return turns;
}

void
drop_turns(Turns *turns)
{
    if (turns != NULL && --turns->references == 0) {
        free(turns);
    }
}

typedef struct {
    PyObject_HEAD
    Connection *connection;
    char begin[32];
    int has_turn; /* until it is over, and the next one may begin */
    int is_open;
} Transaction;

static void
free_waiting(Waiting *waiting)
{
    drop_turns(waiting->turns);
    free(waiting);
}

/* Hands the turn on. */
static void
let_next(Turns *turns)
{
    Waiting *waiting;
    while ((waiting = turns->first) != NULL) {
        turns->first = waiting->next;
        if (turns->first == NULL) {
            turns->last = &turns->first;
        }
        PyAwaitable_Promise *promise = waiting->promise;
        int is_there = !PyAwaitable_PromiseIsAbandoned(promise);
        if (is_there) {
            /* From here on it is the promise's. */
            (void)PyAwaitable_Resolve(promise, waiting);
        }
        PyAwaitable_PromiseFree(promise);
        if (is_there) {
            return;
        }
        free_waiting(waiting);
    }
    turns->is_taken = 0;
}

static PyObject *
it_is_mine(void *waiting)
{
    free_waiting(waiting);
    Py_RETURN_NONE;
}

/* It was its turn, but it is not there any more. */
static void
is_not_there(void *argument)
{
    Waiting *waiting = argument;
    let_next(waiting->turns);
    free_waiting(waiting);
}

/* Something to await until it is this one's turn. */
static PyObject *
next_turn(Turns *turns)
{
    Waiting *waiting = malloc(sizeof(Waiting));
    if (waiting == NULL) {
        return PyErr_NoMemory();
    }
    PyObject *awaitable = PyAwaitable_NewPromise(&waiting->promise, it_is_mine, is_not_there);
    if (awaitable == NULL) {
        free(waiting);
        return NULL;
    }
    turns->references++;
    waiting->turns = turns;
    waiting->next = NULL;
    *turns->last = waiting;
    turns->last = &waiting->next;
    return awaitable;
}

/* ---- Entering and leaving --------------------------------------------------------------------- */

typedef struct {
    HEAD
    PyObject *transaction, *type, *answer, *before, *connection;
    DATA
} Step;

#define TRANSACTION ((Transaction *)f->transaction)
#define CONNECTION (TRANSACTION->connection)
#define STATE state_of(f->transaction)

/* Whether this task, or the one that has made it, is in a transaction of this connection: it would wait for itself. */
static int
check_not_nested(Step *f)
{
    if (PyContextVar_Get(STATE->transaction, Py_None, &f->before) < 0) {
        return -1;
    }
    if (f->before != Py_None && ((Transaction *)f->before)->is_open && ((Transaction *)f->before)->connection == CONNECTION) {
        PyErr_SetString(STATE->ProgrammingError, "a transaction within a transaction");
        return -1;
    }
    return check_connection(CONNECTION);
}

static PyObject *
submitted_begin(Transaction *self)
{
    PyObject *sql = PyUnicode_FromString(self->begin);
    Job *job = sql == NULL ? NULL : new_sql_job(self->connection, sql, run_execute);
    Py_XDECREF(sql);
    if (job == NULL) {
        return NULL;
    }
    job->set_count = 1;
    return submitted(self->connection, job);
}

/* Not to be cancelled: once it has been asked for, it is done. */
static PyObject *
submitted_end(Transaction *self, void (*run)(Worker *, Job *))
{
    if (check_connection(self->connection) < 0) {
        return NULL;
    }
    Job *job = new_job(self->connection->worker, run);
    return job == NULL ? PyErr_NoMemory() : submitted(self->connection, job);
}

static int
begin(Step *f)
{
    if (check_answer(STATE, job_of(f->answer)) < 0) {
        return -1;
    }
    PyObject *token = PyContextVar_Set(STATE->transaction, f->transaction);
    if (token == NULL) {
        return -1;
    }
    Py_DECREF(token);
    TRANSACTION->is_open = 1;
    return 0;
}

/* Lets the next one have its turn. */
static void
leave(Transaction *self)
{
    self->is_open = 0;
    if (self->has_turn) {
        self->has_turn = 0;
        let_next(self->connection->turns);
    }
}

/* The same if it has not come to its end, for whatever reason. It may have begun, and nobody waits for what becomes of it. */
static void
give_up_turn(Transaction *self)
{
    Connection *connection = self->connection;
    Job *job = self->has_turn && !connection->is_closed ? new_job(connection->worker, run_rollback) : NULL;
    if (job != NULL) {
        submit(connection->worker, job);
    }
    leave(self);
}

/* async def __aenter__(self) */
BODY(enter_body, Step, f)
    CHECK(check_not_nested(f) == 0);
    TRY
        if (CONNECTION->turns->is_taken) {
            AWAIT_ONLY(next_turn(CONNECTION->turns));
        }
        CONNECTION->turns->is_taken = TRANSACTION->has_turn = 1;
        AWAIT(answer, submitted_begin(TRANSACTION));
        CHECK(begin(f) == 0);
    EXCEPT
        give_up_turn(TRANSACTION);
        RERAISE;
    END_TRY
    RETURN(Py_NewRef((PyObject *)CONNECTION));
END_BODY

static const PyAwaitable_Definition enter_definition = PyAwaitable_DEFINITION("__aenter__", enter_body, Step);

/* async def __aexit__(self, type, value, traceback) */
BODY(exit_body, Step, f)
    if (!TRANSACTION->is_open) {
        PyErr_SetString(STATE->ProgrammingError, "the transaction is not open");
        RAISE;
    }
    TRY
        if (f->type == Py_None) {
            TRY
                AWAIT(answer, submitted_end(TRANSACTION, run_commit));
                CHECK(check_answer(STATE, job_of(f->answer)) == 0);
            EXCEPT
                AWAIT_ONLY(submitted_end(TRANSACTION, run_rollback));
                RERAISE;
            END_TRY
        }
        else {
            AWAIT(answer, submitted_end(TRANSACTION, run_rollback));
            CHECK(check_answer(STATE, job_of(f->answer)) == 0);
        }
    FINALLY
        leave(TRANSACTION);
    END_TRY
    RETURN(Py_NewRef(Py_False));
END_BODY

static const PyAwaitable_Definition exit_definition = PyAwaitable_DEFINITION("__aexit__", exit_body, Step);

static PyObject *
transaction_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    Step *f;
    PyObject *awaitable = PyAwaitable_NewBody(&enter_definition, &f);
    if (awaitable != NULL) {
        f->transaction = Py_NewRef(self);
    }
    return awaitable;
}

static PyObject *
transaction_exit(PyObject *self, PyObject *args)
{
    Step *f;
    PyObject *type, *value, *traceback;
    if (!PyArg_ParseTuple(args, "OOO:__aexit__", &type, &value, &traceback)) {
        return NULL;
    }
    PyObject *awaitable = PyAwaitable_NewBody(&exit_definition, &f);
    if (awaitable != NULL) {
        f->transaction = Py_NewRef(self);
        f->type = Py_NewRef(type);
    }
    return awaitable;
}

/* ---- The type --------------------------------------------------------------------------------- */

PyObject *
new_transaction(Connection *connection, PyObject *mode)
{
    static const char *const modes[] = {"DEFERRED", "IMMEDIATE", "EXCLUSIVE"};
    State *state = state_of((PyObject *)connection);
    const char *text = mode == NULL ? modes[0] : PyUnicode_Check(mode) ? PyUnicode_AsUTF8(mode) : "";
    if (text == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (sqlite3_stricmp(text, modes[i]) == 0) {
            Transaction *self = (Transaction *)state->Transaction->tp_alloc(state->Transaction, 0);
            if (self != NULL) {
                self->connection = (Connection *)Py_NewRef((PyObject *)connection);
                (void)PyOS_snprintf(self->begin, sizeof(self->begin), "BEGIN %s", modes[i]);
            }
            return (PyObject *)self;
        }
    }
    PyErr_SetString(PyExc_ValueError, "the mode has to be 'DEFERRED', 'IMMEDIATE', or 'EXCLUSIVE'");
    return NULL;
}

static int
transaction_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Transaction *)self)->connection);
    return 0;
}

static void
transaction_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    /* Without memory, not even __aexit__ may have come to its end. */
    give_up_turn((Transaction *)self);
    Py_CLEAR(((Transaction *)self)->connection);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef coroutines[] = {
    {"__aenter__", transaction_enter, METH_NOARGS | METH_ASYNC, "__aenter__($self)\n--\n\n"},
    {"__aexit__", transaction_exit, METH_VARARGS | METH_ASYNC, "__aexit__($self, type, value, traceback, /)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"A transaction, for `async with`."},
    {Py_tp_traverse, (void *)transaction_traverse},
    {Py_tp_dealloc, (void *)transaction_dealloc},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "sqlite_async.Transaction",
    .basicsize = sizeof(Transaction),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

PyTypeObject *
make_transaction_type(PyObject *module)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    if (type != NULL && PyAwaitable_AddMethods(type, coroutines) < 0) {
        Py_CLEAR(type);
    }
    return type;
}
