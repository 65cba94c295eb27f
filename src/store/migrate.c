#include "store/migrate.h"

#include "base/embedded.h"
#include "base/str.h"
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>

#define APPLICATION_ID 1650877489 /* "bfd1", set by the first migration */

int store_version_known(void)
{
    return (int)embedded_migrations_count;
}

/* A file of another program is left alone, whatever its user_version. */
static enum err check_owner(struct db *db)
{
    int64_t application = 0;
    int64_t n_tables = 0;
    enum err e = db_ask_i64(db, "PRAGMA application_id", &application);
    if (!e) e = db_ask_i64(db, "SELECT count(*) FROM sqlite_schema", &n_tables);
    if (e) return e;
    bool is_new = application == 0 && n_tables == 0;
    if (!is_new && application != APPLICATION_ID)
        return fail(E_INVALID, "%s is a database of another program", db->path);
    return E_OK;
}

static enum err read_version(struct db *db, int64_t *out_version)
{
    enum err e = db_ask_i64(db, "PRAGMA user_version", out_version);
    if (e) return e;
    if (*out_version > store_version_known())
        return fail(
            E_CONFLICT,
            "%s has version %lld, but this program knows versions up to %d: it was written by"
            " a newer one, use that",
            db->path, (long long)*out_version, store_version_known());
    return E_OK;
}

/* Inside a transaction. */
static enum err apply_next(struct db *db, int64_t *version)
{
    /* Two processes may have come this far together: the second finds the work done. */
    enum err e = read_version(db, version);
    if (e || *version == store_version_known()) return e;
    const struct embedded_file *file = &embedded_migrations[*version];
    assert(strtol(file->path, NULL, 10) == *version + 1);
    e = db_exec(db, (const char *)file->data);
    if (e) return fail_context(e, "migration %s", file->path);
    ++*version;
    AUTO(str_done) struct str count = {0};
    str_append_format(&count, "PRAGMA user_version = %lld", (long long)*version);
    return db_exec(db, str_text(&count));
}

enum err migrate_check(struct db *db, bool is_allowed, int *out_version)
{
    int64_t version = 0;
    enum err e = check_owner(db);
    if (!e) e = read_version(db, &version);
    if (e) return e;
    if (version < store_version_known() && !is_allowed)
        return fail(E_CONFLICT,
                    "%s has version %lld, this program needs version %d: run `briefd migrate`, or"
                    " restart the service with this version",
                    db->path, (long long)version, store_version_known());
    *out_version = (int)version;
    return E_OK;
}

enum err migrate(struct db *db, int *out_version)
{
    int64_t version = 0;
    enum err e = read_version(db, &version);
    if (e) return e;
    while (version < store_version_known()) {
        e = db_exec(db, "BEGIN IMMEDIATE");
        if (!e) e = apply_next(db, &version);
        if (!e) e = db_exec(db, "COMMIT");
        db_rollback(db); /* no effect after the COMMIT */
        if (e) return e;
    }
    *out_version = (int)version;
    return E_OK;
}
