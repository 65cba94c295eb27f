#include "store/db.h"

#include "base/fault.h"
#include "base/str.h"

#include <assert.h>
#include <limits.h>
#include <sqlite3.h>
#include <string.h>

static bool is_storage_trouble(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
    case SQLITE_NOLFS:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
        return true;
    default:
        return false;
    }
}

/* What a person can do about it; SQLite's own words are terse. */
static const char *advice(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return "; the disk is full, or the database has reached its largest size";
    case SQLITE_READONLY:
        return "; this process may not write the file or its directory";
    case SQLITE_BUSY:
        return "; another process has been writing for too long";
    case SQLITE_CANTOPEN:
        return "; does the directory exist, and may this process write it?";
    case SQLITE_CORRUPT:
        return "; the file is damaged: stop, and restore a backup";
    case SQLITE_NOTADB:
        return "; the file is no SQLite database";
    default:
        return "";
    }
}

static enum err db_fail(const struct db *db, int code)
{
    const char *path = db->path;
    struct sqlite3 *handle = db->handle;
    /* The handle knows more than the code, when it still speaks of the same failure. */
    bool is_same = handle && (sqlite3_errcode(handle) & 0xff) == (code & 0xff);
    const char *message = is_same ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    int os_error = is_same && is_storage_trouble(code) ? sqlite3_system_errno(handle) : 0;
    enum err e = E_INTERNAL;
    if (is_storage_trouble(code))
        e = E_STORAGE;
    else if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
        e = E_CORRUPT;
    if (e == E_CORRUPT && db->is_damaged) atomic_store(db->is_damaged, true);
    if (os_error)
        return fail(e, "database %s: %s (SQLite %d, %s)%s", path, message, code,
                    strerrordesc_np(os_error), advice(code));
    return fail(e, "database %s: %s (SQLite %d)%s", path, message, code, advice(code));
}

static enum err injected(const struct db *db)
{
    return fail(E_STORAGE, "database %s: a fault was asked for", db->path);
}

static enum err db_set_up(struct db *db, enum db_mode mode)
{
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (mode != DB_READ && sqlite3_db_readonly(db->handle, "main") == 1)
        return db_fail(db, SQLITE_READONLY);
    enum err e = db_exec(db, "PRAGMA synchronous = FULL;"
                             "PRAGMA foreign_keys = ON;"
                             "PRAGMA temp_store = MEMORY;");
    if (e) return e;
    if (mode == DB_READ) return db_exec(db, "PRAGMA query_only = ON;");
    /* Pages of the WAL before they are moved into the database: 16 MiB, so that a busy time pays
     * for fewer syncs of it. */
    return db_exec(db, "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000;"
                       "PRAGMA secure_delete = ON;"); /* what is deleted is overwritten */
}

enum err db_open(const char *path, enum db_mode mode, struct db **out_db)
{
    /* Statistics of memory cost a lock that all threads share at every allocation. Only the first
     * call of a process has an effect; refused ones do no harm. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    struct db *db = xcalloc(1, sizeof *db);
    db->path = xstrdup(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (mode == DB_CREATE) flags |= SQLITE_OPEN_CREATE;
    enum err e = E_OK;
    int code =
        fault_fails("sqlite") ? SQLITE_IOERR : sqlite3_open_v2(path, &db->handle, flags, NULL);
    e = code == SQLITE_OK ? db_set_up(db, mode) : db_fail(db, code);
    if (e) {
        db_close(db);
        return e;
    }
    *out_db = db;
    return E_OK;
}

void db_close(struct db *db)
{
    if (!db) return;
    for (size_t i = 0; i < db->n_statements; i++) {
        assert(!sqlite3_stmt_busy(db->statements[i].compiled)); /* it would hold the WAL for ever */
        sqlite3_finalize(db->statements[i].compiled);
    }
    int code = sqlite3_close(db->handle);
    assert(code == SQLITE_OK); /* a statement was left open */
    (void)code;
    xfree(db->path);
    xfree(db);
}

enum err db_exec(struct db *db, const char *sql)
{
    if (fault_fails("sqlite")) return injected(db);
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? E_OK : db_fail(db, code);
}

static enum err compile(struct db *db, const char *sql, unsigned flags, struct sqlite3_stmt **out)
{
    if (fault_fails("sqlite")) return injected(db);
    int code = sqlite3_prepare_v3(db->handle, sql, -1, flags, out, NULL);
    return code == SQLITE_OK ? E_OK : db_fail(db, code);
}

enum err db_ask_i64(struct db *db, const char *sql, int64_t *out_value)
{
    struct query q = {.db = db};
    q.error = compile(db, sql, 0, &q.compiled);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e) *out_value = has_row ? query_i64(&q, 0) : 0;
    sqlite3_finalize(q.compiled);
    return e;
}

enum err db_ask_text(struct db *db, const char *sql, char **out_text)
{
    struct query q = {.db = db};
    q.error = compile(db, sql, 0, &q.compiled);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e) *out_text = has_row ? query_text_copy(&q, 0) : NULL;
    sqlite3_finalize(q.compiled);
    return e;
}

/* Without a fault point: cleaning up after a failure must not fail. */
void db_rollback(struct db *db)
{
    if (db_in_transaction(db)) sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    assert(!db_in_transaction(db));
}

bool db_in_transaction(const struct db *db)
{
    return sqlite3_get_autocommit(db->handle) == 0;
}

static enum err cached(struct db *db, const char *sql, struct sqlite3_stmt **out_compiled)
{
    for (size_t i = 0; i < db->n_statements; i++) {
        if (db->statements[i].sql == sql) {
            *out_compiled = db->statements[i].compiled;
            return E_OK;
        }
    }
    assert(db->n_statements < DB_STATEMENTS_MAX);
    struct sqlite3_stmt *compiled = NULL;
    enum err e = compile(db, sql, SQLITE_PREPARE_PERSISTENT, &compiled);
    if (e) return e;
    db->statements[db->n_statements].sql = sql;
    db->statements[db->n_statements].compiled = compiled;
    db->n_statements++;
    *out_compiled = compiled;
    return E_OK;
}

struct query query_begin(struct db *db, const char *sql)
{
    struct query q = {.db = db};
    q.error = cached(db, sql, &q.compiled);
    assert(q.error || !sqlite3_stmt_busy(q.compiled)); /* two at a time would share its rows */
    return q;
}

void query_done(struct query *q)
{
    if (!q->compiled) return;
    /* The code says again what query_next() said. */
    sqlite3_reset(q->compiled);
    sqlite3_clear_bindings(q->compiled);
    q->compiled = NULL;
}

static void bound(struct query *q, int code)
{
    if (code != SQLITE_OK && !q->error) q->error = db_fail(q->db, code);
}

void query_bind_text(struct query *q, const char *text)
{
    q->n_bound++;
    if (q->error) return;
    bound(q, text ? sqlite3_bind_text(q->compiled, q->n_bound, text, -1, SQLITE_STATIC)
                  : sqlite3_bind_null(q->compiled, q->n_bound));
}

void query_bind_i64(struct query *q, int64_t value)
{
    q->n_bound++;
    if (q->error) return;
    bound(q, sqlite3_bind_int64(q->compiled, q->n_bound, value));
}

void query_bind_blob(struct query *q, const void *bytes, size_t len)
{
    q->n_bound++;
    if (q->error) return;
    bound(q, bytes ? sqlite3_bind_blob64(q->compiled, q->n_bound, bytes, len, SQLITE_STATIC)
                   : sqlite3_bind_null(q->compiled, q->n_bound));
}

enum err query_next(struct query *q, bool *out_has_row)
{
    if (q->error) return q->error;
    assert(q->n_bound == sqlite3_bind_parameter_count(q->compiled));
    if (fault_fails("sqlite")) return injected(q->db);
    int code = sqlite3_step(q->compiled);
    if (code != SQLITE_ROW && code != SQLITE_DONE) return db_fail(q->db, code);
    *out_has_row = code == SQLITE_ROW;
    return E_OK;
}

enum err query_run(struct query *q)
{
    bool has_row = true;
    while (has_row) {
        enum err e = query_next(q, &has_row);
        if (e) return e;
    }
    return E_OK;
}

int64_t query_changes(const struct query *q)
{
    return sqlite3_changes64(q->db->handle);
}

int64_t query_i64(struct query *q, int column)
{
    return sqlite3_column_int64(q->compiled, column);
}

const char *query_text(struct query *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q->compiled, column);
    return text ? (const char *)text : "";
}

int query_n_columns(struct query *q)
{
    return sqlite3_column_count(q->compiled);
}

const char *query_column_name(struct query *q, int column)
{
    return sqlite3_column_name(q->compiled, column);
}

enum column_kind query_column_kind(struct query *q, int column)
{
    switch (sqlite3_column_type(q->compiled, column)) {
    case SQLITE_NULL:
        return COLUMN_NULL;
    case SQLITE_INTEGER:
        return COLUMN_INTEGER;
    case SQLITE_BLOB:
        return COLUMN_BLOB;
    default:
        return COLUMN_TEXT;
    }
}

char *query_text_copy(struct query *q, int column)
{
    return xstrdup((const char *)sqlite3_column_text(q->compiled, column));
}

const void *query_blob(struct query *q, int column, size_t *out_len)
{
    const void *blob = sqlite3_column_blob(q->compiled, column);
    *out_len = blob ? (size_t)sqlite3_column_bytes(q->compiled, column) : 0;
    /* SQLite gives NULL for an empty blob as well. */
    bool is_null = sqlite3_column_type(q->compiled, column) == SQLITE_NULL;
    return blob || is_null ? blob : "";
}
