/* Cursors: execute, and fetch. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>
#include <structmember.h>

/* The rows that come with the first answer, and later ones at a time. */
enum { FIRST_ROWS = 100, MORE_ROWS = 2000 };
enum { PARSE_DECLTYPES = 1, PARSE_COLNAMES = 2 };

PyObject *
new_cursor(Connection *connection)
{
    PyTypeObject *type = state_of((PyObject *)connection)->Cursor;
    Cursor *self = (Cursor *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->connection = (Connection *)Py_NewRef((PyObject *)connection);
        self->row_factory = Py_NewRef(connection->row_factory);
        self->last_row = Py_NewRef(Py_None);
        self->array_size = 1;
        self->row_count = -1;
    }
    return (PyObject *)self;
}

/* Gives up what is left of the last statement. */
static void
forget_rows(Cursor *self)
{
    Statement *statement = self->statement;
    self->statement = NULL;
    self->rows_left = 0;
    Py_CLEAR(self->answer);
    Py_CLEAR(self->later);
    Py_CLEAR(self->ahead);
    if (statement != NULL) {
        give_up(self->connection->worker, statement);
    }
}

static int
check_cursor(Cursor *self)
{
    if (self->is_closed) {
        PyErr_SetString(state_of((PyObject *)self)->ProgrammingError, "Cannot operate on a closed cursor.");
        return -1;
    }
    return check_connection(self->connection);
}

/* ---- What comes back -------------------------------------------------------------------------- */

/* `name [type]`: where the type begins, or 0. */
static Py_ssize_t
type_in_name(const Value *name)
{
    for (size_t i = 0; i + 1 < name->size; i++) {
        if (name->bytes[i] == '[' && i > 0 && name->bytes[name->size - 1] == ']') {
            return (Py_ssize_t)i;
        }
    }
    return 0;
}

/* The converter for a type's name, or None. A new reference. */
static PyObject *
find_converter(State *state, const char *name, Py_ssize_t size)
{
    PyObject *text = PyUnicode_FromStringAndSize(name, size);
    PyObject *key = text == NULL ? NULL : PyObject_CallMethod(text, "upper", NULL);
    PyObject *found = NULL;
    if (key != NULL) {
        found = PyDict_GetItemWithError(state->converters, key);
        found = found == NULL && !PyErr_Occurred() ? Py_None : found;
        Py_XINCREF(found);
    }
    Py_XDECREF(text);
    Py_XDECREF(key);
    return found;
}

static PyObject *
converter_of(State *state, int detect_types, const Value *name, const Value *declared)
{
    PyObject *found = Py_NewRef(Py_None);
    Py_ssize_t at = type_in_name(name);
    if ((detect_types & PARSE_COLNAMES) && at > 0) {
        Py_DECREF(found);
        found = find_converter(state, name->bytes + at + 1, (Py_ssize_t)name->size - at - 2);
    }
    if (found == Py_None && (detect_types & PARSE_DECLTYPES) && declared->kind == IS_TEXT) {
        size_t size = 0;
        while (size < declared->size && declared->bytes[size] != ' ' && declared->bytes[size] != '(') {
            size++;
        }
        Py_DECREF(found);
        found = find_converter(state, declared->bytes, (Py_ssize_t)size);
    }
    return found;
}

/* There are no columns any more. */
static void
forget_columns(Cursor *self)
{
    self->column_count = 0;
    free(self->columns.bytes);
    self->columns = (Packed){0};
    Py_CLEAR(self->description);
    Py_CLEAR(self->converters);
}

/* The column's name as it is told, without `[type]`. */
static PyObject *
column_name(Cursor *self, const Value *name)
{
    Py_ssize_t size = (Py_ssize_t)name->size;
    if (self->connection->detect_types & PARSE_COLNAMES) {
        Py_ssize_t before = type_in_name(name);
        /* The blank before the type does not belong to the name. */
        size = before == 0 ? size : name->bytes[before - 1] == ' ' ? before - 1 : before;
    }
    return PyUnicode_FromStringAndSize(name->bytes, size);
}

PyObject *
cursor_description(Cursor *self)
{
    if (self->description != NULL) {
        return Py_NewRef(self->description);
    }
    if (self->column_count == 0) {
        Py_RETURN_NONE;
    }
    PyObject *columns = PyTuple_New(self->column_count);
    size_t at = 0;
    for (int i = 0; columns != NULL && i < self->column_count; i++) {
        Value name = unpack(&self->columns, &at);
        (void)unpack(&self->columns, &at);
        PyObject *text = column_name(self, &name);
        PyObject *column =
            text == NULL ? NULL : PyTuple_Pack(7, text, Py_None, Py_None, Py_None, Py_None, Py_None, Py_None);
        Py_XDECREF(text);
        if (column == NULL) {
            Py_CLEAR(columns);
            break;
        }
        PyTuple_SET_ITEM(columns, i, column);
    }
    self->description = Py_XNewRef(columns);
    return columns;
}

/* The converters of the columns, or NULL with an exception. */
static PyObject *
find_converters(Cursor *self)
{
    State *state = state_of((PyObject *)self);
    PyObject *converters = PyTuple_New(self->column_count);
    size_t at = 0;
    for (int i = 0; converters != NULL && i < self->column_count; i++) {
        Value name = unpack(&self->columns, &at), declared = unpack(&self->columns, &at);
        PyObject *converter = converter_of(state, self->connection->detect_types, &name, &declared);
        if (converter == NULL) {
            Py_CLEAR(converters);
            break;
        }
        PyTuple_SET_ITEM(converters, i, converter);
    }
    return converters;
}

/* Takes the columns of an answer; `description` is made of them when somebody asks. 0, or -1. */
static int
take_columns(Cursor *self, Job *job)
{
    forget_columns(self);
    if (job->column_count <= 0) {
        return 0;
    }
    self->column_count = job->column_count;
    self->columns = job->columns;
    job->columns = (Packed){0};
    if (self->connection->detect_types != 0 && (self->converters = find_converters(self)) == NULL) {
        forget_columns(self);
        return -1;
    }
    return 0;
}

/* The next rows to read are these. */
static void
set_rows(Cursor *self, PyObject *answer)
{
    self->at = 0;
    self->rows_left = job_of(answer)->row_count;
    Py_XSETREF(self->answer, Py_NewRef(answer));
}

/* Takes the rows of an answer, and its statement. 0, or -1 without memory. */
static int
take_rows(Cursor *self, PyObject *answer)
{
    Job *job = job_of(answer);
    if (self->rows_left == 0) {
        set_rows(self, answer);
    }
    else {
        /* Two tasks have asked for more. */
        if (self->later == NULL && (self->later = PyList_New(0)) == NULL) {
            return -1;
        }
        if (PyList_Append(self->later, answer) < 0) {
            return -1;
        }
    }
    self->statement = job->statement;
    self->use = job->use;
    job->statement = NULL;
    if (self->statement != NULL && !job->has_more) {
        Statement *statement = self->statement;
        self->statement = NULL;
        give_up(self->connection->worker, statement);
    }
    return 0;
}

/* ---- execute ---------------------------------------------------------------------------------- */

typedef struct {
    HEAD
    PyObject *cursor, *sql, *parameters, *answer, *iterator, *error;
    DATA
    long long changed;
    int is_at_end;
} Execute;

#define CURSOR ((Cursor *)f->cursor)
#define STATE state_of(f->cursor)

static PyObject *
new_execute(const PyAwaitable_Definition *definition, PyObject *cursor, PyObject *sql, PyObject *parameters)
{
    Execute *f;
    PyObject *awaitable = PyAwaitable_NewBody(definition, &f);
    if (awaitable != NULL) {
        f->cursor = Py_NewRef(cursor);
        Py_XINCREF(sql);
        Py_XINCREF(parameters);
        f->sql = sql;
        f->parameters = parameters;
    }
    return awaitable;
}

static Job *
new_execute_job(Cursor *self, PyObject *sql)
{
    if (check_cursor(self) < 0) {
        return NULL;
    }
    forget_rows(self);
    forget_columns(self);
    self->row_count = -1;
    Job *job = new_sql_job(self->connection, sql, run_execute);
    if (job != NULL) {
        job->begin = self->connection->begin[0] == '\0' ? NULL : self->connection->begin;
        job->detect_types = self->connection->detect_types & PARSE_DECLTYPES;
        job->rows_wanted = FIRST_ROWS;
    }
    return job;
}

static PyObject *
submitted_execute(Cursor *self, PyObject *sql, PyObject *parameters)
{
    Job *job = new_execute_job(self, sql);
    if (job == NULL) {
        return NULL;
    }
    job->set_count = parameters == NULL;
    if (parameters != NULL && pack_parameters(state_of((PyObject *)self), job, parameters) < 0) {
        free_job(job);
        return NULL;
    }
    return submitted(self->connection, job);
}

static int
take_executed(Cursor *self, PyObject *answer)
{
    Job *job = job_of(answer);
    forget_rows(self);
    if (check_answer(state_of((PyObject *)self), job) < 0 && job->row_count == 0) {
        return -1;
    }
    /* An error after some rows is raised when they have been read. */
    PyErr_Clear();
    if (job->is_nothing) {
        return 0;
    }
    PyObject *last_row = PyLong_FromLongLong(job->last_row);
    if (last_row == NULL || take_columns(self, job) < 0) {
        Py_XDECREF(last_row);
        return -1;
    }
    Py_XSETREF(self->last_row, last_row);
    self->row_count = job->changed;
    return take_rows(self, answer);
}

/* async def execute(self, sql, parameters=()) */
BODY(execute_body, Execute, f)
    AWAIT(answer, submitted_execute(CURSOR, f->sql, f->parameters));
    CHECK(take_executed(CURSOR, f->answer) == 0);
    RETURN(Py_NewRef(f->cursor));
END_BODY

static const PyAwaitable_Definition execute_definition = PyAwaitable_DEFINITION("execute", execute_body, Execute);

PyObject *
cursor_execute(PyObject *self, PyObject *sql, PyObject *parameters)
{
    return new_execute(&execute_definition, self, sql, parameters);
}

/* The exception that is set, which is not set any more; or NULL. */
static PyObject *
exception_set(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL) {
        return NULL;
    }
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        (void)PyException_SetTraceback(value, traceback);
    }
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

/* As many sets as fit into one job. `is_at_end` says whether that was all; if it was because of an exception, that is kept until
 * what comes before it is done. */
static PyObject *
submitted_sets(Execute *f)
{
    enum { ENOUGH = 64 * 1024 };
    Job *job = new_execute_job(CURSOR, f->sql);
    if (job == NULL) {
        return NULL;
    }
    job->is_many = 1;
    while (job->parameters.size < ENOUGH) {
        PyObject *set = PyIter_Next(f->iterator);
        f->is_at_end = set == NULL || pack_parameters(STATE, job, set) < 0;
        Py_XDECREF(set);
        if (f->is_at_end) {
            f->error = exception_set();
            break;
        }
    }
    return submitted(CURSOR->connection, job);
}

static int
take_many(Execute *f)
{
    Job *job = job_of(f->answer);
    if (check_answer(STATE, job) < 0) {
        return -1;
    }
    f->changed += job->changed;
    if (f->error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(f->error), f->error);
        return -1;
    }
    return 0;
}

/* async def executemany(self, sql, parameters) */
BODY(executemany_body, Execute, f)
    CHECK((f->iterator = PyObject_GetIter(f->parameters)) != NULL);
    do {
        AWAIT(answer, submitted_sets(f));
        CHECK(take_many(f) == 0);
    } while (!f->is_at_end);
    CURSOR->row_count = f->changed;
    forget_columns(CURSOR);
    RETURN(Py_NewRef(f->cursor));
END_BODY

static const PyAwaitable_Definition executemany_definition =
    PyAwaitable_DEFINITION("executemany", executemany_body, Execute);

PyObject *
cursor_execute_many(PyObject *self, PyObject *sql, PyObject *sets)
{
    return new_execute(&executemany_definition, self, sql, sets);
}

static PyObject *
submitted_script(Cursor *self, PyObject *sql)
{
    if (check_cursor(self) < 0) {
        return NULL;
    }
    Job *job = new_sql_job(self->connection, sql, run_script);
    return job == NULL ? NULL : submitted(self->connection, job);
}

/* async def executescript(self, sql) */
BODY(executescript_body, Execute, f)
    AWAIT(answer, submitted_script(CURSOR, f->sql));
    CHECK(check_answer(STATE, job_of(f->answer)) == 0);
    RETURN(Py_NewRef(f->cursor));
END_BODY

static const PyAwaitable_Definition executescript_definition =
    PyAwaitable_DEFINITION("executescript", executescript_body, Execute);

PyObject *
cursor_execute_script(PyObject *self, PyObject *sql)
{
    return new_execute(&executescript_definition, self, sql, NULL);
}

/* ---- fetch ------------------------------------------------------------------------------------ */

static PyObject *
submitted_fetch(Cursor *self)
{
    Job *job = new_job(self->connection->worker, run_fetch);
    if (job == NULL) {
        return PyErr_NoMemory();
    }
    job->statement = self->statement;
    job->use = self->use;
    job->rows_wanted = MORE_ROWS;
    job->may_be_cancelled = 1;
    return submitted(self->connection, job);
}

/* What to await for more rows: what was asked for ahead, or a new one. */
static PyObject *
more_rows(Cursor *self)
{
    if (check_cursor(self) < 0) {
        return NULL;
    }
    PyObject *ahead = self->ahead;
    self->ahead = NULL;
    return ahead != NULL ? ahead : submitted_fetch(self);
}

/* Takes more rows, and asks for those after them, so that they are read while these are made into objects. */
static int
take_more(Cursor *self, PyObject *answer, int is_ahead)
{
    Job *job = job_of(answer);
    if (job->statement == NULL || self->statement == NULL || job->use != self->use) {
        /* The cursor has executed something else meanwhile, or its connection is closed. */
        return check_answer(state_of((PyObject *)self), job);
    }
    if (take_rows(self, answer) < 0) {
        return -1;
    }
    if (job->changed >= 0) {
        self->row_count = job->changed;
    }
    if (is_ahead && self->statement != NULL && self->ahead == NULL) {
        self->ahead = submitted_fetch(self);
        return self->ahead == NULL ? -1 : 0;
    }
    return 0;
}

/* 1 if there is a row at hand, 0 if the worker has to be asked, -1 at the end, which may be an error. */
static int
look(Cursor *self)
{
    while (self->rows_left == 0 && self->answer != NULL) {
        PyObject *answer = self->answer;
        self->answer = NULL;
        int is_fine = check_answer(state_of((PyObject *)self), job_of(answer)) == 0;
        Py_DECREF(answer);
        if (!is_fine) {
            forget_rows(self);
            return -1;
        }
        if (self->later != NULL && PyList_GET_SIZE(self->later) > 0) {
            set_rows(self, PyList_GET_ITEM(self->later, 0));
            if (PyList_SetSlice(self->later, 0, 1, NULL) < 0) {
                return -1;
            }
        }
    }
    return self->rows_left > 0 ? 1 : self->statement != NULL ? 0 : -1;
}

/* The next row that is at hand, as the row factory makes it. */
static PyObject *
next_row(Cursor *self)
{
    PyObject *row = next_tuple(self);
    PyObject *factory = self->row_factory;
    if (row == NULL || factory == Py_None) {
        return row;
    }
    Py_INCREF(factory);
    PyObject *made = PyObject_CallFunctionObjArgs(factory, (PyObject *)self, row, NULL);
    Py_DECREF(factory);
    Py_DECREF(row);
    return made;
}

typedef struct {
    HEAD
    PyObject *cursor, *answer, *rows;
    DATA
    Py_ssize_t left; /* how many rows are wanted */
    int at_hand;
} Fetch;

static PyObject *
new_fetch(const PyAwaitable_Definition *definition, PyObject *cursor, Py_ssize_t left)
{
    Fetch *f;
    PyObject *awaitable = PyAwaitable_NewBody(definition, &f);
    if (awaitable != NULL) {
        f->cursor = Py_NewRef(cursor);
        f->left = left;
    }
    return awaitable;
}

/* async def fetchone(self) */
BODY(fetchone_body, Fetch, f)
    CHECK(check_cursor(CURSOR) == 0);
    while ((f->at_hand = look(CURSOR)) == 0) {
        AWAIT(answer, more_rows(CURSOR));
        CHECK(take_more(CURSOR, f->answer, 0) == 0);
    }
    CHECK(f->at_hand > 0 || !PyErr_Occurred());
    RETURN(f->at_hand > 0 ? next_row(CURSOR) : Py_NewRef(Py_None));
END_BODY

static const PyAwaitable_Definition fetchone_definition = PyAwaitable_DEFINITION("fetchone", fetchone_body, Fetch);

static PyObject *
cursor_fetchone(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return new_fetch(&fetchone_definition, self, 1);
}

/* async def __anext__(self) */
BODY(next_body, Fetch, f)
    CHECK(check_cursor(CURSOR) == 0);
    while ((f->at_hand = look(CURSOR)) == 0) {
        AWAIT(answer, more_rows(CURSOR));
        CHECK(take_more(CURSOR, f->answer, 1) == 0);
    }
    if (f->at_hand < 0) {
        if (!PyErr_Occurred()) {
            PyErr_SetNone(PyExc_StopAsyncIteration);
        }
        RAISE;
    }
    RETURN(next_row(CURSOR));
END_BODY

static const PyAwaitable_Definition next_definition = PyAwaitable_DEFINITION("__anext__", next_body, Fetch);

static PyObject *
cursor_next(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return new_fetch(&next_definition, self, 1);
}

/* Adds the rows that are at hand: 0, or -1. */
static int
add_rows(Fetch *f)
{
    while (f->left > 0 && CURSOR->rows_left > 0) {
        PyObject *row = next_row(CURSOR);
        if (row == NULL || PyList_Append(f->rows, row) < 0) {
            Py_XDECREF(row);
            return -1;
        }
        Py_DECREF(row);
        f->left--;
    }
    return 0;
}

/* async def fetchmany(self, size=None); async def fetchall(self): the same, without an end */
BODY(fetchmany_body, Fetch, f)
    CHECK(check_cursor(CURSOR) == 0);
    CHECK((f->rows = PyList_New(0)) != NULL);
    while (f->left > 0) {
        f->at_hand = look(CURSOR);
        if (f->at_hand > 0) {
            CHECK(add_rows(f) == 0);
        }
        else if (f->at_hand < 0) {
            CHECK(!PyErr_Occurred());
            break;
        }
        else {
            AWAIT(answer, more_rows(CURSOR));
            CHECK(take_more(CURSOR, f->answer, f->left > MORE_ROWS) == 0);
        }
    }
    RETURN(Py_NewRef(f->rows));
END_BODY

static const PyAwaitable_Definition fetchmany_definition = PyAwaitable_DEFINITION("fetchmany", fetchmany_body, Fetch);

static PyObject *
cursor_fetchmany(PyObject *self, PyObject *args)
{
    PyObject *size = Py_None;
    Py_ssize_t wanted = ((Cursor *)self)->array_size;
    if (!PyArg_ParseTuple(args, "|O:fetchmany", &size)) {
        return NULL;
    }
    if (size != Py_None) {
        wanted = PyNumber_AsSsize_t(size, PyExc_OverflowError);
        if (wanted == -1 && PyErr_Occurred()) {
            return NULL;
        }
    }
    return new_fetch(&fetchmany_definition, self, wanted);
}

PyObject *
cursor_fetch_all(PyObject *self)
{
    return new_fetch(&fetchmany_definition, self, PY_SSIZE_T_MAX);
}

static PyObject *
cursor_fetchall(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return cursor_fetch_all(self);
}

/* ---- The rest --------------------------------------------------------------------------------- */

/* async def close(self) */
BODY(close_body, Fetch, f)
    if (!CURSOR->is_closed) {
        CURSOR->is_closed = 1;
        forget_rows(CURSOR);
    }
END_BODY

static const PyAwaitable_Definition close_definition = PyAwaitable_DEFINITION("close", close_body, Fetch);

static PyObject *
cursor_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return new_fetch(&close_definition, self, 0);
}

static PyObject *
cursor_exit(PyObject *self, PyObject *Py_UNUSED(error))
{
    return new_fetch(&close_definition, self, 0);
}

/* async def __aenter__(self) */
BODY(enter_body, Fetch, f)
    CHECK(check_cursor(CURSOR) == 0);
    RETURN(Py_NewRef(f->cursor));
END_BODY

static const PyAwaitable_Definition enter_definition = PyAwaitable_DEFINITION("__aenter__", enter_body, Fetch);

static PyObject *
cursor_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return new_fetch(&enter_definition, self, 0);
}

static PyObject *
call_execute(PyObject *self, PyObject *args)
{
    PyObject *sql, *parameters = NULL;
    return PyArg_ParseTuple(args, "U|O:execute", &sql, &parameters) ? cursor_execute(self, sql, parameters) : NULL;
}

static PyObject *
call_executemany(PyObject *self, PyObject *args)
{
    PyObject *sql, *sets;
    return PyArg_ParseTuple(args, "UO:executemany", &sql, &sets) ? cursor_execute_many(self, sql, sets) : NULL;
}

static PyObject *
call_executescript(PyObject *self, PyObject *args)
{
    PyObject *sql;
    return PyArg_ParseTuple(args, "U:executescript", &sql) ? cursor_execute_script(self, sql) : NULL;
}

static PyMethodDef coroutines[] = {
    {"execute", call_execute, METH_VARARGS | METH_ASYNC,
     "execute($self, sql, parameters=(), /)\n--\n\nExecutes one statement, and returns the cursor."},
    {"executemany", call_executemany, METH_VARARGS | METH_ASYNC,
     "executemany($self, sql, parameters, /)\n--\n\nExecutes one statement with each set of parameters."},
    {"executescript", call_executescript, METH_VARARGS | METH_ASYNC,
     "executescript($self, sql, /)\n--\n\nExecutes any number of statements."},
    {"fetchone", cursor_fetchone, METH_NOARGS | METH_ASYNC, "fetchone($self)\n--\n\nThe next row, or None."},
    {"fetchmany", cursor_fetchmany, METH_VARARGS | METH_ASYNC,
     "fetchmany($self, size=None, /)\n--\n\nA list of the next rows, `arraysize` at most."},
    {"fetchall", cursor_fetchall, METH_NOARGS | METH_ASYNC, "fetchall($self)\n--\n\nA list of all rows that are left."},
    {"close", cursor_close, METH_NOARGS | METH_ASYNC, "close($self)\n--\n\nGives up the rows that are left."},
    {"__anext__", cursor_next, METH_NOARGS | METH_ASYNC, "__anext__($self)\n--\n\n"},
    {"__aenter__", cursor_enter, METH_NOARGS | METH_ASYNC, "__aenter__($self)\n--\n\n"},
    {"__aexit__", cursor_exit, METH_VARARGS | METH_ASYNC, "__aexit__($self, type, value, traceback, /)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

static PyObject *
cursor_ignore_sizes(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args))
{
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"setinputsizes", cursor_ignore_sizes, METH_VARARGS, "setinputsizes(sizes, /)\n--\n\nDoes nothing."},
    {"setoutputsize", cursor_ignore_sizes, METH_VARARGS, "setoutputsize(size, column=None, /)\n--\n\nDoes nothing."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"connection", T_OBJECT_EX, offsetof(Cursor, connection), READONLY, "Its connection."},
    {"lastrowid", T_OBJECT_EX, offsetof(Cursor, last_row), READONLY, "The rowid of the last row inserted, or None."},
    {"rowcount", T_LONGLONG, offsetof(Cursor, row_count), READONLY, "How many rows were changed, or -1."},
    {"arraysize", T_PYSSIZET, offsetof(Cursor, array_size), 0, "How many rows fetchmany() fetches."},
    {"row_factory", T_OBJECT, offsetof(Cursor, row_factory), 0, "What makes a row of the cursor and a tuple, or None."},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Cursor, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *
get_description(PyObject *self, void *Py_UNUSED(closure))
{
    return cursor_description((Cursor *)self);
}

static PyGetSetDef attributes[] = {
    {"description", get_description, NULL, "The columns, seven values each; or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyObject *
cursor_iter(PyObject *self)
{
    return Py_NewRef(self);
}

static int
cursor_traverse(PyObject *object, visitproc visit, void *arg)
{
    Cursor *self = (Cursor *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->connection);
    Py_VISIT(self->row_factory);
    Py_VISIT(self->description);
    Py_VISIT(self->converters);
    Py_VISIT(self->last_row);
    Py_VISIT(self->later);
    Py_VISIT(self->ahead);
    return 0;
}

static int
cursor_clear(PyObject *object)
{
    Cursor *self = (Cursor *)object;
    /* The connection stays: it has the worker. */
    Py_CLEAR(self->row_factory);
    Py_CLEAR(self->converters);
    Py_CLEAR(self->ahead);
    return 0;
}

static void
cursor_dealloc(PyObject *object)
{
    Cursor *self = (Cursor *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weak_references != NULL) {
        PyObject_ClearWeakRefs(object);
    }
    forget_rows(self);
    (void)cursor_clear(object);
    forget_columns(self);
    Py_CLEAR(self->last_row);
    Py_CLEAR(self->connection);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"A cursor: it executes statements, and has their rows."},
    {Py_tp_traverse, (void *)cursor_traverse},
    {Py_tp_clear, (void *)cursor_clear},
    {Py_tp_dealloc, (void *)cursor_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, attributes},
    {Py_am_aiter, (void *)cursor_iter},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "sqlite_async.Cursor",
    .basicsize = sizeof(Cursor),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

PyTypeObject *
make_cursor_type(PyObject *module)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    if (type != NULL && PyAwaitable_AddMethods(type, coroutines) < 0) {
        Py_CLEAR(type);
    }
    return type;
}
