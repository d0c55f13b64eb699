/* connect(), and connections. */
#include "driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

/* ---- Answers: what a job has come to ---------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    Job *job;
} Answer;

Job *
job_of(PyObject *answer)
{
    return ((Answer *)answer)->job;
}

static void
answer_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    /* What it leads to is in the hands of a cursor, or nobody took it. */
    if (((Answer *)self)->job != NULL) {
        drop_answer(((Answer *)self)->job);
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot answer_slots[] = {
    {Py_tp_dealloc, (void *)answer_dealloc},
    {0, NULL},
};

static PyType_Spec answer_spec = {
    .name = "sqlite_async.Answer",
    .basicsize = sizeof(Answer),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = answer_slots,
};

PyTypeObject *
make_answer_type(PyObject *module)
{
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &answer_spec, NULL);
}

/* The promise's value, made in the thread of the event loop. */
static PyObject *
answer(void *job)
{
    PyTypeObject *type = ((Job *)job)->answer_type;
    Answer *self = (Answer *)type->tp_alloc(type, 0);
    if (self == NULL) {
        drop_answer(job);
        return NULL;
    }
    self->job = job;
    return (PyObject *)self;
}

static PyObject *
exception_of(State *state, int code)
{
    switch (code & 0xff) {
    case SQLITE_INTERNAL:
    case SQLITE_NOTFOUND:
        return state->InternalError;
    case SQLITE_ERROR:
    case SQLITE_PERM:
    case SQLITE_ABORT:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_INTERRUPT:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_EMPTY:
    case SQLITE_SCHEMA:
        return state->OperationalError;
    case SQLITE_TOOBIG:
        return state->DataError;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return state->IntegrityError;
#if PY_VERSION_HEX >= 0x030B0000
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return state->InterfaceError;
#else
    case SQLITE_MISUSE:
        return state->ProgrammingError;
#endif
    default:
        return state->DatabaseError;
    }
}

int
check_answer(State *state, Job *job)
{
    PyObject *type = NULL;
    switch (job->error) {
    case FINE:
        return 0;
    case NO_MEMORY:
        PyErr_NoMemory();
        return -1;
    case MANY_STATEMENTS:
        type = PY_VERSION_HEX >= 0x030B0000 ? state->ProgrammingError : state->Warning;
        break;
    case PROGRAMMING:
        type = state->ProgrammingError;
        break;
    default:
        type = exception_of(state, job->code);
    }
    PyObject *error = PyObject_CallFunction(type, "s", job->message);
#if PY_VERSION_HEX >= 0x030B0000
    if (error != NULL && job->error == SQLITE_SAYS) {
        PyObject *code = PyLong_FromLong(job->code);
        if (code == NULL || PyObject_SetAttrString(error, "sqlite_errorcode", code) < 0) {
            Py_CLEAR(error);
        }
        Py_XDECREF(code);
    }
#endif
    if (error != NULL) {
        PyErr_SetObject(type, error);
        Py_DECREF(error);
    }
    return -1;
}

/* ---- Jobs ----------------------------------------------------------------------------------- */

static void
cancel_job(void *job)
{
    cancel(job);
}

PyObject *
submitted(Connection *self, Job *job)
{
    job->answer_type = state_of((PyObject *)self)->Answer;
    PyAwaitable_Promise *promise;
    PyObject *awaitable = PyAwaitable_NewPromise(&promise, answer, drop_answer);
    if (awaitable == NULL) {
        free_job(job);
        return NULL;
    }
    if (job->may_be_cancelled && PyAwaitable_PromiseOnCancel(promise, cancel_job, job) < 0) {
        PyAwaitable_PromiseFree(promise);
        Py_DECREF(awaitable);
        free_job(job);
        return NULL;
    }
    job->promise = promise;
    submit(self->worker, job);
    return awaitable;
}

/* The same for a job that could not be made. */
static PyObject *
submitted_or_no_memory(Connection *self, Job *job)
{
    return job == NULL ? PyErr_NoMemory() : submitted(self, job);
}

int
check_connection(Connection *self)
{
    State *state = state_of((PyObject *)self);
    unsigned long thread = PyThread_get_thread_ident();
    if (thread != self->thread) {
        PyErr_Format(state->ProgrammingError,
                     "SQLite objects created in a thread can only be used in that same thread. The object was created in "
                     "thread id %lu and this is thread id %lu.",
                     self->thread, thread);
        return -1;
    }
    if (self->is_closed || self->worker == NULL) {
        PyErr_SetString(state->ProgrammingError, "Cannot operate on a closed database.");
        return -1;
    }
    return 0;
}

Job *
new_sql_job(Connection *self, PyObject *sql, void (*run)(Worker *, Job *))
{
    if (check_connection(self) < 0) {
        return NULL;
    }
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(sql, &size);
    if (text == NULL) {
        return NULL;
    }
    if (strlen(text) != (size_t)size) {
        PyErr_SetString(PY_VERSION_HEX >= 0x030B0000 && run != run_script ? state_of((PyObject *)self)->ProgrammingError
                                                                            : PyExc_ValueError,
                        run == run_script ? "embedded null character" : "the query contains a null character");
        return NULL;
    }
    Job *job = new_job(self->worker, run);
    if (job != NULL && (job->sql = malloc((size_t)size + 1)) == NULL) {
        free_job(job);
        job = NULL;
    }
    if (job == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(job->sql, text, (size_t)size + 1);
    job->sql_size = (size_t)size;
    job->may_be_cancelled = 1;
    return job;
}

/* ---- What a method awaits, and what comes of it: two references, and one for the answer ------- */

typedef struct {
    HEAD
    PyObject *connection, *first, *second, *answer;
    DATA
} Call;

#define CONNECTION ((Connection *)f->connection)

/* A coroutine of the connection. */
static PyObject *
call(const PyAwaitable_Definition *definition, PyObject *connection, PyObject *first, PyObject *second)
{
    Call *f;
    PyObject *awaitable = PyAwaitable_NewBody(definition, &f);
    if (awaitable != NULL) {
        f->connection = Py_NewRef(connection);
        Py_XINCREF(first);
        Py_XINCREF(second);
        f->first = first;
        f->second = second;
    }
    return awaitable;
}

/* ---- Opening and closing ---------------------------------------------------------------------- */

static PyObject *
submitted_open(Connection *self)
{
    return submitted_or_no_memory(self, new_job(self->worker, run_open));
}

/* connect() has checked everything and started the thread. */
BODY(open_body, Call, f)
    AWAIT(answer, submitted_open(CONNECTION));
    if (job_of(f->answer)->error != FINE) {
        CONNECTION->is_closed = 1;
        close_unawaited(CONNECTION->worker); /* the thread ends */
    }
    CHECK(check_answer(state_of(f->connection), job_of(f->answer)) == 0);
    RETURN(Py_NewRef(f->connection));
END_BODY

static const PyAwaitable_Definition open_definition = PyAwaitable_DEFINITION("connect", open_body, Call);

/* What is under way or queued is finished before. */
static PyObject *
submitted_close(Connection *self)
{
    self->is_closed = 1;
    return submitted_or_no_memory(self, new_job(self->worker, run_close));
}

/* async def close(self): closing twice does nothing. */
BODY(close_body, Call, f)
    if (!CONNECTION->is_closed) {
        AWAIT_ONLY(submitted_close(CONNECTION));
    }
END_BODY

static const PyAwaitable_Definition close_definition = PyAwaitable_DEFINITION("close", close_body, Call);

static PyObject *
connection_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return call(&close_definition, self, NULL, NULL);
}

/* ---- Methods ---------------------------------------------------------------------------------- */

static PyObject *
submitted_end(Connection *self, void (*run)(Worker *, Job *))
{
    return check_connection(self) < 0 ? NULL : submitted_or_no_memory(self, new_job(self->worker, run));
}

/* async def commit(self) */
BODY(commit_body, Call, f)
    AWAIT(answer, submitted_end(CONNECTION, run_commit));
    CHECK(check_answer(state_of(f->connection), job_of(f->answer)) == 0);
END_BODY

static const PyAwaitable_Definition commit_definition = PyAwaitable_DEFINITION("commit", commit_body, Call);

static PyObject *
connection_commit(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return call(&commit_definition, self, NULL, NULL);
}

/* async def rollback(self): is done even if the task is cancelled meanwhile. */
BODY(rollback_body, Call, f)
    AWAIT(answer, submitted_end(CONNECTION, run_rollback));
    CHECK(check_answer(state_of(f->connection), job_of(f->answer)) == 0);
END_BODY

static const PyAwaitable_Definition rollback_definition = PyAwaitable_DEFINITION("rollback", rollback_body, Call);

static PyObject *
connection_rollback(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return call(&rollback_definition, self, NULL, NULL);
}

/* async def cursor(self) */
BODY(cursor_body, Call, f)
    CHECK(check_connection(CONNECTION) == 0);
    RETURN(new_cursor(CONNECTION));
END_BODY

static const PyAwaitable_Definition cursor_definition = PyAwaitable_DEFINITION("cursor", cursor_body, Call);

static PyObject *
connection_cursor(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return new_opening(state_of(self), call(&cursor_definition, self, NULL, NULL));
}

/* A new cursor, and what one of its coroutines gives. */
static PyObject *
on_new_cursor(PyObject *self, PyObject *args, const char *format, PyObject *(*function)(PyObject *, PyObject *, PyObject *))
{
    PyObject *sql, *parameters = NULL;
    if (!PyArg_ParseTuple(args, format, &sql, &parameters)) {
        return NULL;
    }
    PyObject *cursor = new_cursor((Connection *)self);
    PyObject *awaitable = cursor == NULL ? NULL : function(cursor, sql, parameters);
    Py_XDECREF(cursor);
    return new_opening(state_of(self), awaitable);
}

static PyObject *
connection_execute(PyObject *self, PyObject *args)
{
    return on_new_cursor(self, args, "U|O:execute", cursor_execute);
}

static PyObject *
connection_executemany(PyObject *self, PyObject *args)
{
    return on_new_cursor(self, args, "UO:executemany", cursor_execute_many);
}

static PyObject *
script(PyObject *cursor, PyObject *sql, PyObject *Py_UNUSED(parameters))
{
    return cursor_execute_script(cursor, sql);
}

static PyObject *
connection_executescript(PyObject *self, PyObject *args)
{
    return on_new_cursor(self, args, "U:executescript", script);
}

/* async def execute_fetchall(self, sql, parameters=()) */
BODY(execute_fetchall_body, Call, f)
    CHECK((f->answer = new_cursor(CONNECTION)) != NULL);
    AWAIT_ONLY(cursor_execute(f->answer, f->first, f->second));
    AWAIT(first, cursor_fetch_all(f->answer));
    RETURN(Py_NewRef(f->first));
END_BODY

static const PyAwaitable_Definition execute_fetchall_definition =
    PyAwaitable_DEFINITION("execute_fetchall", execute_fetchall_body, Call);

static PyObject *
connection_execute_fetchall(PyObject *self, PyObject *args)
{
    PyObject *sql, *parameters = NULL;
    if (!PyArg_ParseTuple(args, "U|O:execute_fetchall", &sql, &parameters)) {
        return NULL;
    }
    return call(&execute_fetchall_definition, self, sql, parameters);
}

static PyObject *
connection_interrupt(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    Connection *self = (Connection *)object;
    if (check_connection(self) < 0) {
        return NULL;
    }
    interrupt(self->worker);
    Py_RETURN_NONE;
}

static PyObject *
connection_transaction(PyObject *self, PyObject *args)
{
    PyObject *mode = NULL;
    if (!PyArg_ParseTuple(args, "|O:transaction", &mode)) {
        return NULL;
    }
    return new_transaction((Connection *)self, mode);
}

/* async def __aenter__(self) */
BODY(enter_body, Call, f)
    CHECK(check_connection(CONNECTION) == 0);
    RETURN(Py_NewRef(f->connection));
END_BODY

static const PyAwaitable_Definition enter_definition = PyAwaitable_DEFINITION("__aenter__", enter_body, Call);

static PyObject *
connection_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return call(&enter_definition, self, NULL, NULL);
}

static PyObject *
connection_exit(PyObject *self, PyObject *Py_UNUSED(error))
{
    return call(&close_definition, self, NULL, NULL);
}

static PyMethodDef methods[] = {
    {"execute", connection_execute, METH_VARARGS,
     "execute(sql, parameters=(), /)\n--\n\nA new cursor that has executed one statement: await it, or enter it by `async with`."},
    {"executemany", connection_executemany, METH_VARARGS,
     "executemany(sql, parameters, /)\n--\n\nThe same for one statement with each set of parameters."},
    {"executescript", connection_executescript, METH_VARARGS,
     "executescript(sql, /)\n--\n\nThe same for any number of statements; an open transaction is committed before."},
    {"cursor", connection_cursor, METH_NOARGS, "cursor()\n--\n\nA new cursor: await it, or enter it by `async with`."},
    {"interrupt", connection_interrupt, METH_NOARGS, "interrupt()\n--\n\nInterrupts the query that is running."},
    {"transaction", connection_transaction, METH_VARARGS,
     "transaction(mode='DEFERRED', /)\n--\n\n`async with` it: commits at the end, and rolls back if that is an exception."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef coroutines[] = {
    {"commit", connection_commit, METH_NOARGS | METH_ASYNC, "commit($self)\n--\n\nCommits the transaction, if there is one."},
    {"rollback", connection_rollback, METH_NOARGS | METH_ASYNC,
     "rollback($self)\n--\n\nRolls the transaction back, if there is one."},
    {"close", connection_close, METH_NOARGS | METH_ASYNC,
     "close($self)\n--\n\nCloses the connection when what was asked for before is done."},
    {"execute_fetchall", connection_execute_fetchall, METH_VARARGS | METH_ASYNC,
     "execute_fetchall($self, sql, parameters=(), /)\n--\n\nExecutes a statement, and returns all its rows."},
    {"__aenter__", connection_enter, METH_NOARGS | METH_ASYNC, "__aenter__($self)\n--\n\n"},
    {"__aexit__", connection_exit, METH_VARARGS | METH_ASYNC, "__aexit__($self, type, value, traceback, /)\n--\n\nCloses it."},
    {NULL, NULL, 0, NULL},
};

/* ---- Attributes ------------------------------------------------------------------------------- */

static PyObject *
get_in_transaction(PyObject *self, void *Py_UNUSED(closure))
{
    Connection *connection = (Connection *)self;
    return check_connection(connection) < 0 ? NULL
                                            : PyBool_FromLong(atomic_load(&connection->worker->is_in_transaction));
}

static PyObject *
get_total_changes(PyObject *self, void *Py_UNUSED(closure))
{
    Connection *connection = (Connection *)self;
    return check_connection(connection) < 0 ? NULL
                                            : PyLong_FromLongLong(atomic_load(&connection->worker->total_changes));
}

static PyObject *
get_isolation_level(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(((Connection *)self)->isolation_level);
}

static int
set_isolation_level(PyObject *self, PyObject *level, void *Py_UNUSED(closure))
{
    static const char *const levels[] = {"", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"};
    Connection *connection = (Connection *)self;
    if (level == NULL) {
        PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
        return -1;
    }
    if (level == Py_None) {
        connection->begin[0] = '\0';
        Py_XSETREF(connection->isolation_level, Py_NewRef(level));
        return 0;
    }
    if (!PyUnicode_Check(level)) {
        PyErr_SetString(PyExc_TypeError, "isolation_level must be str or None");
        return -1;
    }
    const char *text = PyUnicode_AsUTF8(level);
    if (text == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (sqlite3_stricmp(text, levels[i]) == 0) {
            (void)PyOS_snprintf(connection->begin, sizeof(connection->begin), "BEGIN %s", levels[i]);
            Py_XSETREF(connection->isolation_level, Py_NewRef(level));
            return 0;
        }
    }
    PyErr_SetString(PyExc_ValueError,
                    "isolation_level string must be '', 'DEFERRED', 'IMMEDIATE', or 'EXCLUSIVE'");
    return -1;
}

static PyGetSetDef attributes[] = {
    {"in_transaction", get_in_transaction, NULL, "Whether a transaction is open.", NULL},
    {"total_changes", get_total_changes, NULL, "How many rows have been changed since it was opened.", NULL},
    {"isolation_level", get_isolation_level, set_isolation_level,
     "How transactions begin by themselves; None: they do not.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"row_factory", T_OBJECT, offsetof(Connection, row_factory), 0, "What makes a row of a cursor and a tuple, or None."},
    {"text_factory", T_OBJECT, offsetof(Connection, text_factory), 0, "What makes an object of the bytes of a text."},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Connection, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* ---- The type --------------------------------------------------------------------------------- */

static int
connection_traverse(PyObject *self, visitproc visit, void *arg)
{
    Connection *connection = (Connection *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(connection->row_factory);
    Py_VISIT(connection->text_factory);
    Py_VISIT(connection->isolation_level);
    return 0;
}

static int
connection_clear(PyObject *self)
{
    Connection *connection = (Connection *)self;
    Py_CLEAR(connection->row_factory);
    Py_CLEAR(connection->text_factory);
    Py_CLEAR(connection->isolation_level);
    return 0;
}

static void
connection_dealloc(PyObject *self)
{
    Connection *connection = (Connection *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (PyObject_CallFinalizerFromDealloc(self) < 0) {
        return;
    }
    PyObject_GC_UnTrack(self);
    if (connection->weak_references != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    if (connection->worker != NULL) {
        if (!connection->is_closed) {
            close_unawaited(connection->worker);
        }
        drop_worker(connection->worker);
    }
    drop_turns(connection->turns);
    (void)connection_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static void
connection_finalize(PyObject *self)
{
    Connection *connection = (Connection *)self;
    if (connection->worker == NULL || connection->is_closed) {
        return;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (PyErr_ResourceWarning(self, 1, "unclosed database in %R", self) < 0) {
        PyErr_WriteUnraisable(self);
    }
    PyErr_Restore(type, value, traceback);
}

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"A connection to a SQLite database, with a thread of its own."},
    {Py_tp_traverse, (void *)connection_traverse},
    {Py_tp_clear, (void *)connection_clear},
    {Py_tp_finalize, (void *)connection_finalize},
    {Py_tp_dealloc, (void *)connection_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "sqlite_async.Connection",
    .basicsize = sizeof(Connection),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

PyTypeObject *
make_connection_type(PyObject *module)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    if (type != NULL && PyAwaitable_AddMethods(type, coroutines) < 0) {
        Py_CLEAR(type);
    }
    return type;
}

/* ---- connect() -------------------------------------------------------------------------------- */

PyObject *
driver_connect(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"database", "timeout", "detect_types", "isolation_level", "cached_statements", "uri", NULL};
    State *state = PyModule_GetState(module);
    PyObject *path, *level = NULL;
    double timeout = 5;
    int detect_types = 0, cached_statements = 128, is_uri = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$diOip:connect", names, PyUnicode_FSConverter, &path, &timeout,
                                     &detect_types, &level, &cached_statements, &is_uri)) {
        return NULL;
    }
    Connection *self = (Connection *)state->Connection->tp_alloc(state->Connection, 0);
    if (self == NULL) {
        Py_DECREF(path);
        return NULL;
    }
    self->thread = PyThread_get_thread_ident();
    self->detect_types = detect_types;
    self->row_factory = Py_NewRef(Py_None);
    self->text_factory = Py_NewRef((PyObject *)&PyUnicode_Type);
    self->turns = new_turns();
    PyObject *awaitable = NULL;
    PyObject *deferred = level == NULL ? PyUnicode_FromString("") : Py_NewRef(level);
    if (self->turns == NULL) {
        PyErr_NoMemory();
    }
    else if (deferred != NULL && set_isolation_level((PyObject *)self, deferred, NULL) == 0) {
        self->worker = start_worker(PyBytes_AS_STRING(path),
                                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | (is_uri ? SQLITE_OPEN_URI : 0), timeout,
                                    cached_statements);
        if (self->worker == NULL) {
            errno == ENOMEM ? PyErr_NoMemory() : PyErr_SetFromErrno(PyExc_OSError);
        }
        else {
            awaitable = call(&open_definition, (PyObject *)self, NULL, NULL);
        }
    }
    Py_XDECREF(deferred);
    Py_DECREF(path);
    Py_DECREF(self);
    return new_opening(state, awaitable);
}
