#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- Values --------------------------------------------------------------------------------- */

static int
make_room(Packed *packed, size_t more)
{
    if (packed->room - packed->size >= more) {
        return 0;
    }
    size_t room = packed->room * 2 + 256;
    if (room - packed->size < more) {
        room = packed->size + more;
    }
    char *bytes = realloc(packed->bytes, room);
    if (bytes == NULL) {
        return -1;
    }
    packed->bytes = bytes;
    packed->room = room;
    return 0;
}

static void
put(Packed *packed, const void *bytes, size_t size)
{
    memcpy(packed->bytes + packed->size, bytes, size);
    packed->size += size;
}

int
pack(Packed *packed, const Value *value)
{
    char kind = (char)value->kind;
    size_t size = value->kind >= IS_TEXT ? value->size : 0;
    if (make_room(packed, 1 + 8 + size) < 0) {
        return -1;
    }
    put(packed, &kind, 1);
    switch (value->kind) {
    case IS_NULL:
        break;
    case IS_INTEGER:
        put(packed, &value->integer, 8);
        break;
    case IS_REAL:
        put(packed, &value->real, 8);
        break;
    default:
        put(packed, &value->size, sizeof(size_t));
        if (size > 0) {
            put(packed, value->bytes, size);
        }
    }
    return 0;
}

static void
get(const Packed *packed, size_t *at, void *bytes, size_t size)
{
    memcpy(bytes, packed->bytes + *at, size);
    *at += size;
}

Value
unpack(const Packed *packed, size_t *at)
{
    Value value = {.kind = packed->bytes[(*at)++]};
    switch (value.kind) {
    case IS_NULL:
        break;
    case IS_INTEGER:
        get(packed, at, &value.integer, 8);
        break;
    case IS_REAL:
        get(packed, at, &value.real, 8);
        break;
    default:
        get(packed, at, &value.size, sizeof(size_t));
        value.bytes = packed->bytes + *at;
        *at += value.size;
    }
    return value;
}

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

static void
fail(Job *job, int error, const char *message)
{
    job->error = error;
    free(job->message);
    job->message = strdup(message);
    if (job->message == NULL) {
        job->error = NO_MEMORY;
    }
}

/* What the database says has gone wrong. */
static void
fail_with(Job *job, sqlite3 *db, int code)
{
    if ((code & 0xff) == SQLITE_NOMEM || db == NULL) {
        job->error = NO_MEMORY;
        return;
    }
    job->code = code;
    fail(job, SQLITE_SAYS, sqlite3_errmsg(db));
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

/* Whether SQLite has to stop what it is at. */
static int
is_to_stop(void *worker)
{
    enum { PATIENCE = 20 };
    Job *job = ((Worker *)worker)->current;
    if (!atomic_load(&job->is_cancelled)) {
        return 0;
    }
    /* A fetch stops after its row, so that none is lost; unless that takes too long. */
    return job->run != run_fetch || ++job->asked > PATIENCE;
}

/* What SQLite does about a lock of somebody else's: it waits a little, for as long as `timeout` says. */
static int
wait_for_lock(void *argument, int count)
{
    static const int delays[] = {1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100};
    Worker *worker = argument;
    const int last = (int)(sizeof(delays) / sizeof(delays[0])) - 1;
    double left = worker->timeout * 1000;
    for (int i = 0; i < count; i++) {
        left -= delays[i < last ? i : last];
    }
    if (left <= 0 || is_to_stop(worker)) {
        return 0;
    }
    int delay = delays[count < last ? count : last];
    sqlite3_sleep(delay < left ? delay : (int)left + 1);
    return 1;
}

/* ---- Statements ----------------------------------------------------------------------------- */

static int
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* What comes after blanks and comments. */
static const char *
skip_blanks(const char *sql)
{
    for (;;) {
        if (is_blank(*sql)) {
            sql++;
        }
        else if (sql[0] == '-' && sql[1] == '-') {
            while (*sql != '\0' && *sql != '\n') {
                sql++;
            }
        }
        else if (sql[0] == '/' && sql[1] == '*') {
            const char *end = strstr(sql + 2, "*/");
            if (end == NULL) {
                return sql + strlen(sql);
            }
            sql = end + 2;
        }
        else {
            return sql;
        }
    }
}

static int
begins_with(const char *sql, const char *word)
{
    return sqlite3_strnicmp(sql, word, (int)strlen(word)) == 0;
}

static void
finalize(Statement *statement)
{
    sqlite3_finalize(statement->handle);
    free(statement->sql);
    free(statement);
}

static void
free_jobs(Job *job)
{
    while (job != NULL) {
        Job *next = job->next;
        free_job(job);
        job = next;
    }
}

static void
run_give_up(Worker *worker, Job *job)
{
    Statement *statement = job->statement;
    pthread_mutex_lock(&worker->mutex);
    Job *untaken = statement->untaken;
    statement->untaken = NULL;
    statement->use = 0;
    pthread_mutex_unlock(&worker->mutex);
    free_jobs(untaken);
    (void)sqlite3_reset(statement->handle);
    (void)sqlite3_clear_bindings(statement->handle);
    statement->has_row = statement->has_failed = 0;
    if (statement->is_used == 2) {
        pthread_mutex_lock(&worker->mutex);
        worker->active_count--;
        pthread_mutex_unlock(&worker->mutex);
    }
    statement->is_used = 0;
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

/* With the mutex: it is in use now. */
static void
put_first(Worker *worker, Statement *statement)
{
    statement->is_used = 1;
    statement->use = ++worker->uses;
    statement->next = worker->statements;
    worker->statements = statement;
}

/* A prepared statement for the job that is marked as used; NULL if there is none, or it has failed. */
static Statement *
prepare(Worker *worker, Job *job)
{
    Statement **place = &worker->statements, **oldest = NULL;
    for (; *place != NULL; place = &(*place)->next) {
        Statement *statement = *place;
        if (statement->is_used) {
            continue;
        }
        if (statement->sql_size == job->sql_size && memcmp(statement->sql, job->sql, job->sql_size) == 0) {
            pthread_mutex_lock(&worker->mutex);
            *place = statement->next;
            put_first(worker, statement);
            pthread_mutex_unlock(&worker->mutex);
            return statement;
        }
        oldest = place;
    }
    if (worker->statement_count >= worker->cached_statements && oldest != NULL) {
        Statement *statement = *oldest;
        pthread_mutex_lock(&worker->mutex);
        *oldest = statement->next;
        pthread_mutex_unlock(&worker->mutex);
        worker->statement_count--;
        finalize(statement);
    }
    sqlite3_stmt *handle = NULL;
    const char *rest = NULL;
    int code = sqlite3_prepare_v2(worker->db, job->sql, (int)job->sql_size + 1, &handle, &rest);
    if (code != SQLITE_OK) {
        fail_with(job, worker->db, sqlite3_extended_errcode(worker->db));
        return NULL;
    }
    if (rest != NULL && *skip_blanks(rest) != '\0') {
        sqlite3_finalize(handle);
        fail(job, MANY_STATEMENTS, "You can only execute one statement at a time.");
        return NULL;
    }
    if (handle == NULL) {
        return NULL;
    }
    Statement *statement = calloc(1, sizeof(Statement));
    if (statement == NULL) {
        sqlite3_finalize(handle);
        job->error = NO_MEMORY;
        return NULL;
    }
    const char *word = skip_blanks(job->sql);
    statement->handle = handle;
    statement->is_change = begins_with(word, "insert") || begins_with(word, "update") || begins_with(word, "delete") ||
                           begins_with(word, "replace");
    statement->sql = job->sql;
    statement->sql_size = job->sql_size;
    job->sql = NULL;
    pthread_mutex_lock(&worker->mutex);
    put_first(worker, statement);
    pthread_mutex_unlock(&worker->mutex);
    worker->statement_count++;
    return statement;
}

/* ---- Executing ------------------------------------------------------------------------------ */

static int
bind_value(sqlite3_stmt *handle, int number, const Value *value)
{
    /* A statement with more rows outlives the job and its parameters: SQLite copies them. */
    switch (value->kind) {
    case IS_INTEGER:
        return sqlite3_bind_int64(handle, number, value->integer);
    case IS_REAL:
        return sqlite3_bind_double(handle, number, value->real);
    case IS_TEXT:
        return sqlite3_bind_text64(handle, number, value->bytes, value->size, SQLITE_TRANSIENT, SQLITE_UTF8);
    case IS_BLOB:
        return sqlite3_bind_blob64(handle, number, value->bytes, value->size, SQLITE_TRANSIENT);
    default:
        return sqlite3_bind_null(handle, number);
    }
}

static int
fail_formatted(Job *job, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    if (text == NULL) {
        job->error = NO_MEMORY;
    }
    else {
        fail(job, error, text);
        sqlite3_free(text);
    }
    return -1;
}

/* The value with this name in a set that begins at `at`. */
static int
find_named(Job *job, size_t at, const char *name, Value *value)
{
    for (size_t i = 0; i < job->parameter_count; i++) {
        Value key = unpack(&job->parameters, &at);
        *value = unpack(&job->parameters, &at);
        if (key.size == strlen(name) && memcmp(key.bytes, name, key.size) == 0) {
            return 0;
        }
    }
    return -1;
}

/* Binds the set of parameters at `*at`. 0, or -1 with the error in the job. */
static int
bind_set(Job *job, sqlite3_stmt *handle, size_t *at)
{
    int wanted = sqlite3_bind_parameter_count(handle);
    size_t count = job->parameter_count;
    if (job->is_many) {
        Value told = unpack(&job->parameters, at);
        count = (size_t)told.integer;
    }
    if (!job->is_named && count != (size_t)wanted) {
        return fail_formatted(
            job, PROGRAMMING,
            "Incorrect number of bindings supplied. The current statement uses %d, and there are %lld supplied.",
            wanted, (long long)count);
    }
    job->parameter_count = count;
    for (int number = 1; number <= wanted; number++) {
        Value value;
        const char *name = "";
        if (job->is_named) {
            name = sqlite3_bind_parameter_name(handle, number);
            if (name == NULL) {
                return fail_formatted(job, PROGRAMMING,
                                      "Binding %d has no name, but you supplied a dictionary (which has only names).",
                                      number);
            }
            name++;
            if (find_named(job, *at, name, &value) < 0) {
                return fail_formatted(job, PROGRAMMING, "You did not supply a value for binding parameter :%s.", name);
            }
        }
        else {
            value = unpack(&job->parameters, at);
        }
        if (value.kind == IS_UNSUPPORTED) {
            return fail_formatted(job, PROGRAMMING, "Error binding parameter %d: type '%.*s' is not supported", number,
                                  (int)value.size, value.bytes);
        }
        int code = bind_value(handle, number, &value);
        if (code != SQLITE_OK) {
            fail_with(job, sqlite3_db_handle(handle), code);
            return -1;
        }
    }
    if (job->is_named) {
        /* The next set is after this one's names and values. */
        for (size_t i = 0; i < count * 2; i++) {
            (void)unpack(&job->parameters, at);
        }
    }
    return 0;
}

/* Adds the row that the statement is at. */
static int
read_row(Job *job, sqlite3_stmt *handle)
{
    int count = sqlite3_data_count(handle);
    for (int i = 0; i < count; i++) {
        Value value = {.kind = IS_NULL};
        switch (sqlite3_column_type(handle, i)) {
        case SQLITE_INTEGER:
            value.kind = IS_INTEGER;
            value.integer = sqlite3_column_int64(handle, i);
            break;
        case SQLITE_FLOAT:
            value.kind = IS_REAL;
            value.real = sqlite3_column_double(handle, i);
            break;
        case SQLITE_TEXT:
            value.kind = IS_TEXT;
            value.bytes = (const char *)sqlite3_column_text(handle, i);
            value.size = (size_t)sqlite3_column_bytes(handle, i);
            break;
        case SQLITE_BLOB:
            value.kind = IS_BLOB;
            value.bytes = sqlite3_column_blob(handle, i);
            value.size = (size_t)sqlite3_column_bytes(handle, i);
            break;
        }
        if (value.kind >= IS_TEXT && value.bytes == NULL && value.size > 0) {
            job->error = NO_MEMORY;
            return -1;
        }
        if (pack(&job->rows, &value) < 0) {
            job->error = NO_MEMORY;
            return -1;
        }
    }
    job->row_count++;
    return 0;
}

/* Steps once. Whether there is a row; if not, the statement has ended, or the job has failed. */
static int
step(Worker *worker, Job *job, Statement *statement)
{
    int code = sqlite3_step(statement->handle);
    if (code == SQLITE_ROW) {
        return 1;
    }
    if (code != SQLITE_DONE) {
        fail_with(job, worker->db, sqlite3_extended_errcode(worker->db));
        statement->has_failed = 1;
    }
    return 0;
}

/* Reads rows, the first of which the statement is at, until there are enough of them. */
static void
read_rows(Worker *worker, Job *job, Statement *statement)
{
    enum { ENOUGH = 256 * 1024 };
    statement->has_row = 1;
    while (job->row_count < job->rows_wanted && job->rows.size < ENOUGH) {
        if (job->run == run_fetch && atomic_load(&job->is_cancelled)) {
            return;
        }
        if (read_row(job, statement->handle) < 0) {
            return;
        }
        statement->has_row = step(worker, job, statement);
        if (!statement->has_row) {
            return;
        }
    }
}

/* The statement is the cursor's for as long as it has rows. */
static void
keep_or_end(Worker *worker, Job *job, Statement *statement)
{
    if (statement->has_row) {
        if (statement->is_used == 1) {
            statement->is_used = 2;
            pthread_mutex_lock(&worker->mutex);
            worker->active_count++;
            pthread_mutex_unlock(&worker->mutex);
        }
        job->statement = statement;
        job->use = statement->use;
        job->has_more = 1;
        return;
    }
    if (job->changed >= 0) {
        job->changed += sqlite3_changes(worker->db);
    }
    Job end = {.statement = statement};
    run_give_up(worker, &end);
    job->statement = NULL;
}

static int
tell_columns(Job *job, sqlite3_stmt *handle)
{
    job->column_count = sqlite3_column_count(handle);
    for (int i = 0; i < job->column_count; i++) {
        const char *name = sqlite3_column_name(handle, i);
        const char *type = job->detect_types ? sqlite3_column_decltype(handle, i) : NULL;
        Value text = {.kind = IS_TEXT, .bytes = name, .size = name == NULL ? 0 : strlen(name)};
        Value declared = {.kind = IS_NULL};
        if (type != NULL) {
            declared = (Value){.kind = IS_TEXT, .bytes = type, .size = strlen(type)};
        }
        if (name == NULL || pack(&job->columns, &text) < 0 || pack(&job->columns, &declared) < 0) {
            job->error = NO_MEMORY;
            return -1;
        }
    }
    return 0;
}

static int
run_simple(Worker *worker, Job *job, const char *sql)
{
    int code = sqlite3_exec(worker->db, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        fail_with(job, worker->db, sqlite3_extended_errcode(worker->db));
        return -1;
    }
    return 0;
}

void
run_execute(Worker *worker, Job *job)
{
    Statement *statement = prepare(worker, job);
    if (statement == NULL) {
        job->is_nothing = 1;
        return;
    }
    sqlite3_stmt *handle = statement->handle;
    if (job->is_many && !statement->is_change) {
        fail(job, PROGRAMMING, "executemany() can only execute DML statements.");
    }
    else if (job->begin != NULL && statement->is_change && sqlite3_get_autocommit(worker->db)) {
        (void)run_simple(worker, job, job->begin);
    }
    if (statement->is_change) {
        job->changed = 0;
    }
    size_t at = 0;
    for (size_t i = 0; job->error == FINE && i < job->set_count; i++) {
        if (bind_set(job, handle, &at) < 0) {
            break;
        }
        int has_row = step(worker, job, statement);
        if (i == 0 && job->error == FINE) {
            (void)tell_columns(job, handle);
        }
        if (!job->is_many) {
            if (has_row && job->error == FINE) {
                read_rows(worker, job, statement);
            }
            break;
        }
        while (has_row) {
            has_row = step(worker, job, statement);
        }
        if (job->error == FINE) {
            job->changed += sqlite3_changes(worker->db);
            (void)sqlite3_reset(handle);
        }
    }
    job->last_row = sqlite3_last_insert_rowid(worker->db);
    if (job->is_many) {
        sqlite3_int64 changed = job->changed;
        keep_or_end(worker, job, statement);
        job->changed = changed;
        return;
    }
    keep_or_end(worker, job, statement);
}

void
run_fetch(Worker *worker, Job *job)
{
    Statement *statement = job->statement;
    pthread_mutex_lock(&worker->mutex);
    Job *untaken = statement->untaken;
    if (untaken != NULL) {
        statement->untaken = untaken->next;
    }
    int has_untaken = statement->untaken != NULL;
    pthread_mutex_unlock(&worker->mutex);
    if (untaken != NULL) {
        /* Its rows, errors and end are this job's. */
        job->rows = untaken->rows;
        job->row_count = untaken->row_count;
        job->changed = untaken->changed;
        job->error = untaken->error;
        job->code = untaken->code;
        job->message = untaken->message;
        untaken->rows = (Packed){0};
        untaken->message = NULL;
        free_job(untaken);
    }
    else if (statement->has_row) {
        read_rows(worker, job, statement);
        if (statement->is_change && !statement->has_row) {
            job->changed = sqlite3_changes(worker->db);
        }
    }
    job->has_more = statement->has_row || has_untaken;
    /* A fetch does not give a statement up, because its result may find nobody who takes it. */
}

void
run_script(Worker *worker, Job *job)
{
    if (!sqlite3_get_autocommit(worker->db) && run_simple(worker, job, "COMMIT") < 0) {
        return;
    }
    const char *rest = job->sql;
    while (*rest != '\0' && job->error == FINE) {
        sqlite3_stmt *handle = NULL;
        int code = sqlite3_prepare_v2(worker->db, rest, -1, &handle, &rest);
        while (code == SQLITE_OK || code == SQLITE_ROW) {
            code = handle == NULL ? SQLITE_DONE : sqlite3_step(handle);
        }
        if (code != SQLITE_DONE) {
            fail_with(job, worker->db, sqlite3_extended_errcode(worker->db));
        }
        sqlite3_finalize(handle);
    }
}

void
run_commit(Worker *worker, Job *job)
{
    if (!sqlite3_get_autocommit(worker->db)) {
        (void)run_simple(worker, job, "COMMIT");
    }
}

void
run_rollback(Worker *worker, Job *job)
{
    if (!sqlite3_get_autocommit(worker->db)) {
        (void)run_simple(worker, job, "ROLLBACK");
    }
}

/* ---- Opening and closing -------------------------------------------------------------------- */

void
run_open(Worker *worker, Job *job)
{
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(worker->path, &db, worker->flags | SQLITE_OPEN_FULLMUTEX, NULL);
    if (code != SQLITE_OK) {
        fail_with(job, db, code);
        sqlite3_close_v2(db);
        return;
    }
    (void)sqlite3_extended_result_codes(db, 1);
    sqlite3_progress_handler(db, 2000, is_to_stop, worker);
    sqlite3_busy_handler(db, wait_for_lock, worker);
    pthread_mutex_lock(&worker->mutex);
    worker->db = db;
    pthread_mutex_unlock(&worker->mutex);
}

static void
close_database(Worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    sqlite3 *db = worker->db;
    worker->db = NULL;
    pthread_mutex_unlock(&worker->mutex);
    for (Statement *statement = worker->statements; statement != NULL; statement = statement->next) {
        sqlite3_finalize(statement->handle);
        statement->handle = NULL;
        pthread_mutex_lock(&worker->mutex);
        Job *untaken = statement->untaken;
        statement->untaken = NULL;
        pthread_mutex_unlock(&worker->mutex);
        free_jobs(untaken);
    }
    sqlite3_close_v2(db);
    atomic_store(&worker->is_in_transaction, 0);
}

void
run_close(Worker *worker, Job *job)
{
    (void)job;
    if (worker->db != NULL) {
        close_database(worker);
    }
    pthread_mutex_lock(&worker->mutex);
    worker->is_ending = 1;
    pthread_mutex_unlock(&worker->mutex);
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
    if (worker->db != NULL) {
        atomic_store(&worker->is_in_transaction, !sqlite3_get_autocommit(worker->db));
        atomic_store(&worker->total_changes, sqlite3_total_changes(worker->db));
    }
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
    while (worker->statements != NULL) {
        Statement *statement = worker->statements;
        worker->statements = statement->next;
        finalize(statement);
    }
    if (worker->db != NULL) {
        sqlite3_close_v2(worker->db);
    }
    pthread_mutex_destroy(&worker->mutex);
    pthread_cond_destroy(&worker->is_more);
    free(worker->path);
    free(worker);
}
