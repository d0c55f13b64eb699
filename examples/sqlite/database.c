/* SQLite: prepared statements, what each kind of job does, opening and closing. The worker's thread runs all of it. */
#include "database.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

void
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
tell_state(Worker *worker)
{
    if (worker->db != NULL) {
        atomic_store(&worker->is_in_transaction, !sqlite3_get_autocommit(worker->db));
        atomic_store(&worker->total_changes, sqlite3_total_changes(worker->db));
    }
}

void
free_database(Worker *worker)
{
    while (worker->statements != NULL) {
        Statement *statement = worker->statements;
        worker->statements = statement->next;
        finalize(statement);
    }
    if (worker->db != NULL) {
        sqlite3_close_v2(worker->db);
    }
}
