/*
 * The database: open, close, and who is told of changes.
 *
 * One SQLite file in WAL mode with synchronous=FULL. One writer thread owns the only connection
 * that writes: each request of a thread is one SAVEPOINT, and one COMMIT (one fsync) serves all
 * requests that came in meanwhile. A write function returns when its data would survive a power
 * cut, or with an error and nothing changed. Reads take one of a few read connections and return
 * before they give it back; no statement stays open.
 *
 * Functions are in a header per table (store/runs.h, store/steps.h, …), each asks one question. All
 * may be called from any thread but the observer below. Errors of all of them, beside those in
 * their comments: E_STORAGE (the database cannot do it now: full, locked, failing; nothing was
 * changed), E_CORRUPT. Once SQLite has found the file damaged, nothing is written any more.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/crypt.h"
#include "base/str.h"

struct store;
struct run_row;

struct store_options {
    const char *path; /* the database file; created when absent */
    const char
        *seal_key; /* 32 bytes in base64 or base64url; NULL: <path>.key, made when there is none */
    const char *seal_key_previous; /* for rotation; NULL: none */
    const char *key_beside;        /* the key file is that of this database; NULL: of `path` */
    int n_readers;                 /* read connections, 0: 4 */
    bool no_create;  /* admin commands: refuse a database that does not exist (E_NOT_FOUND) */
    bool no_migrate; /* admin commands beside a running service: refuse an older version
                        (E_CONFLICT) */
};

/* Opens, checks integrity quickly, applies the migrations this binary has and the database has not,
 * each in a transaction. E_CONFLICT: written by a newer version, with both numbers. E_INVALID: the
 * seal key is malformed, missing or another one than the sealed rows were written with, or the file
 * is a database of another program. E_CORRUPT: damaged, or no database at all. E_STORAGE: cannot be
 * made or written. The story names the file and what to do.
 *
 * A file above 256 MiB is not looked through for damage, so that a start stays quick. */
enum err store_open(const struct store_options *options, struct store **out_store) MUST_CHECK;
/* Copies the database `from`, with all that is committed, into the new file `to`, also while others
 * use it. The copy is synced, checked and then named, so that `to` is whole or not there. It holds
 * no seal key. E_NOT_FOUND, E_CONFLICT: `to` exists, or `from` is of a newer version. E_INVALID: no
 * database of this program. */
enum err store_copy(const char *from, const char *to) MUST_CHECK;
/* Waits for the writer, checkpoints, closes. NULL is fine. */
void store_close(struct store *store);

/* Number of migrations in this binary, and applied ones in the open database. */
int store_version_known(void);
int store_version(struct store *store);
/* Number of migrations that were applied before it was opened. */
int store_version_found(struct store *store);

/* Called on the writer thread after each commit that changed or created a run, in commit order,
 * with the row as committed (borrowed). Memory work only: it may not call the store. Set before
 * other threads use it. */
void store_observe_runs(struct store *store, void (*changed)(void *ctx, const struct run_row *row),
                        void *ctx);

/* Grows whenever another process committed something (PRAGMA data_version); cheap. */
enum err store_data_version(struct store *store, int64_t *out_version) MUST_CHECK;
/* Can the database be written now? Writes and commits a row of its own. For readyz. */
enum err store_check_writable(struct store *store) MUST_CHECK;
/* The keys that results are sealed with. Valid as long as the store is open. */
const struct seal_keys *store_seal_keys(const struct store *store);

#endif
