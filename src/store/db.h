/*
 * One connection to SQLite: open, ask, read columns. The only file that calls SQLite.
 *
 * A struct db belongs to one thread at a time (the writer thread, or the reader that took it).
 * Statements are compiled once and kept by the address of their text, so the text must be a
 * literal. A question looks like this:
 *
 *     AUTO(query_done) struct query q = query_begin(db, "SELECT n FROM t WHERE id = ?");
 *     query_bind_text(&q, id);
 *     bool has_row = false;
 *     enum err e = query_next(&q, &has_row);
 *     if (e) return e;
 *
 * Trouble while preparing and binding is kept and returned by query_next() or query_run(). Bound
 * values are borrowed until query_done().
 *
 * Codes: E_STORAGE when SQLite cannot do it now (full, read-only, locked, I/O), E_CORRUPT when the
 * file is damaged or no database, E_INTERNAL for what only a mistake of ours can cause. The story
 * names the file.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define DB_STATEMENTS_MAX 256  /* distinct statements of the program; asserted */
#define DB_BUSY_MS        5000 /* how long to wait for another process that is writing */

struct sqlite3;
struct sqlite3_stmt;

struct db {
    struct sqlite3 *handle;
    char *path;
    atomic_bool *is_damaged; /* set when SQLite says so; of all connections together, NULL: none */
    size_t n_statements;
    struct {
        const char *sql;
        struct sqlite3_stmt *compiled;
    } statements[DB_STATEMENTS_MAX];
};

enum db_mode {
    DB_READ,   /* reads only */
    DB_WRITE,  /* the file must exist */
    DB_CREATE, /* SQLite makes the file when it is absent */
};

/* Opens and sets what belongs to the connection. Reads nothing yet: a file that is no database
 * shows with the first question. Refuses a file that this process may only read when `mode` says
 * otherwise. */
enum err db_open(const char *path, enum db_mode mode, struct db **out_db) MUST_CHECK;
/* NULL is fine. */
void db_close(struct db *db);

/* Runs one or more statements without parameters or rows of interest. */
enum err db_exec(struct db *db, const char *sql) MUST_CHECK;
/* The first column of the first row of a statement without parameters; 0 when there is no row. Not
 * kept. */
enum err db_ask_i64(struct db *db, const char *sql, int64_t *out_value) MUST_CHECK;
/* The same as text in own memory; NULL when there is no row or it is NULL. */
enum err db_ask_text(struct db *db, const char *sql, char **out_text) MUST_CHECK;
/* Rolls back the transaction when there is one. Cannot fail. */
void db_rollback(struct db *db);
/* Is a transaction open? SQLite ends one by itself after some failures. */
bool db_in_transaction(const struct db *db);

struct query {
    struct db *db;
    struct sqlite3_stmt *compiled; /* NULL after trouble */
    int n_bound;
    enum err error;
};

struct query query_begin(struct db *db, const char *sql);
void query_done(struct query *q);
/* Each binds the next parameter; NULL binds SQL's NULL. */
void query_bind_text(struct query *q, const char *text);
void query_bind_i64(struct query *q, int64_t value);
void query_bind_blob(struct query *q, const void *bytes, size_t len);
/* The next row, if there is one. */
enum err query_next(struct query *q, bool *out_has_row) MUST_CHECK;
/* To the end; rows are passed over. */
enum err query_run(struct query *q) MUST_CHECK;
/* Rows changed by the statement that ran last on this connection. */
int64_t query_changes(const struct query *q);

/* Columns of the current row, from 0. */
int64_t query_i64(struct query *q, int column);
/* Valid until the next call on `q`; "" for NULL. */
const char *query_text(struct query *q, int column);
enum column_kind { COLUMN_NULL, COLUMN_INTEGER, COLUMN_TEXT, COLUMN_BLOB };
/* For rows whose columns are not known beforehand; the name is valid until query_done(). */
int query_n_columns(struct query *q);
const char *query_column_name(struct query *q, int column);
enum column_kind query_column_kind(struct query *q, int column);
/* In own memory; NULL for NULL. */
char *query_text_copy(struct query *q, int column);
/* Valid until the next call on `q`; NULL and 0 for NULL. */
const void *query_blob(struct query *q, int column, size_t *out_len);

#endif
